"""One REST call as Coinbase's handlers see it: path parts, query, body, key. Not the HTTP request itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from multidict import MultiMapping

from app.paper.accounts import Account
from app.paper.dialects.coinbase_errors import ApiError
from app.paper.dialects.coinbase_keys import Key
from app.paper.dialects.coinbase_wire import milliseconds


class Call(Struct, frozen=True, kw_only=True):
    path: Mapping[str, str]
    query: MultiMapping[str]
    account: Account
    key: Key | None = None
    body: object = None
    """Decoded JSON; None when there was none."""

    def fields(self) -> Mapping[str, Any]:
        """The body as an object. Raises ApiError."""
        if not isinstance(self.body, dict):
            raise ApiError("INVALID_ARGUMENT", "a JSON object is expected")
        return self.body

    def text(self, name: str) -> str:
        return self.query.get(name, "")

    def texts(self, *names: str) -> set[str]:
        """All values of repeated keys, also under an older spelling of the key."""
        return {value for name in names for value in self.query.getall(name, []) if value}

    def whole_number(self, name: str, default: int, largest: int = 1 << 53) -> int:
        """A number above 0 of the query, cut to `largest`. Raises ApiError."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise ApiError("INVALID_ARGUMENT", f"{name} is not a number")
        return min(int(text), largest) or default

    def time_ms(self, name: str) -> int | None:
        """An RFC 3339 time of the query. Raises ApiError."""
        text = self.text(name)
        if not text:
            return None
        try:
            return milliseconds(text)
        except ValueError:
            raise ApiError("INVALID_ARGUMENT", f"{name} is not an RFC 3339 time") from None
