"""The user socket: own orders, trades and balances as they change, order entry without signatures, trigger orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.types import Side

from .crypto_com_client import CryptoComStream, running

LIMIT = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "90000", "quantity": "0.01"}


async def rows(stream: CryptoComStream, channel: str) -> list[dict[str, Any]]:
    """Everything said on a channel since the last call."""
    pushed = [f["result"] for f in await stream.drain() if "data" in f.get("result", {})]
    return [row for result in pushed if result["channel"] == channel for row in result["data"]]


@pytest.mark.asyncio
async def test_orders_have_no_snapshot_and_balances_have_one() -> None:
    async with running() as here:
        await here.trader.order("BTC_USDT", "BUY", "LIMIT", price="90000", quantity="0.01")
        stream = await here.logged_in()
        await stream.subscribe("user.order", "user.trade", "user.balance", "user.position_balance", "user.positions")
        frames = [f["result"] for f in await stream.drain()]
        assert [f["channel"] for f in frames] == ["user.balance", "user.position_balance"]
        coins = {row["instrument_name"]: row for row in frames[0]["data"][0]["position_balances"]}
        assert (coins["USDT"]["quantity"], coins["USDT"]["reserved_qty"]) == ("50000", "900")
        assert {"instrument_name", "quantity", "update_timestamp_ms"} == set(frames[1]["data"][0]["balances"][0])


@pytest.mark.asyncio
async def test_place_then_cancel() -> None:
    async with running() as here:
        stream = await here.logged_in("user.order", "user.balance", "user.order.BTC_USDT", "user.order.ETH_USDT")
        order_id = await here.trader.order("BTC_USDT", "BUY", "LIMIT", price="90000", quantity="0.01", client_oid="a")
        frames = [f["result"] for f in await stream.drain()]
        assert [f["subscription"] for f in frames] == ["user.order", "user.order.BTC_USDT", "user.balance"]
        assert frames[0]["instrument_name"] == "BTC_USDT" and frames[1]["channel"] == "user.order"
        (placed,) = frames[0]["data"]
        assert (placed["order_id"], placed["client_oid"], placed["status"]) == (order_id, "a", "ACTIVE")
        assert placed == await here.trader.look_up(order_id), "the same row as over REST"
        (held,) = frames[2]["data"][0]["position_balances"]
        assert (held["instrument_name"], held["quantity"], held["reserved_qty"]) == ("USDT", "50000", "900")
        await here.trader.result("cancel-order", order_id=order_id)
        frames = [f["result"] for f in await stream.drain()]
        assert frames[0]["data"][0]["status"] == "CANCELED"
        assert frames[-1]["data"][0]["position_balances"][0]["reserved_qty"] == "0"


@pytest.mark.asyncio
async def test_one_row_for_each_fill_and_no_word_for_partial() -> None:
    async with running() as here:
        stream = await here.logged_in("user.order", "user.trade")
        price = str(here.best("BTC-USDT", "BUY") + Decimal("0.01"))
        await here.trader.order("BTC_USDT", "BUY", "LIMIT", price=price, quantity="0.01")
        here.hit("BTC-USDT", Side.SELL, price, "0.004")
        here.hit("BTC-USDT", Side.SELL, price, "0.006")
        frames = [f["result"] for f in await stream.drain()]
        assert [f["channel"] for f in frames] == ["user.order", "user.order", "user.trade", "user.order", "user.trade"]
        orders = [f["data"][0] for f in frames if f["channel"] == "user.order"]
        told = [(o["status"], o["cumulative_quantity"], o["cumulative_fee"]) for o in orders]
        assert told == [("ACTIVE", "0", "0"), ("ACTIVE", "0.004", "0.0000026"), ("FILLED", "0.01", "0.0000065")]
        trades = [f["data"][0] for f in frames if f["channel"] == "user.trade"]
        assert [(t["fees"], t["taker_side"], t["side"]) for t in trades] == [
            ("-0.0000026", "MAKER", "BUY"),
            ("-0.0000039", "MAKER", "BUY"),
        ]
        assert trades == (await here.trader.result("get-trades"))["data"][::-1]


@pytest.mark.asyncio
async def test_a_refused_post_only_order_is_told_on_the_stream() -> None:
    async with running() as here:
        here.twin.feed.shows_new = True
        stream = await here.logged_in("user.order")
        ask = str(here.best("BTC-USDT", "SELL"))
        await here.trader.order("BTC_USDT", "BUY", "LIMIT", price=ask, quantity="0.01", exec_inst=["POST_ONLY"])
        told = [(row["status"], row["reason"]) for row in await rows(stream, "user.order")]
        assert told == [("NEW", "0"), ("ACTIVE", "0"), ("REJECTED", "43005")]


@pytest.mark.asyncio
async def test_trading_over_the_socket_needs_no_signature() -> None:
    async with running() as here:
        stream = await here.logged_in()
        placed = await stream.ask("private/create-order", LIMIT | {"client_oid": "ws-1"})
        assert placed["code"] == 0 and placed["result"]["client_oid"] == "ws-1"
        order_id = placed["result"]["order_id"]
        change = {"order_id": order_id, "new_price": "91000", "new_quantity": "0.02"}
        assert (await stream.ask("private/amend-order", change))["result"]["order_id"] == order_id
        assert (await here.trader.look_up(order_id))["limit_price"] == "91000"
        assert (await stream.ask("private/cancel-order", {"order_id": order_id}))["code"] == 0
        late = await stream.ask("private/cancel-order", {"order_id": order_id})
        assert (late["code"], late["message"]) == (316, "NO_ACTIVE_ORDER")
        many = await stream.ask("private/create-order-list", {"contingency_type": "LIST", "order_list": [LIMIT] * 3})
        assert [row["code"] for row in many["result"]] == ["0"] * 3
        assert (await stream.ask("private/cancel-all-orders", {}))["code"] == 0
        assert (await here.trader.result("get-open-orders"))["data"] == []
        poor = await stream.ask("private/create-order", LIMIT | {"quantity": "1"})
        assert (poor["code"], set(poor["result"])) == (306, {"client_oid", "order_id"})
        assert (await stream.ask("private/get-open-orders", {}))["code"] == 40002, "reading is for REST"
        assert (await stream.ask("private/create-order"))["code"] == 40004


@pytest.mark.asyncio
async def test_amended_orders_are_told_under_the_same_id() -> None:
    async with running() as here:
        stream = await here.logged_in("user.order")
        order_id = await here.trader.order("BTC_USDT", "BUY", "LIMIT", price="90000", quantity="0.02")
        await here.trader.result("amend-order", order_id=order_id, new_price="90000", new_quantity="0.01")
        told = await rows(stream, "user.order")
        assert [(row["order_id"], row["quantity"], row["status"]) for row in told] == [
            (order_id, "0.02", "ACTIVE"),
            (order_id, "0.01", "ACTIVE"),
        ]


@pytest.mark.asyncio
async def test_market_channels_are_not_on_this_socket() -> None:
    async with running() as here:
        stream = await here.logged_in()
        for name in ("trade.BTC_USDT", "user.order.NO_SUCH", "user.balance.BTC", "user.advance.order"):
            assert (await stream.subscribe(name))["code"] == 10004


def trigger(kind: str, side: str, at: str, **more: str) -> dict[str, str]:
    return {"instrument_name": "BTC_USDT", "side": side, "type": kind, "ref_price": at, "quantity": "0.01"} | more


@pytest.mark.asyncio
async def test_a_trigger_order_waits_elsewhere_and_then_trades() -> None:
    async with running() as here:
        stream = await here.logged_in("user.order", "user.advanced.order")
        last = here.twin.desk.venue.instruments["BTC-USDT"].price(here.twin.desk.venue.last_ticks["BTC-USDT"])
        placed = await here.trader.result(
            "advanced/create-order", **trigger("STOP_LOSS", "SELL", str(last - 20), client_oid="stop")
        )
        assert placed["client_oid"] == "stop"
        assert (await here.trader.result("get-open-orders"))["data"] == []
        (waiting,) = (await here.trader.result("advanced/get-open-orders"))["data"]
        assert (waiting["order_id"], waiting["status"], waiting["order_type"]) == (
            placed["order_id"],
            "PENDING",
            "STOP_LOSS",
        )
        here.hit("BTC-USDT", Side.SELL, str(last - 300), "3")
        frames = [f["result"] for f in await stream.drain()]
        stops = [f["data"][0] for f in frames if f["channel"] == "user.advanced.order"]
        orders = [f["data"][0] for f in frames if f["channel"] == "user.order"]
        assert [stop["status"] for stop in stops] == ["PENDING", "FILLED"]
        assert (orders[-1]["status"], orders[-1]["cumulative_quantity"]) == ("FILLED", "0.01")
        detail = await here.trader.result("advanced/get-order-detail", order_id=placed["order_id"])
        assert detail["exchange_order_id"] == orders[-1]["order_id"]
        assert len((await here.trader.result("advanced/get-order-history"))["data"]) == 1


@pytest.mark.asyncio
async def test_trigger_rules_and_cancelling() -> None:
    async with running() as here:
        for side, kind, at, code in (
            ("SELL", "STOP_LOSS", "120000", 229),
            ("SELL", "TAKE_PROFIT", "80000", 229),
            ("BUY", "STOP_LIMIT", "80000", 229),
            ("BUY", "TAKE_PROFIT", "120000", 229),
            ("BUY", "LIMIT", "80000", 218),
            ("BUY", "TAKE_PROFIT_LIMIT", "80000", 40004),
        ):
            here.twin.limits._windows.clear()
            reply = await here.trader.ask("advanced/create-order", **trigger(kind, side, at))
            assert reply["code"] == code, (side, kind)
        here.twin.limits._windows.clear()
        wrong = await here.trader.ask(
            "advanced/create-order", **trigger("STOP_LOSS", "SELL", "80000", ref_price_type="X")
        )
        assert wrong["code"] == 230
        first = await here.trader.result(
            "advanced/create-order", **trigger("STOP_LIMIT", "SELL", "80000", price="79000")
        )
        await here.trader.result("advanced/create-order", **trigger("TAKE_PROFIT", "SELL", "120000"))
        assert await here.trader.result("advanced/cancel-order", order_id=first["order_id"]) == first
        assert (await here.trader.ask("advanced/cancel-order", order_id=first["order_id"]))["code"] == 316
        assert (await here.trader.ask("cancel-all-orders", type="LIMIT"))["code"] == 0
        (left,) = (await here.trader.result("advanced/get-open-orders"))["data"]
        assert left["order_type"] == "TAKE_PROFIT"
        assert (await here.trader.ask("advanced/cancel-all-orders"))["code"] == 0
        assert (await here.trader.result("advanced/get-open-orders"))["data"] == []
        assert (await here.trader.ask("advanced/get-order-detail", order_id="5"))["code"] == 40401
        assert (await here.trader.ask("advanced/create-oco"))["code"] == 130008
