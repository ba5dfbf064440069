"""The public calls: symbols, books, trades, candles, tickers, their parameters and what they weigh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from .binance_client import Bench, Trader, opened


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


@pytest.mark.asyncio
async def test_symbols_and_their_filters(trader: Trader, bench: Bench) -> None:
    _, info = await trader.public("exchangeInfo")
    assert [row["limit"] for row in info["rateLimits"]] == [6000, 50, 160000, 300000]
    rows = {row["symbol"]: row for row in info["symbols"]}
    assert list(rows) == ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ETHBTC", "TRXUSDT", "LTCUSDT", "DOGEUSDT", "SHIBUSDT"]
    btc = rows["BTCUSDT"]
    assert (btc["baseAsset"], btc["quoteAsset"], btc["status"]) == ("BTC", "USDT", "TRADING")
    assert btc["allowedSelfTradePreventionModes"] == ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"]
    filters = {f["filterType"]: f for f in btc["filters"]}
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.01000000", "0.00001000")
    assert filters["MARKET_LOT_SIZE"]["stepSize"] == "0.00000000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    older = {f["filterType"]: f for f in rows["TRXUSDT"]["filters"]}
    assert older["MIN_NOTIONAL"]["applyToMarket"] is True and "NOTIONAL" not in older
    bench.twin.symbols.states["LTC-USDT"] = "BREAK"
    for query, symbols in (
        ({"symbol": "ETHBTC"}, ["ETHBTC"]),
        ({"symbols": '["ETHBTC","BTCUSDT"]'}, ["ETHBTC", "BTCUSDT"]),
        ({"symbolStatus": "BREAK"}, ["LTCUSDT"]),
        ({"permissions": "SPOT"}, list(rows)),
        ({"permissions": '["MARGIN"]'}, []),
    ):
        _, some = await trader.public("exchangeInfo", **query)
        assert [row["symbol"] for row in some["symbols"]] == symbols
    _, bare = await trader.public("exchangeInfo", symbol="ETHBTC", showPermissionSets="false")
    assert bare["symbols"][0]["permissionSets"] == []


MISTAKES: list[tuple[str, dict[str, Any], int]] = [
    ("exchangeInfo", {"symbol": "NOSUCH"}, -1121),
    ("exchangeInfo", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
    ("exchangeInfo", {"symbol": "BTCUSDT", "permissions": "SPOT"}, -1128),
    ("exchangeInfo", {"symbols": "BTCUSDT"}, -1100),
    ("exchangeInfo", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
    ("exchangeInfo", {"symbolStatus": "GONE"}, -1122),
    ("depth", {}, -1102),
    ("depth", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
    ("depth", {"symbol": "BTCUSDT", "limit": "x"}, -1100),
    ("depth", {"symbol": "BTCUSDT", "limit": "0"}, -1130),
    ("depth", {"symbol": "BTCUSDT", "depth": "5"}, -1101),
    ("klines", {"symbol": "BTCUSDT", "interval": "1H"}, -1120),
    ("klines", {"symbol": "BTCUSDT", "interval": "1h", "timeZone": "15"}, -1130),
    ("ticker", {"symbol": "BTCUSDT", "windowSize": "60m"}, -1130),
    ("ticker", {}, -1102),
    ("ticker/24hr", {"type": "HALF"}, -1139),
    ("aggTrades", {"symbol": "BTCUSDT", "fromId": "1", "startTime": "1"}, -1128),
    ("referencePrice", {"symbol": "BTCUSDT"}, -2043),
]


@pytest.mark.asyncio
async def test_mistakes(trader: Trader) -> None:
    for path, query, code in MISTAKES:
        status, reply = await trader.public(path, **query)
        assert (path, query, status, reply["code"]) == (path, query, 400, code)


@pytest.mark.asyncio
async def test_depth_and_its_weight(trader: Trader, bench: Bench) -> None:
    used = 0
    for limit, weight, levels in ((5, 5, 5), (100, 5, None), (101, 25, None), (1000, 50, None), (9999, 250, None)):
        status, book = await trader.public("depth", symbol="BTCUSDT", limit=limit)
        assert int(trader.headers["X-MBX-USED-WEIGHT-1M"]) - used == weight
        used += weight
        assert levels is None or len(book["bids"]) == len(book["asks"]) == levels
    bids, asks = ([Decimal(p) for p, _ in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]
    before = book["lastUpdateId"]
    bench.twin.desk.advance(50)
    assert (await trader.public("depth", symbol="BTCUSDT"))[1]["lastUpdateId"] > before
    assert all(len(text.partition(".")[2]) == 8 for level in book["bids"] for text in level)


@pytest.mark.asyncio
async def test_trades_and_aggregates_tell_the_same(trader: Trader, bench: Bench) -> None:
    bench.twin.desk.advance(3000)
    _, trades = await trader.public("trades", symbol="BTCUSDT", limit=1000)
    assert [t["id"] for t in trades] == sorted(t["id"] for t in trades)
    assert {t["isBuyerMaker"] for t in trades} == {True, False}
    first = trades[0]
    assert Decimal(first["quoteQty"]) == Decimal(first["price"]) * Decimal(first["qty"])
    _, aggregates = await trader.public("aggTrades", symbol="BTCUSDT", limit=1000)
    assert sum(Decimal(t["qty"]) for t in trades) == sum(Decimal(a["q"]) for a in aggregates)
    assert any(a["l"] > a["f"] for a in aggregates) and all(a["a"] == a["f"] for a in aggregates)
    _, later = await trader.public("aggTrades", symbol="BTCUSDT", fromId=aggregates[-5]["a"], limit=3)
    assert later == aggregates[-5:-2]
    _, window = await trader.public("aggTrades", symbol="BTCUSDT", endTime=aggregates[-5]["T"])
    assert window[-1]["T"] <= aggregates[-5]["T"]
    _, old = await trader.public("historicalTrades", symbol="BTCUSDT", fromId=trades[10]["id"], limit=2)
    assert old == trades[10:12]


INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720,
    "1d": 1440, "3d": 4320, "1w": 10080, "1M": 0, "1s": 1 / 60,
}  # fmt: skip


@pytest.mark.asyncio
async def test_klines_of_every_interval(trader: Trader) -> None:
    for interval, minutes in INTERVALS.items():
        _, rows = await trader.public("klines", symbol="BTCUSDT", interval=interval, limit=400)
        assert len(rows) == 400
        for earlier, later in pairwise(rows):
            assert later[0] == earlier[6] + 1
            assert not minutes or later[0] - earlier[0] == minutes * 60_000
        for _, o, high, low, c, volume, _, quote, _, base_bought, quote_bought, zero in rows[::20]:
            assert Decimal(low) <= min(Decimal(o), Decimal(c)) <= max(Decimal(o), Decimal(c)) <= Decimal(high)
            assert Decimal(base_bought) <= Decimal(volume) and Decimal(quote_bought) <= Decimal(quote) and zero == "0"
        _, some = await trader.public(
            "klines", symbol="BTCUSDT", interval=interval, startTime=rows[10][0], endTime=rows[20][0], limit=5
        )
        assert [row[0] for row in some] == [row[0] for row in rows[10:15]]


@pytest.mark.asyncio
async def test_klines_of_another_time_zone(trader: Trader) -> None:
    _, rows = await trader.public("klines", symbol="BTCUSDT", interval="1d", timeZone="8", limit=3)
    assert all((row[0] + 8 * 3_600_000) % 86_400_000 == 0 for row in rows)
    _, utc = await trader.public("klines", symbol="BTCUSDT", interval="1h", timeZone="-3:00", limit=3)
    assert utc == (await trader.public("klines", symbol="BTCUSDT", interval="1h", limit=3))[1]
    _, odd = await trader.public("uiKlines", symbol="BTCUSDT", interval="1h", timeZone="+05:45", limit=3)
    assert all((row[0] + 345 * 60_000) % 3_600_000 == 0 for row in odd)


@pytest.mark.asyncio
async def test_tickers(trader: Trader) -> None:
    _, day = await trader.public("ticker/24hr", symbol="ETHBTC")
    assert Decimal(day["lowPrice"]) <= Decimal(day["weightedAvgPrice"]) <= Decimal(day["highPrice"])
    assert Decimal(day["priceChange"]) == Decimal(day["lastPrice"]) - Decimal(day["openPrice"])
    assert day["lastId"] - day["firstId"] + 1 == day["count"]
    _, mini = await trader.public("ticker/24hr", symbols='["ETHBTC","SHIBUSDT"]', type="MINI")
    assert [row["symbol"] for row in mini] == ["ETHBTC", "SHIBUSDT"] and "priceChange" not in mini[0]
    _, prices = await trader.public("ticker/price")
    assert next(row["price"] for row in prices if row["symbol"] == "ETHBTC") == day["lastPrice"]
    _, best = await trader.public("ticker/bookTicker", symbol="ETHBTC")
    assert (best["bidPrice"], best["askQty"]) == (day["bidPrice"], day["askQty"])
    for size in ("7m", "4h", "7d"):
        _, window = await trader.public("ticker", symbol="ETHBTC", windowSize=size)
        assert window["openTime"] % 60_000 == 0 and window["lastPrice"] == day["lastPrice"]
    _, today = await trader.public("ticker/tradingDay", symbol="ETHBTC")
    assert today["openTime"] % 86_400_000 == 0 and today["closeTime"] == today["openTime"] + 86_399_999
    _, average = await trader.public("avgPrice", symbol="ETHBTC")
    assert average["mins"] == 5 and abs(Decimal(average["price"]) / Decimal(day["lastPrice"]) - 1) < Decimal("0.01")


WEIGHTS: list[tuple[str, dict[str, str], int]] = [
    ("ping", {}, 1),
    ("time", {}, 1),
    ("exchangeInfo", {}, 20),
    ("trades", {"symbol": "BTCUSDT"}, 25),
    ("aggTrades", {"symbol": "BTCUSDT"}, 4),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m"}, 2),
    ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
    ("ticker/24hr", {}, 80),
    ("ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
    ("ticker/bookTicker", {}, 4),
    ("ticker", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 8),
]


@pytest.mark.asyncio
async def test_weights(trader: Trader) -> None:
    used = 0
    for path, query, weight in WEIGHTS:
        assert (await trader.public(path, **query))[0] == 200
        now_used = int(trader.headers["X-MBX-USED-WEIGHT-1M"])
        assert (path, now_used - used) == (path, weight) or now_used < used, "a new minute began"
        used = now_used


@pytest.mark.asyncio
async def test_times_in_microseconds_and_what_does_not_exist(trader: Trader) -> None:
    _, plain = await trader.public("klines", symbol="BTCUSDT", interval="1h", limit=1)
    trader.extra_headers = {"X-MBX-TIME-UNIT": "microsecond"}
    _, fine = await trader.public("klines", symbol="BTCUSDT", interval="1h", limit=1)
    assert (fine[0][0], fine[0][6]) == (plain[0][0] * 1000, plain[0][6] * 1000)
    for verb in ("POST", "PUT", "DELETE"):
        assert (await trader.send(verb, "userDataStream", ""))[0] == 410
    async with trader.session.get(f"{trader.rest}/sapi/v1/system/status") as reply:
        assert reply.status == 404
