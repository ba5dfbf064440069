"""Coinbase's channels: who listens to what, and the events they are told. Connections and their sequence are elsewhere.

| channel | events | evidence |
|---|---|---|
| level2 (`l2_data`) | whole book, then absolute quantities; bid and offer; "0" removes | sheet 3.3; recording |
| pace of level2 | what changed in 50 ms in one message | recording (median of 773 messages) |
| event_time | one for all of a message: its newest change; of a snapshot, now | recording |
| market_trades | the last 100, then batches every 250 ms, both newest first | sheet 3.3; recording |
| ticker | on trades and when the best prices change; the values now on subscribing | recording |
| ticker_batch | every 5 s, without best prices | sheet 3.3 |
| candles | the last 100 five-minute ones, oldest first; the current one each second of trading | sheet 3.3; recording |
| status | one snapshot; nothing later (states do not change by themselves here) | sheet 3.3 |
| heartbeats | one a second, a JSON number, the time in Go's words | sheet 3.2; recording |
| user | open orders in batches of 50 (none: one empty batch), then one order a message | sheet 5.1 |
| futures_balance_summary | taken and silent: no futures here | sheet 1 (name) |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from app.core.clock import NS_PER_MS
from app.core.types import Side
from app.paper.bars import Interval
from app.paper.desk import Desk
from app.paper.dialects import coinbase_order_wire as order_wire
from app.paper.dialects import coinbase_wire as wire
from app.paper.dialects.coinbase_catalog import PRODUCTS
from app.paper.dialects.coinbase_depth import Depth
from app.paper.dialects.coinbase_records import Record, Records
from app.paper.events import BookChange, Event, Execution
from app.paper.units import to_text

BOOK_MS, TRADES_MS, CANDLES_MS, BATCH_MS, HEARTBEAT_MS = 50, 250, 1000, 5000, 1000
SNAPSHOT_TRADES = SNAPSHOT_CANDLES = 100
USER_BATCH = 50
DATA_NAMES = {"level2": "l2_data"}
"""Channels whose messages carry another name than their subscription."""

Changed = dict[Side, dict[int, int]]
"""Lots by ticks of each side, all that changed since the last message."""

Topic = tuple[str, str]
"""Channel, and book's pair or account or nothing."""


class Subscriber(Protocol):
    def deliver(self, channel: str, events: bytes) -> None:
        """One message; `channel` is the name that data carries."""
        ...


class Feed:
    """All topics of one desk and their subscribers."""

    def __init__(self, desk: Desk, records: Records, depths: dict[str, Depth]) -> None:
        self._desk = desk
        self._records = records
        self._depths = depths
        self._topics: dict[Topic, dict[Subscriber, frozenset[str]]] = {}
        self._due: dict[str, int] = {}
        self._changed: dict[str, tuple[int, Changed]] = {}
        """By pair, with the time of the newest change."""
        self._trades: dict[str, list[Execution]] = {}
        self._traded: set[str] = set()
        self._moved: set[str] = set()
        self._best = {pair: depth.best() for pair, depth in depths.items()}
        self._beats = 0

    def subscribe(self, subscriber: Subscriber, topic: Topic, products: Collection[str] = ()) -> None:
        """`products` narrows the user channel; nothing means all."""
        self._topics.setdefault(topic, {})[subscriber] = frozenset(products)

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        listeners = self._topics.get(topic)
        if listeners is not None:
            listeners.pop(subscriber, None)
            if not listeners:
                del self._topics[topic]

    def snapshots(self, topic: Topic, products: Collection[str] = ()) -> list[bytes]:
        """The messages that a new subscriber gets at once."""
        channel, pair = topic
        if channel == "level2":
            return [self._book_snapshot(pair)]
        if channel == "market_trades":
            trades = self._desk.tapes[pair].trades(SNAPSHOT_TRADES)
            return [_events("snapshot", "trades", [self._trade(trade) for trade in trades])]
        if channel in ("ticker", "ticker_batch"):
            return [_events("snapshot", "tickers", [self._ticker(channel, pair)])]
        if channel == "candles":
            bars = self._desk.tapes[pair].bars(Interval.MINUTE_5, self._desk.venue.now_ms())[-SNAPSHOT_CANDLES:]
            instrument = self._desk.venue.instruments[pair]
            rows = [wire.candle(bar, instrument) | {"product_id": pair} for bar in bars]
            return [_events("snapshot", "candles", rows)]
        if channel == "status":
            rows = [wire.status_row(PRODUCTS[pair], self._desk.venue.instruments[pair])]
            return [_events("snapshot", "products", rows)]
        return self._user_snapshot(pair, products) if channel == "user" else []

    def show(self, events: Sequence[Event]) -> int:
        """Tell events to their subscribers; answers the number of book and trade messages, subscribed or not."""
        self._records.apply(events, self._show_order)
        made = 0
        for event in events:
            if type(event) is BookChange:
                made += 1
                self._show_change(event)
            elif type(event) is Execution:
                made += 1
                self._trades.setdefault(event.pair, []).append(event)
                self._traded.add(event.pair)
                self._moved.add(event.pair)
        return made

    def tick(self) -> None:
        """Everything that is told at a pace."""
        now_ms = self._desk.venue.now_ms()
        mono_ms = self._desk.clock.mono_ns() // NS_PER_MS
        moved, self._moved = self._moved, set()
        for pair in moved:
            if ("ticker", pair) in self._topics:
                self._send(("ticker", pair), _events("update", "tickers", [self._ticker("ticker", pair)]))
        if self._is_due("books", BOOK_MS, mono_ms):
            self._show_books()
        if self._is_due("trades", TRADES_MS, mono_ms):
            self._show_trades()
        if self._is_due("candles", CANDLES_MS, mono_ms):
            self._show_candles(now_ms)
        if self._is_due("batch", BATCH_MS, mono_ms):
            for channel, pair in list(self._topics):
                if channel == "ticker_batch":
                    self._send((channel, pair), _events("update", "tickers", [self._ticker(channel, pair)]))
        if self._is_due("heartbeats", HEARTBEAT_MS, mono_ms):
            self._beat(now_ms)

    def _is_due(self, what: str, every_ms: int, mono_ms: int) -> bool:
        if mono_ms < self._due.get(what, 0):
            return False
        self._due[what] = mono_ms + every_ms
        return True

    def _show_change(self, change: BookChange) -> None:
        depth = self._depths[change.pair]
        best = depth.best()
        if best != self._best[change.pair]:
            self._best[change.pair] = best
            self._moved.add(change.pair)
        if ("level2", change.pair) in self._topics:
            changed: Changed = self._changed.get(change.pair, (0, {Side.BUY: {}, Side.SELL: {}}))[1]
            for side, levels in ((Side.BUY, change.bids), (Side.SELL, change.asks)):
                changed[side].update((ticks, depth.lots(side, ticks, lots)) for ticks, lots in levels)
            self._changed[change.pair] = (change.time_ms, changed)

    def _show_books(self) -> None:
        changes, self._changed = self._changed, {}
        for pair, (time_ms, changed) in changes.items():
            moment = wire.stamp(time_ms)
            rows = [row for side, levels in changed.items() for row in self._rows(pair, side, levels.items(), moment)]
            self._send(("level2", pair), _book_events("update", pair, rows))

    def _book_snapshot(self, pair: str) -> bytes:
        moment = wire.stamp(self._desk.venue.now_ms())
        depth = self._depths[pair]
        rows = self._rows(pair, Side.BUY, depth.bids(), moment) + self._rows(pair, Side.SELL, depth.asks(), moment)
        return _book_events("snapshot", pair, rows)

    def _rows(self, pair: str, side: Side, levels: Iterable[tuple[int, int]], moment: str) -> list[wire.Json]:
        instrument = self._desk.venue.instruments[pair]
        prices, sizes, word = instrument.price_scale, instrument.quantity_scale, wire.SIDES[side]
        return [
            {
                "side": word,
                "event_time": moment,
                "price_level": to_text(ticks, prices),
                "new_quantity": to_text(lots, sizes),
            }
            for ticks, lots in levels
        ]

    def _show_trades(self) -> None:
        trades, self._trades = self._trades, {}
        for pair, batch in trades.items():
            if ("market_trades", pair) in self._topics:
                rows = [self._trade(trade) for trade in reversed(batch)]
                self._send(("market_trades", pair), _events("update", "trades", rows))

    def _show_candles(self, now_ms: int) -> None:
        traded, self._traded = self._traded, set()
        for pair in traded:
            if ("candles", pair) in self._topics:
                instrument = self._desk.venue.instruments[pair]
                bar = self._desk.tapes[pair].bar(Interval.MINUTE_5, now_ms)
                row = wire.candle(bar, instrument) | {"product_id": pair}
                self._send(("candles", pair), _events("update", "candles", [row]))

    def _beat(self, now_ms: int) -> None:
        self._beats += 1
        seconds, rest = divmod(now_ms, 1000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
        age_ms = now_ms - self._desk.opened_ms
        text = f"{moment}.{rest:03d} +0000 UTC m=+{age_ms // 1000}.{age_ms % 1000:03d}"
        row = {"current_time": text, "heartbeat_counter": self._beats}
        self._send(("heartbeats", ""), msgspec.json.encode([row]))

    def _trade(self, trade: Execution) -> wire.Json:
        return wire.streamed_trade(trade, self._desk.venue.instruments[trade.pair])

    def _ticker(self, channel: str, pair: str) -> wire.Json:
        instrument = self._desk.venue.instruments[pair]
        day = self._desk.tapes[pair].day(self._desk.venue.now_ms())
        home = self._depths[pair].home_ticks
        row = wire.ticker(pair, day, (home * 6 // 10, home * 13 // 10), instrument)
        if channel == "ticker":
            row |= wire.best_quotes(*self._depths[pair].best(), instrument)
        return row

    def _show_order(self, record: Record) -> None:
        topic = ("user", record.order.owner)
        listeners = self._topics.get(topic)
        if listeners:
            events = _user_events("update", [self._order(record)])
            for subscriber, products in listeners.items():
                if not products or record.product_id in products:
                    subscriber.deliver("user", events)

    def _user_snapshot(self, owner: str, products: Collection[str]) -> list[bytes]:
        found = [record for record in self._records.open(owner) if not products or record.product_id in products]
        rows = [self._order(record) for record in found]
        batches = [rows[start : start + USER_BATCH] for start in range(0, len(rows), USER_BATCH)] or [[]]
        return [_user_events("snapshot", batch) for batch in batches]

    def _order(self, record: Record) -> wire.Json:
        return order_wire.streamed_order(record, self._desk.venue.instruments[record.product_id])

    def _send(self, topic: Topic, events: bytes) -> None:
        channel = DATA_NAMES.get(topic[0], topic[0])
        for subscriber in self._topics.get(topic, ()):
            subscriber.deliver(channel, events)


def _events(kind: str, name: str, rows: list[wire.Json]) -> bytes:
    return msgspec.json.encode([{"type": kind, name: rows}])


def _book_events(kind: str, pair: str, rows: list[wire.Json]) -> bytes:
    return msgspec.json.encode([{"type": kind, "product_id": pair, "updates": rows}])


def _user_events(kind: str, rows: list[wire.Json]) -> bytes:
    positions: wire.Json = {"perpetual_futures_positions": [], "expiring_futures_positions": []}
    return msgspec.json.encode([{"type": kind, "orders": rows, "positions": positions}])
