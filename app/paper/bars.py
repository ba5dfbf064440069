"""Candles in ticks and lots: intervals, rolling up, and a seeded past built only when asked for. No live trades."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from math import exp, sqrt
from random import Random
from typing import Protocol

from msgspec import Struct

from app.paper.listings import Listing

MINUTE_MS = 60_000
_HOUR = 60
_DAY = 1440
_MONDAY_OFFSET_MS = 4 * _DAY * MINUTE_MS
"""The epoch was a Thursday."""


class BarInterval(Protocol):
    """What bars need to know of an interval. `value` is its length in minutes; an exchange may bring its own set."""

    @property
    def value(self) -> int: ...

    def start(self, time_ms: int) -> int:
        """Start of the bar that holds this moment."""
        ...

    def next_start(self, start_ms: int) -> int: ...


class Interval(Enum):
    """Length in minutes; a month counts by the calendar (UTC)."""

    MINUTE_1 = 1
    MINUTE_5 = 5
    MINUTE_10 = 10
    MINUTE_15 = 15
    MINUTE_30 = 30
    HOUR_1 = 60
    HOUR_2 = 120
    HOUR_4 = 240
    HOUR_6 = 360
    HOUR_12 = 720
    DAY_1 = 1440
    DAY_3 = 4320
    WEEK_1 = 10_080
    MONTH_1 = 43_830

    def start(self, time_ms: int) -> int:
        """Start of the bar that holds this moment."""
        if self is Interval.MONTH_1:
            moment = datetime.fromtimestamp(time_ms // 1000, UTC)
            return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * 1000
        length: int = self.value * MINUTE_MS
        shift = _MONDAY_OFFSET_MS if self is Interval.WEEK_1 else 0
        return (time_ms - shift) // length * length + shift

    def next_start(self, start_ms: int) -> int:
        if self is Interval.MONTH_1:
            return self.start(start_ms + 32 * _DAY * MINUTE_MS)
        length: int = self.value * MINUTE_MS
        return start_ms + length


class Bar(Struct):
    """One candle. Prices in ticks, `lots` base, `cells` quote; `buy_*` is the part bought by takers."""

    start_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    cells: int = 0
    buy_lots: int = 0
    buy_cells: int = 0
    trades: int = 0

    def absorb(self, later: Bar) -> None:
        """Extend this bar by a later part of it."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.lots += later.lots
        self.cells += later.cells
        self.buy_lots += later.buy_lots
        self.buy_cells += later.buy_cells
        self.trades += later.trades

    def copy(self, start_ms: int) -> Bar:
        return Bar(
            start_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.lots,
            self.cells,
            self.buy_lots,
            self.buy_cells,
            self.trades,
        )


def flat(start_ms: int, ticks: int) -> Bar:
    """A bar without trades."""
    return Bar(start_ms, ticks, ticks, ticks, ticks)


def roll_up(bars: list[Bar], interval: BarInterval) -> list[Bar]:
    """Bars (oldest first) combined to a longer interval; the first may be incomplete."""
    rolled: list[Bar] = []
    end = -1
    for bar in bars:
        if bar.start_ms < end:
            rolled[-1].absorb(bar)
        else:
            rolled.append(bar.copy(interval.start(bar.start_ms)))
            end = interval.next_start(rolled[-1].start_ms)
    return rolled


class SeededPast:
    """Bars before the venue opened, ending at `anchor_ticks` in the bar that holds `anchor_ms`.

    Minutes are the truth; hours are rolled from minutes and days from hours as far as those reach, older ones are drawn
    directly. Nothing is drawn before somebody asks.
    """

    KEPT = 600
    _MINUTES = 30 * (KEPT + 1)
    _HOURS = 12 * (KEPT + 1)
    _DAYS = 31 * (KEPT + 1)
    _SLICE = 250

    def __init__(self, listing: Listing, seed: str, anchor_ms: int, anchor_ticks: int) -> None:
        self._listing = listing
        self._anchor_ms = anchor_ms
        self._anchor_ticks = anchor_ticks
        self._home = listing.instrument.ticks(listing.reference_price)
        self._rng = {unit: Random(f"{seed}/{unit}") for unit in (1, _HOUR, _DAY)}
        self._newest_first: dict[int, list[Bar]] = {1: [], _HOUR: [], _DAY: []}
        self._rolled: dict[BarInterval, list[Bar]] = {}

    def minutes(self, count: int) -> list[Bar]:
        """The last `count` minutes, oldest first; the newest is the one the venue opened in."""
        for _ in self._draw(1, count):
            pass
        return self._newest_first[1][:count][::-1]

    def build(self, interval: BarInterval) -> Iterator[None]:
        """Do the work for `bars(interval)` in slices of a few milliseconds."""
        if interval in self._rolled:
            return
        whole_days = interval.value >= _DAY and interval.start(0) % (_DAY * MINUTE_MS) == 0
        unit = 1 if interval.value < _HOUR else _DAY if whole_days else _HOUR
        yield from self._draw(1, self._MINUTES if unit > 1 else (self.KEPT + 1) * interval.value)
        if unit >= _HOUR:
            yield from self._continue(_HOUR, Interval.HOUR_1, 1, self._HOURS)
        if unit >= _DAY:
            yield from self._continue(_DAY, Interval.DAY_1, _HOUR, self._DAYS)
        needed = (self.KEPT + 1) * -(-interval.value // unit)
        rolled = roll_up(self._newest_first[unit][:needed][::-1], interval)
        self._rolled[interval] = rolled[1:][-self.KEPT :]

    def bars(self, interval: BarInterval) -> list[Bar]:
        """Up to KEPT bars, oldest first."""
        for _ in self.build(interval):
            pass
        return self._rolled[interval]

    def _continue(self, unit: int, interval: BarInterval, finer: int, count: int) -> Iterator[None]:
        bars = self._newest_first[unit]
        if not bars:
            bars.extend(roll_up(self._newest_first[finer][: self._MINUTES][::-1], interval)[1:][::-1])
        yield
        yield from self._draw(unit, count)

    def _draw(self, unit: int, count: int) -> Iterator[None]:
        bars = self._newest_first[unit]
        rng = self._rng[unit]
        length = unit * MINUTE_MS
        while len(bars) < count:
            if len(bars) % self._SLICE == 0 and bars:
                yield
            if bars:
                start, close = bars[-1].start_ms - length, bars[-1].open
            else:
                start, close = self._anchor_ms // length * length, self._anchor_ticks
            bars.append(self._bar(rng, unit, start, close))

    def _bar(self, rng: Random, unit: int, start_ms: int, close: int) -> Bar:
        sigma = self._listing.daily_volatility * sqrt(unit / _DAY)
        pull = (self._home / close - 1.0) * unit / _DAY / 250.0
        opened = max(1, round(close * exp(pull + sigma * rng.gauss(0.0, 1.0))))
        high = round(max(opened, close) * (1.0 + 0.45 * sigma * abs(rng.gauss(0.0, 1.0))))
        low = max(1, round(min(opened, close) * (1.0 - 0.45 * sigma * abs(rng.gauss(0.0, 1.0)))))
        trades = max(1, int(9 * unit * exp(rng.gauss(0.0, 0.8 / sqrt(unit)))))
        notional = self._listing.typical_notional * 0.4 * trades
        lots = max(1, int(notional / close * 10**self._listing.instrument.cell_scale))
        share = 500 + int(200 * max(-1.0, min(1.0, (close - opened) / close / sigma + rng.uniform(-0.4, 0.4))))
        cells = lots * (opened + close + high + low) // 4
        cells = max(lots * low, min(lots * high, cells))
        return Bar(start_ms, opened, high, low, close, lots, cells, lots * share // 1000, cells * share // 1000, trades)
