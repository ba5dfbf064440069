"""One HTX REST call as its answer sees it, and how its fields are read. Not the HTTP request itself, and no rules."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from app.paper.accounts import Account
from app.paper.dialects.htx_errors import ApiError

Terms = Mapping[str, Any]
_SPOT = 10_000_000


class Call(Struct, frozen=True, kw_only=True):
    query: Mapping[str, str]
    body: Terms = {}
    caller: Account | None = None
    place: str = ""
    """The variable part of the path."""

    @property
    def account(self) -> Account:
        """Who signed. Raises ApiError on a call that nobody signed."""
        if self.caller is None:
            raise ApiError("api-signature-not-valid", "")
        return self.caller


def spot_id(account_id: str) -> int:
    """The number that HTX gives the spot account of a user."""
    return _SPOT + int(account_id)


def text(terms: Terms, name: str) -> str:
    """Empty when it is absent. Raises ApiError for what is neither text nor number."""
    value = terms.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ApiError("validation-format-error", name)
    return str(value)


def required(terms: Terms, name: str) -> str:
    """Raises ApiError."""
    found = text(terms, name)
    if not found:
        raise ApiError("validation-constraints-required", name)
    return found


def number(terms: Terms, name: str) -> Decimal:
    """A positive number. Raises ApiError."""
    try:
        value = Decimal(required(terms, name))
    except InvalidOperation:
        raise ApiError("validation-format-error", name) from None
    if not value.is_finite() or value <= 0:
        raise ApiError("validation-format-error", name)
    return value


def whole(terms: Terms, name: str, default: int, least: int = 0, most: int = 1 << 62) -> int:
    """Raises ApiError."""
    found = text(terms, name)
    if not found:
        return default
    if not (found.isascii() and found.isdigit()) or not least <= int(found) <= most:
        raise ApiError("validation-format-error", name)
    return int(found)


def texts(terms: Terms, name: str, most: int) -> list[str]:
    """A JSON list of ids; empty when it is absent. Raises ApiError."""
    found = terms.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not 1 <= len(found) <= most:
        raise ApiError("validation-format-error", name)
    return [str(value) for value in found]


def check_account(terms: Terms, account: Account, name: str = "account-id", *, needed: bool = True) -> None:
    """Raises ApiError unless the call names the caller's spot account."""
    given = required(terms, name) if needed else text(terms, name)
    if given and given != str(spot_id(account.account_id)):
        raise ApiError("account-get-accounts-inexistent-error", given)
