"""An independent client library trades on the Crypto.com twin; nothing but its addresses and keys is changed.

What it cannot do there:
- fetch_time, fetch_status: the exchange has neither;
- book updates: it sends the subscription type under a camelCase name, which is ignored, so it gets whole books;
- order books of other depths than 10 and 50 over the socket;
- `clientOrderId` when creating: it drops it, while `client_oid` goes through;
- trigger orders: it still sends them to private/create-order, which refuses them since 2025-12;
- a second order request over one socket: it takes it for a repeated subscription and does not send it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import cryptocom

from .ccxt_checks import (
    load_markets_once,
    reads_book_trades_and_candles,
    refuses_a_wrong_secret,
    rests_with_our_id,
    sells_half_and_finds_both,
    watches_books,
    watches_candles,
    watches_trades_and_ticker,
)
from .crypto_com_client import Running, running


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Running]:
    async with running(400) as here:
        yield here


@pytest_asyncio.fixture
async def exchange(here: Running) -> AsyncIterator[Any]:
    trader = here.trader
    client = cryptocom({"apiKey": trader.key, "secret": trader.secret})
    client.urls["api"] |= {
        "v1": f"{trader.rest}/exchange/v1",
        "ws": {"public": trader.sockets["market"], "private": trader.sockets["user"]},
    }
    await load_markets_once(client)
    yield client
    await client.close()


@pytest.mark.asyncio
async def test_reads_the_market(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USDT"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-5, 0.01)
    assert markets["BTC/USD:USD"]["swap"] and markets["BTC/USD"]["spot"]
    candles = await reads_book_trades_and_candles(exchange, "BTC/USDT", 20, 20)
    since = candles[-1][0] - 50 * 3_600_000
    part = await exchange.fetch_ohlcv("BTC/USDT", "1h", since=since, limit=5)
    assert part and part[0][0] >= since


@pytest.mark.asyncio
async def test_reads_tickers_currencies_fees_and_balance(exchange: Any) -> None:
    tickers = await exchange.fetch_tickers()
    assert tickers["ETH/BTC"]["bid"] < tickers["ETH/BTC"]["ask"]
    assert (await exchange.fetch_ticker("SHIB/USDT"))["last"] > 0
    assert "USDT" in await exchange.fetch_currencies()
    fee = await exchange.fetch_trading_fee("BTC/USDT")
    assert (fee["maker"], fee["taker"]) == (0.00065, 0.00069)
    assert (await exchange.fetch_trading_fees())["ETH/USDT"]["taker"] == 0.00069
    assert (await exchange.fetch_balance())["BTC"] == {"free": 1.5, "used": 0.0, "total": 1.5}
    assert await exchange.fetch_positions() == []


@pytest.mark.asyncio
async def test_places_finds_edits_and_cancels_a_limit_order(exchange: Any) -> None:
    order = await rests_with_our_id(exchange, "BTC/USDT", {"client_oid": "mine"}, held=900)
    assert (order["status"], order["timeInForce"], order["postOnly"]) == ("open", "GTC", False)
    edited = await exchange.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, 91000)
    assert edited["id"] == order["id"]
    assert (await exchange.fetch_order(order["id"], "BTC/USDT"))["amount"] == 0.02
    assert (await exchange.cancel_order(order["id"], "BTC/USDT"))["id"] == order["id"]
    assert (await exchange.fetch_order(order["id"], "BTC/USDT"))["status"] == "canceled"
    assert await exchange.fetch_open_orders() == []
    assert [o["id"] for o in await exchange.fetch_orders("BTC/USDT")] == [order["id"]]


@pytest.mark.asyncio
async def test_market_orders_and_own_trades(exchange: Any) -> None:
    bought = await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
    filled = await exchange.fetch_order(bought["id"], "BTC/USDT")
    assert (filled["status"], filled["filled"]) == ("closed", 0.01)
    _, trades = await sells_half_and_finds_both(exchange, bought, "BTC/USDT", {"BTC", "USDT"})
    assert {t["takerOrMaker"] for t in trades} == {"taker"}


@pytest.mark.asyncio
async def test_post_only_and_cancelling_many(exchange: Any) -> None:
    maker = await exchange.create_order("ETH/USDT", "limit", "buy", 0.1, 3000, {"postOnly": True})
    assert (await exchange.fetch_order(maker["id"], "ETH/USDT"))["postOnly"] is True
    orders = [{"symbol": "ETH/USDT", "type": "limit", "side": "buy", "amount": 0.1, "price": p} for p in (3000, 3001)]
    orders += [{"symbol": "BTC/USDT", "type": "market", "side": "buy", "amount": 500, "params": {"cost": 500}}]
    first, second, market = await exchange.create_orders(orders)
    assert (await exchange.fetch_order(market["id"], "BTC/USDT"))["status"] == "closed"
    gone = await exchange.cancel_orders([maker["id"], first["id"]], "ETH/USDT")
    assert len(gone) == 2
    (left,) = await exchange.fetch_open_orders("ETH/USDT")
    assert left["id"] == second["id"]
    await exchange.cancel_all_orders("ETH/USDT")
    assert await exchange.fetch_open_orders("ETH/USDT") == []


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USDT", "limit", "buy", 10, 90000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 150000)
    with pytest.raises(ccxt.ExchangeError, match="INVALID_ORDTYPE"):
        await exchange.create_order("BTC/USDT", "limit", "sell", 0.01, 80000, {"triggerPrice": 81000})
    await refuses_a_wrong_secret(exchange)


@pytest.mark.asyncio
async def test_watches_book_trades_ticker_and_candles(exchange: Any) -> None:
    async with asyncio.timeout(10):
        assert (await watches_books(exchange, "BTC/USDT", 3))["nonce"] > 0
        await watches_trades_and_ticker(exchange, "BTC/USDT", "ETH/USDT")
        await watches_candles(exchange, "BTC/USDT")


@pytest.mark.asyncio
async def test_watches_own_orders_trades_and_balance(exchange: Any, here: Running) -> None:
    async with asyncio.timeout(10):
        balance = await exchange.watch_balance()
        assert balance["USDT"] == {"free": 50000.0, "used": 0.0, "total": 50000.0}
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        while not here.twin.feed.is_heard("user.order", "1001"):
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
        while not here.twin.feed.is_heard("user.trade", "1001"):
            await asyncio.sleep(0.01)
        await exchange.create_order("BTC/USDT", "market", "buy", 0.001)
        assert (await trades)[-1]["amount"] <= 0.001


@pytest.mark.asyncio
async def test_trades_over_the_stream(exchange: Any, here: Running) -> None:
    def forget_request() -> None:
        """Without this the library does not send its next request (see above)."""
        exchange.clients[here.trader.sockets["user"]].subscriptions.pop(True)

    async with asyncio.timeout(10):
        placed = await exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 90000)
        assert (await exchange.fetch_order(placed["id"], "BTC/USDT"))["status"] == "open"
        forget_request()
        edited = await exchange.edit_order_ws(placed["id"], "BTC/USDT", "limit", "buy", 0.02, 91000)
        assert edited["id"] == placed["id"]
        forget_request()
        assert (await exchange.cancel_order_ws(placed["id"], "BTC/USDT"))["id"] == placed["id"]
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 90000)
        forget_request()
        assert (await exchange.cancel_all_orders_ws("BTC/USDT"))["code"] == 0
        assert await exchange.fetch_open_orders() == []
        forget_request()
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order_ws("BTC/USDT", "limit", "buy", 10, 90000)
