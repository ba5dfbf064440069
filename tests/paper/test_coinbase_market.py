"""Market data over REST: products and aliases, books, trades, candles, time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.core.types import Side

from .coinbase_client import Bench, Trader, bench


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest_asyncio.fixture
async def trader(desk: Bench) -> Trader:
    return desk.trader


async def products(trader: Trader, **params: Any) -> dict[str, Any]:
    status, answer = await trader.public("/products", **params)
    assert status == 200
    return {row["product_id"]: row for row in answer["products"]}


@pytest.mark.asyncio
async def test_products_their_increments_and_their_aliases(trader: Trader) -> None:
    listed = await products(trader, product_type="SPOT")
    btc, alias, gone = listed["BTC-USD"], listed["BTC-USDC"], listed["REP-USD"]
    assert [btc[k] for k in ("price_increment", "quote_increment", "base_increment", "base_min_size")] == [
        "0.01", "0.01", "0.00000001", "0.00000001",
    ]  # fmt: skip
    assert [btc[k] for k in ("quote_min_size", "quote_max_size", "base_max_size")] == ["1", "150000000", "3400"]
    assert (btc["alias"], btc["alias_to"]) == ("", ["BTC-USDC"])
    assert (alias["alias"], alias["alias_to"], alias["quote_currency_id"]) == ("BTC-USD", [], "USDC")
    assert alias["price"] == btc["price"], "one book"
    assert (gone["status"], gone["trading_disabled"], gone["price"]) == ("delisted", True, "")
    assert (listed["ETH-BTC"]["price_increment"], listed["ETH-BTC"]["quote_min_size"]) == ("0.000001", "0.00001")
    assert (listed["DOGE-USD"]["base_increment"], listed["SHIB-USD"]["price_increment"]) == ("0.1", "0.00000001")
    assert all(row["product_type"] == "SPOT" and row["mid_market_price"] == "" for row in listed.values())


@pytest.mark.asyncio
async def test_product_lists_can_be_narrowed_and_paged(trader: Trader) -> None:
    assert list(await products(trader, product_ids=["ETH-USD", "BTC-USD"])) == ["BTC-USD", "ETH-USD"]
    _, page = await trader.public("/products", limit=2, offset=1)
    assert [row["product_id"] for row in page["products"]] == ["ETH-USD", "SOL-USD"]
    assert page["num_products"] == 16 and page["pagination"]["has_next"] is True
    assert (await trader.public("/products", product_type="FUTURE"))[1]["products"] == []


@pytest.mark.asyncio
async def test_the_private_twins_say_the_same(trader: Trader) -> None:
    public, private = (await trader.public("/products/BTC-USD"))[1], (await trader.get("/products/BTC-USD"))[1]
    assert public["best_bid_price"] == "" and Decimal(private["best_bid_price"]) < Decimal(private["best_ask_price"])
    assert {k: v for k, v in public.items() if not k.startswith("best")}.items() <= private.items()
    for path, params in (
        ("/products", {"limit": 3}),
        ("/products/BTC-USD/ticker", {"limit": 5}),
        ("/product_book", {"product_id": "BTC-USD", "limit": 5}),
    ):
        assert (await trader.get(path, **params))[0] == 200
    _, best = await trader.get("/best_bid_ask", product_ids=["BTC-USD", "ETH-USDC"])
    books = {row["product_id"]: row for row in best["pricebooks"]}
    assert books.keys() == {"BTC-USD", "ETH-USDC"} and len(books["BTC-USD"]["bids"]) == 1


@pytest.mark.asyncio
async def test_the_book_has_no_sequence_number(trader: Trader) -> None:
    _, answer = await trader.public("/product_book", product_id="BTC-USD", limit=100)
    book = answer["pricebook"]
    assert book.keys() == {"product_id", "bids", "asks", "time"} and len(book["bids"]) == len(book["asks"]) == 100
    bids, asks = ([Decimal(level["price"]) for level in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]
    assert Decimal(answer["mid_market"]) == (bids[0] + asks[0]) / 2
    assert Decimal(answer["spread_absolute"]) == asks[0] - bids[0]
    _, grouped = await trader.public("/product_book", product_id="BTC-USD", limit=5, aggregation_price_increment="100")
    assert all(Decimal(level["price"]) % 100 == 0 for level in grouped["pricebook"]["bids"])
    assert (await trader.public("/product_book", product_id="BTC-USD", aggregation_price_increment="x"))[0] == 400
    status, error = await trader.public("/product_book", product_id="NOT-USD")
    assert (status, error["error"]) == (404, "NOT_FOUND")


@pytest.mark.asyncio
async def test_the_side_of_a_trade_is_the_makers(desk: Bench, trader: Trader) -> None:
    best_ask = desk.twin.desk.venue.books["BTC-USD"].asks.best()
    assert best_ask is not None
    desk.twin.desk.venue.take("BTC-USD", Side.BUY, best_ask, 1000)
    desk.twin.desk.publish()
    _, answer = await trader.public("/products/BTC-USD/ticker", limit=50)
    newest = answer["trades"][0]
    assert (newest["side"], newest["size"], newest["product_id"]) == ("SELL", "0.00001", "BTC-USD")
    assert newest["price"] == format(desk.twin.desk.venue.instruments["BTC-USD"].price(best_ask).normalize(), "f")
    ids = [int(trade["trade_id"]) for trade in answer["trades"]]
    assert len(ids) == 50 and ids == sorted(ids, reverse=True)
    assert Decimal(answer["best_bid"]) < Decimal(answer["best_ask"])
    _, alias = await trader.public("/products/BTC-USDC/ticker", limit=1)
    assert alias["trades"][0]["trade_id"] == newest["trade_id"]
    _, none = await trader.public("/products/BTC-USD/ticker", end=1_600_000_000)
    assert none["trades"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("granularity", "seconds"),
    [
        ("ONE_MINUTE", 60),
        ("FIVE_MINUTE", 300),
        ("FIFTEEN_MINUTE", 900),
        ("THIRTY_MINUTE", 1800),
        ("ONE_HOUR", 3600),
        ("TWO_HOUR", 7200),
        ("SIX_HOUR", 21600),
        ("ONE_DAY", 86400),
    ],
)
async def test_candles_newest_first(trader: Trader, granularity: str, seconds: int) -> None:
    now = int(time.time())
    _, answer = await trader.public(
        "/products/ETH-USD/candles", start=now - 300 * seconds, end=now, granularity=granularity
    )
    candles = answer["candles"]
    starts = [int(row["start"]) for row in candles]
    assert 299 <= len(starts) <= 301 and all(isinstance(row["start"], str) for row in candles)
    assert {a - b for a, b in zip(starts, starts[1:], strict=False)} == {seconds}
    for row in candles[:20]:
        low, high, opened, close = (Decimal(row[k]) for k in ("low", "high", "open", "close"))
        assert low <= min(opened, close) <= max(opened, close) <= high


@pytest.mark.asyncio
async def test_candle_requests_that_are_refused(trader: Trader) -> None:
    now = int(time.time())
    good = {"start": now - 600, "end": now, "granularity": "ONE_MINUTE"}
    assert len((await trader.public("/products/BTC-USD/candles", **good | {"limit": 3}))[1]["candles"]) == 3
    for wrong in ({"start": now - 21_600}, {"granularity": "FOUR_HOUR"}, {"start": ""}, {"end": now - 900}):
        status, error = await trader.public("/products/BTC-USD/candles", **good | wrong)
        assert (status, error["error"]) == (400, "INVALID_ARGUMENT"), wrong


@pytest.mark.asyncio
async def test_the_time_is_text(trader: Trader) -> None:
    status, clock = await trader.time()
    assert status == 200
    assert abs(int(clock["epochMillis"]) - time.time() * 1000) < 2000
    assert clock["epochSeconds"] == clock["epochMillis"][:-3] and clock["iso"].endswith("Z")
