"""The WebSocket API: requests beside REST, sessions, the user data stream and what its events say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from app.core.types import Side

from .binance_client import Bench, Trader, opened, with_signature


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


def use(bench: Bench, kind: str) -> Trader:
    credentials = bench.twin.keys.credentials(kind)
    bench.trader.key, bench.trader.secret = credentials.api_key, credentials.secret_key
    return bench.trader


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "60000",
}


@pytest.mark.asyncio
async def test_the_first_line_names_the_two_main_sockets(bench: Bench) -> None:
    first = bench.server.introduction()
    port = str(first["rest"]).rpartition(":")[2]
    assert first["exchange"] == "binance" and first["passphrase"] == ""
    assert (first["ws_public"], first["ws_private"]) == (
        f"ws://127.0.0.1:{port}/ws",
        f"ws://127.0.0.1:{port}/ws-api/v3",
    )
    assert first["api_key"] == bench.twin.keys.api_key("hmac")


@pytest.mark.asyncio
async def test_public_requests_are_those_of_rest(trader: Trader, bench: Bench) -> None:
    stream = await bench.connect(trader.ws_api)
    time = await stream.ask("time")
    assert (
        list(time) == ["id", "status", "result", "rateLimits"]
        and abs(time["result"]["serverTime"] - trader.now_ms()) < 2000
    )
    assert time["rateLimits"][0]["count"] == 3, "connecting costs two"
    for method, path, params in (
        ("depth", "depth", {"symbol": "BTCUSDT", "limit": 5}),
        ("v3/ticker.book", "ticker/bookTicker", {"symbol": "BTCUSDT"}),
        ("trades.recent", "trades", {"symbol": "BTCUSDT", "limit": 3}),
        ("klines", "klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": 2}),
    ):
        _, rest = await trader.public(path, **params)
        assert (await stream.ask(method, **params))["result"] == rest
    both = await stream.ask("ticker.price", symbols=["BTCUSDT", "ETHBTC"])
    assert [row["symbol"] for row in both["result"]] == ["BTCUSDT", "ETHBTC"]
    quiet = await stream.ask("ping", returnRateLimits=False)
    assert quiet == {"id": quiet["id"], "status": 200, "result": {}}


@pytest.mark.asyncio
async def test_mistakes(trader: Trader, bench: Bench) -> None:
    stream = await bench.connect(f"{trader.ws_api}?returnRateLimits=false")
    for text, code in (("{", -1135), ("[1]", -1135), ('{"id":1}', -1102), ('{"id":1,"method":"fly"}', -1020)):
        await stream.socket.send_str(text)
        answer = await stream.next()
        assert (answer["status"], answer["error"]["code"]) == (400, code)
    for method in ("userDataStream.start", "userDataStream.ping", "userDataStream.stop"):
        assert (await stream.ask(method, apiKey=trader.key))["status"] == 410
    assert (await stream.ask("depth", symbol="X"))["error"] == {"code": -1121, "msg": "Invalid symbol."}
    assert (await stream.ask("account.status"))["error"]["code"] == -1102
    bad = with_signature(trader, {}) | {"signature": "0" * 64}
    assert (await stream.ask("account.status", **bad))["error"]["code"] == -1022
    trader.skew_ms = -10_000
    assert (await stream.ask_signed(trader, "account.status"))["error"]["code"] == -1021
    trader.skew_ms, trader.key = 0, "B" * 64
    late = await stream.ask_signed(trader, "account.status")
    assert (late["status"], late["error"]["code"]) == (401, -2015)


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["hmac", "ed25519", "rsa"])
async def test_an_order_placed_asked_for_amended_and_cancelled(bench: Bench, kind: str) -> None:
    trader = use(bench, kind)
    stream = await bench.connect(trader.ws_api)
    placed = await stream.ask_signed(trader, "order.place", **LIMIT, returnRateLimits=True, recvWindow=4000)
    assert placed["status"] == 200 and placed["result"]["status"] == "NEW"
    assert [(row["rateLimitType"], row["interval"], row["count"]) for row in placed["rateLimits"]] == [
        ("ORDERS", "SECOND", 1),
        ("ORDERS", "DAY", 1),
        ("REQUEST_WEIGHT", "MINUTE", 2),
    ]
    one = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
    assert (await stream.ask_signed(trader, "order.status", **one))["result"]["clientOrderId"]
    amended = await stream.ask_signed(trader, "order.amend.keepPriority", **one, newQty="0.009")
    assert amended["result"]["amendedOrder"]["qty"] == "0.00900000"
    replaced = await stream.ask_signed(
        trader, "order.cancelReplace", **LIMIT, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=1
    )
    assert (replaced["status"], replaced["error"]["code"], replaced["error"]["data"]["newOrderResult"]) == (
        409,
        -2021,
        "SUCCESS",
    )
    assert (await stream.ask_signed(trader, "order.cancel", **one))["result"]["status"] == "CANCELED"
    assert len((await stream.ask_signed(trader, "openOrders.cancelAll", symbol="BTCUSDT"))["result"]) == 1
    assert (await stream.ask_signed(trader, "order.test", **LIMIT))["result"] == {}


@pytest.mark.asyncio
async def test_numbers_and_letters_beyond_ascii_are_signed_as_they_are(trader: Trader, bench: Bench) -> None:
    stream = await bench.connect(trader.ws_api)
    wide = await stream.ask_signed(trader, "order.place", **(LIMIT | {"symbol": "１２３"}))
    assert wide["error"] == {"code": -1121, "msg": "Invalid symbol."}
    numbers = await stream.ask_signed(trader, "order.place", **(LIMIT | {"quantity": 0.01, "price": 60000}))
    assert numbers["result"]["price"] == "60000.00000000"


@pytest.mark.asyncio
async def test_a_session_is_for_ed25519_only(bench: Bench) -> None:
    stream = await bench.connect(bench.trader.ws_api)
    assert (await stream.ask("userDataStream.subscribe"))["status"] == 401
    assert (await stream.ask_signed(bench.trader, "session.logon"))["error"]["code"] == -1002
    assert (await stream.ask("session.status"))["result"]["apiKey"] is None
    trader = use(bench, "ed25519")
    logged_on = await stream.ask_signed(trader, "session.logon")
    assert logged_on["result"]["apiKey"] == trader.key and logged_on["result"]["userDataStream"] is False
    assert (await stream.ask("order.place", **LIMIT, timestamp=trader.now_ms()))["status"] == 200
    assert (await stream.ask("account.status", timestamp=1))["error"]["code"] == -1021
    assert (await stream.ask("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    again = await stream.ask_signed(trader, "userDataStream.subscribe.signature")
    assert again["error"] == {"code": -2035, "msg": "User Data Stream subscription already active."}
    assert (await stream.ask("session.status"))["result"]["userDataStream"] is True
    left = await stream.ask("session.logout")
    assert left["result"]["apiKey"] is None and left["result"]["userDataStream"] is False
    assert stream.seen[-2]["event"]["e"] == "eventStreamTerminated"
    assert (await stream.ask("openOrders.status", timestamp=trader.now_ms()))["error"]["code"] == -1102


@pytest.mark.asyncio
async def test_subscriptions_begin_end_and_are_listed(trader: Trader, bench: Bench) -> None:
    stream = await bench.user_stream()
    assert (await stream.ask("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
    assert (await stream.ask("userDataStream.unsubscribe", subscriptionId=3))["error"]["code"] == -2036
    assert (await stream.ask("userDataStream.unsubscribe"))["result"] == {}
    assert (await stream.ask("userDataStream.unsubscribe"))["error"]["code"] == -2036
    second = await stream.ask_signed(trader, "userDataStream.subscribe.signature")
    assert second["result"] == {"subscriptionId": 1}
    await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000")
    assert (await stream.until(lambda f: "event" in f))["subscriptionId"] == 1


@pytest.mark.asyncio
async def test_an_order_as_the_stream_tells_it(trader: Trader, bench: Bench) -> None:
    stream = await bench.user_stream()
    bid, ask = await trader.best("BTCUSDT")
    price = f"{Decimal(ask) - Decimal('0.01'):.8f}"
    placed = await trader.order("BTCUSDT", "BUY", quantity="0.01", price=price, newClientOrderId="mine")
    new = await stream.event("executionReport")
    moment = new["T"]
    assert moment == placed["transactTime"]
    for volatile in ("E", "T", "O", "W", "I"):
        assert isinstance(new.pop(volatile), int)
    assert new == {
        "e": "executionReport", "s": "BTCUSDT", "c": "mine", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.01000000",
        "p": price, "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE",
        "i": placed["orderId"], "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "t": -1,
        "w": True, "m": False, "M": False, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "V": "EXPIRE_MAKER",
    }  # fmt: skip
    held = await stream.event("outboundAccountPosition")
    cost = Decimal(price) * Decimal("0.01")
    assert held["B"] == [{"a": "USDT", "f": f"{50000 - cost:.8f}", "l": f"{cost:.8f}"}]
    bench.hits("BTC-USDT", Side.SELL, str(int(Decimal(price))), "0.004")
    part = await stream.event("executionReport")
    assert (part["x"], part["X"], part["l"], part["z"], part["L"]) == (
        "TRADE", "PARTIALLY_FILLED", "0.00400000", "0.00400000", price,
    )  # fmt: skip
    assert (part["n"], part["N"], part["m"], part["w"]) == ("0.00000400", "BTC", True, True)
    assert Decimal(part["Y"]) == Decimal(part["Z"]) == Decimal(price) * Decimal("0.004")
    settled = await stream.event("outboundAccountPosition")
    assert {row["a"]: row["f"] for row in settled["B"]}["BTC"] == "1.50399600"
    await trader.delete("order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="the-cancel")
    gone = await stream.event("executionReport")
    assert (gone["x"], gone["X"], gone["c"], gone["C"], gone["w"]) == (
        "CANCELED",
        "CANCELED",
        "the-cancel",
        "mine",
        False,
    )
    _, trades = await trader.get("myTrades", symbol="BTCUSDT")
    assert [(t["id"], t["qty"], t["isMaker"], t["isBuyer"]) for t in trades] == [(part["t"], "0.00400000", True, True)]


@pytest.mark.asyncio
async def test_other_endings_as_the_stream_tells_them(trader: Trader, bench: Bench) -> None:
    stream = await bench.user_stream()
    await trader.order("BTCUSDT", "BUY", timeInForce="IOC", quantity="0.01", price="60000")
    await stream.event("executionReport")
    expired = await stream.event("executionReport")
    assert (expired["x"], expired["X"], expired["eR"]) == ("EXPIRED", "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")

    resting = await trader.order("BTCUSDT", "BUY", quantity="0.02", price="99000", newClientOrderId="first")
    await stream.event("executionReport")
    await trader.put(
        "order/amend/keepPriority",
        symbol="BTCUSDT",
        orderId=resting["orderId"],
        newQty="0.01",
        newClientOrderId="second",
    )
    amended = await stream.event("executionReport")
    assert (amended["x"], amended["X"], amended["c"], amended["C"], amended["q"]) == (
        "REPLACED", "NEW", "second", "first", "0.01000000",
    )  # fmt: skip
    _, ask = await trader.best("BTCUSDT")
    mine = f"{Decimal(ask) - Decimal('0.01'):.8f}"
    maker = await trader.order("BTCUSDT", "BUY", "LIMIT_MAKER", quantity="0.01", price=mine)
    await stream.event("executionReport")
    taker = await trader.order("BTCUSDT", "SELL", quantity="0.01", price=mine)
    await stream.event("executionReport")
    prevented = await stream.event("executionReport")
    assert (prevented["x"], prevented["X"], prevented["i"]) == (
        "TRADE_PREVENTION",
        "EXPIRED_IN_MATCH",
        maker["orderId"],
    )
    assert (prevented["A"], prevented["B"], prevented["U"]) == ("0.01000000", "0.01000000", taker["orderId"])


@pytest.mark.asyncio
async def test_a_stop_order_tells_when_it_starts_to_work(trader: Trader, bench: Bench) -> None:
    stream = await bench.user_stream()
    _, ask = await trader.best("BTCUSDT")
    stop = str(Decimal(ask) + 5)
    order = await trader.order("BTCUSDT", "BUY", "STOP_LOSS", quantity="0.01", stopPrice=stop)
    waiting = await stream.event("executionReport")
    assert (waiting["x"], waiting["w"], waiting["o"], "W" in waiting) == ("NEW", False, "STOP_LOSS", False)
    bench.hits("BTC-USDT", Side.BUY, str(Decimal(ask) + 500), "2")
    working = await stream.event("executionReport")
    assert (working["x"], working["w"], working["i"]) == ("NEW", True, order["orderId"])
    trade = await stream.event("executionReport")
    assert (trade["x"], trade["X"], trade["m"]) == ("TRADE", "FILLED", False)


@pytest.mark.asyncio
async def test_the_day_ends_here_too(bench: Bench) -> None:
    bench.twin.api.times.life_s, bench.twin.api.times.notice_s = 0.3, 0.2
    stream = await bench.connect(bench.trader.ws_api)
    notice: dict[str, Any] = await stream.next()
    assert notice["event"]["e"] == "serverShutdown"
    assert (await stream.socket.receive(timeout=3)).type is aiohttp.WSMsgType.CLOSE
