"""Performs REST calls: budget, signature, one exchange of bytes, log, outcome. Knows no exchange, never sends twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from msgspec import DecodeError, ValidationError
from yarl import URL

from app.core.clock import NS_PER_MS, NS_PER_S, Clock
from app.core.errors import ErrorKind
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.requests import Call, NoAnswer, NotSent, NotTrusted, Request, Response, SignedRequest, VenueError
from app.net.http_session import AnswerTooLarge, Exchange, SecondAttempt, open_session, refuse_second_attempt
from app.net.issuers import Trust
from app.net.network_errors import is_untrusted, network_words
from app.net.proxy import NO_PROXY, Proxy
from app.net.rate_limiter import RateLimiter
from app.net.reconnect import BANNED_WORDS
from app.net.redaction import Redactor
from app.net.retry_after import LONGEST_S, retry_after_s

T = TypeVar("T")

SLOW_DOWN_WORDS = "the exchange asked us to slow down"
_SLOW_DOWN_S = 60.0
_BANNED_S = 180.0


class RestClient:
    """One exchange's REST hosts. `base_urls` maps `Request.host` to an address such as https://api.example.com.

    Outcomes of `perform`: the parsed value; `VenueError` (it answered); `NotSent` (no byte left); `NoAnswer` (unknown).
    """

    def __init__(
        self,
        base_urls: dict[str, str],
        log: FrameLog,
        clock: Clock,
        limiter: RateLimiter,
        redactor: Redactor,
        sign: Callable[[Request, int], SignedRequest] | None,
        server_now_ms: Callable[[], int],
        connection: str,
        read_error: Callable[[Response], VenueError | None],
        *,
        session: aiohttp.ClientSession | None = None,
        slow_down_s: float = _SLOW_DOWN_S,
        proxy: Proxy = NO_PROXY,
        trust: Trust | None = None,
    ) -> None:
        self._base_urls = {name: url.rstrip("/") for name, url in base_urls.items()}
        self._log = log
        self._clock = clock
        self._limiter = limiter
        self._redactor = redactor
        self._sign = sign
        self._server_now_ms = server_now_ms
        self._read_error = read_error
        self._slow_down_s = slow_down_s
        self._session = session
        self._owns_session = session is None
        self._retired: list[aiohttp.ClientSession] = []
        self._in_use: Counter[aiohttp.ClientSession] = Counter()
        self._proxy = proxy
        self._trust = trust or Trust()
        self._bans = 0
        self.connection = connection
        """As in `Frame.connection`."""
        self.on_exchange: Callable[[Response, int, int], None] | None = None
        """Called with each answer and the boot times when the request was written and the answer's head arrived."""
        self.on_limit: Callable[[int, float], None] = lambda status, seconds: None
        """Called when the exchange answers 429 or 418, with the seconds for which requests are paused."""
        self.on_wire: Callable[[Request, int], None] | None = None
        """Called at the boot time at which a request's bytes are given to the socket."""

    def prepare(self, request: Request) -> SignedRequest:
        """The exact bytes `perform` would send now, without sending them."""
        now_ms = self._server_now_ms()
        if request.signed:
            if self._sign is None:
                raise NotSent("no API key for this request")
            try:
                return self._sign(request, now_ms)
            except Exception as error:
                # The text of the error, and what it came from, may hold the key.
                raise NotSent(f"signing failed: {type(error).__name__}") from None
        headers = {"Content-Type": "application/json"} if request.body else {}
        return SignedRequest(target=_target(request), headers=headers, body=request.body, now_ms=now_ms)

    async def perform(self, call: Call[T]) -> T:
        """Send the request once and read the answer."""
        request = call.request
        base = self._base_urls[request.host]
        await self._limiter.acquire(request.weights, request.priority, request.timeout_s)
        signed = self.prepare(request)
        try:
            return await self._send(call, signed, base)
        except (VenueError, NoAnswer) as error:
            error.signed_ms = signed.now_ms
            raise

    async def _send(self, call: Call[T], signed: SignedRequest, base: str) -> T:
        request = call.request
        sent = self._log_request(request, signed)
        response = await self._exchange(request, signed, base, sent)
        self._obey_limits(response)
        # A redirect first: whoever answers so is not the exchange, and its words are not the exchange's.
        error = (
            _redirect(response, urlsplit(base).hostname or base)
            or self._venue_error(response)
            or _general_error(response)
        )
        if error is not None:
            error.status, error.frame = response.status, response.frame
            raise error
        try:
            return call.parse(response)
        except VenueError as refused:
            refused.status, refused.frame = response.status, response.frame
            if refused.kind is ErrorKind.SLOW_DOWN:
                until_ns = self._clock.boot_ns() + round(self._slow_down_s * NS_PER_S)
                self._limiter.pause(until_ns, SLOW_DOWN_WORDS)
                self.on_limit(429, self._slow_down_s)
            raise
        except Exception as unreadable:
            # Whatever went wrong in reading, the exchange may have acted: unknown, never an internal error.
            what = "cannot be read" if _is_not_its_format(unreadable) else "has an unexpected form"
            raise NoAnswer(
                f"the answer (HTTP {response.status}, {len(response.body)} bytes) {what}", response.frame
            ) from unreadable

    def _venue_error(self, response: Response) -> VenueError | None:
        try:
            return self._read_error(response)
        except Exception:
            # A web page where the exchange's own words were expected.
            return None

    async def close(self) -> None:
        """Close the session, unless it was lent to us."""
        await self.forget_connections()
        retired, self._retired = self._retired, []
        for session in retired:
            await session.close()

    async def forget_connections(self) -> None:
        """Use no connection that was open before now: the network may have changed beneath it. Requests under way end
        as they will."""
        if self._session is not None and self._owns_session:
            self._retired.append(self._session)
            self._session = None
        unused = [session for session in self._retired if not self._in_use[session]]
        self._retired = [session for session in self._retired if session not in unused]
        for session in unused:
            await session.close()

    async def _exchange(self, request: Request, signed: SignedRequest, base: str, sent: Frame) -> Response:
        exchange = Exchange(self._clock, bool(signed.body), self._wire_notice(request))
        host = urlsplit(base).hostname or base
        session = self._session
        if session is None:
            session = self._session = open_session(self._trust.context, self._proxy.url)
        distrusted = self._trust.refusal(host) if request.signed else ""
        if refusal := self._proxy.refusal or distrusted or ("the network session is closed" if session.closed else ""):
            self._note(request, sent, f"not sent: {refusal}")
            raise NotSent(refusal)
        self._in_use[session] += 1
        try:
            async with session.request(
                request.method,
                URL(base + signed.target, encoded=True),
                data=signed.body or None,
                headers=signed.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=request.timeout_s),
                middlewares=(refuse_second_attempt,),
                trace_request_ctx=exchange,
            ) as reply:
                head_ns = self._clock.boot_ns()
                body = await exchange.read(reply)
                headers = {name.lower(): value for name, value in reply.headers.items()}
                status = reply.status
        except (aiohttp.ClientError, OSError, AnswerTooLarge) as error:
            raise self._failure(request, sent, exchange, error, host) from None
        except asyncio.CancelledError:
            self._note(request, sent, "abandoned by us")
            raise
        finally:
            self._in_use[session] -= 1
            if not self._in_use[session]:
                del self._in_use[session]
        frame = self._log.add(
            self.connection,
            sent.epoch,
            Direction.IN,
            FrameKind.REST,
            # Public answers are megabytes of market lists, and nobody's secrets.
            self._redactor.payload(body) if request.signed else body,
            method=request.method,
            path=sent.path,
            status=status,
            answers=sent.seq,
        )
        response = Response(
            status=status,
            headers=headers,
            body=body,
            frame=frame.seq,
            sent_ms=sent.wall_ns // NS_PER_MS,
            received_ms=frame.wall_ns // NS_PER_MS,
        )
        if self.on_exchange is not None:
            self.on_exchange(response, exchange.written_ns or head_ns, head_ns)
        return response

    def _failure(
        self, request: Request, sent: Frame, exchange: Exchange, error: BaseException, host: str
    ) -> NotSent | NoAnswer:
        if isinstance(error, SecondAttempt):
            error = error.first
        if isinstance(error, TimeoutError):
            reason = f"no answer within {request.timeout_s:g} s" if exchange.may_be_written(error) else "timed out"
        elif isinstance(error, AnswerTooLarge):
            reason = str(error)
        elif isinstance(error, aiohttp.ServerDisconnectedError):
            reason = "the connection was closed before an answer came"
        elif isinstance(error, aiohttp.ClientPayloadError):
            reason = "the connection was closed in the middle of the answer"
        else:
            reason = network_words(error, host)
        reason = self._redactor.text(reason)
        written = exchange.may_be_written(error)
        self._note(request, sent, f"{'no answer' if written else 'not sent'}: {reason}")
        if written:
            return NoAnswer(reason, sent.seq)
        return NotTrusted(reason) if is_untrusted(error) else NotSent(reason)

    def _note(self, request: Request, sent: Frame, words: str) -> None:
        self._log.add(
            self.connection,
            sent.epoch,
            Direction.IN,
            FrameKind.CONTROL,
            words.encode(),
            method=request.method,
            path=sent.path,
            answers=sent.seq,
        )

    def _log_request(self, request: Request, signed: SignedRequest) -> Frame:
        headers = self._redactor.headers(signed.headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        return self._log.add(
            self.connection,
            0,
            Direction.OUT,
            FrameKind.REST,
            head.encode() + self._redactor.payload(signed.body),
            method=request.method,
            path=self._redactor.query(signed.target),
        )

    def _obey_limits(self, response: Response) -> None:
        banned = response.status == 418
        if not banned:
            self._bans = 0
        if response.status not in (418, 429):
            return
        seconds = retry_after_s(response.headers)
        if seconds is None:
            seconds = min(_BANNED_S * 2.0 ** min(self._bans, 20), LONGEST_S) if banned else self._slow_down_s
        self._bans += banned
        reason = BANNED_WORDS if banned else SLOW_DOWN_WORDS
        self._limiter.pause(self._clock.boot_ns() + round(seconds * NS_PER_S), reason)
        self.on_limit(response.status, seconds)

    def _wire_notice(self, request: Request) -> Callable[[int], None]:
        def written(boot_ns: int) -> None:
            if self.on_wire is not None:
                self.on_wire(request, boot_ns)

        return written


def _target(request: Request) -> str:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.params)
    return quote(request.path, safe="/:") + (f"?{query}" if query else "")


def _is_not_its_format(error: Exception) -> bool:
    return isinstance(error, DecodeError) and not isinstance(error, ValidationError)


def _redirect(response: Response, host: str) -> VenueError | None:
    if not 300 <= response.status < 400:
        return None
    target = urlsplit(response.headers.get("location", "")).hostname or host
    return VenueError(ErrorKind.UNAVAILABLE, str(response.status), f"unexpected redirect to {target} refused")


def _general_error(response: Response) -> VenueError | None:
    """What HTTP alone says, where the exchange's own reading found nothing."""
    status = response.status
    if status == 418:
        return VenueError(ErrorKind.BANNED, "418", "banned for too many requests")
    if status == 429:
        return VenueError(ErrorKind.SLOW_DOWN, "429", "too many requests")
    if status >= 500:
        return VenueError(ErrorKind.UNAVAILABLE, str(status), "the exchange is busy or broken")
    return None
