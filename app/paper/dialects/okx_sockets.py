"""OKX' three WebSocket endpoints as connections: how many, how idle, how they end. What clients say is read elsewhere.

| rule | here | evidence |
|---|---|---|
| 3 new connections a second from one address | HTTP 429 with 50011 | sheet 3.5; answer unconfirmed |
| 30 s without any data in either direction | error 60015, then closed with 4004 | sheet 3.5 and 7; 4004 from docs |
| the text `ping` | the text `pong` | sheet 3.5 |
| WebSocket pings | answered, but they are no data | unconfirmed |
| service upgrade | notice 64008 on public and private, 60 s ahead | sheet 3.2; 60 s from docs |
| permessage-deflate | declined | allowed: sheet 1 says "only if your client offers it" |
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import msgspec
from aiohttp import WSMsgType, web

from app.core.clock import NS_PER_S
from app.paper.desk import Desk
from app.paper.dialects.okx_errors import MESSAGES, ApiError
from app.paper.dialects.okx_feed import Feed
from app.paper.dialects.okx_ids import ConnectionNumbers
from app.paper.dialects.okx_session import Session
from app.paper.dialects.okx_trading import Trading
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox

IDLE_S = 30.0
NEW_PER_SECOND = 3
NOTICE_S = 60.0
NO_DATA = 4004
_CLIENT_MESSAGE_BYTES = 256 * 1024
_log = logging.getLogger(__name__)


class Sockets:
    """All connections of the three endpoints. Limits may be changed by tests."""

    def __init__(self, desk: Desk, feed: Feed, trading: Trading, read_only_keys: frozenset[str]) -> None:
        self.desk, self.feed, self.trading, self.read_only_keys = desk, feed, trading, read_only_keys
        self.idle_s = IDLE_S
        self.new_per_second = NEW_PER_SECOND
        self.max_frames, self.max_bytes, self.goodbye_s = MAX_FRAMES, MAX_BYTES, GOODBYE_S
        self._numbers = ConnectionNumbers(desk.opened_ms)
        self._connections: dict[Connection, None] = {}
        self._opened_ns: dict[str, deque[int]] = {}
        self._upgrade_ns = 0

    async def public(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, "public")

    async def private(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, "private")

    async def business(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, "business")

    def close(self) -> None:
        for connection in self._connections:
            connection.outbox.close(1001, b"going away")

    def count(self, kind: str) -> int:
        """Open connections of one endpoint."""
        return sum(c.session.kind == kind for c in self._connections)

    def announce_upgrade(self, notice_s: float = NOTICE_S) -> None:
        """Tell everybody that the connections will be closed, and close them when the time is over."""
        self._upgrade_ns = self.desk.clock.mono_ns() + int(notice_s * NS_PER_S)
        for connection in self._connections:
            if connection.session.kind != "business":
                connection.session.say({"event": "notice", "code": "64008", "msg": MESSAGES["64008"]})

    def tick(self) -> None:
        if self._upgrade_ns and self.desk.clock.mono_ns() >= self._upgrade_ns:
            self._upgrade_ns = 0
            for connection in self._connections:
                if connection.session.kind != "business":
                    connection.outbox.close(1001, b"service upgrade", flush=True)

    def _admit(self, address: str) -> None:
        """Raises ApiError when this address opens connections too fast."""
        now_ns = self.desk.clock.mono_ns()
        recent = self._opened_ns.setdefault(address, deque())
        while recent and now_ns - recent[0] >= NS_PER_S:
            recent.popleft()
        if len(recent) >= self.new_per_second:
            raise ApiError("50011")
        recent.append(now_ns)

    async def _serve(self, request: web.Request, kind: str) -> web.WebSocketResponse:
        self._admit(request.remote or "")
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(self, socket, kind, self._numbers.next())
        self._connections[connection] = None
        writer = asyncio.create_task(connection.outbox.run())
        reader = asyncio.create_task(self._read(socket, connection))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if not writer.done():
                connection.outbox.close(1000)
                await writer
        finally:
            del self._connections[connection]
            connection.session.leave_all()
            for task in (reader, writer):
                task.cancel()
            for problem in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(problem, Exception):
                    _log.error("a client message broke the twin", exc_info=problem)
            if request.transport is not None and not socket.closed:
                request.transport.abort()
        return socket

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        clock = self.desk.clock
        while True:
            left_ns = connection.active_ns + int(self.idle_s * NS_PER_S) - clock.mono_ns()
            if left_ns <= 0:
                connection.session.refuse(ApiError("60015"))
                connection.outbox.close(NO_DATA, b"No data received in 30s.", flush=True)
                return
            try:
                message = await socket.receive(timeout=left_ns / NS_PER_S)
            except TimeoutError:
                continue
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                connection.active_ns = clock.mono_ns()
                await connection.session.on_message(message.data)
                self.desk.publish()
            elif message.type is WSMsgType.BINARY:
                connection.session.refuse(ApiError("60012", "binary"))
            elif message.type is not WSMsgType.PONG:
                return


class Connection:
    """One client: the way out, the time of the last data, and what was said so far."""

    def __init__(self, sockets: Sockets, socket: web.WebSocketResponse, kind: str, number: str) -> None:
        self._clock = sockets.desk.clock
        self.outbox = Outbox(socket, sockets.max_frames, sockets.max_bytes, sockets.goodbye_s)
        self.active_ns = self._clock.mono_ns()
        self.session = Session(sockets.desk, sockets.feed, sockets.trading, sockets.read_only_keys, self, kind, number)

    def send(self, frame: bytes) -> None:
        self.active_ns = self._clock.mono_ns()
        self.outbox.send(frame)

    def send_object(self, message: object) -> None:
        self.send(msgspec.json.encode(message))

    def hang_up(self) -> None:
        """Close once everything that was said is sent."""
        self.outbox.close(4001, b"Login Failed", flush=True)
