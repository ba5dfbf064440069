"""Order entry over REST: what is accepted, what each rule answers, what happens to the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.paper.dialects.poloniex import PoloniexTwin

from .poloniex_client import Trader

LIMIT = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "90000", "quantity": "0.01"}


@pytest.mark.asyncio
async def test_a_resting_order_from_place_to_cancel(trader: Trader) -> None:
    status, placed = await trader.post("/orders", LIMIT | {"clientOrderId": "app-1"})
    assert status == 200 and placed == {"id": placed["id"], "clientOrderId": "app-1"}
    assert await trader.balance("USDT") == ("49100", "900")
    _, order = await trader.get(f"/orders/{placed['id']}")
    assert order == {
        "id": placed["id"],
        "clientOrderId": "app-1",
        "symbol": "BTC_USDT",
        "state": "NEW",
        "accountType": "SPOT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "90000",
        "avgPrice": "0",
        "amount": "0",
        "filledQuantity": "0",
        "filledAmount": "0",
        "createTime": order["createTime"],
        "updateTime": order["createTime"],
    }
    assert (await trader.get("/orders/cid:app-1"))[1] == order
    assert await trader.delete("/orders/cid:app-1") == (
        200,
        {"orderId": placed["id"], "clientOrderId": "app-1", "state": "PENDING_CANCEL", "code": 200, "message": ""},
    )
    assert (await trader.get(f"/orders/{placed['id']}"))[1]["state"] == "CANCELED"
    assert await trader.balance("USDT") == ("50000", "0")
    assert (await trader.delete(f"/orders/{placed['id']}"))[1]["code"] == 21305


@pytest.mark.asyncio
async def test_market_buy_spends_a_quote_amount(trader: Trader) -> None:
    order_id = await trader.order("BTC_USDT", "BUY", amount="1000")
    _, order = await trader.get(f"/orders/{order_id}")
    assert (order["type"], order["state"], order["amount"]) == ("MARKET", "FILLED", "1000")
    spent, bought = Decimal(order["filledAmount"]), Decimal(order["filledQuantity"])
    assert Decimal("999.8") < spent <= 1000
    assert abs(Decimal(order["avgPrice"]) - spent / bought) < Decimal("0.01")
    _, trades = await trader.get(f"/orders/{order_id}/trades")
    fees = sum(Decimal(t["feeAmount"]) for t in trades)
    assert fees == bought * Decimal("0.00155") and {t["feeCurrency"] for t in trades} == {"BTC"}
    assert await trader.balance("USDT") == (str(50000 - spent), "0")
    assert await trader.balance("BTC") == (str((Decimal("1.5") + bought - fees).normalize()), "0")


@pytest.mark.asyncio
async def test_market_sale_takes_a_base_quantity(trader: Trader) -> None:
    order_id = await trader.order("ETH_USDT", "SELL", type="MARKET", quantity="0.5")
    _, order = await trader.get(f"/orders/{order_id}")
    assert (order["state"], order["filledQuantity"], order["price"]) == ("FILLED", "0.5", "0")
    assert (await trader.delete(f"/orders/{order_id}"))[1]["code"] == 21304


@pytest.mark.asyncio
async def test_immediate_kinds_leave_nothing_in_the_book(trader: Trader) -> None:
    terms = {"type": "LIMIT", "price": "90000", "quantity": "0.01"}
    for tif in ("IOC", "FOK"):
        order_id = await trader.order("BTC_USDT", "BUY", timeInForce=tif, **terms)
        assert (await trader.get(f"/orders/{order_id}"))[1]["state"] == "CANCELED"
    maker = await trader.order("BTC_USDT", "BUY", type="LIMIT_MAKER", price="200000", quantity="0.01")
    _, order = await trader.get(f"/orders/{maker}")
    assert (order["state"], order["type"], order["filledQuantity"]) == ("CANCELED", "LIMIT_MAKER", "0")
    assert (await trader.get("/orders"))[1] == []
    assert await trader.balance("USDT") == ("50000", "0")


@pytest.mark.asyncio
async def test_a_partial_immediate_order_is_partially_canceled(trader: Trader) -> None:
    _, book = await trader.public("/markets/BTC_USDT/orderBook", limit=5)
    price, amount = book["asks"][:2]
    more = str(Decimal(amount) + Decimal("0.001"))
    order_id = await trader.order("BTC_USDT", "BUY", type="LIMIT", price=price, quantity=more, timeInForce="IOC")
    _, order = await trader.get(f"/orders/{order_id}")
    assert (order["state"], order["filledQuantity"]) == ("PARTIALLY_CANCELED", amount)


@pytest.mark.asyncio
async def test_slippage_tolerance_bounds_a_market_order(trader: Trader) -> None:
    _, book = await trader.public("/markets/BTC_USDT/orderBook", limit=5)
    best = Decimal(book["asks"][0])
    order_id = await trader.order("BTC_USDT", "BUY", amount="49000", slippageTolerance="0.0001")
    _, trades = await trader.get(f"/orders/{order_id}/trades")
    assert all(Decimal(t["price"]) <= best * Decimal("1.0001") for t in trades)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NO_SUCH"}, 10040),
        ({"symbol": None}, 10040),
        ({"side": "LONG"}, 21319),
        ({"type": "ICEBERG"}, 21320),
        ({"timeInForce": "DAY"}, 21321),
        ({"accountType": "MARGIN"}, 21324),
        ({"price": "90000.001"}, 21335),
        ({"price": "0"}, 21309),
        ({"price": "-5"}, 21309),
        ({"price": "cheap"}, 601),
        ({"price": ""}, 602),
        ({"price": "NaN"}, 601),
        ({"price": "1E+60"}, 21335),
        ({"quantity": "0.0000001"}, 21336),
        ({"quantity": "0"}, 21328),
        ({"quantity": "0.00001"}, 21322),
        ({"quantity": "1"}, 21709),
        ({"clientOrderId": "no spaces"}, 21315),
        ({"clientOrderId": "x" * 65}, 21315),
        ({"clientOrderId": 17}, 21315),
        ({"stpMode": "MAYBE"}, 601),
        ({"type": "MARKET", "amount": "0.5"}, 21322),
        ({"type": "MARKET", "amount": "10.001"}, 21337),
        ({"type": "MARKET", "amount": "0"}, 21317),
        ({"type": "MARKET"}, 602),
        ({"type": "MARKET", "amount": "10", "slippageTolerance": "1"}, 601),
    ],
)
async def test_each_broken_rule_has_its_code(trader: Trader, change: dict[str, Any], code: int) -> None:
    status, reply = await trader.post("/orders", LIMIT | change)
    assert (status, reply["code"]) == (400, code) and reply["message"]
    assert await trader.balance("USDT") == ("50000", "0")


@pytest.mark.asyncio
async def test_small_quantities_and_missing_fields(trader: Trader) -> None:
    shib = {"symbol": "TRX_USDT", "side": "SELL", "type": "LIMIT", "price": "1000"}
    assert (await trader.post("/orders", shib | {"quantity": "0.1"}))[0] == 200
    assert (await trader.post("/orders", shib | {"quantity": "0.05"}))[1]["code"] == 21336
    for missing in ("symbol", "side", "price", "quantity"):
        body = {k: v for k, v in LIMIT.items() if k != missing}
        assert (await trader.post("/orders", body))[1]["code"] == 602
    assert (await trader.post("/orders", [LIMIT]))[1]["code"] == 601


@pytest.mark.asyncio
async def test_trailing_zeros_and_the_longest_client_id_are_fine(trader: Trader) -> None:
    body = LIMIT | {"price": "40000.50000", "quantity": "0.0100", "clientOrderId": "Az9_-" * 12 + "abcd"}
    assert (await trader.post("/orders", body))[0] == 200


@pytest.mark.asyncio
async def test_a_client_id_is_never_used_twice(trader: Trader) -> None:
    await trader.order("BTC_USDT", "BUY", **_terms("once"))
    await trader.delete("/orders/cid:once")
    status, reply = await trader.post("/orders", LIMIT | {"clientOrderId": "once"})
    assert (status, reply["code"]) == (400, 21312)


@pytest.mark.asyncio
async def test_market_states(trader: Trader, twin: PoloniexTwin) -> None:
    twin.rules.states["BTC-USDT"] = "PAUSE"
    assert (await trader.public("/markets/BTC_USDT"))[1][0]["state"] == "PAUSE"
    assert (await trader.post("/orders", LIMIT))[1]["code"] == 10041
    twin.rules.states["BTC-USDT"] = "POST_ONLY"
    assert (await trader.post("/orders", LIMIT))[1]["code"] == 21348
    assert (await trader.post("/orders", LIMIT | {"type": "LIMIT_MAKER"}))[0] == 200
    twin.rules.states.clear()
    twin.rules.post_only = True
    assert (await trader.post("/orders", LIMIT))[1]["code"] == 21341
    twin.rules.maintenance = True
    assert (await trader.post("/orders", LIMIT))[1]["code"] == 21340


@pytest.mark.asyncio
async def test_batch_answers_row_by_row(trader: Trader) -> None:
    too_much = LIMIT | {"quantity": "1", "clientOrderId": "big"}
    status, rows = await trader.post("/orders/batch", [LIMIT | {"clientOrderId": "a"}, too_much, LIMIT])
    assert status == 200
    assert rows[0]["clientOrderId"] == "a" and rows[2]["id"]
    assert rows[1] == {"code": 21709, "message": "Low available balance", "clientOrderId": "big"}
    assert (await trader.post("/orders/batch", [LIMIT] * 21))[0] == 400


@pytest.mark.asyncio
async def test_cancel_many_and_all(trader: Trader) -> None:
    a, b, c = [await trader.order("BTC_USDT", "BUY", **_terms(f"c{n}")) for n in range(3)]
    eth = await trader.order("ETH_USDT", "BUY", type="LIMIT", price="1000", quantity="0.1")
    _, rows = await trader.delete("/orders/cancelByIds", {"orderIds": [a, "12"], "clientOrderIds": ["c1", "none"]})
    assert [(r["orderId"], r["code"]) for r in rows] == [(a, 200), ("12", 21301), (b, 200), ("", 21301)]
    _, rows = await trader.delete("/orders", {"symbols": ["BTC_USDT"], "accountTypes": ["SPOT"]})
    assert [(r["orderId"], r["state"], r["code"]) for r in rows] == [(c, "PENDING_CANCEL", 200)]
    _, rows = await trader.delete("/orders", {"symbols": []})
    assert [r["orderId"] for r in rows] == [eth]
    assert await trader.balance("USDT") == ("50000", "0")


def _terms(client_order_id: str) -> dict[str, str]:
    return {"type": "LIMIT", "price": "90000", "quantity": "0.01", "clientOrderId": client_order_id}


@pytest.mark.asyncio
async def test_unknown_orders(trader: Trader) -> None:
    assert (await trader.get("/orders/12345"))[1] == {"code": 21301, "message": "Order not found"}
    assert (await trader.get("/orders/cid:nobody"))[1]["code"] == 21301
    assert (await trader.delete("/orders/abc"))[1]["code"] == 21346


@pytest.mark.asyncio
async def test_replace_cancels_and_places_anew(trader: Trader) -> None:
    old = await trader.order("BTC_USDT", "BUY", **_terms("first"))
    status, reply = await trader.put("/orders/cid:first", {"price": "91000", "clientOrderId": "second"})
    assert status == 200 and reply["clientOrderId"] == "second" and reply["id"] != old
    assert (await trader.get(f"/orders/{old}"))[1]["state"] == "CANCELED"
    _, new = await trader.get("/orders/cid:second")
    assert (new["price"], new["quantity"], new["state"]) == ("91000", "0.01", "NEW")
    assert await trader.balance("USDT") == ("49090", "910")
    assert (await trader.put(f"/orders/{old}", {"price": "92000"}))[1]["code"] == 21305
    assert (await trader.put(f"/orders/{old}", {"price": "92000", "proceedOnFailure": True}))[0] == 200
    assert (await trader.put("/orders/cid:second", {"price": "91000.001"}))[1]["code"] == 21335
    assert (await trader.get("/orders/cid:second"))[1]["state"] == "NEW"


@pytest.mark.asyncio
async def test_self_trade_expires_the_taker(trader: Trader, twin: PoloniexTwin) -> None:
    book = twin.desk.venue.books["BTC-USDT"]
    best = book.asks.best()
    assert best is not None
    price = str(Decimal(best - 1) / 100)
    maker = await trader.order("BTC_USDT", "SELL", type="LIMIT_MAKER", price=price, quantity="0.001")
    taker = await trader.order("BTC_USDT", "BUY", type="LIMIT", price=price, quantity="0.001")
    assert (await trader.get(f"/orders/{taker}"))[1]["state"] == "CANCELED"
    allowed = await trader.order("BTC_USDT", "BUY", type="LIMIT", price=price, quantity="0.001", stpMode="NONE")
    assert (await trader.get(f"/orders/{allowed}"))[1]["state"] == "FILLED"
    assert (await trader.get(f"/orders/{maker}"))[1]["state"] == "FILLED"


@pytest.mark.asyncio
async def test_kill_switch(trader: Trader) -> None:
    assert await trader.get("/orders/killSwitchStatus") == (400, {"code": 25020, "message": "No active kill switch"})
    status, armed = await trader.post("/orders/killSwitch", {"timeout": "30"})
    assert status == 200 and armed["cancellationTime"] - armed["startTime"] == 30_000
    assert (await trader.get("/orders/killSwitchStatus"))[1] == armed
    for timeout in ("9", "601", "soon"):
        assert (await trader.post("/orders/killSwitch", {"timeout": timeout}))[1]["code"] == 601
    assert (await trader.post("/orders/killSwitch", {"timeout": "-1"}))[0] == 200
    assert (await trader.get("/orders/killSwitchStatus"))[1]["code"] == 25020
