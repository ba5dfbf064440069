"""Any exchange behind a plug-in of the FMZ custom protocol, as data: `SPEC`. No network.

An account needs an address: make its domain with `plugin_domain`; the one in `SPEC.domains` leads nowhere.
"""

from __future__ import annotations

from decimal import Decimal

from app.connectors.fmz.auth import FmzAuth
from app.connectors.fmz.errors import read_error
from app.connectors.fmz.private import FmzPrivate
from app.connectors.fmz.protocol import DOCS, RATE_LIMITS
from app.connectors.fmz.public import FmzPublic
from app.connectors.fmz.service import PluginMarket, plugin_domain
from app.connectors.spec import CredentialField, Domain, ExchangeSpec
from app.core.account import FeeSchedule

__all__ = ["SPEC", "PluginMarket", "plugin_domain"]

SPEC = ExchangeSpec(
    name="fmz",
    title="FMZ plug-in",
    docs=DOCS,
    domains={"main": Domain(name="main", title="A plug-in of yours", rest={}, sockets={})},
    credential_fields=(
        CredentialField(name="api_key", title="Access key"),
        CredentialField(name="secret_key", title="Secret key"),
        CredentialField(name="passphrase", title="Passphrase, or passphrase,simulate", optional=True),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(maker=Decimal(0), taker=Decimal(0), source="not told by the protocol"),
    public=FmzPublic,
    private=FmzPrivate,
    auth=FmzAuth,
    read_error=read_error,
    secret_fields=frozenset({"access_key", "secret_key"}),
    slow_down_s=2.0,
)
