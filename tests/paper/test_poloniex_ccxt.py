"""An independent client library trades on the twin; nothing but its addresses and keys is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import poloniex

from app.paper.server import TwinServer

from .ccxt_checks import (
    reads_book_trades_and_candles,
    refuses_the_unpayable,
    rests_with_our_id,
    sells_half_and_finds_both,
    tells_the_time,
    watches_books,
    watches_candles,
    watches_trades_and_ticker,
)


@pytest_asyncio.fixture
async def exchange(lively: TwinServer) -> AsyncIterator[Any]:
    first = lively.introduction()
    client = poloniex({"apiKey": first["api_key"], "secret": first["secret_key"]})
    client.urls["api"] = {
        "spot": first["rest"],
        "swap": first["rest"],
        "ws": {"public": first["ws_public"], "private": first["ws_private"]},
    }
    yield client
    await client.close()


@pytest.mark.asyncio
async def test_reads_the_market(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USDT"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-6, 0.01)
    assert btc["limits"]["cost"]["min"] == 1
    await reads_book_trades_and_candles(exchange, "BTC/USDT")
    await tells_the_time(exchange)


@pytest.mark.asyncio
async def test_reads_tickers_currencies_and_fees(exchange: Any) -> None:
    tickers = await exchange.fetch_tickers()
    assert tickers["ETH/BTC"]["bid"] < tickers["ETH/BTC"]["ask"]
    assert (await exchange.fetch_ticker("SHIB/USDT"))["last"] > 0
    assert "USDT" in await exchange.fetch_currencies()
    fees = await exchange.fetch_trading_fees()
    assert (fees["BTC/USDT"]["maker"], fees["BTC/USDT"]["taker"]) == (0.00145, 0.00155)


@pytest.mark.asyncio
async def test_places_finds_edits_and_cancels_a_limit_order(exchange: Any) -> None:
    order = await rests_with_our_id(exchange, "BTC/USDT", {"clientOrderId": "mine"}, held=900)
    edited = await exchange.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, 91000)
    canceled = await exchange.cancel_order(edited["id"], "BTC/USDT")
    assert canceled["status"] == "canceled"
    assert (await exchange.fetch_order(edited["id"], "BTC/USDT"))["status"] == "canceled"
    assert await exchange.fetch_open_orders() == []


@pytest.mark.asyncio
async def test_market_orders_by_cost_and_by_amount(exchange: Any) -> None:
    bought = await exchange.create_market_buy_order_with_cost("BTC/USDT", 1000)
    filled = await exchange.fetch_order(bought["id"], "BTC/USDT")
    assert filled["status"] == "closed" and 999 < filled["filled"] * filled["average"] <= 1000.01
    _, trades = await sells_half_and_finds_both(exchange, bought, "BTC/USDT", {"BTC", "USDT"})
    assert len(await exchange.fetch_order_trades(bought["id"])) == len([t for t in trades if t["side"] == "buy"])


@pytest.mark.asyncio
async def test_post_only_cancel_many_and_cancel_all(exchange: Any) -> None:
    terms = ("ETH/USDT", "limit", "buy", 0.1, 2000)
    maker = await exchange.create_order(*terms, {"postOnly": True})
    assert (await exchange.fetch_order(maker["id"], "ETH/USDT"))["postOnly"] is True
    orders = [{"symbol": "ETH/USDT", "type": "limit", "side": "buy", "amount": 0.1, "price": p} for p in (2000, 2001)]
    first, second = await exchange.create_orders(orders)
    await exchange.cancel_orders([first["id"]])
    canceled = await exchange.cancel_all_orders("ETH/USDT")
    assert {o["id"] for o in canceled} == {maker["id"], second["id"]}


@pytest.mark.asyncio
async def test_stop_orders(exchange: Any) -> None:
    stop = await exchange.create_order("BTC/USDT", "limit", "sell", 0.01, 50000, {"triggerPrice": 51000})
    (waiting,) = await exchange.fetch_open_orders("BTC/USDT", params={"trigger": True})
    assert (waiting["id"], waiting["triggerPrice"]) == (stop["id"], 51000)
    assert (await exchange.fetch_order(stop["id"], "BTC/USDT", {"trigger": True}))["status"] == "PENDING_NEW"
    assert (await exchange.cancel_order(stop["id"], "BTC/USDT", {"trigger": True}))["id"] == stop["id"]


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    await refuses_the_unpayable(exchange, "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.00001, 1000)


@pytest.mark.asyncio
async def test_watches_book_and_trades(exchange: Any) -> None:
    async with asyncio.timeout(10):
        await watches_books(exchange, "BTC/USDT", 20)
        await watches_trades_and_ticker(exchange, "BTC/USDT", "ETH/USDT")
        await watches_candles(exchange, "BTC/USDT")


@pytest.mark.asyncio
async def test_watches_own_orders_trades_and_balance(exchange: Any) -> None:
    async with asyncio.timeout(10):
        await exchange.load_markets()
        await exchange.authenticate()
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        balance = asyncio.create_task(exchange.watch_balance())
        while len(exchange.client(exchange.urls["api"]["ws"]["private"]).subscriptions) < 3:
            await asyncio.sleep(0.01)
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 90000)
        (told,) = await orders
        assert (told["id"], told["status"]) == (placed["id"], "open")
        assert (await balance)["USDT"] == {"free": 49100.0, "used": 900.0, "total": 50000.0}
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await exchange.cancel_order(placed["id"], "BTC/USDT")
        assert (await orders)[-1]["status"] == "canceled"
        trades = asyncio.create_task(exchange.watch_my_trades())
        await exchange.create_market_buy_order_with_cost("BTC/USDT", 100)
        assert (await trades)[-1]["side"] == "buy"


@pytest.mark.asyncio
async def test_trades_over_the_stream(exchange: Any) -> None:
    async with asyncio.timeout(10):
        placed = await exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 90000)
        assert (await exchange.fetch_order(placed["id"], "BTC/USDT"))["status"] == "open"
        canceled = await exchange.cancel_order_ws(placed["id"])
        assert canceled["id"] == placed["id"]
        assert await exchange.fetch_open_orders() == []
