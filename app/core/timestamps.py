"""Times of exchanges in one unit. Some change from milliseconds to microseconds without a word; the size tells."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import fields, replace

Fact = TypeVar("Fact", bound=Struct)

_SMALL = 10**9
"""In seconds this is 2001; real seconds of today are above it."""
_MS = 10**11
"""From here on a count since 1970 cannot be seconds: that would be the year 5138. As ms it is 1973."""


class TimeUnit(StrEnum):
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"


def utc_time(ms: int) -> str:
    """hh:mm:ss"""
    second = ms // 1_000 % 86_400
    return f"{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def unit_of(time: int) -> TimeUnit:
    """The unit in which this positive count since 1970 falls between the years 1973 and 5138."""
    if time < _MS:
        return TimeUnit.SECONDS
    if time < _MS * 1_000:
        return TimeUnit.MILLISECONDS
    return TimeUnit.MICROSECONDS if time < _MS * 1_000_000 else TimeUnit.NANOSECONDS


def is_ms(time: int) -> bool:
    """Whether this is milliseconds, or no time at all: small numbers are counters of tests and missing times."""
    return time < _SMALL or _MS <= time < _MS * 1_000


def as_ms(time: int) -> int:
    """Milliseconds, whatever the unit was; numbers too small for any time since 2001 are left as they are."""
    if is_ms(time):
        return time
    if time < _MS:
        return time * 1_000
    return time // (1_000 if time < _MS * 1_000_000 else 1_000_000)


def in_ms(fact: Fact) -> Fact:
    """The fact with every time of it (`*_ms`) in milliseconds; itself when they are."""
    odd = {name: as_ms(time) for name in _times_of(type(fact)) if not is_ms(time := getattr(fact, name))}
    return replace(fact, **odd) if odd else fact


_TIMES: dict[type, tuple[str, ...]] = {}


def _times_of(kind: type[Struct]) -> tuple[str, ...]:
    names = _TIMES.get(kind)
    if names is None:
        names = _TIMES[kind] = tuple(field.name for field in fields(kind) if field.name.endswith("_ms"))
    return names
