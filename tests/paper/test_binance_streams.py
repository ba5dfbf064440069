"""Market streams: a book that can be rebuilt, raw and combined frames, control messages, the life of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from app.core.types import Side

from .binance_client import Bench, Stream, opened


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def lively() -> AsyncIterator[Bench]:
    async with opened(rate=400) as bench:
        yield bench


class Replica:
    """A reader's book, kept by the documented rule."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.book_id = snapshot["lastUpdateId"]
        self.sides = {key: dict(snapshot[name]) for key, name in (("b", "bids"), ("a", "asks"))}
        self.joined = False

    def apply(self, event: dict[str, Any]) -> None:
        if event["u"] <= self.book_id:
            return
        assert event["U"] <= self.book_id + 1, "a gap"
        assert not self.joined or event["U"] == self.book_id + 1
        self.joined, self.book_id = True, event["u"]
        for key, levels in self.sides.items():
            for price, amount in event[key]:
                if Decimal(amount) == 0:
                    levels.pop(price, None)
                else:
                    levels[price] = amount

    def top(self, key: str, count: int) -> list[list[str]]:
        rows = sorted(self.sides[key].items(), key=lambda row: Decimal(row[0]), reverse=key == "b")
        return [list(row) for row in rows[:count]]


@pytest.mark.asyncio
@pytest.mark.parametrize(("stream_name", "rounds"), [("btcusdt@depth@100ms", 5), ("btcusdt@depth", 1)])
async def test_the_book_can_be_rebuilt(bench: Bench, stream_name: str, rounds: int) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    await stream.control("SUBSCRIBE", stream_name)
    bench.twin.desk.advance(200)
    buffered = await stream.next()
    bench.twin.desk.advance(200)
    _, snapshot = await bench.trader.public("depth", symbol="BTCUSDT", limit=1000)
    assert snapshot["lastUpdateId"] > buffered["u"]
    replica = Replica(snapshot)
    replica.apply(buffered)
    assert not replica.joined, "all of it is in the snapshot"
    for _ in range(rounds):
        bench.twin.desk.advance(200)
        _, snapshot = await bench.trader.public("depth", symbol="BTCUSDT", limit=1000)
        while replica.book_id < snapshot["lastUpdateId"]:
            replica.apply(await stream.next())
        assert replica.top("b", 1000) == snapshot["bids"] and replica.top("a", 1000) == snapshot["asks"]
    assert replica.joined


@pytest.mark.asyncio
async def test_depth_events_follow_each_other_without_a_hole(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    await stream.control("SUBSCRIBE", "ethbtc@depth@100ms")
    for _ in range(4):
        bench.twin.desk.advance(300)
        await stream.until(lambda f: "u" in f)
    events = [f for f in stream.seen if f.get("e") == "depthUpdate"]
    for earlier, later in zip(events, events[1:], strict=False):
        assert later["U"] == earlier["u"] + 1 and later["E"] - earlier["E"] >= 50
    assert all(event["s"] == "ETHBTC" and event["U"] <= event["u"] for event in events)


@pytest.mark.asyncio
async def test_trades_name_the_side_of_the_maker(bench: Bench) -> None:
    stream = await bench.connect(f"{bench.trader.ws_public}/btcusdt@trade/btcusdt@aggTrade")
    await stream.control("LIST_SUBSCRIPTIONS")
    bid, ask = await bench.trader.best("BTCUSDT")
    bench.hits("BTC-USDT", Side.SELL, str(int(Decimal(bid) - 100)), "1.5")
    sold = await stream.until(lambda f: f.get("e") == "aggTrade")
    assert sold["m"] is True and sold["p"] == bid
    bench.hits("BTC-USDT", Side.BUY, str(int(Decimal(ask) + 1)), "0.001")
    bought = await stream.until(lambda f: f.get("e") == "trade" and f["m"] is False)
    assert (bought["p"], bought["q"], bought["s"]) == (ask, "0.00100000", "BTCUSDT")
    await stream.until(lambda f: f.get("e") == "aggTrade" and f["l"] == bought["t"])
    trades = [f for f in stream.seen if f.get("e") == "trade"]
    _, listed = await bench.trader.public("trades", symbol="BTCUSDT", limit=len(trades))
    assert [(t["t"], t["p"], t["q"], t["T"], t["m"]) for t in trades] == [
        (t["id"], t["price"], t["qty"], t["time"], t["isBuyerMaker"]) for t in listed
    ]
    _, aggregates = await bench.trader.public("aggTrades", symbol="BTCUSDT", limit=50)
    streamed = [f for f in stream.seen if f.get("e") == "aggTrade"]
    assert [{k: v for k, v in f.items() if k not in ("e", "E", "s")} for f in streamed] == aggregates[-len(streamed) :]


@pytest.mark.asyncio
async def test_frames_without_a_type_are_told_apart_by_the_combined_name(bench: Bench) -> None:
    url = bench.trader.ws_public.replace("/ws", "/stream?streams=btcusdt@depth5@100ms/btcusdt@bookTicker")
    stream = await bench.connect(url)
    top = (await stream.until(lambda f: f["stream"] == "btcusdt@depth5@100ms"))["data"]
    assert set(top) == {"lastUpdateId", "bids", "asks"} and len(top["bids"]) == 5
    bid, _ = await bench.trader.best("BTCUSDT")
    bench.hits("BTC-USDT", Side.SELL, str(int(Decimal(bid))), "0.002")
    best = (await stream.until(lambda f: f["stream"] == "btcusdt@bookTicker"))["data"]
    assert set(best) == {"u", "s", "b", "B", "a", "A"} and best["b"] <= bid
    later = (await stream.until(lambda f: f["stream"] == "btcusdt@depth5@100ms"))["data"]
    assert later["lastUpdateId"] == best["u"] and later["bids"][0] == [best["b"], best["B"]]


@pytest.mark.asyncio
async def test_tickers_and_candles(lively: Bench) -> None:
    stream = await lively.connect(lively.trader.ws_public.replace("/ws", "/stream"))
    names = [
        "btcusdt@ticker", "btcusdt@miniTicker", "!miniTicker@arr", "btcusdt@ticker_1h", "!ticker_4h@arr",
        "btcusdt@avgPrice", "btcusdt@kline_1m", "btcusdt@kline_1d@+08:00", "btcusdt@kline_1s", "btcusdt@referencePrice",
    ]  # fmt: skip
    assert (await stream.control("SUBSCRIBE", *names))["result"] is None
    await stream.until(lambda f: {g["stream"] for g in stream.seen if "stream" in g} == set(names))
    await stream.until(lambda f: f.get("stream") == "btcusdt@kline_1s" and f["data"]["k"]["x"])
    data = {frame["stream"]: frame["data"] for frame in stream.seen if "stream" in frame}
    assert data["btcusdt@ticker"]["e"] == "24hrTicker" and data["btcusdt@miniTicker"]["e"] == "24hrMiniTicker"
    assert {row["e"] for row in data["!miniTicker@arr"]} == {"24hrMiniTicker"}
    assert data["btcusdt@ticker_1h"]["e"] == "1hTicker" and data["!ticker_4h@arr"][0]["e"] == "4hTicker"
    assert data["btcusdt@avgPrice"]["i"] == "5m" and data["btcusdt@referencePrice"]["r"] is None
    minute = data["btcusdt@kline_1m"]["k"]
    _, rows = await lively.trader.public("klines", symbol="BTCUSDT", interval="1m", limit=2)
    assert (minute["t"], minute["T"], minute["o"]) in [(row[0], row[6], row[1]) for row in rows]
    assert (data["btcusdt@kline_1d@+08:00"]["k"]["t"] + 8 * 3_600_000) % 86_400_000 == 0
    closed = data["btcusdt@kline_1s"]["k"]
    assert closed["T"] == closed["t"] + 999 and closed["i"] == "1s"


@pytest.mark.asyncio
async def test_unknown_names_are_acknowledged_and_silent(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    silent = ["nosuch@trade", "BTCUSDT@trade", "btcusdt@nothing", "!ticker@arr", "btcusdt@depth7"]
    assert await stream.control("SUBSCRIBE", *silent) == {"result": None, "id": 1}
    bench.twin.desk.advance(300)
    assert (await stream.control("LIST_SUBSCRIPTIONS"))["result"] == silent
    assert len(stream.seen) == 2


@pytest.mark.asyncio
async def test_leaving_and_switching_to_combined(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    await stream.control("SUBSCRIBE", "btcusdt@trade", "ethusdt@trade")
    assert (await stream.control("GET_PROPERTY", "combined"))["result"] is False
    assert (await stream.control("SET_PROPERTY", "combined", True))["result"] is None
    bench.twin.desk.advance(300)
    await stream.until(lambda f: f.get("stream") == "btcusdt@trade")
    assert (await stream.control("UNSUBSCRIBE", "btcusdt@trade"))["result"] is None
    seen = len(stream.seen)
    bench.twin.desk.advance(300)
    await stream.until(lambda f: f.get("stream") == "ethusdt@trade")
    assert {f["stream"] for f in stream.seen[seen:]} == {"ethusdt@trade"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("{", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1", "id": None}),
        ('{"id":1}', {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 1", "id": 1}),
        (
            '{"method":"JUMP","id":"a"}',
            {
                "code": 2,
                "msg": "Invalid request: unknown variant `JUMP`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
                "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
                "id": "a",
            },
        ),
        (
            '{"method":"LIST_SUBSCRIPTIONS","id":1.5}',
            {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer", "id": None},
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}',
            {"code": 1, "msg": "Invalid value type: expected Boolean", "id": 1},
        ),
        ('{"method":"GET_PROPERTY","params":["mood"],"id":1}', {"code": 0, "msg": "Unknown property", "id": 1}),
        (
            '{"method":"GET_PROPERTY","params":[1],"id":1}',
            {"code": 2, "msg": "Invalid request: property name must be a string", "id": 1},
        ),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', {"code": 2, "msg": "Invalid request: invalid stream", "id": 1}),
    ],
)
async def test_mistakes_are_named(bench: Bench, message: str, answer: dict[str, Any]) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    await stream.socket.send_str(message)
    assert await stream.next() == answer


async def closing(stream: Stream) -> tuple[int, str]:
    """Code and reason of the goodbye."""
    async with asyncio.timeout(5):
        while (message := await stream.socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
    return message.data, message.extra


@pytest.mark.asyncio
async def test_five_messages_a_second_and_pongs_count(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    for _ in range(3):
        await stream.control("LIST_SUBSCRIPTIONS")
    for _ in range(6):
        await stream.socket.pong()
    assert await closing(stream) == (1008, "Too many requests")


@pytest.mark.asyncio
async def test_1024_streams_are_the_most(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_public)
    assert (await stream.control("SUBSCRIBE", *(f"x{n}@trade" for n in range(1024))))["result"] is None
    assert (await stream.control("SUBSCRIBE", "one@trade"))["code"] == 2
    assert len((await stream.control("LIST_SUBSCRIPTIONS"))["result"]) == 1024


@pytest.mark.asyncio
async def test_a_day_ends_with_a_notice(bench: Bench) -> None:
    bench.twin.streams.times.life_s, bench.twin.streams.times.notice_s = 0.4, 0.2
    raw = await bench.connect(bench.trader.ws_public)
    combined = await bench.connect(bench.trader.ws_public.replace("/ws", "/stream"))
    assert (await raw.next())["e"] == "serverShutdown"
    notice = await combined.next()
    assert (notice["stream"], notice["data"]["e"]) == ("!serverShutdown", "serverShutdown")
    assert await closing(raw) == (1001, "24 hours are over")


@pytest.mark.asyncio
async def test_the_server_pings_and_wants_its_own_payload_back(bench: Bench) -> None:
    bench.twin.streams.times.ping_s, bench.twin.streams.times.pong_s = 0.1, 0.3
    bench.twin.streams.times.messages_per_s = 0
    answering, pretending = await bench.connect(bench.trader.ws_public), await bench.connect(bench.trader.ws_public)
    pinged = 0
    async with asyncio.timeout(3):
        while not pretending.socket.closed:
            message = await answering.socket.receive()
            assert message.type is aiohttp.WSMsgType.PING
            await answering.socket.pong(message.data)
            pinged += 1
            if (other := await pretending.socket.receive()).type is aiohttp.WSMsgType.PING:
                await pretending.socket.pong(b"me too")
            else:
                assert (other.data, other.extra) == (1008, "Pong timeout")
    assert pinged >= 3
    await answering.socket.ping(b"hello")
    while (message := await answering.socket.receive()).type is aiohttp.WSMsgType.PING:
        await answering.socket.pong(message.data)
    assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"hello")


@pytest.mark.asyncio
async def test_microseconds_on_streams(bench: Bench) -> None:
    fine = await bench.connect(f"{bench.trader.ws_public}/btcusdt@trade?timeUnit=MICROSECOND")
    plain = await bench.connect(f"{bench.trader.ws_public}/btcusdt@trade")
    _, ask = await bench.trader.best("BTCUSDT")
    bench.hits("BTC-USDT", Side.BUY, str(int(Decimal(ask) + 1)), "0.001")
    assert (await fine.next())["T"] == (await plain.next())["T"] * 1000
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await bench.connect(f"{bench.trader.ws_public}?timeUnit=WEEK")
    assert refused.value.status == 400


@pytest.mark.asyncio
async def test_300_connections_in_five_minutes(bench: Bench) -> None:
    bench.twin.limits.connections_in_5_minutes = 2
    for _ in range(2):
        await bench.connect(bench.trader.ws_public)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await bench.connect(bench.trader.ws_public)
    assert refused.value.status == 429 and 0 < int(refused.value.headers["Retry-After"]) <= 300


@pytest.mark.asyncio
async def test_a_reader_that_falls_behind_is_told_why(bench: Bench) -> None:
    bench.twin.streams.times.max_frames = 50
    stream = await bench.connect(f"{bench.trader.ws_public}/btcusdt@bookTicker")
    bench.twin.desk.advance(5000)
    assert await closing(stream) == (1008, "slow consumer")
    assert await bench.trader.public("ping") == (200, {})
