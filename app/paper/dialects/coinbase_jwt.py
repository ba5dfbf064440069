"""Checks the short JWT of a Coinbase call or subscription (sheet section 4). Signing is the client's part.

| what | rule | evidence |
|---|---|---|
| header | alg (the key's), typ JWT, kid, nonce | sheet 4; that typ and nonce are demanded: unconfirmed |
| payload | sub = kid, iss cdp, nbf, exp at most 120 s later | sheet 4 |
| uri | METHOD host path, no scheme, no query; the host called, or api.coinbase.com | sheet 4, trap 6 |
| WebSocket | the same without `uri`; that one with it is refused: unconfirmed | sheet 4 |
| signature | raw 64 bytes, base64url without padding; DER is refused | sheet 4, trap 6 |
| clock | nbf may be 5 s ahead | "more than seconds off" in sheet 4; the figure is ours |
| older forms with `aud` | iss coinbase-cloud with `uri`, or iss cdp with the list `uris` | ccxt's source |
| http:// in front of the host | only in the older forms: ccxt removes nothing but https:// | ccxt's source |
| a token used twice | accepted (ccxt's WebSocket does that) | unconfirmed |
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from app.paper.dialects.coinbase_errors import Unauthorized
from app.paper.dialects.coinbase_keys import Key

HOST = "api.coinbase.com"
LONGEST_S = 120
AHEAD_S = 5
_OLDER = {"retail_rest_api_proxy": ("coinbase-cloud", "uri"), "cdp_service": ("cdp", "uris")}


def check(token: str, keys: Mapping[str, Key], now_ms: int, uris: Collection[str] = ()) -> Key:
    """The key that signed the token for one of these `uris` (none: for a WebSocket). Raises Unauthorized."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthorized("not a JWT")
    header, payload = _object(parts[0]), _object(parts[1])
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise Unauthorized("unknown key")
    if header.get("alg") != key.algorithm or header.get("typ") != "JWT" or not header.get("nonce"):
        raise Unauthorized("header")
    if not key.has_signed(f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2])):
        raise Unauthorized("signature")
    if payload.get("sub") != key.name:
        raise Unauthorized("sub")
    _check_time(payload, now_ms)
    _check_uri(payload, uris)
    return key


def bearer(header: str) -> str:
    """The token of an Authorization header. Raises Unauthorized."""
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer" or not token:
        raise Unauthorized("no bearer token")
    return token


def _check_time(payload: Mapping[str, Any], now_ms: int) -> None:
    nbf, exp = payload.get("nbf"), payload.get("exp")
    if type(nbf) is not int or type(exp) is not int or not nbf < exp <= nbf + LONGEST_S:
        raise Unauthorized("lifetime")
    if nbf * 1000 > now_ms + AHEAD_S * 1000 or exp * 1000 <= now_ms:
        raise Unauthorized("clock")


def _check_uri(payload: Mapping[str, Any], uris: Collection[str]) -> None:
    issuer, name, older = "cdp", "uri", False
    if "aud" in payload:
        audience = payload["aud"]
        form = _OLDER.get(str(audience[0])) if isinstance(audience, list) and len(audience) == 1 else None
        if form is None:
            raise Unauthorized("aud")
        (issuer, name), older = form, True
    if payload.get("iss") != issuer:
        raise Unauthorized("iss")
    if not uris:
        if "uri" in payload or "uris" in payload:
            raise Unauthorized("uri")
        return
    given = payload.get(name)
    if name == "uris":
        given = given[0] if isinstance(given, list) and len(given) == 1 else None
    if older and isinstance(given, str):
        given = given.replace(" http://", " ", 1)
    if given not in uris:
        raise Unauthorized("uri")


def _object(part: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(_bytes(part))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unauthorized("not JSON") from None
    if not isinstance(value, dict):
        raise Unauthorized("not an object")
    return value


def _bytes(part: str) -> bytes:
    if not part or set("=+/") & set(part):
        raise Unauthorized("not base64url without padding")
    try:
        return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Unauthorized("not base64url") from None
