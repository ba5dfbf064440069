"""What can be read back: balances, fees, open orders, history and own trades, page by page."""

from __future__ import annotations

import pytest

from app.paper.dialects.poloniex import PoloniexTwin

from .poloniex_client import Trader

DAY_MS = 86_400_000


async def place(trader: Trader, count: int, symbol: str = "BTC_USDT") -> list[str]:
    price = {"BTC_USDT": "50000", "ETH_USDT": "2000"}[symbol]
    return [await trader.order(symbol, "BUY", type="LIMIT", price=price, quantity="0.01") for _ in range(count)]


@pytest.mark.asyncio
async def test_balances_and_fees(trader: Trader) -> None:
    _, accounts = await trader.get("/accounts/balances", accountType="SPOT")
    assert accounts[0]["accountType"] == "SPOT" and isinstance(accounts[0]["accountId"], str)
    rows = {row["currency"]: row for row in accounts[0]["balances"]}
    assert (rows["USDT"]["available"], rows["USDT"]["hold"]) == ("50000", "0")
    assert (rows["BTC"]["available"], rows["SHIB"]["available"]) == ("1.5", "250000000")
    assert isinstance(rows["BTC"]["currencyId"], str)
    _, fees = await trader.get("/feeinfo")
    assert fees == {"trxDiscount": False, "makerRate": "0.00145", "takerRate": "0.00155", "volume30D": "0"}


@pytest.mark.asyncio
async def test_open_orders_page_both_ways(trader: Trader) -> None:
    ids = await place(trader, 4)
    other = (await place(trader, 1, "ETH_USDT"))[0]

    async def listed(**params: object) -> list[str]:
        status, rows = await trader.get("/orders", **params)
        assert status == 200
        return [row["id"] for row in rows]

    assert await listed() == [other, *ids[::-1]]
    assert await listed(symbol="BTC_USDT", side="BUY", limit=2) == [ids[3], ids[2]]
    assert await listed(**{"from": ids[2], "symbol": "BTC_USDT"}) == [ids[1], ids[0]]
    assert await listed(**{"from": ids[0], "direction": "NEXT", "limit": 2}) == [ids[2], ids[1]]
    assert await listed(side="SELL") == []


@pytest.mark.asyncio
async def test_bad_limits_and_filters(trader: Trader) -> None:
    for params, code in (
        ({"limit": 2001}, 21344),
        ({"limit": 0}, 21345),
        ({"side": "UP"}, 21319),
        ({"symbol": "NO_SUCH"}, 10040),
        ({"from": "abc"}, 21346),
    ):
        assert (await trader.get("/orders", **params))[1]["code"] == code


@pytest.mark.asyncio
async def test_history_holds_finished_orders_only(trader: Trader) -> None:
    canceled, waiting = await place(trader, 2)
    await trader.delete(f"/orders/{canceled}")
    filled = await trader.order("ETH_USDT", "BUY", amount="50")
    _, rows = await trader.get("/orders/history")
    assert [(r["id"], r["state"], r["orderSource"]) for r in rows] == [
        (filled, "FILLED", "API"),
        (canceled, "CANCELED", "API"),
    ]
    assert waiting not in [r["id"] for r in rows]
    assert [r["id"] for r in (await trader.get("/orders/history", states="CANCELED,FAILED"))[1]] == [canceled]
    assert [r["id"] for r in (await trader.get("/orders/history", hideCancel="true"))[1]] == [filled]
    assert [r["id"] for r in (await trader.get("/orders/history", type="MARKET"))[1]] == [filled]
    now = trader.now_ms()
    assert (await trader.get("/orders/history", startTime=now - 8 * DAY_MS, endTime=now))[1]["code"] == 21355
    assert (await trader.get("/orders/history", endTime=now - DAY_MS))[1] == []


@pytest.mark.asyncio
async def test_own_trades_page_by_page_id(trader: Trader) -> None:
    orders = [await trader.order("ETH_USDT", "BUY", amount="50", clientOrderId=f"n{n}") for n in range(5)]
    _, trades = await trader.get("/trades", symbols="ETH_USDT,BTC_USDT")
    assert [t["orderId"] for t in trades] == orders[::-1]
    first = trades[0]
    assert (first["symbol"], first["side"], first["type"], first["matchRole"]) == ("ETH_USDT", "BUY", "MARKET", "TAKER")
    assert (first["feeCurrency"], first["clientOrderId"], first["pageId"]) == ("ETH", "n4", first["id"])
    paged, start = [], "0"
    while True:
        _, page = await trader.get("/trades", limit=2, direction="PRE", **{"from": start})
        if not page:
            break
        paged += page
        start = page[-1]["pageId"]
    assert paged == trades
    assert (await trader.get("/trades", symbols="BTC_USDT"))[1] == []


@pytest.mark.asyncio
async def test_trade_windows(trader: Trader) -> None:
    await trader.order("ETH_USDT", "BUY", amount="50")
    now = trader.now_ms()
    assert len((await trader.get("/trades", startTime=now - DAY_MS))[1]) == 1
    assert (await trader.get("/trades", endTime=now - DAY_MS))[1] == []
    assert (await trader.get("/trades", startTime=now - 91 * DAY_MS, endTime=now))[1]["code"] == 21355
    assert (await trader.get("/trades", startTime=now, endTime=now - 1))[1]["code"] == 24105


@pytest.mark.asyncio
async def test_rest_and_stream_number_a_fill_differently(trader: Trader, twin: PoloniexTwin) -> None:
    order_id = await trader.order("ETH_USDT", "BUY", amount="50")
    _, (trade,) = await trader.get(f"/orders/{order_id}/trades")
    _, public = await trader.public("/markets/ETH_USDT/trades", limit=1)
    assert (trade["price"], trade["quantity"]) == (public[0]["price"], public[0]["quantity"])
    assert len(trade["id"]) > 15 > len(public[0]["id"])
