"""Checks OKX signatures and logins the way sheet section 4 describes them. Signing is the client's part and not here.

| what | rule | evidence |
|---|---|---|
| text | timestamp, METHOD, path with query as sent, body | sheet 4, four vectors |
| REST timestamp | ISO 8601 in UTC with milliseconds and Z; 30 s around server time (50102) | sheet 4 |
| WebSocket | Unix seconds, GET, /users/self/verify; the same 30 s (60006) | sheet 4; window from the exchange's docs |
| WebSocket seconds | may have decimals | the docs' own example |
| order of the checks | headers, timestamp, key, environment, passphrase, signature | unconfirmed |
| simulated trading | this is the live environment: 50101 on signed calls | sheet 1; public calls: unconfirmed |
| which login code for what | 60001-60007, 60024, 60032 | sheet 7 has both these and a plain 60009 |
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.paper.accounts import Account, AccountBook, Credentials
from app.paper.dialects.okx_errors import ApiError

WINDOW_MS = 30_000
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SECONDS = re.compile(r"[0-9]{10}(\.[0-9]{1,9})?")
_KEY = re.compile(r"[0-9A-Fa-f-]{32,36}")
_LOGIN_TEXT = "GET/users/self/verify"


def signing_text(timestamp: str, method: str, path: str, body: bytes) -> bytes:
    """The exact bytes that a client must have signed; `path` includes the query as it was sent."""
    return f"{timestamp}{method}{path}".encode() + body


def is_signed(text: bytes, secret_key: str, signature: str) -> bool:
    """Whether the base64 signature belongs to the text; compared in constant time."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.new(secret_key.encode(), text, hashlib.sha256).digest())


def authenticate(
    accounts: AccountBook, headers: Mapping[str, str], method: str, path: str, body: bytes, now_ms: int
) -> tuple[Account, Credentials]:
    """The account that signed this request, and with which key. Raises ApiError."""
    for header, code in (("KEY", "50103"), ("PASSPHRASE", "50104"), ("SIGN", "50106"), ("TIMESTAMP", "50107")):
        if not headers.get(f"OK-ACCESS-{header}"):
            raise ApiError(code)
    timestamp = headers["OK-ACCESS-TIMESTAMP"]
    _check_iso_time(timestamp, now_ms)
    api_key = headers["OK-ACCESS-KEY"]
    found = accounts.by_key(api_key)
    if found is None:
        raise ApiError("50119" if _KEY.fullmatch(api_key) else "50111")
    credentials, account = found
    if headers.get("x-simulated-trading") == "1":
        raise ApiError("50101")
    if not _same(headers["OK-ACCESS-PASSPHRASE"], credentials.passphrase):
        raise ApiError("50105")
    text = signing_text(timestamp, method, path, body)
    if not is_signed(text, credentials.secret_key, headers["OK-ACCESS-SIGN"]):
        raise ApiError("50113")
    return account, credentials


def log_in(accounts: AccountBook, argument: Mapping[str, Any], now_ms: int) -> tuple[Account, Credentials]:
    """The account that a WebSocket login opens. Raises ApiError."""
    for name, code in (("apiKey", "60001"), ("sign", "60002"), ("passphrase", "60003"), ("timestamp", "60004")):
        if not isinstance(argument.get(name), str) or not argument[name]:
            raise ApiError(code)
    timestamp: str = argument["timestamp"]
    if not _SECONDS.fullmatch(timestamp):
        raise ApiError("60004")
    if abs(now_ms - int(Decimal(timestamp) * 1000)) > WINDOW_MS:
        raise ApiError("60006")
    found = accounts.by_key(argument["apiKey"])
    if found is None:
        raise ApiError("60032" if _KEY.fullmatch(argument["apiKey"]) else "60005")
    credentials, account = found
    if not _same(argument["passphrase"], credentials.passphrase):
        raise ApiError("60024")
    if not is_signed(f"{timestamp}{_LOGIN_TEXT}".encode(), credentials.secret_key, argument["sign"]):
        raise ApiError("60007")
    return account, credentials


def _check_iso_time(timestamp: str, now_ms: int) -> None:
    try:
        if not _ISO.fullmatch(timestamp):
            raise ValueError(timestamp)
        moment = datetime.fromisoformat(timestamp[:-1]).replace(tzinfo=UTC)
    except ValueError:
        raise ApiError("50112") from None
    if abs(now_ms - int(moment.timestamp() * 1000)) > WINDOW_MS:
        raise ApiError("50102")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
