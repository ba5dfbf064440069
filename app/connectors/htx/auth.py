"""Signs HTX requests and the account socket's login. No clock, no sending; the secret never leaves this object."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import msgspec

from app.connectors.forgotten import checked, wiped
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HtxAuth:
    """HMAC-SHA256 over method, host, path and sorted query. Bodies of POST are not signed.

    The host is the one that is called. Timestamps are whole seconds, rounded down, so that none lies in the future.
    """

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._api_key = credentials.api_key
        self._secret = bytearray(credentials.secret_key.encode())
        self._rest_host = _host(domain.rest[""])
        socket = urlsplit(domain.sockets["private"])
        self._socket_host, self._socket_path = _host(domain.sockets["private"]), socket.path

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """Everything of the signature travels in the query; business parameters are signed where they are there too."""
        params = {
            **dict(request.params),
            "AccessKeyId": self._api_key,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": iso_seconds(now_ms),
        }
        path, query = quote(request.path, safe="/"), _query(params)
        text = f"{request.method.upper()}\n{self._rest_host}\n{path}\n{query}"
        return SignedRequest(
            target=f"{path}?{query}&Signature={quote(self._sign(text), safe='')}",
            headers={"Content-Type": "application/json"} if request.method == "POST" else {},
            body=request.body,
            signed_text=text,
            now_ms=now_ms,
        )

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        """Version 2.1: other names than over REST, values raw in the frame, `authType` not signed."""
        signed = {
            "accessKey": self._api_key,
            "signatureMethod": "HmacSHA256",
            "signatureVersion": "2.1",
            "timestamp": iso_seconds(now_ms),
        }
        signature = self._sign(f"GET\n{self._socket_host}\n{self._socket_path}\n{_query(signed)}")
        params = {"authType": "api", **signed, "signature": signature}
        return msgspec.json.encode({"action": "req", "ch": "auth", "params": params})

    def forget(self) -> None:
        wiped(self._secret)

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(checked(self._secret), text.encode(), hashlib.sha256).digest()).decode()


def iso_seconds(now_ms: int) -> str:
    """`2017-05-11T15:19:30`: UTC, whole seconds, no zone."""
    return f"{_EPOCH + timedelta(seconds=now_ms // 1000):%Y-%m-%dT%H:%M:%S}"


def _query(params: dict[str, str]) -> str:
    """Sorted by ASCII, so upper case comes first."""
    return "&".join(f"{quote(name, safe='')}={quote(params[name], safe='')}" for name in sorted(params))


def _host(url: str) -> str:
    """In lower case and without port."""
    return (urlsplit(url).hostname or "").lower()
