"""What one client says on HTX' public sockets, and the answers: subscribe, pull, pong. No sockets here.

| client message | answer | evidence |
|---|---|---|
| sub | id, status ok, subbed, ts; then the first frame | sheet 3 |
| unsub | unsubbed; of what was never subscribed an error | sheet 3; error unconfirmed |
| req | rep with data; at most one each 100 ms | sheet 3; answer to a faster one unconfirmed |
| pong with the number of the last ping | keeps the connection | sheet 3 |
| anything else | bad-request | sheet 3 for wrong topics; others unconfirmed |
| incremental books on /ws, others on /feed | bad-request | sheet 3 |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from app.core.clock import NS_PER_MS
from app.paper.desk import Desk
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_feed import Feed, InvalidTopic, Topic, packed, topic_of

PULL_MS = 100


class Line(Protocol):
    """The way to the client."""

    def send(self, frame: bytes) -> None: ...


class Session:
    """One connection's state; `incremental` on /feed."""

    ping_ms = 5000

    def __init__(self, desk: Desk, feed: Feed, line: Line, *, incremental: bool) -> None:
        self._desk, self._feed, self._line = desk, feed, line
        self._incremental = incremental
        self._topics: dict[str, Topic] = {}
        self._pulled_ms = -PULL_MS
        self.unanswered = 0
        self._ping = 0

    def ping(self) -> None:
        self._ping = self._desk.venue.now_ms()
        self.unanswered += 1
        self._line.send(packed({"ping": self._ping}))

    def leave_all(self) -> None:
        for topic in self._topics.values():
            self._feed.unsubscribe(self._line, topic)
        self._topics.clear()

    async def on_message(self, text: str) -> None:
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            return self._refuse("invalid json")
        if "pong" in message:
            if message["pong"] == self._ping:
                self.unanswered = 0
            return
        named = {"id": message["id"]} if "id" in message else {}
        try:
            await self._obey(message, named)
        except InvalidTopic as problem:
            self._refuse(str(problem), named)
        except ApiError as error:
            self._refuse(error.message, named)

    async def _obey(self, message: Mapping[str, Any], named: dict[str, Any]) -> None:
        ok = named | {"status": "ok"}
        if "sub" in message:
            topic = topic_of(message["sub"], incremental=self._incremental)
            await self._feed.prepare(topic)
            self._line.send(packed(ok | {"subbed": topic.name, "ts": self._desk.venue.now_ms()}))
            if topic.name not in self._topics:
                self._topics[topic.name] = topic
                self._feed.subscribe(self._line, topic)
                first = self._feed.first_frame(topic)
                if first is not None:
                    self._line.send(first)
        elif "unsub" in message:
            topic = topic_of(message["unsub"], incremental=self._incremental)
            if self._topics.pop(topic.name, None) is None:
                raise InvalidTopic(f"unsub with not subbed topic {topic.name}")
            self._feed.unsubscribe(self._line, topic)
            self._line.send(packed(ok | {"unsubbed": topic.name, "ts": self._desk.venue.now_ms()}))
        elif "req" in message:
            await self._pull(message, ok)
        else:
            raise InvalidTopic("invalid command")

    async def _pull(self, message: Mapping[str, Any], ok: dict[str, Any]) -> None:
        topic = topic_of(message["req"], incremental=self._incremental)
        now_ms = self._desk.clock.mono_ns() // NS_PER_MS
        if now_ms - self._pulled_ms < PULL_MS:
            raise InvalidTopic("429 too many request")
        self._pulled_ms = now_ms
        first_s, last_s = message.get("from", 0), message.get("to", 1 << 40)
        if type(first_s) is not int or type(last_s) is not int or first_s > last_s:
            raise InvalidTopic("invalid from or to")
        data = await self._feed.pull(topic, first_s, last_s)
        self._line.send(packed(ok | {"rep": topic.name, "ts": self._desk.venue.now_ms(), "data": data}))

    def _refuse(self, text: str, named: Mapping[str, Any] | None = None) -> None:
        row: dict[str, Any] = {"ts": self._desk.venue.now_ms(), "status": "error", "err-code": "bad-request"}
        self._line.send(packed(row | {"err-msg": text} | dict(named or {})))
