"""Opens one websocket and turns its messages into logged frames. No reconnecting, no protocol of any exchange."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, ProxyError

from app.core.clock import Clock
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.links import Link, LinkStatus
from app.net.issuers import Trust
from app.net.network_errors import is_untrusted, network_words
from app.net.proxy import NO_PROXY, Proxy
from app.net.redaction import Redactor
from app.net.retry_after import retry_after_s
from app.net.tls import issuer_name

# At debug level the library logs every frame, logins included.
_logger = logging.getLogger("app.net.websocket")
_logger.setLevel(logging.INFO)

_GZIP = b"\x1f\x8b"
_LAST_LOOK_S = 0.1


class LinkLost(Exception):
    """The connection could not be opened or ended without our asking; `reason` is for the trader.

    `status` and `retry_after_s` come from a refused handshake (HTTP 429, 418, 403, ...), else 0 and None. `code` is the
    websocket close code, 1006 when none was sent, 0 when the connection was never open. `untrusted` means that the
    certificate of the other side was refused.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: int = 0,
        status: int = 0,
        retry_after_s: float | None = None,
        untrusted: bool = False,
    ) -> None:
        super().__init__(reason)
        self.untrusted = untrusted
        self.reason = reason
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class WebSocketTransport:
    """Opens links with the same limits, proxy and trust for all of them.

    `ping_every_s` may be changed at any time (1 s while somebody looks, 10 s when hidden). A link that stays silent for
    `pong_within_s` after a ping is dead. `proxy` is used only when given: the environment is never asked.
    """

    def __init__(
        self,
        log: FrameLog,
        clock: Clock,
        redactor: Redactor,
        *,
        ping_every_s: float = 1.0,
        pong_within_s: float = 4.0,
        connect_within_s: float = 10.0,
        proxy: Proxy = NO_PROXY,
        trust: Trust | None = None,
    ) -> None:
        self._log = log
        self._clock = clock
        self._redactor = redactor
        self.trust = trust or Trust()
        self.ping_every_s = ping_every_s
        self.pong_within_s = pong_within_s
        self.connect_within_s = connect_within_s
        self.proxy = proxy

    @asynccontextmanager
    async def open(
        self, link: Link, status: LinkStatus, connection: str, scan: bool
    ) -> AsyncIterator[WebSocketConnection]:
        """An open connection, closed on leaving.

        `scan` looks for secrets in what arrives, as an account's link needs; what is sent is always scanned. Raises
        `LinkLost` when it cannot be opened.
        """
        opened = await self._connect(link, status, connection, scan)
        watch = asyncio.create_task(opened.watch(self), name=f"ping {connection}")
        watch.add_done_callback(opened.watched)
        try:
            yield opened
        finally:
            watch.cancel()
            await opened.close("no longer needed")
            await asyncio.gather(watch, return_exceptions=True)

    async def _connect(self, link: Link, status: LinkStatus, connection: str, scan: bool) -> WebSocketConnection:
        host = urlsplit(link.url).hostname or link.url
        if refusal := self.proxy.refusal or (self.trust.refusal(host) if scan else ""):
            raise LinkLost(refusal)
        started_ns = self._clock.mono_ns()
        try:
            socket = await connect(
                link.url,
                create_connection=_Socket,
                proxy=self.proxy.url,
                ssl=self.trust.context if link.url.startswith("wss:") else None,
                open_timeout=self.connect_within_s,
                ping_interval=None,
                close_timeout=1.0,
                max_size=link.max_message_bytes,
                max_queue=64,
                user_agent_header="Depthdesk",
                logger=_logger,
            )
        except (OSError, InvalidHandshake, InvalidURI) as error:
            lost = _not_opened(error, host, self.connect_within_s)
            reason = self._redactor.text(lost.reason)
            self._log.add(
                connection, status.epoch, Direction.IN, FrameKind.CONTROL, f"not connected: {reason}".encode()
            )
            raise lost from None
        now = self._clock.mono_ns()
        status.epoch += 1
        status.connected_ns = now
        status.last_recv_ns = now
        status.round_trip_ms = None
        opened = WebSocketConnection(socket, self._log, self._clock, self._redactor, status, connection, scan)
        opened.max_message_bytes = link.max_message_bytes
        status.issuer = opened.issuer
        status.slept_ns = self._clock.boot_ns() - now
        via = f" {self.proxy.words}" if self.proxy.words else ""
        opened.note(f"connected to {host}{via} in {(now - started_ns) / 1e6:.0f} ms{opened.security}")
        return opened


class WebSocketConnection:
    """Iterate it for the frames that arrive; the iteration ends after our own `close` and raises `LinkLost` otherwise.

    The frame handed on holds the raw bytes; the one in the log, of the same number, is redacted.
    """

    def __init__(
        self,
        socket: ClientConnection,
        log: FrameLog,
        clock: Clock,
        redactor: Redactor,
        status: LinkStatus,
        connection: str,
        scan: bool,
    ) -> None:
        assert isinstance(socket, _Socket)
        self._socket = socket
        self._recv = socket.recv
        self._add = log.add
        self._clock = clock
        self._redactor = redactor
        self._status = status
        self._scan = scan
        self._our_reason = ""
        self._lost: LinkLost | None = None
        self._aborted = False
        self._noted_end = False
        self.connection = connection
        self.epoch = status.epoch
        self.max_message_bytes = 4 << 20
        tls = socket.transport.get_extra_info("ssl_object")
        self.issuer = issuer_name(socket.transport.get_extra_info("peercert"))
        """Who vouches for the exchange's certificate; empty without TLS."""
        self.security = f" ({tls.version()}, issuer {self.issuer})" if tls is not None else ""

    def __aiter__(self) -> WebSocketConnection:
        return self

    async def __anext__(self) -> Frame:
        if self._aborted and self._lost is not None:
            raise self._lost
        try:
            data = await self._recv(False)
        except ConnectionClosed as error:
            self._end(error)
            if self._lost is None:
                raise StopAsyncIteration from None
            raise self._lost from None
        if self._scan:
            frame = self._add_scanned(data)
        else:
            frame = self._add(self.connection, self.epoch, Direction.IN, FrameKind.WS, data)
        status = self._status
        status.messages += 1
        status.bytes += len(data)
        status.last_recv_ns = frame.mono_ns
        return frame

    async def send(self, payload: bytes) -> Frame:
        """Write a text message and return its frame, as logged. Raises `LinkLost` when the connection is gone."""
        frame = self._add(self.connection, self.epoch, Direction.OUT, FrameKind.WS, self._redactor.payload(payload))
        try:
            await self._socket.send(payload, text=True)
        except ConnectionClosed as error:
            self._end(error)
            raise self._lost or LinkLost(f"closed by us: {self._our_reason}", code=1000) from None
        return frame

    async def close(self, reason: str) -> None:
        """Say goodbye and wait for the end, at most a second. Does nothing on a closed connection."""
        self._our_reason = self._our_reason or reason
        await self._socket.close()
        await self._socket.wait_closed()
        self._end(self._socket.close_exc)

    def abort(self, reason: str) -> None:
        """Drop the connection at once, as after the computer slept: the reader gets `LinkLost(reason)`.

        What was received but not yet read is old news and is dropped, too.
        """
        self._aborted = True
        if self._lost is None and not self._our_reason:
            self._lost = LinkLost(reason, code=1006)
        self._socket.transport.abort()

    def note(self, words: str) -> None:
        """Put a remark of ours into the timeline of frames."""
        self._add(self.connection, self.epoch, Direction.IN, FrameKind.CONTROL, self._redactor.text(words).encode())

    async def watch(self, limits: WebSocketTransport) -> None:
        """Ping, measure the round trip, and abort a link that has gone silent. Runs until the connection ends."""
        socket = self._socket
        pong: asyncio.Future[float] | None = None
        while True:
            await asyncio.sleep(limits.ping_every_s)
            chunks, within_s = socket.chunks, limits.pong_within_s
            try:
                async with asyncio.timeout(max(within_s - _LAST_LOOK_S, 0)):
                    if pong is None or pong.done():
                        # Writing blocks, too, when the other end no longer reads.
                        pong = asyncio.ensure_future(await socket.ping())
                    await asyncio.wait([pong])
            except ConnectionClosed:
                return
            except TimeoutError:
                # After our own stall the pong may be waiting in the socket, unread.
                await asyncio.sleep(_LAST_LOOK_S)
            if pong is not None and pong.done():
                if pong.cancelled() or pong.exception() is not None:
                    return
                self._status.round_trip_ms = pong.result() * 1e3
                self._status.last_recv_ns = self._clock.mono_ns()
            elif socket.chunks == chunks and not socket.recv_messages.paused:
                self.abort(f"silent: no answer to our ping within {within_s:g} s")
                return

    def watched(self, watch: asyncio.Task[None]) -> None:
        """Without its watch a dead link would look alive for ever."""
        if not watch.cancelled() and (error := watch.exception()) is not None:
            self.abort(f"internal error while pinging: {type(error).__name__}")

    def _add_scanned(self, data: bytes) -> Frame:
        shown = data
        if data.startswith(_GZIP):
            inflated = _inflate(data, self.max_message_bytes)
            redacted = self._redactor.payload(inflated)
            if redacted is not inflated:
                shown = redacted
        else:
            shown = self._redactor.payload(data)
        frame = self._add(self.connection, self.epoch, Direction.IN, FrameKind.WS, shown)
        return frame if shown is data else replace(frame, payload=data)

    def _end(self, error: ConnectionClosed) -> None:
        if self._noted_end:
            return
        self._noted_end = True
        code = error.rcvd.code if error.rcvd else error.sent.code if error.sent else 1006
        if self._lost is None and not self._our_reason:
            self._lost = LinkLost(self._redactor.text(_end_words(error, self.max_message_bytes)), code=code)
        if self._lost is not None:
            self.note(f"closed {self._lost.code} {self._lost.reason}")
        else:
            self.note(f"closed {code} by us: {self._our_reason}")


class _Socket(ClientConnection):
    """Counts the pieces read, so that a long message under way is a sign of life; refuses redirects."""

    chunks = 0

    def data_received(self, data: bytes) -> None:
        self.chunks += 1
        super().data_received(data)

    async def handshake(self, *args: object, **kwargs: object) -> None:
        try:
            await super().handshake(*args, **kwargs)  # type: ignore[arg-type]
        except InvalidStatus as error:
            # Any other exception than the library's own keeps it from following a redirect.
            raise _Refused(error) from None


class _Refused(InvalidHandshake):
    def __init__(self, error: InvalidStatus) -> None:
        super().__init__(str(error))
        self.response = error.response


def _not_opened(error: Exception, host: str, within_s: float) -> LinkLost:
    if isinstance(error, _Refused):
        status = error.response.status_code
        headers = {name.lower(): value for name, value in error.response.headers.raw_items()}
        if 300 <= status < 400:
            target = urlsplit(headers.get("location", "")).hostname or host
            return LinkLost(f"unexpected redirect to {target} refused", status=status)
        return LinkLost(
            f"handshake refused by {host}: HTTP {status} {_plain(error.response.reason_phrase)}".strip(),
            status=status,
            retry_after_s=retry_after_s(headers),
        )
    if isinstance(error, TimeoutError):
        return LinkLost(f"timed out: no connection to {host} within {within_s:g} s")
    if isinstance(error, InvalidURI):
        return LinkLost(f"not a websocket address: {error}")
    if isinstance(error, ProxyError):
        return LinkLost(f"proxy failed: {_plain(str(error))}")
    if isinstance(error, InvalidHandshake):
        if isinstance(error.__cause__, (EOFError, ConnectionError)):
            return LinkLost(f"{host} closed the connection during the handshake")
        return LinkLost(f"not a websocket at {host}: {_plain(str(error))}")
    return LinkLost(network_words(error, host), untrusted=is_untrusted(error))


def _end_words(error: ConnectionClosed, max_bytes: int) -> str:
    if error.sent is not None and not error.rcvd_then_sent:
        if error.sent.code == 1009:
            return f"message too big: {error.sent.reason or 'over the limit'} (limit {max_bytes:,} bytes)"
        if error.sent.code in (1002, 1007):
            return f"protocol error: {error.sent.reason}"
    if error.rcvd is not None:
        said = _plain(error.rcvd.reason)
        return f"closed by the exchange (code {error.rcvd.code})" + (f": {said}" if said else "")
    if isinstance(error.__cause__, OSError):
        return network_words(error.__cause__, "")
    return "connection lost: it ended without a close message"


def _plain(foreign: str) -> str:
    return "".join(letter for letter in foreign if letter.isprintable())[:200]


def _inflate(data: bytes, limit: int) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, limit)
    except zlib.error:
        return data
