"""The list of frames, painted by hand: a million rows cost what fits on the screen. No filters, no search."""

from __future__ import annotations

import re
from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QStandardItemModel,
    QStaticText,
)
from PySide6.QtWidgets import QAbstractScrollArea, QHeaderView, QWidget

from app.core.clock import NS_PER_MS
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.ui import format as words
from app.ui import theme
from app.ui.models.frames_links import delay_words
from app.ui.models.frames_rows import AllRows, Rows, SeqIndex
from app.ui.payload_views import channel_of, one_line, size_words, unpack, visible

_NUMBER, _TIME, _CONNECTION, _DIRECTION, _KIND, _CHANNEL, _STATUS, _SIZE, _PREVIEW = range(9)
_TITLES = ("#", "Time UTC", "Connection", "", "Kind", "Channel", "Status", "Size", "Message")
_WIDTHS = (76, 94, 132, 24, 52, 180, 82, 62, 400)
_GUTTER = 14
_PAD = 8
_CONTEXT = 24
_LEADING_CHANNEL = re.compile(r'\{"(?:channel|ch|stream|topic|e)":"[^"]*",')


class FrameRow(NamedTuple):
    """One row as it is read on screen."""

    number: str
    time: str
    connection: str
    direction: str
    kind: str
    channel: str
    status: str
    size: str
    preview: str


def row_of(
    frame: Frame,
    request: Frame | None = None,
    needle: re.Pattern[bytes] | None = None,
    letters: int = 120,
) -> FrameRow:
    """The texts of a row. A reply also tells how long its `request` took.

    Where `needle` stands beyond the first `letters`, the preview starts near it.
    """
    return FrameRow(
        number=f"{frame.seq:,}",
        time=words.time(frame.wall_ns // NS_PER_MS),
        connection=visible(frame.connection),
        direction="↓" if frame.direction is Direction.IN else "↑",
        kind=frame.kind.value,
        channel=channel_of(frame),
        status=_status(frame, request),
        size=size_words(len(frame.payload)),
        preview=_preview(frame, needle, letters),
    )


def _status(frame: Frame, request: Frame | None) -> str:
    status = str(frame.status) if frame.status else ""
    return f"{status} {delay_words(request, frame)}".strip() if request is not None else status


def _preview(frame: Frame, needle: re.Pattern[bytes] | None, letters: int) -> str:
    if needle is not None:
        data = unpack(frame.payload)[0]
        match = needle.search(data)
        if match is not None and match.end() > letters:
            return f"…{one_line(data[max(0, match.start() - min(_CONTEXT, letters // 4)) : match.start() + 240])}"
    text = one_line(frame.payload)
    # The channel has a column of its own; its room is better spent on what differs.
    if needle is None and (channel := _LEADING_CHANNEL.match(text)):
        return f"…{text[channel.end() :]}"
    return text


class FrameList(QAbstractScrollArea):
    """Rows of `rows`, newest at the bottom. Follows the newest frame until the user scrolls up, selects or pauses."""

    current_changed = Signal(int)
    follow_changed = Signal(bool)
    activated = Signal(int)

    def __init__(self, log: FrameLog, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self._rows: Rows = AllRows(log)
        self.hits: SeqIndex | None = None
        self.needle: re.Pattern[bytes] | None = None
        self.marked = 0
        self.current = 0
        self._anchor = 0
        self.selected: set[int] = set()
        self._follow = True
        self._top = 0
        self._top_seq = 0
        self._shown: tuple[object, ...] = ()
        self._row_height = 20
        self._laid_out: dict[tuple[str, int], QStaticText] = {}
        self.empty_words = "No messages yet. Open a market and its messages appear here."

        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Messages of all connections")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        titles = QStandardItemModel(0, len(_TITLES), self)
        titles.setHorizontalHeaderLabels(list(_TITLES))
        self.header = QHeaderView(Qt.Orientation.Horizontal, self)
        self.header.setModel(titles)
        self.header.setStretchLastSection(True)
        self.header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.header.setMinimumSectionSize(20)
        self.header.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for column, width in enumerate(_WIDTHS):
            self.header.resizeSection(column, width)
        self.header.sectionResized.connect(self._columns_changed)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self._dress()

    # -- what the panel sets -------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows:
        return self._rows

    @rows.setter
    def rows(self, rows: Rows) -> None:
        self._rows = rows
        self._shown = ()
        self.refresh()

    @property
    def following(self) -> bool:
        return self._follow

    def set_following(self, on: bool) -> None:
        if on == self._follow:
            return
        self._follow = on
        self._shown = ()
        self.follow_changed.emit(on)
        self.refresh()

    def refresh(self) -> None:
        """Take in what arrived; repaints only when a visible row changed."""
        rows = self._rows
        count, page = len(rows), self.page
        highest = max(0, count - page)
        self._top = highest if self._follow else min(rows.find(self._top_seq), highest)
        bar = self.verticalScrollBar()
        bar.blockSignals(True)
        bar.setRange(0, highest)
        bar.setPageStep(page)
        bar.setValue(self._top)
        bar.blockSignals(False)
        first = rows[self._top] if count else 0
        if self._follow or not self._top_seq:
            self._top_seq = first
        last = rows[min(count, self._top + page) - 1] if count else 0
        hits = self.hits.find(last + 1) - self.hits.find(first) if self.hits is not None else 0
        shown = (
            first,
            last,
            min(count - self._top, page),
            hits,
            self.current,
            self.marked,
            id(self.needle),
            count == 0,
        )
        if shown != self._shown:
            self._shown = shown
            self.viewport().update()

    def select(self, seq: int, *, scroll: bool = True) -> bool:
        """Make that frame the current one; False when it is not among the rows."""
        row = self._rows.find(seq)
        if row >= len(self._rows) or self._rows[row] != seq:
            return False
        self.selected = {seq}
        self._anchor = seq
        self._go(row, scroll=scroll)
        return True

    @property
    def page(self) -> int:
        """Rows that fit."""
        return max(1, self.viewport().height() // self._row_height)

    def visible_rows(self) -> list[FrameRow]:
        """The rows on screen from top to bottom, for tests and for reading aloud."""
        rows = self._rows
        frames = [self._log.get(rows[row]) for row in range(self._top, min(len(rows), self._top + self.page))]
        return [
            row_of(frame, self._request_of(frame), self.needle if self._is_hit(frame.seq) else None)
            for frame in frames
            if frame is not None
        ]

    # -- keys and mouse ------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, count = event.key(), len(self._rows)
        row = self._rows.find(self.current) if self.current else self._top - 1
        target = {
            Qt.Key.Key_Up: row - 1,
            Qt.Key.Key_Down: row + 1,
            Qt.Key.Key_PageUp: row - self.page,
            Qt.Key.Key_PageDown: row + self.page,
            Qt.Key.Key_Home: 0,
        }.get(Qt.Key(key))
        if key == Qt.Key.Key_Space:
            self.set_following(not self._follow)
        elif key == Qt.Key.Key_End:
            self.set_following(True)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current:
            self.activated.emit(self.current)
        elif target is not None and count:
            extend = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._pick(min(max(target, 0), count - 1), extend=extend)
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._top + int(event.position().y()) // self._row_height
        if row >= len(self._rows):
            return
        modifiers = event.modifiers()
        if event.button() is Qt.MouseButton.RightButton and self._rows[row] in self.selected:
            return
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            seq = self._rows[row]
            self.selected ^= {seq}
            self._go(row)
        else:
            self._pick(row, extend=bool(modifiers & Qt.KeyboardModifier.ShiftModifier))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.current:
            self.activated.emit(self.current)

    def _pick(self, row: int, *, extend: bool = False) -> None:
        seq = self._rows[row]
        if extend and self._anchor:
            other = min(self._rows.find(self._anchor), len(self._rows) - 1)
            low, high = sorted((row, other))
            self.selected = {self._rows[at] for at in range(low, high + 1)}
        else:
            self.selected, self._anchor = {seq}, seq
        self._go(row)

    def _go(self, row: int, *, scroll: bool = True) -> None:
        # A followed list would carry the chosen row away at once.
        self.set_following(False)
        if scroll and not self._top <= row < self._top + self.page:
            self._top_seq = self._rows[max(0, row - self.page // 2)]
        self.current = self._rows[row]
        self._shown = ()
        self.refresh()
        self.current_changed.emit(self.current)

    def _scrolled(self, value: int) -> None:
        if len(self._rows):
            self._top_seq = self._rows[min(value, len(self._rows) - 1)]
        self.set_following(value >= self.verticalScrollBar().maximum())
        self.refresh()

    # -- geometry and look ---------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 4 * self._row_height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_header()
        self.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._dress()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def _dress(self) -> None:
        look = theme.current()
        self._font = look.digits(9)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._fixed = QFont(fixed.family())
        self._fixed.setPointSizeF(8.5 * look.scale)
        self._metrics = QFontMetricsF(self._font)
        self._letter = 7.0
        self._faint: QColor = theme.mix(look.text, look.base, 0.82)
        self._row_height = look.px(19)
        self._laid_out.clear()
        self._place_header()
        self.viewport().update()

    def _place_header(self) -> None:
        height = theme.current().px(24)
        self.setViewportMargins(0, height, 0, 0)
        viewport = self.viewport().geometry()
        # Narrow lists give up the columns that the selected frame's own page repeats.
        narrow = viewport.width() < theme.current().px(860)
        for column in (_KIND, _SIZE):
            self.header.setSectionHidden(column, narrow)
        self.header.setGeometry(viewport.x(), viewport.y() - height, viewport.width(), height)

    def _columns_changed(self) -> None:
        self._laid_out.clear()
        self.viewport().update()

    # -- painting ------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self.viewport())
        area = self.viewport().rect()
        painter.fillRect(area, look.base)
        rows, height = self._rows, self._row_height
        count = len(rows)
        if not count:
            painter.setPen(look.secondary)
            painter.setFont(look.font())
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.empty_words)
        at = [self.header.sectionViewportPosition(column) for column in range(9)]
        size = [self.header.sectionSize(column) for column in range(9)]
        painter.setFont(self._fixed)
        # Asked of the painter: what is painted on may have another resolution than the screen.
        self._letter = painter.fontMetrics().horizontalAdvance("0" * 100) / 100
        letters = int((area.width() - at[_PREVIEW] - _PAD) / self._letter) + 1
        base = height / 2 + self._metrics.ascent() / 2 - 1.5
        first = self._top
        last = min(count, first + area.height() // height + 1)
        for row in range(first, last):
            frame = self._log.get(rows[row])
            if frame is not None:
                self._paint_row(painter, look, frame, (row - first) * height, base, at, size, letters)
        if self.hasFocus():
            painter.setPen(look.focus)
            painter.drawRect(area.adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_row(
        self,
        painter: QPainter,
        look: theme.Theme,
        frame: Frame,
        y: int,
        base: float,
        at: list[int],
        size: list[int],
        letters: int,
    ) -> None:
        seq = frame.seq
        hit = self._is_hit(seq)
        control = frame.kind is FrameKind.CONTROL
        text = row_of(frame, self._request_of(frame), self.needle if hit else None, letters)
        width, height = self.viewport().width(), self._row_height
        if seq in self.selected or seq == self.current:
            painter.fillRect(0, y, width, height, look.selected)
        elif control:
            painter.fillRect(0, y, width, height, look.raised)
        if seq == self.current:
            painter.fillRect(0, y, 3, height, look.accent)
        elif hit:
            painter.fillRect(0, y, 3, height, look.warning)
        line = y + base
        painter.setFont(self._font)
        if seq == self.marked:
            painter.setPen(look.accent)
            painter.drawText(QPointF(5, line), "A")
        painter.setPen(look.disabled)
        number = self._metrics.horizontalAdvance(text.number)
        painter.drawText(QPointF(at[_NUMBER] + max(_GUTTER, size[_NUMBER] - number - _PAD), line), text.number)
        painter.setPen(look.secondary)
        painter.drawText(QPointF(at[_TIME] + _PAD, line), text.time)
        self._repeated(painter, at[_CONNECTION] + _PAD, line, text.connection, size[_CONNECTION])
        if not control:
            out = frame.direction is Direction.OUT
            painter.setPen(look.accent if out else look.live)
            self._repeated(painter, at[_DIRECTION] + 6, line, text.direction, 40)
        painter.setPen(look.secondary)
        if size[_KIND]:
            self._repeated(painter, at[_KIND] + _PAD, line, text.kind, size[_KIND])
        if size[_SIZE]:
            advance = self._metrics.horizontalAdvance(text.size)
            self._repeated(painter, at[_SIZE] + size[_SIZE] - advance - _PAD, line, text.size, 200)
        if text.status:
            painter.setPen(look.error if frame.status >= 400 else look.live)
            self._repeated(painter, at[_STATUS] + _PAD, line, text.status, size[_STATUS])
        painter.setPen(look.text)
        self._repeated(painter, at[_CHANNEL] + _PAD, line, text.channel, size[_CHANNEL])
        self._paint_preview(painter, look, text.preview[:letters], at[_PREVIEW] + _PAD, y, line, control, hit)

    def _paint_preview(
        self,
        painter: QPainter,
        look: theme.Theme,
        preview: str,
        x: int,
        y: int,
        line: float,
        control: bool,
        hit: bool,
    ) -> None:
        painter.setFont(self._fixed)
        if hit and self.needle is not None:
            # The needle is bytes and the row is text: places are mapped by decoding what stands before them.
            data = preview.encode()
            for match in self.needle.finditer(data):
                start = len(data[: match.start()].decode("utf-8", "ignore"))
                length = len(match[0].decode("utf-8", "ignore"))
                if length:
                    place = QRect(
                        round(x + start * self._letter), y + 2, round(length * self._letter), self._row_height - 4
                    )
                    painter.fillRect(place, theme.mix(look.warning, look.base, 0.35))
        painter.setPen(look.text if control else self._faint)
        painter.drawText(QPointF(x, line), preview)

    def _request_of(self, frame: Frame) -> Frame | None:
        return self._log.get(frame.answers) if frame.answers else None

    def _is_hit(self, seq: int) -> bool:
        return self.hits is not None and self.hits.holds(seq)

    def _repeated(self, painter: QPainter, x: float, line: float, text: str, width: int) -> None:
        """Texts that come again and again are laid out once: a third of the cost of `drawText`."""
        laid_out = self._laid_out.get((text, width))
        if laid_out is None:
            if len(self._laid_out) > 4096:
                self._laid_out.clear()
            fitted = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, width - _PAD - 2)
            laid_out = QStaticText(fitted)
            laid_out.setTextFormat(Qt.TextFormat.PlainText)
            laid_out.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
            laid_out.prepare(font=self._font)
            self._laid_out[text, width] = laid_out
        painter.drawStaticText(QPointF(x, line - self._metrics.ascent()), laid_out)
