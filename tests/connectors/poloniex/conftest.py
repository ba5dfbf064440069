"""A Poloniex without network: its sources, and replies made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.connectors.poloniex import SPEC
from app.connectors.poloniex.private import PoloniexPrivate
from app.connectors.poloniex.public import PoloniexPublic
from app.connectors.spec import Credentials
from app.core.requests import Response

Reply = Callable[..., Response]


@pytest.fixture
def public() -> PoloniexPublic:
    return PoloniexPublic(SPEC.domains["main"])


@pytest.fixture
def private() -> PoloniexPrivate:
    auth = SPEC.auth(Credentials(api_key="KEY", secret_key="SECRET"), SPEC.domains["main"])
    return PoloniexPrivate(SPEC.domains["main"], auth)


@pytest.fixture
def reply() -> Reply:
    def make(body: str, status: int = 200, received_ms: int = 1_700_000_000_000) -> Response:
        return Response(
            status=status,
            headers={},
            body=body.encode(),
            frame=7,
            sent_ms=received_ms - 50,
            received_ms=received_ms,
        )

    return make
