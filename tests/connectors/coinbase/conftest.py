"""A Coinbase without network: its sources, and replies made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.connectors.coinbase import SPEC
from app.connectors.coinbase.auth import CoinbaseAuth
from app.connectors.coinbase.private import CoinbasePrivate
from app.connectors.coinbase.public import CoinbasePublic
from app.connectors.spec import Credentials
from app.core.requests import Response

Reply = Callable[..., Response]

# RFC 8032, key 1: published, so no secret.
RFC_KEY = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="


@pytest.fixture
def public() -> CoinbasePublic:
    return CoinbasePublic(SPEC.domains["main"])


@pytest.fixture
def private() -> CoinbasePrivate:
    auth = CoinbaseAuth(Credentials(api_key="KEY", secret_key=RFC_KEY), SPEC.domains["main"], nonce=lambda: "00")
    return CoinbasePrivate(SPEC.domains["main"], auth)


@pytest.fixture
def reply() -> Reply:
    def make(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        return Response(
            status=status, headers=headers or {}, body=body.encode(), frame=7, sent_ms=1_000, received_ms=1_050
        )

    return make
