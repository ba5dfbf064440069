"""Changing an open order from its row: what is offered, what is sent, and what is shown when the answer is lost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.frames import Direction, FrameKind
from app.core.order_change import ChangeState
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.requests import NoAnswer
from app.core.types import OrderType
from app.twin_process import TwinProcess
from tests.lab.desk import Desk, Play, column
from tests.until import until

AMENDS = ("amend", "/orders/edit")


async def resting(desk: Desk, amount: str = "0.02") -> InFlightOrder:
    mid = desk.exchange.order_books[desk.pair].mid
    assert mid is not None
    key = desk.exchange.buy(desk.pair, Decimal(amount), OrderType.LIMIT, mid * Decimal("0.97"))
    order = desk.exchange.orders.get(key)
    assert order is not None
    await until(lambda: order.state is OrderState.OPEN, what="the order to rest")
    panel = desk.window.open_orders
    await until(lambda: column(panel, "State") == ["Open"], what="its row")
    desk.window.docks.bring_up("orders")
    panel.table.select_only(0)
    panel.table.setFocus()
    return order


def type_into(edit: Any, text: str) -> None:
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)


def sent_changes(desk: Desk) -> int:
    frames = [f for f in desk.workspace.log.newest_first() if f.direction is Direction.OUT and f.kind is FrameKind.REST]
    return sum(any(path in frame.path for path in AMENDS) for frame in frames)


@pytest.mark.parametrize("name", ["okx", "coinbase", "crypto_com"])
def test_price_and_amount_are_changed_in_place(play: Play, tmp_path: Path, name: str) -> None:
    async def story() -> None:
        twin = TwinProcess(name, seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            order = await resting(desk)
            exchange_id, tick = order.exchange_order_id, desk.exchange.trading_rules[desk.pair].min_price_increment
            old = order.terms.price
            assert old is not None
            panel = desk.window.open_orders
            QTest.keyClick(panel.table, Qt.Key.Key_F2)
            dialog = panel.amending
            assert dialog is not None and not dialog.change.isEnabled(), "nothing is changed yet"
            wanted = old - 20 * tick
            type_into(dialog.price.edit, f"{wanted + tick / 2:f}")
            type_into(dialog.amount.edit, "0.03")
            assert f"→ {wanted:,f}" in dialog.lines["price"].text()
            assert "→ 0.03" in dialog.lines["amount"].text()
            assert dialog.rounded.text().startswith("price −")
            assert dialog.how.text() == desk.exchange.venue.spec.amend.words
            QTest.keyClick(dialog.amount.edit, Qt.Key.Key_Return)
            assert sent_changes(desk) == 0 and dialog.focusWidget() is dialog.change, "Enter leads to the button"
            QTest.keyClick(dialog.change, Qt.Key.Key_Return)
            await until(lambda: order.change is not None and order.change.state is ChangeState.DONE, 20, "the change")
            assert (order.terms.price, order.terms.amount) == (wanted, Decimal("0.03"))
            assert (order.exchange_order_id, order.state, order.flags) == (exchange_id, OrderState.OPEN, set())
            await until(lambda: Decimal(column(panel, "Price")[0].replace(",", "")) == wanted, what="the new price")
            assert column(panel, "State") == ["Open"] and sent_changes(desk) == 1
            assert [own.price for own in desk.window.ladder.view.own_orders()] == [wanted]
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_binance_makes_an_order_smaller_and_nothing_else(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("binance", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            order = await resting(desk)
            panel = desk.window.open_orders
            QTest.keyClick(panel.table, Qt.Key.Key_F2)
            dialog = panel.amending
            assert dialog is not None and not dialog.price.edit.isEnabled()
            type_into(dialog.amount.edit, "0.05")
            assert not dialog.change.isEnabled()
            assert dialog.amount.note.text() == "the amount can only become smaller than 0.02"
            type_into(dialog.amount.edit, "0.01")
            QTest.mouseClick(dialog.change, Qt.MouseButton.LeftButton)
            await until(lambda: order.change is not None and order.change.state is ChangeState.DONE, what="the change")
            assert order.terms.amount == Decimal("0.01") and OrderFlag.ID_CONFLICT not in order.flags
            await until(lambda: column(panel, "Amount") == ["0.01000"], what="the new amount")
            assert len(desk.exchange.orders.open) == 1
        finally:
            await desk.close()
            twin.stop()

    play(story())


def test_poloniex_offers_no_change_and_says_why(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        twin = TwinProcess("poloniex", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        try:
            await resting(desk)
            panel = desk.window.open_orders
            menu = panel.menu_for(panel.model.shown[0])
            (entry,) = [action for action in menu.actions() if action.text().startswith("No change")]
            assert not entry.isEnabled() and "would cancel it and place a new one under a new id" in entry.text()
            QTest.keyClick(panel.table, Qt.Key.Key_F2)
            assert panel.amending is None and panel.footer.whole.startswith("Not changed: Poloniex cannot change")
        finally:
            await desk.close()
            twin.stop()

    play(story())


@pytest.mark.parametrize("arrived", [True, False])
def test_a_change_whose_answer_is_lost_is_asked_about_and_never_sent_twice(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    async def story() -> None:
        twin = TwinProcess("okx", seed=5)
        desk = Desk(tmp_path)
        await desk.open(twin.read_line())
        monkeypatch.setattr("app.connectors.order_doubts._FIRST_QUESTIONS_S", (0.2, 0.4, 0.8))
        monkeypatch.setattr("app.connectors.order_doubts._LATER_S", 1.0)
        rest, tries = desk.exchange.venue.rest, []
        perform = rest.perform

        async def deaf(call: Any) -> Any:
            if "amend" not in call.request.path:
                return await perform(call)
            tries.append(call.request)
            if arrived:
                await perform(call)
            raise NoAnswer("connection lost before the answer")

        try:
            order = await resting(desk)
            # The proof time would be half a minute away.
            desk.exchange.venue.spec = replace(desk.exchange.venue.spec, engine_grace_ms=0, signing_window_ms=500)
            monkeypatch.setattr(rest, "perform", deaf)
            panel, old = desk.window.open_orders, order.terms.price
            assert old is not None
            seen: list[str] = []
            note = lambda _: seen.append(order.change.state.value if order.change else "")  # noqa: E731
            desk.exchange.orders.changed.connect(note)
            QTest.keyClick(panel.table, Qt.Key.Key_F2)
            assert panel.amending is not None
            type_into(panel.amending.price.edit, f"{old - 10:f}")
            QTest.mouseClick(panel.amending.change, Qt.MouseButton.LeftButton)
            if not arrived:
                await until(lambda: column(panel, "State") == ["Change not confirmed"], what="the doubt")
                assert order.flags == {OrderFlag.CHANGE_UNKNOWN}
                await until(lambda: panel.amending is None, what="the closed editor")
                panel.change_order(panel.model.shown[0])
                assert panel.amending is None, "no second change while the first is in doubt"
                assert panel.footer.whole == "Not changed: a change of this order is not confirmed yet"
            await until(lambda: order.change is not None and not order.change.is_open, 20, "the outcome")
            assert order.change is not None
            assert "not confirmed" in seen or arrived
            assert order.change.state is (ChangeState.DONE if arrived else ChangeState.REFUSED)
            assert order.terms.price == (old - 10 if arrived else old)
            assert len(tries) == 1 and order.state is OrderState.OPEN and order.flags == set()
            await until(lambda: column(panel, "State") == ["Open"], what="the row without a doubt")
            if not arrived:
                assert order.history[-1].what == (
                    "change refused: the exchange still shows the old terms after the change's deadline"
                )
        finally:
            monkeypatch.undo()
            await desk.close()
            twin.stop()

    play(story())
