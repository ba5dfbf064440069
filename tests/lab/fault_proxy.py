"""A proxy on loopback between a desk and a twin that spoils what it is told to. It knows no exchange's protocol.

HTTP requests and websocket messages pass unchanged until a rule says otherwise (`faults.py` has the verbs). What passes
is kept, so that a test can say what left the desk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from msgspec import Struct
from yarl import URL

from tests.lab.proxied_socket import Message, MessageFault, ProxiedSocket

HOST = "127.0.0.1"
_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
_HANDSHAKE = frozenset({"host", "upgrade", "connection"})
_OURS_TO_SAY = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Answer(Struct, frozen=True):
    """An HTTP answer with its body as it was on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def response(self) -> web.Response:
        response = web.Response(status=self.status, body=self.body)
        response.headers.popall("Content-Type", None)
        for name, value in self.headers:
            if name.lower() not in _HOP_BY_HOP:
                response.headers.add(name, value)
        return response


Forward = Callable[[], Awaitable[Answer]]
RestFault = Callable[[web.Request, Forward], Awaitable[web.StreamResponse]]


class Passed(Struct):
    """A request that reached the proxy; `status` is 0 until an answer left it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at_s: float
    status: int = 0
    forwarded: bool = False


Subject = TypeVar("Subject")
Fault = TypeVar("Fault")


class Rule(Generic[Subject, Fault]):
    """A fault for what it applies to; `used` counts, `end` stops it."""

    def __init__(self, applies: Callable[[Subject], bool], fault: Fault, times: int | None) -> None:
        self._applies = applies
        self.fault = fault
        self._left = times
        self.used = 0

    def take(self, subject: Subject) -> bool:
        if self._left == 0 or not self._applies(subject):
            return False
        self.used += 1
        if self._left is not None:
            self._left -= 1
        return True

    def end(self) -> None:
        self._left = 0


class FaultProxy:
    """Stands before one HTTP and websocket server. `start`, then `stop`."""

    def __init__(self, upstream: str) -> None:
        """`upstream` is any address of the server: only its host and port count."""
        self._upstream = urlsplit(upstream).netloc
        self._runner: web.ServerRunner
        self._site: web.TCPSite | None = None
        self._session: aiohttp.ClientSession | None = None
        self._rest_rules: list[Rule[Passed, RestFault]] = []
        self._message_rules: list[Rule[Message, MessageFault]] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._host = HOST
        self.port = 0
        self.requests: list[Passed] = []
        self.handshakes: list[float] = []
        """When a websocket was asked for, in seconds of the loop's clock; refused ones count."""
        self.sockets: list[ProxiedSocket] = []
        """The open ones, oldest first."""
        self.refuse_handshake: Callable[[web.Request], web.StreamResponse | None] = lambda request: None

    # -- life

    async def start(self, host: str = HOST) -> None:
        self._host = host
        timeout = aiohttp.ClientTimeout(total=30)
        self._session = aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.2)
        await self._runner.setup()
        await self.come_back()

    async def stop(self) -> None:
        self._flowing.set()
        self.reset()
        await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def behind(self, address: str) -> str:
        """The same address, through this proxy."""
        return urlsplit(address)._replace(netloc=f"{HOST}:{self.port}").geturl()

    # -- the network

    async def go_away(self) -> None:
        """Nobody listens any more: connections are refused, open ones reset."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.reset()

    async def come_back(self) -> None:
        """Listen again, at the same port."""
        self._site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await self._site.start()
        self.port = self.port or self._runner.addresses[0][1]

    def reset(self) -> None:
        """Reset every websocket, without a close message."""
        for socket in tuple(self.sockets):
            socket.reset()

    def freeze(self) -> None:
        """A black hole: connections are taken, but nothing comes back, pongs included."""
        self._flowing.clear()
        for socket in self.sockets:
            socket.freeze()

    def thaw(self) -> None:
        self._flowing.set()
        for socket in self.sockets:
            socket.thaw()

    # -- faults

    def on_request(
        self, fault: RestFault, *, method: str = "", path: str = "", times: int | None = None
    ) -> Rule[Passed, RestFault]:
        """Spoil requests of this method whose path contains `path`. The newest rule that applies wins."""

        def applies(passed: Passed) -> bool:
            return (not method or passed.method == method) and path in passed.path

        rule = Rule(applies, fault, times)
        self._rest_rules.insert(0, rule)
        return rule

    def on_message(
        self, fault: MessageFault, *, containing: str | tuple[str, ...] = "", times: int | None = None
    ) -> Rule[Message, MessageFault]:
        """Spoil messages to the desk that contain this text, or all of these."""
        wanted = [text.encode() for text in ((containing,) if isinstance(containing, str) else containing)]

        def applies(message: Message) -> bool:
            raw = message.encode() if isinstance(message, str) else message
            return all(text in raw for text in wanted)

        rule = Rule(applies, fault, times)
        self._message_rules.insert(0, rule)
        return rule

    def heal(self) -> None:
        """Let everything pass as it is."""
        for rule in (*self._rest_rules, *self._message_rules):
            rule.end()
        self.refuse_handshake = lambda request: None
        self.thaw()

    def asked(self, method: str = "", path: str = "") -> list[Passed]:
        """Requests so far of this method whose path contains `path`."""
        return [one for one in self.requests if (not method or one.method == method) and path in one.path]

    def socket(self, path: str) -> ProxiedSocket:
        """The newest open websocket whose path contains this."""
        return next(socket for socket in reversed(self.sockets) if path in socket.path)

    # -- passing on

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._flowing.wait()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        return await self._serve_rest(request)

    async def _serve_rest(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        now = asyncio.get_running_loop().time()
        path, _, query = request.raw_path.partition("?")
        passed = Passed(request.method, path, query, dict(request.headers), body, now)
        self.requests.append(passed)

        async def forward() -> Answer:
            passed.forwarded = True
            return await self._ask(request, body)

        rule = next((rule for rule in self._rest_rules if rule.take(passed)), None)
        response = (await forward()).response() if rule is None else await rule.fault(request, forward)  # type: ignore[arg-type]
        passed.status = response.status
        await self._flowing.wait()
        return response

    async def _ask(self, request: web.BaseRequest, body: bytes) -> Answer:
        assert self._session is not None
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        async with self._session.request(
            request.method,
            URL(f"http://{self._upstream}{request.raw_path}", encoded=True),
            headers=headers,
            data=body or None,
            skip_auto_headers=_OURS_TO_SAY,
            allow_redirects=False,
        ) as answer:
            return Answer(answer.status, list(answer.headers.items()), await answer.read())

    async def _serve_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._session is not None
        self.handshakes.append(asyncio.get_running_loop().time())
        refusal = self.refuse_handshake(request)  # type: ignore[arg-type]
        if refusal is not None:
            return refusal
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HANDSHAKE and not name.lower().startswith("sec-websocket")
        }
        url = URL(f"ws://{self._upstream}{request.raw_path}", encoded=True)
        async with self._session.ws_connect(url, headers=headers, max_msg_size=0, autoping=False) as server:
            socket = ProxiedSocket(request, server, self._spoil)
            self.sockets.append(socket)
            try:
                return await socket.run()
            finally:
                self.sockets.remove(socket)

    def _spoil(self, message: Message) -> Iterable[Message]:
        rule = next((rule for rule in self._message_rules if rule.take(message)), None)
        return (message,) if rule is None else rule.fault(message)
