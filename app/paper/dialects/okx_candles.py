"""OKX' bars: their names, their borders (UTC+8 or UTC) and their rows. When to send them is decided elsewhere.

| what | rule | evidence |
|---|---|---|
| row | ts, o, h, l, c, vol (base), volCcy (quote), volCcyQuote, confirm; newest first | sheet 3.1 |
| 6H and longer | borders in UTC+8; with `utc` at the end in UTC | sheet 3.1 |
| 1W | Mondays | unconfirmed |
| 2D, 3D, 5D | counted from the epoch's first day | unconfirmed |
| 1s | made from the last 1000 trades, so they reach back minutes only | limit of this twin |
| weeks and months in UTC+8 | reach back ten months | limit of this twin |
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from app.paper.bars import MINUTE_MS, Bar, flat
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.units import to_text

SECOND_MS = 1000
_KEPT_SECONDS = 1440
_DAY = 1440
_DAY_MS = _DAY * MINUTE_MS
_SHIFT_MS = 8 * 3_600_000
_MONDAY_MS = 4 * _DAY_MS
_WEEK = 7 * _DAY
_MONTH = 43_830


class OkxBar(Struct, frozen=True, kw_only=True):
    """One bar size. `months` is zero except for those that follow the calendar."""

    name: str
    value: int
    """Minutes."""
    shift_ms: int = 0
    """How far its borders lie before those of UTC."""
    months: int = 0

    def start(self, time_ms: int) -> int:
        local_ms = time_ms + self.shift_ms
        if self.months:
            moment = datetime.fromtimestamp(local_ms // 1000, UTC)
            month = (moment.month - 1) // self.months * self.months + 1
            return int(datetime(moment.year, month, 1, tzinfo=UTC).timestamp()) * 1000 - self.shift_ms
        origin_ms = _MONDAY_MS if self.value == _WEEK else 0
        length_ms = self.value * MINUTE_MS
        return (local_ms - origin_ms) // length_ms * length_ms + origin_ms - self.shift_ms

    def next_start(self, start_ms: int) -> int:
        if self.months:
            return self.start(start_ms + self.months * 31 * _DAY_MS + _DAY_MS)
        return start_ms + self.value * MINUTE_MS


def _bars() -> dict[str, OkxBar]:
    sizes = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240}
    bars = {name: OkxBar(name=name, value=minutes) for name, minutes in sizes.items()}
    long = {"6H": 360, "12H": 720, "1D": _DAY, "2D": 2 * _DAY, "3D": 3 * _DAY, "5D": 5 * _DAY, "1W": _WEEK}
    long |= {"1M": _MONTH, "3M": 3 * _MONTH}
    for name, minutes in long.items():
        months = minutes // _MONTH
        bars[name] = OkxBar(name=name, value=minutes, shift_ms=_SHIFT_MS, months=months)
        bars[f"{name}utc"] = OkxBar(name=f"{name}utc", value=minutes, months=months)
    return bars


BARS = _bars()
SECONDS = "1s"
"""Not an interval of the tape: made from trades."""


def candle_row(bar: Bar, end_ms: int, instrument: Instrument, now_ms: int) -> list[str]:
    """`end_ms` is the start of the bar after this one."""
    prices = (to_text(ticks, instrument.price_scale) for ticks in (bar.open, bar.high, bar.low, bar.close))
    quote = to_text(bar.cells, instrument.cell_scale)
    base = to_text(bar.lots, instrument.quantity_scale)
    return [str(bar.start_ms), *prices, base, quote, quote, "1" if end_ms <= now_ms else "0"]


def second_bars(trades: list[Execution], now_ms: int) -> list[Bar]:
    """One bar a second, oldest first, from trades given newest first; the last one is unfinished."""
    bars: list[Bar] = []
    for trade in reversed(trades):
        start_ms = trade.time_ms // SECOND_MS * SECOND_MS
        _fill(bars, start_ms)
        if not bars or bars[-1].start_ms != start_ms:
            bars.append(flat(start_ms, trade.ticks))
        cells = trade.ticks * trade.lots
        bars[-1].absorb(Bar(start_ms, trade.ticks, trade.ticks, trade.ticks, trade.ticks, trade.lots, cells, trades=1))
    _fill(bars, now_ms // SECOND_MS * SECOND_MS + SECOND_MS)
    return bars


def _fill(bars: list[Bar], until_ms: int) -> None:
    """Seconds without a trade; after a long silence only the last ones."""
    if bars and until_ms - bars[-1].start_ms > _KEPT_SECONDS * SECOND_MS:
        close = bars[-1].close
        bars[:] = [flat(until_ms - _KEPT_SECONDS * SECOND_MS, close)]
    while bars and bars[-1].start_ms + SECOND_MS < until_ms:
        bars.append(flat(bars[-1].start_ms + SECOND_MS, bars[-1].close))
