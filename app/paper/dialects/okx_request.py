"""One OKX REST call as its answer sees it: query, body, account, address. Not the HTTP request itself."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from app.paper.accounts import Account, Credentials
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_rules import terms_of


class Call(Struct, frozen=True, kw_only=True):
    query: Mapping[str, str]
    address: str = ""
    body: object = None
    """Decoded JSON; None when there was none."""
    caller: Account | None = None
    credentials: Credentials | None = None
    deadline_ms: str = ""
    """The header expTime."""

    @property
    def account(self) -> Account:
        """Who signed. Raises ApiError on a call that nobody signed."""
        if self.caller is None:
            raise ApiError("50103")
        return self.caller

    def fields(self) -> Mapping[str, object]:
        """The body as an object. Raises ApiError."""
        if self.body is None:
            raise ApiError("50000")
        return terms_of(self.body)

    def rows(self) -> list[object]:
        """The body as a list. Raises ApiError."""
        if self.body is None:
            raise ApiError("50000")
        if not isinstance(self.body, list) or not self.body:
            raise ApiError("50002")
        return self.body
