"""Who may use the service and for what: one random pairing per run, permissions, no request taken twice. No sockets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from app.connectors.fmz.auth import PAIRING_PREFIX, PROOF_PREFIX, proof_of
from app.core.clock import NS_PER_S, Clock

TOKEN_HEADER = "x-depthdesk-token"
_TOKEN_BYTES = 32
_WINDOW_NS = 60 * NS_PER_S
_VERBS = frozenset({"GET", "POST", "PUT", "DELETE"})
_NEVER = ("withdraw", "transfer")


class RawRule(Struct, frozen=True):
    """Raw calls of this verb to paths that begin so are signed."""

    verb: str
    prefix: str


class Permissions(Struct, frozen=True, kw_only=True):
    """What the client may do besides reading."""

    trade: bool = False
    raw: tuple[RawRule, ...] = ()

    def allows_raw(self, verb: str, path: str) -> bool:
        if any(word in path.lower() for word in _NEVER) or ".." in path or "%" in path:
            return False
        return any(verb == rule.verb and _is_under(path, rule.prefix) for rule in self.raw)


def raw_rule(text: str) -> RawRule:
    """From `GET:/orders`. Raises ValueError."""
    verb, _, prefix = text.partition(":")
    if verb not in _VERBS or not prefix.startswith("/") or prefix == "/":
        raise ValueError("a raw call is allowed by its verb and the beginning of its path, such as GET:/orders")
    return RawRule(verb, prefix)


class Keys(Struct, frozen=True):
    """What the user gives to the client. Shown once, kept nowhere."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return "Keys(<redacted>)"

    __str__ = __repr__


class Pairing:
    """One client. Only the SHA-256 of its secret is kept."""

    def __init__(self, keys: Keys, permissions: Permissions, clock: Clock) -> None:
        self.permissions = permissions
        self._access = _digest(keys.access_key)
        self._secret = _digest(keys.secret_key)
        self._clock = clock
        self._nonces: dict[int, int] = {}

    def knows_token(self, token: str) -> bool:
        return hmac.compare_digest(_digest(token), self._secret)

    def knows_keys(
        self, access_key: str, secret_key: str, path: str, method: str, nonce: int | None, params: Mapping[str, Any]
    ) -> bool:
        """By the pair itself, as every client of the protocol sends it, or by a proof of it for this one request."""
        right = hmac.compare_digest(_digest(access_key), self._access)
        if secret_key.startswith(PROOF_PREFIX):
            said = proof_of(self._secret, path, method, nonce or 0, params)
            return right & hmac.compare_digest(_digest(secret_key), _digest(said)) and nonce is not None
        return right & self.knows_token(secret_key)

    def takes(self, nonce: int | None) -> bool:
        """Whether this request is of now and has not come before; one without a nonce cannot be told apart.

        Several requests may be under way, so later ones may overtake: not the order counts but each nonce once.
        """
        if nonce is None:
            return True
        now = self._clock.wall_ns()
        self._nonces = {known: at for known, at in self._nonces.items() if abs(now - known) <= _WINDOW_NS}
        if abs(now - nonce) > _WINDOW_NS or nonce in self._nonces:
            return False
        self._nonces[nonce] = now
        return True


def new_keys(random_bytes: Callable[[int], bytes]) -> Keys:
    """A fresh pairing, 32 random bytes."""
    return Keys(f"depthdesk{random_bytes(8).hex()}", PAIRING_PREFIX + random_bytes(_TOKEN_BYTES).hex())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")
