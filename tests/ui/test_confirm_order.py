"""The confirmation by itself: what it says, where the first focus is, and that it says yes once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt

from app.core.gate import OPEN, Gate, GateState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.ui.dialogs.confirm_order import ConfirmOrderDialog, Ticket
from app.ui.panels.order_entry_preview import preview
from tests.ui.fake_desk import small_desk

LIMIT = OrderDraft(
    pair="BTC-USDT", side=Side.SELL, type=OrderType.LIMIT, price=Decimal("67000.1"), amount=Decimal("0.2")
)
MARKET = OrderDraft(pair="BTC-USDT", side=Side.BUY, type=OrderType.MARKET, quote_amount=Decimal("500"))


@pytest.fixture
def ask(qtbot):
    """Opens the dialog of a draft."""

    def open_dialog(draft: OrderDraft, gate: Gate = OPEN, paper: bool = True) -> ConfirmOrderDialog:
        exchange = small_desk(paper=paper)[1]
        rule = exchange.trading_rules[draft.pair]
        ticket = Ticket(exchange, rule, draft, preview(exchange, rule, draft, draft), gate)
        dialog = ConfirmOrderDialog(ticket)
        qtbot.addWidget(dialog)
        dialog.open()
        return dialog

    return open_dialog


def armed(qtbot, dialog: ConfirmOrderDialog) -> None:
    qtbot.waitUntil(dialog.send.isEnabled, timeout=3000)


def test_it_says_everything_that_will_be_sent(ask):
    shown = ask(LIMIT, paper=False).text().split("\n")
    for fact in (
        "LIVE",
        "real money",
        "Sell 0.2000 BTC at 67,000.1 USDT",
        "poloniex",
        "BTC-USDT",
        "Limit, GTC",
        "67,000.1 USDT",
        "0.2000 BTC",
        "13,400.02 USDT",
        "≈ 26.80004 USDT · 0.2% taker, account tier",
        "10,000.00 → 23,373.22",
        "0.5 → 0.3",
    ):
        assert fact in shown


def test_paper_says_so(ask):
    assert ask(LIMIT).text().split("\n")[:2] == ["PAPER", "no real money moves"]


@pytest.mark.parametrize(
    ("draft", "gate", "first"),
    [
        (LIMIT, OPEN, "send"),
        (MARKET, OPEN, "cancel"),
        (LIMIT, Gate(GateState.CONFIRM, "far from the mid"), "cancel"),
    ],
)
def test_the_first_focus_is_on_not_sending_where_care_is_due(qtbot, ask, draft, gate, first):
    dialog = ask(draft, gate)
    armed(qtbot, dialog)
    assert getattr(dialog, first).hasFocus()


def test_enter_on_the_focused_refusal_sends_nothing(qtbot, ask):
    dialog = ask(MARKET)
    said = []
    dialog.confirmed.connect(said.append)
    armed(qtbot, dialog)
    qtbot.keyClick(dialog.cancel, Qt.Key.Key_Return)
    assert said == []
    assert not dialog.isVisible()


def test_yes_is_said_once(qtbot, ask):
    dialog = ask(LIMIT)
    said = []
    dialog.confirmed.connect(said.append)
    armed(qtbot, dialog)
    send = dialog.send
    qtbot.mouseDClick(send, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(send, Qt.MouseButton.LeftButton)
    qtbot.keyClick(send, Qt.Key.Key_Return)
    dialog._send()
    assert [ticket.draft for ticket in said] == [LIMIT]


def test_a_blocked_gate_cannot_be_sent_through(qtbot, ask):
    dialog = ask(LIMIT, Gate(GateState.BLOCKED, "book is stale"))
    said = []
    dialog.confirmed.connect(said.append)
    dialog._send()
    assert said == []
    assert dialog.warning.text() == "Blocked: book is stale"
