"""The list of exchanges."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.connectors.registry import CLOSED, EXCHANGES, PLUGINS, UnknownExchange, exchange_by_url, exchange_spec

CONNECTORS = Path(__file__).parents[1] / "app/connectors"


def test_every_folder_is_registered_and_named_after_itself() -> None:
    folders = {path.parent.name for path in CONNECTORS.glob("*/__init__.py")}
    assert folders == set(EXCHANGES) | set(PLUGINS)
    assert all(name == spec.name for name, spec in EXCHANGES.items())


def test_closed_exchanges_are_refused_with_their_date() -> None:
    with pytest.raises(UnknownExchange, match="Bittrex closed in December 2023"):
        exchange_spec("Bittrex")
    with pytest.raises(UnknownExchange, match="ProBit closed its spot market in January 2026"):
        exchange_spec("probit")
    assert not set(CLOSED) & set(EXCHANGES)


def test_a_recorded_address_names_its_exchange() -> None:
    for spec in EXCHANGES.values():
        for domain in spec.domains.values():
            for url in (*domain.rest.values(), *domain.sockets.values()):
                found = exchange_by_url(url + "/some/path?query=1")
                assert found is not None and found[0] is spec
    assert exchange_by_url("wss://example.invalid/ws") is None


def test_only_encrypted_addresses_outside_loopback() -> None:
    for spec in EXCHANGES.values():
        for domain in spec.domains.values():
            assert all(url.startswith("https://") for url in domain.rest.values())
            assert all(url.startswith("wss://") for url in domain.sockets.values())
