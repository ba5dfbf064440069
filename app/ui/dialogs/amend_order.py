"""Changing price and amount of one open order: old and new side by side, and what the exchange makes of it.

It follows the order while it is open and says yes at most once.
"""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.core.trading_rule import OrderDraft, Problem
from app.core.types import Side
from app.ui import theme
from app.ui.desk import OrderChangesView
from app.ui.format import DASH, clean, decimals_of, exact
from app.ui.models.orders import OrderLine
from app.ui.models.orders_words import SIDE_WORDS, TYPE_WORDS, filled_of
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.ui.panels.order_entry_fields import FieldRow
from app.ui.panels.order_entry_form import BadNumber, plain_number
from app.ui.panels.order_entry_preview import rounding_words


class AmendOrderDialog(QDialog):
    """Open with `open()`; call `refresh` per frame. `confirmed` carries the quantized draft at most once."""

    confirmed = Signal(object)

    def __init__(self, line: OrderLine, changes: OrderChangesView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.line = line
        self._changes = changes
        self._rule = line.exchange.trading_rules[line.order.pair]
        self._seen: tuple[object, ...] | None = None
        self._draft: OrderDraft | None = None
        self._said_yes = False
        order = line.order
        account = "PAPER" if line.exchange.paper else "LIVE"
        self.setWindowTitle(f"Change order: {account} {line.exchange.title}")
        self.setMinimumWidth(now.px(420))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(16), now.px(14), now.px(16), now.px(14))
        column.setSpacing(now.px(10))
        head = QHBoxLayout()
        title = ToneLabel(
            f"{SIDE_WORDS[order.side]} {order.pair}, {TYPE_WORDS[order.terms.type].lower()}",
            "buy" if order.side is Side.BUY else "sell",
        )
        title.setFont(now.font(12.0, bold=True))
        head.addWidget(title, 1)
        head.addWidget(ToneLabel(account, account.lower(), badge=True))
        column.addLayout(head)
        offer = changes.offer(order)
        self.price, self.amount = FieldRow("Price", "New price"), FieldRow("Amount", "New amount")
        for row, value, unit, step, editable in (
            (self.price, order.terms.price, self._rule.quote, self._rule.min_price_increment, offer.price),
            (
                self.amount,
                order.terms.amount,
                self._rule.base,
                self._rule.min_base_amount_increment,
                offer.smaller or offer.larger,
            ),
        ):
            row.edit.step = step
            row.edit.put("" if value is None else plain_number(value))
            row.edit.setEnabled(editable)
            row.unit.say(unit)
            row.edit.typed.connect(self._edited)
            row.edit.submitted.connect(self._to_button)
            column.addWidget(row)
        if not offer.price:
            self.price.say("cannot be changed here", "secondary")
        column.addWidget(self._build_preview(now))
        self.how = PlainLabel(offer.words, "secondary")
        self.how.setWordWrap(True)
        column.addWidget(self.how)
        self.problem = ToneLabel("", "error")
        self.problem.setWordWrap(True)
        column.addWidget(self.problem)
        column.addLayout(self._build_buttons())
        first = self.price if offer.price else self.amount
        first.edit.setFocus(Qt.FocusReason.OtherFocusReason)
        first.edit.selectAll()
        self.refresh()

    def refresh(self) -> None:
        """Look again when the order, its market's rules or what is typed has changed."""
        order = self.line.order
        seen = (
            order.version,
            self.line.exchange.trading_rules_version,
            self.price.edit.text(),
            self.amount.edit.text(),
        )
        if seen == self._seen or self._said_yes:
            return
        self._seen = seen
        self.filled.say(f"{filled_of(order)} filled")
        problems = self._read()
        for name, row in (("price", self.price), ("amount", self.amount)):
            words = next((clean(p.reason) for p in problems if p.field == name), "")
            if words or row.edit.isEnabled():
                row.say(words)
        rest = [clean(p.reason) for p in problems if p.field not in ("price", "amount")]
        untouched = self._draft is not None and [p.reason for p in problems] == ["nothing is changed"]
        self.problem.say("" if untouched else "; ".join(rest))
        self.problem.setVisible(bool(self.problem.text()))
        self.change.setEnabled(not problems)
        self._show_new()

    def _read(self) -> list[Problem]:
        """Read the fields into the draft; what is wrong with it."""
        order = self.line.order
        self._draft = None
        typed = {}
        for name, row in (("price", self.price), ("amount", self.amount)):
            try:
                typed[name] = row.edit.value()
            except BadNumber as bad:
                return [Problem(name, str(bad))]
            if typed[name] is None and row.edit.isEnabled():
                return [Problem(name, "a number is needed")]
        asked = self._changes.draft(order, typed["price"], typed["amount"])
        self._draft = self.line.exchange.quantize(asked)
        self.rounded.say(rounding_words(self._rule, asked, self._draft))
        return self._changes.check(order, self._draft)

    def _show_new(self) -> None:
        terms, draft = self.line.order.terms, self._draft
        price_places = decimals_of(self._rule.min_price_increment)
        amount_places = decimals_of(self._rule.min_base_amount_increment)
        for name, old, new, places, unit in (
            ("price", terms.price, draft and draft.price, price_places, self._rule.quote),
            ("amount", terms.amount, draft and draft.amount, amount_places, self._rule.base),
            (
                "value",
                _value(terms.price, terms.amount),
                draft and _value(draft.price, draft.amount),
                2,
                self._rule.quote,
            ),
        ):
            was = DASH if old is None else exact(old, places)
            will = DASH if new is None else exact(new, places)
            changed = old != new
            self.lines[name].say(f"{was} → {will} {unit}" if changed else f"{was} {unit}")
            self.lines[name].tone("text" if changed else "secondary")
        words = self.rounded.text()
        self.rounded.setVisible(bool(words) and draft is not None)

    def _build_preview(self, now: theme.Theme) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(now.px(12), now.px(9), now.px(12), now.px(9))
        grid.setVerticalSpacing(now.px(4))
        grid.setColumnStretch(1, 1)
        self.lines: dict[str, ToneLabel] = {}
        for at, name in enumerate(("price", "amount", "value")):
            grid.addWidget(PlainLabel(name.capitalize(), "secondary"), at, 0)
            self.lines[name] = ToneLabel("")
            self.lines[name].setFont(now.digits(9.5))
            self.lines[name].setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(self.lines[name], at, 1)
        self.filled = PlainLabel("", "secondary")
        self.filled.setAlignment(Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.filled, 3, 1)
        self.rounded = ToneLabel("", "warning")
        self.rounded.setWordWrap(True)
        grid.addWidget(self.rounded, 4, 0, 1, 2)
        return card

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        leave = QPushButton("Do not change")
        leave.clicked.connect(self.reject)
        self.change = QPushButton("Change order")
        self.change.setProperty("role", "primary")
        self.change.clicked.connect(self._confirm)
        for button in (leave, self.change):
            button.setDefault(False)
            button.setAutoDefault(False)
            button.setAccessibleName(button.text())
        row.addWidget(leave, 1)
        row.addWidget(self.change, 2)
        return row

    def _edited(self) -> None:
        self.refresh()

    def _to_button(self) -> None:
        """Enter in a field does not send: it goes on to the button."""
        if self.change.isEnabled():
            self.change.setFocus(Qt.FocusReason.TabFocusReason)

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.focusWidget() is self.change and not event.isAutoRepeat():
                self.change.click()
            event.accept()
            return
        super().keyPressEvent(event)

    def _confirm(self) -> None:
        if self._said_yes or self._draft is None:
            return
        self._said_yes = True
        self.change.setEnabled(False)
        self.confirmed.emit(self._draft)
        self.accept()


def _value(price: Decimal | None, amount: Decimal | None) -> Decimal | None:
    return None if price is None or amount is None else price * amount
