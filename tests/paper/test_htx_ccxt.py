"""An independent client library trades on the HTX twin; only its host name, keys and trusted certificate changed.

The twin stands behind TLS here, because the library signs its stream login with what is left of the address after
`wss://`. Markets other than spot are switched off: this twin has none. What the library cannot do there: edit orders
(the exchange has no amendment), conditional orders of version 2, orders over the socket; it asks for closed orders of
one pair only; and its watch_balance hears every push but reads the object in it as a list, so it stays empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest
import pytest_asyncio
from ccxt.pro import htx

from tests.net.loopback import Certificate, TlsFront

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
from .htx_client import HOST, Running, running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"), "paper twin")


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Running]:
    async with running(400) as here:
        yield here


@pytest_asyncio.fixture
async def exchange(here: Running, certificate: Certificate) -> AsyncIterator[Any]:
    front = TlsFront(int(here.trader.rest.rpartition(":")[2]), certificate)
    await front.start()
    client = htx({"apiKey": here.trader.key, "secret": here.trader.secret, "cafile": str(certificate.path)})
    client.options["fetchMarkets"] = {"types": {"spot": True, "linear": False, "inverse": False}}
    client.hostname = client.urls["hostnames"]["spot"] = f"{HOST}:{front.port}"
    client.rateLimit = 5
    await load_markets_once(client)
    yield client
    await client.close()
    await front.stop()


@pytest.mark.asyncio
async def test_reads_the_market(exchange: Any) -> None:
    markets = {m["symbol"]: m for m in await exchange.fetch_markets()}
    btc = markets["BTC/USDT"]
    assert btc["active"] and (btc["precision"]["amount"], btc["precision"]["price"]) == (1e-6, 0.01)
    assert (btc["limits"]["amount"]["min"], btc["limits"]["cost"]["min"]) == (0.0001, 10)
    candles = await reads_book_trades_and_candles(exchange, "BTC/USDT", None, 21)
    assert candles[1][0] - candles[0][0] == 3_600_000
    await tells_the_time(exchange)
    assert (await exchange.fetch_status())["status"] == "ok"
    tickers = await exchange.fetch_tickers()
    assert tickers["SHIB/USDT"]["bid"] < tickers["SHIB/USDT"]["ask"] < 0.0001
    assert (await exchange.fetch_ticker("ETH/BTC"))["last"] > 0
    assert "USDT" in await exchange.fetch_currencies()


@pytest.mark.asyncio
async def test_reads_the_account(exchange: Any) -> None:
    assert (await exchange.fetch_balance())["BTC"] == {"free": 1.5, "used": 0.0, "total": 1.5}
    fee = await exchange.fetch_trading_fee("BTC/USDT")
    assert (fee["maker"], fee["taker"]) == (0.002, 0.002)
    assert {account["type"] for account in await exchange.fetch_accounts()} == {"point", "spot"}


@pytest.mark.asyncio
async def test_limit_orders(exchange: Any) -> None:
    order = await rests_with_our_id(exchange, "BTC/USDT", {"clientOrderId": "mine"}, held=900)
    assert (await exchange.cancel_order(order["id"], "BTC/USDT"))["id"] == order["id"]
    assert (await exchange.fetch_order(order["id"], "BTC/USDT"))["status"] == "canceled"
    maker = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 90000, {"postOnly": True})
    assert (await exchange.fetch_order(maker["id"], "BTC/USDT"))["status"] == "open"
    other = await exchange.create_order("ETH/USDT", "limit", "buy", 0.1, 3400)
    await exchange.cancel_orders([other["id"]], "ETH/USDT")
    await exchange.cancel_all_orders("BTC/USDT")
    assert await exchange.fetch_open_orders() == []
    stop = {"triggerPrice": 94000, "operator": "lte"}
    waits = await exchange.create_order("BTC/USDT", "limit", "sell", 0.01, 93000, stop)
    await exchange.cancel_order(waits["id"], "BTC/USDT")
    await exchange.cancel_all_orders_after(10_000)


@pytest.mark.asyncio
async def test_market_orders_and_own_trades(exchange: Any) -> None:
    bought = await exchange.create_market_buy_order_with_cost("BTC/USDT", 1000)
    filled = await exchange.fetch_order(bought["id"], "BTC/USDT")
    assert filled["status"] == "closed" and 999 < filled["cost"] <= 1000
    sold, trades = await sells_half_and_finds_both(exchange, bought, "BTC/USDT", {"BTC", "USDT"})
    mine = await exchange.fetch_order_trades(bought["id"], "BTC/USDT")
    assert {t["order"] for t in mine} == {bought["id"]}
    closed = await exchange.fetch_closed_orders("BTC/USDT")
    assert {o["id"] for o in closed} == {bought["id"], sold["id"]}


@pytest.mark.asyncio
async def test_errors_become_the_librarys_own(exchange: Any) -> None:
    await refuses_the_unpayable(exchange, "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("12345", "BTC/USDT")
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 150000)
    await refuses_a_wrong_secret(exchange)


@pytest.mark.asyncio
async def test_watches_the_market(exchange: Any) -> None:
    async with asyncio.timeout(12):
        assert (await watches_books(exchange, "BTC/USDT", 5))["nonce"] > 0
        await watches_trades_and_ticker(exchange, "BTC/USDT", "ETH/USDT")
        await watches_candles(exchange, "BTC/USDT")


@pytest.mark.asyncio
async def test_watches_the_account(exchange: Any, here: Running) -> None:
    async with asyncio.timeout(12):
        heard = await exchange.watch_balance()
        assert heard["info"] == [], "the library takes the pushed object for a list; test_htx_user reads it"
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        trades = asyncio.create_task(exchange.watch_my_trades("BTC/USDT"))
        while not (here.twin.user_feed.listens("orders", "1001") and here.twin.user_feed.listens("clearing", "1001")):
            await asyncio.sleep(0.01)
        placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 90000)
        (told,) = await orders
        assert (told["id"], told["status"]) == (placed["id"], "open")
        orders = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await exchange.cancel_order(placed["id"], "BTC/USDT")
        assert (await orders)[-1]["status"] == "canceled"
        await exchange.create_market_buy_order_with_cost("BTC/USDT", 100)
        trade = (await trades)[-1]
        assert (trade["side"], trade["takerOrMaker"], trade["fee"]["currency"]) == ("buy", "taker", "BTC")
