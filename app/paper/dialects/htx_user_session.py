"""What one client says on HTX' signed sockets, and the answers: login, subscriptions, order entry. No sockets here.

| client message | answer | evidence |
|---|---|---|
| req auth | code 200, or 2002 auth.fail | sheet 4 |
| sub, unsub | code 200 with empty data; an unknown topic 2001 | sheet 5, 7; text unconfirmed |
| anything signed before the login | 2002 | sheet 7; text unconfirmed |
| not JSON, an unknown action | 2001 | sheet 7; text unconfirmed |
| more than 50 requests a second | 4000 too.many.request | sheet 5, 7; text unconfirmed |
| an eleventh connection of a key | 4000 on its login | sheet 5; answer unconfirmed |
| /ws/trade create-order, create-batchorder, cancel, cancelall | like REST, with cid | sheet 6 (one source) |
| the body of cancel | that of batchcancel | unconfirmed |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects.htx_auth import NotSigned, log_in
from app.paper.dialects.htx_errors import NO_PERMISSION, ApiError
from app.paper.dialects.htx_limits import Allowance, WindowLimits
from app.paper.dialects.htx_request import Call
from app.paper.dialects.htx_trading import Trading
from app.paper.dialects.htx_user_feed import UserFeed, UserTopic, topic_of

REQUESTS = Allowance(50, 1000)
CONNECTIONS_PER_KEY = 10


class Line(Protocol):
    """The way to the client."""

    def send(self, frame: bytes) -> None: ...


class SocketError(Exception):
    """A numbered refusal."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class UserSession:
    """One connection's state. `path` is that of the endpoint and decides what may be said."""

    ping_ms = 20_000

    def __init__(
        self,
        desk: Desk,
        feed: UserFeed,
        trading: Trading,
        read_only_keys: frozenset[str],
        line: Line,
        host: str,
        path: str,
        connections_of: Callable[[str], int],
    ) -> None:
        self._desk, self._feed, self._trading, self._line = desk, feed, trading, line
        self._read_only_keys = read_only_keys
        self._host, self._path = host, path
        self._connections_of = connections_of
        self._limits = WindowLimits(desk.clock)
        self._account: Account | None = None
        self._topics: dict[UserTopic, None] = {}
        self.api_key = ""
        """Of the login; empty before."""
        self.unanswered = 0
        self._ping = 0

    def ping(self) -> None:
        self._ping = self._desk.venue.now_ms()
        self.unanswered += 1
        self._say({"action": "ping", "data": {"ts": self._ping}})

    def leave_all(self) -> None:
        for topic in self._topics:
            self._feed.unsubscribe(self._line, topic)
        self._topics.clear()

    async def on_message(self, text: str) -> None:
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            return self._say({"action": "", "code": 2001, "message": "invalid.json"})
        action, channel = message.get("action"), message.get("ch")
        if action == "pong":
            data = message.get("data")
            if isinstance(data, dict) and data.get("ts") == self._ping:
                self.unanswered = 0
            return
        if self._path == "/ws/trade" and "cid" in message:
            return self._trade(message)
        named = {"action": action, "code": 200, "ch": channel}
        try:
            if not self._limits.allow("", "requests", REQUESTS)[0]:
                raise SocketError(4000, "too.many.request")
            self._obey(action, channel, message, named)
        except SocketError as error:
            self._say(named | {"code": error.code, "message": str(error)})

    def _obey(self, action: object, channel: object, message: Mapping[str, Any], named: Mapping[str, Any]) -> None:
        if action == "req" and channel == "auth":
            self._log_in(message.get("params"))
            return self._say(dict(named) | {"data": {}})
        if action not in ("sub", "unsub") or self._path != "/ws/v2":
            raise SocketError(2001, "invalid.action")
        if self._account is None:
            raise SocketError(2002, "invalid.auth.state")
        topic = topic_of(channel, self._account.account_id)
        if topic is None:
            raise SocketError(2001, "invalid.ch")
        self._say(dict(named) | {"data": {}})
        if action == "unsub":
            self._topics.pop(topic, None)
            return self._feed.unsubscribe(self._line, topic)
        if topic not in self._topics:
            self._topics[topic] = None
            self._feed.subscribe(self._line, topic)
            for frame in self._feed.first_frames(topic):
                self._line.send(frame)

    def _log_in(self, params: object) -> None:
        """Raises SocketError."""
        if not isinstance(params, dict):
            raise SocketError(2001, "invalid.params")
        now_ms = self._desk.venue.now_ms()
        try:
            account, credentials = log_in(self._desk.accounts, params, self._host, self._path, now_ms)
        except NotSigned:
            raise SocketError(2002, "auth.fail") from None
        if not self.api_key and self._connections_of(credentials.api_key) >= CONNECTIONS_PER_KEY:
            raise SocketError(4000, "too.many.connection")
        self._account, self.api_key = account, credentials.api_key

    def _trade(self, message: Mapping[str, Any]) -> None:
        cid = message["cid"]
        try:
            data = self._traded(message.get("ch"), message.get("params"))
            self._say({"status": "ok", "data": data, "cid": cid})
        except ApiError as error:
            self._say(error.body(1) | {"cid": cid})

    def _traded(self, channel: object, params: object) -> object:
        """Raises ApiError."""
        if self._account is None:
            raise ApiError("login-required")
        if self.api_key in self._read_only_keys:
            raise ApiError("api-signature-not-valid", NO_PERMISSION)
        if channel == "create-batchorder":
            return self._trading.place_many(self._account, params)
        doing = {
            "create-order": self._trading.place,
            "cancel": self._trading.cancel_many,
            "cancelall": self._trading.cancel_all,
        }
        if not isinstance(channel, str) or channel not in doing:
            raise ApiError("invalid-parameter", "ch")
        if not isinstance(params, dict):
            raise ApiError("invalid-parameter", "params")
        return doing[channel](Call(query={}, body=params, caller=self._account))

    def _say(self, message: Mapping[str, Any]) -> None:
        self._line.send(msgspec.json.encode(message))
