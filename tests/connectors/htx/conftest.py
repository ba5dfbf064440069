"""An HTX without network: its sources, replies and frames made by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.htx import SPEC
from app.connectors.htx.markets import Markets
from app.connectors.htx.private import HtxPrivate
from app.connectors.htx.public import HtxPublic
from app.connectors.spec import Credentials
from app.core.requests import Response

Reply = Callable[..., Response]
ACCOUNTS = [
    {"id": 99, "type": "margin", "subtype": "btcusdt", "state": "working"},
    {"id": 98, "type": "spot", "subtype": "", "state": "lock"},
    {"id": 123456, "type": "spot", "subtype": "", "state": "working"},
]


def packed(message: Any) -> bytes:
    """A frame as the market sockets send it, the same at every time: it may name a test."""
    text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


@pytest.fixture(autouse=True)
def _fresh_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's market list taught must not help another."""
    monkeypatch.setattr("app.connectors.htx.markets._MARKETS", dict[str, Markets]())


@pytest.fixture
def public() -> HtxPublic:
    return HtxPublic(SPEC.domains["main"])


@pytest.fixture
def unknown_account() -> HtxPrivate:
    domain = SPEC.domains["main"]
    return HtxPrivate(domain, SPEC.auth(Credentials(api_key="KEY", secret_key="SECRET"), domain))


@pytest.fixture
def private(unknown_account: HtxPrivate, reply: Reply) -> HtxPrivate:
    """One that knows the number of its account."""
    unknown_account.get_open_orders().parse(reply(ACCOUNTS))
    return unknown_account


@pytest.fixture
def reply() -> Reply:
    """A v1 reply around this data, or with this whole body."""

    def make(body: Any, status: int = 200, received_ms: int = 1_790_000_000_000) -> Response:
        text = body if isinstance(body, str) else json.dumps({"status": "ok", "data": body})
        return Response(
            status=status,
            headers={},
            body=text.encode(),
            frame=7,
            sent_ms=received_ms - 50,
            received_ms=received_ms,
        )

    return make
