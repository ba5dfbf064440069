"""Orders and executions of past days, which Binance tells one market at a time. No knowledge of what rows mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

from app.connectors.binance.errors import good_body
from app.connectors.binance.protocol import weigh
from app.core.requests import Call, Page, Priority, Request, Response

DAY_MS = 86_400_000
_SLACK_MS = 120_000
"""How far our clock may be behind before the newest window is left out."""
_LIMIT = 1_000

Row = TypeVar("Row")
Item = TypeVar("Item")


class TradedMarkets:
    """Symbols this account has to do with, the one asked about last first. It only grows."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._symbols: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._symbols) or (self._default,))

    def asked(self, symbol: str) -> None:
        """We asked about an order there, or placed one."""
        if symbol in self._symbols:
            self._symbols.remove(symbol)
        self._symbols.insert(0, symbol)

    def seen(self, symbol: str) -> None:
        """The exchange told of an order there."""
        if symbol not in self._symbols:
            self._symbols.append(symbol)


class History(Struct, Generic[Row, Item], frozen=True, kw_only=True):
    """One list. `id_param` asks for rows from an id on; without it and without times the newest rows are given.

    A question by time covers a day at most. A long time is therefore asked for in up to three ways: its first day; if
    that is empty the newest rows, which usually go back far enough; if they do not, day after day. From the first row
    found the rest follows by id.
    """

    path: str
    id_param: str
    decode: Callable[[bytes], list[Row]]
    row_id: Callable[[Row], int]
    row_ms: Callable[[Row], int]
    read: Callable[[Row, int], Item]

    def since(self, symbols: Iterator[str], start_ms: int) -> Call[Page[Item]]:
        """Rows from `start_ms` (exchange time) on, market after market; with 0 the newest of each."""
        first, *rest = symbols
        start_ms = max(start_ms, 0)
        return self._page(_Position(symbol=first, rest=tuple(rest), start_ms=start_ms, window_ms=start_ms))

    def _page(self, at: _Position) -> Call[Page[Item]]:
        params = [("symbol", at.symbol)]
        if at.from_id is not None:
            params.append((self.id_param, str(at.from_id)))
        elif at.window_ms:
            params.append(("startTime", str(at.window_ms)))
            params.append(("endTime", str(at.window_ms + DAY_MS - 1)))
        params.append(("limit", str(_LIMIT)))
        request = Request(
            method="GET",
            path=self.path,
            params=tuple(params),
            signed=True,
            weights=weigh(20),
            priority=Priority.RECONCILE,
        )
        return Call(request=request, parse=lambda response: self._parse(response, at))

    def _parse(self, response: Response, at: _Position) -> Page[Item]:
        rows = sorted(self.decode(good_body(response)), key=self.row_id)
        items = [self.read(row, response.frame) for row in rows if self.row_ms(row) >= at.start_ms]
        after = self._next(rows, at, response.received_ms)
        return Page(items, None if after is None else self._page(after))

    def _next(self, rows: list[Row], at: _Position, now_ms: int) -> _Position | None:
        full = len(rows) >= _LIMIT
        if at.from_id is not None:
            return at.by_id(self.row_id(rows[-1]) + 1) if full else at.next_market()
        if not at.window_ms:
            reaches_back = not full or not at.start_ms or self.row_ms(rows[0]) < at.start_ms
            return at.next_market() if reaches_back else at.window(at.start_ms + DAY_MS)
        later = at.window_ms + DAY_MS
        if rows and (full or later <= now_ms + _SLACK_MS):
            return at.by_id(self.row_id(rows[-1]) + 1)
        if later > now_ms + _SLACK_MS:
            return at.next_market()
        return at.newest() if at.window_ms == at.start_ms else at.window(later)


class _Position(Struct, frozen=True, kw_only=True):
    symbol: str
    rest: tuple[str, ...]
    start_ms: int
    window_ms: int
    """Start of the day asked for; 0 asks for the newest rows."""
    from_id: int | None = None

    def by_id(self, from_id: int) -> _Position:
        return _Position(
            symbol=self.symbol, rest=self.rest, start_ms=self.start_ms, window_ms=self.window_ms, from_id=from_id
        )

    def window(self, window_ms: int) -> _Position:
        return _Position(symbol=self.symbol, rest=self.rest, start_ms=self.start_ms, window_ms=window_ms)

    def newest(self) -> _Position:
        return self.window(0)

    def next_market(self) -> _Position | None:
        if not self.rest:
            return None
        symbol, *rest = self.rest
        return _Position(symbol=symbol, rest=tuple(rest), start_ms=self.start_ms, window_ms=self.start_ms)
