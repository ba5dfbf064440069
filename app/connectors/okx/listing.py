"""Lists that OKX gives in pages, newest first, read to their end. No knowledge of what the rows mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from app.connectors.okx.errors import good_body
from app.connectors.okx.protocol import weights
from app.connectors.okx.public_rows import Reply
from app.core.requests import Call, Page, Priority, Request, Response

DAY_MS = 86_400_000
LIMIT = 100

Row = TypeVar("Row")
Item = TypeVar("Item")
Params = tuple[tuple[str, str], ...]
Then = Callable[[Response], "Call[Page[Item]] | None"]


class Listing(Struct, Generic[Row, Item], frozen=True, kw_only=True):
    """One list: where it is, and how rows are read. `cursor` of the last row leads on to older ones."""

    path: str
    bucket: str
    decode: Callable[[bytes], Reply[Row]]
    cursor: Callable[[Row], str]
    read: Callable[[Row, int], Item | None]
    params: Params = ()

    def all(self, then: Then[Item] | None = None) -> Call[Page[Item]]:
        """Every row there is, and after them the pages that `then` names on reading the last of these."""
        return self._page("", then)

    def _page(self, after: str, then: Then[Item] | None) -> Call[Page[Item]]:
        params = (*self.params, ("limit", str(LIMIT)), *((("after", after),) if after else ()))

        def parse(response: Response) -> Page[Item]:
            rows = self.decode(good_body(response)).data
            items = [self.read(row, response.frame) for row in rows]
            oldest = self.cursor(rows[-1]) if len(rows) >= LIMIT else ""
            if oldest and oldest != after:
                following: Call[Page[Item]] | None = self._page(oldest, then)
            else:
                following = then(response) if then else None
            return Page([item for item in items if item is not None], following)

        request = Request(
            method="GET",
            path=self.path,
            params=params,
            signed=True,
            weights=weights(self.bucket),
            priority=Priority.RECONCILE,
        )
        return Call(request=request, parse=parse)


def older_than(days: int, since_ms: int, call: Callable[[], Call[Page[Item]]]) -> Then[Item]:
    """Go on with the archive where `since_ms` lies before what the list remembers; 0 asks for no archive."""

    def then(response: Response) -> Call[Page[Item]] | None:
        return call() if since_ms and since_ms < response.received_ms - days * DAY_MS else None

    return then


def rows_of(kind: type[Row]) -> Callable[[bytes], Reply[Row]]:
    """The typed reader of replies that hold such rows."""
    return msgspec.json.Decoder(Reply[kind]).decode  # type: ignore[valid-type]
