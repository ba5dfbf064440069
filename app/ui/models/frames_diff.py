"""Two messages compared by JSON path. No Qt; only what differs is listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from app.core.frames import Frame
from app.ui.payload_views import Number, parse, shown, unpack, visible

MAX_DIFFERENCES = 2_000
_ABSENT = object()


class Difference(Struct, frozen=True):
    """`path` such as data[0].lastId; `before` and `after` in the spelling of the wire, empty where absent."""

    path: str
    before: str
    after: str
    word: str
    """"changed", "only in A", "only in B" or "type changed"."""


class NotComparable(Exception):
    """One of the two is not JSON; the words say which and why."""


def compare(first: Frame, second: Frame) -> list[Difference]:
    """What must change in `first` (A) to give `second` (B), at most `MAX_DIFFERENCES`. Raises NotComparable."""
    documents = []
    for frame in (first, second):
        try:
            documents.append(parse(unpack(frame.payload)[0].decode("utf-8")))
        except (ValueError, RecursionError) as error:
            raise NotComparable(f"#{frame.seq:,} is not JSON: {visible(str(error))}") from None
    found: list[Difference] = []
    for difference in _walk("", *documents):
        found.append(difference)
        if len(found) >= MAX_DIFFERENCES:
            break
    return found


def _walk(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            place = f"{path}.{visible(key)}" if path else visible(key)
            yield from _walk(place, before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _walk(
                f"{path}[{index}]",
                before[index] if index < len(before) else _ABSENT,
                after[index] if index < len(after) else _ABSENT,
            )
    elif before is _ABSENT:
        yield Difference(path or "(all)", "", shown(after), "only in B")
    elif after is _ABSENT:
        yield Difference(path or "(all)", shown(before), "", "only in A")
    elif _kind(before) != _kind(after):
        yield Difference(path or "(all)", shown(before), shown(after), "type changed")
    elif before != after:
        yield Difference(path or "(all)", shown(before), shown(after), "changed")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Number):
        return "number"
    return type(value).__name__
