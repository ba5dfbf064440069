"""An independent client library trades on the twin; nothing but its addresses and keys is changed.

Its addresses are those of its sandbox, where the exchange has no /sapi either. What it cannot do here: name filter
failures precisely (its spot error table belongs to the exchange's host names, so -1013 is a BadRequest), read balances
over the WebSocket API (it forgets to say that the answer is one of spot, so only `info` holds them), amend in place and
cancel the orders of all symbols (it offers neither for spot; the latter does not exist).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import binance

from .binance_client import Bench, opened
from .ccxt_checks import (
    reads_book_trades_and_candles,
    refuses_a_wrong_secret,
    sells_half_and_finds_both,
    tells_the_time,
    watches_books,
)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened(rate=400) as bench:
        yield bench


def client_of(bench: Bench, kind: str) -> Any:
    credentials = bench.twin.keys.credentials(kind)
    client = binance({"apiKey": credentials.api_key, "secret": credentials.secret_key})
    rest, spot = bench.trader.rest, bench.trader.ws_public
    client.urls["test"] = {
        "public": f"{rest}/api/v3",
        "private": f"{rest}/api/v3",
        "fapiPublic": f"{rest}/fapi/v1",
        "dapiPublic": f"{rest}/dapi/v1",
        "ws": {"spot": spot, "ws-api": {"spot": bench.trader.ws_api}},
    }
    client.set_sandbox_mode(True)
    return client


@pytest_asyncio.fixture
async def exchange(bench: Bench) -> AsyncIterator[Any]:
    client = client_of(bench, "hmac")
    yield client
    await client.close()


@pytest.mark.asyncio
async def test_reads_the_market(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USDT"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-5, 0.01)
    assert (btc["limits"]["cost"]["min"], markets["TRX/USDT"]["limits"]["cost"]["min"]) == (5, 5)
    await reads_book_trades_and_candles(exchange, "BTC/USDT")
    await tells_the_time(exchange)
    tickers = await exchange.fetch_tickers()
    assert tickers["ETH/BTC"]["bid"] < tickers["ETH/BTC"]["ask"]
    assert (await exchange.fetch_bids_asks(["SHIB/USDT"]))["SHIB/USDT"]["bid"] > 0
    assert (await exchange.fetch_last_prices(["SHIB/USDT"]))["SHIB/USDT"]["price"] > 0


@pytest.mark.asyncio
async def test_places_finds_edits_and_cancels_a_limit_order(exchange: Any) -> None:
    order = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60000, {"clientOrderId": "mine"})
    balance = await exchange.fetch_balance()
    assert (balance["USDT"]["free"], balance["USDT"]["used"]) == (49400, 600)
    (waiting,) = await exchange.fetch_open_orders("BTC/USDT")
    assert (waiting["id"], waiting["clientOrderId"], waiting["price"]) == (order["id"], "mine", 60000)
    edited = await exchange.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, 61000)
    canceled = await exchange.cancel_order(edited["id"], "BTC/USDT")
    assert canceled["status"] == "canceled"
    assert (await exchange.fetch_order(edited["id"], "BTC/USDT"))["status"] == "canceled"
    assert await exchange.fetch_open_orders("BTC/USDT") == []
    assert len(await exchange.fetch_orders("BTC/USDT")) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
async def test_signs_with_the_other_keys_too(bench: Bench, kind: str) -> None:
    client = client_of(bench, kind)
    try:
        order = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 60000)
        assert (await client.cancel_order(order["id"], "BTC/USDT"))["status"] == "canceled"
    finally:
        await client.close()


@pytest.mark.asyncio
async def test_market_orders_and_own_trades(exchange: Any) -> None:
    bought = await exchange.create_market_buy_order_with_cost("BTC/USDT", 1000)
    assert 990 < bought["cost"] <= 1000
    sold, _ = await sells_half_and_finds_both(exchange, bought, "BTC/USDT", {"BTC", "USDT"})
    assert (sold["status"], sold["filled"]) == ("closed", 0.5)
    assert await exchange.create_order("BTC/USDT", "market", "sell", 0.5, None, {"test": True})


@pytest.mark.asyncio
async def test_post_only_stops_and_cancel_all(exchange: Any) -> None:
    maker = await exchange.create_order("ETH/USDT", "limit", "buy", 0.1, 2000, {"postOnly": True})
    found = await exchange.fetch_order(maker["id"], "ETH/USDT")
    assert found["postOnly"] is True and found["type"] == "limit"
    stop = await exchange.create_order("ETH/USDT", "limit", "sell", 0.1, 2000, {"stopLossPrice": 2100})
    waiting = await exchange.fetch_order(stop["id"], "ETH/USDT")
    assert (waiting["status"], waiting["triggerPrice"]) == ("open", 2100)
    canceled = await exchange.cancel_all_orders("ETH/USDT")
    assert {o["id"] for o in canceled} == {maker["id"], stop["id"]}


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USDT", "limit", "buy", 10, 60000)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.BadRequest, match="Filter failure: NOTIONAL"):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.00001, 60000)
    ticker = await exchange.fetch_ticker("BTC/USDT")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, ticker["ask"] * 1.01, {"postOnly": True})
    await refuses_a_wrong_secret(exchange)


@pytest.mark.asyncio
async def test_watches_the_market(exchange: Any) -> None:
    async with asyncio.timeout(15):
        await exchange.load_markets()
        _, trades, ticker, candles, best = await asyncio.gather(
            watches_books(exchange, "BTC/USDT", 20),
            exchange.watch_trades("BTC/USDT"),
            exchange.watch_ticker("ETH/USDT"),
            exchange.watch_ohlcv("BTC/USDT", "1m"),
            exchange.watch_bids_asks(["BTC/USDT"]),
        )
    assert trades[-1]["symbol"] == "BTC/USDT" and trades[-1]["price"] > 0
    assert ticker["last"] > 0 and candles[-1][4] > 0
    assert best["BTC/USDT"]["bid"] < best["BTC/USDT"]["ask"]


@pytest.mark.asyncio
async def test_watches_own_orders_trades_and_balance(exchange: Any) -> None:
    async with asyncio.timeout(15):
        await exchange.load_markets()
        await exchange.authenticate()
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        balance = asyncio.create_task(exchange.watch_balance())
        await asyncio.sleep(0)
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60000)
        (told,) = await orders
        assert (told["id"], told["status"]) == (placed["id"], "open")
        assert (await balance)["USDT"] == {"free": 49400.0, "used": 600.0, "total": 50000.0}
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await exchange.cancel_order(placed["id"], "BTC/USDT")
        assert (await orders)[-1]["status"] == "canceled"
        trades = asyncio.create_task(exchange.watch_my_trades())
        await exchange.create_order("BTC/USDT", "market", "buy", 0.01)
        assert (await trades)[-1]["side"] == "buy"


@pytest.mark.asyncio
async def test_trades_over_the_websocket_api(exchange: Any) -> None:
    async with asyncio.timeout(15):
        placed = await exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 60000)
        assert (await exchange.fetch_order_ws(placed["id"], "BTC/USDT"))["status"] == "open"
        edited = await exchange.edit_order_ws(placed["id"], "BTC/USDT", "limit", "buy", 0.01, 61000)
        assert (await exchange.fetch_open_orders_ws("BTC/USDT"))[0]["id"] == edited["id"]
        rows = (await exchange.fetch_balance_ws())["info"]["balances"]
        assert next(row["locked"] for row in rows if row["asset"] == "USDT") == "610.00000000"
        canceled = await exchange.cancel_order_ws(edited["id"], "BTC/USDT")
        assert canceled["id"] == edited["id"]
        await exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 60000)
        assert len(await exchange.cancel_all_orders_ws("BTC/USDT")) == 1
