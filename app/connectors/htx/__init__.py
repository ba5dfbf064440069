"""HTX spot as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.htx.auth import HtxAuth
from app.connectors.htx.errors import read_error
from app.connectors.htx.private import HtxPrivate
from app.connectors.htx.protocol import DOCS, DOMAINS, RATE_LIMITS, SIGNATURE_GOOD_MS, sockets_of_twin
from app.connectors.htx.public import HtxPublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule

SPEC = ExchangeSpec(
    name="htx",
    title="HTX",
    docs=DOCS,
    site="www.htx.com",
    domains=DOMAINS,
    credential_fields=(
        CredentialField(name="api_key", title="Access key"),
        CredentialField(name="secret_key", title="Secret key"),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(maker=Decimal("0.002"), taker=Decimal("0.002"), source="example in HTX' documentation"),
    public=HtxPublic,
    private=HtxPrivate,
    auth=HtxAuth,
    read_error=read_error,
    sockets_of_twin=sockets_of_twin,
    # Its budgets are per two seconds, so a short silence refills them all.
    slow_down_s=3.0,
    signing_window_ms=SIGNATURE_GOOD_MS,
    amend=AmendRules(words="HTX cannot change an order. Cancel and place anew."),
    kill_switch_s=(5, 600),
    our_id_kept_ms=2 * 3_600_000,
    order_history_days=2,
    fill_history_days=180,
)
