"""The window of a Crypto.com history call: start_time, end_time, limit. The rows themselves come from elsewhere.

| rule | evidence |
|---|---|
| times in ns (19 digits) or ms | sheet 6 |
| one day at most: without times the last one, an older start is moved | sheet 6 (CCXT); moving unconfirmed |
| start included, end excluded, by create_time_ns | unconfirmed |
| newest first, up to 100 | sheet 6 |
| end before start, or no number | 40005; a bad limit 40004 | codes by name |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct

from app.core.clock import NS_PER_MS
from app.paper.dialects.crypto_com_auth import whole_text
from app.paper.dialects.crypto_com_errors import ApiError
from app.paper.dialects.crypto_com_listings import nanoseconds
from app.paper.dialects.crypto_com_market import count_of
from app.paper.dialects.crypto_com_rules import Terms

MOST_ROWS = 100
DAY_NS = 86_400_000 * NS_PER_MS
_LONGEST_MS = 10**15
Row = TypeVar("Row")


class Span(Struct, frozen=True, kw_only=True):
    start_ns: int
    end_ns: int
    limit: int

    @classmethod
    def of(cls, terms: Terms, now_ms: int) -> Span:
        """Raises ApiError."""
        end_ns = _time(terms, "end_time") or (now_ms + 1) * NS_PER_MS
        start_ns = _time(terms, "start_time") or end_ns - DAY_NS
        if start_ns > end_ns:
            raise ApiError(40005)
        limit = count_of(terms, "limit", MOST_ROWS, MOST_ROWS)
        return cls(start_ns=max(start_ns, end_ns - DAY_NS), end_ns=end_ns, limit=limit)

    def newest(self, rows: Iterable[Row], key: Callable[[Row], tuple[int, int]]) -> list[Row]:
        """Those inside, newest first; `key` gives number and time in ms."""
        dated = [(nanoseconds(*key(row)), row) for row in rows]
        inside = [entry for entry in dated if self.start_ns <= entry[0] < self.end_ns]
        inside.sort(key=lambda entry: entry[0], reverse=True)
        return [row for _, row in inside[: self.limit]]


def _time(terms: Terms, name: str) -> int:
    value = terms.get(name)
    if value is None or value == "":
        return 0
    given = whole_text(value)
    if not given:
        raise ApiError(40005)
    return int(given) if int(given) >= _LONGEST_MS else int(given) * NS_PER_MS
