"""Paints the cells of dense tables from `CellModel.cell`, at less than half the usual cost. No data of its own."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from app.ui import theme
from app.ui.models.connections_cells import CellModel, slanted_font

_ICON = 16


class CellDelegate(QStyledItemDelegate):
    """A selected row keeps the colours of its cells: up is still up."""

    def __init__(self, parent: QWidget | None = None, pad: int = 6) -> None:
        super().__init__(parent)
        self._pad = pad
        self._dressed: theme.Theme | None = None

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, CellModel)
        look = theme.current()
        if look is not self._dressed:
            self._dress(look)
        cell = model.cell(index.row(), index.column())
        area: QRect = option.rect
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, look.selected)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, look.hover)
        left, room = area.x() + self._pad, area.width() - 2 * self._pad
        if cell.icon is not None:
            cell.icon.paint(painter, left, area.y(), _ICON, area.height())
            left += _ICON + 4
            room -= _ICON + 4
        if not cell.text or room <= 0:
            return
        font, metrics = (self._slanted, self._slanted_metrics) if cell.slanted else (self._font, self._metrics)
        text = cell.text
        width = metrics.horizontalAdvance(text)
        if width > room:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            width = min(width, room)
        painter.setFont(font)
        painter.setPen(cell.colour)
        base = area.y() + (area.height() + metrics.ascent() - metrics.descent()) / 2
        painter.drawText(QPointF(left + (room - width if cell.right else 0), base), text)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(60, theme.current().px(22))

    def _dress(self, look: theme.Theme) -> None:
        self._dressed = look
        self._font, self._slanted = look.digits(9), slanted_font()
        self._metrics, self._slanted_metrics = QFontMetricsF(self._font), QFontMetricsF(self._slanted)


def dense_table(name: str, pad: int = 6) -> QTableView:
    """A table of whole rows over a `CellModel`, without a grid; `name` is what a screen reader says."""
    look = theme.current()
    table = QTableView()
    table.setAccessibleName(name)
    table.setItemDelegate(CellDelegate(table, pad))
    table.setMouseTracking(True)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    table.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(look.px(22))
    table.verticalHeader().setMinimumSectionSize(look.px(18))
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.setStyleSheet(f"QHeaderView::section {{ padding: 4px {pad}px; }}")
    return table
