"""Header rows, labels, wrapping rows and buttons for the panels on streams and markets. No behaviour."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.ui import theme

ROWS = "QTreeView { border: none; } QTreeView::item { padding: 2px 4px; }"
"""Style of the trees and small tables in the inspector."""


def header_bar(title: str) -> tuple[QWidget, QHBoxLayout]:
    """The 28 px row on top of a panel, with its title; the caller adds the rest to the layout."""
    look = theme.current()
    bar = QWidget()
    bar.setFixedHeight(look.px(28))
    row = QHBoxLayout(bar)
    row.setContentsMargins(look.px(8), 0, look.px(4), 0)
    row.setSpacing(look.px(6))
    if title:
        row.addWidget(plain_label(title, "title"))
    return bar, row


def plain_label(text: str = "", role: str = "") -> QLabel:
    """A label that can only ever show plain text."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        label.setProperty("role", role)
    return label


class ElidedLabel(QLabel):
    """Plain text that ends in an ellipsis where the room ends; the tool tip has all of it."""

    def __init__(self, role: str = "secondary") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._full = ""

    def text(self) -> str:
        return self._full

    def setText(self, text: str) -> None:
        if text != self._full:
            self._full = text
            # Qt guesses from the text whether a tool tip is rich text; foreign text must not decide that.
            self.setToolTip(f"<span>{escape(text)}</span>" if "<" in text else text)
            self.setAccessibleDescription(text)
            self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        super().setText(self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, self.width()))


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget another look of the theme."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class IconButton(QToolButton):
    """A flat button whose drawing follows the theme."""

    def __init__(self) -> None:
        super().__init__()
        self._drawing: tuple[str, str] | None = None

    def show_icon(self, name: str, colour: str = "text") -> None:
        """A drawing of resources/icons in a colour of the theme, named as in `Theme`."""
        self._drawing = (name, colour)
        self.setIcon(theme.icon(name, getattr(theme.current(), colour)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self._drawing is not None:
            self.show_icon(*self._drawing)


def tool_button(text: str, name: str, tip: str = "", *, checkable: bool = False, icon: str = "") -> IconButton:
    """A flat button; `name` is what a screen reader says, `icon` a drawing of resources/icons."""
    button = IconButton()
    button.setText(text)
    button.setAccessibleName(name)
    button.setToolTip(tip or name)
    button.setCheckable(checkable)
    button.setMinimumSize(24, 24)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if icon:
        button.show_icon(icon)
        if text:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


class FlowLayout(QLayout):
    """Left to right, and on to the next line where the width ends; the last widget of a line takes what is left."""

    def __init__(self, parent: QWidget | None = None, gap: int = 4) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        sizes = [item.minimumSize() for item in self._items if not item.isEmpty()]
        margins = self.contentsMargins()
        width = max((size.width() for size in sizes), default=0)
        height = max((size.height() for size in sizes), default=0)
        return QSize(width + margins.left() + margins.right(), height + margins.top() + margins.bottom())

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        margins = self.contentsMargins()
        area = rect.adjusted(margins.left(), margins.top(), -margins.right(), -margins.bottom())
        lines: list[list[QLayoutItem]] = [[]]
        used = 0
        for item in self._items:
            if item.isEmpty():
                continue
            width = item.sizeHint().width()
            if lines[-1] and used + width > area.width():
                lines.append([])
                used = 0
            lines[-1].append(item)
            used += width + self._gap
        y = area.y()
        for line in lines:
            height = max((item.sizeHint().height() for item in line), default=0)
            if move:
                self._place(line, area, y, height)
            y += height + self._gap
        return y - self._gap - rect.y() + margins.bottom()

    def _place(self, line: list[QLayoutItem], area: QRect, y: int, height: int) -> None:
        spare = area.width() - sum(item.sizeHint().width() + self._gap for item in line) + self._gap
        growing = [
            item
            for item in line
            if item.expandingDirections() & Qt.Orientation.Horizontal
            and item.maximumSize().width() > item.sizeHint().width()
        ]
        x = area.x()
        for item in line:
            width = item.sizeHint().width()
            if item in growing:
                width += max(0, spare) // len(growing)
            own = min(height, item.sizeHint().height())
            item.setGeometry(QRect(QPoint(x, y + (height - own) // 2), QSize(min(width, area.width()), own)))
            x += width + self._gap
