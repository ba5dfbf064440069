"""Checks a Poloniex signature the way sheet section 4 describes it. Signing is the client's part and not here.

| what | rule | evidence |
|---|---|---|
| headers | key, signTimestamp, signature; optional signatureMethod, signatureVersion, recvWindow | sheet 4 |
| text without body | METHOD, path, sorted encoded query with signTimestamp | sheet 4, vectors 1 and 2 |
| text with body | METHOD, path, requestBody=<bytes>&signTimestamp=<ms> | sheet 4, vector 4 |
| WebSocket | GET, /ws, signTimestamp=<ms> | sheet 4, vector 3 |
| window | older than 60 s or more than 1 s ahead: 400; older than recvWindow: 408 | sheet 4 (overview page) |
| error codes of all this | HTTP status repeated as code | unconfirmed |
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from app.paper.accounts import Account, AccountBook
from app.paper.dialects.poloniex_errors import ApiError

_UNESCAPED = "-_.!~*'()"
"""What encodeURIComponent leaves alone besides letters and digits."""

MAX_AGE_MS = 60_000
MAX_AHEAD_MS = 1_000


def signing_text(method: str, path: str, query: Iterable[tuple[str, str]], body: bytes, timestamp: str) -> bytes:
    """The exact bytes that a client must have signed."""
    head = f"{method}\n{path}\n".encode()
    if body and method != "GET":
        return head + b"requestBody=" + body + b"&signTimestamp=" + timestamp.encode()
    pairs = sorted([*query, ("signTimestamp", timestamp)])
    text = "&".join(f"{name}={quote(value, safe=_UNESCAPED)}" for name, value in pairs)
    return head + text.encode()


def is_signed(text: bytes, secret_key: str, signature: str) -> bool:
    """Whether the base64 signature belongs to the text; compared in constant time."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.new(secret_key.encode(), text, hashlib.sha256).digest())


def authenticate(
    accounts: AccountBook,
    headers: Mapping[str, str],
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    body: bytes,
    now_ms: int,
) -> Account:
    """The account that signed this request. Raises ApiError."""
    api_key, timestamp, signature = (headers.get(name, "") for name in ("key", "signTimestamp", "signature"))
    if not (api_key and timestamp and signature):
        raise ApiError(401, "Missing key, signTimestamp or signature header")
    if headers.get("signatureMethod", "HmacSHA256").lower() != "hmacsha256":
        raise ApiError(401, "Unsupported signatureMethod")
    account = verify(accounts, api_key, signature, signing_text(method, path, query, body, timestamp))
    check_time(timestamp, headers.get("recvWindow"), now_ms)
    return account


def verify(accounts: AccountBook, api_key: str, signature: str, text: bytes) -> Account:
    """The account behind the key, if the text is signed with its secret. Raises ApiError."""
    found = accounts.by_key(api_key)
    if found is None:
        raise ApiError(401, "Invalid API key")
    credentials, account = found
    if not is_signed(text, credentials.secret_key, signature):
        raise ApiError(401, "Signature verification failed")
    return account


def check_time(timestamp: str, recv_window: str | None, now_ms: int) -> None:
    """Raises ApiError for a timestamp outside the window."""
    try:
        age_ms = now_ms - int(timestamp)
        window_ms = int(recv_window) if recv_window else None
    except ValueError:
        raise ApiError(601, "signTimestamp and recvWindow must be whole milliseconds") from None
    if age_ms > MAX_AGE_MS or age_ms < -MAX_AHEAD_MS:
        raise ApiError(400, "signTimestamp is outside of the allowed time window", 400)
    if window_ms is not None and age_ms > window_ms:
        raise ApiError(408)
