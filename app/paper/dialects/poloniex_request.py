"""One REST call as the handlers see it: path parts, query, body, account. Not the HTTP request itself."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from app.paper.accounts import Account
from app.paper.dialects.poloniex_errors import ApiError


class Call(Struct, frozen=True, kw_only=True):
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: object = None
    """Decoded JSON; None when there was none."""
    caller: Account | None = None

    @property
    def account(self) -> Account:
        """Who signed. Raises ApiError on a call that nobody signed."""
        if self.caller is None:
            raise ApiError(401)
        return self.caller

    def whole_number(self, name: str, default: int, code: int = 601) -> int:
        """A number of the query. Raises ApiError with `code`."""
        text = self.query.get(name, "")
        if text == "":
            return default
        try:
            return int(text)
        except ValueError:
            raise ApiError(code) from None

    def fields(self) -> Mapping[str, object]:
        """The body as an object; an absent body is an empty one. Raises ApiError."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError(601, "Invalid Parameter: body")
        return self.body
