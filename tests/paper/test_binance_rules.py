"""What an order may not be: each rule of Binance with its code and text, the same for orders that only test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

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


MISSING = "Mandatory parameter '%s' was not sent, was empty/null, or malformed."
NEITHER = "Param '%s' or '%s' must be sent, but both were empty/null!"
CHARACTERS = "Illegal characters found in parameter '%s'; legal range is '%s'."
UNASKED = "Parameter '%s' sent when not required."
CLIENT_ID = CHARACTERS % ("newClientOrderId", "^[a-zA-Z0-9-_]{1,36}$")
MARKET = without("price", "timeInForce", type="MARKET")
COST = without("price", "timeInForce", "quantity", type="MARKET")

RULES: dict[str, list[tuple[dict[str, Any], int, str]]] = {
    "names and words": [
        (without("symbol"), -1102, MISSING % "symbol"),
        (without(symbol="BTC_USDT"), -1121, "Invalid symbol."),
        (without(symbol="btcusdt"), -1121, "Invalid symbol."),
        (without(side="buy"), -1117, "Invalid side."),
        (without(type="LIMITED"), -1116, "Invalid orderType."),
        (without(timeInForce="GTX"), -1115, "Invalid timeInForce."),
        (without(newClientOrderId="a b"), -1100, CLIENT_ID),
        (without(newClientOrderId="x" * 37), -1100, CLIENT_ID),
        (without(newClientOrderId=""), -1105, "Parameter 'newClientOrderId' was empty."),
        (without(strategyType="5"), -1134, "`strategyType` was less than 1000000."),
        (without(pegPriceType="PRIMARY_PEG"), -2010, "Pegged orders are not supported for this symbol."),
        (
            without(selfTradePreventionMode="TRANSFER"),
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (
            without(selfTradePreventionMode="MAYBE"),
            -1130,
            "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        ),
    ],
    "what a type needs": [
        (without("timeInForce"), -1102, MISSING % "timeInForce"),
        (without("price"), -1102, MISSING % "price"),
        (without(quantity=""), -1102, MISSING % "quantity"),
        (COST, -1102, NEITHER % ("quantity", "quoteOrderQty")),
        (MARKET | {"type": "STOP_LOSS"}, -1102, NEITHER % ("stopPrice", "trailingDelta")),
        (MARKET | {"quoteOrderQty": "10"}, -1128, "Combination of optional parameters invalid."),
        (MARKET | {"price": "1"}, -1106, UNASKED % "price"),
        (without(type="LIMIT_MAKER"), -1106, UNASKED % "timeInForce"),
        (without(stopPrice="1"), -1106, UNASKED % "stopPrice"),
        (without(quoteOrderQty="10"), -1106, UNASKED % "quoteOrderQty"),
        (without(surprise="1"), -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
    ],
    "decimals": [
        (without(price="6e4"), -1100, CHARACTERS % ("price", r"^([0-9]{1,20})(\.[0-9]{1,20})?$")),
        (without(price="-1"), -1100, CHARACTERS % ("price", r"^([0-9]{1,20})(\.[0-9]{1,20})?$")),
        (without(quantity="0.010000001"), -1111, "Parameter 'quantity' has too much precision."),
    ],
    "price and size": [
        (without(price="60000.001"), -1013, "Filter failure: PRICE_FILTER"),
        (without(price="0"), -1013, "Filter failure: PRICE_FILTER"),
        (without(price="1000000.01"), -1013, "Filter failure: PRICE_FILTER"),
        (without(price="15000"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (without(price="600000"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (without(quantity="0.000001"), -1013, "Filter failure: LOT_SIZE"),
        (without(quantity="0"), -1013, "Filter failure: LOT_SIZE"),
        (without(quantity="90001"), -1013, "Filter failure: LOT_SIZE"),
        (MARKET | {"quantity": "1201"}, -1013, "Filter failure: MARKET_LOT_SIZE"),
        (without(quantity="0.00008"), -1013, "Filter failure: NOTIONAL"),
        (without(quantity="151"), -1013, "Filter failure: NOTIONAL"),
        (COST | {"quoteOrderQty": "4.99"}, -1013, "Filter failure: NOTIONAL"),
        (without(symbol="TRXUSDT", price="0.3", quantity="10"), -1013, "Filter failure: MIN_NOTIONAL"),
    ],
    "icebergs and stops": [
        (without(icebergQty="0.00001"), -1013, "Filter failure: ICEBERG_PARTS"),
        (without(icebergQty="0.02"), -2010, "IcebergQty exceeds QTY."),
        (without(icebergQty="0.005", timeInForce="IOC"), -1014, "Unsupported order combination"),
        (without(type="STOP_LOSS_LIMIT", trailingDelta="5"), -1013, "Filter failure: TRAILING_DELTA"),
        (without(type="STOP_LOSS_LIMIT", stopPrice="70000"), -2010, "Order would trigger immediately."),
        (without(type="TAKE_PROFIT_LIMIT", stopPrice="140000"), -2010, "Order would trigger immediately."),
    ],
}


@pytest.mark.asyncio
@pytest.mark.parametrize("group", list(RULES))
async def test_each_rule_has_its_code(trader: Trader, group: str) -> None:
    for terms, code, text in RULES[group]:
        for path in ("order", "order/test"):
            assert (terms, *await trader.post(path, **terms)) == (terms, 400, {"code": code, "msg": text})


@pytest.mark.asyncio
async def test_a_test_order_changes_nothing(trader: Trader) -> None:
    assert await trader.post("order/test", **LIMIT) == (200, {})
    _, rates = await trader.post("order/test", **LIMIT, computeCommissionRates="true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert (await trader.get("openOrders"))[1] == []


@pytest.mark.asyncio
async def test_too_many_open_orders(trader: Trader, bench: Bench) -> None:
    bench.twin.limits.orders_in_10_s = 1000
    for _ in range(5):
        stop = {"type": "STOP_LOSS_LIMIT", "stopPrice": "140000", "price": "140000", "timeInForce": "GTC"}
        await trader.order("BTCUSDT", "BUY", quantity="0.001", **stop)
    _, algo = await trader.post("order", **without(type="STOP_LOSS_LIMIT", stopPrice="140000"))
    assert algo["msg"] == "Filter failure: MAX_NUM_ALGO_ORDERS"
    for _ in range(195):
        await trader.order("BTCUSDT", "BUY", quantity="0.001", price="30000")
    assert (await trader.post("order", **LIMIT))[1]["msg"] == "Filter failure: MAX_NUM_ORDERS"
    assert len((await trader.delete("openOrders", symbol="BTCUSDT"))[1]) == 200
    assert (await trader.balance("USDT"))[1] == "0.00000000"
