"""Signed reading: balances, fees, open orders, history and fills with their paging."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .okx_client import running


@pytest.mark.asyncio
async def test_balances_fees_and_configuration() -> None:
    async with running() as here:
        (account,) = await here.trader.data("/account/balance")
        assert {row["ccy"] for row in account["details"]} == {
            "USDT", "BTC", "ETH", "SOL", "TRX", "LTC", "DOGE", "SHIB",
        }  # fmt: skip
        (account,) = await here.trader.data("/account/balance", ccy="BTC,ETH,XYZ")
        assert [(row["ccy"], row["eq"], row["availEq"]) for row in account["details"]] == [
            ("BTC", "1.5", ""),
            ("ETH", "12", ""),
        ]
        (fee,) = await here.trader.data("/account/trade-fee", instType="SPOT", instId="BTC-USDT")
        assert (fee["maker"], fee["taker"], fee["level"]) == ("-0.0008", "-0.001", "Lv1"), "negative: you pay"
        (config,) = await here.trader.data("/account/config")
        assert (config["acctLv"], config["acctStpMode"], config["uid"]) == ("1", "cancel_maker", "10001")
        assert await here.trader.data("/asset/balances") == []
        assert (await here.trader.data("/trade/account-rate-limit"))[0]["accRateLimit"] == "1000"


@pytest.mark.asyncio
async def test_open_orders_page_by_order_id() -> None:
    async with running() as here:
        trader = here.trader
        ids = [await trader.order("BTC-USDT", "buy", "limit", "0.001", str(94000 + n)) for n in range(5)]
        ids.append(await trader.order("ETH-USDT", "buy", "post_only", "0.1", "3500"))

        async def listed(**query: Any) -> list[str]:
            return [row["ordId"] for row in await trader.data("/trade/orders-pending", **query)]

        assert await listed() == await listed(instType="SPOT") == ids[::-1]
        assert await listed(instId="ETH-USDT") == await listed(ordType="post_only,ioc") == ids[5:]
        assert await listed(limit=2) == [ids[5], ids[4]]
        assert await listed(limit=2, after=ids[4]) == [ids[3], ids[2]]
        assert await listed(before=ids[3]) == [ids[5], ids[4]]
        assert await listed(instType="MARGIN") == await listed(state="partially_filled") == []
        for query in ({"limit": 101}, {"after": "x"}, {"instType": "STOCK"}):
            assert (await trader.get("/trade/orders-pending", **query))["code"] == "51000"


@pytest.mark.asyncio
async def test_history_holds_what_is_finished() -> None:
    async with running() as here:
        trader = here.trader
        filled = await trader.order("BTC-USDT", "buy", "market", "100")
        gone = await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        await trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": gone})
        await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000")
        for path in ("/trade/orders-history", "/trade/orders-history-archive"):
            rows = await trader.data(path, instType="SPOT")
            assert [(r["ordId"], r["state"]) for r in rows] == [(gone, "canceled"), (filled, "filled")]
            assert [r["ordId"] for r in await trader.data(path, instType="SPOT", state="filled")] == [filled]
            assert await trader.data(path, instType="SPOT", begin=trader.now_ms() + 1000) == []
        assert (await trader.get("/trade/orders-history"))["code"] == "50014"


@pytest.mark.asyncio
async def test_a_cancelled_order_without_a_fill_is_forgotten_after_two_hours() -> None:
    async with running() as here:
        trader = here.trader
        order_id = await trader.order("BTC-USDT", "buy", "limit", "0.01", "95000", clOrdId="old")
        await trader.post("/trade/cancel-order", {"instId": "BTC-USDT", "ordId": order_id})
        assert (await trader.look_up("BTC-USDT", order_id))["state"] == "canceled"
        here.twin.desk.venue.ledger("1001").orders[int(order_id)].updated_ms -= 2 * 3_600_000 + 1000
        for name in ({"ordId": order_id}, {"clOrdId": "old"}, {"ordId": "12345"}, {"ordId": "x"}):
            reply = await trader.get("/trade/order", instId="BTC-USDT", **name)
            assert (trader.status, reply["code"], reply["msg"]) == (200, "51603", "Order does not exist")
        assert await trader.data("/trade/orders-history", instType="SPOT") == []
        assert (await trader.get("/trade/order", instId="BTC-USDT"))["code"] == "51003"


@pytest.mark.asyncio
async def test_fills_page_by_bill_id() -> None:
    async with running() as here:
        trader = here.trader
        bought = await trader.order("BTC-USDT", "buy", "market", "30000")
        sold = await trader.order("ETH-USDT", "sell", "market", "5")
        rows = await trader.data("/trade/fills", instType="SPOT")
        assert {row["ordId"] for row in rows} == {bought, sold} and len(rows) > 3
        bills = [int(row["billId"]) for row in rows]
        assert bills == sorted(bills, reverse=True)
        pages: list[dict[str, Any]] = []
        while page := await trader.data("/trade/fills", limit=2, **({"after": pages[-1]["billId"]} if pages else {})):
            pages += page
        assert pages == rows
        assert await trader.data("/trade/fills", before=rows[2]["billId"]) == rows[:2]
        sales = await trader.data("/trade/fills", instId="ETH-USDT")
        assert sum(Decimal(row["fillSz"]) for row in sales) == 5
        for row in sales:
            cost = Decimal(row["fillPx"]) * Decimal(row["fillSz"])
            assert (Decimal(row["fee"]), row["feeCcy"], row["feeRate"]) == (-cost * Decimal("0.001"), "USDT", "-0.001")
            assert (row["execType"], row["subType"], row["side"]) == ("T", "2", "sell")
        assert await trader.data("/trade/fills-history", instType="SPOT") == rows
        assert (await trader.get("/trade/fills-history"))["code"] == "50014"
        assert await trader.data("/trade/fills", end=int(rows[-1]["ts"]) - 1) == []
