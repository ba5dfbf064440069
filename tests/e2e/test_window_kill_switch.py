"""The exchange's own cancel-all timer worked from the window: armed, renewed, disarmed, and told when it fired."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.cancellation import CancelOutcome
from app.core.frames import Direction, FrameKind
from app.core.kill_switch import KillSwitchState
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.requests import NoAnswer
from app.core.types import OrderType
from app.twin_process import TwinProcess
from app.ui.dialogs.kill_switch import KillSwitchDialog
from tests.lab.desk import Desk, Play, column
from tests.until import until


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Renewals every second, so that a test sees some."""
    monkeypatch.setattr("app.connectors.kill_switch._MOST_EVERY_S", 1.0)
    monkeypatch.setattr("app.connectors.kill_switch._LEAST_EVERY_S", 1.0)
    yield


async def rest(desk: Desk, count: int) -> list[InFlightOrder]:
    mid = desk.exchange.order_books[desk.pair].mid
    assert mid is not None
    price = mid * Decimal("0.97")
    keys = [
        desk.exchange.buy(desk.pair, Decimal("0.01"), OrderType.LIMIT, price - 5 * number) for number in range(count)
    ]
    orders = [order for order in desk.exchange.orders if order.key in keys]
    await until(lambda: all(order.state is OrderState.OPEN for order in orders), what="the orders to rest")
    return orders


def asked(desk: Desk) -> int:
    frames = [f for f in desk.workspace.log.newest_first() if f.direction is Direction.OUT and f.kind is FrameKind.REST]
    return sum(frame.path.startswith(PATHS) for frame in frames)


PATHS = ("/orders/killSwitch", "/api/v5/trade/cancel-all-after", "/v2/algo-orders/cancel-all-after")


async def arm(desk: Desk, seconds: int) -> KillSwitchDialog:
    desk.window.docks.bring_up("orders")
    QTest.mouseClick(desk.window.open_orders.kill_switch, Qt.MouseButton.LeftButton)
    dialog = desk.window.open_orders.switch_dialog
    assert dialog is not None
    dialog.seconds.setFocus()
    dialog.seconds.selectAll()
    QTest.keyClicks(dialog.seconds, str(seconds))
    assert dialog.seconds.value() == seconds and f"at most {seconds} s later" in dialog.meaning.text()
    QTest.mouseClick(dialog.arm, Qt.MouseButton.LeftButton)
    return dialog


@pytest.mark.parametrize("name", ["poloniex", "okx", "htx"])
def test_it_counts_down_is_renewed_and_disarmed(play: Play, quick: None, tmp_path: Path, name: str) -> None:
    async def story() -> None:
        twin = TwinProcess(name, seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            chip, switch = desk.window.kill_switch, desk.exchange.kill_switch
            assert switch is not None and not chip.isVisible()
            (order,) = await rest(desk, 1)
            dialog = await arm(desk, 10)
            await until(lambda: switch.state is KillSwitchState.ARMED, what="the exchange's yes")
            await until(
                lambda: chip.isVisible() and chip.text() in ("Kill switch 10 s", "Kill switch 9 s"), what="the chip"
            )
            await until(lambda: dialog.state.text().startswith("Armed: fires in "), what="the words")
            await until(lambda: switch.renewals >= 4 and asked(desk) >= 4, 15, "renewals")
            assert switch.remaining_s > 8 and order.state is OrderState.OPEN
            QTest.mouseClick(dialog.disarm, Qt.MouseButton.LeftButton)
            await until(lambda: switch.state is KillSwitchState.OFF and not chip.isVisible(), what="the disarming")
            sent = asked(desk)
            await until(lambda: dialog.state.text() == "Off", what="the words")
            assert asked(desk) == sent and order.state is OrderState.OPEN
            dialog.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_when_the_window_stops_answering_the_exchange_cancels_and_every_order_is_told(
    play: Play, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        monkeypatch.setattr("app.connectors.kill_switch._ALIVE_S", 0.8)
        try:
            switch, panel = desk.exchange.kill_switch, desk.window.open_orders
            assert switch is not None
            orders = await rest(desk, 3)
            await arm(desk, 10)
            await until(lambda: switch.state is KillSwitchState.ARMED, what="the exchange's yes")
            desk.window.kill_switch.stop()
            await until(lambda: switch.trouble == "not renewed: the window does not respond", what="the doubt")
            fires_ms = switch.fires_ms
            await until(lambda: bool(switch.expiries), 25, "the expiry")
            assert switch.expiries[0].at_ms == fires_ms
            assert set(switch.expiries[0].keys) == {order.key for order in orders}
            assert all(order.state is OrderState.CANCELED and not order.cancel_requested for order in orders)
            words = switch.expiries[0].words
            assert words.startswith("Exchange cancelled 3 orders: safety timer expired at ") and words.endswith(" UTC")
            assert words in [notice.text for notice in desk.workspace.notices.items]
            await until(lambda: panel.receipt is not None, what="the receipt")
            assert panel.receipt is not None
            job = panel.receipt.job
            assert [line.outcome for line in job.lines] == [CancelOutcome.CANCELED] * 3
            assert {line.words for line in job.lines} == {words.replace(" expired", "").partition(": ")[2]}
            desk.window.kill_switch.refresh()
            assert desk.window.kill_switch.text() == "Kill switch expired"
            sent = asked(desk)
            await until(lambda: column(panel, "State") == [], what="the empty list")
            assert asked(desk) == sent, "it is never armed again by itself"
            panel.receipt.accept()
            assert panel.switch_dialog is not None
            panel.switch_dialog.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_an_exchange_without_one_says_so(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("binance", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            assert desk.exchange.kill_switch is None
            desk.window.open_orders.show_kill_switch()
            dialog = desk.window.open_orders.switch_dialog
            assert dialog is not None and not dialog.arm.isEnabled() and not dialog.disarm.isEnabled()
            assert dialog.meaning.text() == "No account here has such a timer."
            assert dialog.without.text() == "No such timer for spot accounts: Binance."
            dialog.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_the_emergency_key_asks_once_and_then_cancels_everything(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            orders, panel = await rest(desk, 3), desk.window.open_orders
            action = next(a for a in desk.window.actions() if a.shortcut().toString() == "Ctrl+Shift+Del")
            action.trigger()
            assert panel.receipt is None and panel.footer.whole.startswith(
                "Press again within 3 s to cancel everything"
            )
            assert all(order.state is OrderState.OPEN and not order.cancel_requested for order in orders)
            action.trigger()
            await until(lambda: all(order.state is OrderState.CANCELED for order in orders), what="the cancels")
            assert panel.receipt is not None
            await until(lambda: panel.receipt.job.finished, what="the receipt")  # type: ignore[union-attr]
            assert panel.receipt.job.words() == "3 asked  ·  3 cancelled"
            panel.receipt.accept()
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_a_renewal_whose_answer_is_lost_is_shown_and_tried_again(
    play: Play, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        rest_client, lost = desk.exchange.venue.rest, 0
        perform = rest_client.perform

        async def deaf(call: Any) -> Any:
            nonlocal lost
            if "killSwitch" in call.request.path and lost < 2:
                lost += 1
                await perform(call)
                raise NoAnswer("connection lost before the answer")
            return await perform(call)

        try:
            switch, chip = desk.exchange.kill_switch, desk.window.kill_switch
            assert switch is not None
            (order,) = await rest(desk, 1)
            dialog = await arm(desk, 10)
            await until(lambda: switch.state is KillSwitchState.ARMED, what="the exchange's yes")
            monkeypatch.setattr(rest_client, "perform", deaf)
            await until(lambda: switch.trouble == "not renewed: connection lost before the answer", what="the trouble")
            await until(lambda: "not renewed" in chip.toolTip() and "Fires in" in dialog.state.text(), what="the words")
            await until(lambda: lost == 2 and switch.trouble == "", what="the next answer")
            assert switch.state is KillSwitchState.ARMED and switch.remaining_s > 8 and switch.expiries == []
            assert order.state is OrderState.OPEN
            dialog.accept()
        finally:
            monkeypatch.undo()
            await desk.close()
            twin.stop()

    play(story())


def test_a_timer_left_by_an_earlier_session_is_found_told_and_disarmed(play: Play, quick: None, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        line = twin.read_line()
        first = Desk(tmp_path)
        await first.open(line)
        dialog = await arm(first, 600)
        await until(lambda: first.exchange.kill_switch.state is KillSwitchState.ARMED)  # type: ignore[union-attr]
        dialog.accept()
        await first.close()
        second = Desk(tmp_path)
        await second.open(line)
        try:
            switch, chip = second.exchange.kill_switch, second.window.kill_switch
            assert switch is not None
            await until(lambda: switch.state is KillSwitchState.ARMED and chip.isVisible(), what="the timer found")
            assert 500 < switch.remaining_s < 600 and switch.renewals == 0
            assert switch.trouble == "armed by an earlier session, not renewed"
            told = [notice.text for notice in second.workspace.notices.items]
            assert any(text.startswith("Kill switch still armed by an earlier session") for text in told)
            second.window.open_orders.show_kill_switch()
            found = second.window.open_orders.switch_dialog
            assert found is not None and found.disarm.isEnabled() and found.arm.isEnabled()
            QTest.mouseClick(found.disarm, Qt.MouseButton.LeftButton)
            await until(lambda: switch.state is KillSwitchState.OFF and not chip.isVisible(), what="the disarming")
            found.accept()
        finally:
            await second.close()
            twin.stop()

    play(story())
