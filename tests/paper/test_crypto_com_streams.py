"""The market socket: books by their chain of numbers, whole books, trades, tickers, candles, heartbeats, refusals."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from .crypto_com_client import CryptoComStream, Running, running

DELTAS: dict[str, Any] = {"book_subscription_type": "SNAPSHOT_AND_UPDATE", "book_update_frequency": 10}


class Replica:
    """A reader's book, kept by the rules of the fact sheet."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, list[str]]] = {"asks": {}, "bids": {}}
        self.sequence = 0
        self.updates = 0

    def apply(self, result: dict[str, Any]) -> None:
        (data,) = result["data"]
        assert all(type(data[name]) is int for name in ("t", "tt", "u", "cs"))
        if result["channel"] == "book":
            self.sides, changes = {"asks": {}, "bids": {}}, data
        else:
            assert result["channel"] == "book.update" and data["pu"] == self.sequence
            changes, self.updates = data["update"], self.updates + 1
        self.sequence = data["u"]
        for side, levels in self.sides.items():
            for level in changes[side]:
                if level[1] == "0":
                    del levels[level[0]]
                else:
                    levels[level[0]] = level
        bids, asks = ([Decimal(p) for p in self.sides[s]] for s in ("bids", "asks"))
        assert max(bids) < min(asks)

    def best_first(self, side: str) -> list[list[str]]:
        return sorted(self.sides[side].values(), key=lambda x: Decimal(x[0]), reverse=side == "bids")


async def follow(stream: CryptoComStream, here: Running, replica: Replica, depth: int) -> None:
    """Read until the replica has the number of the book over REST, then compare."""
    here.twin.desk.advance(300)
    answer = await here.trader.public("get-book", instrument_name="BTC_USDT", depth=depth)
    (book,) = answer["result"]["data"]
    async with asyncio.timeout(3):
        while replica.sequence != book["u"]:
            replica.apply(await stream.data(f"book.BTC_USDT.{depth}"))
    assert (replica.best_first("asks"), replica.best_first("bids")) == (book["asks"], book["bids"])


@pytest.mark.asyncio
@pytest.mark.parametrize(("depth", "frequency"), [(50, 10), (10, 100)])
async def test_books_can_be_rebuilt_from_their_updates(depth: int, frequency: int) -> None:
    async with running() as here:
        stream, replica = await here.connect(), Replica()
        ack = await stream.subscribe(f"book.BTC_USDT.{depth}", **(DELTAS | {"book_update_frequency": frequency}))
        assert ack == {"id": ack["id"], "method": "subscribe", "code": 0}
        first = await stream.data(f"book.BTC_USDT.{depth}")
        assert (first["channel"], first["depth"], first["instrument_name"]) == ("book", depth, "BTC_USDT")
        replica.apply(first)
        for _ in range(4):
            await follow(stream, here, replica, depth)
        assert replica.updates >= 4


@pytest.mark.asyncio
async def test_a_second_reader_joins_the_same_chain() -> None:
    async with running() as here:
        first, second = await here.connect(), await here.connect()
        await first.subscribe("book.BTC_USDT.50", **DELTAS)
        replicas = [Replica(), Replica()]
        replicas[0].apply(await first.data("book.BTC_USDT.50"))
        await follow(first, here, replicas[0], 50)
        here.twin.desk.advance(50)
        await second.subscribe("book.BTC_USDT.50", **DELTAS)
        replicas[1].apply(await second.data("book.BTC_USDT.50"))
        await follow(second, here, replicas[1], 50)
        async with asyncio.timeout(3):
            while replicas[0].sequence != replicas[1].sequence:
                replicas[0].apply(await first.data("book.BTC_USDT.50"))
        assert replicas[0].sides == replicas[1].sides


@pytest.mark.asyncio
async def test_a_quiet_book_sends_empty_updates_that_continue_the_chain() -> None:
    async with running() as here:
        stream, replica = await here.connect(), Replica()
        await stream.subscribe("book.BTC_USDT.10", **DELTAS)
        replica.apply(await stream.data("book.BTC_USDT.10"))
        empty = await stream.data("book.BTC_USDT.10")
        assert empty["data"][0]["update"] == {"asks": [], "bids": []}
        replica.apply(empty)
        await follow(stream, here, replica, 10)


@pytest.mark.asyncio
async def test_a_gap_shows_and_subscribing_again_brings_a_snapshot() -> None:
    async with running() as here:
        stream = await here.connect()
        await stream.subscribe("book.BTC_USDT.50", **DELTAS)
        known = (await stream.data("book.BTC_USDT.50"))["data"][0]["u"]
        (view,) = here.twin.feed.views.values()
        view.lose_one()
        here.twin.desk.advance(50)
        assert (await stream.data("book.BTC_USDT.50"))["data"][0]["pu"] != known
        await stream.ask("unsubscribe", {"channels": ["book.BTC_USDT.50"]})
        assert not here.twin.feed.views
        await stream.subscribe("book.BTC_USDT.50", **DELTAS)
        replica = Replica()
        replica.apply(await stream.data("book.BTC_USDT.50"))
        await follow(stream, here, replica, 50)


@pytest.mark.asyncio
async def test_without_the_snake_case_words_whole_books_come() -> None:
    async with running() as here:
        stream = await here.connect()
        await stream.subscribe("book.ETH_USDT.10", bookSubscriptionType="SNAPSHOT_AND_UPDATE")
        whole = [await stream.data("book.ETH_USDT.10") for _ in range(3)]
        assert {frame["channel"] for frame in whole} == {"book"}
        assert all(len(frame["data"][0]["asks"]) == 10 for frame in whole)
        assert whole[2]["data"][0]["t"] - whole[1]["data"][0]["t"] >= 450
        await stream.subscribe("book.ETH_USDT.10", **DELTAS)
        await stream.data("book.ETH_USDT.10")
        assert (await stream.data("book.ETH_USDT.10"))["channel"] == "book.update", "other terms replace the old ones"


@pytest.mark.asyncio
async def test_trades_begin_with_a_batch() -> None:
    async with running() as here:
        here.twin.desk.advance(500)
        stream = await here.connect()
        await stream.subscribe("trade.BTC_USDT")
        batch = (await stream.data("trade.BTC_USDT"))["data"]
        assert len(batch) == 50 and all(type(row["t"]) is int for row in batch)
        here.twin.desk.advance(2000)
        pushed = [row for f in await stream.drain() for row in f["result"]["data"]]
        listed = (await here.trader.public("get-trades", instrument_name="BTC_USDT", count=20))["result"]["data"]
        assert [row["d"] for row in pushed][-20:] == [row["d"] for row in listed][::-1]
        assert not {row["d"] for row in batch} & {row["d"] for row in pushed}


@pytest.mark.asyncio
async def test_tickers_and_candles() -> None:
    async with running(400) as here:
        stream = await here.connect()
        await stream.subscribe("ticker.BTC_USDT", "candlestick.1m.BTC_USDT", "candlestick.D1.BTC_USDT")
        first = (await stream.data("ticker.BTC_USDT"))["data"][0]
        minute = await stream.data("candlestick.1m.BTC_USDT")
        assert (minute["interval"], minute["channel"], len(minute["data"])) == ("1m", "candlestick", 300)
        day = await stream.data("candlestick.D1.BTC_USDT")
        assert day["interval"] == "D1" and day["data"][-1]["t"] % 86_400_000 == 0
        later = await stream.until(
            lambda f: f["result"]["channel"] == "ticker" and f["result"]["data"][0]["v"] != first["v"]
        )
        assert later["result"]["data"][0]["t"] > first["t"]
        update = await stream.data("candlestick.1m.BTC_USDT")
        assert 1 <= len(update["data"]) <= 2 and update["data"][-1]["t"] >= minute["data"][-1]["t"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"id":3,"method":"subscribe","params":{"channels":["book.BTC_USDT"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":["book.BTC_USDT.150"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":["trade.BTC_USDT","trade.NO_SUCH"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":["ticker"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":["candlestick.2m.BTC_USDT"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":["user.order"]}}', 10004),
        ('{"id":3,"method":"subscribe","params":{"channels":[]}}', 40004),
        ('{"id":3,"method":"subscribe"}', 40004),
        (
            '{"id":3,"method":"subscribe","params":{"channels":["book.BTC_USDT.50"],"book_update_frequency":100}}',
            40004,
        ),
        (
            '{"id":3,"method":"subscribe","params":{"channels":["book.BTC_USDT.50"],"book_subscription_type":"X"}}',
            40004,
        ),
        ('{"id":3,"method":"private/create-order","params":{}}', 40002),
        ('{"id":3,"method":"dance","params":{}}', 40002),
        ('{"id":3}', 40003),
        ("not json", 40003),
        ("[1]", 40003),
    ],
)
async def test_mistakes_are_named(text: str, code: int) -> None:
    async with running() as here:
        stream = await here.connect()
        await stream.socket.send_str(text)
        reply = await stream.next()
        assert (reply["code"], reply["original"]) == (code, text) and reply["message"]
        named = json.loads(text) if text.startswith("{") else {}
        assert (reply["id"], reply["method"]) == (named.get("id", -1), named.get("method", "ERROR"))
        assert await stream.drain() == [], "the connection lives on, and nothing is subscribed"


@pytest.mark.asyncio
async def test_an_invalid_channel_is_repeated_in_the_message() -> None:
    async with running() as here:
        stream = await here.connect()
        refused = await stream.subscribe("trade.BTCUSD-PERP")
        assert refused["message"] == 'invalid channel {"channels":["trade.BTCUSD-PERP"]}'


@pytest.mark.asyncio
async def test_no_id_is_no_mistake() -> None:
    async with running() as here:
        stream = await here.connect()
        await stream.socket.send_str('{"method":"subscribe","params":{"channels":["ticker.BTC_USDT"]},"nonce":1}')
        assert await stream.next() == {"id": -1, "method": "subscribe", "code": 0}
        assert (await stream.data("ticker.BTC_USDT"))["channel"] == "ticker"


@pytest.mark.asyncio
async def test_too_many_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.paper.dialects.crypto_com_session.MOST_CHANNELS", 2)
    async with running() as here:
        stream = await here.connect()
        assert (await stream.subscribe("trade.BTC_USDT", "trade.ETH_USDT"))["code"] == 0
        assert (await stream.subscribe("trade.BTC_USDT"))["code"] == 0, "known already"
        assert (await stream.subscribe("ticker.BTC_USDT"))["code"] == 40107


@pytest.mark.asyncio
async def test_heartbeats_must_be_answered_with_their_id() -> None:
    async with running() as here:
        here.twin.sockets.heartbeat_s, here.twin.sockets.answer_s = 0.1, 0.3
        silent, wrong, good = await here.connect(), await here.connect("user"), await here.connect()
        silent.answers_heartbeats = wrong.answers_heartbeats = False
        beat = await silent.next()
        assert beat == {"id": beat["id"], "method": "public/heartbeat", "code": 0} and beat["id"] > 10**12
        other = await wrong.next()
        await wrong.socket.send_str(json.dumps({"id": other["id"] + 1, "method": "public/respond-heartbeat"}))
        for _ in range(6):
            assert (await good.next())["method"] == "public/heartbeat"
        for stream in (silent, wrong):
            closed = await stream.socket.receive(timeout=3)
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1000)
        assert here.twin.sockets.count("market") == 1


@pytest.mark.asyncio
async def test_a_restarting_server_says_so() -> None:
    async with running() as here:
        stream = await here.connect()
        await stream.drain()
        here.twin.sockets.restart()
        closed = await stream.socket.receive(timeout=3)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1013)


@pytest.mark.asyncio
async def test_a_reader_that_falls_behind_is_told_why() -> None:
    async with running() as here:
        here.twin.sockets.max_frames = 100
        slow = await here.connect()
        await slow.subscribe(*(f"trade.{pair.replace('-', '_')}" for pair in here.twin.desk.venue.instruments))
        here.twin.desk.advance(3000)
        async with asyncio.timeout(5):
            while (message := await slow.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert (message.data, message.extra) == (1008, "slow consumer")
