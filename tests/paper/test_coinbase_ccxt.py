"""An independent client library trades on the twin; nothing but its addresses and keys is changed (and its own pace).

What the library cannot do: watchBalance, watchMyTrades and watchOHLCV (it has none; the exchange pushes no balances
and no fills), cancelAllOrders (the exchange has none: list, then cancel in one call), streams with an Ed25519 key (it
signs ES256 there whatever the key). By default it reads balances from an older path without holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import coinbase

from .ccxt_checks import (
    reads_book_trades_and_candles,
    refuses_a_wrong_secret,
    refuses_the_unpayable,
    sells_half_and_finds_both,
    tells_the_time,
    watches_books,
    watches_trades_and_ticker,
)
from .coinbase_client import Bench, bench


def client_of(desk: Bench, kind: str = "ecdsa", *, hurried: bool = True) -> Any:
    """Hurried: without the library's own pauses between calls."""
    credentials = desk.twin.desk.keys[kind]
    client = coinbase({"apiKey": credentials.api_key, "secret": credentials.secret_key, "enableRateLimit": not hurried})
    client.urls["api"] = {"rest": desk.first["rest"], "ws": desk.first["ws_public"]}
    return client


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench(rate=200) as opened:
        yield opened


@pytest_asyncio.fixture
async def exchange(desk: Bench) -> AsyncIterator[Any]:
    client = client_of(desk)
    yield client
    await client.close()


@pytest.mark.asyncio
async def test_reads_the_market(desk: Bench) -> None:
    exchange = client_of(desk, hurried=False)
    try:
        await read_everything(exchange)
    finally:
        await exchange.close()


async def read_everything(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USD"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-8, 0.01)
    assert (btc["limits"]["cost"]["min"], btc["taker"], btc["maker"]) == (1, 0.012, 0.006)
    assert markets["REP/USD"]["active"] is False and "BTC/USDC" in markets
    await reads_book_trades_and_candles(exchange, "BTC/USD", least=50)
    await tells_the_time(exchange, 2500)
    assert (await exchange.fetch_ticker("ETH/USD"))["last"] > 0
    assert (await exchange.fetch_tickers(["BTC/USD", "ETH/USD"]))["BTC/USD"]["last"] > 0
    assert "USDC" in await exchange.fetch_currencies()


@pytest.mark.asyncio
async def test_places_finds_edits_and_cancels_a_limit_order(exchange: Any) -> None:
    order = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 90000, {"client_order_id": "mine"})
    assert (await exchange.fetch_balance())["USD"]["total"] == 50000
    balance = await exchange.fetch_balance({"v3": True})
    assert (balance["USD"]["free"], balance["USD"]["used"], balance["USD"]["total"]) == (49089.2, 910.8, 50000)
    (waiting,) = await exchange.fetch_open_orders("BTC/USD")
    assert (waiting["id"], waiting["clientOrderId"], waiting["price"]) == (order["id"], "mine", 90000)
    await exchange.edit_order(order["id"], "BTC/USD", "limit", "buy", 0.02, 91000)
    assert (await exchange.fetch_order(order["id"], "BTC/USD"))["price"] == 91000
    await exchange.cancel_order(order["id"], "BTC/USD")
    assert (await exchange.fetch_order(order["id"], "BTC/USD"))["status"] == "canceled"
    assert await exchange.fetch_open_orders() == []
    assert [o["id"] for o in await exchange.fetch_canceled_orders("BTC/USD")] == [order["id"]]


@pytest.mark.asyncio
async def test_market_orders_by_cost_and_by_amount(exchange: Any) -> None:
    bought = await exchange.create_market_buy_order_with_cost("BTC/USD", 1000)
    filled = await exchange.fetch_order(bought["id"], "BTC/USD")
    assert filled["status"] == "closed" and 980 < filled["filled"] * filled["average"] <= 988.15
    sold, trades = await sells_half_and_finds_both(exchange, bought, "BTC/USD", {"USD"})
    assert sum(t["amount"] for t in trades if t["side"] == "buy") == pytest.approx(filled["filled"])
    closed = await exchange.fetch_closed_orders("BTC/USD")
    assert [o["id"] for o in closed] == [bought["id"], sold["id"]]


@pytest.mark.asyncio
async def test_post_only_stops_previews_and_cancelling_many(exchange: Any) -> None:
    maker = await exchange.create_order("ETH/USD", "limit", "buy", 0.1, 2000, {"postOnly": True})
    assert (await exchange.fetch_order(maker["id"], "ETH/USD"))["postOnly"] is True
    stop = await exchange.create_order("ETH/USD", "limit", "sell", 0.1, 1900, {"stopLossPrice": 2000})
    waiting = await exchange.fetch_order(stop["id"], "ETH/USD")
    assert (waiting["status"], waiting["triggerPrice"]) == ("open", 2000)
    await exchange.create_order("ETH/USD", "limit", "buy", 0.1, 2000, {"preview": True})
    everything = await exchange.fetch_open_orders("ETH/USD")
    canceled = await exchange.cancel_orders([o["id"] for o in everything], "ETH/USD")
    assert {o["id"] for o in canceled} == {maker["id"], stop["id"]}
    assert await exchange.fetch_open_orders("ETH/USD") == []


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    await refuses_the_unpayable(exchange, "BTC/USD")
    with pytest.raises(ccxt.BadRequest):
        await exchange.cancel_order("12345", "BTC/USD")
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order(
            "BTC/USD", "limit", "sell", 0.01, 90000, {"stopPrice": 150000, "stop_direction": "STOP_DIRECTION_STOP_DOWN"}
        )
    await refuses_a_wrong_secret(exchange, "apiKey", "organizations/nobody/apiKeys/nothing")


@pytest.mark.asyncio
async def test_an_ed25519_key_trades_over_rest(desk: Bench) -> None:
    client = client_of(desk, "ed25519")
    try:
        order = await client.create_order("BTC/USDC", "limit", "buy", 0.01, 90000)
        assert (await client.fetch_balance({"v3": True}))["USDC"]["used"] == 910.8
        await client.cancel_order(order["id"], "BTC/USDC")
    finally:
        await client.close()


@pytest.mark.asyncio
async def test_watches_book_trades_and_tickers(exchange: Any) -> None:
    async with asyncio.timeout(15):
        await watches_books(exchange, "BTC/USD", 20, least=20_001)
        await watches_trades_and_ticker(exchange, "ETH/USD", "ETH/USD")
        assert (await exchange.watch_order_book("SOL/USDC"))["bids"]


@pytest.mark.asyncio
async def test_watches_own_orders(exchange: Any) -> None:
    async with asyncio.timeout(10):
        await exchange.load_markets()
        assert await exchange.watch_orders() == [], "the empty snapshot"
        placed = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 90000)
        assert await told(exchange, placed["id"], "open")
        await exchange.cancel_order(placed["id"], "BTC/USD")
        assert await told(exchange, placed["id"], "canceled")
        bought = await exchange.create_market_buy_order_with_cost("BTC/USD", 100)
        order = await told(exchange, bought["id"], "closed")
        assert order["filled"] > 0 and order["average"] > 0


async def told(exchange: Any, order_id: str, status: str) -> Any:
    """Wait until the library knows that the order has this status."""
    while True:
        for order in exchange.orders or []:
            if (order["id"], order["status"]) == (order_id, status):
                return order
        await exchange.watch_orders()
