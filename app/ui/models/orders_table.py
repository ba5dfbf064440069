"""Rows that change in place, sorted and filtered by exact values, painted from cells. No widgets, no columns."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

CELL = int(Qt.ItemDataRole.UserRole) + 1
"""The `Cell` of an index."""
_Index = QModelIndex | QPersistentModelIndex
_MANY_RUNS = 64
_UNSEEN = object()
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_TIP = int(Qt.ItemDataRole.ToolTipRole)
_ALIGN = int(Qt.ItemDataRole.TextAlignmentRole)
_SPOKEN = int(Qt.ItemDataRole.AccessibleTextRole)


class Row(Protocol):
    """`key` names the row for its whole life; the row is drawn anew when `version` differs."""

    @property
    def key(self) -> Hashable: ...
    @property
    def version(self) -> Hashable: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Badge:
    text: str
    tone: str = "secondary"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell shows. `tone` names a colour of the theme, `share` (0 to 1) draws a bar behind the text."""

    text: str
    tone: str = "text"
    badges: tuple[Badge, ...] = ()
    share: float | None = None
    tip: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Column(Generic[R]):
    """`key` is what the column sorts by (None sorts last); `live` cells change without a new version, such as ages."""

    title: str
    cell: Callable[[R], Cell]
    key: Callable[[R], Any]
    width: int
    right: bool = False
    live: bool = False
    tip: str = ""
    plain: Callable[[R], str] | None = None
    """The exact value for the clipboard, where it differs from the text."""


class LiveTable(QAbstractTableModel, Generic[R]):
    """Fed with everything there is; keeps rows where they are, so that selection and scroll position survive."""

    def __init__(self, columns: Sequence[Column[R]], sort_by: int = 0, descending: bool = True) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.sorted_by = sort_by
        self.descending = descending
        self._all: list[R] = []
        self._rows: list[R] = []
        self._keys: list[Hashable] = []
        self._seen: dict[Hashable, Hashable] = {}
        self._cells: dict[Hashable, list[Cell | None]] = {}
        self._accept: Callable[[R], bool] | None = None

    @property
    def shown(self) -> Sequence[R]:
        return self._rows

    @property
    def everything(self) -> Sequence[R]:
        """Also the rows that the filter leaves out."""
        return self._all

    @property
    def total(self) -> int:
        return len(self._all)

    def feed(self, rows: Iterable[R]) -> None:
        """Everything there is now, in any order."""
        self._all = list(rows)
        self._arrange()

    def set_filter(self, accept: Callable[[R], bool] | None) -> None:
        self._accept = accept
        self._arrange()

    def row_at(self, index: _Index) -> R | None:
        return self._rows[index.row()] if index.isValid() and index.row() < len(self._rows) else None

    def forget_cells(self) -> None:
        """Draw everything anew, after a change of format."""
        self._cells.clear()
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(self.columns) - 1))

    def cell(self, row: R, column: int) -> Cell:
        shape = self.columns[column]
        if shape.live:
            return shape.cell(row)
        cells = self._cells.get(row.key)
        if cells is None:
            cells = self._cells[row.key] = [None] * len(self.columns)
        cell = cells[column]
        if cell is None:
            cell = cells[column] = shape.cell(row)
        return cell

    def ordered(self, rows: list[R]) -> list[R]:
        """Rows in the order of the sorted column; what has no value comes last either way."""
        key = self.columns[self.sorted_by].key
        keyed = [(key(row), row) for row in rows]
        known = [pair for pair in keyed if pair[0] is not None]
        known.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [row for _, row in known] + [row for value, row in keyed if value is None]

    # -- Qt ------------------------------------------------------------------------------------------------------------

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        if not index.isValid():
            return None
        if role == CELL:
            return self.cell(self._rows[index.row()], index.column())
        if role == _DISPLAY:
            return self.cell(self._rows[index.row()], index.column()).text
        if role == _TIP:
            # Rich text would be guessed from foreign words; a plain label has no such mode.
            return _as_plain(self.cell(self._rows[index.row()], index.column()).tip)
        if role == _SPOKEN:
            cell = self.cell(self._rows[index.row()], index.column())
            words = [self.columns[index.column()].title, cell.text, *(badge.text for badge in cell.badges)]
            return " ".join(word for word in words if word)
        if role == _ALIGN and self.columns[index.column()].right:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        if orientation is not Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        column = self.columns[section]
        if role == _DISPLAY:
            # Room for the arrow that would cover the end of a right-aligned title.
            return f"{column.title}   " if column.right and section == self.sorted_by else column.title
        if role == _TIP:
            return column.tip or None
        if role == _ALIGN:
            side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns):
            self.sorted_by = column
            self.descending = order is Qt.SortOrder.DescendingOrder
            self._arrange()

    # -- changing in place ---------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        accept = self._accept
        self._become(self.ordered([row for row in self._all if accept is None or accept(row)]))

    def _become(self, wanted: list[R]) -> None:
        keys = [row.key for row in wanted]
        if keys == self._keys:
            self._rows = wanted
        else:
            self._move_rows(keys, wanted)
        # Only now: a view may ask for cells of the old rows while they move, and those must not be kept.
        changed = self._note_versions(keys, wanted)
        if changed:
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(self.columns) - 1))

    def _move_rows(self, keys: list[Hashable], wanted: list[R]) -> None:
        before, after = set(self._keys), set(keys)
        leaving = _runs([at for at, key in enumerate(self._keys) if key not in after])
        coming = _runs([at for at, key in enumerate(keys) if key not in before])
        if len(leaving) + len(coming) > _MANY_RUNS:
            self.beginResetModel()
            self._keys, self._rows = keys, wanted
            self.endResetModel()
            return
        for first, last in reversed(leaving):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._rows[first : last + 1], self._keys[first : last + 1]
            self.endRemoveRows()
        self._reorder([row for key, row in zip(keys, wanted, strict=True) if key in before])
        for first, last in coming:
            self.beginInsertRows(QModelIndex(), first, last)
            self._rows[first:first] = wanted[first : last + 1]
            self._keys[first:first] = keys[first : last + 1]
            self.endInsertRows()

    def _reorder(self, rows: list[R]) -> None:
        keys = [row.key for row in rows]
        old = self._keys
        if old == keys:
            self._rows = rows
            return
        self.layoutAboutToBeChanged.emit()
        places = {key: at for at, key in enumerate(keys)}
        kept = self.persistentIndexList()
        moved = [self.index(places[old[index.row()]], index.column()) for index in kept]
        self._keys, self._rows = keys, rows
        self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()

    def _note_versions(self, keys: list[Hashable], wanted: list[R]) -> list[int]:
        changed = []
        seen = self._seen
        for at, (key, row) in enumerate(zip(keys, wanted, strict=True)):
            version = row.version
            if seen.get(key, _UNSEEN) != version:
                seen[key] = version
                self._cells.pop(key, None)
                changed.append(at)
        if len(seen) > 2 * len(self._all) + 100:
            alive = {row.key for row in self._all}
            self._seen = {key: version for key, version in seen.items() if key in alive}
            self._cells = {key: cells for key, cells in self._cells.items() if key in alive}
        return changed


def _as_plain(text: str) -> str | None:
    """Tool tips guess rich text; escaping and the wrapper make them show foreign words as they are."""
    if not text:
        return None
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
    return f"<qt>{safe}</qt>"


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each unbroken stretch."""
    runs: list[tuple[int, int]] = []
    for at in places:
        if runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    return runs
