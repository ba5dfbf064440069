"""Signs Binance requests and the account stream's login. No clock, no sending; the secret never leaves this object."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from urllib.parse import quote

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.connectors.forgotten import refuse_to_sign
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

RECV_WINDOW_MS = 5_000
LOGIN_ID = "login"
_KEY_HEADER = "X-MBX-APIKEY"
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)

Signer = Callable[[bytes], str]


class BinanceAuth:
    """HMAC-SHA256 where the secret is Binance's own, RSA or Ed25519 where it is a private key in PEM form.

    Over REST the text is the query exactly as it is sent; on the socket all parameters sorted, raw, the key included.
    Raises ValueError for a private key that cannot be used; its text never holds any of the key.
    """

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._api_key = credentials.api_key
        self._sign: Signer = _signer(credentials.secret_key, credentials.passphrase)

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """Everything travels in the query. Raises ValueError for a request with a body."""
        if request.body:
            raise ValueError("a signed request holds its parameters in the query, not in a body")
        params = (*request.params, ("recvWindow", str(RECV_WINDOW_MS)), ("timestamp", str(now_ms)))
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in params)
        signature = quote(self._sign(query.encode()), safe="")
        return SignedRequest(
            target=f"{request.path}?{query}&signature={signature}",
            headers={_KEY_HEADER: self._api_key},
            body=b"",
            signed_text=query,
            now_ms=now_ms,
        )

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        params: dict[str, str | int] = {
            "apiKey": self._api_key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": now_ms,
        }
        params["signature"] = self.sign_params(params)
        return msgspec.json.encode({"id": LOGIN_ID, "method": "userDataStream.subscribe.signature", "params": params})

    def forget(self) -> None:
        self._sign = refuse_to_sign

    def sign_params(self, params: dict[str, str | int]) -> str:
        """The signature of a request over the socket; `params` hold the key already."""
        return self._sign("&".join(f"{name}={params[name]}" for name in sorted(params)).encode())


def _signer(secret: str, passphrase: str) -> Signer:
    if "PRIVATE KEY" not in secret:
        key = secret.strip().encode()
        return lambda text: hmac.new(key, text, hashlib.sha256).hexdigest()
    try:
        private = load_pem_private_key(_unfolded(secret), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is left out: it may quote the key.
        raise ValueError("the private key cannot be read: is it whole, and is its passphrase right?") from None
    if isinstance(private, Ed25519PrivateKey):
        return lambda text: base64.b64encode(private.sign(text)).decode()
    if isinstance(private, RSAPrivateKey):
        return lambda text: base64.b64encode(private.sign(text, PKCS1v15(), SHA256())).decode()
    raise ValueError("Binance takes RSA and Ed25519 keys, not this kind")


def _unfolded(secret: str) -> bytes:
    """A PEM text as it should be: a form's single line turns line ends into blanks, or writes them as \\n."""
    found = _PEM.search(secret.replace("\\n", "\n"))
    if found is None:
        return secret.encode()
    kind, inside = found.groups()
    if ":" in inside:
        # Headers of the older encrypted form need their own lines.
        return found.group().encode()
    lines = [f"-----BEGIN {kind}-----", *inside.split(), f"-----END {kind}-----", ""]
    return "\n".join(lines).encode()
