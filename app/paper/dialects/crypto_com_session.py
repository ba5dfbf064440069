"""What one client says on a Crypto.com WebSocket, and the answers: login, subscriptions, order entry. No sockets here.

| client message | answer | evidence |
|---|---|---|
| public/auth on the user socket | code 0; 40101 or 40102 | sheet 5 |
| public/auth on the market socket | 40002 | code unconfirmed |
| subscribe | code 0, then the first frames; one bad channel spoils all (10004) | sheet 4; the last unconfirmed |
| subscribing again | the same terms: code 0 only; others: replaced, with a new snapshot | unconfirmed |
| unsubscribe | code 0 | ccxt's sample |
| more than 400 channels | 40107 | code sheet 4, 400 ours |
| public/respond-heartbeat | nothing; it counts only with the heartbeat's id | sheet 4 |
| private/... | after the login, without key and signature; before it 40101 | sheet 5 and 7 |
| an error | id -1 and method ERROR where the request had none; `original` is the request | sheet 2 |
| not JSON, no object | 40003 | code by name |
| too many in a second | 42901; the connection lives on | sheet 4; living on unconfirmed |
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects.crypto_com_auth import authenticate
from app.paper.dialects.crypto_com_channels import Topic, topics_of
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_feed import Feed
from app.paper.dialects.crypto_com_limits import SocketLimit
from app.paper.dialects.crypto_com_methods import Methods, answer, params_of, request_id_of
from app.paper.dialects.crypto_com_request import Call

MOST_CHANNELS = 400


class Line(Protocol):
    """The way to the client."""

    def send(self, frame: bytes) -> None: ...

    def heartbeat_answered(self, heartbeat_id: int) -> None: ...


class Session:
    """One connection's state. `kind` is market or user."""

    def __init__(self, desk: Desk, feed: Feed, methods: Methods, limit: SocketLimit, line: Line, kind: str) -> None:
        self._desk, self._feed, self._methods, self._limit, self._line = desk, feed, methods, limit, line
        self.kind = kind
        self._account: Account | None = None
        self._topics: dict[str, Topic] = {}

    def leave_all(self) -> None:
        for topic in self._topics.values():
            self._feed.unsubscribe(self._line, topic)
        self._topics.clear()

    async def on_message(self, text: str) -> None:
        request_id, method = -1, "ERROR"
        try:
            message = _decoded(text)
            request_id = request_id_of(message)
            method = message["method"] if isinstance(message.get("method"), str) else "ERROR"
            if not self._limit.allow():
                raise ApiError(42901)
            await self._obey(method, request_id, message)
        except ApiError as error:
            self._say(error.body(request_id, method, text[:2000]))

    async def _obey(self, method: str, request_id: int, message: dict[str, Any]) -> None:
        if method == "public/respond-heartbeat":
            self._line.heartbeat_answered(request_id)
        elif method == "subscribe":
            await self._subscribe(request_id, params_of(message))
        elif method == "unsubscribe":
            self._unsubscribe(request_id, params_of(message))
        elif self.kind != "user" or method == "ERROR":
            raise ApiError(40003 if method == "ERROR" else 40002)
        elif method == "public/auth":
            self._account = authenticate(self._desk.accounts, message, self._desk.venue.now_ms())
            self._say(answer(request_id, method, None))
        else:
            self._trade(method, request_id, message)

    async def _subscribe(self, request_id: int, params: dict[str, Any]) -> None:
        pairs = self._desk.venue.instruments
        topics = topics_of(params.get("channels"), params, self.kind, self._account, pairs)
        if len(self._topics.keys() | {topic.subscription for topic in topics}) > MOST_CHANNELS:
            raise ApiError(40107)
        self._say(answer(request_id, "subscribe", None))
        for topic in topics:
            before = self._topics.get(topic.subscription)
            if before == topic:
                continue
            if before is not None:
                self._feed.unsubscribe(self._line, before)
            await self._feed.prepare(topic)
            self._topics[topic.subscription] = topic
            self._feed.subscribe(self._line, topic)
            first = self._feed.first_frame(topic)
            if first is not None:
                self._line.send(first)

    def _unsubscribe(self, request_id: int, params: dict[str, Any]) -> None:
        names = params.get("channels")
        if not isinstance(names, list):
            raise ApiError(40004)
        for name in names:
            topic = self._topics.pop(name, None) if isinstance(name, str) else None
            if topic is not None:
                self._feed.unsubscribe(self._line, topic)
        self._say(answer(request_id, "unsubscribe", None))

    def _trade(self, method: str, request_id: int, message: dict[str, Any]) -> None:
        doing = self._methods.on_sockets.get(method)
        if doing is None:
            raise ApiError(40002)
        if self._account is None:
            raise ApiError(40101)
        call = Call(method=method, request_id=request_id, params=params_of(message), account=self._account)
        self._say(answer(request_id, method, doing(call)))

    def _say(self, message: Json) -> None:
        self._line.send(msgspec.json.encode(message))


def _decoded(text: str) -> dict[str, Any]:
    """Raises ApiError."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(40003) from None
    if not isinstance(message, dict):
        raise ApiError(40003)
    return message
