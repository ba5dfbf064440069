"""The list of keys, read from the actions themselves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.ui import theme as look

_IN_PANELS = (
    ("Centre the book", "C"),
    ("Coarser or finer price steps", "+ / −"),
    ("Take the price of the selected row", "Enter"),
    ("Pause trades or messages", "Space"),
    ("Cancel the selected orders", "Del"),
    ("Copy the row", "Ctrl+C"),
)


class ShortcutsDialog(QDialog):
    def __init__(self, rows: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = look.current()
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(28))
        half = (len(rows) + 1) // 2
        for place, block in enumerate((rows[:half], rows[half:], _IN_PANELS)):
            for line, (what, keys) in enumerate(block):
                key = QLabel(keys)
                key.setFont(theme.font(9, bold=True))
                grid.addWidget(QLabel(what), line, place * 2)
                grid.addWidget(key, line, place * 2 + 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 14)
        column.setSpacing(14)
        column.addLayout(grid)
        column.addWidget(buttons)
