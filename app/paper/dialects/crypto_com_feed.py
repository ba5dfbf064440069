"""Crypto.com's streams: who listens to what, and the frames that events become. Sockets and commands are elsewhere.

| channel | frame | evidence |
|---|---|---|
| all | id -1, method subscribe, code 0, result with instrument_name, subscription, channel, data | sheet 4 |
| book | see crypto_com_books; `channel` is book or book.update | sheet 4 |
| trade | a batch of recent trades, then every trade | sheet 4; batch of 50: unconfirmed |
| ticker | at once, then every 100 ms where something changed | sheet 4; pace unconfirmed |
| candlestick | up to 300 rows, then the newest on trades, at most one a second | sheet 4; pace unconfirmed |
| user.order | nothing at once, then one row for each change | sheet 6 |
| user.order with NEW first | off unless `shows_new` | sheet 6 has the word; when: unconfirmed |
| user.balance, user.position_balance | all coins at once, then those that changed | not stated (sheet 6) |
| user.advanced.order | one row for each change | sheet 6; statuses unconfirmed |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from app.core.clock import NS_PER_MS
from app.paper.desk import Desk
from app.paper.dialects import crypto_com_wire as wire
from app.paper.dialects.crypto_com_books import BookView, levels
from app.paper.dialects.crypto_com_channels import Topic
from app.paper.dialects.crypto_com_errors import Json
from app.paper.dialects.crypto_com_listings import symbol_of
from app.paper.dialects.crypto_com_market import (
    MOST_BARS,
    TIMEFRAMES,
    MarketData,
    candle_row,
    first_update_id,
    trade_row,
)
from app.paper.dialects.crypto_com_money import Money
from app.paper.dialects.crypto_com_orders import CryptoComStop
from app.paper.events import BalanceChanged, BookChange, Event, Execution, OrderEvent, OrderEventKind, StopEvent

TICKER_MS = 100
CANDLE_MS = 1000
FIRST_TRADES = 50


class Subscriber(Protocol):
    def send(self, frame: bytes) -> None: ...


def frame(topic: Topic, rows: Sequence[Json], *, channel: str = "", pair: str = "", **more: object) -> bytes:
    """One push."""
    pair = pair or topic.pair or ("" if topic.channel.startswith("user.") else topic.place)
    named = {"instrument_name": symbol_of(pair)} if pair else {}
    result = {**named, "subscription": topic.subscription, "channel": channel or topic.channel, **more, "data": rows}
    return msgspec.json.encode({"id": -1, "method": "subscribe", "code": 0, "result": result})


class Feed:
    """All topics of one desk and their subscribers."""

    def __init__(self, desk: Desk, market: MarketData, money: Money) -> None:
        self._desk = desk
        self._market = market
        self._money = money
        self._topics: dict[tuple[str, str], dict[Topic, dict[Subscriber, None]]] = {}
        self.views: dict[Topic, BookView] = {}
        self.shows_new = False
        """Whether an accepted order is told as NEW before it is told as ACTIVE."""
        self._due_ms: dict[Topic, int] = {}
        self._ticker_due_ms = 0
        self._touched: set[str] = set()
        self._traded: set[str] = set()
        self._candle_due_ms: dict[str, int] = {}
        self._bar_starts: dict[Topic, int] = {}
        self._fees: dict[int, int] = {}

    def subscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        self._topics.setdefault((topic.channel, topic.place), {}).setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        topics = self._topics.get((topic.channel, topic.place), {})
        listeners = topics.get(topic, {})
        listeners.pop(subscriber, None)
        if not listeners:
            topics.pop(topic, None)
            for kept in (self.views, self._due_ms, self._bar_starts):
                kept.pop(topic, None)
        if not topics:
            self._topics.pop((topic.channel, topic.place), None)

    def is_heard(self, channel: str, place: str) -> bool:
        """Whether anybody listens."""
        return (channel, place) in self._topics

    async def prepare(self, topic: Topic) -> None:
        """Do the slow work of a topic before it is subscribed to."""
        if topic.channel == "candlestick":
            await self._market.prepare_bars(topic.place, topic.timeframe)

    def first_frame(self, topic: Topic) -> bytes | None:
        """What a new subscriber sees at once."""
        venue = self._desk.venue
        now_ms = venue.now_ms()
        if topic.channel in ("user.balance", "user.position_balance"):
            return self._balances(topic, ())
        instrument = venue.instruments.get(topic.place)
        if instrument is None:
            return None
        if topic.channel == "book":
            return self._whole_book(topic, now_ms) if not topic.deltas else self._snapshot(topic, now_ms)
        if topic.channel == "ticker":
            return frame(topic, [self._market.ticker_row(instrument)])
        tape = self._desk.tapes[topic.place]
        if topic.channel == "trade":
            return frame(topic, [trade_row(trade, instrument) for trade in tape.trades(FIRST_TRADES)])
        bars = tape.bars(TIMEFRAMES[topic.timeframe], now_ms)[-MOST_BARS:]
        self._bar_starts[topic] = bars[-1].start_ms
        rows = [candle_row(bar, instrument) for bar in bars]
        return frame(topic, rows, depth=MOST_BARS, interval=topic.timeframe)

    def show(self, events: Sequence[Event]) -> int:
        """Send events to their subscribers; answers the number of book changes and trades, sent or not."""
        made = 0
        trades: dict[str, list[Execution]] = {}
        changed: dict[str, dict[str, None]] = {}
        for event in events:
            if type(event) is BookChange:
                made += 1
                self._touched.add(event.pair)
            elif type(event) is Execution:
                made += 1
                trades.setdefault(event.pair, []).append(event)
            elif type(event) is OrderEvent:
                self._show_order(event)
            elif type(event) is StopEvent:
                self._show_stop(event)
            elif type(event) is BalanceChanged:
                changed.setdefault(event.account, {})[event.asset] = None
        for pair, executions in trades.items():
            self._traded.add(pair)
            if ("trade", pair) in self._topics:
                instrument = self._desk.venue.instruments[pair]
                self._send("trade", pair, [trade_row(trade, instrument) for trade in executions])
        for account_id, assets in changed.items():
            for channel in ("user.balance", "user.position_balance"):
                for topic, subscribers in self._topics.get((channel, account_id), {}).items():
                    data = self._balances(topic, assets)
                    for subscriber in subscribers if data else ():
                        subscriber.send(data or b"")
        return made

    def tick(self) -> None:
        """Everything that goes out at its own pace."""
        mono_ms = self._desk.clock.mono_ns() // NS_PER_MS
        now_ms = self._desk.venue.now_ms()
        for (channel, _), topics in self._topics.items():
            for topic, subscribers in topics.items() if channel == "book" else ():
                if mono_ms >= self._due_ms.get(topic, 0):
                    self._due_ms[topic] = mono_ms + topic.every_ms
                    data = self._update(topic, now_ms) if topic.deltas else self._whole_book(topic, now_ms)
                    for subscriber in subscribers if data else ():
                        subscriber.send(data or b"")
        if mono_ms >= self._ticker_due_ms:
            self._ticker_due_ms = mono_ms + TICKER_MS
            for pair in self._touched:
                if ("ticker", pair) in self._topics:
                    self._send("ticker", pair, [self._market.ticker_row(self._desk.venue.instruments[pair])])
            self._touched = set()
        if self._traded:
            self._show_candles(mono_ms, now_ms)

    def _snapshot(self, topic: Topic, now_ms: int) -> bytes:
        view = self.views.get(topic)
        if view is None:
            book = self._desk.venue.books[topic.place]
            first_id = first_update_id(self._desk, book.sequence)
            instrument = self._desk.venue.instruments[topic.place]
            view = self.views[topic] = BookView(instrument, book, topic.depth, first_id, now_ms)
        return frame(topic, [view.snapshot(now_ms)], depth=topic.depth)

    def _update(self, topic: Topic, now_ms: int) -> bytes | None:
        view = self.views.get(topic)
        row = view.update(now_ms) if view else None
        return frame(topic, [row], channel="book.update", depth=topic.depth) if row else None

    def _whole_book(self, topic: Topic, now_ms: int) -> bytes:
        book, instrument = self._desk.venue.books[topic.place], self._desk.venue.instruments[topic.place]
        asks, bids = (levels(side, topic.depth, instrument) for side in (book.asks, book.bids))
        number = first_update_id(self._desk, book.sequence)
        row = {"asks": asks, "bids": bids, "t": now_ms, "tt": now_ms, "u": number, "cs": 0}
        return frame(topic, [row], depth=topic.depth)

    def _show_candles(self, mono_ms: int, now_ms: int) -> None:
        waiting = set()
        for pair in self._traded:
            if mono_ms < self._candle_due_ms.get(pair, 0):
                waiting.add(pair)
                continue
            self._candle_due_ms[pair] = mono_ms + CANDLE_MS
            for topic, subscribers in self._topics.get(("candlestick", pair), {}).items():
                rows = self._newest_bars(topic, now_ms)
                data = frame(topic, rows, depth=MOST_BARS, interval=topic.timeframe)
                for subscriber in subscribers:
                    subscriber.send(data)
        self._traded = waiting

    def _newest_bars(self, topic: Topic, now_ms: int) -> list[Json]:
        """The unfinished bar, and before it those that were unfinished last time."""
        tape, interval = self._desk.tapes[topic.place], TIMEFRAMES[topic.timeframe]
        bars = [tape.bar(interval, now_ms)]
        since = self._bar_starts.get(topic, bars[0].start_ms)
        if since != bars[0].start_ms:
            bars = [bar for bar in tape.bars(interval, now_ms) if bar.start_ms >= since]
        self._bar_starts[topic] = bars[-1].start_ms
        return [candle_row(bar, self._desk.venue.instruments[topic.place]) for bar in bars]

    def _show_order(self, event: OrderEvent) -> None:
        order = event.order
        fee = self._fees.get(order.order_id, 0)
        if event.fill is not None:
            fee = self._fees[order.order_id] = fee + event.fill.fee_atoms
        if not event.state.is_open:
            self._fees.pop(order.order_id, None)
        account = self._desk.accounts.get(order.owner)
        if account is None:
            return
        instrument = self._desk.venue.instruments[order.pair]

        def wanted(topic: Topic) -> bool:
            return topic.pair in ("", order.pair)

        if ("user.order", order.owner) in self._topics:
            row = wire.order_row(order, instrument, account.fees, wire.progress_at(event, fee))
            if self.shows_new and event.kind is OrderEventKind.PLACED:
                self._send("user.order", order.owner, [row | {"status": "NEW"}], wanted, pair=order.pair)
            self._send("user.order", order.owner, [row], wanted, pair=order.pair)
        if event.fill is not None:
            self._send("user.trade", order.owner, [wire.trade_row(event.fill, instrument)], wanted, pair=order.pair)

    def _show_stop(self, event: StopEvent) -> None:
        stop = event.stop
        account = self._desk.accounts.get(stop.owner)
        if account is None or not isinstance(stop, CryptoComStop):
            return
        instrument = self._desk.venue.instruments[stop.pair]
        row = wire.stop_row(stop, instrument, account.fees, event.state)
        self._send(
            "user.advanced.order", stop.owner, [row], lambda topic: topic.pair in ("", stop.pair), pair=stop.pair
        )

    def _balances(self, topic: Topic, assets: Iterable[str]) -> bytes | None:
        account = self._desk.accounts.get(topic.place)
        if account is None:
            return None
        if topic.channel == "user.balance":
            return frame(topic, [self._money.portfolio(account, assets)])
        return frame(topic, [self._money.positions(account, assets)])

    def _send(
        self,
        channel: str,
        place: str,
        rows: Sequence[Json],
        wants: Callable[[Topic], bool] | None = None,
        pair: str = "",
    ) -> None:
        for topic, subscribers in self._topics.get((channel, place), {}).items():
            if wants is None or wants(topic):
                data = frame(topic, rows, pair=pair)
                for subscriber in subscribers:
                    subscriber.send(data)
