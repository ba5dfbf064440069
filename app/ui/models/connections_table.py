"""Table models of the connections panel: links, watched books, history. They read status objects and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QModelIndex, QObject
from PySide6.QtGui import QColor, QIcon

from app.core.clock import NS_PER_MS, NS_PER_S
from app.core.links import LinkStatus
from app.core.timestamps import TimeUnit
from app.core.types import Integrity
from app.ui import format as words
from app.ui import theme
from app.ui.desk import Desk
from app.ui.models.connections_cells import Cell, CellModel, Index
from app.ui.models.connections_figures import (
    ICONS,
    Health,
    RateMeter,
    age_words,
    health_of,
    milliseconds,
    state_words,
)
from app.ui.payload_views import size_words, visible


class Cells(NamedTuple):
    """One row: the texts, and the health that colours its first state column."""

    texts: tuple[str, ...]
    health: Health = Health.GOOD


def health_colour(health: Health) -> QColor:
    look = theme.current()
    return {
        Health.GOOD: look.live,
        Health.WAITING: look.secondary,
        Health.DOUBTFUL: look.warning,
        Health.BAD: look.error,
    }[health]


def health_icon(health: Health) -> QIcon:
    return theme.icon(ICONS[health], health_colour(health))


class RowsModel(CellModel):
    """Rows of texts that are replaced in place, so that selection and scroll position stay."""

    def __init__(
        self, titles: Sequence[str], numeric: Sequence[int], state_column: int, parent: QObject | None = None
    ) -> None:
        super().__init__(titles, numeric, parent)
        self._state_column = state_column
        self.rows: list[Cells] = []

    def show(self, rows: list[Cells]) -> None:
        if len(rows) == len(self.rows):
            changed = [row for row, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
            self.rows = rows
            if changed:
                last = self.index(changed[-1], len(self._titles) - 1)
                self.dataChanged.emit(self.index(changed[0], 0), last)
        else:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def cell(self, row: int, column: int) -> Cell:
        look, cells = theme.current(), self.rows[row]
        text = cells.texts[column]
        if column == self._state_column:
            return Cell(text, health_colour(cells.health), icon=health_icon(cells.health))
        right = column in self._numeric
        return Cell(text, look.secondary if column > self._state_column and not right else look.text, right)


LINK_TITLES = (
    "Connection",
    "State",
    "Age",
    "Msg/s",
    "Bytes/s",
    "Round trip",
    "Lag",
    "Reconnects",
    "Unknown",
    "Reason",
)
LINK_NUMERIC = (2, 3, 4, 5, 6, 7, 8)
BOOK_TITLES = ("Book", "State", "Proof", "Gaps", "Resyncs", "Crossed", "Messages", "Age", "Reason")
BOOK_NUMERIC = (3, 4, 5, 6, 7)
HISTORY_TITLES = ("Time UTC", "State", "For", "Reason")
HISTORY_NUMERIC = (2,)


def link_rows(links: Sequence[LinkStatus], now_ns: int, meter: RateMeter) -> list[Cells]:
    rows = []
    for link in links:
        rates = meter.take(link.name, now_ns, link.messages, link.bytes)
        texts = (
            visible(link.name),
            state_words(link, now_ns),
            age_words(link, now_ns) or words.DASH,
            f"{rates.messages:,.0f}" if rates.messages >= 9.95 else f"{rates.messages:.1f}",
            size_words(round(rates.bytes)),
            milliseconds(link.round_trip_ms),
            milliseconds(link.lag_ms),
            f"{max(0, link.epoch - 1):,}",
            f"{link.unknown:,}",
            _remark(link),
        )
        rows.append(Cells(texts, health_of(link)))
    return rows


def _remark(link: LinkStatus) -> str:
    """Why the link is as it is, and what is unusual about what it carries."""
    unusual = "" if link.time_unit is TimeUnit.MILLISECONDS else f"times in {link.time_unit}"
    return "; ".join(part for part in (words.clean(link.reason), unusual) if part)


_PROOFS = {
    Integrity.CHECKSUM: "checksum",
    Integrity.SEQUENCE: "sequence only",
    Integrity.PREVIOUS_ID: "sequence only",
    Integrity.NONE: "unverified",
}
_FRESH = {"live": Health.GOOD, "aging": Health.DOUBTFUL}


def book_rows(desk: Desk, now_ns: int) -> list[Cells]:
    """Every watched book with what proves that nothing was lost."""
    rows = []
    for exchange in desk.exchanges.values():
        for pair, feed in sorted(exchange.feeds.items()):
            book = exchange.order_books.get(pair)
            fresh = exchange.freshness(pair)
            texts = (
                f"{exchange.key} {pair}",
                visible(fresh.words) or fresh.state.upper(),
                words.DASH if book is None else _PROOFS[book.integrity],
                f"{feed.gaps:,}",
                f"{feed.resyncs:,}",
                f"{feed.crossed:,}",
                f"{feed.messages:,}",
                words.age((now_ns - feed.last_recv_ns) / NS_PER_S) if feed.last_recv_ns else words.DASH,
                "" if book is None else words.clean(book.reason),
            )
            rows.append(Cells(texts, _FRESH.get(fresh.state, Health.BAD)))
    return rows


def history_rows(link: LinkStatus) -> list[Cells]:
    """Newest first; how long each state lasted, where it has ended."""
    rows = []
    until = 0
    probe = LinkStatus(link.name)
    for event in reversed(link.history):
        probe.state = event.state
        lasted = words.age((until - event.wall_ns) / NS_PER_S) if until else "now"
        when = words.time(event.wall_ns // NS_PER_MS)
        rows.append(Cells((when, event.state.value, lasted, words.clean(event.reason)), health_of(probe)))
        until = event.wall_ns
    return rows
