"""The user channel: snapshots in batches, then cumulative orders; no fills, no balances."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.core.types import Side
from app.paper.rate_limits import RateLimits

from .coinbase_client import Bench, Stream, bench


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest_asyncio.fixture
async def stream(desk: Bench) -> Stream:
    """Subscribed with the empty snapshot read."""
    stream = await desk.connect("ws_private")
    await stream.subscribe("user", jwt=desk.trader.socket_token())
    stream.seen.clear()
    return stream


async def orders(stream: Stream, until: str) -> list[dict[str, Any]]:
    """All order reports up to the first with that status."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["status"] != until:
        event = await stream.data("user")
        assert event["type"] == "update"
        told += event["orders"]
    return told


@pytest.mark.asyncio
async def test_an_empty_snapshot_then_the_user_id(desk: Bench) -> None:
    stream = await desk.connect("ws_private")
    answer = await stream.subscribe("user", jwt=desk.trader.socket_token())
    nothing = {"perpetual_futures_positions": [], "expiring_futures_positions": []}
    assert stream.seen[0]["events"] == [{"type": "snapshot", "orders": [], "positions": nothing}]
    (ids,) = answer["events"][0]["subscriptions"].values()
    assert len(ids) == 1 and len(ids[0]) == 36


@pytest.mark.asyncio
async def test_place_and_cancel(desk: Bench, stream: Stream) -> None:
    order_id = await desk.trader.order(
        "BTC-USD", "BUY", "limit_limit_gtc", "mine", base_size="0.01", limit_price="90000", post_only=True
    )
    pending, told = await orders(stream, "OPEN")
    assert pending["status"] == "PENDING"
    assert told == {
        "avg_price": "0",
        "cancel_reason": "",
        "client_order_id": "mine",
        "completion_percentage": "0",
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "creation_time": told["creation_time"],
        "cumulative_quantity": "0",
        "end_time": "0001-01-01T00:00:00Z",
        "filled_value": "0",
        "leaves_quantity": "0.01",
        "limit_price": "90000",
        "number_of_fills": "0",
        "order_id": order_id,
        "order_side": "BUY",
        "order_type": "Limit",
        "outstanding_hold_amount": "910.8",
        "post_only": "true",
        "product_id": "BTC-USD",
        "product_type": "SPOT",
        "reject_reason": "",
        "retail_portfolio_id": told["retail_portfolio_id"],
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "start_time": "0001-01-01T00:00:00Z",
        "status": "OPEN",
        "stop_price": "",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "total_fees": "0",
        "total_value_after_fees": "900",
        "trigger_status": "INVALID_ORDER_TYPE",
    }
    await desk.trader.post("/orders/batch_cancel", {"order_ids": [order_id]})
    queued, gone = await orders(stream, "CANCELLED")
    assert queued["status"] == "CANCEL_QUEUED"
    assert (gone["leaves_quantity"], gone["cancel_reason"]) == ("0", "User requested cancel")


@pytest.mark.asyncio
async def test_fills_are_changes_of_cumulative_values(desk: Bench, stream: Stream) -> None:
    order_id = await desk.trader.order("ETH-USD", "BUY", "market_market_ioc", base_size="5")
    told = await orders(stream, "FILLED")
    assert [row["status"] for row in told] == ["PENDING", *["OPEN"] * (len(told) - 2), "FILLED"]
    _, page = await desk.trader.get("/orders/historical/fills", order_ids=order_id)
    assert len(page["fills"]) == len(told) - 1 > 1
    for before, after, fill in zip(told, told[1:], reversed(page["fills"]), strict=False):
        held, had = Decimal(after["cumulative_quantity"]), Decimal(before["cumulative_quantity"])
        price = (Decimal(after["avg_price"]) * held - Decimal(before["avg_price"]) * had) / (held - had)
        assert (held - had, round(price, 8)) == (Decimal(fill["size"]), Decimal(fill["price"]))
        assert Decimal(after["total_fees"]) - Decimal(before["total_fees"]) == Decimal(fill["commission"])
    last = told[-1]
    assert (last["order_type"], last["completion_percentage"], last["leaves_quantity"]) == ("Market", "100.00", "0")
    assert Decimal(last["total_value_after_fees"]) == Decimal(last["filled_value"]) + Decimal(last["total_fees"])


@pytest.mark.asyncio
async def test_there_is_no_word_for_partly_filled(desk: Bench, stream: Stream) -> None:
    venue = desk.twin.desk.venue
    best = venue.books["ETH-USD"].bids.best()
    assert best is not None
    await desk.trader.limit("BUY", "0.1", str(venue.instruments["ETH-USD"].price(best + 1)), "ETH-USD")
    await orders(stream, "OPEN")
    venue.take("ETH-USD", Side.SELL, best + 1, 4_000_000)
    desk.twin.desk.publish()
    (partly,) = await orders(stream, "OPEN")
    assert (partly["cumulative_quantity"], partly["leaves_quantity"], partly["number_of_fills"]) == (
        "0.04",
        "0.06",
        "1",
    )


@pytest.mark.asyncio
async def test_edits_keep_the_id(desk: Bench, stream: Stream) -> None:
    order_id = await desk.trader.limit("BUY", "0.01", "90000")
    await orders(stream, "OPEN")
    await desk.trader.post("/orders/edit", {"order_id": order_id, "price": "91000", "size": "0.02"})
    queued, edited = await orders(stream, "OPEN")
    assert (queued["status"], edited["order_id"]) == ("EDIT_QUEUED", order_id)
    assert (edited["limit_price"], edited["leaves_quantity"]) == ("91000", "0.02")


@pytest.mark.asyncio
async def test_open_orders_come_in_batches_of_fifty(desk: Bench) -> None:
    desk.twin.limits = RateLimits({}, desk.twin.desk.clock)
    placed = [await desk.trader.limit("BUY", "0.001", str(50000 + n)) for n in range(60)]
    stream = await desk.connect("ws_private")
    await stream.subscribe("user", jwt=desk.trader.socket_token())
    first, second = stream.seen[0]["events"][0], stream.seen[1]["events"][0]
    assert (first["type"], len(first["orders"]), second["type"], len(second["orders"])) == (
        "snapshot", 50, "snapshot", 10,
    )  # fmt: skip
    assert [row["order_id"] for row in first["orders"] + second["orders"]] == placed


@pytest.mark.asyncio
async def test_products_narrow_the_channel(desk: Bench) -> None:
    stream = await desk.connect()
    await stream.subscribe("user", "DOGE-USD", jwt=desk.trader.socket_token())
    await desk.trader.limit("BUY", "0.01", "90000")
    doge = await desk.trader.limit("SELL", "100", "0.9", "DOGE-USD")
    assert (await orders(stream, "OPEN"))[0]["order_id"] == doge


@pytest.mark.asyncio
async def test_the_user_endpoint_has_no_market_data(desk: Bench) -> None:
    stream = await desk.connect("ws_private")
    assert (await stream.subscribe("level2", "BTC-USD"))["type"] == "error"
    named = {"Host": "advanced-trade-ws-user.coinbase.com"}
    other = Stream(await desk.session.ws_connect(desk.first["ws_public"], headers=named))
    assert (await other.subscribe("level2", "BTC-USD"))["type"] == "error"
    assert (await stream.subscribe("user", jwt="x")) == {"type": "error", "message": "authentication failure"}
    trader = desk.trader_with("ed25519")
    await stream.subscribe("futures_balance_summary", jwt=trader.socket_token())
    await stream.subscribe("heartbeats")
    answer = await stream.subscribe("user", jwt=trader.socket_token())
    assert list(answer["events"][0]["subscriptions"]) == ["futures_balance_summary", "heartbeats", "user"]


@pytest.mark.asyncio
async def test_a_waiting_stop_that_is_over_expires(desk: Bench, stream: Stream) -> None:
    end = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    await desk.trader.order(
        "BTC-USD",
        "BUY",
        "stop_limit_stop_limit_gtd",
        base_size="0.01",
        limit_price="150000",
        stop_price="140000",
        stop_direction="STOP_DIRECTION_STOP_UP",
        end_time=end,
    )
    pending, waiting, over = await orders(stream, "EXPIRED")
    assert [row["status"] for row in (pending, waiting, over)] == ["PENDING", "OPEN", "EXPIRED"]
    assert (waiting["order_type"], waiting["stop_price"], waiting["trigger_status"]) == (
        "Stop Limit",
        "140000",
        "STOP_PENDING",
    )
    assert milliseconds(waiting["end_time"]) == milliseconds(end)
    assert await desk.trader.balance("USD") == ("50000", "0")


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
