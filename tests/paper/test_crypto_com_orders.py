"""Order entry over REST: every type and time in force, what becomes of it, amending, cancelling, lists, every code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.types import Side

from .crypto_com_client import Running, running

LIMIT = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "90000", "quantity": "0.01"}


async def state(here: Running, order_id: str) -> tuple[str, str]:
    row = await here.trader.look_up(order_id)
    return row["status"], row["reason"]


@pytest.mark.asyncio
async def test_a_limit_order_waits_and_holds() -> None:
    async with running() as here:
        placed = await here.trader.result("create-order", **LIMIT, client_oid="app-1", spot_margin="SPOT")
        assert placed["client_oid"] == "app-1" and len(placed["order_id"]) == 19
        row = await here.trader.look_up(placed["order_id"])
        expected = {"order_type": "LIMIT", "time_in_force": "GOOD_TILL_CANCEL", "side": "BUY", "exec_inst": []}
        expected |= {"quantity": "0.01", "limit_price": "90000", "order_value": "900", "status": "ACTIVE"}
        expected |= {"cumulative_quantity": "0", "avg_price": "0", "reason": "0", "instrument_name": "BTC_USDT"}
        assert row.items() >= expected.items()
        assert isinstance(row["create_time"], int) and row["create_time_ns"].startswith(str(row["create_time"]))
        assert await here.trader.balance("USDT") == ("50000", "900"), "total stays, reserved rises"
        assert (await here.trader.result("get-order-detail", client_oid="app-1"))["order_id"] == placed["order_id"]
        assert await here.trader.result("cancel-order", client_oid="app-1") == placed
        assert await state(here, placed["order_id"]) == ("CANCELED", "0")
        assert await here.trader.balance("USDT") == ("50000", "0")


@pytest.mark.asyncio
async def test_market_orders_by_notional_and_by_quantity() -> None:
    async with running() as here:
        bought = await here.trader.order("BTC_USDT", "BUY", "MARKET", notional="500")
        row = await here.trader.look_up(bought)
        assert (row["status"], row["order_type"], row["order_value"]) == ("FILLED", "MARKET", "500")
        assert 499 < Decimal(row["cumulative_value"]) <= 500
        sold = await here.trader.look_up(await here.trader.order("BTC_USDT", "SELL", "MARKET", quantity="0.01"))
        assert (sold["status"], sold["cumulative_quantity"], sold["fee_instrument_name"]) == ("FILLED", "0.01", "USDT")
        again = await here.trader.look_up(await here.trader.order("BTC_USDT", "BUY", "MARKET", quantity="0.01"))
        assert (again["status"], again["cumulative_quantity"]) == ("FILLED", "0.01")
        trades = (await here.trader.result("get-trades"))["data"]
        assert sum(Decimal(t["traded_quantity"]) for t in trades if t["side"] == "SELL") == Decimal("0.01")
        for trade in trades:
            received = Decimal(trade["traded_quantity"]) * (
                1 if trade["side"] == "BUY" else Decimal(trade["traded_price"])
            )
            assert Decimal(trade["fees"]) == -received * Decimal("0.00069") and trade["taker_side"] == "TAKER"


@pytest.mark.asyncio
async def test_a_partial_fill_stays_active_as_maker() -> None:
    async with running() as here:
        price = str(here.best("BTC-USDT", "BUY") + Decimal("0.01"))
        order_id = await here.trader.order("BTC_USDT", "BUY", "LIMIT", price=price, quantity="0.01")
        here.hit("BTC-USDT", Side.SELL, price, "0.004")
        row = await here.trader.look_up(order_id)
        assert (row["status"], row["cumulative_quantity"], Decimal(row["avg_price"])) == (
            "ACTIVE",
            "0.004",
            Decimal(price),
        )
        (trade,) = (await here.trader.result("get-trades"))["data"]
        assert (trade["taker_side"], trade["side"], trade["fees"]) == ("MAKER", "BUY", "-0.0000026")
        assert row["cumulative_fee"] == "0.0000026"


@pytest.mark.asyncio
async def test_outcomes_come_after_code_zero() -> None:
    async with running() as here:
        ask, bid = (str(here.best("BTC-USDT", side)) for side in ("SELL", "BUY"))
        base: dict[str, Any] = {"price": ask, "quantity": "0.001"}
        taking = await here.trader.order("BTC_USDT", "BUY", "LIMIT", **base, exec_inst=["POST_ONLY"])
        assert await state(here, taking) == ("REJECTED", "43005")
        smart = await here.trader.order("BTC_USDT", "BUY", "LIMIT", **base, exec_inst=["SMART_POST_ONLY"])
        row = await here.trader.look_up(smart)
        assert (row["status"], Decimal(row["limit_price"])) == ("ACTIVE", Decimal(ask) - Decimal("0.01"))
        await here.trader.result("cancel-order", order_id=smart)
        big = {"price": ask, "quantity": "0.4"}
        killed = await here.trader.order("BTC_USDT", "BUY", "LIMIT", **big, time_in_force="FILL_OR_KILL")
        assert await state(here, killed) == ("CANCELED", "43003")
        cut = await here.trader.order("BTC_USDT", "BUY", "LIMIT", **big, time_in_force="IMMEDIATE_OR_CANCEL")
        row = await here.trader.look_up(cut)
        assert (row["status"], row["reason"]) == ("CANCELED", "43004")
        assert 0 < Decimal(row["cumulative_quantity"]) < Decimal("0.4")
        whole = {"price": bid, "quantity": "0.001", "time_in_force": "FILL_OR_KILL"}
        assert await state(here, await here.trader.order("BTC_USDT", "SELL", "LIMIT", **whole)) == ("FILLED", "0")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("terms", "maker", "taker"),
    [
        ({"stp_scope": "M", "stp_inst": "M"}, "CANCELED 43012", "ACTIVE 0"),
        ({"stp_scope": "S", "stp_inst": "T"}, "ACTIVE 0", "CANCELED 43012"),
        ({"stp_scope": "M", "stp_inst": "B"}, "CANCELED 43012", "CANCELED 43012"),
        ({}, "FILLED 0", "FILLED 0"),
    ],
)
async def test_self_trade_prevention(terms: dict[str, str], maker: str, taker: str) -> None:
    async with running() as here:
        price = str(here.best("BTC-USDT", "BUY") + Decimal("0.01"))
        first = await here.trader.order("BTC_USDT", "BUY", "LIMIT", price=price, quantity="0.01")
        second = await here.trader.order("BTC_USDT", "SELL", "LIMIT", price=price, quantity="0.01", **terms)
        assert [" ".join(await state(here, order_id)) for order_id in (first, second)] == [maker, taker]
        if not terms:
            roles = {t["taker_side"] for t in (await here.trader.result("get-trades"))["data"]}
            assert roles == {"MAKER", "TAKER"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changed", "code", "status"),
    [
        ({"instrument_name": "NO_SUCH"}, 209, 400),
        ({"instrument_name": "LTC_USDT"}, 208, 400),
        ({"instrument_name": ""}, 40004, 400),
        ({"side": "buy"}, 220, 400),
        ({"type": "STOP_LIMIT"}, 218, 400),
        ({"time_in_force": "GTC"}, 221, 400),
        ({"quantity": "0.000015"}, 213, 400),
        ({"quantity": "-1"}, 213, 400),
        ({"quantity": 0.01}, 40004, 400),
        ({"price": 90000}, 40004, 400),
        ({"price": "90000.001"}, 308, 400),
        ({"price": "x"}, 308, 400),
        ({"price": "150000"}, 315, 400),
        ({"side": "SELL", "price": "50000"}, 315, 400),
        ({"quantity": "0.000001"}, 415, 500),
        ({"quantity": "0.00001", "price": "50000"}, 415, 500),
        ({"quantity": "100"}, 314, 400),
        ({"quantity": "1"}, 306, 500),
        ({"exec_inst": ["POST_ONLY"], "time_in_force": "FILL_OR_KILL"}, 43005, 500),
        ({"exec_inst": ["POST_ONLY", "SMART_POST_ONLY"]}, 219, 500),
        ({"exec_inst": ["NONSENSE"]}, 219, 500),
        ({"exec_inst": "POST_ONLY"}, 40004, 400),
        ({"exec_inst": ["REDUCE_ONLY"]}, 1110, 400),
        ({"spot_margin": "MARGIN"}, 408, 400),
        ({"fee_instrument_name": "CRO"}, 215, 500),
        ({"client_oid": "x" * 37}, 40004, 400),
        ({"stp_inst": "M"}, 40004, 400),
        ({"type": "MARKET", "exec_inst": ["POST_ONLY"]}, 219, 500),
        ({"type": "MARKET", "notional": "0.5"}, 415, 500),
    ],
)
async def test_refused_orders(changed: dict[str, Any], code: int, status: int) -> None:
    async with running() as here:
        here.twin.rules.closed.add("LTC-USDT")
        reply = await here.trader.ask("create-order", **(LIMIT | changed))
        assert (reply["code"], here.trader.status) == (code, status), reply
        assert ("result" in reply) == (code in (306, 314, 315, 415))
        assert not here.twin.desk.venue.ledger("1001").orders


@pytest.mark.asyncio
async def test_client_ids() -> None:
    async with running() as here:
        placed = await here.trader.result("create-order", **LIMIT, client_oid="once")
        assert (await here.trader.ask("create-order", **LIMIT, client_oid="once"))["code"] == 204
        await here.trader.result("cancel-order", order_id=placed["order_id"])
        assert (await here.trader.ask("create-order", **LIMIT, client_oid="once"))["code"] == 204, "also when finished"
        message = here.trader.message("private/create-order", LIMIT)
        unnamed = await here.trader.post("private/create-order", message)
        assert unnamed["result"]["client_oid"] == str(message["id"]), "the request's id, where there is none"
        refused = await here.trader.ask("create-order", **(LIMIT | {"quantity": "1"}), client_oid="poor")
        assert refused["result"]["client_oid"] == "poor" and refused["message"] == "INSUFFICIENT_AVAILABLE_BALANCE"


@pytest.mark.asyncio
async def test_too_many_orders() -> None:
    async with running() as here:
        for n in range(20):
            terms = {"instrument_name": "TRX_USDT", "side": "BUY", "type": "LIMIT", "price": "0.3", "quantity": "10"}
            here.twin.limits._windows.clear()
            rows = await here.trader.result("create-order-list", contingency_type="LIST", order_list=[terms] * 10)
            assert {row["code"] for row in rows} == {"0"}, n
        assert (await here.trader.ask("create-order", **terms))["code"] == 318


@pytest.mark.asyncio
async def test_amending() -> None:
    async with running() as here:
        order_id = await here.trader.order("BTC_USDT", "BUY", "LIMIT", price="90000", quantity="0.02", client_oid="a")
        reply = await here.trader.ask("amend-order", order_id=order_id, new_price="91000")
        assert reply["code"] == 40004, "both values are needed"
        done = await here.trader.result("amend-order", orig_client_oid="a", new_price="91000", new_quantity="0.01")
        assert done == {"client_oid": "a", "order_id": order_id}
        row = await here.trader.look_up(order_id)
        assert (row["limit_price"], row["quantity"], row["status"]) == ("91000", "0.01", "ACTIVE")
        assert await here.trader.balance("USDT") == ("50000", "910")
        poor = await here.trader.ask("amend-order", order_id=order_id, new_price="91000", new_quantity="2")
        assert poor["code"] == 306 and await here.trader.balance("USDT") == ("50000", "910")
        await here.trader.result("cancel-order", order_id=order_id)
        here.twin.limits._windows.clear()
        late = await here.trader.ask("amend-order", order_id=order_id, new_price="91000", new_quantity="0.01")
        assert late["code"] == 316


@pytest.mark.asyncio
async def test_orders_that_are_not_there() -> None:
    async with running() as here:
        for name in ("cancel-order", "get-order-detail"):
            assert (await here.trader.ask(name))["code"] == 40004
            assert (await here.trader.ask(name, order_id="abc"))["code"] == 212
        assert (await here.trader.ask("cancel-order", order_id="123"))["code"] == 316 and here.trader.status == 500
        assert (await here.trader.ask("get-order-detail", order_id="123"))["code"] == 40401
        assert here.trader.status == 200, "not found arrives as a success of HTTP"
        assert (await here.trader.ask("get-order-detail", client_oid="who"))["code"] == 40401


@pytest.mark.asyncio
async def test_cancelling_all_of_one_instrument_then_of_all() -> None:
    async with running() as here:
        for pair, price in (("BTC_USDT", "90000"), ("BTC_USDT", "90001"), ("ETH_USDT", "3000")):
            await here.trader.order(pair, "BUY", "LIMIT", price=price, quantity="0.1")
        reply = await here.trader.ask("cancel-all-orders", instrument_name="BTC_USDT")
        assert reply == {"id": reply["id"], "method": "private/cancel-all-orders", "code": 0}
        (left,) = (await here.trader.result("get-open-orders"))["data"]
        assert left["instrument_name"] == "ETH_USDT"
        assert (await here.trader.result("get-open-orders", instrument_name="BTC_USDT"))["data"] == []
        assert (await here.trader.ask("cancel-all-orders", type="TRIGGER"))["code"] == 0
        assert len((await here.trader.result("get-open-orders"))["data"]) == 1
        assert (await here.trader.ask("cancel-all-orders", type="NONSENSE"))["code"] == 40004
        assert (await here.trader.ask("cancel-all-orders", instrument_name="NO_SUCH"))["code"] == 209
        assert (await here.trader.ask("cancel-all-orders"))["code"] == 0
        here.twin.limits._windows.clear()
        assert (await here.trader.result("get-open-orders"))["data"] == []


@pytest.mark.asyncio
async def test_lists() -> None:
    async with running() as here:
        orders = [LIMIT | {"client_oid": "x", "exec_inst": ["POST_ONLY"]}, LIMIT | {"quantity": "1"}, LIMIT]
        message = here.trader.message("private/create-order-list", {"contingency_type": "LIST", "order_list": orders})
        reply = await here.trader.post("private/create-order-list", message)
        assert reply["code"] == 0
        first, poor, third = reply["result"]
        assert (first["index"], first["code"], first["client_oid"]) == ("0", "0", "x")
        assert (poor["code"], poor["message"]) == ("306", "INSUFFICIENT_AVAILABLE_BALANCE")
        assert third["client_oid"] == f"{message['id']}_2"
        gone = [{"instrument_name": "BTC_USDT", "order_id": first["order_id"]}]
        gone += [{"instrument_name": "BTC_USDT", "client_oid": "nobody"}]
        rows = await here.trader.result("cancel-order-list", contingency_type="LIST", order_list=gone)
        assert rows[0] == {"index": "0", "code": "0"}
        assert (rows[1]["index"], rows[1]["code"], rows[1]["client_oid"]) == ("1", "316", "nobody")
        for wrong in ([], [LIMIT] * 11, ["x"], None):
            here.twin.limits._windows.clear()
            refused = await here.trader.ask("create-order-list", contingency_type="LIST", order_list=wrong)
            assert refused["code"] == 40004
