"""Signs Poloniex requests and the private stream's login. No clock, no sending; the secret never leaves this object."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import msgspec

from app.connectors.forgotten import checked, wiped
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

RECV_WINDOW_MS = 5_000
_UNRESERVED = "!'()*"
"""What encodeURIComponent leaves as it is besides letters, digits and `-_.~`."""
_PATH_SAFE = "/:" + _UNRESERVED
"""Ids of the form `cid:x` are signed and sent with their colon."""
_LOGIN_PATH = "/ws"
"""Of the signed text; the socket itself is at /ws/private."""


class PoloniexAuth:
    """HMAC-SHA256 over method, path and parameters, as the exchange's authentication page has it.

    `recvWindow` is a header and by that page no part of the signed text; not confirmed by a published vector.
    """

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._api_key = credentials.api_key
        self._secret = bytearray(credentials.secret_key.encode())

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """Raises ValueError for parameters beside a body: the exchange has no rule for signing both."""
        if request.body and request.params:
            raise ValueError("a request has parameters or a body, not both")
        stamp = str(now_ms)
        path = quote(request.path, safe=_PATH_SAFE)
        if request.body:
            signed = f"requestBody={request.body.decode()}&signTimestamp={stamp}"
        else:
            signed = _query((*request.params, ("signTimestamp", stamp)))
        text = f"{request.method}\n{path}\n{signed}"
        headers = {
            "key": self._api_key,
            "signTimestamp": stamp,
            "signature": self._sign(text),
            "recvWindow": str(RECV_WINDOW_MS),
        }
        if request.body:
            headers["Content-Type"] = "application/json"
        query = _query(request.params)
        return SignedRequest(
            target=f"{path}?{query}" if query else path,
            headers=headers,
            body=request.body,
            signed_text=text,
            now_ms=now_ms,
        )

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        login = {
            "event": "subscribe",
            "channel": ["auth"],
            "params": {
                "key": self._api_key,
                "signTimestamp": now_ms,
                "signature": self._sign(f"GET\n{_LOGIN_PATH}\nsignTimestamp={now_ms}"),
                "signatureMethod": "HmacSHA256",
                "signatureVersion": "2",
            },
        }
        return msgspec.json.encode(login)

    def forget(self) -> None:
        wiped(self._secret)

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(checked(self._secret), text.encode(), hashlib.sha256).digest()).decode()


def _query(params: tuple[tuple[str, str], ...]) -> str:
    return "&".join(f"{name}={quote(value, safe=_UNRESERVED)}" for name, value in sorted(params))
