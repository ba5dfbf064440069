"""The past as Crypto.com gives it: a day at a time, newest first, read to its end. No knowledge of what rows mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from app.connectors.crypto_com.errors import good_body
from app.connectors.crypto_com.protocol import PREFIX, Reply, weights
from app.core.requests import Call, Page, Priority, Request, Response

DAY_MS = 86_400_000
LIMIT = 100
_SLACK_MS = 120_000
"""How far our clock may be behind before the newest window is left out."""
_NS = 1_000_000

Row = TypeVar("Row")
Item = TypeVar("Item")


class Listing(Struct, Generic[Row, Item], frozen=True, kw_only=True):
    """One list: its method, and how rows are read, told apart and timed (ns)."""

    method: str
    decode: Callable[[bytes], Reply[Row]]
    row_id: Callable[[Row], str]
    time_ns: Callable[[Row], int]
    read: Callable[[Row, int], Item | None]
    params: dict[str, str] = {}

    def since(self, start_ms: int) -> Call[Page[Item]]:
        """Rows from `start_ms` (exchange time) on, a day after a day up to the time of the reply.

        With 0 one question without a window: whatever the exchange gives by default.
        """
        return self._page(_Position(start_ms=max(start_ms, 0)))

    def _page(self, position: _Position) -> Call[Page[Item]]:
        params = {**self.params, "limit": str(LIMIT)}
        if position.start_ms:
            params["start_time"] = str(position.start_ms * _NS)
            params["end_time"] = str(position.end_ns or (position.start_ms + DAY_MS) * _NS)
        request = Request(
            method="POST",
            path=f"{PREFIX}private/{self.method}",
            body=msgspec.json.encode(params),
            signed=True,
            weights=weights(self.method),
            priority=Priority.RECONCILE,
        )
        return Call(request=request, parse=lambda response: self._parse(response, position))

    def _parse(self, response: Response, position: _Position) -> Page[Item]:
        rows = self.decode(good_body(response)).result.data
        fresh = [row for row in rows if self.row_id(row) not in position.seen]
        items = [self.read(row, response.frame) for row in fresh]
        seen = position.seen | {self.row_id(row) for row in fresh}
        return Page([item for item in items if item is not None], self._next(response, position, rows, seen))

    def _next(
        self, response: Response, position: _Position, rows: list[Row], seen: frozenset[str]
    ) -> Call[Page[Item]] | None:
        if not position.start_ms:
            return None
        if len(rows) >= LIMIT:
            oldest = min(self.time_ns(row) for row in rows)
            # Whether the end belongs to the window is not told, so the last moment is asked for again, once.
            end_ns = oldest if oldest != position.end_ns else oldest - 1
            if end_ns > position.start_ms * _NS:
                return self._page(_Position(start_ms=position.start_ms, end_ns=end_ns, seen=seen))
        start_ms = position.start_ms + DAY_MS
        if start_ms < response.received_ms + _SLACK_MS:
            return self._page(_Position(start_ms=start_ms, seen=seen))
        return None


class _Position(Struct, frozen=True, kw_only=True):
    start_ms: int = 0
    end_ns: int = 0
    """0: the end of the day that begins at `start_ms`."""
    seen: frozenset[str] = frozenset()
