"""Lists that Coinbase gives in pages with a cursor: orders, executions, wallets. No knowledge of what the rows mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from app.connectors.coinbase.errors import good_body
from app.connectors.coinbase.protocol import PRIVATE
from app.core.requests import Call, Page, Priority, Request, Response

Row = TypeVar("Row")
Item = TypeVar("Item")
Params = tuple[tuple[str, str], ...]


class Rows(Struct, Generic[Row], frozen=True):
    """One page as it came; an empty cursor ends the list."""

    rows: list[Row]
    cursor: str


class Listing(Struct, Generic[Row, Item], frozen=True, kw_only=True):
    """One list: where it is and how its rows are read; a row read as None is left out."""

    path: str
    params: Params
    decode: Callable[[bytes], Rows[Row]]
    read: Callable[[Row, int], Item | None]
    then: Callable[[], Call[Page[Item]]] | None = None
    """Another list that goes on where this one ends."""
    priority: Priority = Priority.RECONCILE

    def first(self) -> Call[Page[Item]]:
        return self._page("")

    def _page(self, cursor: str) -> Call[Page[Item]]:
        params = (*self.params, ("cursor", cursor)) if cursor else self.params
        request = Request(
            method="GET", path=self.path, params=params, signed=True, weights=PRIVATE, priority=self.priority
        )
        return Call(request=request, parse=lambda response: self._parse(response, cursor))

    def _parse(self, response: Response, cursor: str) -> Page[Item]:
        page = self.decode(good_body(response))
        items = [self.read(row, response.frame) for row in page.rows]
        found = [item for item in items if item is not None]
        # A cursor that leads to itself would never end.
        if page.cursor and page.cursor != cursor:
            return Page(found, self._page(page.cursor))
        return Page(found, self.then() if self.then else None)
