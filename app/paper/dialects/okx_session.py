"""What one client says on an OKX WebSocket, and the answers: login, subscriptions, order entry. No sockets here.

| client message | answer | evidence |
|---|---|---|
| login on private or business | event login code 0; else error and the end of the connection | sheet 4 |
| login on public | 60008 | sheet 7; clients log in there for the tier channels, so unconfirmed |
| a second login | 60010 | sheet 7 |
| subscribe | one ack or error for each argument, then the first frame where there is one | sheet 3.2 |
| private channels | ack, then channel-conn-count; beyond 30 channel-conn-count-error | sheet 3.2, 3.5, docs |
| unsubscribe | ack for each argument | sheet 3.2 |
| 480 subscribe, unsubscribe, login an hour | 60014 | sheet 3.5 and 7 |
| a frame over 64 KB | 60012 | limit sheet 3.2; code unconfirmed |
| not JSON, no object | 60012; unknown op 60019; bad args 60013 | sheet 7 |
| order, amend-order, cancel-order and their batches | private only, after login; by the integer instIdCode | sheet 6 |
| `msg` of an order operation's answer | empty: the rows say what went wrong | docs |
| order operations elsewhere | 60028 | the exchange's docs |
| instIdCode missing | row with 50014 | unconfirmed |
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_auth import log_in
from app.paper.dialects.okx_channels import COUNTED, topic_of
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_feed import Feed, Topic
from app.paper.dialects.okx_limits import WindowLimits
from app.paper.dialects.okx_trading import SINGLES, Trading

REQUESTS_PER_HOUR = 480
CONNECTIONS_PER_CHANNEL = 30
LONGEST_FRAME = 64 * 1024
_HOUR_S = 3600
ORDER_OPERATIONS = frozenset(SINGLES) | frozenset(SINGLES.values())


class Line(Protocol):
    """The way to the client."""

    def send(self, frame: bytes) -> None: ...

    def send_object(self, message: object) -> None: ...

    def hang_up(self) -> None: ...


class Session:
    """One connection's state. `kind` is public, private or business."""

    def __init__(
        self,
        desk: Desk,
        feed: Feed,
        trading: Trading,
        read_only_keys: frozenset[str],
        line: Line,
        kind: str,
        number: str,
    ) -> None:
        self._desk, self._feed, self._trading, self._line = desk, feed, trading, line
        self._read_only_keys = read_only_keys
        self.kind = kind
        self.number = number
        self._account: Account | None = None
        self._read_only = False
        self._topics: dict[Topic, None] = {}
        self._requests = WindowLimits(desk.clock, _HOUR_S)

    def say(self, message: wire.Json, message_id: object = None) -> None:
        """An event, with the connection's number and the id that asked for it."""
        named = {"id": message_id} if message_id is not None else {}
        self._line.send_object(named | message | {"connId": self.number})

    def refuse(self, error: ApiError, message_id: object = None) -> None:
        self.say({"event": "error", "code": error.code, "msg": error.message}, message_id)

    def leave_all(self) -> None:
        for topic in self._topics:
            self._feed.unsubscribe(self._line, topic)
        self._topics.clear()

    async def on_message(self, text: str) -> None:
        if text == "ping":
            return self._line.send(b"pong")
        message_id = None
        try:
            message = _decoded(text)
            message_id = message.get("id")
            await self._obey(message, message_id)
        except ApiError as error:
            self.refuse(error, message_id)

    async def _obey(self, message: wire.Json, message_id: object) -> None:
        operation = message.get("op")
        if operation in ("subscribe", "unsubscribe", "login"):
            if not self._requests.allow("", "requests", REQUESTS_PER_HOUR):
                raise ApiError("60014")
            arguments = message.get("args")
            if not isinstance(arguments, list) or not arguments:
                raise ApiError("60013")
            if operation == "login":
                return self._log_in(arguments[0], message_id)
            for argument in arguments:
                await self._change(operation, argument, message_id)
        elif isinstance(operation, str) and operation in ORDER_OPERATIONS:
            self._trade(operation, message, message_id)
        elif operation == "mass-cancel":
            raise ApiError("51411")
        else:
            raise ApiError("60019", operation)

    def _log_in(self, argument: object, message_id: object) -> None:
        if self.kind == "public":
            raise ApiError("60008")
        if self._account is not None:
            raise ApiError("60010")
        try:
            if not isinstance(argument, dict):
                raise ApiError("60013")
            account, credentials = log_in(self._desk.accounts, argument, self._desk.venue.now_ms())
        except ApiError as error:
            self.refuse(error, message_id)
            return self._line.hang_up()
        self._account = account
        self._read_only = credentials.api_key in self._read_only_keys
        self.say({"event": "login", "code": "0", "msg": ""}, message_id)

    async def _change(self, operation: str, argument: object, message_id: object) -> None:
        try:
            topic = topic_of(argument, self.kind, self._account, self._desk.venue)
        except ApiError as error:
            return self.refuse(error, message_id)
        assert isinstance(argument, dict)
        self.say({"event": operation, "arg": argument}, message_id)
        if operation == "unsubscribe":
            if topic in self._topics:
                del self._topics[topic]
                self._feed.unsubscribe(self._line, topic)
            return
        if topic.channel in COUNTED and not self._counted(topic):
            return
        await self._feed.prepare(topic)
        self._topics[topic] = None
        self._feed.subscribe(self._line, topic)
        first = self._feed.first_frame(topic)
        if first is not None:
            self._line.send(first)

    def _counted(self, topic: Topic) -> bool:
        """Tell how many connections listen to this channel of the account; False when this one is too many."""
        listening = self._feed.listeners(topic.channel, topic.place) | {self._line}
        fits = len(listening) <= CONNECTIONS_PER_CHANNEL
        event = "channel-conn-count" if fits else "channel-conn-count-error"
        most = len(listening) if fits else CONNECTIONS_PER_CHANNEL
        self.say({"event": event, "channel": topic.channel, "connCount": str(most)})
        return fits

    def _trade(self, operation: str, message: wire.Json, message_id: object) -> None:
        answer: dict[str, Any] = {"id": message_id, "op": operation}
        arrived = self._desk.venue.now_ms()
        try:
            if self.kind != "private":
                raise ApiError("60028")
            if self._account is None:
                raise ApiError("60011")
            if self._read_only:
                raise ApiError("50120")
            rows = message.get("args")
            if not isinstance(rows, list) or not rows or message_id is None:
                raise ApiError("60013")
            if operation not in SINGLES and len(rows) > 1:
                raise ApiError("60013")
            if not operation.endswith("cancel-order") and not operation.endswith("cancel-orders"):
                self._trading.check_deadline(str(message.get("expTime") or ""))
            answer |= self._trading.run(operation, self._account, rows, by_code=True) | {"msg": ""}
        except ApiError as error:
            answer |= {"code": error.code, "msg": error.message, "data": []}
        left = self._desk.venue.now_ms()
        self._line.send_object(answer | {"inTime": f"{arrived}000", "outTime": f"{left}000"})


def _decoded(text: str) -> wire.Json:
    """Raises ApiError."""
    if len(text) > LONGEST_FRAME:
        raise ApiError("60012", "longer than 64 KB")
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError("60012", text[:200]) from None
    if not isinstance(message, dict):
        raise ApiError("60012", text[:200])
    return message
