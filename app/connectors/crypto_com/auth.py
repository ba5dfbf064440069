"""Signs Crypto.com requests and the user socket's login. No clock, no sending; the secret never leaves this object."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from typing import Any

import msgspec

from app.connectors.crypto_com.protocol import PREFIX
from app.connectors.forgotten import checked, wiped
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

LOGIN_ID = 1
_LOGIN = "public/auth"
_DEEPEST = 3
_read_params = msgspec.json.Decoder(dict[str, Any]).decode


class CryptoComAuth:
    """HMAC-SHA256 over method, id, key, parameters and nonce, nothing between them.

    The body of a request to be signed holds its parameters alone; what goes out is the envelope around those bytes.
    """

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._api_key = credentials.api_key
        self._secret = bytearray(credentials.secret_key.encode())

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """Raises ValueError for what is not POSTed under the exchange's prefix: it has no rule for signing it."""
        method = request.path.removeprefix(PREFIX)
        if request.method != "POST" or request.params or method == request.path:
            raise ValueError("only a POST without query can be signed here")
        params = request.body or b"{}"
        # The exchange refuses what it takes for the same request: two of one millisecond must not look alike.
        number = zlib.crc32(f"{method}{now_ms}".encode() + params)
        signed = f"{method}{number}{self._api_key}{param_string(_read_params(params))}{now_ms}"
        message = {
            "id": number,
            "method": method,
            "api_key": self._api_key,
            "params": msgspec.Raw(params),
            "nonce": now_ms,
            "sig": self._sign(signed),
        }
        return SignedRequest(
            target=request.path,
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(message),
            signed_text=signed,
            now_ms=now_ms,
        )

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        """Without parameters, in the text and in the message."""
        login = {
            "id": LOGIN_ID,
            "method": _LOGIN,
            "api_key": self._api_key,
            "sig": self._sign(f"{_LOGIN}{LOGIN_ID}{self._api_key}{now_ms}"),
            "nonce": now_ms,
        }
        return msgspec.json.encode(login)

    def forget(self) -> None:
        wiped(self._secret)

    def _sign(self, signed: str) -> str:
        return hmac.new(checked(self._secret), signed.encode(), hashlib.sha256).hexdigest()


def param_string(value: Any, level: int = 0) -> str:
    """Keys in ascending order, each followed by its value; lists in their order, the same rule inside them."""
    if value is None:
        return "null"
    if level < _DEEPEST and isinstance(value, dict):
        return "".join(key + param_string(value[key], level + 1) for key in sorted(value))
    if isinstance(value, list):
        return "".join(param_string(element, level) for element in value)
    return str(value)
