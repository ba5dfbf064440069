"""OKX' streams: who listens to what, and the frames that events become. Sockets and commands are elsewhere.

| channel | frame | evidence |
|---|---|---|
| books, books5, bbo-tbt | see okx_books; every 100 ms, 100 ms and (here) 20 ms | sheet 3.3 |
| trades | one push may hold `count` fills of one taker order at one price | sheet 3.4 |
| trades-all | every fill by itself | sheet 3.4 |
| tickers | on subscribing, then every 100 ms where something changed | sheet 3.4; pace from docs |
| candle* | on subscribing, then on trades, at most one a second | sheet 3.4; pace unconfirmed |
| instruments | all of them on subscribing, one when its state changes | sheet 2; first push from docs |
| account | at once, on every change (only what changed), and every 5 s unless updateInterval is "0" | sheet 5.1 |
| account `eventType`, `curPage`, `lastPage` | beside `data` | docs; not in the sheet |
| orders | nothing at once, then one item for each change | sheet 5.1 |
| balance_and_position | at once, then on fills | sheet 5.1 |
| orders-algo | one item for each change | sheet 5.1 |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from app.core.clock import NS_PER_MS
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_books import Books
from app.paper.dialects.okx_market import MarketData, trade_row
from app.paper.dialects.okx_money import Money
from app.paper.dialects.okx_orders import OkxStop
from app.paper.events import BalanceChanged, BookChange, Cause, Event, Execution, OrderEvent, StopEvent
from app.paper.orders import OrderState
from app.paper.units import to_text

PACE_MS = 100
CANDLE_MS = 1000
ACCOUNT_MS = 5000
WHOLE_BOOKS = {"books5": 5, "bbo-tbt": 1}


class Topic(Struct, frozen=True, kw_only=True):
    """What one subscription is about. `place` is a pair or an account, `arg` the encoded object that frames repeat."""

    channel: str
    place: str
    arg: bytes
    pair: str = ""
    """Only this instrument, where the channel is about an account."""
    asset: str = ""
    regular: bool = True
    """Whether the account channel also speaks without a change."""


class Subscriber(Protocol):
    def send(self, frame: bytes) -> None: ...


def frame(topic: Topic, rows: list[wire.Json] | list[list[str]], **more: object) -> bytes:
    """One push; `more` stands between arg and data."""
    return msgspec.json.encode({"arg": msgspec.Raw(topic.arg), **more, "data": rows})


class Feed:
    """All topics of one desk and their subscribers."""

    def __init__(self, desk: Desk, books: Books, market: MarketData, money: Money) -> None:
        self._desk = desk
        self._books = books
        self._market = market
        self._money = money
        self._topics: dict[tuple[str, str], dict[Topic, dict[Subscriber, None]]] = {}
        self._fees: dict[int, int] = {}
        self._touched: set[str] = set()
        self._touched_best: set[str] = set()
        self._traded: set[str] = set()
        self._due_ms = {"books": 0, "account": 0}
        self._candle_due_ms: dict[str, int] = {}
        self.sends_snapshots = True
        """Whether `books` begins with a snapshot; without it a reader needs the REST book (announced for 2026)."""

    def subscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        self._topics.setdefault((topic.channel, topic.place), {}).setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        topics = self._topics.get((topic.channel, topic.place), {})
        listeners = topics.get(topic, {})
        listeners.pop(subscriber, None)
        if not listeners:
            topics.pop(topic, None)
        if not topics:
            self._topics.pop((topic.channel, topic.place), None)

    def listeners(self, channel: str, place: str) -> set[Subscriber]:
        """Everybody who listens to a channel, whatever the details."""
        topics = self._topics.get((channel, place), {})
        return {subscriber for listeners in topics.values() for subscriber in listeners}

    async def prepare(self, topic: Topic) -> None:
        """Do the slow work of a topic before it is subscribed to."""
        if topic.channel.startswith("candle"):
            name = topic.channel.removeprefix("candle")
            await self._market.prepare_bars(self._desk.venue.instruments[topic.place], name)

    def first_frame(self, topic: Topic) -> bytes | None:
        """What a new subscriber sees at once."""
        channel, now_ms = topic.channel, self._desk.venue.now_ms()
        if channel == "books" and self.sends_snapshots:
            return frame(topic, [self._books[topic.place].snapshot(now_ms)], action="snapshot")
        if channel in WHOLE_BOOKS:
            return frame(topic, [self._books[topic.place].whole(WHOLE_BOOKS[channel], now_ms)])
        if channel == "tickers":
            return frame(topic, [self._market.ticker_row(self._desk.venue.instruments[topic.place])])
        if channel.startswith("candle"):
            return frame(topic, [self._candle(channel, topic.place)])
        if channel == "instruments":
            rows = [self._market.instrument_row(i) for i in self._desk.venue.instruments.values()]
            return frame(topic, rows)
        if channel == "account":
            return self._account_frame(topic)
        account = self._desk.accounts.get(topic.place)
        if channel == "balance_and_position" and account is not None:
            return frame(topic, [self._money.small(account, (), "snapshot")])
        return None

    def show(self, events: Sequence[Event]) -> int:
        """Send events to their subscribers; answers the number of book changes and trades, sent or not."""
        made = 0
        changed: dict[str, dict[str, None]] = {}
        filled: dict[str, dict[str, None]] = {}
        trades: list[Execution] = []
        for event in events:
            if type(event) is BookChange:
                made += 1
                self._touched.add(event.pair)
                self._touched_best.add(event.pair)
            elif type(event) is Execution:
                made += 1
                trades.append(event)
            elif type(event) is OrderEvent:
                self._show_order(event)
            elif type(event) is StopEvent:
                self._show_stop(event)
            elif type(event) is BalanceChanged:
                changed.setdefault(event.account, {})[event.asset] = None
                if event.cause is Cause.FILLED:
                    filled.setdefault(event.account, {})[event.asset] = None
        self._show_trades(trades)
        for account_id, assets in changed.items():
            self._show_account(account_id, assets)
        for account_id, assets in filled.items():
            account = self._desk.accounts.get(account_id)
            if account is not None and ("balance_and_position", account_id) in self._topics:
                row = self._money.small(account, assets, "filled")
                self._send("balance_and_position", account_id, [row])
        return made

    def show_instrument(self, pair: str) -> None:
        """Say that an instrument's state has changed."""
        row = self._market.instrument_row(self._desk.venue.instruments[pair])
        self._send("instruments", "SPOT", [row])

    def tick(self) -> None:
        """Everything that goes out at its own pace."""
        now_ms = self._desk.venue.now_ms()
        mono_ms = self._desk.clock.mono_ns() // NS_PER_MS
        self._show_whole_books("bbo-tbt", self._touched_best, now_ms)
        self._touched_best = set()
        if mono_ms >= self._due_ms["books"]:
            self._due_ms["books"] = mono_ms + PACE_MS
            self._show_books(now_ms)
        if self._traded:
            self._show_candles(mono_ms)
        if mono_ms >= self._due_ms["account"]:
            self._due_ms["account"] = mono_ms + ACCOUNT_MS
            self.tell_accounts()

    def tell_accounts(self) -> None:
        """The regular push of the account channel, to those who did not decline it."""
        for (channel, _), topics in list(self._topics.items()):
            for topic, subscribers in topics.items() if channel == "account" else ():
                data = self._account_frame(topic)
                if topic.regular and data is not None:
                    for subscriber in subscribers:
                        subscriber.send(data)

    def _show_books(self, now_ms: int) -> None:
        for pair, view in self._books.items():
            row = view.update(now_ms)
            if row is not None:
                self._send("books", pair, [row], action="update")
        self._show_whole_books("books5", self._touched, now_ms)
        for pair in self._touched:
            if ("tickers", pair) in self._topics:
                ticker = self._market.ticker_row(self._desk.venue.instruments[pair])
                self._send("tickers", pair, [ticker])
        self._touched = set()

    def _show_whole_books(self, channel: str, pairs: set[str], now_ms: int) -> None:
        depth = WHOLE_BOOKS[channel]
        for pair in pairs:
            if (channel, pair) in self._topics and self._books[pair].looks_new(depth):
                row = self._books[pair].whole(depth, now_ms)
                self._send(channel, pair, [row])

    def _show_trades(self, trades: list[Execution]) -> None:
        merged: list[wire.Json] = []
        before: Execution | None = None
        total = 0
        for trade in trades:
            self._traded.add(trade.pair)
            instrument = self._desk.venue.instruments[trade.pair]
            row = trade_row(trade, instrument)
            self._send("trades-all", trade.pair, [row])
            same = before is not None and _same_taker(before, trade)
            total = total + trade.lots if same else trade.lots
            if same:
                size = to_text(total, instrument.quantity_scale)
                merged[-1] = row | {"sz": size, "count": str(int(merged[-1]["count"]) + 1)}
            else:
                merged.append(row | {"count": "1"})
            before = trade
        for row in merged:
            pair = str(row["instId"])
            self._send("trades", pair, [row | {"seqId": self._books[pair].sequence}])

    def _show_candles(self, mono_ms: int) -> None:
        waiting = set()
        for pair in self._traded:
            if mono_ms < self._candle_due_ms.get(pair, 0):
                waiting.add(pair)
                continue
            self._candle_due_ms[pair] = mono_ms + CANDLE_MS
            for channel, place in list(self._topics):
                if place == pair and channel.startswith("candle"):
                    self._send(channel, place, [self._candle(channel, place)])
        self._traded = waiting

    def _candle(self, channel: str, pair: str) -> list[str]:
        return self._market.candle(self._desk.venue.instruments[pair], channel.removeprefix("candle"))

    def _show_order(self, event: OrderEvent) -> None:
        order = event.order
        fee = self._fees.get(order.order_id, 0)
        if event.fill is not None:
            fee = self._fees[order.order_id] = fee + event.fill.fee_atoms
        if not event.state.is_open:
            self._fees.pop(order.order_id, None)
        if ("orders", order.owner) not in self._topics:
            return
        stop = self._desk.venue.ledger(order.owner).stops.get(order.stop_id)
        instrument = self._desk.venue.instruments[order.pair]
        row = wire.order_event(event, stop, instrument, fee, self._desk.venue.last_ticks[order.pair])
        self._send("orders", order.owner, [row], lambda topic: topic.pair in ("", order.pair))

    def _show_stop(self, event: StopEvent) -> None:
        stop = event.stop
        if isinstance(stop, OkxStop) and ("orders-algo", stop.owner) in self._topics:
            row = wire.stop_row(stop, event.state, self._desk.venue.instruments[stop.pair])
            if event.state is OrderState.TRIGGERED:
                row["uTime"] = str(event.time_ms)
            self._send("orders-algo", stop.owner, [row], lambda topic: topic.pair in ("", stop.pair))

    def _show_account(self, account_id: str, assets: dict[str, None]) -> None:
        account = self._desk.accounts.get(account_id)
        if account is None or ("account", account_id) not in self._topics:
            return
        row = self._money.account(account, assets)
        self._send("account", account_id, [row], lambda t: t.asset in ("", *assets), eventType="event_update")

    def _account_frame(self, topic: Topic) -> bytes | None:
        account = self._desk.accounts.get(topic.place)
        if account is None:
            return None
        row = self._money.account(account, [topic.asset] if topic.asset else ())
        return frame(topic, [row], eventType="snapshot", curPage=1, lastPage=True)

    def _send(
        self,
        channel: str,
        place: str,
        rows: list[wire.Json] | list[list[str]],
        wants: Callable[[Topic], bool] | None = None,
        **more: object,
    ) -> None:
        for topic, subscribers in self._topics.get((channel, place), {}).items():
            if wants is None or wants(topic):
                data = frame(topic, rows, **more)
                for subscriber in subscribers:
                    subscriber.send(data)


def _same_taker(before: Execution, now: Execution) -> bool:
    return (before.taker_order_id, before.pair, before.ticks) == (now.taker_order_id, now.pair, now.ticks)
