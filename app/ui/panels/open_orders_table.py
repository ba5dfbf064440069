"""The table in which orders, fills and balances are shown: painted cells, keyboard, copying. No data, no columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.ui import theme
from app.ui.models.orders_table import CELL, Badge, Cell, LiveTable

_SELECT_ROW = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
_ELLIPSIS = Qt.TextElideMode.ElideRight
_SELECTED = QStyle.StateFlag.State_Selected.value
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class CellDelegate(QStyledItemDelegate):
    """Paints a `Cell`: bar, text in its tone, badges. Fonts are made once per theme."""

    def __init__(self, right: Iterable[int], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._right = frozenset(right)
        self.hovered_row = -1
        self._theme: theme.Theme | None = None
        self._font = self._bold = self._small = QFont()
        self._metrics = self._bold_metrics = self._small_metrics = QFontMetrics(self._small)
        self._pad = self._widest = 0

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        now = theme.current()
        if now is not self._theme:
            self._dress(now)
        cell: Cell = index.data(CELL)
        rect = option.rect
        # The flag type's own operators cost more than drawing the text.
        if option.state.value & _SELECTED:
            painter.fillRect(rect, now.selected)
        elif index.row() == self.hovered_row:
            painter.fillRect(rect, now.hover)
        if not cell.text and not cell.badges:
            return
        inner = rect.adjusted(self._pad, 0, -self._pad, 0)
        if cell.share is not None:
            self._bar(painter, inner, cell.share, now)
        if cell.badges:
            inner = self._badges(painter, inner, cell, now, index.column() in self._right)
        text, width = cell.text, inner.width()
        if text and width > self._pad:
            painter.setFont(self._bold if cell.bold else self._font)
            painter.setPen(getattr(now, cell.tone))
            if len(text) * self._widest > width:
                metrics = self._bold_metrics if cell.bold else self._metrics
                text = metrics.elidedText(text, _ELLIPSIS, width)
            painter.drawText(inner, _RIGHT if index.column() in self._right else _LEFT, text)

    def text_width(self, cell: Cell) -> int:
        """Pixels that the cell needs without cutting."""
        now = theme.current()
        if now is not self._theme:
            self._dress(now)
        badges = sum(self._badge_width(badge, now) + now.px(4) for badge in cell.badges)
        metrics = self._bold_metrics if cell.bold else self._metrics
        return metrics.horizontalAdvance(cell.text) + badges + 2 * now.px(6) + 2

    def _dress(self, now: theme.Theme) -> None:
        self._theme = now
        self._font = now.digits(9.0)
        self._bold = now.digits(9.0, bold=True)
        self._small = now.font(7.0, bold=True)
        self._metrics = QFontMetrics(self._font)
        self._bold_metrics = QFontMetrics(self._bold)
        self._small_metrics = QFontMetrics(self._small)
        self._widest = self._bold_metrics.horizontalAdvance("W")
        self._pad = now.px(6)

    def _bar(self, painter: QPainter, rect: QRect, share: float, now: theme.Theme) -> None:
        height = now.px(3)
        track = QRect(rect.left(), rect.bottom() - height - now.px(1), rect.width(), height)
        painter.fillRect(track, now.hairline)
        if share > 0:
            track.setWidth(max(2, round(track.width() * share)))
            painter.fillRect(track, now.accent)

    def _badge_width(self, badge: Badge, now: theme.Theme) -> int:
        return self._small_metrics.horizontalAdvance(badge.text) + now.px(8)

    def _badges(self, painter: QPainter, rect: QRect, cell: Cell, now: theme.Theme, before: bool) -> QRect:
        """Badges follow the text, or stand `before` numbers; what is left for the text is returned."""
        widths = [self._badge_width(badge, now) for badge in cell.badges]
        gap = now.px(4)
        needed = sum(widths) + gap * len(widths)
        metrics = self._bold_metrics if cell.bold else self._metrics
        text = min(metrics.horizontalAdvance(cell.text) + 2, max(0, rect.width() - needed)) if cell.text else -gap
        at = rect.left() if before else rect.left() + text + gap
        height = self._small_metrics.height() + now.px(1)
        top = rect.center().y() - height // 2 + 1
        painter.setFont(self._small)
        for badge, width in zip(cell.badges, widths, strict=True):
            if at + width > rect.right() + 1:
                break
            place = QRect(at, top, width, height)
            colour: QColor = getattr(now, badge.tone)
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.alpha(colour, 0.18))
            painter.drawRoundedRect(place, now.px(3), now.px(3))
            painter.restore()
            painter.setPen(colour)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), badge.text)
            at += width + gap
        return rect.adjusted(at - rect.left(), 0, 0, 0) if before else QRect(rect.topLeft(), QSize(text, rect.height()))


class LiveTableView(QTableView):
    """Rows are selected by mouse and keyboard; Ctrl+C copies them as tab-separated exact values."""

    cell_clicked = Signal(object, int)
    """A row and column that was pressed and released on the same row."""
    delete_pressed = Signal()
    activated_row = Signal(object)
    menu_wanted = Signal(object, int, QPoint)
    """Row, column, global position."""
    selection_moved = Signal()

    def __init__(self, model: LiveTable, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = model
        self._pressed: tuple[Hashable, int] | None = None
        self._kept: tuple[set[Hashable], Hashable | None, int] = (set(), None, 0)
        self.copy_text: Callable[[], str] = self._copied
        self.setModel(model)
        self.setAccessibleName(name)
        right = [at for at, column in enumerate(model.columns) if column.right]
        self._delegate = CellDelegate(right, self)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        # Tab leaves the table: arrows move inside it.
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu_at)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setMinimumSectionSize(24)
        header.setStretchLastSection(False)
        header.setAccessibleName(f"{name}: columns")
        self._size_columns()
        # The header sorts as soon as sorting is enabled, so it must know the order before.
        order = Qt.SortOrder.DescendingOrder if model.descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(model.sorted_by, order)
        self.setSortingEnabled(True)
        self.selectionModel().selectionChanged.connect(self._tell_selection)
        model.modelAboutToBeReset.connect(self._keep)
        model.modelReset.connect(self._restore)

    def selected_rows(self) -> list:
        """In the order shown."""
        places = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._table.shown[place] for place in places]

    def current_row(self) -> object | None:
        return self._table.row_at(self.currentIndex())

    def select_only(self, row_place: int) -> None:
        self.selectRow(row_place)
        self.setCurrentIndex(self._table.index(row_place, 0))

    def repaint_column(self, column: int) -> None:
        """Ask for one column anew, for cells that change by themselves."""
        viewport = self.viewport()
        viewport.update(self.columnViewportPosition(column), 0, self.columnWidth(column), viewport.height())

    def fit_columns(self) -> None:
        """Widen columns to what the shown rows need; called by the user (double click on a header edge does one)."""
        for at, column in enumerate(self._table.columns):
            needed = [self._delegate.text_width(self._table.cell(row, at)) for row in self._table.shown[:200]]
            self.setColumnWidth(at, max([theme.current().px(column.width), *needed]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        row = self._table.row_at(index)
        self._pressed = None if row is None else (row.key, index.column())
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        row = self._table.row_at(index)
        pressed, self._pressed = self._pressed, None
        # Rows may move between press and release: then the click belongs to nobody.
        if event.button() is Qt.MouseButton.LeftButton and row is not None and pressed == (row.key, index.column()):
            self.cell_clicked.emit(row, index.column())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # No press is noted, so the second release of a double click is no click.
        self._pressed = None
        super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.rowAt(round(event.position().y())))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.copy_text())
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and not event.modifiers():
            if not event.isAutoRepeat():
                self.delete_pressed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            row = self.current_row()
            if row is not None and not event.isAutoRepeat():
                self.activated_row.emit(row)
        elif event.key() == Qt.Key.Key_Menu:
            self._menu_at(self.visualRect(self.currentIndex()).center())
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._size_columns()

    def _size_columns(self) -> None:
        now = theme.current()
        self.horizontalHeader().setFixedHeight(now.px(24))
        self.verticalHeader().setMinimumSectionSize(now.px(24))
        self.verticalHeader().setDefaultSectionSize(now.px(24))
        for at, column in enumerate(self._table.columns):
            self.setColumnWidth(at, now.px(column.width))

    def _hover(self, row: int) -> None:
        if row != self._delegate.hovered_row:
            self._delegate.hovered_row = row
            self.viewport().update()

    def _menu_at(self, place: QPoint) -> None:
        index = self.indexAt(place)
        row = self._table.row_at(index)
        if row is not None:
            self.menu_wanted.emit(row, index.column(), self.viewport().mapToGlobal(place))

    def _tell_selection(self, _new: QItemSelection, _old: QItemSelection) -> None:
        self.selection_moved.emit()

    def _copied(self) -> str:
        columns = [at for at in range(len(self._table.columns)) if not self.isColumnHidden(at)]
        lines = ["\t".join(self._table.columns[at].title for at in columns)]
        for row in self.selected_rows():
            lines.append("\t".join(self._copied_cell(row, at) for at in columns))
        return "\n".join(lines)

    def _copied_cell(self, row: object, at: int) -> str:
        column = self._table.columns[at]
        cell = self._table.cell(row, at)
        if column.plain is not None:
            return column.plain(row)
        return " ".join([cell.text, *(badge.text for badge in cell.badges)]).strip()

    def _keep(self) -> None:
        current = self._table.row_at(self.currentIndex())
        keys = {row.key for row in self.selected_rows()}
        self._kept = (keys, current.key if current else None, self.verticalScrollBar().value())

    def _restore(self) -> None:
        keys, current, scroll = self._kept
        selection = QItemSelection()
        for place, row in enumerate(self._table.shown):
            index = self._table.index(place, 0)
            if row.key in keys:
                selection.select(index, index)
            if row.key == current:
                self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.selectionModel().select(selection, _SELECT_ROW)
        self.verticalScrollBar().setValue(scroll)
