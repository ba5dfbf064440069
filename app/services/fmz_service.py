"""Our connected exchanges as a plug-in of the FMZ custom protocol: a local server, off unless started. Holds no keys.

The client gets a pairing of this run instead of keys. Listens on 127.0.0.1 only; every request is one POST to the
exchange's name. A refusal has the same JSON form as a failure, so that a client of the protocol can show it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from app.connectors.exchange import Exchange
from app.core.clock import NS_PER_MS, NS_PER_S, Clock
from app.core.notices import Notices
from app.services.fmz_methods import Answer, FmzMethods, Refusal
from app.services.fmz_rows import encode
from app.services.local_request import MAX_HEAD, Head, RefusedRequest, answer_bytes, check_head, read_head
from app.services.pairing import TOKEN_HEADER, Pairing, Permissions
from app.services.port_owner import owner_words

HOST = "127.0.0.1"
MOST_AT_ONCE = 8
MOST_PER_S = 20
_READ_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 30.0
_MOST_REASONS = 50
_MOST_CALLS = 200
_LONGEST_METHOD = 60
_MOST_OPEN = 64
"""Connections, the refused ones on their way out included."""
_LINGER_BYTES = 1 << 20
_MISSING = "missing required parameters"


class PortTaken(Exception):
    """Nothing was started and no key was shown; the text names who listens there, where that can be seen."""


class _Body(Struct):
    method: str = ""
    params: dict[str, Any] | None = None
    access_key: str = ""
    secret_key: str = ""
    nonce: int | None = None


_decode = msgspec.json.Decoder(_Body).decode


class ServedCall(Struct, frozen=True, kw_only=True):
    """One method called by an admitted client. `error` is what the client was told, or empty."""

    wall_ms: int
    exchange: str
    method: str
    took_ms: float
    error: str = ""


class FmzService:
    """`start`, then `stop`. `port` 0 takes a free one, known after `start`."""

    def __init__(
        self,
        exchanges: Callable[[], Mapping[str, Exchange]],
        pairing: Pairing,
        clock: Clock,
        notices: Notices,
        *,
        port: int = 0,
        undocumented: bool = False,
        content_type_may_be_missing: bool = False,
        read_within_s: float = _READ_WITHIN_S,
        permissions_for: Callable[[str], Permissions] | None = None,
    ) -> None:
        """`permissions_for` takes the key of an exchange; without it the pairing's own hold for all."""
        self.port = port
        self.answered = 0
        self.calls: deque[ServedCall] = deque(maxlen=_MOST_CALLS)
        """The newest, newest last."""
        self.methods: Counter[str] = Counter()
        """Admitted calls since the start, by method."""
        self.blocked: Counter[str] = Counter()
        """Requests refused before any method was called, by reason."""
        self.blocked_browser = 0
        self._exchanges = exchanges
        self._pairing = pairing
        self._permissions_for = permissions_for or (lambda key: self._pairing.permissions)
        self._clock = clock
        self._notices = notices
        self._undocumented = undocumented
        self._content_type_may_be_missing = content_type_may_be_missing
        self._read_within_s = read_within_s
        self._server: asyncio.Server | None = None
        self._busy = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._recent: deque[int] = deque()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def paths(self) -> list[str]:
        """Where each exchange is, such as /POLONIEX."""
        return [f"/{_name(key)}" for key in self._exchanges()]

    def blocked_words(self) -> str:
        """Empty while no web page has tried."""
        return f"blocked browser requests: {self.blocked_browser}" if self.blocked_browser else ""

    @property
    def running(self) -> bool:
        return self._server is not None

    def rotate(self, pairing: Pairing) -> None:
        """From the next request on only this pairing is known."""
        self._pairing = pairing

    async def start(self) -> None:
        """Raises PortTaken."""
        try:
            self._server = await asyncio.start_server(
                self._serve, HOST, self.port, limit=MAX_HEAD, reuse_address=None, reuse_port=False
            )
        except OSError as error:
            owner = await asyncio.get_running_loop().run_in_executor(None, owner_words, self.port)
            raise PortTaken(f"{HOST}:{self.port} is taken by {owner}; nothing was started") from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    # -- one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= _MOST_OPEN:
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            await self._converse(reader, writer)
        except (asyncio.CancelledError, ConnectionError, TimeoutError):
            # A cancellation ends here too: asyncio's own callback (3.11) trips over a cancelled server task.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status, answer = 0, b""
        crowded = self._busy >= MOST_AT_ONCE
        self._busy += 1
        try:
            if crowded:
                raise RefusedRequest(503, "too many requests at once")
            status, answer = await self._answer(reader)
        except RefusedRequest as refused:
            status, answer = refused.status, encode({"error": str(refused)})
            self._note(refused)
        except asyncio.IncompleteReadError:
            pass
        finally:
            self._busy -= 1
        async with asyncio.timeout(self._read_within_s):
            if status:
                writer.write(answer_bytes(status, answer))
                await writer.drain()
            if status not in (0, 200):
                await self._linger(reader, writer)
            writer.close()
            await writer.wait_closed()

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Closing on unread bytes would reset the connection and lose the answer on its way."""
        writer.write_eof()
        left = _LINGER_BYTES
        while left > 0 and (data := await reader.read(4096)):
            left -= len(data)

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._read_within_s):
                head = await read_head(reader)
                length = check_head(head, self.port, content_type_may_be_missing=self._content_type_may_be_missing)
                self._within_rate()
                data = await reader.readexactly(length)
        except TimeoutError:
            raise RefusedRequest(408, "the request did not come in time") from None
        body = _read_body(data)
        params = body.params or {}
        self._admit(head, body, params)
        exchange = self._exchange(head.path)
        if exchange is None:
            return 200, encode({"error": f"unknown exchange: {head.path[1:]}"})
        self.answered += 1
        started_ns = self._clock.mono_ns()
        answer, error = await self._call(exchange, body.method, params, head.headers.get("http-method", ""))
        method = body.method[:_LONGEST_METHOD]
        self.methods[method if method in self.methods or len(self.methods) < _MOST_REASONS else "other"] += 1
        called = ServedCall(
            wall_ms=self._clock.wall_ns() // NS_PER_MS,
            exchange=exchange.key,
            method=method,
            took_ms=(self._clock.mono_ns() - started_ns) / NS_PER_MS,
            error=error,
        )
        self.calls.append(called)
        return 200, answer

    def _admit(self, head: Head, body: _Body, params: dict[str, Any]) -> None:
        token = head.headers.get(TOKEN_HEADER)
        if token is None and not (body.access_key and body.secret_key):
            raise RefusedRequest(403, _MISSING)
        right = token is not None and self._pairing.knows_token(token)
        right |= self._pairing.knows_keys(body.access_key, body.secret_key, head.path, body.method, body.nonce, params)
        if not right:
            raise RefusedRequest(403, "unauthorized")
        if not body.method or body.params is None:
            raise RefusedRequest(400, _MISSING)
        if not self._pairing.takes(body.nonce):
            raise RefusedRequest(403, "this request is not of now, or has come before")

    async def _call(self, exchange: Exchange, method: str, params: dict[str, Any], verb: str) -> tuple[bytes, str]:
        """The reply, and the error in it if it is one."""
        methods = FmzMethods(exchange, self._permissions_for(exchange.key), undocumented=self._undocumented)
        error = ""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                answer = await methods.call(method, params, verb)
        except Refusal as refusal:
            error = str(refusal)
        except TimeoutError:
            error = f"outcome unknown: no answer within {_ANSWER_WITHIN_S:g} s"
        except Exception as fault:
            # Its words may hold anything; the client learns that something broke, the desk learns what.
            self._notices.error("plug-in service", f"internal error in {method[:40]}: {type(fault).__name__}")
            error = "outcome unknown: internal error of the service"
        return (encode({"error": error}), error) if error else (_encoded(answer), "")

    def _exchange(self, path: str) -> Exchange | None:
        wanted = path[1:].upper()
        return next((each for key, each in self._exchanges().items() if _name(key) == wanted), None)

    def _within_rate(self) -> None:
        now = self._clock.mono_ns()
        while self._recent and now - self._recent[0] >= NS_PER_S:
            self._recent.popleft()
        if len(self._recent) >= MOST_PER_S:
            raise RefusedRequest(429, "too many requests in a second")
        self._recent.append(now)

    def _note(self, refused: RefusedRequest) -> None:
        known = refused.reason in self.blocked or len(self.blocked) < _MOST_REASONS
        reason = refused.reason if known else "other"
        first = not self.blocked[reason]
        self.blocked[reason] += 1
        self.blocked_browser += refused.browser
        if first:
            self._notices.warning("plug-in service", f"request refused: {reason}")


def _read_body(data: bytes) -> _Body:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Never with the decoder's words: they may quote the body, and with it a key.
        raise RefusedRequest(400, "the body is not a request of the protocol") from None


def _encoded(answer: Answer) -> bytes:
    reply: dict[str, Any] = {"data": answer.data}
    if answer.raw:
        reply["raw"] = Raw(answer.raw)
    return encode(reply)


def _name(key: str) -> str:
    """The label of an account may have blanks and letters that an address cannot hold."""
    return quote(key.upper().replace(":", "-"))
