"""Binance' market streams: their names, who listens, and the frames that events become. Sockets are elsewhere.

| stream | frame | evidence |
|---|---|---|
| depth, depth@100ms | what changed since the last frame, U to u without a gap, absolute amounts | sheet 3.2 |
| depth5, 10, 20 | the whole top when it changed; no `e`, no `s` | sheet 3.2 |
| bookTicker | when the best price or amount changed; no `e` | sheet 3.2 |
| trade, aggTrade | at once; `m` true: the aggressor sold | sheet 3.2 |
| kline | every 2 s (1s: 1 s) if changed, and with `x` true when closed | sheet 3.2; closing frame unconfirmed |
| ticker, miniTicker, ticker_1h.., avgPrice, the arr streams | every second when they changed | sheet 3.2 |
| referencePrice | once: there is none | exchange's page; when it is sent unconfirmed |
| names with an unknown symbol or in capitals, `!ticker@arr` | nothing is ever sent | sheet 3.2 |
| first frame | at the next turn of its period after subscribing | ours |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from app.paper.desk import Desk
from app.paper.dialects.binance_klines import INTERVALS, bars, zone_offset_ms
from app.paper.dialects.binance_market import aggregate, aggregated, levels, streamed_kline, streamed_trade
from app.paper.dialects.binance_rules import OrderRules
from app.paper.dialects.binance_tickers import Tickers
from app.paper.dialects.binance_wire import Json, Ms, encode, fixed, symbol_of
from app.paper.events import BookChange, Event, Execution
from app.paper.listings import Instrument

FAST_MS, SLOW_MS, KLINE_MS = 100, 1000, 2000
_NAME = re.compile(r"([^@]+)@([A-Za-z]+)(\d+|_[^@]+)?(?:@(.+))?")
_PLAIN = frozenset({"trade", "aggTrade", "blockTrade", "ticker", "miniTicker", "bookTicker", "avgPrice"})
_ON_TRADE = ("ticker", "miniTicker", "avgPrice", "kline", "window")
_ON_BOOK = ("top", "ticker")
_ALL = {"!miniTicker@arr": "miniTicker", "!ticker_1h@arr": "1h", "!ticker_4h@arr": "4h", "!ticker_1d@arr": "1d"}


class Subscriber(Protocol):
    microseconds: bool

    def offer(self, stream: str, data: bytes) -> None: ...


class Stream(NamedTuple):
    """A name that is understood. `detail` is an interval, window or depth; the period is 0 for what is sent at once."""

    kind: str
    pair: str
    detail: str = ""
    period_ms: int = 0


class _Changes:
    """What a depth stream has not told yet."""

    def __init__(self, first_id: int) -> None:
        self.first_id = first_id
        self.last_id = first_id - 1
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}


class Feed:
    def __init__(self, desk: Desk, tickers: Tickers, rules: OrderRules) -> None:
        self._desk = desk
        self._tickers = tickers
        self._rules = rules
        self._pairs = {symbol_of(i.pair).lower(): i for i in desk.venue.instruments.values()}
        self._streams: dict[str, Stream] = {}
        self._listeners: dict[str, dict[Subscriber, None]] = {}
        self._names: dict[tuple[str, str], dict[str, None]] = {}
        self._changes: dict[str, _Changes] = {}
        self._changed: set[str] = set()
        self._changed_pairs: dict[str, set[str]] = {}
        self._best: dict[str, object] = {}
        self._shown_bar: dict[str, int] = {}
        self._turned = dict.fromkeys((FAST_MS, SLOW_MS, KLINE_MS), desk.venue.now_ms())

    def subscribe(self, name: str, subscriber: Subscriber) -> None:
        """Names that are not understood stay silent."""
        stream = self._streams.get(name) or self._parsed(name)
        if stream is None:
            return
        if name not in self._streams:
            self._streams[name] = stream
            self._names.setdefault((stream.kind, stream.pair), {})[name] = None
            if stream.kind == "depth":
                self._changes[name] = _Changes(self._desk.venue.books[stream.pair].sequence + 1)
        self._listeners.setdefault(name, {})[subscriber] = None
        self._changed.add(name)
        if stream.kind == "all":
            self._changed_pairs[name] = set(self._desk.venue.instruments)

    def unsubscribe(self, name: str, subscriber: Subscriber) -> None:
        listeners = self._listeners.get(name, {})
        listeners.pop(subscriber, None)
        if not listeners and name in self._streams:
            stream = self._streams.pop(name)
            del self._listeners[name], self._names[stream.kind, stream.pair][name]
            for kept in (self._changes, self._changed_pairs, self._best, self._shown_bar):
                kept.pop(name, None)
            self._changed.discard(name)

    def interval_of(self, name: str) -> tuple[str, str] | None:
        """Pair and interval of a kline stream, whose past may have to be built first."""
        stream = self._parsed(name)
        return (stream.pair, stream.detail.partition("@")[0]) if stream and stream.kind == "kline" else None

    def show(self, events: Sequence[Event]) -> int:
        """Take in what happened; answers the number of book and trade messages, subscribed or not."""
        now_ms = self._desk.venue.now_ms()
        made = 0
        trades: list[Execution] = []
        for event in events:
            if type(event) is BookChange:
                made += 1
                self._take_in(event)
            elif type(event) is Execution:
                made += 1
                trades.append(event)
        if trades and self._streams:
            self._show_trades(trades, now_ms)
        return made

    def tick(self) -> None:
        """Send what is due now."""
        now_ms = self._desk.venue.now_ms()
        for period_ms, turned_ms in self._turned.items():
            if now_ms // period_ms == turned_ms // period_ms:
                continue
            self._turned[period_ms] = now_ms
            for name, stream in list(self._streams.items()):
                if stream.period_ms == period_ms:
                    self._send_due(name, stream, now_ms)

    def _take_in(self, event: BookChange) -> None:
        for name in self._names.get(("depth", event.pair), ()):
            changes = self._changes[name]
            changes.last_id = event.sequence
            changes.bids.update(event.bids)
            changes.asks.update(event.asks)
        for kind in _ON_BOOK:
            self._changed.update(self._names.get((kind, event.pair), ()))
        for name in self._names.get(("bookTicker", event.pair), ()):
            self._show_best(name, event.pair)

    def _show_trades(self, trades: list[Execution], now_ms: int) -> None:
        for trade in trades:
            for kind in _ON_TRADE:
                self._changed.update(self._names.get((kind, trade.pair), ()))
            for pairs in self._changed_pairs.values():
                pairs.add(trade.pair)
            for name in self._names.get(("trade", trade.pair), ()):
                self._send(name, streamed_trade(trade, self._desk.venue.instruments[trade.pair], now_ms))
        for row in aggregated(trades):
            for name in self._names.get(("aggTrade", row[0].pair), ()):
                body = aggregate(row, self._desk.venue.instruments[row[0].pair])
                symbol = symbol_of(row[0].pair)
                self._send(name, {"e": "aggTrade", "E": Ms(now_ms), "s": symbol} | body)

    def _show_best(self, name: str, pair: str) -> None:
        book, instrument = self._desk.venue.books[pair], self._desk.venue.instruments[pair]
        best = (book.bids.top(1), book.asks.top(1))
        if self._best.get(name) == best:
            return
        self._best[name] = best
        (bid,), (ask,) = ([(0, 0)] if not side else side for side in best)
        self._send(
            name,
            {
                "u": book.sequence,
                "s": symbol_of(pair),
                "b": fixed(bid[0], instrument.price_scale),
                "B": fixed(bid[1], instrument.quantity_scale),
                "a": fixed(ask[0], instrument.price_scale),
                "A": fixed(ask[1], instrument.quantity_scale),
            },
        )

    def _send_due(self, name: str, stream: Stream, now_ms: int) -> None:
        if stream.kind == "depth":
            return self._send_changes(name, stream, now_ms)
        if stream.kind == "all":
            return self._send_all(name, stream)
        if stream.kind == "kline":
            return self._send_kline(name, stream, now_ms)
        if name not in self._changed:
            return
        self._changed.discard(name)
        instrument = self._desk.venue.instruments[stream.pair]
        builders: dict[str, Callable[[], Json]] = {
            "top": lambda: self._top(instrument, int(stream.detail)),
            "ticker": lambda: self._tickers.streamed_day(instrument),
            "miniTicker": lambda: self._tickers.streamed_mini(instrument),
            "window": lambda: self._tickers.streamed_window(instrument, stream.detail),
            "avgPrice": lambda: self._average(instrument, now_ms),
            "referencePrice": lambda: _no_reference(instrument, now_ms),
        }
        self._send(name, builders[stream.kind]())

    def _send_changes(self, name: str, stream: Stream, now_ms: int) -> None:
        changes = self._changes[name]
        if changes.last_id < changes.first_id:
            return
        self._changes[name] = _Changes(changes.last_id + 1)
        instrument = self._desk.venue.instruments[stream.pair]
        prices, amounts = instrument.price_scale, instrument.quantity_scale
        bids, asks = (
            [[fixed(ticks, prices), fixed(lots, amounts)] for ticks, lots in side.items()]
            for side in (changes.bids, changes.asks)
        )
        head = {"e": "depthUpdate", "E": Ms(now_ms), "s": symbol_of(stream.pair)}
        self._send(name, head | {"U": changes.first_id, "u": changes.last_id, "b": bids, "a": asks})

    def _send_all(self, name: str, stream: Stream) -> None:
        pairs = self._changed_pairs.get(name, set())
        if not pairs:
            return
        self._changed_pairs[name] = set()
        instruments = [i for i in self._desk.venue.instruments.values() if i.pair in pairs]
        if stream.detail == "miniTicker":
            return self._send(name, [self._tickers.streamed_mini(i) for i in instruments])
        self._send(name, [self._tickers.streamed_window(i, stream.detail) for i in instruments])

    def _send_kline(self, name: str, stream: Stream, now_ms: int) -> None:
        interval, _, zone = stream.detail.partition("@")
        offset_ms = zone_offset_ms(zone) if zone else 0
        tape, instrument = self._desk.tapes[stream.pair], self._desk.venue.instruments[stream.pair]
        rows = bars(tape, interval, offset_ms, now_ms)
        shown = self._shown_bar.get(name, rows[-1].start_ms)
        due = [bar for bar in rows[-4:-1] if bar.start_ms >= shown]
        self._shown_bar[name] = rows[-1].start_ms
        if name in self._changed or due:
            due.append(rows[-1])
        self._changed.discard(name)
        last_id = tape.trades(1)[0].trade_id
        for bar in due:
            self._send(name, streamed_kline(bar, interval, offset_ms, instrument, last_id, now_ms))

    def _top(self, instrument: Instrument, count: int) -> Json:
        book = self._desk.venue.books[instrument.pair]
        return {
            "lastUpdateId": book.sequence,
            "bids": levels(book.bids, count, instrument),
            "asks": levels(book.asks, count, instrument),
        }

    def _average(self, instrument: Instrument, now_ms: int) -> Json:
        return {
            "e": "avgPrice",
            "E": Ms(now_ms),
            "s": symbol_of(instrument.pair),
            "i": "5m",
            "w": fixed(self._rules.average_ticks(instrument), instrument.price_scale),
            "T": Ms(self._desk.tapes[instrument.pair].trades(1)[0].time_ms),
        }

    def _send(self, name: str, message: object) -> None:
        data: dict[bool, bytes] = {}
        for subscriber in self._listeners[name]:
            unit = subscriber.microseconds
            if unit not in data:
                data[unit] = encode(message, microseconds=unit)
            subscriber.offer(name, data[unit])

    def _parsed(self, name: str) -> Stream | None:
        if name in _ALL:
            return Stream("all", "", _ALL[name], SLOW_MS)
        found = _NAME.fullmatch(name)
        instrument = self._pairs.get(found[1]) if found else None
        if found is None or instrument is None:
            return None
        kind, detail, tail = found[2], found[3] or "", found[4] or ""
        pair = instrument.pair
        if kind == "depth" and tail in ("", "100ms", "1000ms"):
            period_ms = FAST_MS if tail == "100ms" else SLOW_MS
            if detail == "":
                return Stream("depth", pair, "", period_ms)
            return Stream("top", pair, detail, period_ms) if detail in ("5", "10", "20") else None
        if kind == "kline" and detail[1:] in INTERVALS and tail in ("", "+08:00"):
            period_ms = SLOW_MS if detail == "_1s" else KLINE_MS
            return Stream("kline", pair, f"{detail[1:]}@{tail}" if tail else detail[1:], period_ms)
        if tail:
            return None
        if kind == "ticker" and detail in ("_1h", "_4h", "_1d"):
            return Stream("window", pair, detail[1:], SLOW_MS)
        if detail:
            return None
        if kind == "referencePrice":
            return Stream(kind, pair, "", SLOW_MS)
        at_once = kind in ("trade", "aggTrade", "blockTrade", "bookTicker")
        return Stream(kind, pair, "", 0 if at_once else SLOW_MS) if kind in _PLAIN else None


def _no_reference(instrument: Instrument, now_ms: int) -> Json:
    return {"e": "referencePrice", "s": symbol_of(instrument.pair), "r": None, "t": Ms(now_ms)}
