"""The life of an order: its history with times and messages, its executions, and what was ignored."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication

from app.core.types import Side, VenueState
from app.ui.dialogs.order_life import OrderLifeDialog
from app.ui.models.orders import OrderLine
from tests.ui.fake_desk import small_desk


@pytest.fixture
def life(qtbot):
    """An order placed, filled in part 1.25 s later and cancelled, with a late and a repeated report."""
    desk, exchange = small_desk()
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    desk.clock.advance(1.25)
    fill = exchange.fill(order, "65999.9", "0.04", fee="0.00004", fee_asset="BTC", maker=True)
    exchange.orders.apply_fill(fill, exchange.now_ms)
    desk.clock.advance(20)
    exchange.report(order, state=VenueState.CANCELED, filled="0.04")
    exchange.report(order, state=VenueState.OPEN)
    dialog = OrderLifeDialog(OrderLine(exchange, order))
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog, order


def rows(model) -> list[list[str]]:
    return [[model.index(row, at).data() for at in range(model.columnCount())] for row in range(model.rowCount())]


def test_history_has_times_states_and_messages(life):
    dialog, order = life
    shown = rows(dialog.history)
    assert [row[2] for row in shown][:4] == ["INTENT", "SUBMITTING", "OPEN", "PARTIALLY_FILLED"]
    assert shown[3][:2] == ["08:53:21.250", "+1250 ms"]
    assert shown[3][5] == f"#{order.history[3].frame}"
    assert shown[-1][1] == "+21.2 s"


def test_executions_are_exact(life):
    dialog, _ = life
    assert [row[1:5] for row in rows(dialog.fills)] == [["65,999.9", "0.0400", "0.00004 BTC", "maker"]]


def test_the_head_says_state_ids_and_what_was_ignored(life):
    dialog, order = life
    assert dialog.state.text() == "0.04 of 0.1 filled, rest cancelled"
    assert order.exchange_order_id in dialog.ids.text()
    assert "duplicate trade id: 1 ignored" in dialog.numbers.text()


def test_the_copy_holds_everything(life):
    dialog, order = life
    dialog._copy()
    text = QGuiApplication.clipboard().text()
    assert order.client_order_id in text
    assert "fill 0.04 at 65999.9 fee 0.00004 BTC" in text
    assert text.count("\n") == len(order.history) + len(order.fills)
