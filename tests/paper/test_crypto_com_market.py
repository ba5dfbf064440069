"""Public REST: instruments, books, trades, tickers, candles, and the codes of wrong questions."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from .crypto_com_client import running


@pytest.mark.asyncio
async def test_instruments_hold_more_than_spot() -> None:
    async with running() as here:
        here.twin.rules.closed.add("LTC-USDT")
        reply = await here.trader.public("get-instruments")
        assert (reply["id"], reply["method"], reply["code"]) == (-1, "public/get-instruments", 0)
        rows = {row["symbol"]: row for row in reply["result"]["data"]}
        assert {row["inst_type"] for row in rows.values()} == {"CCY_PAIR", "PERPETUAL_SWAP"}
        btc = rows["BTC_USDT"]
        assert (btc["price_tick_size"], btc["qty_tick_size"], btc["quote_decimals"]) == ("0.01", "0.00001", 2)
        cross = rows["ETH_BTC"]
        assert (cross["price_tick_size"], cross["quote_decimals"]) == ("0.000001", 8), "the tick is its own field"
        assert (rows["LTC_USDT"]["tradable"], btc["tradable"]) == (False, True)
        assert rows["BTC_USD"]["quote_ccy"] == "USD"


@pytest.mark.asyncio
async def test_a_book_is_deep_as_asked_up_to_50() -> None:
    async with running() as here:
        here.twin.desk.advance(3000)
        for asked, levels in ((10, 10), (2, 2), (500, None)):
            reply = await here.trader.public("get-book", instrument_name="BTC_USDT", depth=asked)
            (book,) = reply["result"]["data"]
            assert len(book["asks"]) == (levels or min(50, len(here.twin.desk.venue.books["BTC-USDT"].asks)))
            for side, falling in (("bids", True), ("asks", False)):
                prices = [Decimal(level[0]) for level in book[side]]
                assert prices == sorted(prices, reverse=falling)
                assert all(len(level) == 3 and int(level[2]) >= 1 for level in book[side])
            assert isinstance(book["u"], int) and isinstance(book["t"], int)
        usd = await here.trader.public("get-book", instrument_name="BTC_USD", depth=1)
        usdt = await here.trader.public("get-book", instrument_name="BTC_USDT", depth=1)
        assert usd["result"]["data"][0]["asks"] != usdt["result"]["data"][0]["asks"]


@pytest.mark.asyncio
async def test_trades_are_newest_first_and_times_are_texts() -> None:
    async with running() as here:
        here.twin.desk.advance(2000)
        rows = (await here.trader.public("get-trades", instrument_name="BTC_USDT", count=150))["result"]["data"]
        assert len(rows) == 150 and {row["s"] for row in rows} == {"BUY", "SELL"}
        assert [int(row["t"]) for row in rows] == sorted((int(row["t"]) for row in rows), reverse=True)
        assert all(isinstance(row["t"], str) and row["tn"].startswith(row["t"]) for row in rows)
        middle = int(rows[75]["t"])
        older = await here.trader.public("get-trades", instrument_name="BTC_USDT", count=150, end_ts=middle)
        assert older["result"]["data"] and all(int(row["t"]) < middle for row in older["result"]["data"])


@pytest.mark.asyncio
async def test_tickers_name_the_last_price_a_and_the_ask_k() -> None:
    async with running() as here:
        rows = (await here.trader.public("get-tickers"))["result"]["data"]
        assert len(rows) == 9
        (btc,) = (await here.trader.public("get-tickers", instrument_name="BTC_USDT"))["result"]["data"]
        assert Decimal(btc["b"]) == here.best("BTC-USDT", "BUY") < Decimal(btc["k"]) == here.best("BTC-USDT", "SELL")
        assert Decimal(btc["l"]) <= Decimal(btc["a"]) <= Decimal(btc["h"])
        assert abs(Decimal(btc["c"])) < 1 and Decimal(btc["vv"]) > Decimal(btc["v"])


@pytest.mark.asyncio
async def test_candles_are_oldest_first() -> None:
    async with running() as here:
        ask = here.trader.public
        minute = (await ask("get-candlestick", instrument_name="BTC_USDT", timeframe="1m"))["result"]
        assert (minute["interval"], len(minute["data"])) == ("1m", 25)
        steps = {b["t"] - a["t"] for a, b in zip(minute["data"], minute["data"][1:], strict=False)}
        assert steps == {60_000}
        old = (await ask("get-candlestick", instrument_name="BTC_USDT", timeframe="M5", count=999))["result"]
        assert (old["interval"], len(old["data"])) == ("M5", 300)
        start, end = old["data"][10]["t"], old["data"][20]["t"]
        part = await ask("get-candlestick", instrument_name="BTC_USDT", timeframe="5m", start_ts=start, end_ts=end)
        assert [row["t"] for row in part["result"]["data"]] == [row["t"] for row in old["data"][10:20]]
        for name, days in (("1D", 1), ("7D", 7), ("14D", 14)):
            rows = (await ask("get-candlestick", instrument_name="ETH_USDT", timeframe=name, count=3))["result"]["data"]
            assert rows[1]["t"] - rows[0]["t"] == days * 86_400_000


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "query", "code"),
    [
        ("get-book", {}, 40004),
        ("get-book", {"instrument_name": "NO_SUCH"}, 209),
        ("get-book", {"instrument_name": "BTC-USDT"}, 209),
        ("get-book", {"instrument_name": "BTC_USDT", "depth": "x"}, 40004),
        ("get-trades", {"instrument_name": "BTC_USDT", "end_ts": "now"}, 40004),
        ("get-candlestick", {"instrument_name": "BTC_USDT", "timeframe": "2m"}, 40004),
        ("get-nothing", {}, 40002),
    ],
)
async def test_wrong_questions(name: str, query: dict[str, Any], code: int) -> None:
    async with running() as here:
        reply = await here.trader.public(name, **query)
        assert (reply["code"], here.trader.status) == (code, 400)
        async with here.trader.session.get(f"{here.trader.rest}/elsewhere") as elsewhere:
            assert elsewhere.status == 404 and (await elsewhere.json())["code"] == 40002


def test_the_first_line() -> None:
    command = "import sys; from app.paper.server import main; sys.exit(main(sys.argv[1:]))"
    twin = subprocess.Popen([sys.executable, "-c", command, "crypto_com"], stdout=subprocess.PIPE, text=True)
    try:
        assert twin.stdout is not None
        first = json.loads(twin.stdout.readline())
    finally:
        twin.terminate()
        twin.communicate()
    assert first["exchange"] == "crypto_com" and first["pairs"][0] == "BTC-USDT" and first["passphrase"] == ""
    assert first["ws_public"] == first["rest"].replace("http", "ws") + "/exchange/v1/market"
    assert first["ws_private"] == first["rest"].replace("http", "ws") + "/exchange/v1/user"
