"""OKX' paging by number: `after` means older, `before` newer, `limit` up to 100, newest first. No rows are made here.

Sheet sections 3.1 and 5.2. With `before` alone the newest rows are given, as the exchange's docs say for candles. A
limit beyond the largest is refused with 51000 (unconfirmed; the real one may cut it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from app.paper.dialects.okx_errors import ApiError

Row = TypeVar("Row")


def whole_number(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """Raises ApiError."""
    found = query.get(name, "")
    if found == "":
        return default
    if not (found.isascii() and found.isdigit()):
        raise ApiError("51000", name)
    return int(found)


def limit_of(query: Mapping[str, str], default: int, largest: int, name: str = "limit") -> int:
    """Raises ApiError."""
    limit = whole_number(query, name, default)
    if not 1 <= limit <= largest:
        raise ApiError("51000", name)
    return limit


def page(
    query: Mapping[str, str], rows: Iterable[Row], key: Callable[[Row], int], default: int = 100, largest: int = 100
) -> list[Row]:
    """Newest first. Raises ApiError."""
    after, before = whole_number(query, "after"), whole_number(query, "before")
    wanted = [row for row in rows if (not after or key(row) < after) and (not before or key(row) > before)]
    wanted.sort(key=key, reverse=True)
    return wanted[: limit_of(query, default, largest)]
