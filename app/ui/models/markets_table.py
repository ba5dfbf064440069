"""Rows of markets as a table for views, sorted by value and not by text. It looks at no exchange itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from app.core.types import MarketStatus
from app.ui import theme
from app.ui.models.markets_rows import MarketRow
from app.ui.payload_views import visible

_Index = QModelIndex | QPersistentModelIndex
STAR, PAIR, EXCHANGE, LAST, CHANGE, VOLUME, STATUS = range(7)
_TITLES = ("", "Market", "Exchange", "Last", "24 h", "Volume 24 h", "Status")
_NUMERIC = (LAST, CHANGE, VOLUME)
_MISSING = Decimal("-Infinity")
_KEYS: dict[int, Callable[[MarketRow], Any]] = {
    PAIR: lambda row: row.pair,
    EXCHANGE: lambda row: (row.exchange_title, row.pair),
    LAST: lambda row: _MISSING if row.last is None else row.last,
    CHANGE: lambda row: _MISSING if row.change is None else row.change,
    VOLUME: lambda row: row.value,
    STATUS: lambda row: row.status.value,
}


def status_words(row: MarketRow) -> str:
    return "" if row.status is MarketStatus.TRADING else row.status.value


class MarketsModel(QAbstractTableModel):
    """`show` replaces the rows; while the same markets stay, only what changed is told to the view."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[MarketRow] = []
        self._sort: tuple[int, bool] | None = None

    def show(self, rows: list[MarketRow]) -> bool:
        """Returns whether the markets or their order changed (and the view's selection must be set again)."""
        if self._sort is not None and self._sort[0] in _KEYS:
            column, down = self._sort
            rows = sorted(rows, key=_KEYS[column], reverse=down)
        if [row.market for row in rows] == [row.market for row in self.rows]:
            changed = [number for number, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
            self.rows = rows
            if changed:
                self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], STATUS))
            return False
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By the star column: back to starred first, then volume."""
        self._sort = None if column == STAR else (column, order is Qt.SortOrder.DescendingOrder)
        self.show(list(self.rows))

    def row_of(self, market: tuple[str, str] | None) -> int:
        return next((number for number, row in enumerate(self.rows) if row.market == market), -1)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMERIC:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column in _NUMERIC else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, column)
        if role == Qt.ItemDataRole.FontRole and row.stale:
            return self._slanted()
        if role == Qt.ItemDataRole.AccessibleTextRole and column == STAR:
            return "starred" if row.starred else "not starred"
        if role == Qt.ItemDataRole.ToolTipRole and row.stale:
            return f"stale: {visible(row.stale_words)}" if row.stale_words else "stale"
        return None

    @staticmethod
    def _slanted() -> QFont:
        font = theme.current().digits(9)
        font.setItalic(True)
        return font

    @staticmethod
    def text(row: MarketRow, column: int) -> str:
        return (
            "★" if row.starred else "☆",
            visible(row.pair) + ("  ⊘" if row.status in (MarketStatus.HALTED, MarketStatus.CLOSED) else ""),
            visible(row.exchange_title) + (" (paper)" if row.paper else ""),
            row.last_words,
            row.change_words,
            row.volume_words,
            status_words(row),
        )[column]

    @staticmethod
    def _colour(row: MarketRow, column: int) -> QColor:
        look = theme.current()
        if column == STATUS:
            return look.warning
        if column == STAR:
            return look.warning if row.starred else look.disabled
        if row.stale:
            return look.stale
        if column == CHANGE and row.change:
            return look.side(row.change > 0)
        if column in (EXCHANGE, VOLUME):
            return look.secondary
        return look.text
