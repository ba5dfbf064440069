"""The API keys of a Binance account, derived from the seed: HMAC, Ed25519 and RSA, and checks of what they sign.

| what | rule | evidence |
|---|---|---|
| HMAC | SHA-256, hexadecimal, letters of either case | sheet 4 |
| Ed25519, RSA | base64 with case; RSA is PKCS#1 v1.5 with SHA-256 over a 2048-bit key | sheet 4 |
| key text | 64 letters and digits | sheet 4 (its examples) |
| read-only, withdraw | further HMAC keys with other rights | GET apiRestrictions, the exchange's wallet pages |

A client gets the private half of an asymmetric key as PKCS#8 PEM, as the user of the exchange has it. No request is
read here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from app.paper.accounts import Credentials

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

HMAC_KINDS = ("hmac", "read-only", "withdraw")
KINDS = (*HMAC_KINDS, "ed25519", "rsa")
_PRIME_BITS = 1024
_EXPONENT = 65_537
_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


class KeyRing:
    """The keys of one account by kind. The costly ones are made when somebody uses them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.kinds = {self.api_key(kind): kind for kind in KINDS}

    def api_key(self, kind: str) -> str:
        return base64.b32encode(self._digest(f"{kind}/key") + self._digest(f"{kind}/more")).decode()[:64]

    def credentials(self, kind: str) -> Credentials:
        """What a client of that kind signs with."""
        secrets: dict[str, Callable[[], str]] = {
            kind: lambda kind=kind: base64.b32encode(
                self._digest(f"{kind}/secret") + self._digest(f"{kind}/rest")
            ).decode()[:64]
            for kind in HMAC_KINDS
        } | {
            "ed25519": lambda: _pem(_ed25519(self._digest("ed25519/secret"))),
            "rsa": lambda: _pem(_rsa(self._digest("rsa/secret"))),
        }
        return Credentials(api_key=self.api_key(kind), secret_key=secrets[kind]())

    def is_signed(self, kind: str, text: bytes, signature: str) -> bool:
        """Whether the signature belongs to the text."""
        if kind in HMAC_KINDS:
            secret = self.credentials(kind).secret_key.encode()
            right = hmac.new(secret, text, hashlib.sha256).hexdigest()
            return hmac.compare_digest(signature.lower().encode(), right.encode())
        try:
            given = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        return _is_signed(kind, self._digest(f"{kind}/secret"), text, given)

    def _digest(self, what: str) -> bytes:
        return hashlib.sha256(f"depthdesk/binance/{self._seed}/{what}".encode()).digest()


def _is_signed(kind: str, secret: bytes, text: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if kind == "ed25519":
            _ed25519(secret).public_key().verify(signature, text)
        else:
            _rsa(secret).public_key().verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=8)
def _ed25519(secret: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(secret)


@lru_cache(maxsize=8)
def _rsa(secret: bytes) -> RSAPrivateKey:
    """A key from two primes that the secret alone decides, so that a restarted twin knows the same key."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    rng = Random(secret)
    p, q = _prime(rng), _prime(rng)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key()


def _prime(rng: Random) -> int:
    """Paper money only: the numbers are guessable by whoever knows the seed, and meant to be."""
    while True:
        number = rng.getrandbits(_PRIME_BITS) | 3 << _PRIME_BITS - 2 | 1
        if number % _EXPONENT != 1 and all(number % p for p in _SMALL_PRIMES) and _is_prime(number, rng):
            return number


def _is_prime(number: int, rng: Random) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(6):
        power = pow(rng.randrange(2, number - 1), odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
