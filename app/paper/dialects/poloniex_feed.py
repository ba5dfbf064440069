"""Poloniex' streams: who listens to what, and the frames that events become. Sockets and commands are elsewhere.

| channel | frame | evidence |
|---|---|---|
| book_lv2 | snapshot of 20 levels, then changes; levels that leave are removed; lastId/id | sheet 3, recorded |
| book | whole top 5, 10 or 20 whenever that changes | sheet 3 (one source); key names unconfirmed |
| trades | one trade a frame, taker side in small letters | sheet 3, recorded |
| ticker, candles_* | on trades, at most one a second; the value now on subscribing | sheet 3; pace unconfirmed |
| symbols, currencies, exchange | one frame on subscribing | names sheet 3; shape unconfirmed |
| orders, balances | one row a frame | sheet 5 |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from app.paper.bars import Interval
from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_ids import Snowflakes
from app.paper.events import BalanceChanged, BookChange, Event, Execution, OrderEvent
from app.paper.listings import Instrument
from app.paper.matching import BookSide, MatchingBook
from app.paper.units import to_text

BOOK_LEVELS = 20
BOOK_DEPTHS = (5, 10, 20)
_SLOW_MS = 1000
CANDLES = {f"candles_{interval.name.lower()}": interval for interval in Interval}

Topic = tuple[str, str, int]
"""Channel, pair (or account), depth (0 where it means nothing)."""


class Subscriber(Protocol):
    def send(self, frame: bytes) -> None: ...


def frame(channel: str, rows: list[wire.Json], action: str = "") -> bytes:
    message = {"channel": channel, "data": rows}
    if action:
        message["action"] = action
    return msgspec.json.encode(message)


class _BookView:
    """The 20 best levels a side as last shown, with the id of that picture."""

    def __init__(self, instrument: Instrument, book: MatchingBook, opened_ms: int) -> None:
        self._instrument = instrument
        self._symbol = wire.symbol_of(instrument.pair)
        self._sides = (book.asks, book.bids)
        self._shown: list[dict[int, int]] = [self._best(side) for side in self._sides]
        self._time_ms = opened_ms
        self._id, self._last_id = book.sequence, book.sequence - 1
        self._pictured: dict[int, list[list[list[str]]]] = {}

    def update(self, change: BookChange, now_ms: int) -> bytes | None:
        """A frame with what changed among the 20 best, or None."""
        rows = [self._changes(0) if change.asks else [], self._changes(1) if change.bids else []]
        if not rows[0] and not rows[1]:
            return None
        self._last_id, self._id = self._id, max(change.sequence, self._id + 1)
        self._time_ms = change.time_ms
        return frame("book_lv2", [self._row(rows[0], rows[1], now_ms)], "update")

    def snapshot(self, now_ms: int) -> bytes:
        asks, bids = (self._texts(side) for side in self._shown)
        return frame("book_lv2", [self._row(asks, bids, now_ms)], "snapshot")

    def picture(self, depth: int, now_ms: int) -> bytes:
        """The best `depth` levels as they are."""
        asks, bids = self._pictured[depth] = self._top(depth)
        row = {
            "symbol": self._symbol,
            "createTime": self._time_ms,
            "asks": asks,
            "bids": bids,
            "id": self._id,
            "ts": now_ms,
        }
        return frame("book", [row])

    def looks_new(self, depth: int) -> bool:
        """Whether the best `depth` levels differ from the last picture of them."""
        return self._pictured.get(depth) != self._top(depth)

    def _top(self, depth: int) -> list[list[list[str]]]:
        return [self._texts(side)[:depth] for side in self._shown]

    def _changes(self, index: int) -> list[list[str]]:
        best, shown = self._best(self._sides[index]), self._shown[index]
        if best == shown:
            return []
        self._shown[index] = best
        changed = {ticks: lots for ticks, lots in best.items() if shown.get(ticks) != lots}
        changed |= {ticks: 0 for ticks in shown if ticks not in best}
        return self._texts(changed)

    def _row(self, asks: list[list[str]], bids: list[list[str]], now_ms: int) -> wire.Json:
        return {
            "symbol": self._symbol,
            "createTime": self._time_ms,
            "asks": asks,
            "bids": bids,
            "lastId": self._last_id,
            "id": self._id,
            "ts": now_ms,
        }

    def _texts(self, levels: dict[int, int]) -> list[list[str]]:
        prices, amounts = self._instrument.price_scale, self._instrument.quantity_scale
        return [[to_text(ticks, prices), to_text(lots, amounts)] for ticks, lots in levels.items()]

    @staticmethod
    def _best(side: BookSide) -> dict[int, int]:
        levels, sign = side.levels, side.sign
        return {key * sign: levels[key].lots for key in side.keys[:BOOK_LEVELS]}


class Feed:
    """All topics of one desk and their subscribers."""

    def __init__(self, desk: Desk, ids: Snowflakes) -> None:
        self._desk = desk
        self._ids = ids
        self._topics: dict[Topic, dict[Subscriber, None]] = {}
        self._views = {
            pair: _BookView(desk.venue.instruments[pair], book, desk.opened_ms)
            for pair, book in desk.venue.books.items()
        }
        self._slow_due: dict[tuple[str, str], int] = {}
        self._traded: set[str] = set()

    def subscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        self._topics.setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        listeners = self._topics.get(topic)
        if listeners is not None:
            listeners.pop(subscriber, None)
            if not listeners:
                del self._topics[topic]

    def count(self, channel: str, key: str) -> int:
        return len(self._topics.get((channel, key, 0), ()))

    def first_frame(self, topic: Topic) -> bytes | None:
        """What a new subscriber sees at once."""
        channel, pair, depth = topic
        now_ms = self._desk.venue.now_ms()
        if channel == "book_lv2":
            return self._views[pair].snapshot(now_ms)
        if channel == "book":
            return self._views[pair].picture(depth, now_ms)
        if channel == "ticker" or channel in CANDLES:
            return self._slow_frame(channel, pair, now_ms)
        return None

    def show(self, events: Sequence[Event]) -> int:
        """Send events to their subscribers; answers the number of book and trade messages, subscribed or not."""
        now_ms = self._desk.venue.now_ms()
        made = 0
        for event in events:
            if type(event) is BookChange:
                update = self._views[event.pair].update(event, now_ms)
                if update is not None:
                    made += 1
                    self._send(("book_lv2", event.pair, 0), update)
                    self._show_pictures(event.pair, now_ms)
            elif type(event) is Execution:
                made += 1
                self._traded.add(event.pair)
                topic = ("trades", event.pair, 0)
                if topic in self._topics:
                    instrument = self._desk.venue.instruments[event.pair]
                    self._send(topic, frame("trades", [wire.streamed_trade(event, instrument, now_ms)]))
            elif type(event) is OrderEvent:
                self._show_order(event, now_ms)
            elif type(event) is BalanceChanged:
                self._show_balance(event, now_ms)
        return made

    def tick(self) -> None:
        """Tickers and candles of pairs that traded, each at most once a second."""
        if not self._traded:
            return
        now_ms = self._desk.venue.now_ms()
        waiting = set()
        for channel, pair, _ in list(self._topics):
            if pair not in self._traded or not (channel == "ticker" or channel in CANDLES):
                continue
            if now_ms < self._slow_due.get((channel, pair), 0):
                waiting.add(pair)
                continue
            self._slow_due[channel, pair] = now_ms + _SLOW_MS
            self._send((channel, pair, 0), self._slow_frame(channel, pair, now_ms))
        self._traded = waiting

    def _slow_frame(self, channel: str, pair: str, now_ms: int) -> bytes:
        instrument = self._desk.venue.instruments[pair]
        tape = self._desk.tapes[pair]
        if channel == "ticker":
            return frame(channel, [wire.day(tape.day(now_ms), instrument, now_ms)])
        interval = CANDLES[channel]
        return frame(channel, [wire.streamed_candle(tape.bar(interval, now_ms), interval, instrument, now_ms)])

    def _show_pictures(self, pair: str, now_ms: int) -> None:
        for depth in BOOK_DEPTHS:
            topic = ("book", pair, depth)
            if topic in self._topics and self._views[pair].looks_new(depth):
                self._send(topic, self._views[pair].picture(depth, now_ms))

    def _show_order(self, event: OrderEvent, now_ms: int) -> None:
        owner, pair = event.order.owner, event.order.pair
        topic = ("orders", f"{owner}/{pair}", 0)
        if topic in self._topics:
            row = wire.order_event(event, self._desk.venue.instruments[pair], now_ms)
            self._send(topic, frame("orders", [row]))

    def _show_balance(self, event: BalanceChanged, now_ms: int) -> None:
        topic = ("balances", event.account, 0)
        account = self._desk.accounts.get(event.account)
        if topic in self._topics and account is not None:
            row = wire.balance_event(event, account.user_id, self._ids.next(), now_ms)
            self._send(topic, frame("balances", [row]))

    def _send(self, topic: Topic, data: bytes) -> None:
        for subscriber in self._topics.get(topic, ()):
            subscriber.send(data)
