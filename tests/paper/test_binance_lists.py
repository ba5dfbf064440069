"""What an account can ask for: balances, orders, own trades and their paging."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from .binance_client import Bench, Trader, opened

DAY_MS = 86_400_000


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


@pytest.mark.asyncio
async def test_the_account(trader: Trader) -> None:
    _, account = await trader.get("account")
    assert (account["canTrade"], account["accountType"], account["permissions"]) == (True, "SPOT", ["SPOT"])
    assert account["commissionRates"]["maker"] == "0.00100000" and account["makerCommission"] == 10
    assert {"asset": "USDT", "free": "50000.00000000", "locked": "0.00000000"} in account["balances"]
    await trader.order("LTCUSDT", "SELL", "MARKET", quantity="60")
    shown = (await trader.get("account"))[1]["balances"]
    hidden = (await trader.get("account", omitZeroBalances="true"))[1]["balances"]
    assert {row["asset"] for row in shown} - {row["asset"] for row in hidden} <= {"LTC"}
    assert len(hidden) <= len(shown)
    _, rates = await trader.get("account/commission", symbol="BTCUSDT")
    assert rates["standardCommission"] == {
        "maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000",
    }  # fmt: skip
    _, filters = await trader.get("myFilters", symbol="BTCUSDT")
    assert {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200} in filters["symbolFilters"]


@pytest.mark.asyncio
async def test_open_orders_of_one_symbol_and_of_all(trader: Trader) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        await trader.order(symbol, "BUY", quantity="0.01", price="60000" if symbol == "BTCUSDT" else "2000")
    _, one = await trader.get("openOrders", symbol="ETHUSDT")
    light = int(trader.headers["X-MBX-USED-WEIGHT-1M"])
    _, both = await trader.get("openOrders")
    assert int(trader.headers["X-MBX-USED-WEIGHT-1M"]) - light == 80
    assert [o["symbol"] for o in one] == ["ETHUSDT"] and [o["symbol"] for o in both] == ["BTCUSDT", "ETHUSDT"]
    assert set(both[0]) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "price", "origQty", "executedQty", "origQuoteOrderQty",
        "cummulativeQuoteQty", "status", "timeInForce", "type", "side", "stopPrice", "icebergQty", "time", "updateTime",
        "isWorking", "workingTime", "selfTradePreventionMode",
    }  # fmt: skip


@pytest.mark.asyncio
async def test_history_goes_on_from_an_id(trader: Trader) -> None:
    ids = [(await trader.order("BTCUSDT", "BUY", quantity="0.01", price=f"6000{n}"))["orderId"] for n in range(6)]
    await trader.delete("openOrders", symbol="BTCUSDT")
    _, latest = await trader.get("allOrders", symbol="BTCUSDT", limit=2)
    assert [o["orderId"] for o in latest] == ids[-2:]
    page: list[dict[str, Any]] = []
    start = 0
    while rows := (await trader.get("allOrders", symbol="BTCUSDT", orderId=start, limit=4))[1]:
        page += rows
        start = rows[-1]["orderId"] + 1
    assert [o["orderId"] for o in page] == ids and {o["status"] for o in page} == {"CANCELED"}
    now = trader.now_ms()
    for times, found in (
        ({"startTime": now - 60_000}, 3),
        ({"endTime": now + 1000}, 3),
        ({"startTime": now - 60_000, "endTime": now + 1000}, 3),
        ({"endTime": now - 60_000}, 0),
    ):
        _, rows = await trader.get("allOrders", symbol="BTCUSDT", limit=3, **times)
        assert len(rows) == found
        if "startTime" in times:
            assert [o["orderId"] for o in rows] == ids[:3]
    status, reply = await trader.get("allOrders", symbol="BTCUSDT", startTime=now - DAY_MS - 1, endTime=now)
    assert (status, reply) == (400, {"code": -1127, "msg": "More than 24 hours between startTime and endTime."})


@pytest.mark.asyncio
async def test_own_trades_go_on_from_an_id(trader: Trader) -> None:
    orders = [await trader.order("BTCUSDT", "BUY", "MARKET", quantity="0.2") for _ in range(2)]
    orders.append(await trader.order("ETHUSDT", "SELL", "MARKET", quantity="1"))
    _, trades = await trader.get("myTrades", symbol="BTCUSDT")
    assert sum(Decimal(t["qty"]) for t in trades) == Decimal("0.4") and len(trades) > 2
    assert [t["id"] for t in trades] == [f["tradeId"] for o in orders[:2] for f in o["fills"]]
    walked: list[dict[str, Any]] = []
    start = 0
    while rows := (await trader.get("myTrades", symbol="BTCUSDT", fromId=start, limit=2))[1]:
        walked += rows
        start = rows[-1]["id"] + 1
    assert walked == trades
    _, one = await trader.get("myTrades", symbol="BTCUSDT", orderId=orders[1]["orderId"])
    assert {t["orderId"] for t in one} == {orders[1]["orderId"]}
    assert (await trader.get("myTrades", symbol="BTCUSDT", limit=1))[1] == trades[-1:]
    assert (await trader.get("myTrades", symbol="BTCUSDT", fromId=1, startTime=1))[1]["code"] == -1128
    assert (await trader.get("myTrades"))[1]["code"] == -1102
    assert (await trader.get("order", symbol="ETHUSDT", orderId=orders[0]["orderId"]))[1]["code"] == -2013
    assert (await trader.get("myPreventedMatches", symbol="BTCUSDT"))[1]["code"] == -1128
