"""A connected exchange without a network: real sources, trackers and rules on a transport and REST of the caller's."""

from __future__ import annotations

from random import Random
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials, Domain
from app.connectors.venue import Venue
from app.core.clock import Clock
from app.core.frames import FrameLog
from app.core.notices import Notices
from app.core.requests import Call, NotSent, Request, SignedRequest
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock


class NoRest:
    """Nothing can be asked."""

    async def perform(self, call: Call[Any]) -> Any:
        raise NotSent(f"no network: {call.request.path}")

    def prepare(self, request: Request) -> SignedRequest:
        raise NotSent("nothing is signed here")

    async def close(self) -> None:
        return None


def offline_exchange(
    name: str,
    clock: Clock,
    log: FrameLog,
    *,
    seed: int = 0,
    rest: Any = None,
    transport: Any = None,
    account: bool = False,
    domain: Domain | None = None,
) -> Exchange:
    """`domain`: another one than the exchange's main one."""
    spec = exchange_spec(name)
    budget = HandshakeBudget(clock)
    venue = Venue(
        spec,
        domain or spec.domains["main"],
        "",
        rest=rest or NoRest(),
        transport=transport,
        clock=clock,
        server_clock=ServerClock(clock),
        log=log,
        notices=Notices(clock, keep=1_000),
        new_policy=lambda: ReconnectPolicy(clock, Random(seed)),
        budget_for=lambda url: budget,
        redactor=Redactor(),
        rate_usage=dict,
    )
    auth = spec.auth(_credentials(name), venue.domain) if account else None
    private = spec.private(venue.domain, auth) if auth is not None else None
    return Exchange(venue, spec.public(venue.domain), private, None, Random(seed))


def _credentials(name: str) -> Credentials:
    """Of nobody; of the form that the exchange's keys have."""
    secret = "0123456789abcdef0123456789abcdef"
    if name == "coinbase":
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        secret = key.private_bytes(*pem).decode()
    return Credentials(api_key="organizations/1/apiKeys/2", secret_key=secret, passphrase="words")
