"""Crypto.com's public REST calls: instruments, book, trades, tickers, candles. No account is looked at here.

| what | rule | evidence |
|---|---|---|
| get-instruments | everything together, spot and others | sheet 3 |
| get-book | up to 50 levels [price, size, orders]; `t`, `u` | sheet 4; default 50 |
| get-trades | newest first, up to 150; `t` as a text | sheet 4; 150 from the exchange's docs |
| get-tickers | a last, b bid, k ask, c change as a fraction | sheet 4 |
| get-candlestick | oldest first, 25 unless told, up to 300; ms | sheet 4; the newest of a range: unconfirmed |
| one ticker or all | `instrument_name` | sheet 4 |
| bad numbers | 40004 | code unconfirmed |
| vv | quote value in USD at last prices | sheet 4 |
| 7D, 14D | from Mondays, counted from the epoch's first | unconfirmed |
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from app.core.types import Side
from app.paper.bars import MINUTE_MS, Bar, BarInterval, Interval
from app.paper.desk import Desk
from app.paper.dialects import crypto_com_wire as wire
from app.paper.dialects.crypto_com_auth import whole_text
from app.paper.dialects.crypto_com_books import levels
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_listings import PERPETUAL, symbol_of
from app.paper.dialects.crypto_com_rules import OrderRules, text
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.units import ratio_text, to_text

MOST_LEVELS = 50
MOST_TRADES = 150
MOST_BARS = 300
_DAY = 1440
_MONDAY_MS = 4 * _DAY * MINUTE_MS

Query = Mapping[str, str]


class Days(Struct, frozen=True):
    """A bar of several days; `value` is its length in minutes."""

    value: int

    def start(self, time_ms: int) -> int:
        length_ms = self.value * MINUTE_MS
        return (time_ms - _MONDAY_MS) // length_ms * length_ms + _MONDAY_MS

    def next_start(self, start_ms: int) -> int:
        return start_ms + self.value * MINUTE_MS


INTERVALS: dict[str, BarInterval] = {
    "1m": Interval.MINUTE_1,
    "5m": Interval.MINUTE_5,
    "15m": Interval.MINUTE_15,
    "30m": Interval.MINUTE_30,
    "1h": Interval.HOUR_1,
    "2h": Interval.HOUR_2,
    "4h": Interval.HOUR_4,
    "6h": Interval.HOUR_6,
    "12h": Interval.HOUR_12,
    "1D": Interval.DAY_1,
    "7D": Days(7 * _DAY),
    "14D": Days(14 * _DAY),
    "1M": Interval.MONTH_1,
}
TIMEFRAMES = INTERVALS | {
    name[-1].upper() + name[:-1]: interval for name, interval in INTERVALS.items() if name != "1M"
}
"""With the older names (M5, H1, D1)."""


class MarketData:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def instruments(self, query: Query) -> Json:
        rows = [wire.instrument_row(i, i.pair not in self._rules.closed) for i in self._desk.venue.instruments.values()]
        return {"data": [*rows, PERPETUAL]}

    def book(self, query: Query) -> Json:
        instrument = self._instrument(query)
        depth = count_of(query, "depth", MOST_LEVELS, MOST_LEVELS)
        book = self._desk.venue.books[instrument.pair]
        asks, bids = (levels(side, depth, instrument) for side in (book.asks, book.bids))
        now_ms = self._desk.venue.now_ms()
        row = {"asks": asks, "bids": bids, "t": now_ms, "tt": now_ms, "u": first_update_id(self._desk, book.sequence)}
        return {"depth": str(depth), "data": [row], "instrument_name": symbol_of(instrument.pair)}

    def trades(self, query: Query) -> Json:
        instrument = self._instrument(query)
        count = count_of(query, "count", 25, MOST_TRADES)
        start_ms, end_ms = moment(query, "start_ts"), moment(query, "end_ts")
        found = [
            trade_row(trade, instrument, as_text=True)
            for trade in self._desk.tapes[instrument.pair].trades(MOST_TRADES)
            if trade.time_ms >= start_ms and (not end_ms or trade.time_ms < end_ms)
        ]
        return {"data": found[:count]}

    def tickers(self, query: Query) -> Json:
        if text(query, "instrument_name"):
            return {"data": [self.ticker_row(self._instrument(query))]}
        return {"data": [self.ticker_row(i) for i in self._desk.venue.instruments.values()]}

    def ticker_row(self, instrument: Instrument) -> Json:
        now_ms = self._desk.venue.now_ms()
        book, scale = self._desk.venue.books[instrument.pair], instrument.price_scale
        day = self._desk.tapes[instrument.pair].day(now_ms)
        usd = self._rules.usd_value(instrument.quote, instrument.quote_amount(day.cells))
        row: Json = {
            "h": to_text(day.high, scale),
            "l": to_text(day.low, scale),
            "a": to_text(day.close, scale),
            "i": symbol_of(instrument.pair),
            "v": to_text(day.lots, instrument.quantity_scale),
            "vv": format(usd.quantize(wire.CENT), "f"),
            "oi": "0",
            "c": ratio_text(day.close - day.open, day.open, 4),
        }
        for price, size, side in (("b", "bs", book.bids), ("k", "ks", book.asks)):
            best = side.top(1)
            row[price] = to_text(best[0][0], scale) if best else None
            row[size] = to_text(best[0][1], instrument.quantity_scale) if best else None
        return row | {"t": now_ms}

    async def candles(self, query: Query) -> Json:
        instrument = self._instrument(query)
        name = text(query, "timeframe") or "1m"
        count = count_of(query, "count", 25, MOST_BARS)
        start_ms, end_ms = moment(query, "start_ts"), moment(query, "end_ts")
        await self.prepare_bars(instrument.pair, name)
        bars = self._desk.tapes[instrument.pair].bars(TIMEFRAMES[name], self._desk.venue.now_ms())
        chosen = [bar for bar in bars if bar.start_ms >= start_ms and (not end_ms or bar.start_ms < end_ms)][-count:]
        rows = [candle_row(bar, instrument) for bar in chosen]
        return {"interval": name, "data": rows, "instrument_name": symbol_of(instrument.pair)}

    async def prepare_bars(self, pair: str, name: str) -> None:
        """Do the slow work of one bar size in slices. Raises ApiError for an unknown one."""
        if name not in TIMEFRAMES:
            raise ApiError(40004)
        for _slice in self._desk.tapes[pair].prepare(TIMEFRAMES[name]):
            await asyncio.sleep(0)

    def _instrument(self, query: Query) -> Instrument:
        return self._rules.instrument(query)


def first_update_id(desk: Desk, sequence: int) -> int:
    """`u` of a book after so many changes: large, rising, jumping (sheet 4)."""
    return desk.opened_ms * 44 + sequence * 1024


def trade_row(trade: Execution, instrument: Instrument, *, as_text: bool = False) -> Json:
    """Times are texts over REST and numbers in frames (sheet 2 and 4)."""
    return {
        "d": str(trade.trade_id),
        "t": str(trade.time_ms) if as_text else trade.time_ms,
        "tn": f"{trade.time_ms}{trade.trade_id % 1_000_000:06d}",
        "q": to_text(trade.lots, instrument.quantity_scale),
        "p": to_text(trade.ticks, instrument.price_scale),
        "s": "BUY" if trade.taker_side is Side.BUY else "SELL",
        "i": symbol_of(instrument.pair),
        "m": str(trade.trade_id),
    }


def candle_row(bar: Bar, instrument: Instrument) -> Json:
    names = zip("ohlc", (bar.open, bar.high, bar.low, bar.close), strict=True)
    row: Json = {name: to_text(value, instrument.price_scale) for name, value in names}
    return row | {"v": to_text(bar.lots, instrument.quantity_scale), "t": bar.start_ms}


def count_of(query: Mapping[str, object], name: str, default: int, most: int) -> int:
    """A count up to `most`; more is cut down to it. Raises ApiError."""
    value = query.get(name)
    if value is None or value == "":
        return default
    given = whole_text(value)
    if not given or int(given) == 0:
        raise ApiError(40004)
    return min(int(given), most)


def moment(query: Query, name: str) -> int:
    """Milliseconds; zero when absent. Raises ApiError."""
    value = query.get(name)
    if not value:
        return 0
    given = whole_text(value)
    if not given:
        raise ApiError(40004)
    return int(given)
