"""Every message of every connection in one timeline: filter, search, read, compare, export. It decodes nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QMenu, QSplitter, QVBoxLayout, QWidget

from app.core.clock import NS_PER_MS, Clock, SystemClock
from app.core.frames import Frame
from app.ui.desk import Desk
from app.ui.models.frames_export import FrameExport
from app.ui.models.frames_filter import FrameFilter, Needle, both, filter_predicate, search_predicate
from app.ui.models.frames_rows import AllRows, LogScan, Rows
from app.ui.panels.inspector_bar import plain_label
from app.ui.panels.inspector_detail import FrameDetail
from app.ui.panels.inspector_filters import InspectorFilters
from app.ui.panels.inspector_header import InspectorHeader
from app.ui.panels.inspector_list import FrameList, FrameRow
from app.ui.payload_views import channel_of, json_line

SLICE_NS = 4 * NS_PER_MS
"""Longest piece of background work between two events."""
_PAUSE_MS = 3
_TICK_NS = 95 * NS_PER_MS
_NAMES_LOOKED_AT = 2_000


class StreamInspector(QWidget):
    """`refresh` may be called at any rate and acts at most ten times a second.

    `frame_selected` carries the number of the frame, `cell_requested` a `models.frames_changes.CellRef`,
    `export_requested` the numbers to export ("selected" or "filtered"): the window asks for a path and calls `export`.
    """

    frame_selected = Signal(int)
    cell_requested = Signal(object)
    export_requested = Signal(str)
    bridge_requested = Signal(int)
    """A message of a plug-in that shall be seen side by side with its answer."""
    exported = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._now_ns: Callable[[], int] = self._clock.mono_ns
        self._filter = FrameFilter()
        self._needle: Needle | None = None
        self._filtered: LogScan | None = None
        self._search: LogScan | None = None
        self._export: FrameExport | None = None
        self._connections: set[str] = set()
        self._names_from = 0
        self._ticked_ns = 0
        self.bridged: Callable[[], Container[int]] = frozenset
        """Messages that the bridge lens knows; the window says so."""

        self.header = InspectorHeader(desk.log)
        self.filters = InspectorFilters()
        self.note = plain_label("", "warning")
        self.note.setContentsMargins(8, 2, 8, 2)
        self.note.setAccessibleName("Note about the list of messages")
        self.note.hide()
        self.list = FrameList(desk.log)
        self.detail = FrameDetail(desk, self._now_ns)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.list)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 1)
        self.detail.hide()
        self._opened = False
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.header, self.filters, self.note):
            column.addWidget(part)
        column.addWidget(self.splitter, 1)

        self._work = QTimer(self)
        self._work.setInterval(_PAUSE_MS)
        self._work.timeout.connect(self._slice)
        self.header.follow.clicked.connect(self.list.set_following)
        self.list.follow_changed.connect(self._following)
        self.list.current_changed.connect(self._selected)
        self.list.activated.connect(self._read_selected)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._context_menu)
        self.filters.filter_changed.connect(self.set_filter)
        self.filters.needle_changed.connect(self.set_search)
        self.filters.hits_only_changed.connect(self._show_rows)
        self.filters.step.connect(self.go_to_hit)
        self.header.clear_filters.clicked.connect(self.filters.clear)
        self.header.export_requested.connect(self.export_requested)
        self.header.frame_requested.connect(self.show_frame)
        self.detail.cell_requested.connect(self.cell_requested)
        self.detail.frame_requested.connect(self.show_frame)
        self.detail.close_button.clicked.connect(self.close_detail)
        self.setFocusProxy(self.list)
        self.detail.mark_requested.connect(self.mark_selected)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, action in (("Ctrl+F", self._focus_search), ("F3", self._next_hit), ("Shift+F3", self._previous_hit)):
            QShortcut(QKeySequence(keys), self, action, context=within)
        self._following(True)
        self.refresh(now=True)

    # -- what the window calls -----------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        return QSize(420, 130)

    def sizeHint(self) -> QSize:
        return QSize(1200, 420)

    def refresh(self, *, now: bool = False) -> None:
        """Take in what arrived since the last time."""
        at = self._now_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        pending = False
        for scan in (self._filtered, self._search):
            if scan is not None and not self._work.isActive():
                pending = scan.step(SLICE_NS // 2) or pending
        pending = self.detail.step(NS_PER_MS) or pending
        if pending:
            self._work.start()
        self._note_names()
        self.list.refresh()
        self._show_counts(at)

    def show_frame(self, seq: int) -> bool:
        """Select and scroll to that frame; False, with the reason on screen, when there is no such frame."""
        log = self._desk.log
        if log.get(seq) is None:
            self._say(
                f"Message #{seq:,} has left memory: #{log.first_seq:,} to #{log.last_seq:,} are kept."
                if 0 < seq < log.first_seq
                else f"There is no message #{seq:,}."
                if seq
                else "No message is known to have set this."
            )
            return False
        self._say("")
        if not self.list.select(seq):
            had_filters = not self._filter.is_open or self.filters.hits_only.isChecked()
            self.filters.clear()
            if not self._filter.is_open:
                self.set_filter(FrameFilter())
            self.list.select(seq)
            if had_filters:
                self._say(f"Filters were cleared to show message #{seq:,}.")
        return True

    def visible_rows(self) -> list[FrameRow]:
        """The rows on screen from top to bottom."""
        return self.list.visible_rows()

    def set_filter(self, wanted: FrameFilter) -> None:
        """Show only what passes; the newest matches are there at once, older ones as they are found."""
        self._filter = wanted
        self._filtered = None
        if not wanted.is_open:
            accept = filter_predicate(wanted, self._desk.exchanges)
            self._filtered = LogScan(self._desk.log, accept, self._now_ns)
        self.header.clear_filters.setVisible(not wanted.is_open)
        self._start_search()
        self._show_rows()

    def set_search(self, needle: Needle | None) -> None:
        """Mark every message that holds the needle; None ends the search."""
        self._needle = needle
        self._start_search()
        self._show_rows()
        if self.detail.frame is not None:
            self.detail.show_frame(self.detail.frame, self._valid_needle())

    def go_to_hit(self, by: int) -> None:
        """Select the next (1) or previous (-1) hit, around the end."""
        hits = self._search.rows if self._search is not None else None
        if not hits:
            return
        current = self.list.current
        # Without a place to start from, the newest hit is the first one.
        row = (hits.find(current + 1) if by > 0 else hits.find(current) - 1) if current else len(hits) - 1
        self.list.select(hits[row % len(hits)])
        self._show_search_state()

    def mark_selected(self) -> None:
        """Keep the selected message as A; the next selected one can be compared with it."""
        frame = self.detail.frame
        if frame is not None:
            self.list.marked = frame.seq
            self.detail.set_marked(frame)
            self.list.refresh()
            self._say(f"A is #{frame.seq:,}. Select another message and press D to compare.")

    def compare_selected(self) -> None:
        self._say("")
        self.detail.compare()

    def export(self, path: Path | str, which: str = "filtered") -> None:
        """Write the "selected" or "filtered" frames to that file in small steps; `exported` tells the result."""
        if self._export is not None:
            self._say("An export is already running.")
            return
        seqs: Iterable[int] = sorted(self.list.selected) if which == "selected" else self._filtered_seqs()
        try:
            self._export = FrameExport(self._desk.log, seqs, Path(path), self._now_ns)
        except OSError as error:
            self._finish_export(f"Export failed: {error.strerror}")
            return
        self._work.start()

    # -- work in slices ------------------------------------------------------------------------------------------------

    def _slice(self) -> None:
        end = self._now_ns() + SLICE_NS
        pending = False
        for scan in (self._filtered, self._search):
            if scan is not None and not scan.done:
                left = end - self._now_ns()
                pending = (scan.step(left) if left > 0 else True) or pending
        left = end - self._now_ns()
        if left > 0:
            pending = self.detail.step(left) or pending
        if self._export is not None:
            pending = True
        if self._export is not None and (self._filtered is None or self._filtered.done):
            self._step_export(max(end - self._now_ns(), NS_PER_MS // 2))
        if not pending:
            self._work.stop()
            self.list.refresh()
        self._show_search_state()

    def _step_export(self, budget_ns: int) -> None:
        export = self._export
        if export is None:
            return
        try:
            if export.step(budget_ns):
                return
            lost = f", {export.missing:,} had left memory" if export.missing else ""
            self._finish_export(f"{export.written:,} messages exported, redacted: {export.redacted:,} values{lost}.")
        except OSError as error:
            export.cancel()
            self._finish_export(f"Export failed: {error.strerror}")

    def _finish_export(self, words: str) -> None:
        self._export = None
        self._say(words)
        self.exported.emit(words)

    def _filtered_seqs(self) -> Iterator[int]:
        """By number, not by row: rows move while frames leave the log."""
        rows, seq, last = self._passing, 0, self._desk.log.last_seq
        while (row := rows.find(seq + 1)) < len(rows) and rows[row] <= last:
            seq = rows[row]
            yield seq

    @property
    def _passing(self) -> Rows:
        """What passes the filter, hits or not."""
        return AllRows(self._desk.log) if self._filtered is None else self._filtered.rows

    def _start_search(self) -> None:
        needle = self._needle
        self._search = None
        self.list.hits = self.list.needle = None
        if needle is None:
            self._show_search_state()
            return
        try:
            accept = search_predicate(needle)
            self.list.needle = needle.pattern()
        except ValueError as problem:
            self.filters.show_state(str(problem)[:60], None, fault=True)
            return
        if not self._filter.is_open:
            accept = both(accept, filter_predicate(self._filter, self._desk.exchanges))
        self._search = LogScan(self._desk.log, accept, self._now_ns)
        self.list.hits = self._search.rows

    def _valid_needle(self) -> Needle | None:
        return self._needle if self._search is not None else None

    def _show_rows(self) -> None:
        if self.filters.hits_only.isChecked() and self._search is not None:
            self.list.rows = self._search.rows
            self.list.empty_words = "No message holds this text."
        elif self._filtered is not None:
            self.list.rows = self._passing
            self.list.empty_words = "No message passes the filters."
        else:
            self.list.rows = self._passing
            self.list.empty_words = "No messages yet. Open a market and its messages appear here."
        self._work.start()
        self._slice()
        self.refresh(now=True)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _show_search_state(self) -> None:
        search = self._search
        if search is None:
            if self._needle is None:
                self.filters.show_state("", None)
            return
        hits = search.rows
        count = f"{len(hits):,} hit{'s' if len(hits) != 1 else ''}"
        if self.list.current and hits.holds(self.list.current):
            count = f"{hits.find(self.list.current) + 1:,} of {count}"
        self.filters.show_state(count, None if search.done else search.progress)

    def _show_counts(self, at: int) -> None:
        self.header.refresh(at, self._filtered)
        unknown = sum(link.unknown for exchange in self._desk.exchanges.values() for link in exchange.links)
        self.filters.set_unknown_count(unknown)
        fields = [exchange.new_fields for exchange in self._desk.exchanges.values()]
        self.header.show_new_fields({name: frame for told in fields for name, frame in told.items()})
        self._show_search_state()

    def _note_names(self) -> None:
        log = self._desk.log
        start = max(self._names_from, log.last_seq - _NAMES_LOOKED_AT)
        names = {frame.connection for frame in log.since(start)}
        names.update(link.name for exchange in self._desk.exchanges.values() for link in exchange.links)
        self._names_from = log.last_seq
        if not names <= self._connections:
            self._connections |= names
            exchanges = {name.partition("/")[0] for name in self._connections} | set(self._desk.exchanges)
            self.filters.offer(sorted(exchanges), sorted(self._connections))

    def _following(self, on: bool) -> None:
        self.header.set_following(on)
        self._show_counts(self._now_ns())

    def _selected(self, seq: int) -> None:
        frame = self._desk.log.get(seq)
        if frame is None:
            return
        self._open_detail()
        self.detail.show_frame(frame, self._valid_needle())
        if self.note.text().startswith(("Filters", "Message", "There", "No message")):
            self._say("")
        self.list.setAccessibleDescription(_spoken(frame))
        self._show_search_state()
        self._work.start()
        self.frame_selected.emit(seq)

    def _open_detail(self) -> None:
        if self.detail.isVisibleTo(self):
            return
        self.detail.show()
        if not self._opened:
            self._opened = True
            self._share_room()

    def _share_room(self) -> None:
        room = self.width() if self.splitter.orientation() is Qt.Orientation.Horizontal else self.height()
        self.splitter.setSizes([room * 58 // 100, room * 42 // 100])

    def close_detail(self) -> None:
        """Give the whole width to the list."""
        self.detail.hide()
        self.list.setFocus()

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))

    # -- keys and menus ------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selected()
        elif event.key() == Qt.Key.Key_M:
            self.mark_selected()
        elif event.key() == Qt.Key.Key_D:
            self.compare_selected()
        elif event.key() == Qt.Key.Key_Escape and self.detail.isVisible():
            self.close_detail()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() > 960 or self.height() < 420
        way = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self.splitter.orientation() is not way:
            self.splitter.setOrientation(way)
            self._share_room()

    def copy_selected(self) -> None:
        """One message as it is kept, several as JSON lines."""
        frames = [frame for seq in sorted(self.list.selected) if (frame := self._desk.log.get(seq)) is not None]
        if len(frames) > 1:
            QGuiApplication.clipboard().setText("\n".join(json_line(frame) for frame in frames))
        else:
            self.detail.copy_payload()

    def _context_menu(self, place: QPoint) -> None:
        frame = self.detail.frame
        if frame is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy message\tCtrl+C", self.copy_selected)
        menu.addAction("Copy as JSON line", self.detail.copy_json_line)
        menu.addSeparator()
        menu.addAction("Mark as A for comparison\tM", self.mark_selected)
        compare = menu.addAction("Compare with A\tD", self.compare_selected)
        compare.setEnabled(bool(self.list.marked))
        if frame.seq in self.bridged():
            menu.addAction("Show in the bridge lens", partial(self.bridge_requested.emit, frame.seq))
        menu.addSeparator()
        menu.addAction("Only this connection", self._only_connection)
        if channel_of(frame):
            menu.addAction("Only this channel or path", self._only_channel)
        menu.addSeparator()
        menu.addAction("Export selected…", partial(self.export_requested.emit, "selected"))
        menu.popup(self.list.viewport().mapToGlobal(place))

    def _only_connection(self) -> None:
        if self.detail.frame is not None:
            box = self.filters.connection
            box.setCurrentIndex(max(0, box.findData(self.detail.frame.connection)))

    def _only_channel(self) -> None:
        if self.detail.frame is not None:
            self.filters.channel.setText(channel_of(self.detail.frame).partition("?")[0])
            self.filters.apply_now()

    def _read_selected(self) -> None:
        page = self.detail.tabs.currentWidget()
        if page is not None:
            page.setFocus()

    def _focus_search(self) -> None:
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def _next_hit(self) -> None:
        self.go_to_hit(1)

    def _previous_hit(self) -> None:
        self.go_to_hit(-1)


def _spoken(frame: Frame) -> str:
    way = "received" if frame.direction.value == "in" else "sent"
    return f"Message {frame.seq}, {way} on {frame.connection}, {channel_of(frame)}"
