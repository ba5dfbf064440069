"""What a test of the screen does with its hands and eyes: types into a field, reads down a column. No fixtures."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt


def write(qtbot, edit, text: str) -> None:
    """As a user: select all, type over it."""
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClick(edit, Qt.Key.Key_Delete)
    qtbot.keyClicks(edit, text)


def column(panel: Any, title: str) -> list[str]:
    """What a panel's table shows under that heading."""
    at = [shape.title for shape in panel.model.columns].index(title)
    return [panel.model.index(row, at).data() for row in range(panel.model.rowCount())]
