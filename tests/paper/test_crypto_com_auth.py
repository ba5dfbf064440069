"""Signatures, nonces, logins and request limits: the sheet's vectors, and what the twin says to wrong ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.paper.dialects.crypto_com_auth import is_signed, signing_text
from app.paper.dialects.crypto_com_limits import SocketLimit

from .crypto_com_client import running, sign

ORDER = {
    "client_oid": "app-1",
    "exec_inst": ["POST_ONLY"],
    "instrument_name": "BTC_USDT",
    "price": "50000.5",
    "quantity": "0.001",
    "side": "BUY",
    "time_in_force": "GOOD_TILL_CANCEL",
    "type": "LIMIT",
}
LISTED = {"instrument_name": "ONE_USDT", "side": "BUY", "type": "LIMIT", "price": "0.24", "quantity": "1000"}
VECTORS: list[tuple[str, int, Any, str, str]] = [
    (
        "private/user-balance",
        11,
        {},
        "1587523073344",
        "5e0357bc629508815dccf8fbe17b5270e787844ad3d60f1f85b92c98bfce4149",
    ),
    ("public/auth", 11, {}, "1587523073344", "18e1f8345b4e94413d7f1f07005ccf7c97987e1ba527b6964708c782bc8e83b8"),
    (
        "private/create-order",
        1,
        ORDER,
        "1610905028000",
        "537ffdf06321f113a31887f62d515b7bee9ca4f556f58c2f3e0e76cda63a8202",
    ),
    (
        "private/create-order-list",
        14,
        {"contingency_type": "LIST", "order_list": [LISTED]},
        "1610905028000",
        "efa34256254bcc7b6cd83ac17bc6da0a754df4805d8ca427e6af74f3a75bbcbb",
    ),
]


@pytest.mark.parametrize(("method", "number", "params", "nonce", "signature"), VECTORS)
def test_the_sheets_vectors(method: str, number: int, params: Any, nonce: str, signature: str) -> None:
    text = signing_text(method, str(number), "API_KEY", params, nonce)
    assert sign("SECRET", text) == signature and is_signed(text, "SECRET", signature)
    assert not any(is_signed(text, "SECRET", wrong) for wrong in (signature.upper(), signature[:-1], "", "Ä"))
    assert not is_signed(text + " ", "SECRET", signature) and not is_signed(text, "secret", signature)


def test_nothing_is_null_and_lists_keep_their_order() -> None:
    params = {"b": None, "a": ["2", "1"], "c": [{"z": "1", "y": None}]}
    assert signing_text("m", "1", "k", params, "9") == "m1k" + "a21" + "bnull" + "cynullz1" + "9"


@pytest.mark.asyncio
async def test_wrong_requests_have_their_codes() -> None:
    method = "private/user-balance"
    async with running() as here:
        trader = here.trader

        async def code(status: int, **changed: Any) -> int:
            reply = await trader.post(method, trader.message(method, {}, **changed))
            assert trader.status == status and reply["method"] == method and reply["message"]
            return int(reply["code"])

        assert await code(401, api_key="NOBODY") == 40101
        assert await code(401, sig="00") == 40101
        assert await code(401, params={"a": "1"}) == 40101, "other parameters than those signed"
        assert await code(401, api_key="", sig="") == 40101
        assert await code(400, nonce="soon") == 40102
        assert await code(400, params=None) == 40004
        assert await code(400, method="private/get-trades") == 40003
        assert await code(400, id="x") == 40003
        assert (await trader.post(method, b"{"))["code"] == 40003
        assert (await trader.post(method, b"[]"))["code"] == 40003
        assert (await trader.ask("no-such-method"))["code"] == 40002
        for skew, expected in ((-59_000, 0), (59_000, 0), (-61_000, 40102), (61_000, 40102)):
            trader.skew_ms = skew
            reply = await trader.ask("get-fee-rate" if skew < 0 else "get-accounts")
            assert (reply["code"], trader.status) == (expected, 400 if expected else 200)


@pytest.mark.asyncio
async def test_id_and_nonce_may_be_texts() -> None:
    async with running() as here:
        trader = here.trader
        message = trader.message("private/user-balance", {})
        message |= {"id": str(message["id"]), "nonce": str(message["nonce"])}
        reply = await trader.post("private/user-balance", message)
        assert reply["code"] == 0 and reply["id"] == int(message["id"])


@pytest.mark.asyncio
async def test_the_same_create_request_counts_once() -> None:
    async with running() as here:
        terms = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "90000", "quantity": "0.01"}
        message = here.trader.message("private/create-order", terms)
        assert (await here.trader.post("private/create-order", message))["code"] == 0
        assert (await here.trader.post("private/create-order", message))["code"] == 40006
        assert len(here.twin.desk.venue.ledger("1001").open) == 1


@pytest.mark.asyncio
async def test_rest_limits_per_key_and_method() -> None:
    async with running() as here:
        clock = ManualClock()
        here.twin.limits._clock = clock
        for name, most in (("user-balance", 3), ("get-order-history", 1), ("get-trades", 1), ("cancel-all-orders", 15)):
            for _ in range(most):
                assert (await here.trader.ask(name))["code"] == 0
            assert (await here.trader.ask(name))["code"] == 42901 and here.trader.status == 429
            assert not any("limit" in header.lower() or header == "Retry-After" for header in here.trader.headers)
        clock.advance(0.1)
        assert (await here.trader.ask("user-balance"))["code"] == 0
        assert (await here.trader.ask("get-trades"))["code"] == 42901
        clock.advance(0.9)
        assert (await here.trader.ask("get-trades"))["code"] == 0
        for _ in range(100):
            await here.trader.public("get-tickers", instrument_name="BTC_USDT")
        assert (await here.trader.public("get-tickers"))["code"] == 42901


def test_a_sockets_first_second_is_only_its_rest() -> None:
    clock = ManualClock()
    clock.advance(0.95)
    limit = SocketLimit(clock, 100)
    assert [limit.allow() for _ in range(6)] == [True] * 5 + [False]
    clock.advance(0.06)
    assert [limit.allow() for _ in range(101)] == [True] * 100 + [False]


@pytest.mark.asyncio
async def test_a_socket_that_says_too_much_is_told_and_lives_on() -> None:
    async with running() as here:
        here.twin.sockets.per_second["market"] = 2
        stream = await here.connect()
        codes = [(await stream.ask("subscribe", {"channels": ["trade.BTC_USDT"]}))["code"] for _ in range(6)]
        assert codes[:2] == [0, 0] and 42901 in codes
        async with asyncio.timeout(3):
            while (await stream.ask("unsubscribe", {"channels": []}))["code"] != 0:
                pass


@pytest.mark.asyncio
async def test_logging_in_on_the_user_socket() -> None:
    async with running() as here:
        stream = await here.connect("user")
        refused = await stream.subscribe("user.order")
        assert (refused["code"], refused["method"]) == (40101, "subscribe")
        assert (await stream.ask("private/cancel-all-orders", {}))["code"] == 40101
        assert (await stream.log_in(here.trader, sig="00"))["code"] == 40101
        here.trader.skew_ms = 61_000
        assert (await stream.log_in(here.trader))["code"] == 40102
        here.trader.skew_ms = 0
        answer = await stream.log_in(here.trader)
        assert answer == {"id": answer["id"], "method": "public/auth", "code": 0}
        assert (await stream.subscribe("user.order"))["code"] == 0
        assert (await stream.ask("private/cancel-all-orders", {}))["code"] == 0
        market = await here.connect()
        assert (await market.log_in(here.trader))["code"] == 40002


@pytest.mark.asyncio
async def test_credentials_do_not_print_themselves() -> None:
    async with running() as here:
        assert here.trader.secret not in repr(here.twin.desk.credentials)
