"""Two messages side by side, only where they differ. The comparison itself is `models.frames_diff`'s."""

from __future__ import annotations

from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.core.frames import Frame
from app.ui import theme
from app.ui.models.frames_diff import MAX_DIFFERENCES, NotComparable, compare
from app.ui.panels.inspector_bar import ROWS, plain_label


class DiffView(QWidget):
    """A is the marked message, B the selected one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = plain_label("", "secondary")
        self.note.setContentsMargins(8, 4, 8, 4)
        self.table = QTreeWidget()
        self.table.setAccessibleName("Differences between two messages")
        self.table.setColumnCount(4)
        self.table.setHeaderLabels(["Path", "A (marked)", "B (selected)", ""])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setStyleSheet(ROWS)
        self.table.setFrameShape(QTreeWidget.Shape.NoFrame)
        for column, width in enumerate((170, 130, 130)):
            self.table.header().resizeSection(column, width)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(0)
        column_layout.addWidget(self.note)
        column_layout.addWidget(self.table, 1)

    def show_frames(self, first: Frame | None, second: Frame | None) -> None:
        self.table.clear()
        if first is None or second is None or first.seq == second.seq:
            self.note.setText(
                "Mark a message with M, then select another one to compare."
                if first is None
                else f"A is #{first.seq:,}. Select another message to compare with it."
            )
            return
        try:
            differences = compare(first, second)
        except NotComparable as problem:
            self.note.setText(str(problem))
            return
        look = theme.current()
        for difference in differences:
            item = QTreeWidgetItem([difference.path, difference.before, difference.after, difference.word])
            ink = {"changed": look.warning, "only in A": look.sell, "only in B": look.buy}.get(
                difference.word, look.error
            )
            item.setForeground(0, QBrush(look.accent))
            item.setForeground(3, QBrush(ink))
            self.table.addTopLevelItem(item)
        count = len(differences)
        more = "at least " if count == MAX_DIFFERENCES else ""
        same = "no difference" if not count else f"{more}{count:,} difference{'s' if count != 1 else ''}"
        self.note.setText(f"A #{first.seq:,}  →  B #{second.seq:,}: {same}")

    def rows(self) -> list[tuple[str, ...]]:
        """The cells' texts, for tests."""
        items = [self.table.topLevelItem(index) for index in range(self.table.topLevelItemCount())]
        return [tuple(item.text(column) for column in range(4)) for item in items]
