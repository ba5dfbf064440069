"""Crypto.com spot as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.crypto_com.auth import CryptoComAuth
from app.connectors.crypto_com.errors import read_error
from app.connectors.crypto_com.private import CryptoComPrivate
from app.connectors.crypto_com.protocol import DOCS, DOMAINS, RATE_LIMITS, SIGNING_WINDOW_MS
from app.connectors.crypto_com.public import CryptoComPublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule

SPEC = ExchangeSpec(
    name="crypto_com",
    title="Crypto.com",
    docs=DOCS,
    site="crypto.com/exchange",
    domains=DOMAINS,
    credential_fields=(
        CredentialField(name="api_key", title="API key"),
        CredentialField(name="secret_key", title="Secret key"),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(
        maker=Decimal("0.00065"), taker=Decimal("0.00069"), source="example in Crypto.com's documentation"
    ),
    fees_in_quote=True,
    public=CryptoComPublic,
    private=CryptoComPrivate,
    auth=CryptoComAuth,
    read_error=read_error,
    # Its budgets are per second at most, and it never says how long to wait.
    slow_down_s=2.0,
    server_time_resolution_ms=1_000,
    signing_window_ms=SIGNING_WINDOW_MS,
    amend=AmendRules(
        price=True,
        smaller=True,
        larger=True,
        words="Crypto.com cancels the order and creates it anew in one step. It loses its place in the queue "
        "unless only the amount becomes smaller.",
    ),
)
