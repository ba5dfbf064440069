"""Signatures of three key kinds over REST, exactly the bytes that were sent, and the window of time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.clock import ManualClock, SystemClock
from app.paper.desk import UnknownKey
from app.paper.dialects.binance import open_twin
from app.paper.dialects.binance_auth import rest_text, socket_text

from .binance_client import Bench, Trader, opened, sign

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
OUTSIDE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
AHEAD = {"code": -1021, "msg": "Timestamp for this request was 1000ms ahead of the server's time."}
UNSIGNED = {"code": -1022, "msg": "Signature for this request is not valid."}


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


def hmac_of(text: bytes) -> str:
    return hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC"
            "&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_rest_vectors(query: str, expected: str) -> None:
    assert hmac_of(query.encode()) == expected
    assert rest_text(f"{query}&signature={expected}", b"") == (query.encode(), expected)
    middle = query.index("&quantity")
    split = rest_text(query[:middle], f"{query[middle:]}&signature={expected}".encode())
    assert split == (query.encode(), expected)


def test_websocket_vectors() -> None:
    limit = {"type": "LIMIT", "timeInForce": "GTC", "timestamp": "1645423376532", "apiKey": KEY, "signature": "x"}
    plain = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01000000", "price": "52000.00", "recvWindow": "100"}
    wide = {"symbol": "１２３４５６", "side": "BUY", "quantity": "1.00000000", "price": "0.10000000"}
    for params, expected in (
        (plain | limit, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (wide | limit | {"recvWindow": "5000"}, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
        (
            {"timestamp": "1747385641636", "apiKey": KEY},
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
    ):  # fmt: skip
        assert hmac_of(socket_text(params)) == expected


def test_ed25519_vector() -> None:
    key = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    query = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
    query += "&timestamp=1668481559918&recvWindow=5000"
    expected = "XtZirsmmi0noRzUfkqktvkVfxpkq/WtbLg2UOL3QGYdUBZVlqOBEMuEVw8zioY93N54NcKj9UuAXQEa9zgTDBg=="
    text, encoded = rest_text(f"{query}&signature={quote(expected, safe='')}", b"")
    assert base64.b64encode(key.sign(text)).decode() == expected
    assert encoded == quote(expected, safe="")


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["hmac", "ed25519", "rsa"])
async def test_each_kind_of_key_opens_the_account(trader: Trader, bench: Bench, kind: str) -> None:
    credentials = bench.twin.keys.credentials(kind)
    trader.key, trader.secret = credentials.api_key, credentials.secret_key
    assert await trader.balance("BTC") == ("1.50000000", "0.00000000")
    trader.secret = bench.twin.keys.credentials("ed25519" if kind != "ed25519" else "rsa").secret_key
    assert await trader.get("account") == (400, UNSIGNED)


def test_the_same_seed_has_the_same_keys_and_the_chosen_one_is_introduced() -> None:
    first, second = open_twin(7, ManualClock()), open_twin(7, SystemClock())
    for kind in ("ed25519", "rsa"):
        first.desk.choose_key(kind)
        second.desk.choose_key(kind)
        assert first.desk.credentials.secret_key == second.desk.credentials.secret_key
        assert first.desk.credentials.secret_key.startswith("-----BEGIN PRIVATE KEY-----")
        assert "PRIVATE" not in repr(first.desk.credentials)
    assert open_twin(8, ManualClock()).desk.credentials.api_key != open_twin(7, ManualClock()).desk.credentials.api_key
    with pytest.raises(UnknownKey):
        first.desk.choose_key("dsa")


@pytest.mark.asyncio
async def test_parameters_may_stand_in_query_and_body(trader: Trader) -> None:
    terms = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01"
    rest = f"price=60000&timestamp={trader.now_ms()}"
    for query, body in (("", f"{terms}&{rest}"), (terms, rest)):
        signature = sign(trader.secret, query + body)
        assert (await trader.send("POST", "order", query, f"{body}&signature={signature}"))[0] == 200
        assert (await trader.send("POST", "order/test", f"{query}&signature={signature}", body))[0] == 200
    both = f"{terms}&price=60000"
    body = f"price=1&timestamp={trader.now_ms()}"
    _, order = await trader.send("POST", "order", both, f"{body}&signature={sign(trader.secret, both + body)}")
    assert order["price"] == "60000.00000000", "the query wins"


@pytest.mark.asyncio
async def test_the_signed_bytes_are_the_sent_bytes(trader: Trader) -> None:
    stamp = f"timestamp={trader.now_ms()}"
    encoded = f"symbol=BTC%55SDT&{stamp}"
    assert (await trader.send("GET", "openOrders", f"{encoded}&signature={sign(trader.secret, encoded)}"))[0] == 200
    plain = sign(trader.secret, f"symbol=BTCUSDT&{stamp}")
    assert await trader.send("GET", "openOrders", f"{encoded}&signature={plain}") == (400, UNSIGNED)
    turned = sign(trader.secret, f"{stamp}&symbol=BTCUSDT")
    assert await trader.send("GET", "openOrders", f"symbol=BTCUSDT&{stamp}&signature={turned}") == (400, UNSIGNED)
    raw = f'symbol=BTCUSDT&orderId=1&newClientOrderId="x"&{stamp}'
    assert await trader.send("DELETE", "order", f"{raw}&signature={sign(trader.secret, raw)}") == (400, UNSIGNED)


@pytest.mark.asyncio
async def test_letters_of_a_signature(trader: Trader, bench: Bench) -> None:
    query = f"timestamp={trader.now_ms()}"
    assert (await trader.send("GET", "account", f"{query}&signature={sign(trader.secret, query).upper()}"))[0] == 200
    credentials = bench.twin.keys.credentials("ed25519")
    trader.key = credentials.api_key
    signature = sign(credentials.secret_key, query)
    assert (await trader.send("GET", "account", f"{query}&signature={quote(signature, safe='')}"))[0] == 200
    swapped = quote(signature.swapcase(), safe="")
    assert await trader.send("GET", "account", f"{query}&signature={swapped}") == (400, UNSIGNED)
    assert await trader.send("GET", "account", f"{query}&signature=not-base64") == (400, UNSIGNED)


@pytest.mark.asyncio
async def test_missing_and_unknown_keys_and_parameters(trader: Trader) -> None:
    for headers, status, code in (
        ({}, 401, -2014),
        ({"X-MBX-APIKEY": "short"}, 401, -2014),
        ({"X-MBX-APIKEY": "A" * 64}, 401, -2015),
    ):
        got, reply = await trader.send("GET", "account", "timestamp=1&signature=00", headers=headers)
        assert (got, reply["code"]) == (status, code)
    for query, missing in (("", "timestamp"), ("timestamp=&signature=0", "timestamp"), ("timestamp=1", "signature")):
        _, reply = await trader.send("GET", "account", query)
        text = f"Mandatory parameter '{missing}' was not sent, was empty/null, or malformed."
        assert reply == {"code": -1102, "msg": text}
    _, reply = await trader.send("GET", "account", "timestamp=1&timestamp=2&signature=0")
    assert reply == {"code": -1101, "msg": "Duplicate values for a parameter detected."}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("skew_ms", "terms", "reply"),
    [
        (-4000, {}, None),
        (-6000, {}, OUTSIDE),
        (-6000, {"recvWindow": "60000"}, None),
        (-300, {"recvWindow": "100.5"}, OUTSIDE),
        (700, {}, None),
        (1500, {}, AHEAD),
        (0, {"recvWindow": "60000.001"}, -1102),
        (0, {"recvWindow": "5000.0001"}, -1130),
        (0, {"recvWindow": "-1"}, -1130),
    ],
)
async def test_the_window_of_time(trader: Trader, skew_ms: int, terms: dict[str, Any], reply: Any) -> None:
    trader.skew_ms = skew_ms
    status, got = await trader.get("account", **terms)
    if reply is None:
        assert status == 200
    else:
        assert status == 400 and (got == reply or got["code"] == reply)


@pytest.mark.asyncio
async def test_time_may_be_in_microseconds(trader: Trader) -> None:
    assert (await trader.get("account", timestamp=trader.now_ms() * 1000))[0] == 200
    assert await trader.get("account", timestamp=trader.now_ms() * 1000 - 6_000_000) == (400, OUTSIDE)
    trader.extra_headers = {"X-MBX-TIME-UNIT": "MICROSECOND"}
    _, order = await trader.post(
        "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="60000"
    )
    assert abs(order["transactTime"] - trader.now_ms() * 1000) < 5_000_000
    trader.extra_headers = {"X-MBX-TIME-UNIT": "DAY"}
    assert (await trader.public("time"))[1]["code"] == -1194
