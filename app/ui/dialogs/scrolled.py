"""Dialogs whose body scrolls above a fixed foot: cancel on the left, why not in the middle, the deed on the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.panels.open_orders_frame import Line


def push_button(words: str, action: Callable[[], None]) -> QPushButton:
    """Enter in a field does not press it."""
    button = QPushButton(words)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked=False: action())
    return button


def lay_out(
    dialog: QDialog, body: QWidget, cancel: QWidget, why: QWidget, deed: QWidget
) -> tuple[QScrollArea, QWidget]:
    """Fill the dialog; returns its scrolling part and its foot."""
    now = theme.current()
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(body)
    foot = QWidget()
    buttons = QHBoxLayout(foot)
    buttons.setContentsMargins(now.px(18), now.px(8), now.px(18), now.px(14))
    buttons.setSpacing(now.px(10))
    buttons.addWidget(cancel)
    buttons.addWidget(why, 1)
    buttons.addWidget(deed)
    whole = QVBoxLayout(dialog)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.setSpacing(0)
    whole.addWidget(scroll, 1)
    whole.addWidget(Line())
    whole.addWidget(foot)
    return scroll, foot
