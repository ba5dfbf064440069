"""The HTX twin's public sockets: gzip frames, heartbeats, the incremental book and every other topic."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from app.core.types import Side

from .htx_client import HtxStream, running

MBP = "market.btcusdt.mbp.150"
Book = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


def apply(book: Book, tick: dict[str, Any]) -> None:
    for side, levels in zip(book, (tick.get("bids", []), tick.get("asks", [])), strict=True):
        for price, size in levels:
            if size:
                side[price] = size
            else:
                side.pop(price, None)


async def snapshot(stream: HtxStream, topic: str) -> tuple[int, Book]:
    reply = await stream.ask("req", topic)
    assert (reply["status"], reply["rep"]) == ("ok", topic)
    book: Book = ({}, {})
    apply(book, reply["data"])
    return reply["data"]["seqNum"], book


@pytest.mark.asyncio
@pytest.mark.parametrize("depth", [5, 20, 150, 400])
async def test_diffs_join_the_refresh_and_keep_the_book(depth: int) -> None:
    async with running(400) as here:
        topic = f"market.btcusdt.mbp.{depth}"
        stream = await here.connect("/feed")
        assert (await stream.ask("sub", topic))["subbed"] == topic
        await stream.tick(topic)
        last, book = await snapshot(stream, topic)
        queued = [f["tick"] for f in stream.seen if f.get("ch") == topic]
        for _ in range(15):
            tick = await stream.tick(topic)
            for found in [*queued, tick]:
                if found["seqNum"] <= last:
                    continue
                assert found["prevSeqNum"] == last
                if depth < 150:
                    assert found.keys() - {"seqNum", "prevSeqNum"} <= {"bids", "asks"} and len(found) > 2
                else:
                    assert "bids" in found and "asks" in found
                apply(book, found)
                last = found["seqNum"]
            queued = []
        assert max(book[0]) < min(book[1]) and len(book[0]) <= depth
        again, fresh = await snapshot(stream, topic)
        for found in (f["tick"] for f in stream.seen if f.get("ch") == topic):
            if last < found["seqNum"] <= again:
                apply(book, found)
        assert book == fresh and len(fresh[0]) <= depth


@pytest.mark.asyncio
async def test_a_refresh_may_be_too_old() -> None:
    async with running() as here:
        stream = await here.connect("/feed")
        await stream.ask("sub", MBP)
        bid, _ = here.best("BTC-USDT")
        here.hit("BTC-USDT", Side.SELL, str(bid), "0.0001")
        tick = await stream.tick(MBP)
        here.twin.books["BTC-USDT"].views[150].late_answers = 1
        old, _ = await snapshot(stream, MBP)
        assert old == tick["prevSeqNum"] < tick["seqNum"]
        await asyncio.sleep(0.11)  # pulls have a pace of their own
        assert (await snapshot(stream, MBP))[0] == tick["seqNum"]


@pytest.mark.asyncio
async def test_empty_changes_advance_the_number() -> None:
    async with running() as here:
        stream = await here.connect("/feed")
        here.twin.books["BTC-USDT"].views[150]._sent_ms = 0
        await stream.ask("sub", MBP)
        tick = await stream.tick(MBP)
        assert (tick["bids"], tick["asks"], tick["seqNum"]) == ([], [], tick["prevSeqNum"] + 1)


@pytest.mark.asyncio
async def test_pulls_have_a_pace_and_topics_an_endpoint() -> None:
    async with running() as here:
        feed, market = await here.connect("/feed"), await here.connect("/ws")
        await feed.ask("req", MBP)
        assert (await feed.ask("req", MBP))["err-msg"] == "429 too many request"
        wrong = await feed.ask("sub", "market.shibusdt.mbp.5")
        expected = {
            "status": "error",
            "err-code": "bad-request",
            "err-msg": "invalid mbp.5.symbol shibusdt",
            "id": "x1",
        }
        assert wrong == expected | {"ts": wrong["ts"]}
        assert "subbed" in await feed.ask("sub", "market.shibusdt.mbp.400")
        for stream, topic in (
            (market, MBP),
            (feed, "market.btcusdt.trade.detail"),
            (feed, "market.btcusdt.mbp.refresh.5"),
            (market, "market.btcusdt.kline.2min"),
            (market, "market.btcusdt.depth.step9"),
            (market, "market.nosuch.bbo"),
            (market, "market"),
        ):
            assert (await stream.ask("sub", topic))["err-code"] == "bad-request", topic
        assert "not subbed" in (await market.ask("unsub", "market.btcusdt.bbo"))["err-msg"]
        await market.say("{")
        assert (await market.next())["err-msg"] == "invalid json"


@pytest.mark.asyncio
async def test_trades_begin_with_the_last_old_one() -> None:
    async with running() as here:
        stream = await here.connect("/ws")
        topic = "market.btcusdt.trade.detail"
        await stream.say({"sub": topic, "id": 7})
        ack = await stream.next()
        assert ack == {"id": 7, "status": "ok", "subbed": topic, "ts": ack["ts"]}
        old = (await stream.tick(topic))["data"]
        bid, _ = here.best("BTC-USDT")
        here.hit("BTC-USDT", Side.SELL, str(bid), "0.0002")
        (trade,) = (await stream.tick(topic))["data"]
        assert (trade["direction"], trade["price"], trade["amount"]) == ("sell", bid, Decimal("0.0002"))
        assert trade["tradeId"] > old[0]["tradeId"] and len(str(trade["id"])) == 27
        pulled = (await stream.ask("req", topic))["data"]
        assert [t["tradeId"] for t in pulled[:2]] == [trade["tradeId"], old[0]["tradeId"]]
        assert (await stream.ask("unsub", topic))["unsubbed"] == topic
        assert here.twin.feed._topics == {}


@pytest.mark.asyncio
async def test_whole_pictures_tickers_and_candles() -> None:
    async with running(400) as here:
        stream = await here.connect("/ws")
        for name in ("depth.step0", "mbp.refresh.10", "bbo", "ticker", "detail", "kline.1min", "kline.1day"):
            await stream.ask("sub", f"market.ethusdt.{name}")
            await stream.tick(f"market.ethusdt.{name}")
        first = await stream.tick("market.ethusdt.depth.step0")
        second = await stream.tick("market.ethusdt.depth.step0")
        assert second["version"] > first["version"] and second["bids"][0][0] < second["asks"][0][0]
        small = await stream.tick("market.ethusdt.mbp.refresh.10")
        assert len(small["bids"]) == len(small["asks"]) == 10
        bbo = await stream.tick("market.ethusdt.bbo")
        assert bbo["bid"] < bbo["ask"] and bbo["symbol"] == "ethusdt"
        ticker = await stream.tick("market.ethusdt.ticker")
        assert ticker["low"] <= ticker["lastPrice"] <= ticker["high"] and ticker["lastSize"] > 0
        assert (await stream.tick("market.ethusdt.kline.1min"))["id"] % 60 == 0
        await stream.ask("sub", "market.tickers")
        everything = await stream.until(lambda f: f.get("ch") == "market.tickers")
        assert len(everything["data"]) == 8
        minute = (await stream.tick("market.ethusdt.kline.1min"))["id"]
        span = {"from": minute - 600, "to": minute - 60}
        history = (await stream.ask("req", "market.ethusdt.kline.1min", **span))["data"]
        assert [bar["id"] for bar in history] == list(range(minute - 600, minute, 60))


@pytest.mark.asyncio
async def test_two_missed_pongs_are_the_end() -> None:
    async with running() as here:
        here.twin.sockets.hurry = 50
        good = await here.connect("/ws")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await good.next()
        pings = [frame["ping"] for frame in good.seen]
        assert len(pings) >= 4 and not good.socket.closed and all(type(ping) is int for ping in pings)
        bad = await here.connect("/ws")
        frames = 0
        while (message := await bad.socket.receive(timeout=3)).type is aiohttp.WSMsgType.BINARY:
            frames += 1
        assert (message.type, message.data, frames) == (aiohttp.WSMsgType.CLOSE, 1000, 2)
