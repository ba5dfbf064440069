"""OKX spot as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.okx.auth import EXPIRE_MS, OkxAuth
from app.connectors.okx.errors import read_error
from app.connectors.okx.private import OkxPrivate
from app.connectors.okx.protocol import DOCS, DOMAINS, RATE_LIMITS, sockets_of_twin
from app.connectors.okx.public import OkxPublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule

SPEC = ExchangeSpec(
    name="okx",
    title="OKX",
    docs=DOCS,
    site="www.okx.com",
    domains=DOMAINS,
    credential_fields=(
        CredentialField(name="api_key", title="API key"),
        CredentialField(name="secret_key", title="Secret key"),
        CredentialField(name="passphrase", title="Passphrase of the key"),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(maker=Decimal("0.0008"), taker=Decimal("0.001"), source="example in OKX' documentation"),
    public=OkxPublic,
    private=OkxPrivate,
    auth=OkxAuth,
    read_error=read_error,
    sockets_of_twin=sockets_of_twin,
    # Its budgets are per two seconds, so a short silence refills them all.
    slow_down_s=3.0,
    signing_window_ms=EXPIRE_MS,
    amend=AmendRules(
        price=True,
        smaller=True,
        larger=True,
        words="OKX changes the order in place, under the same id. If the change fails the order stays as it is. "
        "Whether it keeps its place in the queue is not documented.",
    ),
    kill_switch_s=(10, 120),
    order_history_days=90,
    fill_history_days=90,
)
