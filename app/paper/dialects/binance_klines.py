"""Binance' candles: its intervals, also with another day border, and one-second bars. No HTTP, no streams.

| what | rule | evidence |
|---|---|---|
| intervals | 1s to 1M, case-sensitive; weeks start on Monday | sheet 3.2; Monday is the engine's, unconfirmed |
| timeZone, `@+08:00` | shifts the borders; -12:00 to +14:00 | sheet 3.2, exchange's page |
| 1s | a bar for every second, also without trades; from the last thousand trades | length ours |
| how far back | 600 bars as the engine keeps them | ours |
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from app.core.types import Side
from app.paper.bars import MINUTE_MS, Bar, flat
from app.paper.dialects.binance_errors import ApiError
from app.paper.events import Execution
from app.paper.tape import Tape

SECOND_MS = 1000
_DAY_MINUTES = 1440
_MONTH_MINUTES = 43_830
_MONDAY_MS = 4 * _DAY_MINUTES * MINUTE_MS
_MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480,
    "12h": 720, "1d": _DAY_MINUTES, "3d": 4320, "1w": 10_080, "1M": _MONTH_MINUTES,
}  # fmt: skip
INTERVALS = ("1s", *_MINUTES)
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?")


class KlineInterval:
    """One interval of Binance with its borders `offset_ms` east of UTC. Equal ones are the same object."""

    def __init__(self, name: str, offset_ms: int) -> None:
        self.name = name
        self.value = _MINUTES[name]
        self._offset_ms = offset_ms + (0 if name != "1w" else -_MONDAY_MS)

    def start(self, time_ms: int) -> int:
        local_ms = time_ms + self._offset_ms
        if self.name == "1M":
            moment = datetime.fromtimestamp(local_ms // 1000, UTC)
            local_ms = int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp()) * 1000
        else:
            local_ms -= local_ms % (self.value * MINUTE_MS)
        return local_ms - self._offset_ms

    def next_start(self, start_ms: int) -> int:
        if self.name == "1M":
            return self.start(start_ms + 32 * _DAY_MINUTES * MINUTE_MS)
        return start_ms + self.value * MINUTE_MS


_KNOWN: dict[tuple[str, int], KlineInterval] = {(name, 0): KlineInterval(name, 0) for name in _MINUTES}
NATIVE = tuple(_KNOWN.values())
"""The intervals in UTC, of which tapes keep live series."""


def kline_interval(name: str, offset_ms: int = 0) -> KlineInterval:
    """Raises KeyError for unknown names and for 1s."""
    known = _KNOWN.get((name, offset_ms))
    if known is None:
        known = _KNOWN[name, offset_ms] = KlineInterval(name, offset_ms)
    return known


def zone_offset_ms(text: str) -> int:
    """`+08:00`, `8`, `-1:00` east of UTC. Raises ApiError."""
    found = _ZONE.fullmatch(text)
    if found is None:
        raise ApiError(-1130, "timeZone")
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if found[1] == "-":
        minutes = -minutes
    if not -12 * 60 <= minutes <= 14 * 60 or int(found[3] or 0) > 59:
        raise ApiError(-1130, "timeZone")
    return minutes * MINUTE_MS


def bars(tape: Tape, name: str, offset_ms: int, now_ms: int) -> list[Bar]:
    """Oldest first, the last one unfinished."""
    if name == "1s":
        return _seconds(tape, now_ms)
    interval = kline_interval(name, offset_ms)
    native = kline_interval(name)
    if interval is native or interval.start(0) == native.start(0):
        return tape.bars(native, now_ms)
    finer = kline_interval("1h" if offset_ms % (60 * MINUTE_MS) == 0 else "15m")
    return _rolled(tape.bars(finer, now_ms), interval)


def close_ms(start_ms: int, name: str, offset_ms: int) -> int:
    """The last millisecond of a bar."""
    if name == "1s":
        return start_ms + SECOND_MS - 1
    return kline_interval(name, offset_ms).next_start(start_ms) - 1


def _rolled(finer: list[Bar], interval: KlineInterval) -> list[Bar]:
    rolled: list[Bar] = []
    for bar in finer:
        start = interval.start(bar.start_ms)
        if rolled and rolled[-1].start_ms == start:
            rolled[-1].absorb(bar)
        else:
            rolled.append(bar.copy(start))
    return rolled[1:] if len(rolled) > 1 else rolled


def _seconds(tape: Tape, now_ms: int) -> list[Bar]:
    found: list[Bar] = []
    for trade in reversed(tape.trades(1000)):
        _fill_up(found, trade.time_ms)
        bar = _bar_of(trade)
        if found and found[-1].start_ms == bar.start_ms:
            if found[-1].trades == 0:
                found[-1] = bar
            else:
                found[-1].absorb(bar)
        else:
            found.append(bar)
    _fill_up(found, now_ms)
    return found[-1000:]


def _fill_up(found: list[Bar], until_ms: int) -> None:
    """Bars without trades up to the second that holds this moment."""
    while found and found[-1].start_ms + SECOND_MS <= until_ms:
        found.append(flat(found[-1].start_ms + SECOND_MS, found[-1].close))


def _bar_of(trade: Execution) -> Bar:
    cells = trade.ticks * trade.lots
    bought = trade.taker_side is Side.BUY
    return Bar(
        trade.time_ms // SECOND_MS * SECOND_MS,
        trade.ticks,
        trade.ticks,
        trade.ticks,
        trade.ticks,
        trade.lots,
        cells,
        trade.lots if bought else 0,
        cells if bought else 0,
        1,
    )
