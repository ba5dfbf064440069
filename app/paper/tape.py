"""What the public sees of one pair's trading: recent trades, candles, the last 24 hours. Fed by executions; no book."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from random import Random

from msgspec import Struct

from app.core.types import Side
from app.paper.bars import MINUTE_MS, Bar, BarInterval, Interval, SeededPast, flat
from app.paper.events import Execution

KEPT_TRADES = 1000
_DAY_MINUTES = 1440


class DaySummary(Struct, frozen=True, kw_only=True):
    """Rolling 24 hours; prices in ticks, volumes in lots (base) and cells (quote)."""

    open: int
    high: int
    low: int
    close: int
    lots: int
    cells: int
    trades: int
    start_ms: int
    close_ms: int


class Tape:
    """One pair. `roll` before reading, so that quiet minutes exist too."""

    def __init__(
        self,
        pair: str,
        past: SeededPast,
        seed: str,
        opened_ms: int,
        first_trade_id: int,
        intervals: Iterable[BarInterval] = tuple(Interval),
    ) -> None:
        self.pair = pair
        self._past = past
        self._seed = seed
        self._opened_ms = opened_ms
        self._first_trade_id = first_trade_id
        self._trades: deque[Execution] = deque(maxlen=KEPT_TRADES)
        self._older: list[Execution] | None = None
        (opening,) = past.minutes(1)
        self._day: deque[Bar] = deque(maxlen=_DAY_MINUTES - 1)
        self._day_is_whole = False
        self._now = opening.copy(opening.start_ms)
        self._live_from = self._now.start_ms
        self._live = flat(self._live_from, self._now.close)
        self._series: dict[BarInterval, deque[Bar]] = {i: deque(maxlen=SeededPast.KEPT) for i in intervals}

    def record(self, trade: Execution) -> None:
        self.roll(trade.time_ms)
        self._trades.append(trade)
        cells = trade.ticks * trade.lots
        bought = trade.taker_side is Side.BUY
        ticks, lots = trade.ticks, trade.lots
        for bar in (self._live, self._now) if self._live is not self._now else (self._now,):
            bar.close = ticks
            if ticks > bar.high:
                bar.high = ticks
            if ticks < bar.low:
                bar.low = ticks
            bar.lots += lots
            bar.cells += cells
            bar.trades += 1
            if bought:
                bar.buy_lots += lots
                bar.buy_cells += cells

    def roll(self, now_ms: int) -> None:
        """Close the minutes that are over."""
        start = now_ms // MINUTE_MS * MINUTE_MS
        if start <= self._now.start_ms:
            return
        while self._now.start_ms < start:
            self._fold(self._live)
            self._day.append(self._now)
            self._live = self._now = flat(self._now.start_ms + MINUTE_MS, self._now.close)
        if self._day_is_whole:
            self._sum_day()

    def trades(self, count: int) -> list[Execution]:
        """The most recent trades, newest first; those before the opening are seeded."""
        live = list(self._trades)[-count:][::-1]
        if len(live) < count:
            if self._older is None:
                self._older = self._draw_older()
            live += self._older[: count - len(live)]
        return live

    def prepare(self, interval: BarInterval) -> Iterator[None]:
        """Build what `bars` needs, a few milliseconds at a time."""
        return self._past.build(interval)

    def bars(self, interval: BarInterval, now_ms: int) -> list[Bar]:
        """Past and live bars, oldest first; the last one is unfinished."""
        self.roll(now_ms)
        merged = [bar.copy(bar.start_ms) for bar in self._past.bars(interval)]
        for bar in (*self._series[interval], self._live):
            start = interval.start(bar.start_ms)
            if merged and merged[-1].start_ms == start:
                merged[-1].absorb(bar)
            else:
                merged.append(bar.copy(start))
        return merged

    def bar(self, interval: BarInterval, now_ms: int) -> Bar:
        """The unfinished bar alone."""
        self.roll(now_ms)
        start = interval.start(self._live.start_ms)
        current = self._live.copy(start)
        for earlier in (self._series[interval], self._past.bars(interval)):
            if earlier and earlier[-1].start_ms == start:
                before = earlier[-1].copy(start)
                before.absorb(current)
                current = before
        return current

    def day(self, now_ms: int) -> DaySummary:
        self.roll(now_ms)
        if not self._day_is_whole:
            self._day_is_whole = True
            self._day = deque([*self._past.minutes(_DAY_MINUTES)[:-1], *self._day], maxlen=_DAY_MINUTES - 1)
            self._sum_day()
        first = self._day[0]
        return DaySummary(
            open=first.open,
            high=max(self._day_high, self._now.high),
            low=min(self._day_low, self._now.low),
            close=self._now.close,
            lots=self._day_lots + self._now.lots,
            cells=self._day_cells + self._now.cells,
            trades=self._day_trades + self._now.trades,
            start_ms=first.start_ms,
            close_ms=now_ms,
        )

    def open_of(self, minute_ms: int, now_ms: int) -> int:
        """Opening ticks of a minute of the last 24 hours, or of the nearest one in them."""
        self.day(now_ms)
        index = max(0, (minute_ms - self._day[0].start_ms) // MINUTE_MS)
        return self._day[index].open if index < len(self._day) else self._now.open

    def _fold(self, minute: Bar) -> None:
        for interval, series in self._series.items():
            start = interval.start(minute.start_ms)
            if series and series[-1].start_ms == start:
                series[-1].absorb(minute)
            else:
                series.append(minute.copy(start))

    def _sum_day(self) -> None:
        self._day_high = max(bar.high for bar in self._day)
        self._day_low = min(bar.low for bar in self._day)
        self._day_lots = sum(bar.lots for bar in self._day)
        self._day_cells = sum(bar.cells for bar in self._day)
        self._day_trades = sum(bar.trades for bar in self._day)

    def _draw_older(self) -> list[Execution]:
        """Trades before the opening, newest first, inside the seeded minutes they fall in."""
        rng = Random(f"{self._seed}/trades")
        bars = {bar.start_ms: bar for bar in self._past.minutes(_DAY_MINUTES)}
        drawn: list[Execution] = []
        time_ms = self._opened_ms
        trade_id = self._first_trade_id
        while len(drawn) < KEPT_TRADES:
            time_ms -= 1 + int(rng.expovariate(1 / 7_000))
            bar = bars.get(time_ms // MINUTE_MS * MINUTE_MS)
            if bar is None:
                break
            trade_id -= 1
            along = (time_ms - bar.start_ms) / MINUTE_MS
            ticks = round(bar.open + (bar.close - bar.open) * along + (bar.high - bar.low) * rng.gauss(0.0, 0.1))
            lots = max(1, int(bar.lots / bar.trades * rng.lognormvariate(-0.5, 1.0)))
            drawn.append(
                Execution(
                    pair=self.pair,
                    trade_id=trade_id,
                    taker_side=Side.BUY if rng.random() < 0.5 else Side.SELL,
                    ticks=max(bar.low, min(bar.high, ticks)),
                    lots=lots,
                    maker_order_id=0,
                    taker_order_id=0,
                    time_ms=time_ms,
                )
            )
        return drawn
