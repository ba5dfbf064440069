"""Request weight, bans, order counts: their codes, headers and what the WebSocket API says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from app.core.clock import ManualClock
from app.core.types import Side
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_limits import Limits

from .binance_client import Bench, Trader, opened


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with opened() as bench:
        yield bench


@pytest_asyncio.fixture
async def trader(bench: Bench) -> Trader:
    return bench.trader


@pytest.mark.asyncio
async def test_too_much_weight_then_a_ban(trader: Trader, bench: Bench) -> None:
    bench.twin.limits.weight_a_minute = 100
    assert (await trader.get("openOrders"))[0] == 200
    assert trader.headers["X-MBX-USED-WEIGHT-1M"] == "80"
    status, reply = await trader.get("openOrders")
    assert (status, reply["code"]) == (429, -1003)
    assert reply["msg"].startswith("Too much request weight used; current limit is 100 request weight per 1 MINUTE.")
    assert 0 < int(trader.headers["Retry-After"]) <= 60
    for _ in range(10):
        status, reply = await trader.get("openOrders")
    assert status == 418 and "IP banned until" in reply["msg"]
    assert 100 < int(trader.headers["Retry-After"]) <= 120
    assert (await trader.public("ping"))[0] == 418, "whatever it is"


@pytest.mark.asyncio
async def test_the_websocket_api_says_when_to_come_back(trader: Trader, bench: Bench) -> None:
    stream = await bench.connect(trader.ws_api)
    bench.twin.limits.weight_a_minute = 30
    assert (await stream.ask_signed(trader, "account.status"))["status"] == 200
    refused = await stream.ask_signed(trader, "account.status")
    assert (refused["status"], refused["error"]["code"]) == (429, -1003)
    data = refused["error"]["data"]
    assert 0 < data["retryAfter"] - data["serverTime"] <= 60_000 and data["retryAfter"] % 60_000 == 0
    assert refused["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 30, "count": 22}
    ]


@pytest.mark.asyncio
async def test_unfilled_orders_are_counted_and_fills_take_them_off(trader: Trader, bench: Bench) -> None:
    bench.twin.limits.orders_in_10_s = bench.twin.limits.orders_a_day = 3
    _, ask = await trader.best("BTCUSDT")
    mine = f"{Decimal(ask) - Decimal('0.01'):.2f}"
    weight = trader.headers["X-MBX-USED-WEIGHT-1M"]
    await trader.order("BTCUSDT", "BUY", quantity="0.01", price=mine)
    await trader.order("BTCUSDT", "SELL", "MARKET", quantity="0.02", selfTradePreventionMode="EXPIRE_TAKER")
    await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000")
    assert trader.headers["X-MBX-ORDER-COUNT-1D"] == "3"
    assert trader.headers["X-MBX-USED-WEIGHT-1M"] == weight, "orders that succeed weigh nothing"
    status, reply = await trader.post(
        "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="60000"
    )
    assert (status, reply["code"]) == (429, -1015)
    assert reply["msg"] in [
        f"Too many new orders; current limit is 3 orders per {span}." for span in ("10 SECOND", "1 DAY")
    ]
    assert int(trader.headers["Retry-After"]) >= 1
    bench.hits("BTC-USDT", Side.SELL, mine, "0.005")
    _, counts = await trader.get("rateLimit/order")
    assert [(row["interval"], row["count"]) for row in counts] == [("SECOND", 0), ("DAY", 0)], (
        "a maker's fill takes off five"
    )
    taker = await trader.order("BTCUSDT", "BUY", "MARKET", quantity="0.001")
    assert taker["status"] == "FILLED" and trader.headers["X-MBX-ORDER-COUNT-1D"] == "0"


@pytest.mark.asyncio
async def test_cancel_replace_over_the_limit(trader: Trader, bench: Bench) -> None:
    bench.twin.limits.orders_a_day = bench.twin.limits.orders_in_10_s = 1
    order = await trader.order("BTCUSDT", "BUY", quantity="0.01", price="60000")
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    terms |= {"price": "60000", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order["orderId"]}
    status, reply = await trader.post("order/cancelReplace", **terms)
    assert (status, reply["code"]) == (429, -1015)
    assert len((await trader.get("openOrders", symbol="BTCUSDT"))[1]) == 1
    status, reply = await trader.post("order/cancelReplace", **terms, orderRateLimitExceededMode="CANCEL_ONLY")
    assert (status, reply["code"], reply["data"]["cancelResult"]) == (429, -2021, "SUCCESS")
    assert reply["data"]["newOrderResponse"]["code"] == -1015


def test_windows_are_aligned_to_the_clock_and_bans_grow() -> None:
    clock = ManualClock(1_700_000_000 * 10**9 // (60 * 10**9) * (60 * 10**9) + 59 * 10**9)
    limits = Limits(clock)
    limits.charge("a", 6000)
    with pytest.raises(ApiError) as refused:
        limits.charge("a", 1)
    assert refused.value.retry_ms - clock.wall_ns() // 10**6 == 1000
    limits.charge("b", 6000)
    clock.advance(1)
    limits.charge("a", 6000)
    lengths = []
    for _ in range(3):
        for _ in range(11):
            with pytest.raises(ApiError) as refused:
                limits.charge("a", 6001)
        assert refused.value.status == 418
        lengths.append((refused.value.retry_ms - clock.wall_ns() // 10**6) // 1000)
        clock.advance(lengths[-1])
    assert lengths == [120, 240, 480]


def test_raw_requests_are_limited_too() -> None:
    limits = Limits(ManualClock())
    limits.raw_in_5_minutes = 2
    limits.charge("a", 0)
    limits.charge("a", 0)
    with pytest.raises(ApiError, match="5 MINUTE"):
        limits.charge("a", 0)
