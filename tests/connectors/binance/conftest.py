"""A Binance without network: its sources on a deployment of their own, and replies made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.connectors.binance import SPEC
from app.connectors.binance.markets import _MARKETS, markets_of
from app.connectors.binance.private import BinancePrivate
from app.connectors.binance.public import BinancePublic
from app.connectors.spec import Credentials, Domain
from app.core.requests import Response

Reply = Callable[..., Response]


@pytest.fixture
def fresh_domain() -> Iterator[Domain]:
    """One whose market list never came."""
    domain = Domain(
        name="main",
        title="Binance",
        rest={"": "https://binance.invalid"},
        sockets=SPEC.domains["main"].sockets,
    )
    yield domain
    _MARKETS.pop("https://binance.invalid", None)


@pytest.fixture
def domain(fresh_domain: Domain) -> Domain:
    """One whose market list came."""
    listed = ["BTC-USDT", "BNB-USDT", "BNB-BTC", "ETH-BTC", "LTC-BTC", "NEO-USDT"]
    markets_of(fresh_domain).learn((pair.replace("-", ""), *pair.split("-")) for pair in listed)  # type: ignore[misc]
    return fresh_domain


@pytest.fixture
def public(domain: Domain) -> BinancePublic:
    return BinancePublic(domain)


@pytest.fixture
def private(domain: Domain) -> BinancePrivate:
    return BinancePrivate(domain, SPEC.auth(Credentials(api_key="KEY", secret_key="SECRET"), domain))


@pytest.fixture
def reply() -> Reply:
    def make(
        body: str, status: int = 200, received_ms: int = 1_790_000_000_000, headers: dict[str, str] | None = None
    ) -> Response:
        return Response(
            status=status,
            headers=headers or {},
            body=body.encode(),
            frame=7,
            sent_ms=received_ms - 50,
            received_ms=received_ms,
        )

    return make
