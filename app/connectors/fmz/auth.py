"""Adds the keys to a request, as the protocol sends them with each one. No sending; no key leaves for a stranger.

Depthdesk's own service knows its pairing key by heart: towards it a proof of that key is sent and never the key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

from app.connectors.fmz.protocol import Question
from app.connectors.fmz.service import as_plugin
from app.connectors.forgotten import refuse_to_sign
from app.connectors.spec import Credentials, Domain
from app.core.requests import NotSent, Request, SignedRequest

PAIRING_PREFIX = "depthdesk-"
"""How the secret of a pairing with Depthdesk's own service begins."""
PROOF_PREFIX = "proof-"
SIMULATE = "simulate"
_HIDDEN = "<access and secret key>"

_decode_question = msgspec.json.Decoder(Question).decode


class _Signed(msgspec.Struct):
    access_key: str
    secret_key: str
    method: str
    nonce: int
    params: dict[str, str | int]


class FmzAuth:
    """The secret may be `secret`, `secret,passphrase` or `secret,passphrase,simulate`, as a plug-in asks for it.

    Raises ValueError when the parts cannot be told apart.
    """

    def __init__(self, credentials: Credentials, domain: Domain) -> None:
        self._domain = as_plugin(domain)
        self._api_key = credentials.api_key
        self._secret = _joined(credentials)
        self._nonce = 0

    @property
    def api_key(self) -> str:
        return self._api_key

    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """Raises NotSent while the listener has not answered as a plug-in does (`FmzPublic.get_server_time`)."""
        if not self._domain.listener.recognised(now_ms):
            raise NotSent(f"no key is sent before the program at {self._domain.rest['']} has answered as a plug-in")
        if not self._secret:
            refuse_to_sign()
        question = _decode_question(request.body)
        # The clock tells ms, and a service may refuse a nonce that it has seen.
        self._nonce = max(now_ms * 1_000_000, self._nonce + 1)
        secret = self._secret
        if secret.startswith(PAIRING_PREFIX):
            key = hashlib.sha256(secret.encode()).digest()
            secret = proof_of(key, request.path, question.method, self._nonce, question.params)
        signed = _Signed(self._api_key, secret, question.method, self._nonce, question.params)
        headers = {"Content-Type": "application/json", "Connection": "close", **dict(request.params)}
        shown = msgspec.json.encode(_Signed(_HIDDEN, _HIDDEN, question.method, self._nonce, question.params))
        return SignedRequest(
            target=self._domain.path,
            headers=headers,
            body=msgspec.json.encode(signed),
            signed_text=shown.decode(),
            now_ms=now_ms,
        )

    def forget(self) -> None:
        self._secret = ""

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        raise NotImplementedError("the protocol has no stream")


def proof_of(key: bytes, path: str, method: str, nonce: int, params: Mapping[str, Any]) -> str:
    """What only a holder of the pairing secret can say of this one request; `key` is the secret's SHA-256."""
    said = msgspec.json.encode([path, method, nonce, sorted(params.items())])
    return PROOF_PREFIX + hmac.new(key, said, hashlib.sha256).hexdigest()


def _joined(credentials: Credentials) -> str:
    secret, passphrase = credentials.secret_key, credentials.passphrase
    if passphrase:
        if "," in secret:
            raise ValueError("a secret key with a comma cannot be sent together with a passphrase")
        secret = f"{secret},{passphrase}"
    parts = secret.split(",")
    if len(parts) > 3 or (len(parts) == 3 and parts[2] != SIMULATE):
        raise ValueError(f"after the passphrase nothing but ,{SIMULATE} can follow")
    if not all(parts) or not credentials.api_key:
        raise ValueError("a key is missing")
    return secret
