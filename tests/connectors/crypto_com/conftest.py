"""A Crypto.com without network: its sources, and replies made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.crypto_com import SPEC
from app.connectors.crypto_com.private import CryptoComPrivate
from app.connectors.crypto_com.public import CryptoComPublic
from app.connectors.spec import Credentials
from app.core.requests import Response

Reply = Callable[..., Response]
CREDENTIALS = Credentials(api_key="API_KEY", secret_key="SECRET")


@pytest.fixture
def public() -> CryptoComPublic:
    return CryptoComPublic(SPEC.domains["main"])


@pytest.fixture
def private() -> CryptoComPrivate:
    domain = SPEC.domains["main"]
    return CryptoComPrivate(domain, SPEC.auth(CREDENTIALS, domain))


@pytest.fixture
def reply() -> Reply:
    """A good reply around this result (a list is its rows), or with this whole body."""

    def make(
        result: Any = None,
        *,
        body: Any = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        received_ms: int = 1_790_000_000_000,
    ) -> Response:
        if isinstance(result, list):
            result = {"data": result}
        if body is None:
            body = {"id": 1, "method": "m", "code": 0} | ({} if result is None else {"result": result})
        return Response(
            status=status,
            headers=headers or {},
            body=(body if isinstance(body, str) else json.dumps(body)).encode(),
            frame=7,
            sent_ms=received_ms - 50,
            received_ms=received_ms,
        )

    return make
