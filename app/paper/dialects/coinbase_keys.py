"""The API keys of the twin's account: their kinds, seeded secrets and permissions. Tokens are checked in coinbase_jwt.

| kind | name | secret | evidence |
|---|---|---|---|
| ecdsa (default) | organizations/{org}/apiKeys/{id} | SEC1 PEM, P-256 | sheet 4 |
| ed25519 | a bare UUID | base64 of 64 bytes, seed then public key | sheet 4 |
| view-only | as ecdsa, without the trade scope | SEC1 PEM, P-256 | sheet 2 (`can_trade`), 7 (scopes) |
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct

from app.paper.accounts import Credentials
from app.paper.dialects.coinbase_catalog import seeded_uuid

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF = 32


class Key(Struct, frozen=True, kw_only=True, eq=False):
    """What the exchange knows of a key: its public part and what it may do."""

    name: str
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    can_trade: bool = True

    @property
    def algorithm(self) -> str:
        return "EdDSA" if isinstance(self.public, ed25519.Ed25519PublicKey) else "ES256"

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether the raw 64 bytes (r and s, or an Ed25519 signature) belong to the text."""
        if len(signature) != 2 * _HALF:
            return False
        try:
            if isinstance(self.public, ed25519.Ed25519PublicKey):
                self.public.verify(signature, text)
            else:
                r, s = (int.from_bytes(part, "big") for part in (signature[:_HALF], signature[_HALF:]))
                self.public.verify(encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def public_of(credentials: Credentials, *, can_trade: bool = True) -> Key:
    """The exchange's side of a key, from either form of secret."""
    secret = credentials.secret_key
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    if secret.startswith("-----BEGIN"):
        private = serialization.load_pem_private_key(secret.encode(), password=None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        public = private.public_key()
    else:
        seed = base64.b64decode(secret)[:_HALF]
        public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return Key(name=credentials.api_key, public=public, can_trade=can_trade)


def seeded_keys(seed: int) -> dict[str, Credentials]:
    """All keys of the account by kind, the default one first; the same seed gives the same keys."""
    organization = seeded_uuid("coinbase", seed, "organization")

    def name(kind: str) -> str:
        return f"organizations/{organization}/apiKeys/{seeded_uuid('coinbase', seed, kind)}"

    return {
        "ecdsa": Credentials(api_key=name("ecdsa"), secret_key=_pem(_bytes(seed, "ecdsa"))),
        "ed25519": Credentials(
            api_key=seeded_uuid("coinbase", seed, "ed25519"), secret_key=_pair(_bytes(seed, "ed25519"))
        ),
        "view-only": Credentials(api_key=name("view-only"), secret_key=_pem(_bytes(seed, "view-only"))),
    }


def _bytes(seed: int, kind: str) -> bytes:
    return hashlib.sha256(f"depthdesk/coinbase/{seed}/{kind}".encode()).digest()


def _pem(secret: bytes) -> str:
    scalar = int.from_bytes(secret, "big") % (_P256_ORDER - 1) + 1
    return (
        ec.derive_private_key(scalar, ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


def _pair(seed: bytes) -> str:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    return base64.b64encode(seed + private.public_key().public_bytes_raw()).decode()
