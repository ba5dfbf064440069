"""Signatures: the four vectors of the fact sheet, and what the twin says to wrong ones."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.paper.accounts import Credentials
from app.paper.dialects.poloniex import PoloniexTwin
from app.paper.dialects.poloniex_auth import is_signed, signing_text
from app.paper.server import TwinServer

from .conftest import Connect
from .poloniex_client import Trader, sign

ORDER = (
    b'{"symbol":"BTC_USDT","type":"LIMIT","quantity":"100","side":"BUY","price":"40000.50000",'
    b'"timeInForce":"IOC","clientOrderId":"1234Abc"}'
)
VECTORS = [
    (
        ("GET", "/orders", [("symbol", "ETH_USDT"), ("limit", "5")], b"", "1659259836247"),
        "SQ0zFNfb+5/Km0uMh1BDnDUg4HQi96cQVVmkxhKKR9E=",
    ),
    (("DELETE", "/orders/123", [], b"", "1631018760000"), "kok27N/Un6SU2AWN+z2/K8yMUNBCX9fd5YHgX+ADaFU="),
    (("GET", "/ws", [], b"", "1648708187469"), "HtfeQ63Et6JOHop5G/3eixO6FSvP2+9O+NJ/V/0pZEw="),
    (("POST", "/orders", [], ORDER, "1631018760000"), "yFVLQWPmauiFBeGwpcSXdY9AOpcFKsxlT3gyXKI6Qc4="),
]


@pytest.mark.parametrize(("call", "signature"), VECTORS)
def test_the_four_vectors(call: tuple, signature: str) -> None:  # type: ignore[type-arg]
    text = signing_text(*call)
    assert is_signed(text, "SECRET", signature)
    assert sign("SECRET", text.decode()) == signature
    assert not is_signed(text + b" ", "SECRET", signature)
    assert not is_signed(text, "secret", signature)


def test_query_values_are_encoded_like_encode_uri_component() -> None:
    text = signing_text("GET", "/trades", [("symbols", "A_B,C_D"), ("note", "a b!'()*~-_.")], b"", "1")
    assert text == b"GET\n/trades\nnote=a%20b!'()*~-_.&signTimestamp=1&symbols=A_B%2CC_D"


@pytest.mark.parametrize("signature", ["", "nonsense", "ÄÖ", "SQ0zFNfb+5/Km0uMh1BDnDUg4HQi96cQVVmkxhKKR9E"])
def test_a_malformed_signature_is_only_wrong(signature: str) -> None:
    assert not is_signed(b"text", "SECRET", signature)


@pytest.mark.asyncio
async def test_every_signed_form_is_accepted(trader: Trader) -> None:
    assert (await trader.get("/accounts/balances"))[0] == 200
    assert (await trader.get("/trades", symbols="BTC_USDT,ETH_USDT", limit=5))[0] == 200
    assert (await trader.get("/trades/"))[0] == 200
    assert (await trader.delete("/orders", {"symbols": []}))[0] == 200
    assert (await trader.delete("/orders"))[0] == 200


@pytest.mark.asyncio
async def test_wrong_key_secret_or_missing_header_is_401(trader: Trader) -> None:
    good = trader.key, trader.secret
    trader.key = "NOBODY"
    assert await trader.get("/accounts/balances") == (401, {"code": 401, "message": "Invalid API key"})
    trader.key, trader.secret = good[0], "guess"
    status, reply = await trader.get("/accounts/balances")
    assert (status, reply["message"]) == (401, "Signature verification failed")
    async with trader.session.get(f"{trader.rest}/accounts/balances") as reply_without_headers:
        assert reply_without_headers.status == 401
    trader.secret = good[1]
    trader.extra_headers = {"signatureMethod": "hmacMD5"}
    assert (await trader.get("/accounts/balances"))[0] == 401


@pytest.mark.asyncio
async def test_body_must_be_the_signed_bytes(trader: Trader) -> None:
    stamp = str(trader.now_ms())
    signed, sent = '{"timeout":"30"}', '{"timeout": "30"}'
    text = f"POST\n/orders/killSwitch\nrequestBody={signed}&signTimestamp={stamp}"
    headers = {"key": trader.key, "signTimestamp": stamp, "signature": sign(trader.secret, text)}
    for body, status in ((sent, 401), (signed, 200)):
        async with trader.session.post(f"{trader.rest}/orders/killSwitch", data=body, headers=headers) as reply:
            assert reply.status == status


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("skew_ms", "window", "status"),
    [(-59_000, "", 200), (-61_000, "", 400), (900, "", 200), (3_000, "", 400), (-6_000, "5000", 408), (0, "5000", 200)],
)
async def test_time_window(trader: Trader, skew_ms: int, window: str, status: int) -> None:
    trader.skew_ms = skew_ms
    trader.extra_headers = {"recvWindow": window} if window else {}
    assert (await trader.get("/accounts/balances"))[0] == status


@pytest.mark.asyncio
async def test_too_many_requests_are_429(trader: Trader) -> None:
    answers = [await trader.get("/feeinfo") for _ in range(13)]
    assert [status for status, _ in answers[:10]] == [200] * 10
    assert answers[-1] == (429, {"code": 429, "message": "Too many requests"})
    assert (await trader.get("/accounts/balances"))[0] == 200


@pytest.mark.asyncio
async def test_stream_login(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_private)
    assert await stream.subscribe("orders", "all") == {"event": "error", "message": "Authentication required"}
    good, trader.secret = trader.secret, "guess"
    failed = await stream.log_in(trader)
    assert failed["data"]["success"] is False and failed["data"]["message"] == "Authentication failed!"
    trader.secret = good
    assert (await stream.log_in(trader))["data"]["success"] is True


@pytest.mark.asyncio
async def test_stream_login_takes_the_timestamp_as_text_too(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_private)
    stamp = str(trader.now_ms())
    signature = sign(trader.secret, f"GET\n/ws\nsignTimestamp={stamp}")
    params = {"key": trader.key, "signTimestamp": stamp, "signature": signature, "signatureMethod": "HmacSHA256"}
    reply = await stream.subscribe("auth", params=params)
    assert reply["channel"] == "auth" and reply["data"]["success"] is True


@pytest.mark.asyncio
async def test_a_second_account_sees_only_its_own_orders(quiet: TwinServer, trader: Trader, twin: PoloniexTwin) -> None:
    keys = Credentials(api_key="SECOND", secret_key="other")
    twin.desk.accounts.open("2002", 2, twin.desk.account.fees, keys, {"USDT": Decimal(100)})
    second = Trader(trader.session, quiet.introduction())
    second.key, second.secret = keys.api_key, keys.secret_key
    order_id = await trader.order("BTC_USDT", "BUY", type="LIMIT", price="90000", quantity="0.01")
    assert (await second.get("/orders"))[1] == []
    assert (await second.get(f"/orders/{order_id}"))[1]["code"] == 21301
    assert await second.balance("USDT") == ("100", "0")
