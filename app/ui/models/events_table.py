"""Notices as a table, newest on top, filtered by level and text. It adds no notices and shows no pop-ups."""

from __future__ import annotations

from itertools import islice

from PySide6.QtCore import QModelIndex, QObject
from PySide6.QtGui import QColor

from app.core.clock import NS_PER_MS
from app.core.notices import Notice, NoticeLevel, Notices
from app.ui import format as words
from app.ui import theme
from app.ui.models.connections_cells import Cell, CellModel, Index

TITLES = ("Time UTC", "Level", "Source", "What happened", "Message")
_RANK = {NoticeLevel.INFO: 0, NoticeLevel.WARNING: 1, NoticeLevel.ERROR: 2}


def level_colour(level: NoticeLevel) -> QColor:
    look = theme.current()
    return {NoticeLevel.INFO: look.secondary, NoticeLevel.WARNING: look.warning, NoticeLevel.ERROR: look.error}[level]


class EventsModel(CellModel):
    """New notices are inserted on top once per refresh, so selection and scroll position stay."""

    def __init__(self, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(TITLES, (), parent)
        self._notices = notices
        self._seen = 0
        self._lowest = NoticeLevel.INFO
        self._text = ""
        self.shown: list[Notice] = []
        self.refresh()

    @property
    def unseen(self) -> bool:
        return self._seen != self._notices.total

    def set_filter(self, lowest: NoticeLevel, text: str) -> None:
        """Only notices of that level and above whose source or text holds `text`."""
        self._lowest, self._text = lowest, text.lower()
        self.beginResetModel()
        self.shown = [notice for notice in reversed(self._notices.items) if self._passes(notice)]
        self._seen = self._notices.total
        self.endResetModel()

    def refresh(self) -> None:
        new = self._notices.total - self._seen
        if not new:
            return
        self._seen = self._notices.total
        arrived = [notice for notice in islice(reversed(self._notices.items), new) if self._passes(notice)]
        if arrived:
            self.beginInsertRows(QModelIndex(), 0, len(arrived) - 1)
            self.shown[:0] = arrived
            self.endInsertRows()
        keep = self._notices.items.maxlen or len(self.shown)
        if len(self.shown) > keep:
            self.beginRemoveRows(QModelIndex(), keep, len(self.shown) - 1)
            del self.shown[keep:]
            self.endRemoveRows()

    def _passes(self, notice: Notice) -> bool:
        if _RANK[notice.level] < _RANK[self._lowest]:
            return False
        return not self._text or self._text in notice.text.lower() or self._text in notice.source.lower()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.shown)

    def cell(self, row: int, column: int) -> Cell:
        notice, look = self.shown[row], theme.current()
        if column == 0:
            return Cell(words.time(notice.wall_ns // NS_PER_MS), look.secondary)
        if column == 1:
            colour = level_colour(notice.level)
            return Cell(notice.level.value, colour, icon=theme.icon(notice.level.value, colour))
        if column == 2:
            return Cell(words.clean(notice.source), look.secondary)
        if column == 3:
            return Cell(words.clean(notice.text), look.text)
        return Cell(f"#{notice.frame:,}" if notice.frame else "", look.accent)
