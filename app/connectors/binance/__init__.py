"""Binance spot as data: `SPEC`. No network; the engine in `app.connectors` runs it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from urllib.parse import urlsplit

from app.connectors.binance.auth import RECV_WINDOW_MS, BinanceAuth
from app.connectors.binance.errors import read_error
from app.connectors.binance.private import BinancePrivate
from app.connectors.binance.protocol import ACCOUNT_PATH, DOCS, DOMAINS, RATE_LIMITS, STREAM_PATH, USAGE_HEADERS
from app.connectors.binance.public import BinancePublic
from app.connectors.spec import AmendRules, CredentialField, ExchangeSpec
from app.core.account import FeeSchedule
from app.core.requests import Response


def read_usage(response: Response) -> Iterable[tuple[str, int]]:
    """What the exchange counted; a header that is no number is passed over."""
    for header, bucket in USAGE_HEADERS.items():
        used = response.headers.get(header, "")
        if used.isascii() and used.isdigit():
            yield bucket, int(used)


def sockets_of_twin(public: str, private: str) -> dict[str, str]:
    """The exchange's own paths at the twin's hosts and ports."""
    return {"public": _at(public, STREAM_PATH), "private": _at(private, ACCOUNT_PATH)}


def _at(url: str, path: str) -> str:
    return urlsplit(url)._replace(path=path, query="", fragment="").geturl()


SPEC = ExchangeSpec(
    name="binance",
    title="Binance",
    docs=DOCS,
    site="www.binance.com",
    domains={domain.name: domain for domain in DOMAINS},
    credential_fields=(
        CredentialField(name="api_key", title="API key"),
        CredentialField(name="secret_key", title="Secret key, or private key (PEM, RSA or Ed25519)"),
        CredentialField(name="passphrase", title="Passphrase of an encrypted private key", optional=True),
    ),
    rate_limits=RATE_LIMITS,
    default_fees=FeeSchedule(
        maker=Decimal("0.001"), taker=Decimal("0.001"), source="example in Binance's documentation"
    ),
    public=BinancePublic,
    private=BinancePrivate,
    auth=BinanceAuth,
    read_error=read_error,
    read_usage=read_usage,
    sockets_of_twin=sockets_of_twin,
    secret_fields=frozenset({"uid"}),
    # Its weights are counted by the minute.
    slow_down_s=60.0,
    signing_window_ms=RECV_WINDOW_MS,
    previews=True,
    amend=AmendRules(
        smaller=True,
        words="Binance only makes an order smaller (amend keep priority): it keeps its place in the queue and its id. "
        "Ten changes an order. For another price cancel and place anew.",
    ),
    # The exchange gives up on a request after 10 s.
    engine_grace_ms=10_000,
)
