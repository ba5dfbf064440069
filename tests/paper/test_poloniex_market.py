"""Public REST calls: shapes of the fact sheet, to the JSON type."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.paper.dialects.poloniex import PoloniexTwin

from .poloniex_client import Trader

INTERVALS = (
    "MINUTE_1 MINUTE_5 MINUTE_10 MINUTE_15 MINUTE_30 HOUR_1 HOUR_2 HOUR_4 HOUR_6 HOUR_12 DAY_1 DAY_3 WEEK_1 MONTH_1"
)


@pytest.mark.asyncio
async def test_markets(trader: Trader) -> None:
    status, markets = await trader.public("/markets")
    assert status == 200
    symbols = {m["symbol"] for m in markets}
    assert {"BTC_USDT", "ETH_USDT", "SOL_USDT", "ETH_BTC", "TRX_USDT", "LTC_USDT", "SHIB_USDT"} <= symbols
    assert await trader.public("/markets/BTC_USDT") == (200, [m for m in markets if m["symbol"] == "BTC_USDT"])
    btc = markets[0]
    assert (btc["baseCurrencyName"], btc["quoteCurrencyName"], btc["displayName"]) == ("BTC", "USDT", "BTC/USDT")
    assert btc["state"] == "NORMAL" and isinstance(btc["tradableStartTime"], int)
    limits = btc["symbolTradeLimit"]
    assert (limits["priceScale"], limits["quantityScale"], limits["amountScale"]) == (2, 6, 2)
    assert (limits["minQuantity"], limits["minAmount"], limits["maxQuantity"]) == ("0.000001", "1", "0")
    assert 0 in {m["symbolTradeLimit"]["quantityScale"] for m in markets}
    assert await trader.public("/markets/NO_SUCH") == (400, {"code": 24101, "message": "Invalid symbol"})


@pytest.mark.asyncio
async def test_order_book_is_flat_and_sorted(trader: Trader, twin: PoloniexTwin) -> None:
    status, book = await trader.public("/markets/ETH_USDT/orderBook", limit=20)
    assert status == 200 and book["scale"] == "-1" and isinstance(book["ts"], int)
    asks = [Decimal(p) for p in book["asks"][::2]]
    bids = [Decimal(p) for p in book["bids"][::2]]
    assert (len(asks), len(bids)) == (20, 20)
    assert asks == sorted(asks) and bids == sorted(bids, reverse=True) and bids[0] < asks[0]
    rules, engine = twin.desk.venue.instruments["ETH-USDT"], twin.desk.venue.books["ETH-USDT"]
    assert [
        (rules.ticks(Decimal(p)), rules.lots(Decimal(q))) for p, q in zip(*[iter(book["bids"])] * 2, strict=True)
    ] == (engine.bids.top(20))


@pytest.mark.asyncio
async def test_order_book_limits_and_scale(trader: Trader) -> None:
    _, default = await trader.public("/markets/BTC_USDT/orderBook")
    assert len(default["asks"]) == 20
    for limit in ("7", "0", "many"):
        assert (await trader.public("/markets/BTC_USDT/orderBook", limit=limit))[1]["code"] == 24106
    _, coarse = await trader.public("/markets/BTC_USDT/orderBook", scale="100", limit=5)
    assert coarse["scale"] == "100"
    assert all(Decimal(p) % 100 == 0 for p in coarse["asks"][::2] + coarse["bids"][::2])
    assert Decimal(coarse["bids"][0]) < Decimal(coarse["asks"][0])


@pytest.mark.asyncio
async def test_trades_newest_first(trader: Trader, twin: PoloniexTwin) -> None:
    twin.desk.advance(300)
    _, trades = await trader.public("/markets/BTC_USDT/trades", limit=1000)
    assert len(trades) == 1000
    assert [int(t["id"]) for t in trades] == sorted((int(t["id"]) for t in trades), reverse=True)
    for trade in trades[:50]:
        assert trade["takerSide"] in ("BUY", "SELL") and isinstance(trade["createTime"], int)
        assert Decimal(trade["price"]) * Decimal(trade["quantity"]) == Decimal(trade["amount"])
    assert len((await trader.public("/markets/BTC_USDT/trades"))[1]) == 500
    assert (await trader.public("/markets/BTC_USDT/trades", limit=1001))[0] == 400


@pytest.mark.asyncio
async def test_tickers(trader: Trader) -> None:
    _, every = await trader.public("/markets/ticker24h")
    assert len(every) == 8
    _, one = await trader.public("/markets/ETH_BTC/ticker24h")
    assert isinstance(one["tradeCount"], int)
    low, high, opened, close = (Decimal(one[k]) for k in ("low", "high", "open", "close"))
    assert low <= min(opened, close) <= max(opened, close) <= high
    assert Decimal(one["bid"]) < Decimal(one["ask"])
    assert abs(Decimal(one["dailyChange"]) - (close - opened) / opened) < Decimal("0.0001")
    assert one["displayName"] == "ETH/BTC" and one["closeTime"] - one["startTime"] <= 86_400_000
    _, price = await trader.public("/markets/ETH_BTC/price")
    assert Decimal(price["price"]) == close
    assert len((await trader.public("/markets/price"))[1]) == 8


@pytest.mark.asyncio
async def test_candles_in_the_odd_row_order(trader: Trader) -> None:
    for interval in INTERVALS.split():
        _, rows = await trader.public("/markets/SOL_USDT/candles", interval=interval, limit=500)
        assert len(rows) == 500, interval
        starts = [row[12] for row in rows]
        assert starts == sorted(starts)
        for row in rows[-3:]:
            low, high, opened, close, amount, quantity = (Decimal(x) for x in row[:6])
            assert low <= min(opened, close) <= max(opened, close) <= high
            assert low * quantity <= amount <= high * quantity
            assert isinstance(row[8], int) and isinstance(row[9], int) and row[11] == interval
            assert row[13] > row[12] and low <= Decimal(row[10]) <= high


@pytest.mark.asyncio
async def test_candle_window_and_errors(trader: Trader) -> None:
    path = "/markets/BTC_USDT/candles"
    _, recent = await trader.public(path, interval="HOUR_1")
    assert len(recent) == 100
    start, end = recent[10][12], recent[20][12]
    _, window = await trader.public(path, interval="HOUR_1", startTime=start, endTime=end)
    assert window[0][12] == start and window[-1][12] == end and len(window) == 11
    for params, code in (
        ({"interval": "MINUTE_2"}, 24102),
        ({}, 24102),
        ({"interval": "DAY_1", "limit": 501}, 24104),
        ({"interval": "DAY_1", "startTime": 2, "endTime": 1}, 24105),
    ):
        assert (await trader.public(path, **params))[1]["code"] == code


@pytest.mark.asyncio
async def test_the_last_candle_the_last_trade_and_the_ticker_agree(trader: Trader, twin: PoloniexTwin) -> None:
    twin.desk.advance(400)
    _, trades = await trader.public("/markets/BTC_USDT/trades", limit=1)
    _, rows = await trader.public("/markets/BTC_USDT/candles", interval="HOUR_4", limit=1)
    _, ticker = await trader.public("/markets/BTC_USDT/ticker24h")
    assert trades[0]["price"] == rows[0][3] == ticker["close"]


@pytest.mark.asyncio
async def test_time_currencies_and_unknown_paths(trader: Trader) -> None:
    _, reply = await trader.public("/timestamp")
    assert abs(reply["serverTime"] - trader.now_ms()) < 2000
    _, currencies = await trader.public("/v2/currencies")
    assert {"BTC", "USDT", "SHIB"} <= {c["coin"] for c in currencies}
    assert isinstance(currencies[0]["id"], int) and currencies[0]["networkList"]
    assert (await trader.public("/v2/currencies/BTC"))[1]["coin"] == "BTC"
    assert (await trader.public("/nowhere"))[0] == 404
