"""Market data over WebSocket: subscribing, sequence, the whole book, trades, candles, and when the line is cut."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from app.core.types import Side

from .coinbase_client import Bench, Stream, bench, token


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest_asyncio.fixture
async def lively() -> AsyncIterator[Bench]:
    async with bench(rate=400) as opened:
        yield opened


class Book:
    """What a client makes of l2_data."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"bid": {}, "offer": {}}

    def apply(self, event: dict[str, Any]) -> None:
        if event["type"] == "snapshot":
            self.sides = {"bid": {}, "offer": {}}
        for row in event["updates"]:
            if row["new_quantity"] == "0":
                self.sides[row["side"]].pop(row["price_level"], None)
            else:
                self.sides[row["side"]][row["price_level"]] = row["new_quantity"]

    def best(self) -> tuple[Decimal, Decimal]:
        return max(map(Decimal, self.sides["bid"])), min(map(Decimal, self.sides["offer"]))


@pytest.mark.asyncio
async def test_data_comes_before_the_list_of_subscriptions(desk: Bench) -> None:
    stream = await desk.connect()
    answer = await stream.subscribe("level2", "ETH-USD", "SOL-USD")
    assert [m["channel"] for m in stream.seen] == ["l2_data", "l2_data", "subscriptions"]
    assert [m["sequence_num"] for m in stream.seen] == [0, 1, 2]
    assert answer["events"] == [{"subscriptions": {"level2": ["ETH-USD", "SOL-USD"]}}]
    answer = await stream.subscribe("heartbeats")
    assert answer["events"] == [{"subscriptions": {"heartbeats": ["heartbeats"], "level2": ["ETH-USD", "SOL-USD"]}}]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", answer["timestamp"])
    assert answer.keys() == {"channel", "timestamp", "sequence_num", "events"}


@pytest.mark.asyncio
async def test_a_snapshot_of_five_megabytes(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("level2", "BTC-USD")
    assert 4_700_000 < stream.sizes[0] < 5_500_000
    (event,) = stream.seen[0]["events"]
    assert (event["type"], event["product_id"]) == ("snapshot", "BTC-USD")
    assert event["updates"][0].keys() == {"side", "event_time", "price_level", "new_quantity"}
    assert {row["side"] for row in event["updates"]} == {"bid", "offer"}
    bids = [Decimal(row["price_level"]) for row in event["updates"] if row["side"] == "bid"]
    offers = [Decimal(row["price_level"]) for row in event["updates"] if row["side"] == "offer"]
    assert bids == sorted(bids, reverse=True) and offers == sorted(offers) and bids[0] < offers[0]
    assert len(set(bids)) == len(bids) > 20_000 < len(offers) == len(set(offers))


@pytest.mark.asyncio
async def test_updates_keep_the_book_like_the_venues(lively: Bench) -> None:
    stream = await lively.connect()
    await stream.subscribe("level2", "BTC-USD", "ETH-USD")
    books = {"BTC-USD": Book(), "ETH-USD": Book()}
    for message in stream.seen[:2]:
        books[message["events"][0]["product_id"]].apply(message["events"][0])
    for _ in range(150):
        event = await stream.data("l2_data")
        assert event["type"] == "update"
        books[event["product_id"]].apply(event)
        bid, offer = books[event["product_id"]].best()
        assert bid < offer
    assert [m["sequence_num"] for m in stream.seen] == list(range(len(stream.seen)))
    assert lively.server.pacing is not None
    lively.server.pacing.cancel()
    while True:
        try:
            message = await asyncio.wait_for(stream.next(), 0.3)
        except TimeoutError:
            break
        books[message["events"][0]["product_id"]].apply(message["events"][0])
    depth = lively.twin.desk.venue.books["BTC-USD"].bids.top(20)
    price, amount = (getattr(lively.twin.desk.venue.instruments["BTC-USD"], name) for name in ("price", "amount"))
    shown = {Decimal(p): Decimal(q) for p, q in books["BTC-USD"].sides["bid"].items()}
    assert sorted(shown, reverse=True)[:20] == [price(ticks) for ticks, _ in depth]
    assert [shown[price(ticks)] for ticks, _ in depth] == [amount(lots) for _, lots in depth]


@pytest.mark.asyncio
async def test_far_levels_add_to_our_own_order_there(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("level2", "LTC-USD")
    updates = stream.seen[0]["events"][0]["updates"]
    far = [row for row in updates if row["side"] == "bid"][-1]
    order_id = await desk.trader.limit("BUY", "100", far["price_level"], "LTC-USD")
    (row,) = (await stream.data("l2_data"))["updates"]
    assert row["price_level"] == far["price_level"]
    assert Decimal(row["new_quantity"]) == Decimal(far["new_quantity"]) + 100
    await desk.trader.post("/orders/batch_cancel", {"order_ids": [order_id]})
    (row,) = (await stream.data("l2_data"))["updates"]
    assert row["new_quantity"] == far["new_quantity"], "not removed: others stand there"
    await desk.trader.limit("BUY", "10", "100.11", "LTC-USD")
    (row,) = (await stream.data("l2_data"))["updates"]
    assert (row["side"], row["price_level"], row["new_quantity"]) == ("bid", "100.11", "10")


@pytest.mark.asyncio
async def test_an_alias_delivers_the_usd_book(desk: Bench) -> None:
    stream = await desk.connect()
    answer = await stream.subscribe("level2", "ETH-USDC")
    assert stream.seen[0]["events"][0]["product_id"] == "ETH-USD"
    assert answer["events"][0]["subscriptions"] == {"level2": ["ETH-USDC"]}
    await desk.trader.limit("BUY", "0.1", "2500", "ETH-USDC")
    assert (await stream.data("l2_data"))["product_id"] == "ETH-USD"


@pytest.mark.asyncio
async def test_leaving_and_coming_back_gives_a_new_snapshot(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("level2", "ETH-USD", "SOL-USD")
    answer = await stream.unsubscribe("level2", "ETH-USD")
    assert answer["events"] == [{"subscriptions": {"level2": ["SOL-USD"]}}]
    await desk.trader.limit("BUY", "0.1", "2500", "ETH-USD")
    await stream.subscribe("level2", "ETH-USD")
    event = stream.seen[-2]["events"][0]
    assert (event["type"], event["product_id"]) == ("snapshot", "ETH-USD")
    assert any(row["price_level"] == "2500" for row in event["updates"])
    assert (await stream.unsubscribe("level2"))["events"] == [{"subscriptions": {}}]


@pytest.mark.asyncio
async def test_trades_a_batch_each_quarter_second_and_their_makers_side(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("market_trades", "ETH-USD")
    (event,) = stream.seen[0]["events"]
    assert (event["type"], len(event["trades"])) == ("snapshot", 100)
    ids = [int(trade["trade_id"]) for trade in event["trades"]]
    assert ids == sorted(ids, reverse=True)
    venue = desk.twin.desk.venue
    best_ask, best_bid = venue.books["ETH-USD"].asks.best(), venue.books["ETH-USD"].bids.best()
    assert best_ask is not None and best_bid is not None
    venue.take("ETH-USD", Side.BUY, best_ask, 1_000_000)
    venue.take("ETH-USD", Side.SELL, best_bid, 2_000_000)
    desk.twin.desk.publish()
    event = await stream.data("market_trades")
    assert event["type"] == "update"
    assert [(t["side"], t["size"]) for t in event["trades"]] == [("BUY", "0.02"), ("SELL", "0.01")], "newest first"
    assert event["trades"][0].keys() == {"product_id", "trade_id", "price", "size", "time", "side"}


@pytest.mark.asyncio
async def test_tickers(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("ticker", "ETH-USD")
    (event,) = stream.seen[0]["events"]
    (row,) = event["tickers"]
    assert event["type"] == "snapshot"
    assert row.keys() == {
        "type", "product_id", "price", "volume_24_h", "low_24_h", "high_24_h", "low_52_w", "high_52_w",
        "price_percent_chg_24_h", "best_bid", "best_ask", "best_bid_quantity", "best_ask_quantity",
    }  # fmt: skip
    assert Decimal(row["low_52_w"]) <= Decimal(row["low_24_h"]) <= Decimal(row["price"]) <= Decimal(row["high_24_h"])
    inside = Decimal(row["best_ask"]) - Decimal("0.01")
    await desk.trader.limit("SELL", "0.5", str(inside), "ETH-USD")
    event = await stream.data("ticker")
    assert (event["type"], event["tickers"][0]["best_ask"]) == ("update", format(inside.normalize(), "f"))
    assert event["tickers"][0]["best_ask_quantity"] == "0.5"
    await stream.subscribe("ticker_batch", "ETH-USD")
    (row,) = stream.seen[-2]["events"][0]["tickers"]
    assert not [name for name in row if name.startswith("best")]


@pytest.mark.asyncio
async def test_candles_of_five_minutes(lively: Bench) -> None:
    stream = await lively.connect()
    await stream.subscribe("candles", "BTC-USD")
    (event,) = stream.seen[0]["events"]
    starts = [int(row["start"]) for row in event["candles"]]
    assert len(starts) == 100 and {b - a for a, b in zip(starts, starts[1:], strict=False)} == {300}
    event = await stream.data("candles")
    (row,) = event["candles"]
    assert event["type"] == "update" and int(row["start"]) >= starts[-1]
    assert row.keys() == {"start", "high", "low", "open", "close", "volume", "product_id"}


@pytest.mark.asyncio
async def test_status_and_heartbeats(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("status", "BTC-USD")
    (row,) = stream.seen[0]["events"][0]["products"]
    assert (row["id"], row["display_name"], row["status"], row["min_market_funds"]) == (
        "BTC-USD", "BTC/USD", "online", "1",
    )  # fmt: skip
    await stream.subscribe("heartbeats")
    first, second = await stream.data("heartbeats"), await stream.data("heartbeats")
    assert second["heartbeat_counter"] == first["heartbeat_counter"] + 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC m=\+\d+\.\d+", first["current_time"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe", "channels": ["level2"], "product_ids": ["ETH-USD"]},
        {"type": "subscribe", "channel": ["level2"], "product_ids": ["ETH-USD"]},
        {"type": "subscribe", "channel": "l2_data", "product_ids": ["ETH-USD"]},
        {"type": "subscribe", "channel": "level2"},
        {"type": "subscribe", "channel": "level2", "product_ids": ["NOT-USD"]},
        {"type": "subscribe", "channel": "level2", "product_ids": "ETH-USD"},
        {"type": "shout", "channel": "level2"},
        {"type": "subscribe", "channel": "user"},
        {"type": "subscribe", "channel": "futures_balance_summary"},
    ],
)
async def test_messages_that_are_refused(desk: Bench, message: dict[str, Any]) -> None:
    stream = await desk.connect()
    await stream.say(**message)
    answer = await stream.next()
    assert answer.keys() == {"type", "message"} and answer["type"] == "error" and answer["message"]
    await stream.subscribe("status", "BTC-USD")
    assert stream.seen[-1]["sequence_num"] == 1, "errors do not count"


@pytest.mark.asyncio
async def test_what_is_not_json_is_an_error_too(desk: Bench) -> None:
    stream = await desk.connect()
    for text in ("{", "[]", '"x"'):
        await stream.socket.send_str(text)
        assert (await stream.next())["type"] == "error"


@pytest.mark.asyncio
async def test_a_token_on_a_public_channel_is_checked(desk: Bench) -> None:
    stream, trader = await desk.connect(), desk.trader
    failure = {"type": "error", "message": "authentication failure"}
    for bad in ("x", token(trader.name, trader.secret, "GET api.coinbase.com/"), token("nobody", trader.secret, None)):
        assert await stream.subscribe("status", "BTC-USD", jwt=bad) == failure
    expired = token(trader.name, trader.secret, None, now=int(time.time()) - 121)
    assert await stream.subscribe("status", "BTC-USD", jwt=expired) == failure
    assert "events" in await stream.subscribe("status", "BTC-USD", jwt=trader.socket_token())


@pytest.mark.asyncio
async def test_too_many_books_in_one_session(desk: Bench) -> None:
    desk.twin.sockets.l2_streams = 2
    stream = await desk.connect()
    await stream.subscribe("level2", "ETH-USD", "ETH-USDC", "SOL-USD")
    answer = await stream.subscribe("level2", "LTC-USD")
    assert answer == {"type": "error", "message": "too many L2 streams requested in a single session"}


@pytest.mark.asyncio
async def test_eight_connections_and_eight_messages_a_second(desk: Bench) -> None:
    streams: list[Stream] = []
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        for _ in range(12):
            streams.append(await desk.connect())
    assert refused.value.status == 429 and len(streams) >= 8
    for _ in range(10):
        await streams[0].say(type="subscribe", channel="status", product_ids=["BTC-USD"])
    answer = await streams[0].until(lambda m: m.get("type") == "error")
    assert answer["message"] == "too many unauthenticated messages"


@pytest.mark.asyncio
async def test_who_does_not_subscribe_in_time_is_cut(desk: Bench) -> None:
    desk.twin.sockets.subscribe_within_s = 0.2
    silent, wrong, right = [await desk.connect() for _ in range(3)]
    await wrong.say(type="subscribe", channel="nothing")
    await right.subscribe("status", "BTC-USD")
    assert await silent.end() == 1000 and await wrong.end() == 1000
    await right.subscribe("status", "ETH-USD")


@pytest.mark.asyncio
async def test_a_quiet_line_without_heartbeats_is_cut(desk: Bench) -> None:
    desk.twin.sockets.quiet_s = 1.3
    quiet, beating = await desk.connect(), await desk.connect()
    await quiet.subscribe("status", "BTC-USD")
    await beating.subscribe("heartbeats")
    assert await quiet.end() == 1000
    await beating.data("heartbeats")
    await beating.data("heartbeats")
    assert desk.twin.sockets.count() == 1


@pytest.mark.asyncio
async def test_a_slow_reader_is_disconnected_with_a_reason(desk: Bench) -> None:
    desk.twin.sockets.max_bytes = 1_000_000
    stream = await desk.connect()
    await stream.say(type="subscribe", channel="level2", product_ids=["BTC-USD"])
    assert await stream.end() == 1008
