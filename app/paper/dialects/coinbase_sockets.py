"""Coinbase's two WebSocket endpoints: subscriptions, tokens, sequence, deadlines. What is told is coinbase_feed's.

| what | rule | evidence |
|---|---|---|
| two hosts | one port here: / is market data, /user (or / with the real user Host) user data | sheet 1 |
| user data endpoint | heartbeats, user, futures_balance_summary only | sheet 1 |
| one channel a message | else an error | sheet 3.2; text ours |
| no subscription within 5 s | closed | sheet 3.2; close code unconfirmed (none) |
| order | data first, then `subscriptions` with everything of the connection | recording |
| sequence_num | one count over all channels, from 0; errors have none | sheet 3.2; recording |
| envelope | no client_id | recording (the sheet's older samples have an empty one) |
| nothing to send for 75 s | closed; heartbeats prevent it | sheet 3.2 ("60-90 s") |
| JWT | needed for user and futures_balance_summary, checked where given | sheet 3.2, 4 |
| wrong JWT | "authentication failure", the connection stays | sheet 3.2 (text); staying unconfirmed |
| too many level2 products | "too many L2 streams requested …" above 30 | sheet 3.2; figure unconfirmed |
| 8 connections and 8 unauthenticated messages a second per IP | HTTP 429; an error | sheet 3.2; answers unconfirmed |
| -USDC products | the -USD book is delivered; `subscriptions` shows what was asked | sheet 2; the second unconfirmed |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from app.core.clock import NS_PER_S
from app.paper.accounts import Account
from app.paper.bars import Interval
from app.paper.desk import Desk
from app.paper.dialects.coinbase_errors import ApiError, Unauthorized
from app.paper.dialects.coinbase_feed import DATA_NAMES, Feed, Topic
from app.paper.dialects.coinbase_jwt import check
from app.paper.dialects.coinbase_keys import Key
from app.paper.dialects.coinbase_wire import stamp_ns
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox
from app.paper.rate_limits import RateLimits

SUBSCRIBE_WITHIN_S, QUIET_S, L2_STREAMS = 5.0, 75.0, 30
_CLIENT_MESSAGE_BYTES = 256 * 1024
_USER_HOST = "advanced-trade-ws-user."
_USER_DATA = frozenset({"user", "futures_balance_summary"})
_BY_PRODUCT = frozenset({"level2", "market_trades", "ticker", "ticker_batch", "candles", "status"})
_log = logging.getLogger(__name__)


class SocketRefusal(Exception):
    """Becomes an error message."""


class Sockets:
    """Both endpoints and all their connections. Limits may be changed by tests."""

    def __init__(self, desk: Desk, feed: Feed, keys: Mapping[str, Key], limits: RateLimits, user_id: str) -> None:
        self.desk, self.feed, self.keys, self.limits, self.user_id = desk, feed, keys, limits, user_id
        self.subscribe_within_s, self.quiet_s, self.l2_streams = SUBSCRIBE_WITHIN_S, QUIET_S, L2_STREAMS
        self.max_frames, self.max_bytes, self.goodbye_s = MAX_FRAMES, MAX_BYTES, GOODBYE_S
        self._connections: dict[_Connection, None] = {}

    async def market_data(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, user_only=request.host.startswith(_USER_HOST))

    async def user_data(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, user_only=True)

    def count(self) -> int:
        """Open connections."""
        return len(self._connections)

    def close(self) -> None:
        for connection in self._connections:
            connection.outbox.close(1001, b"going away")

    def tick(self) -> None:
        """Close those that did not subscribe in time, and those with nothing to hear."""
        now_ns = self.desk.clock.mono_ns()
        for connection in self._connections:
            limit_s = self.quiet_s if connection.subscribed else self.subscribe_within_s
            if now_ns - connection.heard_ns > limit_s * NS_PER_S:
                connection.outbox.close(1000)

    async def _serve(self, request: web.Request, *, user_only: bool) -> web.WebSocketResponse:
        if not self.limits.allow(request.remote or "", "connect"):
            raise ApiError("rate_limit_exceeded")
        socket = web.WebSocketResponse(autoping=True, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
        await socket.prepare(request)
        outbox = Outbox(socket, self.max_frames, self.max_bytes, self.goodbye_s)
        connection = _Connection(self, outbox, request.remote or "", user_only=user_only)
        self._connections[connection] = None
        writer = asyncio.create_task(outbox.run())
        reader = asyncio.create_task(self._read(socket, connection))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if not writer.done():
                outbox.close(1000)
                await writer
        finally:
            del self._connections[connection]
            connection.leave_all()
            for task in (reader, writer):
                task.cancel()
            for problem in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(problem, Exception):
                    _log.error("a client message broke the twin", exc_info=problem)
            if request.transport is not None and not socket.closed:
                request.transport.abort()
        return socket

    async def _read(self, socket: web.WebSocketResponse, connection: _Connection) -> None:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await connection.on_message(message.data)
                self.desk.publish()


class _Connection:
    """One client."""

    def __init__(self, sockets: Sockets, outbox: Outbox, remote: str, *, user_only: bool) -> None:
        self.outbox = outbox
        self.subscribed = False
        self.heard_ns = sockets.desk.clock.mono_ns()
        """When something was last sent; before the first subscription, when it connected."""
        self._sockets = sockets
        self._remote = remote
        self._user_only = user_only
        self._sequence = 0
        self._channels: dict[str, dict[str, Topic]] = {}
        """By channel: each name as `subscriptions` shows it, with its topic."""

    def deliver(self, channel: str, events: bytes) -> None:
        clock = self._sockets.desk.clock
        head = f'{{"channel":"{channel}","timestamp":"{stamp_ns(clock.wall_ns())}","sequence_num":{self._sequence},'
        self._sequence += 1
        self.heard_ns = clock.mono_ns()
        self.outbox.send(b"".join((head.encode(), b'"events":', events, b"}")))

    def leave_all(self) -> None:
        for names in self._channels.values():
            for topic in names.values():
                self._sockets.feed.unsubscribe(self, topic)
        self._channels.clear()

    async def on_message(self, data: str | bytes) -> None:
        try:
            message = msgspec.json.decode(data)
            if not isinstance(message, dict):
                raise SocketRefusal("invalid message")
            await self._obey(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._refuse("invalid message")
        except Unauthorized:
            self._refuse("authentication failure")
        except SocketRefusal as refusal:
            self._refuse(str(refusal))

    async def _obey(self, message: Mapping[str, Any]) -> None:
        kind, channel = message.get("type"), message.get("channel")
        account = self._authenticate(message)
        if kind not in ("subscribe", "unsubscribe"):
            raise SocketRefusal("unknown message type")
        allowed = _USER_DATA | {"heartbeats"} | (frozenset() if self._user_only else _BY_PRODUCT)
        if not isinstance(channel, str) or channel not in allowed:
            raise SocketRefusal("one known channel a message is needed")
        if kind == "unsubscribe":
            self._unsubscribe(channel, message)
        else:
            if channel in _USER_DATA and account is None:
                raise SocketRefusal("authentication failure")
            await self._subscribe(channel, message, account)
        self._list_subscriptions()

    def _authenticate(self, message: Mapping[str, Any]) -> Account | None:
        """Whose token the message carries, if any. Raises Unauthorized, SocketRefusal."""
        token = message.get("jwt")
        sockets = self._sockets
        if not token:
            if not sockets.limits.allow(self._remote, "unauthenticated message"):
                raise SocketRefusal("too many unauthenticated messages")
            return None
        key = check(str(token), sockets.keys, sockets.desk.venue.now_ms())
        found = sockets.desk.accounts.by_key(key.name)
        if found is None:
            raise Unauthorized("unknown key")
        return found[1]

    async def _subscribe(self, channel: str, message: Mapping[str, Any], account: Account | None) -> None:
        feed = self._sockets.feed
        products = self._products(message)
        names = self._names(channel, products, account)
        if channel == "level2":
            topics = {*self._channels.get(channel, {}).values(), *names.values()}
            if len(topics) > self._sockets.l2_streams:
                raise SocketRefusal("too many L2 streams requested in a single session")
        if channel == "candles":
            await self._prepare(names)
        self.subscribed = True
        self.heard_ns = self._sockets.desk.clock.mono_ns()
        filters = products if channel == "user" else ()
        for topic in dict.fromkeys(names.values()):
            for events in feed.snapshots(topic, filters):
                self.deliver(DATA_NAMES.get(channel, channel), events)
            feed.subscribe(self, topic, filters)
        self._channels.setdefault(channel, {}).update(names)

    def _unsubscribe(self, channel: str, message: Mapping[str, Any]) -> None:
        known = self._channels.get(channel, {})
        products = self._products(message)
        leaving = [name for name in known if not products or channel not in _BY_PRODUCT or name in products]
        for name in leaving:
            topic = known.pop(name)
            if topic not in known.values():
                self._sockets.feed.unsubscribe(self, topic)
        if not known:
            self._channels.pop(channel, None)

    def _names(self, channel: str, products: list[str], account: Account | None) -> dict[str, Topic]:
        if channel == "heartbeats":
            return {"heartbeats": (channel, "")}
        if channel in _USER_DATA:
            assert account is not None
            return {self._sockets.user_id: (channel, account.account_id)}
        if not products:
            raise SocketRefusal("product_ids are missing")
        instruments = self._sockets.desk.venue.instruments
        return {product: (channel, instruments[product].book or product) for product in products}

    def _products(self, message: Mapping[str, Any]) -> list[str]:
        products = message.get("product_ids") or []
        known = self._sockets.desk.venue.instruments
        if not isinstance(products, list) or not all(isinstance(p, str) and p in known for p in products):
            raise SocketRefusal("unknown product in product_ids")
        return products

    async def _prepare(self, names: Mapping[str, Topic]) -> None:
        for _, pair in names.values():
            for _slice in self._sockets.desk.tapes[pair].prepare(Interval.MINUTE_5):
                await asyncio.sleep(0)

    def _list_subscriptions(self) -> None:
        listed = {channel: list(names) for channel, names in sorted(self._channels.items())}
        self.deliver("subscriptions", msgspec.json.encode([{"subscriptions": listed}]))

    def _refuse(self, text: str) -> None:
        self.outbox.send(msgspec.json.encode({"type": "error", "message": text}))
