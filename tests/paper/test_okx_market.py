"""Public REST of the OKX twin: shapes, candles with their odd borders, and what each mistake answers."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.paper.dialects.okx_candles import BARS
from app.paper.dialects.okx_limits import WindowLimits

from .okx_client import running

HOUR_MS = 3_600_000


@pytest.mark.asyncio
async def test_instruments_have_steps_and_codes() -> None:
    async with running() as here:
        reply = await here.trader.public("/public/instruments", instType="SPOT")
        assert (reply["code"], reply["msg"]) == ("0", "")
        rows = {row["instId"]: row for row in reply["data"]}
        btc = rows["BTC-USDT"]
        assert [btc[k] for k in ("baseCcy", "quoteCcy", "tickSz", "lotSz", "minSz", "state")] == [
            "BTC", "USDT", "0.1", "0.00000001", "0.00001", "live",
        ]  # fmt: skip
        codes = [row["instIdCode"] for row in rows.values()]
        assert all(type(code) is int for code in codes) and len(set(codes)) == len(codes) == 8
        assert btc["tradeQuoteCcyList"] == ["USDT"] and btc["expTime"] == ""
        one = await here.trader.public("/public/instruments", instType="SPOT", instId="ETH-BTC")
        assert [row["instId"] for row in one["data"]] == ["ETH-BTC"]
        assert (await here.trader.public("/public/instruments", instType="SWAP"))["data"] == []
        mine = await here.trader.data("/account/instruments", instType="SPOT")
        assert mine == reply["data"]


@pytest.mark.asyncio
async def test_books_of_one_to_four_hundred_levels() -> None:
    async with running() as here:
        (one,) = (await here.trader.public("/market/books", instId="BTC-USDT"))["data"]
        assert len(one["asks"]) == len(one["bids"]) == 1
        (book,) = (await here.trader.public("/market/books", instId="BTC-USDT", sz=400))["data"]
        assert type(book["seqId"]) is int and abs(int(book["ts"]) - time.time() * 1000) < 2000
        asks, bids = ([Decimal(level[0]) for level in book[side]] for side in ("asks", "bids"))
        assert asks == sorted(asks) and bids == sorted(bids, reverse=True) and bids[0] < asks[0] and len(asks) > 20
        assert all(level[2] == "0" and int(level[3]) >= 1 for level in book["asks"])
        (full,) = (await here.trader.public("/market/books-full", instId="BTC-USDT", sz=5000))["data"]
        assert full["asks"] == [[px, sz, count] for px, sz, _, count in book["asks"]]


@pytest.mark.asyncio
async def test_tickers_and_trades() -> None:
    async with running() as here:
        here.twin.desk.advance(3000)
        trader = here.trader
        (ticker,) = (await trader.public("/market/ticker", instId="ETH-USDT"))["data"]
        (book,) = (await trader.public("/market/books", instId="ETH-USDT"))["data"]
        assert [ticker["askPx"], ticker["askSz"]] == book["asks"][0][:2]
        assert Decimal(ticker["low24h"]) <= Decimal(ticker["last"]) <= Decimal(ticker["high24h"])
        ratio = Decimal(ticker["volCcy24h"]) / Decimal(ticker["vol24h"])
        assert Decimal(ticker["low24h"]) <= ratio <= Decimal(ticker["high24h"]), "volCcy24h is quote"
        assert len((await trader.public("/market/tickers", instType="SPOT"))["data"]) == 8
        trades = (await trader.public("/market/trades", instId="ETH-USDT", limit=500))["data"]
        assert len(trades) == 500 and ticker["last"] == trades[0]["px"]
        times = [int(trade["ts"]) for trade in trades]
        assert times == sorted(times, reverse=True) and {t["side"] for t in trades} == {"buy", "sell"}
        older = await trader.public("/market/history-trades", instId="ETH-USDT", after=trades[9]["tradeId"], limit=5)
        assert [t["tradeId"] for t in older["data"]] == [t["tradeId"] for t in trades[10:15]]


@pytest.mark.asyncio
async def test_candles_page_backwards_and_name_their_borders() -> None:
    async with running() as here:

        async def ask(bar: str, **more: Any) -> list[list[str]]:
            reply = await here.trader.public("/market/candles", instId="BTC-USDT", bar=bar, **more)
            assert reply["code"] == "0", reply
            return list(reply["data"])

        rows = await ask("1H", limit=300)
        starts = [int(row[0]) for row in rows]
        assert starts == list(range(starts[0], starts[0] - 300 * HOUR_MS, -HOUR_MS)), "newest first, none missing"
        assert [row[8] for row in rows[:3]] == ["0", "1", "1"]
        _, opened, high, low, close, base, quote, again, _ = map(Decimal, rows[5])
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert low <= quote / base <= high and quote == again
        older = await ask("1H", limit=3, after=starts[9])
        assert [int(row[0]) for row in older] == starts[10:13]
        newer = await ask("1H", before=starts[3])
        assert [int(row[0]) for row in newer] == starts[:3]
        for bar, hour in (("1D", 16), ("1Dutc", 0), ("6H", 4), ("6Hutc", 0), ("1W", 16), ("1M", 16), ("3Mutc", 0)):
            row = (await ask(bar))[1]
            span = 6 if bar.startswith("6H") else 24
            assert int(row[0]) // HOUR_MS % span == hour % span, bar
            assert row[8] == "1"
        seconds = [int(row[0]) for row in await ask("1s", limit=100)]
        assert seconds == list(range(seconds[0], seconds[0] - 100_000, -1000))


def test_every_bar_of_the_sheet_has_borders_that_join() -> None:
    short = "1m 3m 5m 15m 30m 1H 2H 4H".split()
    long = "6H 12H 1D 2D 3D 5D 1W 1M 3M".split()
    assert set(BARS) == {*short, *long, *(f"{name}utc" for name in long)}
    for bar in BARS.values():
        start = bar.start(1_790_000_000_000)
        for _ in range(40):
            following = bar.next_start(start)
            assert start < following and bar.start(following) == following and bar.start(following - 1) == start
            start = following


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "params", "code", "status"),
    [
        ("/market/books", {"instId": "NO-SUCH"}, "51001", 200),
        ("/market/books", {}, "50014", 400),
        ("/market/books", {"instId": "BTC-USDT", "sz": 401}, "51000", 400),
        ("/market/candles", {"instId": "BTC-USDT", "bar": "7m"}, "51000", 400),
        ("/market/candles", {"instId": "BTC-USDT", "limit": 301}, "51000", 400),
        ("/market/candles", {"instId": "BTC-USDT", "after": "then"}, "51000", 400),
        ("/market/trades", {"instId": "BTC-USDT", "limit": 0}, "51000", 400),
        ("/public/instruments", {}, "50014", 400),
        ("/public/instruments", {"instType": "STOCK"}, "51000", 400),
        ("/market/tickers", {}, "50014", 400),
        ("/market/none", {}, "404", 404),
    ],
)
async def test_mistakes_are_named(path: str, params: dict[str, Any], code: str, status: int) -> None:
    async with running() as here:
        reply = await here.trader.public(path, **params)
        assert (reply["code"], here.trader.status, reply["data"]) == (code, status, []) and reply["msg"]


@pytest.mark.asyncio
async def test_time_status_price_limit_and_the_wrong_method() -> None:
    async with running() as here:
        (row,) = (await here.trader.public("/public/time"))["data"]
        assert abs(int(row["ts"]) - time.time() * 1000) < 2000
        assert (await here.trader.public("/system/status"))["data"] == []
        (limit,) = (await here.trader.public("/public/price-limit", instId="BTC-USDT"))["data"]
        (ticker,) = (await here.trader.public("/market/ticker", instId="BTC-USDT"))["data"]
        assert Decimal(limit["sellLmt"]) < Decimal(ticker["last"]) < Decimal(limit["buyLmt"])
        assert (await here.trader.post("/public/time", {}))["code"] == "50115" and here.trader.status == 405


def test_a_window_begins_with_its_first_request() -> None:
    clock = ManualClock()
    limits = WindowLimits(clock)
    assert limits.allow("ann", "books", 2)
    clock.advance(1.5)
    assert [limits.allow("ann", "books", 2) for _ in range(2)] == [True, False]
    assert limits.allow("bob", "books", 2) and limits.allow("ann", "time", 2)
    clock.advance(0.5)
    assert [limits.allow("ann", "books", 2, count=2) for _ in range(2)] == [True, False]
