"""Binance' tickers, asked for and streamed: 24 hours, rolling windows, the trading day, last and best prices.

| what | rule | evidence |
|---|---|---|
| 24 hours | rolling, from the engine's minutes; FULL or MINI | fields sheet 3.2 and exchange's page |
| windows | 1m-59m, 1h-23h, 1d-7d; start on a minute; cut where the kept candles end | exchange's page; the cut ours |
| trading day | from midnight of the time zone | exchange's page |
| firstId, lastId, F, L | counted back from the last trade | ours |
| prevClosePrice, x | the open price | ours |
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.paper.bars import MINUTE_MS, Bar
from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_klines import bars, zone_offset_ms
from app.paper.dialects.binance_symbols import Symbols
from app.paper.dialects.binance_wire import Json, Ms, fixed, symbol_of
from app.paper.listings import Instrument
from app.paper.matching import BookSide
from app.paper.tape import DaySummary
from app.paper.units import ratio_text

_KINDS = frozenset({"FULL", "MINI"})
_WINDOW = re.compile(r"([1-9]|[1-5]\d)m|([1-9]|1\d|2[0-3])h|([1-7])d")
_DAY_MS = 1440 * MINUTE_MS
_BARS = (("1m", 1), ("3m", 3), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60))
_MOST_BARS = 590


class Tickers:
    def __init__(self, desk: Desk, symbols: Symbols) -> None:
        self._desk = desk
        self._symbols = symbols

    def day(self, call: Call) -> Json | list[Json]:
        kind = call.optional("type", "FULL")
        if kind not in _KINDS:
            raise ApiError(-1139)
        return self._each(call, lambda i: self._day_row(i, kind))

    def window(self, call: Call) -> Json | list[Json]:
        self._require_symbols(call)
        kind = call.optional("type", "FULL")
        if kind not in _KINDS:
            raise ApiError(-1139)
        length_ms = _window_ms(call.optional("windowSize", "1d"))
        return self._each(call, lambda i: _rest_row(self.summary(i, length_ms), i, self._last_id(i), kind))

    def trading_day(self, call: Call) -> Json | list[Json]:
        self._require_symbols(call)
        kind = call.optional("type", "FULL")
        if kind not in _KINDS:
            raise ApiError(-1139)
        offset_ms = zone_offset_ms(call.optional("timeZone", "0"))
        now_ms = self._desk.venue.now_ms()
        start_ms = (now_ms + offset_ms) // _DAY_MS * _DAY_MS - offset_ms

        def row(instrument: Instrument) -> Json:
            summary = self._since(instrument, start_ms, start_ms + _DAY_MS - 1)
            return _rest_row(summary, instrument, self._last_id(instrument), kind)

        return self._each(call, row)

    def price(self, call: Call) -> Json | list[Json]:
        last = self._desk.venue.last_ticks
        return self._each(call, lambda i: {"symbol": symbol_of(i.pair), "price": fixed(last[i.pair], i.price_scale)})

    def best(self, call: Call) -> Json | list[Json]:
        return self._each(call, self._best_row)

    def summary(self, instrument: Instrument, length_ms: int) -> DaySummary:
        """The last `length_ms` and up to a minute more."""
        now_ms = self._desk.venue.now_ms()
        start_ms = (now_ms - length_ms) // MINUTE_MS * MINUTE_MS
        return self._since(instrument, start_ms, now_ms)

    def streamed_day(self, instrument: Instrument) -> Json:
        now_ms = self._desk.venue.now_ms()
        tape = self._desk.tapes[instrument.pair]
        summary, latest = tape.day(now_ms), tape.trades(1)[0]
        row = _streamed("24hrTicker", summary, instrument, self._last_id(instrument), now_ms)
        book = self._desk.venue.books[instrument.pair]
        row |= {"x": row["o"], "Q": fixed(latest.lots, instrument.quantity_scale)}
        return row | _best_fields(book.bids, "b", "B", instrument) | _best_fields(book.asks, "a", "A", instrument)

    def streamed_mini(self, instrument: Instrument) -> Json:
        now_ms = self._desk.venue.now_ms()
        summary = self._desk.tapes[instrument.pair].day(now_ms)
        row = _streamed("24hrMiniTicker", summary, instrument, 0, now_ms)
        return {key: row[key] for key in ("e", "E", "s", "c", "o", "h", "l", "v", "q")}

    def streamed_window(self, instrument: Instrument, name: str) -> Json:
        summary = self.summary(instrument, _window_ms(name))
        now_ms = self._desk.venue.now_ms()
        return _streamed(f"{name}Ticker", summary, instrument, self._last_id(instrument), now_ms)

    def _each(self, call: Call, row: Callable[[Instrument], Json]) -> Json | list[Json]:
        chosen = self._symbols.chosen(call)
        return row(chosen[0]) if call.has("symbol") else [row(instrument) for instrument in chosen]

    @staticmethod
    def _require_symbols(call: Call) -> None:
        if not call.has("symbol") and not call.has("symbols"):
            raise ApiError(-1102, message="Param 'symbol' or 'symbols' must be sent, but both were empty/null!")

    def _day_row(self, instrument: Instrument, kind: str) -> Json:
        tape = self._desk.tapes[instrument.pair]
        summary = tape.day(self._desk.venue.now_ms())
        row = _rest_row(summary, instrument, self._last_id(instrument), kind)
        if kind == "MINI":
            return row
        best = self._best_row(instrument)
        del best["symbol"]
        latest = tape.trades(1)[0]
        return (
            row
            | best
            | {
                "prevClosePrice": row["openPrice"],
                "lastQty": fixed(latest.lots, instrument.quantity_scale),
            }
        )

    def _best_row(self, instrument: Instrument) -> Json:
        book = self._desk.venue.books[instrument.pair]
        bid = _best_fields(book.bids, "bidPrice", "bidQty", instrument)
        return {"symbol": symbol_of(instrument.pair)} | bid | _best_fields(book.asks, "askPrice", "askQty", instrument)

    def _since(self, instrument: Instrument, start_ms: int, end_ms: int) -> DaySummary:
        now_ms = self._desk.venue.now_ms()
        minutes = (now_ms - start_ms) / MINUTE_MS
        name = next((name for name, length in _BARS if minutes <= length * _MOST_BARS), "1h")
        rows = bars(self._desk.tapes[instrument.pair], name, 0, now_ms)
        rows = [bar for bar in rows if bar.start_ms >= start_ms] or rows[-1:]
        total: Bar = rows[0].copy(start_ms)
        for later in rows[1:]:
            total.absorb(later)
        return DaySummary(
            open=total.open,
            high=total.high,
            low=total.low,
            close=total.close,
            lots=total.lots,
            cells=total.cells,
            trades=total.trades,
            start_ms=start_ms,
            close_ms=end_ms,
        )

    def _last_id(self, instrument: Instrument) -> int:
        return self._desk.tapes[instrument.pair].trades(1)[0].trade_id


def _window_ms(text: str) -> int:
    if not _WINDOW.fullmatch(text):
        raise ApiError(-1130, "windowSize")
    return int(text[:-1]) * {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": _DAY_MS}[text[-1]]


def _best_fields(side: BookSide, price: str, amount: str, instrument: Instrument) -> Json:
    ticks, lots = (side.top(1) or [(0, 0)])[0]
    return {price: fixed(ticks, instrument.price_scale), amount: fixed(lots, instrument.quantity_scale)}


def _rest_row(summary: DaySummary, instrument: Instrument, last_id: int, kind: str) -> Json:
    prices = instrument.price_scale
    row: Json = {"symbol": symbol_of(instrument.pair)}
    if kind == "FULL":
        row |= {
            "priceChange": fixed(summary.close - summary.open, prices),
            "priceChangePercent": _percent(summary),
            "weightedAvgPrice": _average(summary, instrument),
        }
    return row | {
        "openPrice": fixed(summary.open, prices),
        "highPrice": fixed(summary.high, prices),
        "lowPrice": fixed(summary.low, prices),
        "lastPrice": fixed(summary.close, prices),
        "volume": fixed(summary.lots, instrument.quantity_scale),
        "quoteVolume": fixed(summary.cells, instrument.cell_scale),
        "openTime": Ms(summary.start_ms),
        "closeTime": Ms(summary.close_ms),
        "firstId": last_id - summary.trades + 1,
        "lastId": last_id,
        "count": summary.trades,
    }


def _streamed(event: str, summary: DaySummary, instrument: Instrument, last_id: int, now_ms: int) -> Json:
    prices = instrument.price_scale
    return {
        "e": event,
        "E": Ms(now_ms),
        "s": symbol_of(instrument.pair),
        "p": fixed(summary.close - summary.open, prices),
        "P": _percent(summary),
        "o": fixed(summary.open, prices),
        "h": fixed(summary.high, prices),
        "l": fixed(summary.low, prices),
        "c": fixed(summary.close, prices),
        "w": _average(summary, instrument),
        "v": fixed(summary.lots, instrument.quantity_scale),
        "q": fixed(summary.cells, instrument.cell_scale),
        "O": Ms(summary.start_ms),
        "C": Ms(summary.close_ms),
        "F": last_id - summary.trades + 1,
        "L": last_id,
        "n": summary.trades,
    }


def _percent(summary: DaySummary) -> str:
    """Three decimals, as the exchange's examples have."""
    text = ratio_text((summary.close - summary.open) * 100, summary.open, 3)
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(3, '0')}"


def _average(summary: DaySummary, instrument: Instrument) -> str:
    """Quote volume over base volume."""
    scale = instrument.price_scale
    return fixed(summary.cells * 10 ** (8 - scale) // summary.lots if summary.lots else 0, 8)
