"""Orders of every kind over signed REST: answers, filters, client ids, cancels, amendments, self-trades."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.core.types import Side

from .binance_client import Bench, Trader, opened


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "60000",
}


def without(*names: str, **changes: Any) -> dict[str, Any]:
    return {k: v for k, v in (LIMIT | changes).items() if k not in names}


@pytest.mark.asyncio
async def test_a_limit_order_rests_and_holds_its_cost(trader: Trader) -> None:
    answer = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newClientOrderId="mine-1")
    order_id, moment = answer.pop("orderId"), answer.pop("transactTime")
    assert isinstance(order_id, int) and answer.pop("workingTime") == moment
    assert answer == {
        "symbol": "BTCUSDT",
        "orderListId": -1,
        "clientOrderId": "mine-1",
        "price": "60000.00000000",
        "origQty": "0.01000000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "fills": [],
    }
    assert await trader.balance("USDT") == ("49400.00000000", "600.00000000")
    _, found = await trader.get("order", symbol="BTCUSDT", origClientOrderId="mine-1")
    assert (found["orderId"], found["isWorking"], found["icebergQty"]) == (order_id, True, "0.00000000")


@pytest.mark.asyncio
async def test_answers_are_as_full_as_asked(trader: Trader) -> None:
    maker = await trader.order("BTCUSDT", "BUY", "LIMIT_MAKER", quantity="0.01", price="60000")
    assert set(maker) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    result = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newOrderRespType="RESULT")
    assert result["status"] == "NEW" and "fills" not in result
    ack = await trader.order("BTCUSDT", "BUY", "MARKET", quantity="0.01", newOrderRespType="ACK")
    assert "status" not in ack
    assert (await trader.post("order", **without(newOrderRespType="ALL")))[1]["code"] == -1130


@pytest.mark.asyncio
async def test_market_orders_by_amount_and_by_cost(trader: Trader) -> None:
    sold = await trader.order("BTCUSDT", "SELL", "MARKET", quantity="0.5")
    assert (sold["status"], sold["executedQty"], sold["price"]) == ("FILLED", "0.50000000", "0.00000000")
    spent = sum(Decimal(fill["qty"]) * Decimal(fill["price"]) for fill in sold["fills"])
    assert spent == Decimal(sold["cummulativeQuoteQty"])
    fees = [
        (Decimal(f["qty"]) * Decimal(f["price"]) / 1000, f["commission"], f["commissionAsset"]) for f in sold["fills"]
    ]
    assert all(0 <= exact - Decimal(fee) < Decimal("1e-8") and asset == "USDT" for exact, fee, asset in fees)
    bought = await trader.order("BTCUSDT", "BUY", "MARKET", quoteOrderQty="1000")
    assert bought["status"] == "FILLED" or bought["expiryReason"] == "INSUFFICIENT_LIQUIDITY"
    assert bought["origQuoteOrderQty"] == "1000.00000000"
    assert Decimal("998") < Decimal(bought["cummulativeQuoteQty"]) <= 1000
    free, locked = await trader.balance("USDT")
    received = Decimal(sold["cummulativeQuoteQty"]) - sum(Decimal(f["commission"]) for f in sold["fills"])
    assert (Decimal(free), locked) == (50000 + received - Decimal(bought["cummulativeQuoteQty"]), "0.00000000")


@pytest.mark.asyncio
async def test_immediate_orders_expire_with_a_reason(trader: Trader) -> None:
    bid, ask = await trader.best("BTCUSDT")
    taken = await trader.order("BTCUSDT", "BUY", timeInForce="IOC", quantity="0.4", price=ask)
    assert taken["status"] in ("FILLED", "EXPIRED") and Decimal(taken["executedQty"]) > 0
    nothing = await trader.order("BTCUSDT", "BUY", timeInForce="IOC", quantity="0.1", price="60000")
    assert (nothing["status"], nothing["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    killed = await trader.order("BTCUSDT", "BUY", timeInForce="FOK", quantity="0.1", price="60000")
    assert (killed["status"], killed["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    assert (await trader.balance("USDT"))[1] == "0.00000000"


@pytest.mark.asyncio
async def test_what_the_matching_engine_refuses(trader: Trader, bench: Bench) -> None:
    _, ask = await trader.best("BTCUSDT")
    take = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": ask}
    assert await trader.post("order", **take) == (
        400,
        {"code": -2010, "msg": "Order would immediately match and take."},
    )
    _, poor = await trader.post("order", **without(quantity="10"))
    assert poor == {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newClientOrderId="once")
    _, twice = await trader.post("order", **without(newClientOrderId="once"))
    assert twice == {"code": -2010, "msg": "Duplicate order sent."}
    bench.twin.symbols.states["BTC-USDT"] = "CANCEL_ONLY"
    assert (await trader.post("order", **LIMIT))[1] == {"code": -2010, "msg": "Market is closed."}
    assert (await trader.delete("openOrders", symbol="BTCUSDT"))[0] == 200


@pytest.mark.asyncio
async def test_a_client_id_is_free_again_when_its_order_is_done(trader: Trader) -> None:
    first = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newClientOrderId="again")
    await trader.delete("order", symbol="BTCUSDT", orderId=first["orderId"])
    second = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60001", newClientOrderId="again")
    assert second["orderId"] > first["orderId"]
    _, found = await trader.get("order", symbol="BTCUSDT", origClientOrderId="again")
    assert found["orderId"] == second["orderId"]
    made_up = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60001")
    assert len(made_up["clientOrderId"]) == 22


NEITHER = "Param '%s' or '%s' must be sent, but both were empty/null!"
CHARACTERS = "Illegal characters found in parameter '%s'; legal range is '%s'."


@pytest.mark.asyncio
async def test_cancelling_names_the_order_and_the_request(trader: Trader) -> None:
    order = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newClientOrderId="mine")
    _, gone = await trader.delete(
        "order", symbol="BTCUSDT", orderId=order["orderId"], origClientOrderId="mine", newClientOrderId="the-cancel"
    )
    assert (gone["origClientOrderId"], gone["clientOrderId"], gone["status"]) == ("mine", "the-cancel", "CANCELED")
    assert (await trader.balance("USDT"))[1] == "0.00000000"
    again = await trader.delete("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert again == (400, {"code": -2011, "msg": "Unknown order sent."})


@pytest.mark.asyncio
async def test_a_cancel_that_does_not_fit(trader: Trader) -> None:
    order = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000", newClientOrderId="mine")
    one = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    for terms, code, text in (
        ({"symbol": "BTCUSDT"}, -1102, NEITHER % ("origClientOrderId", "orderId")),
        (one | {"symbol": "ETHUSDT"}, -2011, "Unknown order sent."),
        (one | {"origClientOrderId": "other"}, -2039, "Client order ID is not correct for this order ID."),
        (one | {"cancelRestrictions": "ONLY_OLD"}, -1145, "Invalid cancelRestrictions"),
        (
            one | {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"},
            -2011,
            "Order was not canceled due to cancel restrictions.",
        ),
        ({"symbol": "BTCUSDT", "orderId": "1x"}, -1100, CHARACTERS % ("orderId", "^[0-9]{1,20}$")),
    ):  # fmt: skip
        assert await trader.delete("order", **terms) == (400, {"code": code, "msg": text})
    assert (await trader.delete("order", **one, cancelRestrictions="ONLY_NEW"))[0] == 200
    assert (await trader.get("order", symbol="BTCUSDT", orderId=1))[1] == {
        "code": -2013,
        "msg": "Order does not exist.",
    }


@pytest.mark.asyncio
async def test_cancel_all_of_one_symbol(trader: Trader) -> None:
    for symbol, price in (("BTCUSDT", "60000"), ("BTCUSDT", "61000"), ("ETHUSDT", "2000")):
        await trader.order(symbol, "BUY", quantity="0.01", price=price)
    _, gone = await trader.delete("openOrders", symbol="BTCUSDT")
    assert [row["price"] for row in gone] == ["60000.00000000", "61000.00000000"]
    assert len({row["clientOrderId"] for row in gone}) == 1
    assert (await trader.delete("openOrders", symbol="BTCUSDT"))[1]["code"] == -2011
    assert [o["symbol"] for o in (await trader.get("openOrders"))[1]] == ["ETHUSDT"]


@pytest.mark.asyncio
async def test_cancel_replace_in_every_outcome(trader: Trader) -> None:
    order = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000")
    status, both = await trader.post(
        "order/cancelReplace",
        **without(price="61000"),
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=order["orderId"],
    )
    assert (status, both["cancelResult"], both["newOrderResult"]) == (200, "SUCCESS", "SUCCESS")
    assert (both["cancelResponse"]["orderId"], both["newOrderResponse"]["price"]) == (
        order["orderId"],
        "61000.00000000",
    )
    new_id = both["newOrderResponse"]["orderId"]

    gone = {"cancelOrderId": order["orderId"]}
    status, stopped = await trader.post("order/cancelReplace", **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", **gone)
    assert (status, stopped["code"], stopped["data"]["newOrderResult"]) == (400, -2022, "NOT_ATTEMPTED")
    assert stopped["data"]["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    status, went_on = await trader.post("order/cancelReplace", **LIMIT, cancelReplaceMode="ALLOW_FAILURE", **gone)
    assert (status, went_on["code"], went_on["data"]["newOrderResult"]) == (409, -2021, "SUCCESS")
    status, neither = await trader.post(
        "order/cancelReplace", **without(quantity="10"), cancelReplaceMode="ALLOW_FAILURE", **gone
    )
    assert (status, neither["code"], neither["data"]["newOrderResponse"]["code"]) == (400, -2022, -2010)
    status, half = await trader.post(
        "order/cancelReplace", **without(quantity="10"), cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=new_id
    )
    assert (status, half["msg"]) == (409, "Order cancel-replace partially failed.")
    assert (half["data"]["cancelResult"], half["data"]["newOrderResult"]) == ("SUCCESS", "FAILURE")
    _, filtered = await trader.post(
        "order/cancelReplace", **without(price="1"), cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=new_id
    )
    assert filtered["code"] == -1013
    assert (await trader.post("order/cancelReplace", **LIMIT, cancelReplaceMode="NEVER", **gone))[1]["code"] == -1130
    assert (await trader.post("order/cancelReplace", **LIMIT, cancelReplaceMode="ALLOW_FAILURE"))[1]["code"] == -1102


@pytest.mark.asyncio
async def test_an_amended_order_keeps_its_place_and_changes_its_name(trader: Trader, bench: Bench) -> None:
    first = await trader.order("BTCUSDT", "BUY", quantity="0.03", price="99000", newClientOrderId="first")
    book = bench.twin.desk.venue.books["BTC-USDT"].bids
    behind = bench.twin.desk.venue.quote("BTC-USDT", Side.BUY, 9_900_000, 1000)
    status, reply = await trader.put(
        "order/amend/keepPriority", symbol="BTCUSDT", origClientOrderId="first", newQty="0.02"
    )
    amended = reply["amendedOrder"]
    assert (status, amended["qty"], amended["origClientOrderId"]) == (200, "0.02000000", "first")
    assert amended["clientOrderId"] != "first"
    assert [o.order_id for o in book.orders_at(9_900_000)][:2] == [first["orderId"], behind.order_id]
    assert (await trader.balance("USDT"))[1] == "1980.00000000"
    one = {"symbol": "BTCUSDT", "orderId": first["orderId"]}
    for quantity, code, text in (
        ("0.02", -2038, "The requested action would change no state; rejecting"),
        ("0.03", -2038, "Order amend (quantity increase) is not supported."),
        ("0.000001", -1013, "Filter failure: LOT_SIZE"),
    ):
        assert await trader.put("order/amend/keepPriority", **one, newQty=quantity) == (
            400,
            {"code": code, "msg": text},
        )
    for n in range(9):
        name = {"newClientOrderId": amended["clientOrderId"]} if n == 0 else {}
        assert (await trader.put("order/amend/keepPriority", **one, newQty=f"0.0{19 - n}", **name))[0] == 200
    _, full = await trader.put("order/amend/keepPriority", **one, newQty="0.001")
    assert full == {"code": -2038, "msg": "Filter failure: MAX_NUM_ORDER_AMENDS"}
    _, rows = await trader.get("order/amendments", **one)
    assert len(rows) == 10 and (rows[0]["origQty"], rows[0]["newQty"]) == ("0.03000000", "0.02000000")
    assert rows[1]["origClientOrderId"] == rows[1]["newClientOrderId"]
    _, tail = await trader.get("order/amendments", **one, fromExecutionId=rows[8]["executionId"])
    assert tail == rows[8:]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "maker_status", "taker_status"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
async def test_self_trades(trader: Trader, mode: str, maker_status: str, taker_status: str) -> None:
    bid, ask = await trader.best("BTCUSDT")
    price = f"{Decimal(ask) - Decimal('0.01'):.8f}"
    maker = await trader.order("BTCUSDT", "BUY", "LIMIT_MAKER", quantity="0.01", price=price)
    taker = await trader.order("BTCUSDT", "SELL", quantity="0.01", price=price, selfTradePreventionMode=mode)
    _, resting = await trader.get("order", symbol="BTCUSDT", orderId=maker["orderId"])
    assert (resting["status"], taker["status"]) == (maker_status, taker_status)
    _, rows = await trader.get("myPreventedMatches", symbol="BTCUSDT", orderId=maker["orderId"])
    if mode == "NONE":
        assert rows == [] and taker["fills"][0]["price"] == price
        return
    (row,) = rows
    assert (row["takerOrderId"], row["makerOrderId"]) == (taker["orderId"], maker["orderId"])
    assert ("makerPreventedQuantity" in row) == (mode != "EXPIRE_TAKER")
    assert ("takerPreventedQuantity" in row) == (mode != "EXPIRE_MAKER")
    if maker_status == "EXPIRED_IN_MATCH":
        assert (resting["preventedQuantity"], resting["preventedMatchId"]) == ("0.01000000", row["preventedMatchId"])


@pytest.mark.asyncio
async def test_a_stop_limit_order_holds_funds_waits_and_keeps_its_id(trader: Trader, bench: Bench) -> None:
    _, row = await trader.public("ticker/price", symbol="BTCUSDT")
    bid, _ = await trader.best("BTCUSDT")
    stop = str(Decimal(bid) - 1)
    answer = await trader.order(
        "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", timeInForce="GTC", quantity="0.01", price=bid, stopPrice=stop
    )
    assert set(answer) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert await trader.balance("BTC") == ("1.49000000", "0.01000000")
    one = {"symbol": "BTCUSDT", "orderId": answer["orderId"]}
    _, waiting = await trader.get("order", **one)
    assert (waiting["status"], waiting["isWorking"], waiting["workingTime"]) == ("NEW", False, -1)
    assert waiting["stopPrice"] == f"{Decimal(stop):.8f}"
    bench.hits("BTC-USDT", Side.SELL, str(Decimal(stop) - 5000), "20")
    _, working = await trader.get("order", **one)
    assert working["isWorking"] and working["workingTime"] >= working["time"] and working["type"] == "STOP_LOSS_LIMIT"


@pytest.mark.asyncio
async def test_stop_market_and_take_profit_trigger_on_their_side(trader: Trader, bench: Bench) -> None:
    bid, ask = await trader.best("BTCUSDT")
    profit = await trader.order("BTCUSDT", "SELL", "TAKE_PROFIT", quantity="0.01", stopPrice=str(Decimal(ask) + 5))
    loss = await trader.order("BTCUSDT", "BUY", "STOP_LOSS", quantity="0.01", stopPrice=str(Decimal(ask) + 5))
    assert (await trader.balance("USDT"))[1] == "0.00000000"
    bench.hits("BTC-USDT", Side.BUY, str(Decimal(ask) + 5000), "2")
    for order in (profit, loss):
        _, done = await trader.get("order", symbol="BTCUSDT", orderId=order["orderId"])
        assert (done["status"], done["executedQty"]) == ("FILLED", "0.01000000")
    assert (await trader.get("openOrders", symbol="BTCUSDT"))[1] == []


@pytest.mark.asyncio
async def test_a_trailing_stop_follows_the_price(trader: Trader, bench: Bench) -> None:
    bid, ask = await trader.best("BTCUSDT")
    order = await trader.order("BTCUSDT", "SELL", "STOP_LOSS", quantity="0.01", trailingDelta="10")
    _, waiting = await trader.get("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (waiting["trailingDelta"], waiting["isWorking"]) == (10, False)
    bench.hits("BTC-USDT", Side.SELL, str(int(Decimal(bid) * Decimal("0.98"))), "50")
    _, done = await trader.get("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert done["isWorking"]


@pytest.mark.asyncio
async def test_a_waiting_stop_order_is_cancelled_and_amended(trader: Trader) -> None:
    stop = {"timeInForce": "GTC", "price": "140000", "stopPrice": "139000"}
    order = await trader.order("BTCUSDT", "BUY", "STOP_LOSS_LIMIT", quantity="0.02", **stop)
    assert (await trader.balance("USDT"))[1] == "2800.00000000"
    await trader.put("order/amend/keepPriority", symbol="BTCUSDT", orderId=order["orderId"], newQty="0.01")
    assert (await trader.balance("USDT"))[1] == "1400.00000000"
    _, gone = await trader.delete("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (gone["status"], gone["stopPrice"], gone["origQty"]) == ("CANCELED", "139000.00000000", "0.01000000")
    assert (await trader.balance("USDT"))[1] == "0.00000000"


@pytest.mark.asyncio
async def test_an_iceberg_shows_only_its_tip(trader: Trader, bench: Bench) -> None:
    bid, ask = await trader.best("BTCUSDT")
    price = f"{Decimal(ask) - Decimal('0.01'):.8f}"
    order = await trader.order("BTCUSDT", "SELL", quantity="0.05", price=price, icebergQty="0.01")
    assert order["icebergQty"] == "0.01000000"
    _, book = await trader.public("depth", symbol="BTCUSDT", limit=5)
    assert book["asks"][0] == [price, "0.01000000"]
    bench.hits("BTC-USDT", Side.BUY, price, "0.025")
    _, book = await trader.public("depth", symbol="BTCUSDT", limit=5)
    assert book["asks"][0] == [price, "0.00500000"]
    _, left = await trader.get("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (left["status"], left["executedQty"]) == ("PARTIALLY_FILLED", "0.02500000")
    bench.hits("BTC-USDT", Side.BUY, price, "5")
    _, done = await trader.get("order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (done["status"], (await trader.balance("BTC"))[1]) == ("FILLED", "0.00000000")


@pytest.mark.asyncio
async def test_order_lists_are_refused_as_the_symbol_says(trader: Trader) -> None:
    _, info = await trader.public("exchangeInfo", symbol="BTCUSDT")
    assert info["symbols"][0]["ocoAllowed"] is False
    _, reply = await trader.post(
        "orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.01", aboveType="LIMIT_MAKER"
    )
    assert reply == {"code": -1013, "msg": "OCO orders are not supported for this symbol"}
