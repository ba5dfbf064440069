"""Crypto.com's two WebSocket endpoints as connections: heartbeats, budgets, endings. Reads no message.

| rule | here | evidence |
|---|---|---|
| heartbeat | every 30 s on both; unanswered for 5 s: closed with 1000 | sheet 4; figures not re-read |
| budget | 100 and 150 messages a second, pro-rated in the first; heartbeat answers count | sheet 4; last: unconfirmed |
| restart | 1013 | sheet 4 |
| WebSocket pings | answered, but they are no heartbeat | unconfirmed |
| permessage-deflate | declined | unconfirmed |
"""

from __future__ import annotations

import asyncio
import logging

import msgspec
from aiohttp import WSMsgType, web

from app.core.clock import NS_PER_S
from app.paper.desk import Desk
from app.paper.dialects.crypto_com_feed import Feed
from app.paper.dialects.crypto_com_limits import SOCKETS, SocketLimit
from app.paper.dialects.crypto_com_methods import Methods
from app.paper.dialects.crypto_com_session import Session
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox

HEARTBEAT_S = 30.0
ANSWER_S = 5.0
RESTARTING = 1013
_CLIENT_MESSAGE_BYTES = 256 * 1024
_log = logging.getLogger(__name__)


class Sockets:
    """All connections of both endpoints. Limits may be changed by tests."""

    def __init__(self, desk: Desk, feed: Feed, methods: Methods) -> None:
        self.desk, self.feed, self.methods = desk, feed, methods
        self.heartbeat_s, self.answer_s = HEARTBEAT_S, ANSWER_S
        self.per_second = dict(SOCKETS)
        self.pro_rated = True
        """Whether a new connection gets only what is left of its calendar second."""
        self.max_frames, self.max_bytes, self.goodbye_s = MAX_FRAMES, MAX_BYTES, GOODBYE_S
        self._connections: dict[Connection, None] = {}

    async def market(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, "market")

    async def user(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, "user")

    def close(self) -> None:
        for connection in self._connections:
            connection.outbox.close(1001, b"going away")

    def restart(self) -> None:
        """End all connections as a restarting exchange does."""
        for connection in self._connections:
            connection.outbox.close(RESTARTING, b"server restarting", flush=True)

    def count(self, kind: str) -> int:
        """Open connections of one endpoint."""
        return sum(connection.session.kind == kind for connection in self._connections)

    def tick(self) -> None:
        now_ns = self.desk.clock.mono_ns()
        for connection in self._connections:
            connection.beat(now_ns)

    async def _serve(self, request: web.Request, kind: str) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(self, socket, kind)
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
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await connection.session.on_message(message.data)
                self.desk.publish()
            elif message.type is WSMsgType.BINARY:
                await connection.session.on_message("")
            elif message.type is not WSMsgType.PONG:
                return


class Connection:
    """One client: the way out, its heartbeat, and what was said so far."""

    def __init__(self, sockets: Sockets, socket: web.WebSocketResponse, kind: str) -> None:
        self._sockets = sockets
        desk = sockets.desk
        self.outbox = Outbox(socket, sockets.max_frames, sockets.max_bytes, sockets.goodbye_s)
        limit = SocketLimit(desk.clock, sockets.per_second[kind], pro_rated=sockets.pro_rated)
        self.session = Session(desk, sockets.feed, sockets.methods, limit, self, kind)
        self._beat_ns = desk.clock.mono_ns()
        self._waiting_for = 0

    def send(self, frame: bytes) -> None:
        self.outbox.send(frame)

    def beat(self, now_ns: int) -> None:
        """Send a heartbeat when it is due; give up on a client that does not answer."""
        passed_s = (now_ns - self._beat_ns) / NS_PER_S
        if self._waiting_for and passed_s >= self._sockets.answer_s:
            self.outbox.close(1000, b"heartbeat not answered", flush=True)
        elif not self._waiting_for and passed_s >= self._sockets.heartbeat_s:
            self._beat_ns, self._waiting_for = now_ns, self._sockets.desk.venue.now_ms()
            self.send(msgspec.json.encode({"id": self._waiting_for, "method": "public/heartbeat", "code": 0}))

    def heartbeat_answered(self, heartbeat_id: int) -> None:
        if heartbeat_id == self._waiting_for:
            self._waiting_for = 0
