"""One Binance request as the answers see it, whether it came over REST or the WebSocket API. Not the transport.

Limits of numbers and texts: sheet 6 and 7. Unconfirmed: the legal range printed for decimals, and that a limit beyond
the maximum is clamped everywhere as it is documented for `depth`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from app.paper.accounts import Account
from app.paper.dialects.binance_errors import ApiError

_DECIMAL = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?")
_DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
_CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
_PLACES = 8
_MICROSECONDS_FROM = 100_000_000_000_000
"""Greater time stamps are microseconds: as milliseconds they would lie beyond the year 5000."""


class Call(Struct, kw_only=True):
    """Parameters are texts, decoded; who signed is known where a signature was asked for."""

    params: Mapping[str, str]
    caller: Account | None = None
    orders_placed: int = 0
    """Successful order placements, which make the call free of weight."""

    @property
    def account(self) -> Account:
        """Raises ApiError on a call that nobody signed."""
        if self.caller is None:
            raise ApiError(-2014)
        return self.caller

    def has(self, name: str) -> bool:
        return name in self.params

    def text(self, name: str) -> str:
        """A mandatory parameter. Raises ApiError."""
        value = self.params.get(name, "")
        if value == "":
            raise ApiError(-1102, name)
        return value

    def optional(self, name: str, default: str = "") -> str:
        """Raises ApiError for a parameter that was sent empty."""
        value = self.params.get(name)
        if value == "":
            raise ApiError(-1105, name)
        return default if value is None else value

    def choice(self, name: str, allowed: Mapping[str, str] | frozenset[str], default: str = "") -> str:
        """Raises ApiError."""
        value = self.optional(name, default)
        if value not in allowed and name in self.params:
            raise ApiError(-1130, name)
        return value

    def decimal(self, name: str) -> Decimal:
        """A mandatory decimal with at most eight places. Raises ApiError."""
        value = self.text(name)
        if not _DECIMAL.fullmatch(value):
            raise ApiError(-1100, name, _DECIMAL_RANGE)
        if len(value.partition(".")[2].rstrip("0")) > _PLACES:
            raise ApiError(-1111, name)
        return Decimal(value)

    def whole(self, name: str, default: int | None = None) -> int:
        """Raises ApiError; without default the parameter is mandatory."""
        value = self.params.get(name)
        if value is None and default is not None:
            return default
        if value is None or value == "":
            raise ApiError(-1102, name)
        if not re.fullmatch(r"-?[0-9]{1,20}", value):
            raise ApiError(-1100, name, "^[0-9]{1,20}$")
        return int(value)

    def limit(self, default: int = 500, most: int = 1000) -> int:
        limit = self.whole("limit", default)
        if limit < 1:
            raise ApiError(-1130, "limit")
        return min(limit, most)

    def time_ms(self, name: str) -> int | None:
        """A time given in milli- or microseconds. Raises ApiError."""
        if name not in self.params:
            return None
        value = self.whole(name)
        return value // 1000 if value >= _MICROSECONDS_FROM else value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.optional(name, "true" if default else "false").lower()
        if value not in ("true", "false"):
            raise ApiError(-1130, name)
        return value == "true"

    def client_id(self, name: str) -> str:
        """Empty when it was not sent. Raises ApiError."""
        value = self.optional(name)
        if value and not _CLIENT_ID.fullmatch(value):
            raise ApiError(-1100, name, CLIENT_ID_RANGE)
        return value

    def listed(self, name: str) -> list[str]:
        """A JSON list of texts. Raises ApiError."""
        try:
            values = json.loads(self.text(name))
        except ValueError:
            raise ApiError(-1100, name, '^\\["[^"]*"(,"[^"]*")*\\]$') from None
        if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
            raise ApiError(-1130, name)
        return values


def timestamp_us(text: str) -> int:
    """A time stamp in milli- or microseconds as microseconds. Raises ValueError."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    value = int(text)
    return value if value >= _MICROSECONDS_FROM else value * 1000
