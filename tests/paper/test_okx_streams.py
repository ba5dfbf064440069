"""The public and business sockets: books by sequence number, trades, candles, keep-alive, and every refusal."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from .okx_client import OkxStream, Running, running


class Replica:
    """A reader's book, kept by the rules of the fact sheet."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, list[str]]] = {"asks": {}, "bids": {}}
        self.sequence = 0

    def apply(self, message: dict[str, Any]) -> None:
        (data,) = message["data"]
        assert data["checksum"] == 0 and type(data["seqId"]) is int and type(data["prevSeqId"]) is int
        if message["action"] == "snapshot":
            assert data["prevSeqId"] == -1
            self.sides = {"asks": {}, "bids": {}}
        else:
            assert data["prevSeqId"] == self.sequence
        self.sequence = data["seqId"]
        self.merge(data)
        bids, asks = ([Decimal(p) for p in self.sides[s]] for s in ("bids", "asks"))
        assert max(bids) < min(asks)

    def merge(self, data: dict[str, Any]) -> None:
        for side, levels in self.sides.items():
            for level in data[side]:
                if level[1] == "0":
                    del levels[level[0]]
                else:
                    levels[level[0]] = level

    def best_first(self, side: str) -> list[list[str]]:
        return sorted(self.sides[side].values(), key=lambda x: Decimal(x[0]), reverse=side == "bids")


async def pushed(stream: OkxStream, here: Running, messages: int, channel: str = "books") -> dict[str, Any]:
    """Let the market move, then wait for the next push."""
    here.twin.desk.advance(messages)
    frame: dict[str, Any] = await stream.data(channel)
    return frame


@pytest.mark.asyncio
async def test_books_can_be_rebuilt_from_their_diffs() -> None:
    async with running() as here:
        stream = await here.connect("public")
        ack = await stream.subscribe("books", instId="BTC-USDT")
        assert ack == {
            "event": "subscribe",
            "arg": {"channel": "books", "instId": "BTC-USDT"},
            "connId": ack["connId"],
        }
        replica, numbers = Replica(), []
        replica.apply(await stream.data("books"))
        for _ in range(5):
            replica.apply(await pushed(stream, here, 300))
            numbers.append(replica.sequence)
            (book,) = (await here.trader.public("/market/books", instId="BTC-USDT", sz=400))["data"]
            assert replica.sequence == book["seqId"]
            assert (replica.best_first("asks"), replica.best_first("bids")) == (book["asks"], book["bids"])
        assert all(after - before > 1 for before, after in zip(numbers, numbers[1:], strict=False)), "seqId jumps"


@pytest.mark.asyncio
async def test_a_second_reader_joins_the_same_chain() -> None:
    async with running() as here:
        first, second = await here.connect("public"), await here.connect("public")
        await first.subscribe("books", instId="ETH-USDT")
        await pushed(first, here, 200)
        here.twin.desk.advance(50)
        await second.subscribe("books", instId="ETH-USDT")
        replica = Replica()
        replica.apply(await second.data("books"))
        replica.apply(await pushed(second, here, 200))
        assert (
            replica.sequence
            == (await first.until(lambda f: f["data"][0]["seqId"] == replica.sequence))["data"][0]["seqId"]
        )


@pytest.mark.asyncio
async def test_keep_alive_and_renumbering_are_no_gaps() -> None:
    async with running() as here:
        stream = await here.connect("public")
        await stream.subscribe("books", instId="BTC-USDT")
        replica = Replica()
        replica.apply(await stream.data("books"))
        view = here.twin.books["BTC-USDT"]
        quiet = view.update(here.twin.desk.venue.now_ms() + 61_000)
        assert quiet is not None and (quiet["asks"], quiet["bids"]) == ([], [])
        assert quiet["prevSeqId"] == quiet["seqId"] == replica.sequence
        view.renumber()
        frame = await pushed(stream, here, 200)
        (data,) = frame["data"]
        assert data["seqId"] < data["prevSeqId"] == replica.sequence
        replica.apply(frame)
        replica.apply(await pushed(stream, here, 200))


@pytest.mark.asyncio
async def test_without_a_snapshot_the_rest_book_joins() -> None:
    async with running() as here:
        here.twin.feed.sends_snapshots = False
        stream = await here.connect("public")
        await stream.subscribe("books", instId="BTC-USDT")
        here.twin.desk.advance(100)
        (book,) = (await here.trader.public("/market/books", instId="BTC-USDT", sz=400))["data"]
        frame = await pushed(stream, here, 100)
        (data,) = frame["data"]
        assert frame["action"] == "update" and data["prevSeqId"] <= book["seqId"] < data["seqId"]
        replica = Replica()
        replica.sides = {side: {level[0]: level for level in book[side]} for side in ("asks", "bids")}
        for side in ("asks", "bids"):
            known = replica.sides[side]
            data[side] = [level for level in data[side] if level[1] != "0" or level[0] in known]
        replica.merge(data)
        replica.sequence = data["seqId"]
        replica.apply(await pushed(stream, here, 100))


@pytest.mark.asyncio
async def test_small_books_are_whole_and_have_no_action() -> None:
    async with running() as here:
        stream = await here.connect("public")
        for channel, depth in (("books5", 5), ("bbo-tbt", 1)):
            await stream.subscribe(channel, instId="SOL-USDT")
            first = await stream.data(channel)
            assert "action" not in first and len(first["data"][0]["asks"]) == depth
            frame = await pushed(stream, here, 2000, channel)
            (book,) = (await here.trader.public("/market/books", instId="SOL-USDT", sz=depth))["data"]
            assert (frame["data"][0]["asks"], frame["data"][0]["bids"]) == (book["asks"], book["bids"])


@pytest.mark.asyncio
async def test_trades_merge_the_fills_of_one_taker_and_trades_all_does_not() -> None:
    async with running() as here:
        merged, single = await here.connect("public"), await here.connect("business")
        await merged.subscribe("trades", instId="BTC-USDT")
        await single.subscribe("trades-all", instId="BTC-USDT")
        here.twin.desk.advance(6000)
        rows = [f["data"][0] for f in await merged.drain()]
        fills = [f["data"][0] for f in await single.drain()]
        assert sum(int(row["count"]) for row in rows) == len(fills) > len(rows)
        assert sum(Decimal(row["sz"]) for row in rows) == sum(Decimal(fill["sz"]) for fill in fills)
        assert rows[-1]["tradeId"] == fills[-1]["tradeId"] and type(rows[0]["seqId"]) is int
        listed = (await here.trader.public("/market/trades", instId="BTC-USDT", limit=5))["data"]
        assert [(f["tradeId"], f["side"]) for f in fills[-5:][::-1]] == [(t["tradeId"], t["side"]) for t in listed]


@pytest.mark.asyncio
async def test_tickers_candles_and_instruments() -> None:
    async with running(400) as here:
        public, business = await here.connect("public"), await here.connect("business")
        await public.subscribe("tickers", instId="BTC-USDT")
        first = (await public.data("tickers"))["data"][0]
        later = (await public.until(lambda f: f["data"][0]["vol24h"] != first["vol24h"]))["data"][0]
        assert later["instType"] == "SPOT" and int(later["ts"]) > int(first["ts"])
        for channel in ("candle1m", "candle1Dutc", "candle1s"):
            await business.subscribe(channel, instId="BTC-USDT")
            row = (await business.data(channel))["data"][0]
            assert len(row) == 9 and row[8] == "0"
        bar = (await here.trader.public("/market/candles", instId="BTC-USDT", bar="1Dutc", limit=1))["data"][0]
        await business.until(lambda f: f["arg"]["channel"] == "candle1Dutc" and f["data"][0][0] == bar[0])
        await public.subscribe("instruments", instType="SPOT")
        assert len((await public.data("instruments"))["data"]) == 8
        here.twin.rules.states["BTC-USDT"] = "suspend"
        here.twin.feed.show_instrument("BTC-USDT")
        assert (await public.data("instruments"))["data"][0]["state"] == "suspend"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("public", '{"op":"subscribe","args":[{"channel":"books","instId":"NO-SUCH"}]}', "60018"),
        ("public", '{"op":"subscribe","args":[{"channel":"nothing","instId":"BTC-USDT"}]}', "60018"),
        ("public", '{"op":"subscribe","args":[{"channel":"candle1m","instId":"BTC-USDT"}]}', "60018"),
        ("public", '{"op":"subscribe","args":[{"channel":"orders","instType":"SPOT"}]}', "60018"),
        ("business", '{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}', "60018"),
        ("business", '{"op":"subscribe","args":[{"channel":"orders-algo","instType":"SPOT"}]}', "60011"),
        ("private", '{"op":"subscribe","args":[{"channel":"account"}]}', "60011"),
        ("public", '{"op":"subscribe","args":[{"channel":"books-l2-tbt","instId":"BTC-USDT"}]}', "60011"),
        ("public", '{"op":"subscribe","args":[]}', "60013"),
        ("public", '{"op":"subscribe","args":["books"]}', "60013"),
        ("public", '{"op":"subscribe"}', "60013"),
        ("public", '{"op":"dance","args":[{}]}', "60019"),
        ("public", "not json", "60012"),
        ("public", "[1]", "60012"),
        ("public", '{"op":"subscribe","args":["' + "x" * 70_000 + '"]}', "60012"),
        ("public", '{"id":"1","op":"order","args":[{"instIdCode":10000}]}', "60028"),
        ("private", '{"id":"1","op":"order","args":[{"instIdCode":10000}]}', "60011"),
    ],
)
async def test_mistakes_are_named(kind: str, text: str, code: str) -> None:
    async with running() as here:
        stream = await here.connect(kind)
        await stream.socket.send_str(text)
        reply = await stream.next()
        assert reply["code"] == code and reply["msg"]
        assert await stream.drain() == [], "the connection lives on"


@pytest.mark.asyncio
async def test_one_bad_argument_leaves_the_others_and_ids_come_back() -> None:
    async with running() as here:
        stream = await here.connect("public")
        args = [{"channel": c, "instId": "BTC-USDT"} for c in ("trades", "nothing", "books5")]
        await stream.say("subscribe", *args, id="77")
        answers = [f for f in await stream.drain() if "event" in f]
        assert [(a["event"], a["id"]) for a in answers] == [("subscribe", "77"), ("error", "77"), ("subscribe", "77")]


@pytest.mark.asyncio
async def test_nothing_comes_after_unsubscribing() -> None:
    async with running() as here:
        stream = await here.connect("public")
        await stream.subscribe("books", instId="BTC-USDT")
        await stream.subscribe("trades", instId="BTC-USDT")
        await stream.say("unsubscribe", *({"channel": c, "instId": "BTC-USDT"} for c in ("books", "trades")))
        await stream.until(lambda f: f.get("event") == "unsubscribe" and f["arg"]["channel"] == "trades")
        here.twin.desk.advance(500)
        here.twin.feed.tick()
        assert await stream.drain() == []
        await stream.subscribe("books", instId="BTC-USDT")
        again = await stream.data("books")
        assert (again["action"], again["data"][0]["prevSeqId"]) == ("snapshot", -1)


@pytest.mark.asyncio
async def test_thirty_silent_seconds_end_it_and_pushes_count_as_data() -> None:
    async with running() as here:
        here.twin.sockets.idle_s = 0.4
        silent, talker, reader = [await here.connect("public") for _ in range(3)]
        await reader.subscribe("trades", instId="BTC-USDT")

        async def alive() -> None:
            while True:
                await talker.socket.send_str("ping")
                assert await talker.next() == "pong"
                here.twin.desk.advance(200)
                await asyncio.sleep(0.05)

        keeping = asyncio.create_task(alive())
        assert (await silent.next())["code"] == "60015"
        closed = await silent.socket.receive(timeout=3)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4004)
        async with asyncio.timeout(3):
            while here.twin.sockets.count("public") != 2:
                await asyncio.sleep(0.01)
        assert (await reader.data("trades"))["data"]
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.asyncio
async def test_three_new_connections_a_second() -> None:
    async with running() as here:
        here.twin.sockets.new_per_second = 3
        for _ in range(3):
            await here.connect("public")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await here.connect("public")
        assert refused.value.status == 429


@pytest.mark.asyncio
async def test_480_requests_an_hour() -> None:
    async with running() as here:
        stream = await here.connect("public")
        for n in range(481):
            await stream.say("unsubscribe" if n % 2 else "subscribe", {"channel": "trades", "instId": "BTC-USDT"})
        answers = await stream.drain()
        assert {a["event"] for a in answers[:480]} == {"subscribe", "unsubscribe"}
        assert answers[480]["code"] == "60014"


@pytest.mark.asyncio
async def test_a_service_upgrade_is_announced() -> None:
    async with running() as here:
        stream, business = await here.connect("public"), await here.connect("business")
        await stream.drain()
        here.twin.sockets.announce_upgrade(0.1)
        notice = await stream.next()
        assert (notice["event"], notice["code"]) == ("notice", "64008") and notice["connId"]
        closed = await stream.socket.receive(timeout=3)
        assert closed.type is aiohttp.WSMsgType.CLOSE
        assert await business.drain() == []


@pytest.mark.asyncio
async def test_a_reader_that_falls_behind_is_told_why() -> None:
    async with running() as here:
        here.twin.sockets.max_frames = 100
        slow = await here.connect("public")
        for pair in here.twin.desk.venue.instruments:
            await slow.subscribe("trades", instId=pair)
        here.twin.desk.advance(3000)
        async with asyncio.timeout(5):
            while (message := await slow.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert (message.data, message.extra) == (1008, "slow consumer")
