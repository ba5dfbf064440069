"""Number fields of the order form: exact decimals, stepped by keys and wheel. No arithmetic of orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from app.ui import theme
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.ui.panels.order_entry_form import BadNumber, plain_number, read_number, stepped

_STEPS = ((Qt.KeyboardModifier.ControlModifier, 100), (Qt.KeyboardModifier.ShiftModifier, 10))
_NOTCH = 120


class DecimalEdit(QLineEdit):
    """Wheel and Up/Down move one step, with Shift ten, with Ctrl a hundred; the wheel only while it has the focus."""

    typed = Signal()
    """The user changed the text, by keys, wheel or paste."""
    submitted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFont(theme.current().digits(10.5))
        self.setMaxLength(64)
        self.step = Decimal(1)
        self.start: Callable[[], Decimal | None] = _no_start
        """Where stepping begins when the field is empty."""
        self._wheel = 0
        self.textEdited.connect(self._edited)

    def value(self) -> Decimal | None:
        """Raises BadNumber."""
        return read_number(self.text())

    def problem(self) -> str:
        try:
            self.value()
        except BadNumber as bad:
            return str(bad)
        return ""

    def put(self, text: str) -> None:
        """Set the text as the program, not the user, without moving a cursor that is in use."""
        if text != self.text():
            at = self.cursorPosition()
            self.setText(text)
            if self.hasFocus():
                self.setCursorPosition(min(at, len(text)))
            else:
                self.setCursorPosition(0)

    def mark_invalid(self, invalid: bool) -> None:
        if bool(self.property("invalid")) != invalid:
            self.setProperty("invalid", invalid)
            self.style().unpolish(self)
            self.style().polish(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._move(_count(event.modifiers()) * (1 if event.key() == Qt.Key.Key_Up else -1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # A held key repeats itself; an order must not.
            if not event.isAutoRepeat():
                self._settle()
                self.submitted.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus() or self.isReadOnly():
            event.ignore()
            return
        # Some desktops turn the wheel sideways while Shift or Alt is held.
        self._wheel += event.angleDelta().y() or event.angleDelta().x()
        notches = int(self._wheel / _NOTCH)
        self._wheel -= notches * _NOTCH
        if notches:
            self._move(notches * _count(event.modifiers()))
        event.accept()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._settle()
        super().focusOutEvent(event)

    def _move(self, steps: int) -> None:
        if self.isReadOnly() or not self.isEnabled():
            return
        try:
            value = self.value()
        except BadNumber:
            return
        if value is None:
            self._show(self.start() or Decimal(0))
        else:
            self._show(stepped(value, self.step, steps))
        self.typed.emit()

    def _show(self, value: Decimal) -> None:
        self.setText(plain_number(value))

    def _settle(self) -> None:
        """Exponents become plain digits, so that what is read is what is sent."""
        if "e" not in self.text().lower() or self.problem():
            return
        value = self.value()
        if value is not None:
            self._show(value)

    def _edited(self, _text: str) -> None:
        self.typed.emit()


class FieldRow(QWidget):
    """Label, field, unit, and the reason why the field is not accepted, right below it."""

    def __init__(self, label: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(now.px(6))
        grid.setVerticalSpacing(now.px(1))
        self.label = PlainLabel(label, "secondary")
        self.label.setFixedWidth(now.px(52))
        self.edit = DecimalEdit(name)
        self.label.setBuddy(self.edit)
        self.unit = PlainLabel("", "secondary")
        self.unit.setFixedWidth(now.px(40))
        self.side = QHBoxLayout()
        self.side.setSpacing(now.px(4))
        self.side.addWidget(self.unit)
        self.note = ToneLabel("", "error")
        self.note.setWordWrap(True)
        self.note.setFont(now.font(8.5))
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.note.hide()
        grid.addWidget(self.label, 0, 0)
        grid.addWidget(self.edit, 0, 1)
        grid.addLayout(self.side, 0, 2)
        grid.addWidget(self.note, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def say(self, words: str, tone: str = "error") -> None:
        """Words below the field; a red field for errors, no words for none."""
        self.edit.mark_invalid(bool(words) and tone == "error")
        self.note.tone(tone)
        self.note.say(words)
        self.note.setVisible(bool(words))
        self.edit.setAccessibleDescription(words)


def _count(modifiers: Qt.KeyboardModifier) -> int:
    return next((count for modifier, count in _STEPS if modifiers & modifier), 1)


def _no_start() -> Decimal | None:
    return None
