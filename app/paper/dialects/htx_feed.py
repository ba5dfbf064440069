"""HTX' public topics: what they are called, who listens, and the frames that events become. Sockets are elsewhere.

| topic | pace here | evidence |
|---|---|---|
| depth.step* | every second, changed or not | sheet 3, recorded frames |
| mbp.refresh.5, 10, 20 | every 100 ms when something changed | sheet 3 |
| mbp.150, mbp.400 | see htx_books, every 100 ms | sheet 3 |
| mbp.5, mbp.20 | every change, of majors only | sheet 3 |
| trade.detail | at once; the first push repeats the last old trade | sheet 3 |
| bbo | every change of the best levels | sheet 3 |
| ticker, detail, kline.*, tickers | at most once a second; kline and detail with trades | sheet 3; pace unconfirmed |
| a first frame | all but mbp.* tell at once | recorded for depth and trade; others unconfirmed |
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from app.core.clock import NS_PER_MS
from app.paper.desk import Desk
from app.paper.dialects.htx_books import BATCHED, TICK_BY_TICK, Books, Json
from app.paper.dialects.htx_listings import BARS, MAJORS, PAIRS, symbol_of
from app.paper.dialects.htx_market import MarketData, trade_row
from app.paper.events import BookChange, Event, Execution

BOOK_MS = 100
SLOW_MS = 1000
_REFRESH = (5, 10, 20)
PULLED_TRADES = 300
PULLED_BARS = 300


class InvalidTopic(ValueError):
    """The text for err-msg."""


class Topic(Struct, frozen=True):
    name: str
    """As on the wire, with `market.`."""
    kind: str
    pair: str = ""
    number: int = 0
    """Step or depth."""
    period: str = ""


class Subscriber(Protocol):
    def send(self, frame: bytes) -> None: ...


def packed(message: object) -> bytes:
    """JSON in gzip."""
    return gzip.compress(msgspec.json.encode(message), compresslevel=1, mtime=0)


def topic_of(name: object, *, incremental: bool) -> Topic:
    """A topic of the endpoint for incremental books or of the other one. Raises InvalidTopic."""
    if not isinstance(name, str):
        raise InvalidTopic("invalid topic")
    if name == "market.tickers" and not incremental:
        return Topic(name, "tickers")
    parts = name.split(".")
    symbol, rest = (parts[1], parts[2:]) if len(parts) > 2 and parts[0] == "market" else ("", [])
    if not rest or incremental != (rest[0] == "mbp" and rest[1:2] != ["refresh"]):
        raise InvalidTopic(f"invalid topic {name}")
    pair = PAIRS.get(symbol)
    if rest[0] == "mbp" and rest[-1].isdigit() and (pair is None or not _has_depth(pair, rest)):
        raise InvalidTopic(f"invalid {'.'.join(rest)}.symbol {symbol}")
    if pair is None:
        raise InvalidTopic(f"invalid symbol {symbol}")
    match rest:
        case ["trade", "detail"]:
            return Topic(name, "trades", pair)
        case [("bbo" | "ticker" | "detail") as kind]:
            return Topic(name, kind, pair)
        case ["kline", period] if period in BARS:
            return Topic(name, "kline", pair, period=period)
        case ["depth", step] if step in {f"step{n}" for n in range(6)}:
            return Topic(name, "depth", pair, int(step[4:]))
        case ["mbp", "refresh", depth]:
            return Topic(name, "refresh", pair, int(depth))
        case ["mbp", depth]:
            return Topic(name, "mbp", pair, int(depth))
    raise InvalidTopic(f"invalid topic {name}")


def _has_depth(pair: str, rest: list[str]) -> bool:
    depth = int(rest[-1])
    if rest[1] == "refresh":
        return len(rest) == 3 and depth in _REFRESH
    return len(rest) == 2 and (depth in BATCHED or (depth in TICK_BY_TICK and pair in MAJORS))


class Feed:
    """All public topics of one desk and their subscribers."""

    def __init__(self, desk: Desk, books: Books, market: MarketData) -> None:
        self._desk = desk
        self._books = books
        self._market = market
        self._topics: dict[tuple[str, str], dict[Topic, dict[Subscriber, None]]] = {}
        self._touched: set[str] = set()
        self._traded: set[str] = set()
        self._best: dict[str, Json] = {}
        self._due_ms = {"books": 0, "slow": 0}

    def subscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        if topic.kind == "mbp" and not self.listeners(topic):
            self._books[topic.pair].views[topic.number].follow()
        self._topics.setdefault((topic.kind, topic.pair), {}).setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        topics = self._topics.get((topic.kind, topic.pair), {})
        listeners = topics.get(topic, {})
        listeners.pop(subscriber, None)
        if not listeners:
            topics.pop(topic, None)
        if not topics:
            self._topics.pop((topic.kind, topic.pair), None)

    def listeners(self, topic: Topic) -> set[Subscriber]:
        return set(self._topics.get((topic.kind, topic.pair), {}).get(topic, ()))

    async def prepare(self, topic: Topic) -> None:
        """Do the slow work of a topic before it is used."""
        if topic.kind == "kline":
            await self._market.prepare_bars(self._desk.venue.instruments[topic.pair], topic.period)

    def first_frame(self, topic: Topic) -> bytes | None:
        """What a new subscriber sees at once."""
        if topic.kind in ("mbp", "refresh"):
            return None
        if topic.kind == "trades":
            tick = self._trades(self._desk.tapes[topic.pair].trades(1))
            return packed({"ch": topic.name, "ts": self._desk.venue.now_ms(), "tick": tick})
        return self._frame(topic)

    async def pull(self, topic: Topic, first_s: int, last_s: int) -> object:
        """The `data` of a one-shot request."""
        instrument = self._desk.venue.instruments.get(topic.pair)
        if instrument is None:
            return self._market.ticker_rows()
        if topic.kind == "mbp":
            view = self._books[topic.pair].views[topic.number]
            return view.refresh(followed=bool(self.listeners(topic)))
        if topic.kind == "kline":
            rows = await self._market.bars(instrument, topic.period)
            return [row for row in rows if first_s <= row["id"] <= last_s][-PULLED_BARS:]
        if topic.kind == "trades":
            return [trade_row(t, instrument) for t in self._desk.tapes[topic.pair].trades(PULLED_TRADES)]
        return self._tick(topic)

    def show(self, events: Sequence[Event]) -> int:
        """Send public events to their subscribers; answers the number of book changes and trades, sent or not."""
        made = 0
        changed: dict[str, None] = {}
        trades: dict[str, list[Execution]] = {}
        for event in events:
            if type(event) is BookChange:
                changed[event.pair] = None
                made += 1
            elif type(event) is Execution:
                trades.setdefault(event.pair, []).append(event)
                made += 1
        self._touched.update(changed)
        self._traded.update(trades)
        for pair in changed:
            self._show_best(pair)
            self._show_changes(pair, TICK_BY_TICK)
        for pair, found in trades.items():
            if ("trades", pair) in self._topics:
                tick = self._trades(found[::-1])
                for topic in self._topics["trades", pair]:
                    self._send(topic, {"ch": topic.name, "ts": self._desk.venue.now_ms(), "tick": tick})
        return made

    def tick(self) -> None:
        """Everything that goes out at its own pace."""
        mono_ms = self._desk.clock.mono_ns() // NS_PER_MS
        if mono_ms >= self._due_ms["books"]:
            self._due_ms["books"] = mono_ms + BOOK_MS
            for pair in self._books:
                self._show_changes(pair, BATCHED)
                if pair in self._touched:
                    self._push("refresh", pair)
            self._touched.clear()
        if mono_ms >= self._due_ms["slow"]:
            self._due_ms["slow"] = mono_ms + SLOW_MS
            for pair in self._books:
                self._push("depth", pair)
                self._push("ticker", pair)
                if pair in self._traded:
                    self._push("kline", pair)
                    self._push("detail", pair)
            self._push("tickers", "")
            self._traded.clear()

    def _push(self, kind: str, pair: str) -> None:
        for topic, subscribers in self._topics.get((kind, pair), {}).items():
            frame = self._frame(topic)
            for subscriber in subscribers:
                subscriber.send(frame)

    def _show_changes(self, pair: str, depths: Sequence[int]) -> None:
        now_ms = self._desk.venue.now_ms()
        for topic in self._topics.get(("mbp", pair), {}):
            if topic.number in depths:
                row = self._books[pair].views[topic.number].update(now_ms)
                if row is not None:
                    self._send(topic, {"ch": topic.name, "ts": now_ms, "tick": row})

    def _show_best(self, pair: str) -> None:
        if ("bbo", pair) not in self._topics:
            return
        best = self._market.best(self._desk.venue.instruments[pair])
        if best != self._best.get(pair):
            self._best[pair] = best
            self._push("bbo", pair)

    def _send(self, topic: Topic, message: Json) -> None:
        frame = packed(message)
        for subscriber in self._topics.get((topic.kind, topic.pair), {}).get(topic, ()):
            subscriber.send(frame)

    def _frame(self, topic: Topic) -> bytes:
        message: Json = {"ch": topic.name, "ts": self._desk.venue.now_ms()}
        if topic.kind == "tickers":
            return packed(message | {"data": self._market.ticker_rows()})
        return packed(message | {"tick": self._tick(topic)})

    def _tick(self, topic: Topic) -> Json:
        instrument, book = self._desk.venue.instruments[topic.pair], self._books[topic.pair]
        now_ms = self._desk.venue.now_ms()
        if topic.kind == "depth":
            return book.step(topic.number, None, now_ms)
        if topic.kind == "refresh":
            return book.picture(topic.number)
        if topic.kind == "bbo":
            named = {"seqId": book.sequence, "quoteTime": now_ms, "symbol": symbol_of(topic.pair)}
            return named | self._market.best(instrument)
        if topic.kind == "kline":
            return self._market.bar(instrument, topic.period)
        return self._market.ticker(instrument) if topic.kind == "ticker" else self._market.day(instrument)

    def _trades(self, trades: list[Execution]) -> Json:
        """Newest first."""
        instrument = self._desk.venue.instruments[trades[0].pair] if trades else None
        rows = [trade_row(trade, instrument) for trade in trades] if instrument else []
        newest = trades[0] if trades else None
        return {"id": newest.trade_id if newest else 0, "ts": newest.time_ms if newest else 0, "data": rows}
