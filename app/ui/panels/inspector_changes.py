"""A table of what one message changed on the desk, each row leading to its cell. It finds nothing out itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.core.types import Side
from app.ui import theme
from app.ui.models.frames_changes import Change
from app.ui.panels.inspector_bar import ROWS, plain_label

_STILL = {None: "…", True: "yes", False: "changed since"}


class ChangesView(QWidget):
    """`cell_requested` carries the `CellRef` of the row."""

    cell_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTreeWidget()
        self.table.setAccessibleName("What this message changed")
        self.table.setColumnCount(5)
        self.table.setHeaderLabels(["Cell", "Before", "This message", "Now", "Still set"])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setStyleSheet(ROWS)
        self.table.setFrameShape(QTreeWidget.Shape.NoFrame)
        for column, width in enumerate((176, 84, 96, 84)):
            self.table.header().resizeSection(column, width)
        self.note = plain_label("", "secondary")
        self.show_cell = QPushButton("Show on screen")
        self.show_cell.setAccessibleName("Show the selected cell on screen")
        self.show_cell.setProperty("role", "flat")
        self.show_cell.setEnabled(False)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 2, 4, 2)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.show_cell)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(0)
        column_layout.addWidget(self.table, 1)
        column_layout.addLayout(foot)
        self._changes: list[Change] = []
        self._texts: dict[int, tuple[str, ...]] = {}
        self.table.itemActivated.connect(self._ask)
        self.table.currentItemChanged.connect(self._chosen)
        self.show_cell.clicked.connect(self._ask)

    def show_changes(self, changes: Sequence[Change], left_out: int, nothing: str) -> None:
        self._changes = list(changes)
        self._texts.clear()
        self.table.clear()
        self.show_cell.setEnabled(False)
        for _ in changes:
            self.table.addTopLevelItem(QTreeWidgetItem())
        self.update_values()
        self.note.setText(f"{left_out:,} more levels not listed" if left_out else "" if changes else nothing)

    def update_values(self) -> None:
        """Read the changes again: values before arrive later."""
        look = theme.current()
        for index, change in enumerate(self._changes):
            item = self.table.topLevelItem(index)
            texts = (
                change.title,
                change.before,
                change.after,
                change.now,
                _STILL[change.still_set],
            )
            if self._texts.get(index) == texts:
                continue
            self._texts[index] = texts
            for column, text in enumerate(texts):
                item.setText(column, text)
            side = change.cell.side
            ink = look.text if side is None else look.side(side is Side.BUY)
            item.setForeground(0, QBrush(ink))
            item.setForeground(1, QBrush(look.secondary))
            item.setForeground(4, QBrush(look.live if change.still_set else look.secondary))
            item.setData(0, Qt.ItemDataRole.AccessibleTextRole, ", ".join(texts))

    def rows(self) -> list[tuple[str, ...]]:
        """The cells' texts, for tests."""
        items = [self.table.topLevelItem(index) for index in range(self.table.topLevelItemCount())]
        return [tuple(item.text(column) for column in range(5)) for item in items]

    def _chosen(self) -> None:
        self.show_cell.setEnabled(self.table.currentItem() is not None)

    def _ask(self) -> None:
        item = self.table.currentItem()
        index = self.table.indexOfTopLevelItem(item) if item is not None else -1
        if 0 <= index < len(self._changes):
            self.cell_requested.emit(self._changes[index].cell)
