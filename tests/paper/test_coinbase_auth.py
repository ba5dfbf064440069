"""Tokens: the fact sheet's vectors, every kind of key, and what the twin says to wrong ones."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.paper.accounts import Credentials
from app.paper.dialects.coinbase_errors import Unauthorized
from app.paper.dialects.coinbase_jwt import check
from app.paper.dialects.coinbase_keys import public_of

from .coinbase_client import API, Bench, base64url, bench, signed, signing_input, token

NAME = "organizations/11111111-2222-3333-4444-555555555555/apiKeys/66666666-7777-8888-9999-000000000000"
SECRET = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
HEADER = {"alg": "EdDSA", "typ": "JWT", "kid": NAME, "nonce": "00112233445566778899aabbccddeeff"}
PAYLOAD = {"sub": NAME, "iss": "cdp", "nbf": 1700000000, "exp": 1700000120}
URI = "GET api.coinbase.com/api/v3/brokerage/accounts"
VECTORS = [
    (
        PAYLOAD | {"uri": URI},
        "150666bb5c5c380552de07e25fdb7f208bcba1ba00c0648fb918e17b08205e31",
        "qnNUBcioSpdzsbvzNAuu6Cki_UCUyH47EnGglHBysvS-M3IZq7AD4rnBiFTyTEu6t66SELK5U2UorJ_fIYe2BA",
    ),
    (
        PAYLOAD,
        "5c4bb812d120b4593a6832cdf634c42f4d53b93ceff03806f597587562fe898b",
        "SWt--I7zuLw3xW7WJbIzo_e6msZbLYmGdDmRsovb3yM1dzVHhba9ynaVeUOSl3GhcFJXLrY2TNANgvuY6A6wCg",
    ),
]
ACCOUNTS = f"{API}/accounts"


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest.mark.parametrize(("payload", "digest", "signature"), VECTORS)
def test_the_sheets_vectors(payload: dict[str, Any], digest: str, signature: str) -> None:
    text = signing_input(HEADER, payload)
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert base64url(signed(SECRET, text.encode())) == signature
    keys = {NAME: public_of(Credentials(api_key=NAME, secret_key=SECRET))}
    uris = {URI} if "uri" in payload else set()
    assert check(f"{text}.{signature}", keys, 1700000000_000, uris).name == NAME
    for now_ms in (1700000120_000, 1699999994_000):
        with pytest.raises(Unauthorized, match="clock"):
            check(f"{text}.{signature}", keys, now_ms, uris)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["ecdsa", "ed25519", "view-only"])
async def test_every_key_of_the_account_reads(desk: Bench, kind: str) -> None:
    trader = desk.trader_with(kind)
    status, permissions = await trader.get("/key_permissions")
    assert status == 200
    assert (permissions["can_view"], permissions["can_trade"]) == (True, kind != "view-only")
    assert (permissions["can_transfer"], permissions["portfolio_type"]) == (False, "DEFAULT")
    assert (await trader.get("/accounts", limit=3))[0] == 200, "the query is not signed"


@pytest.mark.asyncio
async def test_kinds_of_secrets_and_names(desk: Bench) -> None:
    keys = desk.twin.desk.keys
    assert keys["ecdsa"].secret_key.startswith("-----BEGIN EC PRIVATE KEY-----\n")
    assert keys["ecdsa"].api_key.startswith("organizations/") and "/apiKeys/" in keys["ecdsa"].api_key
    assert len(base64.b64decode(keys["ed25519"].secret_key)) == 64 and "/" not in keys["ed25519"].api_key
    assert desk.first["api_key"] == keys["ecdsa"].api_key, "the default"


@pytest.mark.asyncio
async def test_a_key_without_the_trade_scope_cannot_change_anything(desk: Bench) -> None:
    trader = desk.trader_with("view-only")
    for path in ("/orders", "/orders/batch_cancel", "/orders/edit"):
        status, error = await trader.post(path, {})
        assert (status, error["error"], error["code"]) == (403, "PERMISSION_DENIED", 7)
        assert error["message"] == "Missing required scopes"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "claims",
    [
        {"uri": None},
        {"uri": "GET {host}/api/v3/brokerage/accounts?limit=5"},
        {"uri": "GET http://{host}/api/v3/brokerage/accounts"},
        {"uri": "GET https://api.coinbase.com/api/v3/brokerage/accounts"},
        {"uri": "GET example.com/api/v3/brokerage/accounts"},
        {"uri": "POST {host}/api/v3/brokerage/accounts"},
        {"uri": "GET {host}/api/v3/brokerage/orders"},
        {"iss": "coinbase-cloud"},
        {"iss": None},
        {"sub": "somebody"},
        {"aud": ["nobody"]},
        {"exp": None},
        {"nbf": None},
        {"nbf": 0.5},
        {"nbf": "now"},
    ],
)
async def test_wrong_claims_are_401_and_nothing_more(desk: Bench, claims: dict[str, Any]) -> None:
    trader = desk.trader
    host = trader.rest.removeprefix("http://")
    claims = {k: v.replace("{host}", host) if isinstance(v, str) else v for k, v in claims.items()}
    bearer = token(trader.name, trader.secret, trader.uri("GET", ACCOUNTS), payload=claims)
    assert await trader.with_token("/accounts", bearer) == (401, "Unauthorized\n")
    assert trader.headers["content-type"].startswith("text/plain")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "header",
    [{"kid": "nobody"}, {"kid": None}, {"alg": "EdDSA"}, {"alg": "none"}, {"typ": None}, {"nonce": None}],
)
async def test_wrong_headers_are_401(desk: Bench, header: dict[str, Any]) -> None:
    trader = desk.trader
    bearer = token(trader.name, trader.secret, trader.uri("GET", ACCOUNTS), header=header)
    assert (await trader.with_token("/accounts", bearer))[0] == 401


@pytest.mark.asyncio
async def test_the_clock_decides(desk: Bench) -> None:
    trader, uri, now = desk.trader, desk.trader.uri("GET", ACCOUNTS), int(time.time())

    async def status(nbf: int, exp: int) -> int:
        bearer = token(trader.name, trader.secret, uri, payload={"nbf": nbf, "exp": exp})
        return (await trader.with_token("/accounts", bearer))[0]

    assert await status(now - 60, now + 60) == 200
    assert await status(now - 121, now - 1) == 401, "expired"
    assert await status(now + 30, now + 150) == 401, "a clock that is ahead"
    assert await status(now, now + 121) == 401, "longer than two minutes"


@pytest.mark.asyncio
async def test_malformed_tokens_are_401(desk: Bench) -> None:
    trader = desk.trader
    good = token(trader.name, trader.secret, trader.uri("GET", ACCOUNTS))
    text, _, signature = good.rpartition(".")
    key = serialization.load_pem_private_key(trader.secret.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    der = base64url(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    other = base64url(bytes(64))
    for bad in ("", "x", "a.b.c", f"{text}.", f"{text}.{der}", f"{text}.{other}", f"{text}.{signature}==", f"{good}.x"):
        assert (await trader.with_token("/accounts", bad))[0] == 401, bad
    assert (await trader.with_token("/accounts", good))[0] == 200


@pytest.mark.asyncio
async def test_the_exchanges_own_host_may_be_signed(desk: Bench) -> None:
    trader = desk.trader
    assert (await trader.with_token("/accounts", token(trader.name, trader.secret, URI)))[0] == 200


@pytest.mark.asyncio
async def test_the_older_forms_of_other_clients(desk: Bench) -> None:
    path = "/accounts"
    for kind, claims in (
        (
            "ecdsa",
            {"aud": ["retail_rest_api_proxy"], "iss": "coinbase-cloud", "uri": f"GET {desk.first['rest']}{API}{path}"},
        ),
        ("ed25519", {"aud": ["cdp_service"], "uri": None, "uris": [f"GET {desk.first['rest']}{API}{path}"]}),
    ):
        trader = desk.trader_with(kind)
        assert (await trader.with_token(path, token(trader.name, trader.secret, None, payload=claims)))[0] == 200
        wrong = claims | {"iss": "somebody"}
        assert (await trader.with_token(path, token(trader.name, trader.secret, None, payload=wrong)))[0] == 401
