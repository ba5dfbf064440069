"""What every exchange tells of a key's rights, read from its twin for each kind of key that it has."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from app.connectors.registry import EXCHANGES, exchange_spec
from app.connectors.spec import Credentials
from app.core.key_standing import KeyStanding
from app.core.permissions import KeyPermissions
from app.core.requests import NotSent, Request
from app.credentials.key_check import check_key
from app.paper.dialects.dialect import KEY_KINDS
from app.twin_process import TwinProcess

TRADES = KeyPermissions(read=True, trade=True, transfer=False, withdraw=False, ip_bound=False)
OKX = replace(TRADES, transfer=None)
COINBASE = KeyPermissions(read=True, trade=True, transfer=False)
TOLD = {
    ("binance", "hmac"): TRADES,
    ("binance", "ed25519"): TRADES,
    ("binance", "read-only"): replace(TRADES, trade=False),
    ("binance", "withdraw"): replace(TRADES, withdraw=True, ip_bound=True),
    ("okx", "hmac"): OKX,
    ("okx", "read-only"): replace(OKX, trade=False),
    ("coinbase", "ecdsa"): COINBASE,
    ("coinbase", "view-only"): replace(COINBASE, trade=False),
    ("htx", "read-only"): KeyPermissions(read=True),
    ("crypto_com", ""): KeyPermissions(read=True),
    ("poloniex", ""): KeyPermissions(read=True),
}


def test_every_exchange_is_looked_at() -> None:
    assert {exchange for exchange, _ in TOLD} == set(EXCHANGES)
    assert all(not kind or kind in KEY_KINDS[exchange] for exchange, kind in TOLD)


@pytest.mark.parametrize(("exchange", "kind"), TOLD)
def test_rights_are_read_as_the_exchange_tells_them(exchange: str, kind: str) -> None:
    twin = TwinProcess(exchange, seed=9, key=kind)
    try:
        line = twin.read_line()
        found = asyncio.run(check_key(exchange_spec(exchange), line.domain(), line.credentials()))
    finally:
        twin.stop()
    assert found.ok and found.permissions == TOLD[exchange, kind], found.words


def test_rights_are_not_asked_where_no_wallet_calls_are_known() -> None:
    spec = exchange_spec("binance")
    keys = Credentials(api_key="a", secret_key="b")
    asked = {
        name: spec.private(domain, spec.auth(keys, domain)).get_permissions() is not None
        for name, domain in spec.domains.items()
    }
    assert asked == {"main": True, "demo": False, "testnet": False, "data": False}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_forgotten_secret_signs_nothing(exchange: str) -> None:
    twin = TwinProcess(exchange, seed=9)
    try:
        line = twin.read_line()
    finally:
        twin.stop()
    spec = exchange_spec(exchange)
    auth = spec.auth(line.credentials(), line.domain())
    request = spec.private(line.domain(), auth).get_balances().request
    assert isinstance(request, Request) and auth.generate_auth_dict(request, 1_790_000_000_000).signed_text
    assert auth.get_ws_auth_payload(1_790_000_000_000)
    auth.forget()
    auth.forget()
    with pytest.raises(NotSent, match="locked away"):
        auth.generate_auth_dict(request, 1_790_000_000_000)
    with pytest.raises(NotSent, match="locked away"):
        auth.get_ws_auth_payload(1_790_000_000_000)


def test_what_follows_from_rights() -> None:
    def words(**rights: bool) -> list[str]:
        return [mark.word for mark in KeyStanding(permissions=KeyPermissions(**rights)).marks]

    assert words() == words(read=True, trade=True, ip_bound=True) == []
    assert words(trade=True, ip_bound=False) == ["ANY IP"]
    assert words(trade=False, ip_bound=False) == ["READ ONLY"]
    assert words(trade=True, withdraw=True, transfer=True) == ["CAN WITHDRAW"]
    assert words(trade=True, transfer=True) == ["CAN TRANSFER"]
    rich = KeyStanding(permissions=KeyPermissions(trade=True, transfer=True))
    assert rich.needs_consent and "accept" in rich.no_orders
    assert replace(rich, consent_ms=1).no_orders == "" and not replace(rich, consent_ms=1).needs_consent
    assert KeyStanding().no_orders == "", "what is not reported does not forbid"
