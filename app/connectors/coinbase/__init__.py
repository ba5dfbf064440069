"""Coinbase Advanced Trade as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.coinbase.auth import LIFETIME_S, CoinbaseAuth
from app.connectors.coinbase.errors import read_error, read_usage
from app.connectors.coinbase.private import CoinbasePrivate
from app.connectors.coinbase.protocol import DOCS, MAIN, RATE_LIMITS, SANDBOX
from app.connectors.coinbase.public import CoinbasePublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule

SPEC = ExchangeSpec(
    name="coinbase",
    title="Coinbase",
    docs=DOCS,
    site="www.coinbase.com",
    domains={MAIN.name: MAIN, SANDBOX.name: SANDBOX},
    credential_fields=(
        CredentialField(name="api_key", title="API key name (organizations/…/apiKeys/… or an id)"),
        CredentialField(name="secret_key", title="Private key (ECDSA is the safe choice; Ed25519 works too)"),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(
        maker=Decimal("0.006"), taker=Decimal("0.012"), source="lowest tier in Coinbase' documentation"
    ),
    fees_in_quote=True,
    public=CoinbasePublic,
    private=CoinbasePrivate,
    auth=CoinbaseAuth,
    read_error=read_error,
    read_usage=read_usage,
    # Its budgets are per second, so a short silence refills them.
    slow_down_s=5.0,
    signing_window_ms=LIFETIME_S * 1_000,
    previews=True,
    amend=AmendRules(
        price=True,
        smaller=True,
        larger=True,
        words="Coinbase edits the order under the same id, one edit at a time. A larger size or another price loses "
        "its place in the queue.",
    ),
    default_pair="BTC-USD",
    quote_assets=("USD", "USDC", "USDT"),
)
