"""Poloniex' two WebSockets: commands, logins, acks, keep-alive and order entry. What the frames say is poloniex_feed's.

| client message | answer | evidence |
|---|---|---|
| subscribe, one channel | ack with the channel as a string, then the first frame | sheet 3, recorded |
| several channels in one message | one ack each | unconfirmed |
| unknown channel, or one of the other socket | error "Invalid channel value [...]" | sheet 3 |
| unknown symbol, bad depth, not logged in | error with a text of ours | unconfirmed |
| ping | pong; 30 s without any client message: closed without a word | sheet 3 |
| protocol pings | answered, but do not count as a message | sheet 3 (assumed there) |
| unsubscribe, unsubscribe_all, list_subscriptions | ack in the same form; the list's shape is ours | unconfirmed |
| auth on the private socket | data is an object: success, or "Authentication failed!" | sheet 4 |
| createOrder, cancelOrders, cancelAllOrders | id and rows, orderId as JSON int; 21721 for lack of funds | sheet 6 |
| more than 500 requests a second | error | limit sheet 3, answer unconfirmed |
| a sixth `orders` subscription of one user | error | limit sheet 3 (one source), answer unconfirmed |
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from app.core.clock import NS_PER_S
from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_auth import check_time, signing_text, verify
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_feed import BOOK_DEPTHS, CANDLES, Feed, Topic, frame
from app.paper.dialects.poloniex_market import MarketData
from app.paper.dialects.poloniex_rules import OrderRules
from app.paper.dialects.poloniex_trading import Trading, references
from app.paper.orders import Order
from app.paper.outbox import GOODBYE_S, MAX_BYTES, MAX_FRAMES, Outbox
from app.paper.rate_limits import RateLimits

IDLE_S = 30.0
CONNECTIONS = 2000
ORDER_STREAMS_PER_USER = 5
_REQUESTS_PER_S = 500.0
_CLIENT_MESSAGE_BYTES = 256 * 1024
_log = logging.getLogger(__name__)
_BY_SYMBOL = frozenset({"book_lv2", "book", "trades", "ticker", *CANDLES})
_REFERENCE = frozenset({"symbols", "currencies", "exchange"})


class SocketRefusal(Exception):
    """Becomes an error event."""


class Sockets:
    """Both endpoints and all their connections. Limits may be changed by tests."""

    def __init__(self, desk: Desk, feed: Feed, market: MarketData, rules: OrderRules, trading: Trading) -> None:
        self.desk, self.feed, self.market, self.rules, self.trading = desk, feed, market, rules, trading
        self.idle_s = IDLE_S
        self.max_frames, self.max_bytes, self.goodbye_s = MAX_FRAMES, MAX_BYTES, GOODBYE_S
        self._connections: dict[_Connection, None] = {}

    async def public(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, private=False)

    async def private(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, private=True)

    def close(self) -> None:
        for connection in self._connections:
            connection.outbox.close(1001, b"going away")

    def count(self, *, private: bool) -> int:
        """Open connections of one kind."""
        return sum(c.private is private for c in self._connections)

    async def _serve(self, request: web.Request, *, private: bool) -> web.WebSocketResponse:
        if self.count(private=private) >= CONNECTIONS:
            raise ApiError(429)
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_CLIENT_MESSAGE_BYTES, timeout=1.0)
        await socket.prepare(request)
        connection = _Connection(self, Outbox(socket, self.max_frames, self.max_bytes, self.goodbye_s), private=private)
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
        clock = self.desk.clock
        deadline = clock.mono_ns() + int(self.idle_s * NS_PER_S)
        while (left_ns := deadline - clock.mono_ns()) > 0:
            try:
                message = await socket.receive(timeout=left_ns / NS_PER_S)
            except TimeoutError:
                return
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                deadline = clock.mono_ns() + int(self.idle_s * NS_PER_S)
                await connection.on_message(message.data)
                self.desk.publish()
            elif message.type is not WSMsgType.PONG:
                return


class _Connection:
    """One client on one of the sockets."""

    def __init__(self, sockets: Sockets, outbox: Outbox, *, private: bool) -> None:
        self.outbox = outbox
        self._sockets = sockets
        self.private = private
        self._account: Account | None = None
        self._topics: dict[str, dict[Topic, None]] = {}
        self._requests = RateLimits({"request": _REQUESTS_PER_S}, sockets.desk.clock)

    def send(self, data: bytes) -> None:
        self.outbox.send(data)

    def leave_all(self) -> None:
        for topics in self._topics.values():
            for topic in topics:
                self._sockets.feed.unsubscribe(self, topic)
        self._topics.clear()

    async def on_message(self, data: str | bytes) -> None:
        try:
            message = msgspec.json.decode(data)
            if not isinstance(message, dict):
                raise SocketRefusal("Bad request")
            if not self._requests.allow("", "request"):
                raise SocketRefusal("Too many requests")
            await self._obey(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._say({"event": "error", "message": "Bad request"})
        except SocketRefusal as refusal:
            self._say({"event": "error", "message": str(refusal)})

    async def _obey(self, message: wire.Json) -> None:
        match message.get("event"):
            case "ping":
                self._say({"event": "pong"})
            case "subscribe":
                await self._subscribe(message)
            case "unsubscribe":
                self._unsubscribe(message)
            case "unsubscribe_all":
                self.leave_all()
                self._say({"event": "unsubscribe_all"})
            case "list_subscriptions":
                rows = [
                    {"channel": channel, "symbols": [wire.symbol_of(pair.split("/")[-1]) for _, pair, _ in topics]}
                    for channel, topics in self._topics.items()
                ]
                self._say({"event": "list_subscriptions", "subscriptions": rows})
            case "createOrder" | "cancelOrders" | "cancelAllOrders" as event if self.private:
                self._trade(event, message)
            case other:
                raise SocketRefusal(f"Invalid event value [{_quoted([other])}]")

    async def _subscribe(self, message: wire.Json) -> None:
        channels = self._channels(message)
        if channels == ["auth"] and self.private:
            return self._log_in(message.get("params"))
        for channel in channels:
            topics = self._resolve(channel, message)
            await self._prepare(topics)
            self._say(self._ack("subscribe", channel, message))
            if channel in _REFERENCE:
                self.send(self._reference_frame(channel))
            known = self._topics.setdefault(channel, {})
            for topic in topics:
                known[topic] = None
                self._sockets.feed.subscribe(self, topic)
                first = self._sockets.feed.first_frame(topic)
                if first is not None:
                    self.send(first)

    def _unsubscribe(self, message: wire.Json) -> None:
        for channel in self._channels(message):
            known = self._topics.get(channel, {})
            wanted = {topic[1] for topic in self._resolve(channel, message, leaving=True)}
            for topic in [t for t in known if t[1] in wanted]:
                del known[topic]
                self._sockets.feed.unsubscribe(self, topic)
            self._say(self._ack("unsubscribe", channel, message))

    def _channels(self, message: wire.Json) -> list[str]:
        value = message.get("channel")
        channels = [value] if isinstance(value, str) else value
        allowed = {"orders", "balances", "auth"} if self.private else _BY_SYMBOL | _REFERENCE
        if not isinstance(channels, list) or not channels:
            raise SocketRefusal(f"Invalid channel value [{_quoted(channels)}]")
        if not all(isinstance(c, str) and c in allowed for c in channels):
            raise SocketRefusal(f"Invalid channel value [{_quoted(channels)}]")
        return channels

    def _resolve(self, channel: str, message: wire.Json, *, leaving: bool = False) -> list[Topic]:
        if channel in _REFERENCE:
            return [(channel, "", 0)]
        if self.private:
            if self._account is None:
                raise SocketRefusal("Authentication required")
            owner = self._account.account_id
            if channel == "balances":
                return [(channel, owner, 0)]
            pairs = self._pairs(message)
            if not leaving and channel not in self._topics:
                streams = max((self._sockets.feed.count("orders", f"{owner}/{p}") for p in pairs), default=0)
                if streams >= ORDER_STREAMS_PER_USER:
                    raise SocketRefusal("Too many connections on the orders channel")
            return [(channel, f"{owner}/{pair}", 0) for pair in pairs]
        depth = message.get("depth", BOOK_DEPTHS[0]) if channel == "book" else 0
        if channel == "book" and depth not in BOOK_DEPTHS:
            raise SocketRefusal(f"Invalid depth value [{depth}]")
        return [(channel, pair, depth) for pair in self._pairs(message)]

    def _pairs(self, message: wire.Json) -> list[str]:
        symbols = message.get("symbols")
        known = self._sockets.desk.venue.instruments
        if symbols == ["all"]:
            return list(known)
        if not isinstance(symbols, list) or not symbols:
            raise SocketRefusal("Missing symbols")
        unknown = [s for s in symbols if not isinstance(s, str) or "-" in s or wire.pair_of(s) not in known]
        if unknown:
            raise SocketRefusal(f"Invalid symbol value [{_quoted(unknown)}]")
        return [wire.pair_of(s) for s in symbols]

    async def _prepare(self, topics: list[Topic]) -> None:
        for channel, pair, _ in topics:
            if channel in CANDLES:
                for _slice in self._sockets.desk.tapes[pair].prepare(CANDLES[channel]):
                    await asyncio.sleep(0)

    def _ack(self, event: str, channel: str, message: wire.Json) -> wire.Json:
        if channel == "balances":
            return {"channel": channel, "event": event}
        key = "currencies" if channel == "currencies" else "symbols"
        ack: wire.Json = {"event": event, "channel": channel}
        if key in message:
            ack[key] = message[key]
        return ack

    def _reference_frame(self, channel: str) -> bytes:
        desk, market = self._sockets.desk, self._sockets.market
        rows: list[wire.Json]
        if channel == "symbols":
            rows = [market.market_of(i) for i in desk.venue.instruments.values()]
        elif channel == "currencies":
            rows = [wire.currency(number, coin) for coin, number in market.currency_ids.items()]
        else:
            rules = self._sockets.rules
            rows = [{"MM": "ON" if rules.maintenance else "OFF", "POM": "ON" if rules.post_only else "OFF"}]
        return frame(channel, rows, "snapshot")

    def _log_in(self, params: object) -> None:
        desk = self._sockets.desk
        now_ms = desk.venue.now_ms()
        try:
            if not isinstance(params, dict):
                raise ApiError(602)
            timestamp = str(params.get("signTimestamp", ""))
            text = signing_text("GET", "/ws", [], b"", timestamp)
            account = verify(desk.accounts, str(params.get("key", "")), str(params.get("signature", "")), text)
            check_time(timestamp, None, now_ms)
        except ApiError:
            failed = {"success": False, "message": "Authentication failed!", "ts": now_ms}
            return self._say({"data": failed, "channel": "auth"})
        self._account = account
        self._say({"data": {"success": True, "ts": now_ms}, "channel": "auth"})

    def _trade(self, event: str, message: wire.Json) -> None:
        if self._account is None:
            raise SocketRefusal("Authentication required")
        params = message.get("params") or {}
        trading, account = self._sockets.trading, self._account
        rows: list[wire.Json] = []
        try:
            if not isinstance(params, dict):
                raise ApiError(601)
            if event == "createOrder":
                rows.append(_done_row(trading.place_for(account, params)))
            elif event == "cancelAllOrders":
                rows += [_done_row(o) for o in self._sockets.desk.venue.cancel_all(account.account_id)]
            else:
                for reference in references(params.get("orderIds"), params.get("clientOrderIds")):
                    rows.append(self._cancel_row(reference))
        except ApiError as error:
            rows.append(_failed_row(error))
        self._say({"id": message.get("id"), "data": rows})

    def _cancel_row(self, reference: str) -> wire.Json:
        trading = self._sockets.trading
        try:
            assert self._account is not None
            order = trading.find(self._account, reference)
            trading.cancel_found(order)
            return _done_row(order)
        except ApiError as error:
            return _failed_row(error)

    def _say(self, message: wire.Json) -> None:
        self.send(msgspec.json.encode(message))


def _done_row(order: Order) -> wire.Json:
    return {"orderId": order.order_id, "clientOrderId": order.client_order_id, "message": "", "code": 200}


def _failed_row(error: ApiError) -> wire.Json:
    code, message = error.code, error.message
    if code == 21709:
        code, message = 21721, "available insufficient"
    return {"orderId": 0, "clientOrderId": None, "message": message, "code": code}


def _quoted(values: Any) -> str:
    items = values if isinstance(values, list) else [values]
    return ",".join(msgspec.json.encode(v).decode() for v in items)
