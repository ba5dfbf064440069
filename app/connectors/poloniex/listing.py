"""Lists that Poloniex gives in pages and time windows, read to their end. No knowledge of what the rows mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from app.connectors.poloniex.errors import good_body
from app.connectors.poloniex.protocol import PRIVATE_HEAVY
from app.core.requests import Call, Page, Priority, Request, Response

DAY_MS = 86_400_000
_SLACK_MS = 120_000
"""How far our clock may be behind before the newest window is left out."""

Row = TypeVar("Row")
Item = TypeVar("Item")
Params = tuple[tuple[str, str], ...]


class Listing(Struct, Generic[Row, Item], frozen=True, kw_only=True):
    """One list: where it is, how many rows a page holds, and how rows are read and told apart.

    It is not documented which of PRE and NEXT leads on from the last row, so rows already seen are dropped, and where
    NEXT brings nothing new PRE is tried once.
    """

    path: str
    limit: int
    decode: Callable[[bytes], list[Row]]
    row_id: Callable[[Row], str]
    cursor: Callable[[Row], str]
    read: Callable[[Row, int], Item | None]
    params: Params = ()
    window_ms: int = 0
    """Longest time one question may cover."""
    kept_ms: int = 0
    """How far back the exchange remembers."""

    def all(self, then: Callable[[], Call[Page[Item]]] | None = None) -> Call[Page[Item]]:
        """Every row there is, and after them the pages of `then`."""
        return self._page(_Position(then=then))

    def since(self, start_ms: int) -> Call[Page[Item]]:
        """Rows from `start_ms` (exchange time) on, window after window up to the time of the reply.

        With 0 one question without a window: whatever the exchange gives by default.
        """
        return self._page(_Position(start_ms=max(start_ms, 0)))

    def _page(self, position: _Position[Item]) -> Call[Page[Item]]:
        params = [*self.params, ("limit", str(self.limit))]
        if position.start_ms:
            params.append(("startTime", str(position.start_ms)))
            params.append(("endTime", str(position.start_ms + self.window_ms - 1)))
        if position.after:
            params.append(("from", position.after))
            params.append(("direction", position.direction))
        request = Request(
            method="GET",
            path=self.path,
            params=tuple(params),
            signed=True,
            weights=PRIVATE_HEAVY,
            priority=Priority.RECONCILE,
        )
        return Call(request=request, parse=lambda response: self._parse(response, position))

    def _parse(self, response: Response, position: _Position[Item]) -> Page[Item]:
        rows = self.decode(good_body(response))
        fresh = [row for row in rows if self.row_id(row) not in position.seen]
        items = [self.read(row, response.frame) for row in fresh]
        seen = position.seen | {self.row_id(row) for row in fresh}
        return Page([item for item in items if item is not None], self._next(response, position, rows, fresh, seen))

    def _next(
        self, response: Response, position: _Position[Item], rows: list[Row], fresh: list[Row], seen: frozenset[str]
    ) -> Call[Page[Item]] | None:
        if fresh and len(rows) >= self.limit:
            return self._page(position.moved(self.cursor(rows[-1]), position.direction, seen, led=bool(position.after)))
        if not fresh and position.after and position.direction == "NEXT" and not position.led:
            return self._page(position.moved(position.after, "PRE", seen, led=False))
        if position.start_ms:
            start = position.start_ms + self.window_ms
            if start < response.received_ms + _SLACK_MS:
                start = max(start, response.received_ms - self.kept_ms)
                return self._page(_Position(start_ms=start, seen=seen))
        return position.then() if position.then else None


class _Position(Struct, Generic[Item], frozen=True, kw_only=True):
    start_ms: int = 0
    after: str = ""
    direction: str = "NEXT"
    led: bool = False
    """Whether this direction has brought new rows."""
    seen: frozenset[str] = frozenset()
    then: Callable[[], Call[Page[Item]]] | None = None

    def moved(self, after: str, direction: str, seen: frozenset[str], *, led: bool) -> _Position[Item]:
        return _Position(start_ms=self.start_ms, after=after, direction=direction, led=led, seen=seen, then=self.then)
