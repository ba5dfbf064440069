"""Signs OKX requests and the private sockets' login. No clock, no sending; the secret never leaves this object."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from app.connectors.forgotten import checked, wiped
from app.connectors.okx.protocol import is_demo
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

EXPIRE_MS = 5_000
"""How long the exchange may take to begin with an order request; later it must drop it."""
_LOGIN_PATH = "/users/self/verify"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OkxAuth:
    """HMAC-SHA256 over time, method, path with query, and body. REST signs ISO milliseconds, the login Unix seconds."""

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._api_key = credentials.api_key
        self._secret = bytearray(credentials.secret_key.encode())
        self._passphrase = credentials.passphrase
        self._demo = is_demo(domain)

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in request.params)
        path = quote(request.path, safe="/:")
        target = f"{path}?{query}" if query else path
        stamp = iso_time(now_ms)
        text = f"{stamp}{request.method}{target}{request.body.decode()}"
        headers = {
            "OK-ACCESS-KEY": self._api_key,
            "OK-ACCESS-SIGN": self._sign(text),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": self._passphrase,
            "Content-Type": "application/json",
        }
        if request.method == "POST":
            headers["expTime"] = str(now_ms + EXPIRE_MS)
        if self._demo:
            headers["x-simulated-trading"] = "1"
        return SignedRequest(target=target, headers=headers, body=request.body, signed_text=text, now_ms=now_ms)

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        stamp = str(now_ms // 1000)
        login = {
            "apiKey": self._api_key,
            "passphrase": self._passphrase,
            "timestamp": stamp,
            "sign": self._sign(f"{stamp}GET{_LOGIN_PATH}"),
        }
        return msgspec.json.encode({"op": "login", "args": [login]})

    def forget(self) -> None:
        wiped(self._secret)
        self._passphrase = ""

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(checked(self._secret), text.encode(), hashlib.sha256).digest()).decode()


def iso_time(now_ms: int) -> str:
    """`2020-12-08T09:08:57.715Z`: UTC with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=now_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z"
