"""Checks Crypto.com signatures the way sheet section 5 describes them. Signing is the client's part and not here.

| what | rule | evidence |
|---|---|---|
| text | method, id, api_key, parameter string, nonce, nothing between | sheet 5, four vectors |
| signature | lower-case hex of HMAC-SHA256 | sheet 5 |
| nonce | milliseconds, 60 s around server time (40102) | sheet 5 and 8 |
| id, nonce | enter as their decimal text, whether sent as a number or as a text | sheet 5; ccxt sends texts |
| `public/auth` | no parameters in the text | sheet 5 |
| order of the checks | key there, nonce, key known, signature | unconfirmed |
| a boolean in the parameters | the Java form, `true` | unconfirmed; the sheet avoids them |
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from app.paper.accounts import Account, AccountBook
from app.paper.dialects.crypto_com_errors import ApiError

WINDOW_MS = 60_000
_DEEPEST = 3


def parameter_text(value: Any, level: int = 0) -> str:
    """Keys ascending, each followed by its value; lists in order; `null` for nothing."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if level >= _DEEPEST:
        return str(value)
    if isinstance(value, dict):
        return "".join(
            key + parameter_text(value[key], level if _flat(value[key]) else level + 1) for key in sorted(value)
        )
    if isinstance(value, list):
        return "".join(parameter_text(element, level) for element in value)
    return str(value)


def signing_text(method: str, request_id: str, api_key: str, params: Any, nonce: str) -> str:
    """What a client must have signed."""
    return f"{method}{request_id}{api_key}{parameter_text(params)}{nonce}"


def is_signed(text: str, secret_key: str, signature: str) -> bool:
    """Whether the hex signature belongs to the text; compared in constant time."""
    expected = hmac.new(secret_key.encode(), text.encode(errors="replace"), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def authenticate(accounts: AccountBook, message: dict[str, Any], now_ms: int) -> Account:
    """The account that signed this request. Raises ApiError."""
    api_key, signature = message.get("api_key"), message.get("sig")
    if not isinstance(api_key, str) or not isinstance(signature, str) or not api_key or not signature:
        raise ApiError(40101)
    nonce = whole_text(message.get("nonce"))
    if not nonce or abs(now_ms - int(nonce)) > WINDOW_MS:
        raise ApiError(40102)
    found = accounts.by_key(api_key)
    if found is None:
        raise ApiError(40101)
    credentials, account = found
    params = {} if message["method"] == "public/auth" else message.get("params", {})
    text = signing_text(message["method"], whole_text(message.get("id")), api_key, params, nonce)
    if not is_signed(text, credentials.secret_key, signature):
        raise ApiError(40101)
    return account


def whole_text(value: object) -> str:
    """The decimal text of a whole number that came as a number or as a text; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value)
    return text if text.isascii() and text.isdigit() and len(text) <= 19 else ""


def _flat(value: object) -> bool:
    return not isinstance(value, dict | list)
