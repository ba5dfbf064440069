"""Confirming and sending an order: one confirmation, one order, and what became of it."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from app.core.gate import Gate, GateState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side, TimeInForce, VenueState
from app.ui.panels.order_entry import OrderEntry
from tests.ui.fake_desk import small_desk
from tests.ui.hands import write

ENTER = Qt.Key.Key_Return


def armed(qtbot, form: OrderEntry):
    """The confirmation, once its sending button may be pressed."""
    dialog = form.confirmation
    qtbot.waitUntil(dialog.send.isEnabled, timeout=3000)
    return dialog


def filled(qtbot, form: OrderEntry, price: str = "67000.1", amount: str = "0.05") -> None:
    write(qtbot, form.price.edit, price)
    write(qtbot, form.amount.edit, amount)


# -- confirmation and sending ------------------------------------------------------------------------------------------


def test_what_is_confirmed_is_what_is_sent(qtbot, form, exchange):
    filled(qtbot, form, "66999.87", "0.05003")
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    assert exchange.submitted == []
    dialog = armed(qtbot, form)
    assert dialog.send.hasFocus()
    shown = dialog.text()
    for words in ("PAPER", "Poloniex", "Buy 0.0500 BTC at 66,999.8 USDT", "Limit, GTC", "3,349.99 USDT", "0.2% taker"):
        assert words in shown
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted == [
        OrderDraft(
            pair="BTC-USDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=Decimal("66999.8"),
            amount=Decimal("0.0500"),
        )
    ]


def test_two_clicks_make_one_order(qtbot, form, exchange):
    filled(qtbot, form)
    at = form.submit.rect().center()
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton, pos=at)
    dialog = form.confirmation
    # The second half of a double click lands on a button that is not armed yet.
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted == []
    armed(qtbot, form)
    send = dialog.send
    qtbot.mouseClick(send, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(send, Qt.MouseButton.LeftButton)
    dialog._send()
    assert len(exchange.submitted) == 1
    form.ask()
    assert form.confirmation is None


def test_enter_pressed_twice_or_held_makes_one_order(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.keyClick(form.amount.edit, ENTER)
    dialog = form.confirmation
    qtbot.keyClick(dialog, ENTER)
    assert dialog.isVisible() and exchange.submitted == []
    armed(qtbot, form)
    for _ in range(5):
        repeat = QKeyEvent(QKeyEvent.Type.KeyPress, ENTER, Qt.KeyboardModifier.NoModifier, "\r", True)
        QApplication.sendEvent(dialog.send, repeat)
    assert exchange.submitted == []
    qtbot.keyClick(dialog.send, ENTER)
    assert len(exchange.submitted) == 1
    qtbot.keyClick(form.amount.edit, ENTER)
    assert form.confirmation is None
    assert len(exchange.submitted) == 1


def test_a_held_enter_opens_no_confirmation(form, qtbot):
    filled(qtbot, form)
    repeat = QKeyEvent(QKeyEvent.Type.KeyPress, ENTER, Qt.KeyboardModifier.NoModifier, "\r", True)
    QApplication.sendEvent(form.amount.edit, repeat)
    assert form.confirmation is None


def test_not_sending_leaves_everything_as_typed(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    qtbot.keyClick(form.confirmation, Qt.Key.Key_Escape)
    assert form.confirmation is None
    assert exchange.submitted == []
    assert (form.price.edit.text(), form.amount.edit.text()) == ("67000.1", "0.05")
    assert form.submit.isEnabled()


def send(qtbot, form: OrderEntry) -> None:
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(armed(qtbot, form).send, Qt.MouseButton.LeftButton)


def test_the_button_waits_for_the_answer(qtbot, form, exchange):
    send(qtbot, form)
    assert not form.submit.isEnabled()
    assert form.fate.text() == "Buy BTC-USDT: Sending"
    exchange.report(list(exchange.orders)[-1], state=VenueState.OPEN)
    form.refresh()
    assert form.submit.isEnabled()
    assert form.fate.text() == "Buy BTC-USDT: Open"


def test_without_an_answer_for_3_s_it_says_so_and_gives_the_button_back(qtbot, form, desk, exchange):
    send(qtbot, form)
    desk.clock.advance(2.9)
    form.refresh()
    assert not form.submit.isEnabled()
    desk.clock.advance(0.2)
    form.refresh()
    assert form.fate.text() == "Buy BTC-USDT: no answer for 3 s, may be live. Checking"
    assert form.submit.isEnabled()
    exchange.lose_answer(list(exchange.orders)[-1])
    form.refresh()
    assert form.fate.text().startswith("Buy BTC-USDT: UNKNOWN: May be live. Checking, proof by ")
    exchange.report(list(exchange.orders)[-1], state=VenueState.FILLED, filled="0.05")
    form.refresh()
    assert form.fate.text().startswith("Buy BTC-USDT: Filled")


def test_a_rejection_is_told_in_words(qtbot, form, exchange):
    send(qtbot, form)
    exchange.reject(list(exchange.orders)[-1], "Insufficient <b>balance</b>")
    form.refresh()
    assert form.fate.text() == "Buy BTC-USDT: Rejected: Insufficient <b>balance</b>"


def test_a_closed_gate_blocks_and_says_why(qtbot, form, exchange):
    filled(qtbot, form)
    exchange.gate_now = Gate(GateState.BLOCKED, "the book is stale")
    form.refresh()
    assert form.gate_words.text() == "Blocked: the book is stale"
    assert not form.submit.isEnabled()
    qtbot.keyClick(form.price.edit, ENTER)
    assert form.confirmation is None


def test_a_gate_that_asks_is_read_in_the_confirmation(qtbot, form, exchange):
    exchange.gate_now = Gate(GateState.CONFIRM, "price is 6 % away from the mid")
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    assert dialog.warning.text() == "Read before sending: price is 6 % away from the mid"
    assert dialog.cancel.hasFocus()


def test_a_gate_that_closes_under_the_open_dialog_stops_it(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    exchange.gate_now = Gate(GateState.BLOCKED, "clock is wrong")
    form.refresh()
    assert not dialog.send.isEnabled()
    assert dialog.warning.text() == "Blocked: clock is wrong"
    assert exchange.submitted == []


def test_a_doubt_that_nobody_has_read_stops_the_order(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    exchange.gate_now = Gate(GateState.CONFIRM, "the book is not live: STALE 6 s")
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted == []
    assert form.fate.text() == "Not sent: the book is not live: STALE 6 s"


def test_a_new_doubt_moves_the_focus_off_sending_and_its_count_of_seconds_does_not_matter(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    exchange.gate_now = Gate(GateState.CONFIRM, "the book is not live: STALE 6 s")
    form.refresh()
    assert dialog.cancel.hasFocus()
    assert dialog.warning.text() == "Read before sending: the book is not live: STALE 6 s"
    exchange.gate_now = Gate(GateState.CONFIRM, "the book is not live: STALE 7 s")
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert len(exchange.submitted) == 1


def test_balance_gone_meanwhile_stops_the_order_at_the_last_moment(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    exchange.give("USDT", "1", "1")
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted == []
    assert form.fate.text().startswith("Not sent: needs 3350.005")


def test_an_exchange_that_cannot_record_the_order_sends_nothing(qtbot, form, exchange):
    def fail(_draft, _despite):
        raise OSError("disk full")

    exchange.submit = fail
    send(qtbot, form)
    assert form.fate.text() == "Not sent: disk full"
    assert form.submit.isEnabled()


def test_live_and_paper_are_told_apart(qtbot):
    desk, exchange = small_desk(paper=False)
    form = OrderEntry(desk, desk.clock)
    qtbot.addWidget(form)
    form.show()
    form.set_market("poloniex", "BTC-USDT")
    assert form.badge.text() == "LIVE"
    filled(qtbot, form)
    form.ask()
    assert "real money" in form.confirmation.text().split("\n")
    form.confirmation.reject()


def test_the_dry_run_shows_the_exact_request_and_sends_nothing(qtbot, form, exchange):
    filled(qtbot, form)
    qtbot.mouseClick(form.dry, Qt.MouseButton.LeftButton)
    dialog = form.dry_run_dialog
    assert dialog.line.text() == "POST /orders"
    body = '{"symbol":"BTC_USDT","side":"BUY","type":"LIMIT","quantity":"0.05","price":"67000.1"}'
    assert dialog.part("Body bytes") == body
    assert '"price": "67000.1"' in dialog.part("Body")
    assert dialog.part("Signed text").startswith("POST\n/orders\nrequestBody=")
    assert "7f3a…" in dialog.part("Headers")
    assert exchange.submitted == []
    dialog.accept()
    assert form.dry_run_dialog is None
