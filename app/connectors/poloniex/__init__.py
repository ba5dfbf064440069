"""Poloniex spot as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.poloniex.auth import RECV_WINDOW_MS, PoloniexAuth
from app.connectors.poloniex.errors import read_error
from app.connectors.poloniex.private import PoloniexPrivate
from app.connectors.poloniex.protocol import DOCS, MAIN, RATE_LIMITS
from app.connectors.poloniex.public import PoloniexPublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule

SPEC = ExchangeSpec(
    name="poloniex",
    title="Poloniex",
    docs=DOCS,
    site="poloniex.com",
    domains={MAIN.name: MAIN},
    credential_fields=(
        CredentialField(name="api_key", title="API key"),
        CredentialField(name="secret_key", title="Secret key"),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(
        maker=Decimal("0.00145"), taker=Decimal("0.00155"), source="example in Poloniex' documentation"
    ),
    public=PoloniexPublic,
    private=PoloniexPrivate,
    auth=PoloniexAuth,
    read_error=read_error,
    # Its budgets are per second, so a short silence refills them all.
    slow_down_s=3.0,
    signing_window_ms=RECV_WINDOW_MS,
    amend=AmendRules(
        words="Poloniex cannot change an order: it would cancel it and place a new one under a new id. "
        "Cancel and place anew."
    ),
    kill_switch_s=(10, 600),
    order_history_days=180,
    fill_history_days=180,
)
