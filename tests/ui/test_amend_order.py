"""The editor of an open order: old and new, what is wrong in words, and that it says yes once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt

from app.core.amendment import AmendOffer
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft, Problem
from app.core.types import VenueState
from app.ui.dialogs.amend_order import AmendOrderDialog
from app.ui.models.orders import OrderLine
from app.ui.panels.open_orders import OpenOrders
from tests.ui.fake_desk import FakeExchange, small_desk


class Changes:
    """Allows everything while the order is open; what is asked for is in `asked`."""

    def __init__(self, *, price: bool = True) -> None:
        self.price = price
        self.asked: list[OrderDraft] = []

    def offer(self, order: InFlightOrder) -> AmendOffer:
        refusal = "only an open order can be changed" if order.is_done else ""
        return AmendOffer(price=self.price, smaller=True, larger=True, words="It stays where it is.", refusal=refusal)

    def draft(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> OrderDraft:
        terms = order.terms
        return OrderDraft(pair=terms.pair, side=terms.side, type=terms.type, price=price, amount=amount)

    def check(self, order: InFlightOrder, draft: OrderDraft) -> list[Problem]:
        if refusal := self.offer(order).refusal:
            return [Problem("order", refusal)]
        same = (draft.price, draft.amount) == (order.terms.price, order.terms.amount)
        return [Problem("order", "nothing is changed")] if same else []

    def amend(self, order: InFlightOrder, draft: OrderDraft) -> None:
        self.asked.append(draft)


@pytest.fixture
def exchange() -> FakeExchange:
    return small_desk()[1]


@pytest.fixture
def dialog(qtbot, exchange: FakeExchange) -> AmendOrderDialog:
    order = exchange.order("BTC-USDT", price="66000", amount="0.1", filled="0.02")
    dialog = AmendOrderDialog(OrderLine(exchange, order), Changes())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def write(qtbot, edit, text: str) -> None:
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, text)


def test_old_and_new_stand_side_by_side_and_rounding_is_told(qtbot, dialog):
    assert dialog.lines["price"].text() == "66,000.0 USDT" and not dialog.change.isEnabled()
    assert dialog.problem.text() == "", "an unchanged order is no error"
    write(qtbot, dialog.price.edit, "66100.07")
    write(qtbot, dialog.amount.edit, "0.05")
    assert dialog.lines["price"].text() == "66,000.0 → 66,100.0 USDT"
    assert dialog.lines["amount"].text() == "0.1000 → 0.0500 BTC"
    assert dialog.lines["value"].text() == "6,600.00 → 3,305.00 USDT"
    assert dialog.rounded.text() == "price −0.07 to the step 0.1"
    assert dialog.filled.text() == "0.02 of 0.1 filled" and dialog.how.text() == "It stays where it is."


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "a number is needed"), ("66,100", "No commas: use a point for decimals, like 67000.1"), ("-5", "No sign")],
)
def test_what_is_no_number_is_told_at_its_field(qtbot, dialog, text, words):
    dialog.price.edit.selectAll()
    dialog.price.edit.del_()
    write(qtbot, dialog.price.edit, text)
    dialog.refresh()
    assert dialog.price.note.text().startswith(words) and not dialog.change.isEnabled()


def test_an_order_that_ends_meanwhile_cannot_be_changed_any_more(qtbot, dialog, exchange):
    write(qtbot, dialog.price.edit, "66100")
    assert dialog.change.isEnabled()
    exchange.report(dialog.line.order, state=VenueState.CANCELED)
    dialog.refresh()
    assert not dialog.change.isEnabled() and dialog.problem.text() == "only an open order can be changed"


def test_it_says_yes_once(qtbot, dialog):
    said = []
    dialog.confirmed.connect(said.append)
    write(qtbot, dialog.price.edit, "66100")
    qtbot.mouseClick(dialog.change, Qt.MouseButton.LeftButton)
    dialog.change.setEnabled(True)
    dialog.change.click()
    assert [(draft.price, draft.amount) for draft in said] == [(Decimal("66100.0"), Decimal("0.1"))]
    assert not dialog.isVisible()


def test_a_price_that_cannot_be_changed_is_locked_and_says_so(qtbot, exchange):
    order = exchange.order("BTC-USDT", price="66000", amount="0.1")
    dialog = AmendOrderDialog(OrderLine(exchange, order), Changes(price=False))
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.price.edit.isEnabled() and dialog.price.note.text() == "cannot be changed here"
    write(qtbot, dialog.amount.edit, "0.05")
    assert dialog.change.isEnabled() and dialog.price.note.text() == "cannot be changed here"


def test_the_panel_passes_the_draft_on_and_tells_a_refusal(qtbot, exchange):
    desk = exchange._desk
    panel = OpenOrders(desk, desk.clock)
    qtbot.addWidget(panel)
    panel.show()
    exchange.changes = changes = Changes()
    order = exchange.order("BTC-USDT", price="66000", amount="0.1")
    panel.refresh()
    panel.change_order(panel.model.shown[0])
    write(qtbot, panel.amending.price.edit, "65000")
    qtbot.mouseClick(panel.amending.change, Qt.MouseButton.LeftButton)
    assert [draft.price for draft in changes.asked] == [Decimal("65000.0")] and panel.amending is None
    exchange.report(order, state=VenueState.CANCELED)
    panel.change_order(OrderLine(exchange, order))
    assert panel.amending is None and panel.footer.whole == "Not changed: only an open order can be changed"
