"""The life of any Binance WebSocket: pings, the 24-hour limit with its notice, message limit. No messages' meaning.

| what | rule | evidence |
|---|---|---|
| server ping | every 20 s; its payload must come back within 60 s, other pongs do not count | sheet 3.3 |
| life | 24 h, then closed; `serverShutdown` some time before | sheet 3.3; ten minutes and the code 1001 ours |
| messages | at most 5 a second on market streams, pings and pongs count | sheet 3.3; code 1008 unconfirmed |
| connections | counted by address before the handshake | sheet 3.3 |
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from aiohttp import WSMsgType, web
from msgspec import Struct

from app.core.clock import NS_PER_S, Clock
from app.paper.dialects.binance_errors import ApiError
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox
from app.paper.rate_limits import RateLimits

_CLIENT_MESSAGE_BYTES = 256 * 1024
_PING_PATIENCE_S = 5.0
_log = logging.getLogger(__name__)


class LinkTimes(Struct):
    """Seconds, and messages a second (0: no limit). Tests may change them before a connection is made."""

    ping_s: float = 20.0
    pong_s: float = 60.0
    life_s: float = 24 * 3600.0
    notice_s: float = 600.0
    messages_per_s: float = 0.0
    max_frames: int = MAX_FRAMES
    max_bytes: int = MAX_BYTES
    goodbye_s: float = GOODBYE_S


class Session(Protocol):
    """What is said on a connection."""

    async def on_text(self, data: bytes) -> None: ...

    def announce_shutdown(self) -> None: ...

    def leave(self) -> None:
        """The connection is over."""
        ...


def address_of(request: web.Request) -> str:
    return request.remote or ""


def wants_microseconds(request: web.Request) -> bool:
    """The `timeUnit` of the URL. Raises ApiError."""
    return is_microseconds(request.query.get("timeUnit"))


def is_microseconds(unit: str | None) -> bool:
    """Raises ApiError for a unit that does not exist."""
    if unit is not None and unit.upper() not in ("MICROSECOND", "MILLISECOND"):
        raise ApiError(-1194)
    return unit is not None and unit.upper() == "MICROSECOND"


class Link:
    """One connection: reads until something ends it, writes through its outbox."""

    def __init__(self, socket: web.WebSocketResponse, times: LinkTimes, clock: Clock) -> None:
        self.outbox = Outbox(socket, times.max_frames, times.max_bytes, times.goodbye_s)
        self._socket = socket
        self._times = times
        self._clock = clock
        limits = {"message": times.messages_per_s} if times.messages_per_s else {}
        self._limits = RateLimits(limits, clock)
        self._unanswered: dict[bytes, int] = {}

    async def run(self, session: Session, request: web.Request) -> None:
        writer = asyncio.create_task(self.outbox.run())
        reader = asyncio.create_task(self._read(session))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if not writer.done():
                self.outbox.close(1000)
                await writer
        finally:
            session.leave()
            for task in (reader, writer):
                task.cancel()
            for problem in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(problem, Exception):
                    _log.error("a client message broke the twin", exc_info=problem)
            if request.transport is not None and not self._socket.closed:
                request.transport.abort()

    async def _read(self, session: Session) -> None:
        opened = self._clock.mono_ns()
        end = opened + int(self._times.life_s * NS_PER_S)
        notice = end - int(self._times.notice_s * NS_PER_S)
        ping_every = int(self._times.ping_s * NS_PER_S)
        next_ping = opened + ping_every
        while True:
            now = self._clock.mono_ns()
            if now >= end:
                return self.outbox.close(1001, b"24 hours are over")
            if now >= notice:
                session.announce_shutdown()
                notice = end
            pong_by = min(self._unanswered.values(), default=end) + int(self._times.pong_s * NS_PER_S)
            if self._unanswered and now >= pong_by:
                return self.outbox.close(1008, b"Pong timeout")
            if now >= next_ping:
                if not await self._ping(now):
                    return
                next_ping += ping_every
                continue
            due = min(end, notice, next_ping, pong_by if self._unanswered else end)
            try:
                message = await self._socket.receive(timeout=max(0.001, (due - now) / NS_PER_S))
            except TimeoutError:
                continue
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if not self._limits.allow("", "message"):
                return self.outbox.close(1008, b"Too many requests")
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                if bytes(message.data) in self._unanswered:
                    self._unanswered.clear()
            else:
                data = message.data
                await session.on_text(data.encode() if isinstance(data, str) else data)

    async def _ping(self, now: int) -> bool:
        payload = str(self._clock.wall_ns() // 1_000_000).encode()
        self._unanswered.setdefault(payload, now)
        try:
            async with asyncio.timeout(_PING_PATIENCE_S):
                await self._socket.ping(payload)
        except (TimeoutError, ConnectionError):
            return False
        return True


async def accept(request: web.Request) -> web.WebSocketResponse:
    """The handshake."""
    socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
    await socket.prepare(request)
    return socket
