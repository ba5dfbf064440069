"""An OKX without network: its sources, and replies made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.okx import SPEC
from app.connectors.okx.private import OkxPrivate
from app.connectors.okx.public import OkxPublic
from app.connectors.spec import Credentials
from app.core.requests import Response

Reply = Callable[..., Response]


@pytest.fixture
def public() -> OkxPublic:
    return OkxPublic(SPEC.domains["main"])


@pytest.fixture
def private() -> OkxPrivate:
    domain = SPEC.domains["main"]
    return OkxPrivate(domain, SPEC.auth(Credentials(api_key="KEY", secret_key="SECRET", passphrase="PHRASE"), domain))


@pytest.fixture
def reply() -> Reply:
    """A reply around these rows, or with this whole body."""

    def make(body: Any, status: int = 200, received_ms: int = 1_790_000_000_000) -> Response:
        text = body if isinstance(body, str) else json.dumps({"code": "0", "msg": "", "data": body})
        return Response(
            status=status,
            headers={},
            body=text.encode(),
            frame=7,
            sent_ms=received_ms - 50,
            received_ms=received_ms,
        )

    return make
