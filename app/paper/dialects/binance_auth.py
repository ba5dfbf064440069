"""Checks who signed a Binance request and when, by REST's and the WebSocket API's two different rules. Signs nothing.

| what | rule | evidence |
|---|---|---|
| REST text | query as sent without `signature`, then the body as sent, nothing between | sheet 4, vectors |
| REST text | must be percent-encoded before it is signed: other bytes than URL characters give -1022 | sheet 4 |
| WebSocket text | all params but `signature`, sorted, k=v joined with &, raw UTF-8 | sheet 4, vectors |
| numbers and booleans in WebSocket params | as they stand in the JSON | unconfirmed for booleans (ccxt signs `false`) |
| window | timestamp < now + 1 s and age <= recvWindow, 5 s by default, 60 s at most | sheet 4 |
| order of checks | key, parameters, signature, time | unconfirmed |
| key format | other than 64 letters and digits: -2014, unknown: -2015 | texts sheet 7, which is when unconfirmed |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from app.core.clock import NS_PER_MS, Clock
from app.paper.accounts import Account, AccountBook
from app.paper.dialects.binance_call import timestamp_us
from app.paper.dialects.binance_errors import AHEAD, ApiError
from app.paper.dialects.binance_keys import KeyRing

DEFAULT_WINDOW_MS = 5000
LONGEST_WINDOW_MS = 60_000
_AHEAD_US = 1_000_000
_KEY = re.compile(r"[A-Za-z0-9]{64}")
_WINDOW = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,3}))?")
_ENCODED = re.compile(rb"[A-Za-z0-9\-._~!*'()%&=+,:;@/?]*")


def rest_text(query: str, body: bytes) -> tuple[bytes, str]:
    """The bytes that must have been signed, and the (still encoded) signature that came along."""
    signature = ""
    parts = []
    for part in (query, body.decode("latin-1")):
        kept = []
        for pair in part.split("&"):
            if pair.startswith("signature=") and not signature:
                signature = pair[len("signature=") :]
            else:
                kept.append(pair)
        parts.append("&".join(kept))
    return "".join(parts).encode("latin-1", "surrogateescape"), signature


def socket_text(params: Mapping[str, str]) -> bytes:
    """The bytes that must have been signed for a WebSocket API request."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


class Gate:
    """Lets signed requests in."""

    def __init__(self, accounts: AccountBook, keys: KeyRing, clock: Clock) -> None:
        self._accounts = accounts
        self._keys = keys
        self._clock = clock

    def account(self, api_key: str) -> Account:
        """Raises ApiError for a key that opens nothing."""
        if not _KEY.fullmatch(api_key):
            raise ApiError(-2014)
        found = self._accounts.by_key(api_key)
        if found is None:
            raise ApiError(-2015)
        return found[1]

    def kind(self, api_key: str) -> str:
        return self._keys.kinds.get(api_key, "")

    def check_change(self, api_key: str, verb: str) -> None:
        """Raises ApiError for a call that changes something, by a key that may only read."""
        if verb != "GET" and self.kind(api_key) == "read-only":
            raise ApiError(-2015)

    def restrictions(self, api_key: str) -> dict[str, bool | int]:
        """What the exchange tells of a key."""
        kind = self.kind(api_key)
        return {
            "ipRestrict": kind == "withdraw",
            "createTime": 1_700_000_000_000,
            "enableReading": True,
            "enableWithdrawals": kind == "withdraw",
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": True,
            "enableSpotAndMarginTrading": kind != "read-only",
            "enablePortfolioMarginTrading": False,
        }

    def check_signed(self, api_key: str, text: bytes, params: Mapping[str, str]) -> Account:
        """The account that signed. Raises ApiError."""
        account = self.account(api_key)
        self.check_names(params, ("timestamp", "signature"))
        if not self._keys.is_signed(self.kind(api_key), text, params["signature"]):
            raise ApiError(-1022)
        self.check_time(params)
        return account

    def check_names(self, params: Mapping[str, str], names: Iterable[str]) -> None:
        for name in names:
            if not params.get(name):
                raise ApiError(-1102, name)

    def check_time(self, params: Mapping[str, str]) -> None:
        """Raises ApiError for a time outside the window."""
        try:
            stamp_us = timestamp_us(params["timestamp"])
        except (KeyError, ValueError):
            raise ApiError(-1102, "timestamp") from None
        window_us = _window_us(params.get("recvWindow"))
        now_us = self._clock.wall_ns() // (NS_PER_MS // 1000)
        if stamp_us >= now_us + _AHEAD_US:
            raise ApiError(-1021, message=AHEAD)
        if now_us - stamp_us > window_us:
            raise ApiError(-1021)


def is_encoded(text: bytes) -> bool:
    """Whether only characters that a URL may carry are in it."""
    return _ENCODED.fullmatch(text) is not None


def _window_us(text: str | None) -> int:
    if text is None:
        return DEFAULT_WINDOW_MS * 1000
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ApiError(-1130, "recvWindow")
    window_us = int(found[1]) * 1000 + int((found[2] or "0").ljust(3, "0"))
    if window_us > LONGEST_WINDOW_MS * 1000:
        raise ApiError(-1102, message="'recvWindow' contains unexpected value. Cannot be greater than 60000.")
    return window_us
