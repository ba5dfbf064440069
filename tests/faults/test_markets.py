"""Markets that halt, vanish or change their rules, and order states nobody knows; what the window then shows."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.connectors import market_list
from app.connectors.order_estimate import market_price
from app.core.order_state import OrderFlag
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from tests.faults.test_books import event
from tests.lab import faults
from tests.lab.desk import PAIR, Desk, rows, texts
from tests.lab.fixtures import Lab
from tests.until import until


def badge(desk: Desk) -> str:
    label = desk.window.top.badge
    return label.text() if label.isVisible() else ""


def row_of(markets: list[Any]) -> Any:
    return next(row for row in markets if row["symbol"] == "BTC_USDT")


def watch_row(desk: Desk) -> dict[str, str]:
    return next((row for row in rows(desk.window.watch.table) if row["Market"].startswith(PAIR)), {})


@pytest.mark.parametrize(
    ("state", "words"), [("PAUSE", "Trading halted"), ("POST_ONLY", "Post-only"), ("gone", "Delisted")]
)
def test_p14_a_market_that_stops_says_so_blocks_orders_and_keeps_the_resting_one(
    lab: Lab, state: str, words: str
) -> None:
    async def story(desk: Desk) -> None:
        order = await desk.place()
        await until(lambda: order.state == "OPEN", what="a resting order")
        await desk.click_price(Side.BUY, 6)

        def stop(markets: list[Any]) -> list[Any] | None:
            if state == "gone":
                return [row for row in markets if row["symbol"] != "BTC_USDT"]
            row_of(markets)["state"] = state
            return None

        def without_prices(tickers: list[Any]) -> None:
            row_of(tickers).update({"close": "0", "bid": "0", "ask": "0", "markPrice": "0"})

        desk.proxy.on_request(faults.edit_body(without_prices), path="/markets/ticker24h")
        rules = desk.proxy.on_request(faults.edit_body(stop), path="/markets")
        desk.proxy.on_request(faults.edit_body(without_prices), path="/markets/ticker24h")
        desk.exchange.markets.ask_rules_now()
        await until(lambda: badge(desk) == words, what="the badge")
        assert event(desk, f"{PAIR}: {words.lower()}")
        if state == "POST_ONLY":
            await until(lambda: "takes only post-only orders now" in texts(desk.window.entry), what="the form's words")
        else:
            await until(lambda: words.lower() in desk.gate(), what="a blocked gate")
            assert not desk.window.entry.submit.isEnabled()
        await until(lambda: desk.states() == ["Open"], what="the resting order's row", seen=desk.states)
        assert order.state == "OPEN"
        # The resting order is asked about: at each audit, at the latest 30 s after the one before.
        asked = len(desk.proxy.asked("GET", "/orders"))
        assert desk.exchange.user_stream_tracker is not None
        desk.exchange.user_stream_tracker.ask_now()
        await until(lambda: len(desk.proxy.asked("GET", "/orders")) > asked, what="a question")
        assert order.state == "OPEN"
        await desk.press_cancel()
        await until(lambda: order.state == "CANCELED", what="a cancel that still works")
        rules.end()
        desk.exchange.markets.ask_rules_now()
        await until(lambda: badge(desk) == "", what="no badge")

    lab(story)


def test_p14_no_price_is_a_dash_and_never_a_zero(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        def without_prices(tickers: list[Any]) -> None:
            for row in tickers:
                row.update({"close": "0", "bid": "0", "ask": "0"})

        desk.proxy.on_message(faults.drop, containing='"ticker"')
        version = desk.exchange.tickers_version
        desk.proxy.on_request(faults.edit_body(without_prices), path="/markets/ticker24h")
        await until(lambda: desk.exchange.tickers_version > version + 1, within_s=20, what="tickers of a dead market")
        await until(lambda: watch_row(desk).get("Last") == "–", what="a dash")
        assert all(row["Last"] == "–" for row in rows(desk.window.watch.table))
        draft = OrderDraft(pair=PAIR, side=Side.SELL, type=OrderType.MARKET, amount=Decimal(1))
        assert market_price(draft, None, desk.exchange.tickers[PAIR]) is None, "nothing is ever valued at 0"

    lab(story)


def test_p15_new_rules_are_known_within_the_minute_and_at_once_after_a_refusal(lab: Lab) -> None:
    assert market_list._RULES_EVERY_S == 60.0

    async def story(desk: Desk) -> None:
        exchange = desk.exchange

        def coarser(markets: list[Any]) -> None:
            row_of(markets)["symbolTradeLimit"]["priceScale"] = 0

        assert exchange.trading_rules[PAIR].min_price_increment < 1
        desk.proxy.on_request(faults.edit_body(coarser), path="/markets")
        refusal = msgspec.json.encode({"code": 21335, "message": "price is not a multiple of the tick"})
        desk.proxy.on_request(
            faults.answer(400, refusal, {"Content-Type": "application/json"}), method="POST", path="/orders", times=1
        )
        asked = len(desk.proxy.asked("GET", "/markets"))
        order = await desk.place()
        await until(lambda: order.state == "REJECTED", what="a refusal")
        await until(lambda: exchange.trading_rules[PAIR].min_price_increment == 1, within_s=3, what="the new rule")
        assert len(desk.proxy.asked("GET", "/markets")) > asked
        assert "price is not a multiple of the tick" in order.reason and event(desk, "price is not a multiple")
        # The next ticket rounds to the new tick.
        second = await desk.place()
        assert second.terms.price == second.terms.price.to_integral_value()  # type: ignore[union-attr]
        await desk.exchange.cancel_all()

    lab(story)


def test_p9_an_unknown_order_state_is_shown_as_such_and_asked_about_within_two_seconds(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        def hibernate(message: Any) -> None:
            message["data"][0]["state"] = "HIBERNATING"

        desk.proxy.on_message(faults.edit(hibernate), containing=('"channel":"orders"', '"state":"NEW"'), times=1)
        desk.proxy.on_request(faults.late(after_s=0.7), method="POST", path="/orders", times=1)
        seen = asyncio.Event()
        desk.proxy.on_request(faults.hold(seen), method="GET", path="/orders")
        order = await desk.place()
        await until(lambda: OrderFlag.UNKNOWN_WORD in order.flags, what="the flag")
        await until(lambda: desk.states() == ["Exchange state: HIBERNATING (unknown)"], what="the row's words")
        assert not order.is_done
        seen.set()
        other = await desk.place(nth=5)
        await until(lambda: other.state == "OPEN", what="another row goes on")
        await until(
            lambda: [
                p
                for p in desk.proxy.asked("GET", "/orders/")
                if order.exchange_order_id in p.path or order.key in p.path
            ],
            within_s=2.5,
            what="a question by REST",
        )
        await until(lambda: sorted(desk.states()) == ["Open", "Open"], what="the state that REST told")
        await desk.exchange.cancel_all()

    lab(story)
