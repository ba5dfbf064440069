"""Binance' market sockets /ws and /stream: control messages, raw and combined frames. What frames say is the feed's.

| client message | answer | evidence |
|---|---|---|
| SUBSCRIBE, UNSUBSCRIBE, also of unknown symbols | {"result":null,"id":..} | sheet 3.2 |
| LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY | result | sheet 3.2; GET exchange's page |
| mistakes | {"code","msg","id"} with the texts of the exchange's page | sheet 3.2 (an `error` object is reported too) |
| more than 1024 streams | an error of ours, nothing subscribed | limit sheet 3.3, answer unconfirmed |
| names in the path that mean nothing, such as /ws/0 | accepted | ccxt connects so |
| subscriptions in the path or `streams` | as if subscribed, without an answer | sheet 3.2 |
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from aiohttp import web

from app.paper.desk import Desk
from app.paper.dialects.binance_feed import Feed
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_link import Link, LinkTimes, accept, address_of, wants_microseconds
from app.paper.dialects.binance_market import prepare
from app.paper.dialects.binance_wire import Ms, encode

MOST_STREAMS = 1024
MESSAGES_PER_S = 5.0
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID = re.compile(r"[A-Za-z0-9\-_]{0,36}")


class _Mistake(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class StreamSockets:
    """All connections to market streams."""

    def __init__(self, desk: Desk, feed: Feed, limits: Limits) -> None:
        self.desk, self.feed, self.limits = desk, feed, limits
        self.times = LinkTimes(messages_per_s=MESSAGES_PER_S)
        self._open: dict[_StreamSession, None] = {}

    async def raw(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.match_info.get("names", "").split("/"), combined=False)

    async def combined(self, request: web.Request) -> web.WebSocketResponse:
        names = request.query.get("streams", "") or request.match_info.get("names", "")
        return await self._serve(request, names.split("/"), combined=True)

    def count(self) -> int:
        return len(self._open)

    def close(self) -> None:
        for session in self._open:
            session.link.outbox.close(1001, b"going away")

    async def _serve(self, request: web.Request, names: list[str], *, combined: bool) -> web.WebSocketResponse:
        self.limits.connect(address_of(request))
        microseconds = wants_microseconds(request)
        socket = await accept(request)
        session = _StreamSession(self, Link(socket, self.times, self.desk.clock), combined, microseconds)
        self._open[session] = None
        await session.subscribe([name for name in names if name][:MOST_STREAMS])
        try:
            await session.link.run(session, request)
        finally:
            del self._open[session]
        return socket


class _StreamSession:
    """One client of market streams."""

    def __init__(self, sockets: StreamSockets, link: Link, combined: bool, microseconds: bool) -> None:
        self.link = link
        self.microseconds = microseconds
        self._sockets = sockets
        self._combined = combined
        self._names: dict[str, None] = {}

    def offer(self, stream: str, data: bytes) -> None:
        if self._combined:
            data = b'{"stream":' + encode(stream) + b',"data":' + data + b"}"
        self.link.outbox.send(data)

    def leave(self) -> None:
        for name in self._names:
            self._sockets.feed.unsubscribe(name, self)
        self._names.clear()

    def announce_shutdown(self) -> None:
        event = {"e": "serverShutdown", "E": Ms(self._sockets.desk.venue.now_ms())}
        self.offer("!serverShutdown", encode(event, microseconds=self.microseconds))

    async def subscribe(self, names: list[str]) -> None:
        feed = self._sockets.feed
        for name in names:
            if kline := feed.interval_of(name):
                await prepare(self._sockets.desk.tapes[kline[0]], kline[1])
            self._names[name] = None
            feed.subscribe(name, self)

    async def on_text(self, data: bytes) -> None:
        request_id: object = None
        try:
            try:
                message = msgspec.json.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise _Mistake(3, "Invalid JSON: expected value at line 1 column 1") from None
            if not isinstance(message, dict):
                raise _Mistake(2, "Invalid request: missing field `method` at line 1 column 1")
            request_id = _request_id(message)
            result = await self._obey(message)
            self._say({"result": result, "id": request_id})
        except _Mistake as mistake:
            self._say({"code": mistake.code, "msg": str(mistake), "id": request_id})

    async def _obey(self, message: dict[str, Any]) -> object:
        method = message.get("method")
        if method is None:
            raise _Mistake(2, "Invalid request: missing field `method` at line 1 column 1")
        if method not in _METHODS:
            wanted = ", ".join(f"`{name}`" for name in _METHODS)
            raise _Mistake(2, f"Invalid request: unknown variant `{method}`, expected one of {wanted}")
        params = message.get("params", [])
        if method == "LIST_SUBSCRIPTIONS":
            return list(self._names)
        if method.endswith("_PROPERTY"):
            return self._property(method, params)
        if not isinstance(params, list) or not params or not all(isinstance(name, str) for name in params):
            raise _Mistake(2, "Invalid request: invalid stream")
        if method == "UNSUBSCRIBE":
            for name in params:
                self._names.pop(name, None)
                self._sockets.feed.unsubscribe(name, self)
        elif len(self._names.keys() | set(params)) > MOST_STREAMS:
            raise _Mistake(2, "Invalid request: too many streams")
        else:
            await self.subscribe(params)
        return None

    def _property(self, method: str, params: object) -> object:
        if not isinstance(params, list) or not params or not isinstance(params[0], str):
            raise _Mistake(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise _Mistake(0, "Unknown property")
        if len(params) > (2 if method == "SET_PROPERTY" else 1):
            raise _Mistake(2, "Invalid request: too many parameters")
        if method == "GET_PROPERTY":
            return self._combined
        if len(params) < 2 or not isinstance(params[1], bool):
            raise _Mistake(1, "Invalid value type: expected Boolean")
        self._combined = params[1]
        return None

    def _say(self, message: object) -> None:
        self.link.outbox.send(encode(message))


def _request_id(message: dict[str, Any]) -> object:
    request_id = message.get("id")
    fits = request_id is None or (isinstance(request_id, int) and not isinstance(request_id, bool))
    if not fits and not (isinstance(request_id, str) and _ID.fullmatch(request_id)):
        raise _Mistake(2, "Invalid request: request ID must be an unsigned integer")
    return request_id
