"""An independent client library trades on the OKX twin; nothing but its addresses and keys is changed.

What it cannot do there: cancel_all_orders, because the exchange has none for spot and the library does not offer it
(over the socket it is for options only); its self-trade mode NONE, which the exchange has not; amended stop orders,
oco, trailing, iceberg, twap and attached take-profits, which this twin refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import okx

from .ccxt_checks import (
    load_markets_once,
    reads_book_trades_and_candles,
    refuses_a_wrong_secret,
    refuses_the_unpayable,
    rests_with_our_id,
    sells_half_and_finds_both,
    tells_the_time,
    watches_books,
    watches_candles,
    watches_trades_and_ticker,
)
from .okx_client import Running, running


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Running]:
    async with running(400) as here:
        yield here


@pytest_asyncio.fixture
async def exchange(here: Running) -> AsyncIterator[Any]:
    trader = here.trader
    client = okx({"apiKey": trader.key, "secret": trader.secret, "password": trader.passphrase})
    client.urls["api"] = {"rest": trader.rest, "ws": trader.sockets["public"].removesuffix("/public")}
    await load_markets_once(client)
    yield client
    await client.close()


@pytest.mark.asyncio
async def test_reads_the_market(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USDT"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-8, 0.1)
    assert btc["limits"]["amount"]["min"] == 1e-5 and btc["spot"]
    candles = await reads_book_trades_and_candles(exchange, "BTC/USDT")
    days = await exchange.fetch_ohlcv("BTC/USDT", "1d", since=candles[-1][0] - 5 * 86_400_000, limit=3)
    assert len(days) == 3 and all(day[0] % 86_400_000 == 0 for day in days)
    await tells_the_time(exchange)
    assert (await exchange.fetch_status())["status"] == "ok"


@pytest.mark.asyncio
async def test_reads_tickers_currencies_fees_and_balance(exchange: Any) -> None:
    tickers = await exchange.fetch_tickers()
    assert tickers["ETH/BTC"]["bid"] < tickers["ETH/BTC"]["ask"]
    assert (await exchange.fetch_ticker("SHIB/USDT"))["last"] > 0
    assert "USDT" in await exchange.fetch_currencies()
    fee = await exchange.fetch_trading_fee("BTC/USDT")
    assert (fee["maker"], fee["taker"]) == (0.0008, 0.001)
    assert (await exchange.fetch_accounts())[0]["type"] == "1"
    assert (await exchange.fetch_balance())["BTC"] == {"free": 1.5, "used": 0.0, "total": 1.5}


@pytest.mark.asyncio
async def test_places_finds_edits_and_cancels_a_limit_order(exchange: Any) -> None:
    order = await rests_with_our_id(exchange, "BTC/USDT", {"clientOrderId": "mine"}, held=900)
    edited = await exchange.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, 91000)
    assert edited["id"] == order["id"]
    assert (await exchange.fetch_order(order["id"], "BTC/USDT"))["amount"] == 0.02
    assert (await exchange.cancel_order(order["id"], "BTC/USDT"))["id"] == order["id"]
    assert (await exchange.fetch_order(order["id"], "BTC/USDT"))["status"] == "canceled"
    assert await exchange.fetch_open_orders() == []
    assert [o["id"] for o in await exchange.fetch_canceled_orders("BTC/USDT")] == [order["id"]]


@pytest.mark.asyncio
async def test_market_orders_by_cost_and_by_amount(exchange: Any) -> None:
    bought = await exchange.create_market_buy_order_with_cost("BTC/USDT", 1000)
    filled = await exchange.fetch_order(bought["id"], "BTC/USDT")
    assert filled["status"] == "closed" and 999 < filled["filled"] * filled["average"] <= 1000.01
    sold, trades = await sells_half_and_finds_both(exchange, bought, "BTC/USDT", {"BTC", "USDT"})
    mine = await exchange.fetch_order_trades(bought["id"], "BTC/USDT")
    assert len(mine) == len([t for t in trades if t["side"] == "buy"])
    closed = await exchange.fetch_closed_orders("BTC/USDT")
    assert {o["id"] for o in closed} == {bought["id"], sold["id"]}


@pytest.mark.asyncio
async def test_post_only_and_cancelling_many(exchange: Any) -> None:
    terms = ("ETH/USDT", "limit", "buy", 0.1, 3000)
    maker = await exchange.create_order(*terms, {"postOnly": True})
    assert (await exchange.fetch_order(maker["id"], "ETH/USDT"))["postOnly"] is True
    orders = [{"symbol": "ETH/USDT", "type": "limit", "side": "buy", "amount": 0.1, "price": p} for p in (3000, 3001)]
    first, second = await exchange.create_orders(orders)
    canceled = await exchange.cancel_orders([maker["id"], first["id"], second["id"]], "ETH/USDT")
    assert {o["id"] for o in canceled} == {maker["id"], first["id"], second["id"]}
    assert await exchange.fetch_open_orders("ETH/USDT") == []
    assert exchange.has["cancelAllOrders"] is False, "the exchange has none for spot"
    with pytest.raises(ccxt.NotSupported):
        await exchange.cancel_all_orders("ETH/USDT")
    switch = await exchange.cancel_all_orders_after(30_000)
    assert int(switch["data"][0]["triggerTime"]) > exchange.milliseconds()


@pytest.mark.asyncio
async def test_stop_orders(exchange: Any) -> None:
    stop = await exchange.create_order("BTC/USDT", "limit", "sell", 0.01, 94000, {"triggerPrice": 94500})
    (waiting,) = await exchange.fetch_open_orders("BTC/USDT", params={"trigger": True})
    assert (waiting["id"], waiting["triggerPrice"]) == (stop["id"], 94500)
    assert (await exchange.fetch_order(stop["id"], "BTC/USDT", {"trigger": True}))["status"] == "open"
    assert (await exchange.cancel_order(stop["id"], "BTC/USDT", {"trigger": True}))["id"] == stop["id"]
    spot_mode = {"stopLossPrice": 80000, "tdMode": "cash"}  # by itself the library asks for margin here
    loss = await exchange.create_order("BTC/USDT", "market", "sell", 0.01, None, spot_mode)
    (waiting,) = await exchange.fetch_open_orders("BTC/USDT", params={"trigger": True, "ordType": "conditional"})
    assert (waiting["id"], waiting["stopLossPrice"]) == (loss["id"], 80000)


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    await refuses_the_unpayable(exchange, "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 150000)
    await refuses_a_wrong_secret(exchange, "password")


@pytest.mark.asyncio
async def test_watches_book_trades_ticker_and_candles(exchange: Any) -> None:
    async with asyncio.timeout(10):
        assert (await watches_books(exchange, "BTC/USDT", 10))["nonce"] > 0
        small = await exchange.watch_order_book("ETH/USDT", 5)
        assert len(small["asks"]) == 5
        await watches_trades_and_ticker(exchange, "BTC/USDT", "ETH/USDT")
        await watches_candles(exchange, "BTC/USDT")


@pytest.mark.asyncio
async def test_watches_own_orders_trades_and_balance(exchange: Any, here: Running) -> None:
    async with asyncio.timeout(10):
        balance = await exchange.watch_balance()
        assert balance["USDT"] == {"free": 50000.0, "used": 0.0, "total": 50000.0}
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        while not here.twin.feed.listeners("orders", "1001"):
            await asyncio.sleep(0.01)
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 90000)
        (told,) = await orders
        assert (told["id"], told["status"]) == (placed["id"], "open")
        while balance["USDT"]["used"] != 900.0:
            balance = await exchange.watch_balance()
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await exchange.cancel_order(placed["id"], "BTC/USDT")
        assert (await orders)[-1]["status"] == "canceled"
        trades = asyncio.create_task(exchange.watch_my_trades("BTC/USDT"))
        while not trades.done():
            await exchange.create_market_buy_order_with_cost("BTC/USDT", 100)
        assert (await trades)[-1]["side"] == "buy"


@pytest.mark.asyncio
async def test_trades_over_the_stream(exchange: Any) -> None:
    async with asyncio.timeout(10):
        placed = await exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 90000)
        assert (await exchange.fetch_order(placed["id"], "BTC/USDT"))["status"] == "open"
        edited = await exchange.edit_order_ws(placed["id"], "BTC/USDT", "limit", "buy", 0.02, 91000)
        assert edited["id"] == placed["id"]
        canceled = await exchange.cancel_order_ws(placed["id"], "BTC/USDT")
        assert canceled["id"] == placed["id"]
        assert await exchange.fetch_open_orders() == []
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order_ws("BTC/USDT", "limit", "buy", 10, 90000)
