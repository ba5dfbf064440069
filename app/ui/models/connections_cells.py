"""Tables whose every cell is one small value: text, colour and shape at once, cheap to ask for. No rows of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QIcon

from app.ui import theme

Index = QModelIndex | QPersistentModelIndex
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_Role = Qt.ItemDataRole


class Cell(NamedTuple):
    """What is drawn in one cell; `spoken` replaces a text that is only a sign."""

    text: str
    colour: QColor
    right: bool = False
    slanted: bool = False
    icon: QIcon | None = None
    spoken: str = ""


class CellModel(QAbstractTableModel):
    """Asked cell by cell (`cell`) by the delegate that paints, and role by role by everybody else."""

    def __init__(self, titles: Sequence[str], numeric: Sequence[int], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = titles
        self._numeric = frozenset(numeric)

    def cell(self, row: int, column: int) -> Cell:
        raise NotImplementedError

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == _Role.DisplayRole:
            return self._titles[section]
        if role == _Role.TextAlignmentRole and section in self._numeric:
            return RIGHT
        return None

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        cell = self.cell(index.row(), index.column())
        if role == _Role.DisplayRole:
            return cell.text
        if role == _Role.ForegroundRole:
            return cell.colour
        if role == _Role.TextAlignmentRole:
            return RIGHT if cell.right else LEFT
        if role == _Role.DecorationRole:
            return cell.icon
        if role == _Role.FontRole and cell.slanted:
            return slanted_font()
        if role == _Role.AccessibleTextRole:
            return cell.spoken or cell.text
        return None


def slanted_font() -> QFont:
    font = theme.current().digits(9)
    font.setItalic(True)
    return font
