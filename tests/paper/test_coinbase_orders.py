"""Orders over REST: every kind, every reason for refusal, preview, edit, cancel, and where the money goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.core.types import Side

from .coinbase_client import Bench, Trader, bench

MAKER, TAKER = Decimal("0.006"), Decimal("0.012")


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


@pytest_asyncio.fixture
async def trader(desk: Bench) -> Trader:
    return desk.trader


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def until_status(trader: Trader, order_id: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(3):
        while (order := await trader.look(order_id))["status"] != status:
            await asyncio.sleep(0.01)
    return order


@pytest.mark.asyncio
async def test_a_resting_limit_order_from_birth_to_cancel(trader: Trader) -> None:
    answer = await trader.create(
        "BTC-USD", "BUY", "limit_limit_gtc", "mine-1", base_size="0.01", limit_price="90000", post_only=True
    )
    order_id = answer["success_response"]["order_id"]
    assert answer == {
        "success": True,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": order_id,
        "success_response": {
            "order_id": order_id,
            "product_id": "BTC-USD",
            "side": "BUY",
            "client_order_id": "mine-1",
            "attached_order_id": "",
        },
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "90000", "post_only": True}},
    }
    assert await trader.balance("USD") == ("49089.2", "910.8"), "the taker fee is held too"
    order = await trader.look(order_id)
    assert [order[k] for k in ("status", "client_order_id", "side", "order_type", "time_in_force")] == [
        "OPEN", "mine-1", "BUY", "LIMIT", "GOOD_UNTIL_CANCELLED",
    ]  # fmt: skip
    assert [order[k] for k in ("filled_size", "completion_percentage", "number_of_fills")] == ["0", "0", "0"]
    assert (order["outstanding_hold_amount"], order["trigger_status"]) == ("910.8", "INVALID_ORDER_TYPE")
    _, cancel = await trader.post("/orders/batch_cancel", {"order_ids": [order_id]})
    assert cancel["results"] == [
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}
    ]
    assert (await trader.look(order_id))["status"] == "CANCELLED"
    assert await trader.balance("USD") == ("50000", "0")


@pytest.mark.asyncio
async def test_fees_are_always_taken_from_the_quote(trader: Trader) -> None:
    bought = await trader.look(await trader.order("BTC-USD", "BUY", "market_market_ioc", base_size="0.02"))
    assert (bought["status"], bought["filled_size"], bought["completion_percentage"]) == ("FILLED", "0.02", "100.00")
    value, fee = Decimal(bought["filled_value"]), Decimal(bought["total_fees"])
    assert fee == value * TAKER
    assert Decimal(bought["total_value_after_fees"]) == value + fee
    assert await trader.balance("BTC") == ("1.52", "0")
    assert Decimal((await trader.balance("USD"))[0]) == 50000 - value - fee
    sold = await trader.look(await trader.order("BTC-USD", "SELL", "market_market_ioc", base_size="0.02"))
    got = Decimal(sold["filled_value"]) - Decimal(sold["total_fees"])
    assert Decimal(sold["total_value_after_fees"]) == got
    assert Decimal((await trader.balance("USD"))[0]) == 50000 - value - fee + got


@pytest.mark.asyncio
async def test_a_market_buy_by_quote_spends_fees_and_all(trader: Trader) -> None:
    order = await trader.look(await trader.order("BTC-USD", "BUY", "market_market_ioc", quote_size="1000"))
    assert (order["status"], order["size_in_quote"], order["size_inclusive_of_fees"]) == ("FILLED", True, True)
    spent = Decimal(order["total_value_after_fees"])
    assert Decimal("999.99") < spent <= 1000
    available, hold = await trader.balance("USD")
    assert (Decimal(available), hold) == (50000 - spent, "0")
    _, page = await trader.get("/orders/historical/fills", order_ids=order["order_id"])
    assert all(row["size_in_quote"] for row in page["fills"])
    assert sum(Decimal(row["size"]) for row in page["fills"]) == Decimal(order["filled_value"])


@pytest.mark.asyncio
async def test_a_maker_pays_the_maker_fee_when_the_market_comes(desk: Bench, trader: Trader) -> None:
    best_bid = desk.twin.desk.venue.books["BTC-USD"].bids.best()
    assert best_bid is not None
    price = desk.twin.desk.venue.instruments["BTC-USD"].price(best_bid + 1)
    order_id = await trader.limit("BUY", "0.01", str(price))
    desk.twin.desk.venue.take("BTC-USD", Side.SELL, best_bid + 1, 400_000)
    desk.twin.desk.publish()
    order = await trader.look(order_id)
    assert (order["status"], order["completion_percentage"], order["filled_size"]) == ("OPEN", "40.00", "0.004")
    assert Decimal(order["total_fees"]) == Decimal("0.004") * price * MAKER
    assert Decimal(order["average_filled_price"]) == price
    assert (await trader.balance("BTC"))[0] == "1.504"
    assert Decimal((await trader.balance("USD"))[1]) == Decimal("0.006") * price * (1 + TAKER)
    desk.twin.desk.venue.take("BTC-USD", Side.SELL, best_bid + 1, 600_000)
    desk.twin.desk.publish()
    assert (await trader.look(order_id))["status"] == "FILLED"
    assert (await trader.balance("USD"))[1] == "0"


@pytest.mark.asyncio
async def test_immediate_and_fill_or_kill(desk: Bench, trader: Trader) -> None:
    asks = desk.twin.desk.venue.books["SOL-USD"].asks.top(1)
    instrument = desk.twin.desk.venue.instruments["SOL-USD"]
    price, there = str(instrument.price(asks[0][0])), instrument.amount(asks[0][1])
    more = format(there + Decimal("0.5"), "f")
    killed = await trader.look(
        await trader.order("SOL-USD", "BUY", "limit_limit_fok", base_size=more, limit_price=price)
    )
    assert (killed["status"], killed["filled_size"], killed["time_in_force"]) == ("CANCELLED", "0", "FILL_OR_KILL")
    taken = await trader.look(await trader.order("SOL-USD", "BUY", "sor_limit_ioc", base_size=more, limit_price=price))
    assert (taken["status"], taken["time_in_force"]) == ("CANCELLED", "IMMEDIATE_OR_CANCEL")
    assert Decimal(taken["filled_size"]) == there
    assert (await trader.balance("USD"))[1] == "0"


@pytest.mark.asyncio
async def test_an_order_until_a_time_expires(trader: Trader) -> None:
    order_id = await trader.order(
        "BTC-USD", "BUY", "limit_limit_gtd", base_size="0.01", limit_price="90000", end_time=in_seconds(0.3)
    )
    assert (await trader.look(order_id))["time_in_force"] == "GOOD_UNTIL_DATE_TIME"
    await until_status(trader, order_id, "EXPIRED")
    assert await trader.balance("USD") == ("50000", "0")


@pytest.mark.asyncio
async def test_a_stop_limit_order_waits_with_its_funds_held(desk: Bench, trader: Trader) -> None:
    venue = desk.twin.desk.venue
    last = venue.last_ticks["BTC-USD"]
    price = venue.instruments["BTC-USD"].price
    order_id = await trader.order(
        "BTC-USD",
        "SELL",
        "stop_limit_stop_limit_gtc",
        base_size="0.5",
        limit_price=str(price(last - 500_000)),
        stop_price=str(price(last - 5_000)),
        stop_direction="STOP_DIRECTION_STOP_DOWN",
    )
    order = await trader.look(order_id)
    assert (order["status"], order["order_type"], order["trigger_status"]) == ("OPEN", "STOP_LIMIT", "STOP_PENDING")
    assert await trader.balance("BTC") == ("1", "0.5")
    venue.quote("BTC-USD", Side.BUY, last - 5_000, 1)
    bids = venue.books["BTC-USD"].bids
    for ticks, lots in bids.top(len(bids)):
        if ticks >= last - 5_000:
            venue.take("BTC-USD", Side.SELL, ticks, lots)
    desk.twin.desk.publish()
    order = await trader.look(order_id)
    assert (order["trigger_status"], order["filled_size"], order["status"]) == ("STOP_TRIGGERED", "0.5", "FILLED")


@pytest.mark.asyncio
async def test_a_bracket_sells_at_its_limit_or_at_its_stop(desk: Bench, trader: Trader) -> None:
    venue = desk.twin.desk.venue
    last, price = venue.last_ticks["ETH-USD"], venue.instruments["ETH-USD"].price
    terms = {"base_size": "1", "limit_price": str(price(last + 90_000)), "stop_trigger_price": str(price(last - 400))}
    order_id = await trader.order("ETH-USD", "SELL", "trigger_bracket_gtc", **terms)
    assert (await trader.look(order_id))["order_type"] == "BRACKET"
    bids = venue.books["ETH-USD"].bids
    for ticks, lots in bids.top(len(bids)):
        if ticks >= last - 400:
            venue.take("ETH-USD", Side.SELL, ticks, lots)
    venue.quote("ETH-USD", Side.BUY, last - 400, 100)
    venue.take("ETH-USD", Side.SELL, last - 400, 100)
    desk.twin.desk.publish()
    order = await until_status(trader, order_id, "FILLED")
    assert order["trigger_status"] == "STOP_TRIGGERED"
    assert Decimal(order["average_filled_price"]) < price(last)


def refusals() -> list[tuple[str, str, str, dict[str, Any], str, str]]:
    gtc, market = "limit_limit_gtc", "market_market_ioc"
    stop, bracket = "stop_limit_stop_limit_gtc", "trigger_bracket_gtc"
    far = {"base_size": "0.01", "limit_price": "90000"}
    bare = "UNKNOWN_FAILURE_REASON"
    return [
        ("BTC-USD", "BUY", gtc, {"base_size": "2", "limit_price": "90000"}, "INSUFFICIENT_FUND", "INSUFFICIENT_FUND"),
        ("BTC-USD", "SELL", market, {"base_size": "1.6"}, "INSUFFICIENT_FUND", "INSUFFICIENT_FUND"),
        ("BTC-USD", "BUY", gtc, far | {"limit_price": "9.001"}, "INVALID_PRICE_PRECISION", "INVALID_PRICE_PRECISION"),
        ("BTC-USD", "BUY", gtc, far | {"limit_price": "0"}, "INVALID_LIMIT_PRICE", "INVALID_LIMIT_PRICE"),
        ("BTC-USD", "BUY", gtc, far | {"base_size": "0.000000001"}, "INVALID_SIZE_PRECISION", "INVALID_SIZE_PRECISION"),
        ("BTC-USD", "BUY", gtc, far | {"base_size": "0"}, bare, "INVALID_BASE_SIZE_TOO_SMALL"),
        ("BTC-USD", "BUY", gtc, far | {"base_size": "3401"}, bare, "INVALID_BASE_SIZE_TOO_LARGE"),
        ("BTC-USD", "BUY", gtc, far | {"base_size": "0.00001"}, bare, "INVALID_QUOTE_SIZE_TOO_SMALL"),
        ("BTC-USD", "SELL", gtc, {"base_size": "3000", "limit_price": "90000"}, bare, "INVALID_QUOTE_SIZE_TOO_LARGE"),
        ("BTC-USD", "BUY", market, {"quote_size": "10.001"}, bare, "INVALID_QUOTE_SIZE_PRECISION"),
        ("BTC-USD", "BUY", market, {"quote_size": "0.5"}, bare, "INVALID_QUOTE_SIZE_TOO_SMALL"),
        ("BTC-USD", "SELL", market, {"quote_size": "100"}, bare, "INVALID_ORDER_CONFIG"),
        ("BTC-USD", "BUY", market, {}, bare, "INVALID_ORDER_CONFIG"),
        ("BTC-USD", "BUY", gtc, {"base_size": "1"}, bare, "INVALID_ORDER_CONFIG"),
        ("BTC-USD", "BUY", "limit_limit_day", far, bare, "INVALID_ORDER_CONFIG"),
        (
            "BTC-USD", "BUY", gtc, {"base_size": "0.01", "limit_price": "150000", "post_only": True},
            "INVALID_LIMIT_PRICE_POST_ONLY", "INVALID_LIMIT_PRICE_POST_ONLY",
        ),
        ("BTC-USD", "BUY", "limit_limit_gtd", far | {"end_time": in_seconds(-5)}, bare, "INVALID_END_TIME"),
        ("BTC-USD", "BUY", "limit_limit_gtd", far, bare, "INVALID_END_TIME"),
        ("BTC-USD", "BUY", stop, far | {"stop_price": "95000"}, bare, "INVALID_ORDER_CONFIG"),
        (
            "BTC-USD", "BUY", stop, far | {"stop_price": "80000", "stop_direction": "STOP_DIRECTION_STOP_UP"},
            bare, "STOP_PRICE_BELOW_LAST_TRADE_PRICE",
        ),
        (
            "BTC-USD", "SELL", stop, far | {"stop_price": "150000", "stop_direction": "STOP_DIRECTION_STOP_DOWN"},
            bare, "STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        ),
        ("BTC-USD", "BUY", bracket, far | {"stop_trigger_price": "80000"}, bare, "INVALID_BRACKET_ORDER_SIDE"),
        ("BTC-USD", "SELL", bracket, far | {"stop_trigger_price": "80000"}, bare, "INVALID_BRACKET_PRICES"),
        ("NOT-USD", "BUY", gtc, far, "INVALID_PRODUCT_ID", "INVALID_PRODUCT_ID"),
        ("REP-USD", "BUY", gtc, far, "UNTRADABLE_PRODUCT", "UNTRADABLE_PRODUCT"),
    ]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("part", [slice(0, 13), slice(13, None)], ids=["sizes", "kinds"])
async def test_every_refusal_is_http_200_with_its_reason(trader: Trader, part: slice) -> None:
    for product, side, kind, terms, error, reason in refusals()[part]:
        answer = await trader.create(product, side, kind, **terms)
        failed = answer["error_response"]
        assert answer["success"] is False and answer["order_id"] == ""
        assert (failed["error"], failed["preview_failure_reason"]) == (error, f"PREVIEW_{reason}"), (kind, terms)
        assert failed["new_order_failure_reason"] == error and failed["message"]
        body = {"product_id": product, "side": side, "order_configuration": {kind: terms}}
        status, preview = await trader.post("/orders/preview", body)
        assert (status, preview["errs"]) == (200, [f"PREVIEW_{reason}"])
    assert (await trader.get("/orders/historical/batch"))[1]["orders"] == []
    assert await trader.balance("USD") == ("50000", "0")


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["market_market_fok", "twap_limit_gtd", "scaled_limit_gtc"])
async def test_kinds_that_spot_does_not_take(trader: Trader, kind: str) -> None:
    failed = (await trader.create("BTC-USD", "BUY", kind, base_size="0.01", limit_price="90000"))["error_response"]
    assert (failed["error"], failed["preview_failure_reason"]) == (
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "UNKNOWN_PREVIEW_FAILURE_REASON",
    )


@pytest.mark.asyncio
async def test_market_states(desk: Bench, trader: Trader) -> None:
    async def reason(flag: str, kind: str, **terms: Any) -> str:
        desk.twin.rules.flags["BTC-USD"] = {flag: True}
        answer = await trader.create("BTC-USD", "BUY", kind, **terms)
        return str(answer.get("error_response", {}).get("preview_failure_reason", ""))

    limit = {"base_size": "0.01", "limit_price": "90000"}
    blocked, gone = "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE", "PREVIEW_UNTRADABLE_PRODUCT"
    assert await reason("limit_only", "market_market_ioc", quote_size="10") == blocked
    assert await reason("limit_only", "limit_limit_gtc", **limit) == ""
    assert await reason("post_only", "limit_limit_gtc", **limit) == blocked
    assert await reason("post_only", "limit_limit_gtc", post_only=True, **limit) == ""
    assert await reason("auction_mode", "market_market_ioc", quote_size="10") == blocked
    assert await reason("cancel_only", "limit_limit_gtc", post_only=True, **limit) == blocked
    for flag in ("trading_disabled", "is_disabled", "view_only"):
        assert await reason(flag, "limit_limit_gtc", **limit) == gone
    assert (await trader.public("/products/BTC-USD"))[1]["view_only"] is True
    desk.twin.rules.stops = False
    desk.twin.rules.flags.clear()
    stop = limit | {"stop_price": "99999", "stop_direction": "STOP_DIRECTION_STOP_UP"}
    answer = await trader.create("BTC-USD", "BUY", "stop_limit_stop_limit_gtc", **stop)
    assert answer["error_response"]["error"] == "UNSUPPORTED_ORDER_CONFIGURATION"


@pytest.mark.asyncio
async def test_an_alias_takes_the_wallet_that_it_names(desk: Bench, trader: Trader) -> None:
    order_id = await trader.limit("BUY", "0.01", "90000", "BTC-USDC")
    assert await trader.balance("USDC") == ("19089.2", "910.8")
    assert await trader.balance("USD") == ("50000", "0")
    assert (await trader.look(order_id))["product_id"] == "BTC-USDC"
    bought = await trader.look(await trader.order("BTC-USDC", "BUY", "market_market_ioc", quote_size="100"))
    assert bought["status"] == "FILLED", "from the BTC-USD book"
    del desk.twin.desk.account.balances["USDC"]
    refused = await trader.create("BTC-USDC", "BUY", "limit_limit_gtc", base_size="0.01", limit_price="90000")
    assert refused["error_response"]["message"] == "account is not available"


@pytest.mark.asyncio
async def test_client_ids(trader: Trader) -> None:
    terms = {"base_size": "0.01", "limit_price": "90000"}
    first = await trader.create("BTC-USD", "BUY", "limit_limit_gtc", "one", **terms)
    assert await trader.create("BTC-USD", "BUY", "limit_limit_gtc", "one", **terms) == first
    assert len((await trader.get("/orders/historical/batch", order_status="OPEN"))[1]["orders"]) == 1
    other = await trader.create("BTC-USD", "BUY", "limit_limit_gtc", "one", base_size="0.02", limit_price="90000")
    assert other["error_response"]["error"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert (await trader.create("BTC-USD", "BUY", "limit_limit_gtc", "x" * 128, **terms))["success"]
    body = {"product_id": "BTC-USD", "side": "BUY", "order_configuration": {"limit_limit_gtc": terms}}
    for client_id in ({}, {"client_order_id": ""}, {"client_order_id": "x" * 129}, {"client_order_id": 5}):
        status, error = await trader.post("/orders", body | client_id)
        assert (status, error["error"], error["code"]) == (400, "INVALID_ARGUMENT", 3)


@pytest.mark.asyncio
async def test_malformed_bodies_are_http_400(trader: Trader) -> None:
    good = {
        "client_order_id": "x",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "90000"}},
    }
    bad_terms = [{"base_size": 0.01, "limit_price": "90000"}, {"base_size": "NaN", "limit_price": "90000"}]
    bodies: list[Any] = [[], {}, good | {"side": "buy"}, good | {"product_id": None}, good | {"order_configuration": 1}]
    for body in bodies + [good | {"order_configuration": {"limit_limit_gtc": terms}} for terms in bad_terms]:
        status, error = await trader.post("/orders", body)
        assert (status, error["error"]) == (400, "INVALID_ARGUMENT"), body


@pytest.mark.asyncio
async def test_previews_change_nothing(trader: Trader) -> None:
    configuration = {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "90000"}}
    body = {"product_id": "BTC-USD", "side": "BUY", "order_configuration": configuration}
    _, preview = await trader.post("/orders/preview", body)
    assert (preview["errs"], preview["warning"]) == ([], [])
    assert [preview[k] for k in ("quote_size", "commission_total", "order_total", "base_size")] == [
        "900", "10.8", "910.8", "0.01",
    ]  # fmt: skip
    assert Decimal(preview["best_bid"]) < Decimal(preview["best_ask"]) and preview["preview_id"]
    body["order_configuration"] = {"market_market_ioc": {"quote_size": "100"}}
    assert (await trader.post("/orders/preview", body))[1]["errs"] == []
    assert await trader.balance("USD") == ("50000", "0")


@pytest.mark.asyncio
async def test_edits(desk: Bench, trader: Trader) -> None:
    order_id = await trader.limit("BUY", "0.01", "90000")
    _, answer = await trader.post("/orders/edit", {"order_id": order_id, "price": "91000", "size": "0.02"})
    assert answer == {"success": True, "errors": []}
    order = await trader.look(order_id)
    assert order["order_configuration"] == {"limit_limit_gtc": {"base_size": "0.02", "limit_price": "91000"}}
    assert (order["status"], order["outstanding_hold_amount"]) == ("OPEN", "1841.84")
    assert [(row["price"], row["size"]) for row in order["edit_history"]] == [("91000", "0.02")]
    level = desk.twin.desk.venue.books["BTC-USD"].bids
    assert (level.lots_at(9_000_000), level.lots_at(9_100_000)) == (0, 2_000_000)


@pytest.mark.asyncio
async def test_an_edit_to_less_keeps_its_place(desk: Bench, trader: Trader) -> None:
    venue = desk.twin.desk.venue
    order_id = await trader.limit("BUY", "0.02", "90000")
    venue.quote("BTC-USD", Side.BUY, 9_000_000, 500)
    first = venue.books["BTC-USD"].bids.orders_at(9_000_000)[0]
    await trader.post("/orders/edit", {"order_id": order_id, "price": "90000", "size": "0.01"})
    assert venue.books["BTC-USD"].bids.orders_at(9_000_000)[0] is first
    await trader.post("/orders/edit", {"order_id": order_id, "price": "90000", "size": "0.015"})
    assert venue.books["BTC-USD"].bids.orders_at(9_000_000)[1] is first


@pytest.mark.asyncio
async def test_why_an_edit_is_refused(trader: Trader) -> None:
    async def reasons(path: str, **body: Any) -> tuple[str, str]:
        status, answer = await trader.post(path, body)
        assert status == 200 and answer.get("success", False) is False
        (row,) = answer["errors"]
        return row["edit_failure_reason"], row["preview_failure_reason"]

    order_id = await trader.limit("BUY", "0.01", "90000", post_only=True)
    gtd = await trader.order(
        "BTC-USD", "BUY", "limit_limit_gtd", base_size="0.01", limit_price="90000", end_time=in_seconds(60)
    )
    done = await trader.limit("BUY", "0.01", "80000")
    await trader.post("/orders/batch_cancel", {"order_ids": [done]})
    none, unknown = "UNKNOWN_PREVIEW_FAILURE_REASON", "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
    for path in ("/orders/edit", "/orders/edit_preview"):
        for body, expected in (
            ({"price": "91000"}, ("INVALID_EDITED_SIZE", none)),
            ({"size": "0.02"}, ("INVALID_EDITED_PRICE", none)),
            ({"price": "90000", "size": "0.01"}, ("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST", none)),
            ({"price": "90000.001", "size": "0.01"}, (unknown, "PREVIEW_INVALID_PRICE_PRECISION")),
            ({"price": "150000", "size": "0.01"}, (unknown, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")),
            ({"price": "91000", "size": "0.01", "order_id": gtd}, ("ONLY_LIMIT_ORDER_EDITS_SUPPORTED", none)),
            ({"price": "91000", "size": "0.01", "order_id": done}, ("ONLY_OPEN_ORDERS_CAN_BE_EDITED", none)),
            ({"price": "91000", "size": "0.01", "order_id": "x"}, ("ORDER_NOT_FOUND", none)),
        ):
            assert await reasons(path, **({"order_id": order_id} | body)) == expected, body
    assert await reasons("/orders/edit", order_id=order_id, price="90000", size="1") == (
        unknown,
        "PREVIEW_INSUFFICIENT_FUND",
    )
    assert (await trader.look(order_id))["outstanding_hold_amount"] == "910.8", "left as it was"
    _, preview = await trader.post("/orders/edit_preview", {"order_id": order_id, "price": "91000", "size": "0.01"})
    assert (preview["errors"], preview["quote_size"]) == ([], "910")


@pytest.mark.asyncio
async def test_cancels_and_why_not(trader: Trader) -> None:
    first, second = await trader.limit("BUY", "0.01", "90000"), await trader.limit("BUY", "0.01", "80000")
    filled = await trader.order("BTC-USD", "BUY", "market_market_ioc", quote_size="10")
    stranger = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    _, answer = await trader.post(
        "/orders/batch_cancel", {"order_ids": [first, second, first, filled, stranger, "test-1"]}
    )
    assert [(row["success"], row["failure_reason"]) for row in answer["results"]] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "DUPLICATE_CANCEL_REQUEST"),
        (False, "COMMANDER_REJECTED_CANCEL_ORDER"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "INVALID_CANCEL_REQUEST"),
    ]
    for order_ids in ([], [stranger] * 101, "x", None):
        assert (await trader.post("/orders/batch_cancel", {"order_ids": order_ids}))[0] == 400


@pytest.mark.asyncio
async def test_an_order_of_ours_is_not_taken_by_ourselves(trader: Trader) -> None:
    await trader.limit("SELL", "0.01", "97000.5", post_only=False)
    best = (await trader.public("/product_book", product_id="BTC-USD", limit=1))[1]["pricebook"]
    inside = str(Decimal(best["asks"][0]["price"]) - Decimal("0.01"))
    await trader.limit("SELL", "0.01", inside, post_only=True)
    order = await trader.look(await trader.limit("BUY", "0.02", inside))
    assert (order["status"], order["filled_size"]) == ("CANCELLED", "0")
