"""Wallets, orders, fills and fees over REST, with their pages; limits and the twin's other answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from .coinbase_client import API, Bench, Trader, bench


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest_asyncio.fixture
async def trader(desk: Bench) -> Trader:
    return desk.trader


def hours(ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.asyncio
async def test_wallets_come_in_pages_and_some_that_matter_on_the_second(trader: Trader) -> None:
    _, page = await trader.get("/accounts")
    assert (len(page["accounts"]), page["size"], page["has_next"]) == (49, 49, True)
    first = {row["currency"] for row in page["accounts"]}
    assert "BTC" in first and "USD" not in first
    _, rest = await trader.get("/accounts", cursor=page["cursor"])
    assert (rest["has_next"], rest["cursor"]) == (False, "")
    second = {row["currency"]: row for row in rest["accounts"]}
    assert "USD" in second and not first & second.keys()
    dollars = second["USD"]
    assert dollars["available_balance"] == {"value": "50000", "currency": "USD"}
    assert dollars["hold"] == {"value": "0", "currency": "USD"}
    assert dollars["type"] == "ACCOUNT_TYPE_FIAT" and second["USDC"]["type"] == "ACCOUNT_TYPE_CRYPTO"
    status, one = await trader.get(f"/accounts/{dollars['uuid']}")
    assert (status, one) == (200, {"account": dollars})
    assert (await trader.get("/accounts/nobody"))[0] == 404
    _, other = await trader.get("/accounts", retail_portfolio_id="another")
    assert other["accounts"] == []


@pytest.mark.asyncio
async def test_orders_by_status_product_and_page(trader: Trader) -> None:
    resting = [await trader.limit("BUY", "0.01", str(80000 + n)) for n in range(3)]
    doge = await trader.limit("SELL", "100", "0.9", "DOGE-USD")
    filled = await trader.order("ETH-USD", "SELL", "market_market_ioc", base_size="0.01")
    await trader.post("/orders/batch_cancel", {"order_ids": [doge]})

    async def ids(**params: Any) -> list[str]:
        status, page = await trader.get("/orders/historical/batch", **params)
        assert status == 200 and page["sequence"] == "0"
        return [row["order_id"] for row in page["orders"]]

    newest_first = [filled, doge, *resting[::-1]]
    assert await ids() == newest_first
    assert await ids(order_status="OPEN") == resting[::-1]
    assert await ids(order_status=["FILLED", "CANCELLED"]) == [filled, doge]
    assert await ids(product_ids=["DOGE-USD", "ETH-USD"]) == [filled, doge]
    assert await ids(product_id="DOGE-USD", order_side="SELL") == [doge]
    assert await ids(order_types="MARKET") == [filled] == await ids(time_in_forces="IMMEDIATE_OR_CANCEL")
    assert await ids(order_ids=resting[0]) == [resting[0]]
    assert await ids(product_type="FUTURE") == []
    assert await ids(start_date=hours(1)) == [] == await ids(end_date=hours(-1))
    assert await ids(order_status="OPEN", start_date=hours(1)) == resting[::-1], "dates are ignored with OPEN"
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        _, page = await trader.get("/orders/historical/batch", limit=2, cursor=cursor)
        seen += [row["order_id"] for row in page["orders"]]
        cursor = page["cursor"]
        assert page["has_next"] is bool(cursor)
    assert (seen, cursor) == (newest_first, "")
    for wrong in ({"order_status": ["OPEN", "FILLED"]}, {"order_status": "DONE"}, {"start_date": "yesterday"}):
        assert (await trader.get("/orders/historical/batch", **wrong))[0] == 400


@pytest.mark.asyncio
async def test_an_unknown_order_is_not_found(trader: Trader) -> None:
    status, error = await trader.get("/orders/historical/a1b2c3d4-e5f6-7890-abcd-ef1234567890")
    assert (status, error["error"], error["code"]) == (404, "NOT_FOUND", 5)
    assert error["message"] == "order with this orderID was not found"


@pytest.mark.asyncio
async def test_fills_tell_what_the_stream_does_not(trader: Trader) -> None:
    buy = await trader.order("ETH-USD", "BUY", "market_market_ioc", base_size="3")
    sell = await trader.order("ETH-USD", "SELL", "market_market_ioc", base_size="0.5")
    order = await trader.look(buy)
    _, page = await trader.get("/orders/historical/fills", order_ids=buy)
    fills = page["fills"]
    assert len(fills) == int(order["number_of_fills"]) >= 1
    assert sum(Decimal(row["size"]) for row in fills) == 3
    assert sum(Decimal(row["commission"]) for row in fills) == Decimal(order["total_fees"])
    value = sum(Decimal(row["price"]) * Decimal(row["size"]) for row in fills)
    assert value == Decimal(order["filled_value"])
    assert {row["liquidity_indicator"] for row in fills} == {"TAKER"}
    assert {(row["trade_type"], row["side"], row["size_in_quote"]) for row in fills} == {("FILL", "BUY", False)}
    assert len({row["entry_id"] for row in fills}) == len(fills)
    _, newest = await trader.get("/orders/historical/fills", limit=1)
    assert newest["fills"][0]["order_id"] == sell and newest["cursor"]
    seen = newest["fills"]
    cursor = newest["cursor"]
    while cursor:
        _, more = await trader.get("/orders/historical/fills", limit=1, cursor=cursor)
        seen, cursor = seen + more["fills"], more["cursor"]
    _, everything = await trader.get("/orders/historical/fills", product_ids="ETH-USD")
    assert seen == everything["fills"]
    _, one = await trader.get("/orders/historical/fills", trade_ids=fills[0]["trade_id"])
    assert one["fills"] == fills[:1]
    _, none = await trader.get("/orders/historical/fills", start_sequence_timestamp=hours(1))
    assert none == {"fills": [], "cursor": ""}


@pytest.mark.asyncio
async def test_the_fee_summary_counts_what_was_traded(trader: Trader) -> None:
    _, before = await trader.get("/transaction_summary", product_type="SPOT")
    assert before["total_volume"] == 0 and before["total_balance"] == "50000"
    assert before["fee_tier"] == {
        "pricing_tier": "Intro 1",
        "usd_from": "0",
        "usd_to": "1000",
        "taker_fee_rate": "0.012",
        "maker_fee_rate": "0.006",
        "aop_from": "0",
        "aop_to": "10000",
    }
    order = await trader.look(await trader.order("BTC-USD", "BUY", "market_market_ioc", quote_size="500"))
    _, after = await trader.get("/transaction_summary")
    assert after["total_volume"] == pytest.approx(float(order["filled_value"]))
    assert after["total_fees"] == pytest.approx(float(order["total_fees"]))


@pytest.mark.asyncio
async def test_thirty_private_calls_a_second_and_ten_public_ones(trader: Trader) -> None:
    statuses = [(await trader.get("/key_permissions"))[0] for _ in range(45)]
    assert statuses[:30] == [200] * 30 and 429 in statuses
    assert (await trader.public("/products", limit=1))[0] == 200, "another bucket"
    assert (trader.headers["x-ratelimit-limit"], trader.headers["x-ratelimit-remaining"]) == ("10", "9")
    answers = [await trader.public("/product_book", product_id="BTC-USD", limit=1) for _ in range(20)]
    refused = [body for status, body in answers if status == 429]
    assert refused[0] == {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    while (await trader.public("/products", limit=1))[0] != 429:
        pass
    assert (trader.headers["x-ratelimit-remaining"], trader.headers["x-ratelimit-reset"]) == ("0", "1")


@pytest.mark.asyncio
async def test_unknown_paths_and_bodies(desk: Bench, trader: Trader) -> None:
    async with desk.session.get(f"{trader.rest}{API}/convert/quote") as reply:
        assert reply.status == 404
        assert (await reply.json())["errors"][0]["id"] == "not_found"
    headers = trader.authorization("POST", f"{API}/orders")
    async with desk.session.post(f"{trader.rest}{API}/orders", headers=headers, data=b"{") as reply:
        assert (reply.status, (await reply.json())["error"]) == (400, "INVALID_ARGUMENT")
    assert (await trader.get("/accounts", limit="many"))[0] == 400
