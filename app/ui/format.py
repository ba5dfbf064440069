"""Numbers, times and foreign text as words; money is Decimal or the venue's string. No Qt, no rounding of orders."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

THIN_SPACE = "\u2009"
MINUS = "\u2212"
DASH = "\u2013"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_DIGITS = frozenset("0123456789.")
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_TINY = Decimal("0.000001")


class Separator(StrEnum):
    """Between groups of three digits. The decimal point is always a point."""

    THIN_SPACE = THIN_SPACE
    COMMA = ","
    NONE = ""


@dataclass(frozen=True)
class Display:
    """How the user wants numbers and times shown; `zone` None is the zone of this computer."""

    separator: Separator = Separator.COMMA
    zone: tzinfo | None = UTC
    milliseconds: bool = True


def decimals_of(step: Decimal) -> int:
    """Digits after the point that a tick or lot needs: 0.10 needs 1, 5 needs 0."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain(value: Decimal | str) -> str:
    """The exact number without exponent, as an order form or a clipboard wants it."""
    if isinstance(value, str) and _DIGITS.issuperset(value):
        return value
    number = Decimal(value)
    return format(number, "f") if number.is_finite() else DASH


def exact(value: Decimal | str, places: int = 0, separator: str = ",") -> str:
    """All digits of the value, with zeros added up to `places`: what is shown is never rounded.

    Digits beyond the tick are kept if they count (an average, or a tick that changed), zeros beyond it are not.
    """
    text = plain(value)
    sign = ""
    if text[:1] in ("-", "+"):
        sign, text = (MINUS if text[0] == "-" else ""), text[1:]
    whole, point, fraction = text.partition(".")
    if not whole.isdigit():
        return text if text == DASH else sign + text
    if len(fraction) != places:
        fraction = fraction.rstrip("0").ljust(places, "0") if len(fraction) > places else fraction.ljust(places, "0")
    if separator and len(whole) > 3:
        whole = _grouped(whole, separator)
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def rounded(value: Decimal, places: int, separator: str = ",") -> str:
    """For averages and sums that are only looked at; half to even."""
    if not value.is_finite():
        return DASH
    text = f"{value:,.{places}f}"
    if text[0] == "-":
        text = (MINUS if any(digit in text for digit in "123456789") else "") + text[1:]
    return text if separator == "," else text.replace(",", separator)


def _grouped(whole: str, separator: str) -> str:
    first = len(whole) % 3
    groups = [whole[:first]] if first else []
    groups += [whole[at : at + 3] for at in range(first, len(whole), 3)]
    return separator.join(groups)


def signed(value: Decimal, places: int, separator: str = ",") -> str:
    """With + or a true minus, and no sign on what is shown as zero."""
    text = rounded(value, places, separator)
    return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text


def percent(fraction: Decimal, places: int = 2) -> str:
    """A change: 0.0124 is "+1.24%"."""
    return f"{signed(fraction * 100, places)}%"


def basis_points(fraction: Decimal, places: int = 1) -> str:
    """0.00012 is "1.2 bps"."""
    return f"{rounded(fraction * 10_000, places)} bps"


def compact(value: Decimal | float, digits: int = 3) -> str:
    """1.23K, 45.6M: for chart axes and summaries only, never for a price or an order."""
    number = float(value)
    size = abs(number)
    for limit, word in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if size >= limit * 0.9995:
            return _short(number / limit, digits) + word
    return _short(number, digits)


def _short(number: float, digits: int) -> str:
    size = abs(number)
    if size == 0:
        return "0"
    before = len(str(int(size))) if size >= 1 else 0
    places = max(0, digits - before) if size >= 1e-4 else 8
    text = f"{number:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


def tiny(value: Decimal | str, places: int = 0) -> str:
    """Below 0.000001 the zeros are counted in a small figure (0.0₇123): for charts only, never in forms or tables."""
    number = Decimal(value)
    if number == 0 or abs(number) >= _TINY:
        return exact(number, places)
    sign = MINUS if number < 0 else ""
    fraction = format(abs(number), "f").partition(".")[2]
    zeros = len(fraction) - len(fraction.lstrip("0"))
    return f"{sign}0.0{str(zeros).translate(_SUBSCRIPT)}{fraction[zeros:].rstrip('0')}"


def age(seconds: float) -> str:
    """340 ms, 7 s, 3 min, 2 h, 5 d: always rounded down, so an age is never claimed before it is reached."""
    if seconds < 0:
        return "0 ms"
    if seconds < 1:
        return f"{int(seconds * 1000)} ms"
    for limit, unit, word in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {word}"
    return f"{int(seconds // 86_400)} d"


def moment(ms: int, zone: tzinfo | None = UTC) -> datetime:
    """Exchange time as a datetime; `zone` None is the zone of this computer."""
    return (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def time(ms: int, zone: tzinfo | None = UTC, milliseconds: bool = True) -> str:
    """14:03:22.123; a dash where the exchange gave no time."""
    if ms <= 0:
        return DASH
    second, rest = divmod(ms, 1000)
    clock = _clock(second, zone)
    return f"{clock}.{rest:03d}" if milliseconds else clock


@lru_cache(maxsize=4096)
def _clock(second: int, zone: tzinfo | None) -> str:
    return moment(second * 1000, zone).strftime("%H:%M:%S")


def forget_times() -> None:
    """This computer's time zone changed: what was remembered as shown holds no more."""
    _clock.cache_clear()


def date_time(ms: int, zone: tzinfo | None = UTC, milliseconds: bool = False) -> str:
    """2026-11-20 14:03:22."""
    if ms <= 0:
        return DASH
    return f"{moment(ms, zone):%Y-%m-%d} {time(ms, zone, milliseconds)}"


def zone_name(zone: tzinfo | None) -> str:
    """Short name for a label beside times."""
    return "UTC" if zone is UTC else (moment(0, zone).tzname() or "local")


def clean(text: str, limit: int = 200) -> str:
    """Foreign text made safe to show: no control, bidirectional or invisible characters, one line, cut at `limit`."""
    # A wall of text is cut first, so that a hostile message costs no time.
    cut = text[: limit * 4]
    kept = "".join(
        " " if char in "\t\n\r\x0b\x0c\x85\u2028\u2029" else char
        for char in cut
        if char in "\t\n\r\x0b\x0c\x85\u2028\u2029" or unicodedata.category(char) not in _HIDDEN
    )
    line = " ".join(kept.split())
    shortened = len(line) > limit or len(text) > len(cut)
    return line[: limit - 1].rstrip() + "…" if shortened else line
