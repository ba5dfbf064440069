"""Asks before orders are cancelled that were placed elsewhere. It cancels nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.core.orders import InFlightOrder
from app.ui import theme
from app.ui.format import exact
from app.ui.models.orders_words import SIDE_WORDS
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel

_LISTED = 8


class CancelForeignDialog(QDialog):
    """Open with `open()`; `accepted` means yes. `count` is how many orders are cancelled in all."""

    def __init__(self, foreign: Sequence[InFlightOrder], count: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.setWindowTitle("Cancel orders placed elsewhere")
        self.setMinimumWidth(now.px(400))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(16), now.px(14), now.px(16), now.px(14))
        column.setSpacing(now.px(8))
        told = f"{len(foreign)} of {count} orders {'was' if len(foreign) == 1 else 'were'} placed elsewhere"
        head = ToneLabel("This order was placed elsewhere" if count == 1 else told, "warning")
        head.setFont(now.font(12.0, bold=True))
        column.addWidget(head)
        words = PlainLabel("On the website, on a phone or by another program, which may rely on it.", "secondary")
        words.setWordWrap(True)
        column.addWidget(words)
        for order in foreign[:_LISTED]:
            base, _, quote = order.pair.partition("-")
            size = "" if order.remaining is None else f" {exact(order.remaining)} {base}"
            price = "" if order.terms.price is None else f" at {exact(order.terms.price)} {quote}"
            line = PlainLabel(f"{order.pair}  {SIDE_WORDS[order.side]}{size}{price}")
            line.setFont(now.digits(9.5))
            column.addWidget(line)
        if len(foreign) > _LISTED:
            column.addWidget(PlainLabel(f"and {len(foreign) - _LISTED} more", "secondary"))
        row = QHBoxLayout()
        self.keep = QPushButton("Do not cancel")
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        self.confirm = QPushButton("Cancel the order" if count == 1 else f"Cancel all {count}")
        self.confirm.setProperty("role", "danger")
        self.confirm.setAutoDefault(False)
        self.confirm.clicked.connect(self.accept)
        row.addWidget(self.keep)
        row.addStretch(1)
        row.addWidget(self.confirm)
        column.addLayout(row)
        self.keep.setFocus(Qt.FocusReason.OtherFocusReason)
