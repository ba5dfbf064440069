"""What account panels have around their table: header row, footer, empty state. No table, no data."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme
from app.ui.panels.header_overflow import HeaderOverflow
from app.ui.panels.open_orders_table import LiveTableView


class PlainLabel(QLabel):
    """A label that never reads its text as markup."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        if role:
            self.setProperty("role", role)

    def say(self, text: str) -> None:
        """Set the text only when it differs: an unchanged label is not painted again."""
        if text != self.text():
            self.setText(text)


class ToneLabel(PlainLabel):
    """A label in a colour of the theme that can change, such as a badge or a warning."""

    def __init__(self, text: str = "", tone: str = "text", *, badge: bool = False, parent: QWidget | None = None):
        super().__init__(text, parent=parent)
        self._tone = tone
        self._badge = badge
        self._dressed: tuple[int, str] = (0, "")
        self._dress()

    def tone(self, tone: str) -> None:
        self._tone = tone
        self._dress()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._dress()

    def _dress(self) -> None:
        now = theme.current()
        if self._dressed == (id(now), self._tone):
            return
        self._dressed = (id(now), self._tone)
        colour = getattr(now, self._tone)
        if self._badge:
            back = theme.mix(colour, now.panel, 0.18).name()
            self.setStyleSheet(
                f"color: {colour.name()}; background: {back}; border-radius: {now.px(3)}px; font-weight: 700;"
                f" font-size: {7.5 * now.scale}pt; padding: {now.px(1)}px {now.px(5)}px;"
            )
        else:
            self.setStyleSheet(f"color: {colour.name()};")


class ElidedLabel(PlainLabel):
    """Shows the beginning of a line that does not fit, and all of it as a tool tip."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__("", role, parent)
        self._whole = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._cut()

    @property
    def whole(self) -> str:
        return self._whole

    def say(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.setAccessibleName(text)
            self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        cut = self.fontMetrics().elidedText(
            self._whole, Qt.TextElideMode.ElideRight, max(self.contentsRect().width(), 20)
        )
        super().say(cut)
        tip = "" if cut == self._whole else self._whole.replace("&", "&amp;").replace("<", "&lt;")
        self.setToolTip(f"<qt>{tip}</qt>" if tip else "")


class PanelHeader(QFrame):
    """The 28 px row on top of a panel: title, then controls."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.setFixedHeight(now.px(28))
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(now.px(10), 0, now.px(4), 0)
        self.row.setSpacing(now.px(4))
        self.title = PlainLabel(title, "title")
        self.row.addWidget(self.title)
        self.overflow: HeaderOverflow | None = None

    def stretch(self) -> None:
        self.row.addStretch(1)

    def add(self, widget: QWidget) -> QWidget:
        self.row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        return widget

    def give_way(self, *buttons: QAbstractButton) -> None:
        """Where the row is too narrow these go into a menu, the first one first."""
        self.overflow = HeaderOverflow(self, self.row, buttons)
        self.add(self.overflow)

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return hint if self.overflow is None else QSize(self.overflow.least_width, hint.height())

    def tool(self, text: str, name: str, tip: str = "", *, toggle: bool = False) -> QToolButton:
        """A small button; `name` is what a screen reader says."""
        button = QToolButton()
        button.setText(text)
        button.setAccessibleName(name)
        button.setToolTip(tip or name)
        button.setCheckable(toggle)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.add(button)
        return button


class Line(QFrame):
    """A hairline."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "line")


class EmptyState(QWidget):
    """Says what is missing and offers the one thing to do about it."""

    acted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(8), now.px(4), now.px(8), now.px(4))
        column.setSpacing(now.px(8))
        column.addStretch(1)
        self.words = PlainLabel("", "secondary")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(self.words)
        self.button = QPushButton()
        self.button.clicked.connect(self.acted)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def say(self, words: str, action: str = "") -> None:
        self.words.say(words)
        if action != self.button.text():
            self.button.setText(action)
            self.button.setAccessibleName(action)
        self.button.setVisible(bool(action))


class TablePanel(QWidget):
    """Header, a table or the empty state in its place, and a footer line."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.header = PanelHeader(title)
        self.footer = ElidedLabel(role="secondary")
        self.footer.setContentsMargins(theme.current().px(10), 0, theme.current().px(8), 0)
        self.footer.setFixedHeight(theme.current().px(22))
        self.empty = EmptyState()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.header)
        self.column.addWidget(Line())

    def place(self, table: LiveTableView) -> None:
        """Put the table, the empty state and the footer below what has been added so far."""
        self.table = table
        table.setFrameShape(QFrame.Shape.NoFrame)
        self.column.addWidget(table, 1)
        self.column.addWidget(self.empty, 1)
        self.column.addWidget(self.footer)
        self.empty.hide()

    def show_empty(self, words: str, action: str = "") -> None:
        """Show these words in place of the table; empty words bring the table back."""
        if words:
            self.empty.say(words, action)
        had_focus = self.table.hasFocus()
        self.table.setVisible(not words)
        self.empty.setVisible(bool(words))
        if had_focus and words and action:
            self.empty.button.setFocus()
