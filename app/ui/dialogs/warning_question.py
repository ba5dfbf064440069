"""A warning that asks for consent; refusing is the default. It decides nothing and does not wait."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask(parent: QWidget, title: str, words: str, *, yes: str, no: str, act: Callable[[], object]) -> QMessageBox:
    """The open box, which deletes itself; `act` runs when `yes` is pressed. `words` are plain text."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(words)
    consent = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    box.buttonClicked.connect(lambda button: act() if button is consent else None)
    box.open()
    return box
