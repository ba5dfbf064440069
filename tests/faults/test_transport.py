"""Faults of the line between desk and exchange, and what the window then shows."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from PySide6.QtTest import QTest

from app.connectors import stream_check, user_stream_tracker
from app.core.gate import GateState
from app.core.order_state import OrderState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.twin_process import TwinLine
from tests.lab.clock import ShiftedClock
from tests.lab.desk import PAIR, Desk, column
from tests.lab.elsewhere import elsewhere
from tests.lab.faults import drop
from tests.lab.fixtures import Lab
from tests.until import until

MARKET_BUY = {"type": "MARKET", "amount": "20"}


def recovered(desk: Desk) -> int:
    """How many rows of the fills are marked so."""
    return sum(trade.startswith("recovered") for trade in column(desk.window.fills, "Trade id"))


async def open_gate(desk: Desk) -> None:
    await desk.click_price(Side.BUY, 6)
    await until(lambda: desk.gate() == "", what="an open gate")


def test_t1_a_reset_greys_the_book_at_once_and_what_was_missed_comes_back(lab: Lab, twin_line: TwinLine) -> None:
    async def story(desk: Desk) -> None:
        await open_gate(desk)
        desk.proxy.refuse_handshake = lambda request: web.Response(status=503)
        desk.proxy.reset()
        await until(lambda: desk.book() != "live", within_s=0.25, what="a grey book")
        await until(lambda: "RECONNECT" in desk.connection("public").get("State", ""), what="the connection's state")
        await until(lambda: "RECONNECT" in desk.pill(), what="the status bar")
        await until(lambda: desk.gate().startswith("Will ask"), what="a gate that asks")
        async with elsewhere(twin_line) as other:
            await other.order("BTC_USDT", "BUY", **MARKET_BUY)
        desk.proxy.heal()
        await desk.live()
        await until(lambda: desk.gate() == "", what="an open gate again")
        await until(lambda: recovered(desk), what="the fill that the stream missed, marked as recovered")
        fills = "1 fill" if recovered(desk) == 1 else f"{recovered(desk)} fills"
        assert desk.events()[0] == f"Reconciled: 0 open orders, {fills} recovered"

    lab(story)


def test_t1_a_close_message_counts_as_a_loss_too(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        desk.proxy.refuse_handshake = lambda request: web.Response(status=503)
        await desk.proxy.socket("public").cut(1001, b"going away")
        await until(lambda: desk.book() != "live", within_s=0.5, what="a grey book")
        said = [event["Reason"] for event in desk.link_history("public")]
        assert any("going away" in reason for reason in said), said
        desk.proxy.heal()
        await desk.live()

    lab(story)


def test_t2_a_black_hole_is_noticed_within_two_seconds_and_given_up_within_six(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        await open_gate(desk)
        sockets = len(desk.proxy.handshakes)
        desk.proxy.freeze()
        await until(lambda: desk.book() == "aging", within_s=2.5, what="an aging book")
        assert desk.book_words().startswith("AGING 2 s")
        await until(lambda: desk.book() == "stale", within_s=4.5, what="a stale book")
        await until(lambda: desk.gate().startswith("Will ask"), what="a limit order must be confirmed")
        market = OrderDraft(pair=PAIR, side=Side.BUY, type=OrderType.MARKET)
        gate = desk.exchange.gate(market)
        assert gate.state is GateState.BLOCKED and "no market orders" in gate.reason
        desk.window.entry.type.setFocus()
        QTest.keyClicks(desk.window.entry.type, "Market")
        await until(lambda: "no market orders" in desk.gate(), what="a market order is blocked on screen")
        assert not desk.window.entry.submit.isEnabled()
        desk.proxy.thaw()
        await desk.live()
        assert len(desk.proxy.handshakes) > sockets, "the old socket was given up"

    lab(story)


def test_t3_a_mute_order_channel_is_found_out_by_asking(
    lab: Lab, twin_line: TwinLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit's 30 s are made 1 s here; in real time the whole stays below the 45 s of the case."""
    monkeypatch.setattr(user_stream_tracker, "LONG_POLL_S", 1.0)
    monkeypatch.setattr(stream_check, "_SETTLED_NS", 0)

    async def story(desk: Desk) -> None:
        private = len([socket for socket in desk.proxy.sockets if "private" in socket.path])
        mute = [desk.proxy.on_message(drop, containing=f'"channel":"{name}"') for name in ("orders", "balances")]
        handshakes = len(desk.proxy.handshakes)
        async with elsewhere(twin_line) as other:
            await other.order("BTC_USDT", "BUY", **MARKET_BUY)
            footer = desk.window.balances.footer
            chip = "orders channel quiet"
            await until(lambda: chip in footer.text(), within_s=20, what="the chip")
            await until(lambda: any("STREAM-LOST-EVENTS" in words for words in desk.banners()), what="the banner")
            await until(lambda: len(desk.proxy.handshakes) > handshakes, what="a new subscription")
            await until(lambda: recovered(desk), what="the fill, marked as recovered")
            for rule in mute:
                rule.end()
            await until(lambda: desk.exchange.ready, what="a stream that is back")
            assert len([socket for socket in desk.proxy.sockets if "private" in socket.path]) == private
            await other.order("BTC_USDT", "BUY", **MARKET_BUY)
            await until(lambda: not desk.banners(), what="an end of the alarm when the stream tells of orders again")
            await until(lambda: chip not in footer.text(), what="no chip either")

    lab(story)


def test_t3_an_order_of_ours_that_the_stream_never_tells_is_noticed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_check, "_SETTLED_NS", 0)

    async def story(desk: Desk) -> None:
        desk.proxy.on_message(drop, containing='"channel":"orders"')
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="the order by its answer")
        await until(lambda: any(order.key in words for words in desk.banners()), within_s=10, what="the banner")
        assert order.state is OrderState.OPEN
        await desk.exchange.cancel_all()

    lab(story)


def test_t4_after_sleep_nothing_is_believed_until_it_was_asked_again(lab: Lab) -> None:
    clock = ShiftedClock()

    async def story(desk: Desk) -> None:
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="the order")
        sockets = list(desk.proxy.sockets)
        asked = len(desk.proxy.asked(path="/timestamp"))
        sent = len(desk.proxy.asked("POST", "/orders"))
        clock.sleep(300)
        loop = asyncio.get_running_loop()
        woke = loop.time()
        await until(lambda: any("Computer slept 5 min 0 s" in words for words in desk.banners()), within_s=1.0)
        await until(lambda: desk.book() != "live", within_s=0.3, what="no price of before the sleep is live")
        assert not desk.exchange.ready and desk.exchange.freshness(PAIR).age_s >= 300
        await until(lambda: not set(sockets) & set(desk.proxy.sockets), within_s=5, what="the old sockets are gone")
        await desk.live(within_s=10)
        assert loop.time() - woke <= 10
        await until(lambda: not desk.banners(), what="no banner once all is known again")
        assert len(desk.proxy.asked(path="/timestamp")) > asked, "the exchange's clock was measured again"
        assert any(text.startswith("Reconciled: 1 open order,") for text in desk.events())
        assert len(desk.proxy.asked("POST", "/orders")) == sent and order.state is OrderState.OPEN
        await desk.exchange.cancel_all()

    lab(story, clock=clock)
