"""Checks HTX signatures in query strings and WebSocket logins as sheet section 4 has them. Signing is not done here.

| what | rule | evidence |
|---|---|---|
| text | METHOD, host, path, all query parameters but the signature, sorted by ASCII and encoded again | sheet 4 |
| POST bodies | not signed; what else is in the query is | sheet 4 |
| host | lower case, without port (on a default port nobody can tell, so here the one with port is good too) | sheet 4 |
| timestamp | whole seconds of UTC without Z | sheet 4 |
| window | one minute; the exchange's papers also say five | sheet 4 |
| login | lower camel names, version 2.1; authType is not signed; 2002 auth.fail | sheet 4 |
| text for a wrong time | ours | unconfirmed |
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from app.paper.accounts import Account, AccountBook, Credentials
from app.paper.dialects.htx_errors import WRONG_KEY, WRONG_SIGNATURE, ApiError

WINDOW_MS = 60_000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_REST = {"method": "SignatureMethod", "version": "SignatureVersion", "time": "Timestamp", "key": "AccessKeyId"}
_LOGIN = {"method": "signatureMethod", "version": "signatureVersion", "time": "timestamp", "key": "accessKey"}


class NotSigned(ValueError):
    """Why nobody is let in."""


def signing_text(method: str, host: str, path: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """The exact bytes that a client must have signed."""
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(fields))
    return f"{method}\n{host}\n{path}\n{query}".encode()


def is_signed(text: bytes, secret_key: str, signature: str) -> bool:
    """Whether the base64 signature belongs to the text; compared in constant time."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.new(secret_key.encode(), text, hashlib.sha256).digest())


def authenticate(
    accounts: AccountBook, method: str, host: str, path: str, query: str, now_ms: int
) -> tuple[Account, Credentials]:
    """The account that signed this request, and with which key; `query` as it was sent. Raises ApiError."""
    fields = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    signature = dict(fields).get("Signature", "")
    signed = [field for field in fields if field[0] != "Signature"]
    try:
        return _check(accounts, (method, host, path), signed, signature, _REST, "2", now_ms)
    except NotSigned as problem:
        raise ApiError("api-signature-not-valid", problem) from None


def log_in(
    accounts: AccountBook, params: Mapping[str, Any], host: str, path: str, now_ms: int
) -> tuple[Account, Credentials]:
    """The account that a WebSocket login opens. Raises NotSigned."""
    if params.get("authType") != "api":
        raise NotSigned("authType")
    fields = [(name, str(params.get(name, ""))) for name in _LOGIN.values()]
    return _check(accounts, ("GET", host, path), fields, str(params.get("signature", "")), _LOGIN, "2.1", now_ms)


def _check(
    accounts: AccountBook,
    target: tuple[str, str, str],
    fields: Sequence[tuple[str, str]],
    signature: str,
    names: Mapping[str, str],
    version: str,
    now_ms: int,
) -> tuple[Account, Credentials]:
    given = dict(fields)
    found = accounts.by_key(given.get(names["key"], ""))
    if found is None:
        raise NotSigned(WRONG_KEY)
    if given.get(names["method"]) != "HmacSHA256" or given.get(names["version"]) != version:
        raise NotSigned(WRONG_SIGNATURE)
    _check_time(given.get(names["time"], ""), now_ms)
    credentials, account = found
    method, host, path = target
    hosts = dict.fromkeys((host.lower(), host.lower().partition(":")[0]))
    if not any(is_signed(signing_text(method, h, path, fields), credentials.secret_key, signature) for h in hosts):
        raise NotSigned(WRONG_SIGNATURE)
    return account, credentials


def _check_time(text: str, now_ms: int) -> None:
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise NotSigned("Incorrect timestamp format") from None
    if abs(now_ms - int(moment.timestamp() * 1000)) > WINDOW_MS:
        raise NotSigned("Timestamp expired")


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
