"""Where the lines of a chart's axes stand and what is written there. Floats for pixels only; no painting."""

from __future__ import annotations

from datetime import tzinfo
from math import ceil, floor, log10

from app.ui import format as show

_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
_DAYS = (1, 2, 7, 14, 30, 91, 182, 365)
_DAY_MS = 86_400_000


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values between the two, 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not span > 0 or most < 1:
        return []
    raw = span / most
    unit = 10.0 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * 0.999999)
    return [at * step for at in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten between the two, with 2 and 5 between them where there is room."""
    if not 0 < low < high:
        return []
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    tens = [10.0**exponent for exponent in exponents]
    fine = [ten * factor for ten in tens for factor in (1, 2, 5)]
    chosen = fine if len(fine) <= most * 1.6 else tens
    return [value for value in chosen if low <= value <= high]


def step_decimals(ticks: list[float]) -> int:
    """Digits after the point that tell neighbouring ticks apart."""
    if len(ticks) < 2:
        return 2
    return min(12, max(0, -floor(log10(abs(ticks[1] - ticks[0])) + 1e-9)))


def time_ticks(first_ms: int, last_ms: int, most: int, zone: tzinfo | None) -> list[tuple[int, str]]:
    """Round times of that zone, with a label: the date where a day begins, else hours and minutes."""
    span = last_ms - first_ms
    if span <= 0 or most < 1:
        return []
    offset = _offset_ms(first_ms, zone)
    wanted = span / most
    steps = [second * 1000 for second in _SECONDS] + [day * _DAY_MS for day in _DAYS]
    step = next((one for one in steps if one >= wanted), steps[-1])
    made = []
    at = ceil((first_ms + offset) / step) * step - offset
    while at <= last_ms:
        made.append((at, _label(at, step, offset, zone)))
        at += step
    return made


def _offset_ms(ms: int, zone: tzinfo | None) -> int:
    offset = show.moment(ms, zone).utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0


def _label(ms: int, step: int, offset: int, zone: tzinfo | None) -> str:
    moment = show.moment(ms, zone)
    if (ms + offset) % _DAY_MS == 0:
        return f"{moment.day} {moment:%b}" if moment.day != 1 or moment.month != 1 else f"{moment:%Y}"
    return f"{moment:%H:%M:%S}" if step < 60_000 else f"{moment:%H:%M}"
