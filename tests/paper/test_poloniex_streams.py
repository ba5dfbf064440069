"""The public WebSocket: acks, books that can be rebuilt, trades, keep-alive, slow readers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from yarl import URL

from app.paper.dialects.poloniex import PoloniexTwin
from app.paper.server import TwinServer

from .conftest import Connect
from .poloniex_client import Trader


class Replica:
    """A reader's book, kept by the rule of the fact sheet."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, str]] = {"asks": {}, "bids": {}}
        self.last_id = 0

    def apply(self, message: dict[str, Any]) -> None:
        data = message["data"][0]
        if message["action"] == "snapshot":
            self.sides = {"asks": {}, "bids": {}}
        else:
            assert data["lastId"] == self.last_id
        assert data["id"] > data["lastId"]
        self.last_id = data["id"]
        for side, levels in self.sides.items():
            for price, amount in data[side]:
                if amount == "0":
                    del levels[price]
                else:
                    levels[price] = amount
        bids, asks = ([Decimal(p) for p in self.sides[s]] for s in ("bids", "asks"))
        assert len(bids) <= 20 and len(asks) <= 20 and max(bids) < min(asks)

    def flat(self, side: str) -> list[str]:
        levels = sorted(self.sides[side].items(), key=lambda x: Decimal(x[0]), reverse=side == "bids")
        return [text for level in levels for text in level]


@pytest.mark.asyncio
async def test_book_lv2_can_be_rebuilt_from_its_frames(trader: Trader, twin: PoloniexTwin, connect: Connect) -> None:
    stream = await connect(trader.ws_public)
    ack = await stream.subscribe("book_lv2", "BTC_USDT")
    assert ack == {"event": "subscribe", "channel": "book_lv2", "symbols": ["BTC_USDT"]}
    replica = Replica()
    snapshot = await stream.next()
    assert snapshot["action"] == "snapshot"
    assert [len(snapshot["data"][0][side]) for side in ("asks", "bids")] == [20, 20]
    replica.apply(snapshot)
    ids = []
    for _ in range(10):
        twin.desk.advance(400)
        await stream.say(event="ping")
        while (frame := await stream.next()) != {"event": "pong"}:
            assert frame["action"] == "update"
            ids.append(frame["data"][0]["id"])
            replica.apply(frame)
        _, book = await trader.public("/markets/BTC_USDT/orderBook", limit=20)
        assert (replica.flat("asks"), replica.flat("bids")) == (book["asks"], book["bids"])
    assert len(ids) > 500 and ids[-1] - ids[0] > len(ids), "ids jump where a change is out of sight"


@pytest.mark.asyncio
async def test_a_second_subscription_starts_with_a_new_snapshot(
    trader: Trader, twin: PoloniexTwin, connect: Connect
) -> None:
    stream = await connect(trader.ws_public)
    for _ in range(2):
        await stream.subscribe("book_lv2", "ETH_USDT")
        first = await stream.next()
        assert first["action"] == "snapshot" and first["data"][0]["symbol"] == "ETH_USDT"
        twin.desk.advance(200)
        await stream.until(lambda f: f.get("action") == "update")
        await stream.say(event="unsubscribe", channel=["book_lv2"], symbols=["ETH_USDT"])
        await stream.until(lambda f: f.get("event") == "unsubscribe")
        twin.desk.advance(200)
        await stream.say(event="ping")
        assert await stream.next() == {"event": "pong"}


@pytest.mark.asyncio
async def test_trades_agree_with_rest_except_for_the_side_spelling(
    trader: Trader, twin: PoloniexTwin, connect: Connect
) -> None:
    stream = await connect(trader.ws_public)
    assert (await stream.subscribe("trades", "all"))["symbols"] == ["all"]
    twin.desk.advance(2000)
    await stream.say(event="ping")
    await stream.until(lambda f: f == {"event": "pong"})
    told = [f["data"][0] for f in stream.seen if f.get("channel") == "trades" and "data" in f]
    assert len({t["symbol"] for t in told}) == 8
    sol = [t for t in told if t["symbol"] == "SOL_USDT"]
    _, known = await trader.public("/markets/SOL_USDT/trades", limit=len(sol))
    for streamed, listed in zip(reversed(sol), known, strict=True):
        assert streamed["takerSide"] == listed["takerSide"].lower()
        assert all(streamed[k] == listed[k] for k in ("id", "price", "quantity", "amount", "createTime"))


@pytest.mark.asyncio
async def test_book_shows_whole_pictures(trader: Trader, twin: PoloniexTwin, connect: Connect) -> None:
    stream = await connect(trader.ws_public)
    await stream.subscribe("book", "BTC_USDT", depth=5)
    frame = await stream.next()
    seen = 0
    for _ in range(200):
        _, book = await trader.public("/markets/BTC_USDT/orderBook", limit=5)
        assert [x for level in frame["data"][0]["asks"] for x in level] == book["asks"]
        assert [x for level in frame["data"][0]["bids"] for x in level] == book["bids"]
        if seen >= 3:
            return
        twin.desk.advance(10)
        await stream.say(event="ping")
        while (latest := await stream.next()) != {"event": "pong"}:
            frame, seen = latest, seen + 1
    raise AssertionError("the picture never changed")


@pytest.mark.asyncio
async def test_ticker_and_candles(lively: TwinServer, session: aiohttp.ClientSession, connect: Connect) -> None:
    trader = Trader(session, lively.introduction())
    stream = await connect(trader.ws_public)
    await stream.subscribe("ticker", "BTC_USDT")
    first = (await stream.next())["data"][0]
    assert isinstance(first["tradeCount"], int) and "bid" not in first
    later = (await stream.until(lambda f: f["data"][0]["tradeCount"] > first["tradeCount"]))["data"][0]
    assert later["closeTime"] > first["closeTime"]
    await stream.subscribe("candles_hour_1", "BTC_USDT")
    candle = (await stream.until(lambda f: f["channel"] == "candles_hour_1"))["data"][0]
    _, rows = await trader.public("/markets/BTC_USDT/candles", interval="HOUR_1", limit=1)
    assert (candle["startTime"], candle["closeTime"], candle["open"]) == (rows[0][12], rows[0][13], rows[0][2])
    assert Decimal(candle["low"]) <= Decimal(candle["close"]) <= Decimal(candle["high"])


@pytest.mark.asyncio
async def test_reference_channels(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_public)
    await stream.subscribe("symbols", "all")
    assert (await stream.next())["data"][0]["symbol"] == "BTC_USDT"
    await stream.say(event="subscribe", channel=["currencies"], currencies=["all"])
    assert (await stream.next())["currencies"] == ["all"]
    assert (await stream.next())["data"][0]["coin"] == "BTC"
    await stream.subscribe("exchange")
    assert (await stream.next())["data"] == [{"MM": "OFF", "POM": "OFF"}]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"event": "subscribe", "channel": ["x"], "symbols": ["all"]}, 'Invalid channel value ["x"]'),
        ({"event": "subscribe", "channel": ["orders"], "symbols": ["all"]}, 'Invalid channel value ["orders"]'),
        ({"event": "subscribe", "channel": ["auth"], "params": {}}, 'Invalid channel value ["auth"]'),
        ({"event": "subscribe"}, "Invalid channel value [null]"),
        ({"event": "subscribe", "channel": [7]}, "Invalid channel value [7]"),
        ({"event": "subscribe", "channel": ["trades"], "symbols": ["NO_SUCH"]}, 'Invalid symbol value ["NO_SUCH"]'),
        ({"event": "subscribe", "channel": ["trades"]}, "Missing symbols"),
        ({"event": "subscribe", "channel": ["book"], "symbols": ["all"], "depth": 7}, "Invalid depth value [7]"),
        ({"event": "createOrder", "id": "1"}, 'Invalid event value ["createOrder"]'),
        ({"event": "dance"}, 'Invalid event value ["dance"]'),
    ],
)
async def test_mistakes_are_named(trader: Trader, connect: Connect, message: dict[str, Any], error: str) -> None:
    stream = await connect(trader.ws_public)
    await stream.say(**message)
    assert await stream.next() == {"event": "error", "message": error}
    await stream.say(event="ping")
    assert await stream.next() == {"event": "pong"}


@pytest.mark.asyncio
async def test_private_socket_refuses_public_channels_and_noise(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_private)
    assert (await stream.subscribe("book_lv2", "BTC_USDT"))["message"] == 'Invalid channel value ["book_lv2"]'
    for noise in ("not json", "[1]", '"text"'):
        await stream.socket.send_str(noise)
        assert await stream.next() == {"event": "error", "message": "Bad request"}


@pytest.mark.asyncio
async def test_subscriptions_are_listed_and_dropped(trader: Trader, twin: PoloniexTwin, connect: Connect) -> None:
    stream = await connect(trader.ws_public)
    await stream.subscribe("trades", "BTC_USDT", "ETH_USDT")
    await stream.say(event="list_subscriptions")
    listed = await stream.next()
    assert listed["subscriptions"] == [{"channel": "trades", "symbols": ["BTC_USDT", "ETH_USDT"]}]
    await stream.say(event="unsubscribe_all")
    assert await stream.next() == {"event": "unsubscribe_all"}
    twin.desk.advance(500)
    await stream.say(event="ping")
    assert await stream.next() == {"event": "pong"}


@pytest.mark.asyncio
async def test_a_silent_client_is_closed_and_protocol_pings_do_not_count(
    trader: Trader, twin: PoloniexTwin, connect: Connect
) -> None:
    twin.sockets.idle_s = 2.0
    talker, silent = await connect(trader.ws_public), await connect(trader.ws_public)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(20):
        while not silent.socket.closed:
            await talker.say(event="ping")
            assert await talker.next() == {"event": "pong"}
            await silent.socket.ping()
            assert (await silent.socket.receive()).type in (aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.CLOSE)
            await asyncio.sleep(0.02)
    assert loop.time() - started > 1.9
    await talker.say(event="ping")
    assert await talker.next() == {"event": "pong"}


@pytest.mark.asyncio
async def test_a_reader_that_falls_behind_is_told_why(trader: Trader, twin: PoloniexTwin, connect: Connect) -> None:
    twin.sockets.max_frames = 200
    slow = await connect(trader.ws_public)
    await slow.subscribe("book_lv2", "all")
    twin.desk.advance(1000)
    async with asyncio.timeout(5):
        while (message := await slow.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
    assert (message.data, message.extra) == (1008, "slow consumer")


@pytest.mark.asyncio
async def test_a_reader_that_never_reads_is_cut_off_and_others_go_on(
    trader: Trader, twin: PoloniexTwin, connect: Connect
) -> None:
    quick = await connect(trader.ws_public)
    await quick.subscribe("book_lv2", "BTC_USDT")
    twin.sockets.max_frames, twin.sockets.goodbye_s = 200, 0.2
    address = URL(trader.ws_public)
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=1024)
    command = b'{"event":"subscribe","channel":["book_lv2"],"symbols":["all"]}'
    writer.write(
        b"GET /ws/public HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        + bytes([0x81, 0x80 | len(command), 0, 0, 0, 0])
        + command
    )
    async with asyncio.timeout(10):
        while twin.sockets.count(private=False) < 2:
            await asyncio.sleep(0)
        while twin.sockets.count(private=False) == 2:
            twin.desk.advance(100)
            await quick.say(event="ping")
            await quick.until(lambda f: f == {"event": "pong"})
    assert twin.sockets.count(private=False) == 1
    writer.transport.abort()


@pytest.mark.asyncio
async def test_too_many_requests_on_one_connection(trader: Trader, connect: Connect) -> None:
    stream = await connect(trader.ws_public)
    for _ in range(700):
        await stream.say(event="ping")
    answers = [await stream.next() for _ in range(700)]
    assert answers[0] == {"event": "pong"}
    assert {"event": "error", "message": "Too many requests"} in answers
