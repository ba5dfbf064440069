"""Signs Coinbase requests and the private stream's subscriptions with one short JWT each. No clock, no sending."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.connectors.coinbase.protocol import channel_message
from app.connectors.forgotten import refuse_to_sign
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request, SignedRequest

LIFETIME_S = 120
"""How long a JWT is good: the longest the exchange takes."""
_PATH_SAFE = "/:"
_SEED_BYTES = 32
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*)-----END \1-----", re.DOTALL)

Sign = Callable[[bytes], bytes]


def _new_nonce() -> str:
    return secrets.token_hex(16)


class CoinbaseAuth:
    """CDP keys: ES256 with an ECDSA P-256 key (PEM), EdDSA with an Ed25519 key (base64 or PEM); told by content.

    Raises ValueError for a private key that is neither; its text never quotes the key.
    """

    def __init__(self, credentials: Credentials, domain: Domain, nonce: Callable[[], str] = _new_nonce) -> None:
        self._api_key = credentials.api_key.strip()
        self._sign: Sign
        self._algorithm, self._sign = _load(credentials.secret_key)
        self._host = urlsplit(domain.rest[""]).netloc
        self._nonce = nonce

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """The JWT covers method, host and path, and neither query nor body."""
        path = quote(request.path, safe=_PATH_SAFE)
        signed, jwt = self._jwt(now_ms, f"{request.method} {self._host}{path}")
        headers = {"Authorization": f"Bearer {jwt}"}
        if request.body:
            headers["Content-Type"] = "application/json"
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.params)
        return SignedRequest(
            target=f"{path}?{query}" if query else path,
            headers=headers,
            body=request.body,
            signed_text=signed,
            now_ms=now_ms,
        )

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        """The subscription to our own orders: there is no login of its own."""
        return self.subscribe_message("user", now_ms)

    def forget(self) -> None:
        self._sign = refuse_to_sign

    def subscribe_message(self, channel: str, now_ms: int) -> bytes:
        """Subscribe to all of one channel, with a fresh JWT."""
        return channel_message("subscribe", channel, jwt=self._jwt(now_ms)[1])

    def _jwt(self, now_ms: int, uri: str = "") -> tuple[str, str]:
        """The text that is signed, and the whole token."""
        now_s = now_ms // 1000
        header = {"alg": self._algorithm, "typ": "JWT", "kid": self._api_key, "nonce": self._nonce()}
        claims = {"sub": self._api_key, "iss": "cdp", "nbf": now_s, "exp": now_s + LIFETIME_S}
        if uri:
            claims["uri"] = uri
        text = f"{_base64url(msgspec.json.encode(header))}.{_base64url(msgspec.json.encode(claims))}"
        return text, f"{text}.{_base64url(self._sign(text.encode()))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _load(secret: str) -> tuple[str, Sign]:
    # Downloads hold \n as two characters, and a line of a form swallows real newlines.
    text = secret.strip().strip('"').replace("\\n", "\n")
    if "-----BEGIN" in text:
        return _load_pem(text)
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the private key is neither PEM nor base64") from None
    if len(raw) not in (_SEED_BYTES, 2 * _SEED_BYTES):
        raise ValueError(f"the private key has {len(raw)} bytes; an Ed25519 key has 32 or 64")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    if raw[_SEED_BYTES:] not in (b"", public):
        raise ValueError("the two halves of the private key do not belong together")
    return "EdDSA", key.sign


def _load_pem(text: str) -> tuple[str, Sign]:
    found = _PEM.search(text)
    if found is None:
        raise ValueError("the private key's PEM text is cut off")
    label, body = found[1], "".join(found[2].split())
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    try:
        key = load_pem_private_key(f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private key's PEM text cannot be read; keys with a password are not supported") from None
    if isinstance(key, Ed25519PrivateKey):
        return "EdDSA", key.sign
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return "ES256", _es256(key)
    raise ValueError("the private key is neither ECDSA P-256 nor Ed25519")


def _es256(key: EllipticCurvePrivateKey) -> Sign:
    def sign(text: bytes) -> bytes:
        # A JWT wants r and s side by side, not the DER that the library gives.
        r, s = decode_dss_signature(key.sign(text, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign
