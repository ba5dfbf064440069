"""HTX' four WebSocket endpoints as connections: frames, heartbeats, how they end. What clients say is read elsewhere.

| rule | here | evidence |
|---|---|---|
| /ws and /feed | every frame of ours is binary gzip; clients speak text | sheet 3 |
| /ws/v2 | text | sheet 5 |
| /ws/trade | text, with the heartbeat of /ws/v2 | unconfirmed |
| heartbeat | every 5 s, signed 20 s; two without answer are the end | sheet 3; signed: unconfirmed |
| WebSocket pings | answered | unconfirmed |
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import WSMsgType, web

from app.core.clock import NS_PER_MS
from app.paper.desk import Desk
from app.paper.dialects.htx_feed import Feed
from app.paper.dialects.htx_session import Session
from app.paper.dialects.htx_trading import Trading
from app.paper.dialects.htx_user_feed import UserFeed
from app.paper.dialects.htx_user_session import UserSession
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox

MISSED = 2
_CLIENT_MESSAGE_BYTES = 256 * 1024
_log = logging.getLogger(__name__)


class Sockets:
    """All connections. `hurry` divides the time between pings, for tests."""

    def __init__(
        self, desk: Desk, feed: Feed, user_feed: UserFeed, trading: Trading, read_only_keys: frozenset[str]
    ) -> None:
        self.desk, self.feed, self.user_feed, self.trading = desk, feed, user_feed, trading
        self.read_only_keys = read_only_keys
        self.hurry = 1
        self.max_frames, self.max_bytes, self.goodbye_s = MAX_FRAMES, MAX_BYTES, GOODBYE_S
        self._connections: dict[Connection, None] = {}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(self, socket, request.host, request.path)
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

    def close(self) -> None:
        for connection in self._connections:
            connection.outbox.close(1001, b"going away")

    def connections_of(self, api_key: str) -> int:
        """How many have logged in with this key."""
        sessions = [connection.session for connection in self._connections]
        return sum(isinstance(session, UserSession) and session.api_key == api_key for session in sessions)

    def tick(self) -> None:
        """Ping those whose turn it is; give up those who do not answer."""
        now_ms = self.desk.clock.mono_ns() // NS_PER_MS
        for connection in list(self._connections):
            connection.beat(now_ms, self.hurry)

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await connection.session.on_message(message.data)
                self.desk.publish()
            elif message.type not in (WSMsgType.PONG, WSMsgType.BINARY):
                return


class Connection:
    """One client: the way out, the heartbeat, and what was said so far."""

    def __init__(self, sockets: Sockets, socket: web.WebSocketResponse, host: str, path: str) -> None:
        desk = sockets.desk
        public = path in ("/ws", "/feed")
        self.outbox = Outbox(socket, sockets.max_frames, sockets.max_bytes, sockets.goodbye_s, binary=public)
        self._beaten_ms = desk.clock.mono_ns() // NS_PER_MS
        self.session: Session | UserSession
        if public:
            self.session = Session(desk, sockets.feed, self, incremental=path == "/feed")
        else:
            self.session = UserSession(
                desk,
                sockets.user_feed,
                sockets.trading,
                sockets.read_only_keys,
                self,
                host,
                path,
                sockets.connections_of,
            )

    def send(self, frame: bytes) -> None:
        self.outbox.send(frame)

    def beat(self, now_ms: int, hurry: int) -> None:
        if now_ms - self._beaten_ms < self.session.ping_ms / hurry:
            return
        self._beaten_ms = now_ms
        if self.session.unanswered >= MISSED:
            return self.outbox.close(1000, b"no pong")
        self.session.ping()
