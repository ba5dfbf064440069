"""The selected message: as text, tree and bytes, as our reader understood it, what it changed. No list, no search."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from app.core.clock import NS_PER_MS
from app.core.frames import Direction, Frame, FrameKind
from app.ui import format as words
from app.ui.desk import Desk
from app.ui.models.frames_changes import BeforeSearch, changes_of
from app.ui.models.frames_filter import Needle, explain_safely
from app.ui.models.frames_links import ReplySearch, delay_words, is_request
from app.ui.panels.inspector_bar import ElidedLabel, header_bar, plain_label, tool_button
from app.ui.panels.inspector_changes import ChangesView
from app.ui.panels.inspector_decoded import DecodedView
from app.ui.panels.inspector_diff import DiffView
from app.ui.panels.inspector_text import LazyText
from app.ui.panels.inspector_tree import JsonTree
from app.ui.payload_views import (
    hex_lines,
    is_text,
    json_line,
    json_problem,
    parse,
    pretty_lines,
    raw_lines,
    size_words,
    unpack,
    visible,
)

_TREE_LIMIT = 8 << 20
_CHECKED = 1 << 20
_PRETTY, _TREE, _RAW, _HEX, _DECODED, _CHANGES, _DIFF = range(7)


class FrameDetail(QWidget):
    """Only the tab on screen is filled. `step` carries on what takes longer than a frame."""

    cell_requested = Signal(object)
    frame_requested = Signal(int)
    mark_requested = Signal()

    def __init__(self, desk: Desk, now_ns: Callable[[], int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._now_ns = now_ns
        self.frame: Frame | None = None
        self.marked: Frame | None = None
        self._needle: Needle | None = None
        self._before: BeforeSearch | None = None
        self._reply: ReplySearch | None = None
        self._link_to = 0

        head, row = header_bar("")
        self.title = plain_label("No message selected", "title")
        self.facts = ElidedLabel()
        self.link = tool_button("", "Go to the request or reply that belongs to this message")
        self.copy_button = tool_button(
            "Copy", "Copy the message", "Copy the message as it is kept, redacted (Ctrl+C)", icon="copy"
        )
        self.copy_line = tool_button("JSON", "Copy as a JSON line", "Copy with number, time and connection")
        self.close_button = tool_button("", "Close the message (Esc)", icon="cancel")
        self.mark = tool_button("Mark A", "Mark this message for comparison", "Mark for comparison (M)")
        row.addWidget(self.title)
        row.addStretch(1)
        for button in (self.link, self.copy_button, self.copy_line, self.mark, self.close_button):
            row.addWidget(button)

        self.pretty = LazyText("Message, indented", colours=True)
        self.tree = JsonTree()
        self.raw = LazyText("Message as it came", wrap=True)
        self.hex = LazyText("Message in hexadecimal")
        self.decoded = DecodedView()
        self.changes = ChangesView()
        self.diff = DiffView()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Views of the selected message")
        self.tabs.setUsesScrollButtons(True)
        views = (self.pretty, self.tree, self.raw, self.hex, self.decoded, self.changes, self.diff)
        names = ("Pretty", "Tree", "Raw", "Hex", "Decoded", "Changes", "Diff")
        for view, name in zip(views, names, strict=True):
            self.tabs.addTab(view, name)
        self.note = plain_label("", "warning")
        self.note.setContentsMargins(8, 2, 8, 2)
        self.note.setWordWrap(True)
        self.note.hide()
        self._empty = plain_label("Select a message to read it.", "secondary")
        self._empty.setContentsMargins(16, 16, 16, 16)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        self.facts.setContentsMargins(8, 0, 8, 2)
        column.addWidget(self.facts)
        column.addWidget(self.note)
        column.addWidget(self._stack, 1)

        self.tabs.currentChanged.connect(self._fill)
        self.copy_button.clicked.connect(self.copy_payload)
        self.copy_line.clicked.connect(self.copy_json_line)
        self.mark.clicked.connect(self.mark_requested)
        self.link.clicked.connect(self._follow_link)
        self.changes.cell_requested.connect(self.cell_requested)
        self._enable()

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 90)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and self.frame is not None:
            self._fill(self.tabs.currentIndex())

    def show_frame(self, frame: Frame | None, needle: Needle | None) -> None:
        self.frame, self._needle = frame, needle
        self._before = self._reply = None
        self._stack.setCurrentIndex(0 if frame is None else 1)
        self._enable()
        if frame is None:
            self.title.setText("No message selected")
            self.facts.setText("")
            self.note.hide()
            self._show_link("", 0)
            return
        arrow, way = ("↓", "in") if frame.direction is Direction.IN else ("↑", "out")
        self.title.setText(f"#{frame.seq:,}  {arrow} {way}")
        self._describe(frame)
        self._look_for_partner(frame)
        self._fill(self.tabs.currentIndex())

    def set_marked(self, frame: Frame | None) -> None:
        self.marked = frame
        if self.tabs.currentIndex() == _DIFF:
            self._fill(_DIFF)

    def compare(self) -> None:
        """Show the marked and the selected message side by side."""
        self.tabs.setCurrentIndex(_DIFF)

    def step(self, budget_ns: int) -> bool:
        """Carry on looking for values before and for the reply; returns whether work remains."""
        pending = False
        if self._before is not None:
            known = self._before.version
            pending = self._before.step(budget_ns)
            if self._before.version != known:
                self.changes.update_values()
            if not pending:
                self._before = None
        if self._reply is not None:
            pending = self._reply.step(budget_ns) or pending
            self._show_link(self._reply.words, self._reply.reply.seq if self._reply.reply else 0)
            if self._reply.reply is not None:
                self._reply = None
        return pending

    def copy_payload(self) -> None:
        if self.frame is not None:
            data, _ = unpack(self.frame.payload)
            text = data.decode("utf-8") if is_text(data) else data.hex(" ")
            QGuiApplication.clipboard().setText(text)

    def copy_json_line(self) -> None:
        if self.frame is not None:
            QGuiApplication.clipboard().setText(json_line(self.frame))

    # ------------------------------------------------------------------------------------------------------------------

    def _enable(self) -> None:
        for button in (self.copy_button, self.copy_line, self.mark):
            button.setEnabled(self.frame is not None)

    def _describe(self, frame: Frame) -> None:
        data, packing = unpack(frame.payload)
        size = size_words(len(frame.payload))
        if packing:
            size = f"{size} {packing}, {size_words(len(data))} unpacked"
        facts = [visible(frame.connection), frame.kind.value, words.time(frame.wall_ns // NS_PER_MS), size]
        if frame.status:
            facts.insert(2, f"status {frame.status}")
        if frame.epoch:
            facts.append(f"connection no. {frame.epoch}")
        self.facts.setText("  ·  ".join(facts))

    def _look_for_partner(self, frame: Frame) -> None:
        if is_request(frame):
            self._reply = ReplySearch(self._desk.log, frame, self._now_ns)
            self.step(1_000_000)
        elif frame.answers:
            request = self._desk.log.get(frame.answers)
            if request is None:
                self._show_link(f"request #{frame.answers:,} has left memory", 0)
            else:
                self._show_link(f"answers #{request.seq:,} · {delay_words(request, frame)}", request.seq)
        else:
            self._show_link("", 0)

    def _show_link(self, text: str, seq: int) -> None:
        self._link_to = seq
        if self.link.text() != text:
            self.link.setText(text)
        self.link.setVisible(bool(text))
        self.link.setEnabled(bool(seq))

    def _follow_link(self) -> None:
        if self._link_to:
            self.frame_requested.emit(self._link_to)

    def _fill(self, tab: int) -> None:
        frame = self.frame
        if frame is None:
            return
        self._before = None
        self.note.hide()
        pattern = self._needle.text_pattern() if self._needle is not None and tab in (_PRETTY, _RAW) else None
        if tab in (_PRETTY, _TREE, _RAW):
            data, _ = unpack(frame.payload)
            if not is_text(data):
                self._say("Not text: see Hex.")
                self.pretty.show_lines(iter(()))
                self.raw.show_lines(hex_lines(data[:4096]))
                self.tree.show_document([])
                return
            text = data.decode("utf-8", "replace")
            if tab == _PRETTY:
                self.pretty.show_lines(self._pretty(text, frame), pattern)
            elif tab == _RAW:
                self.raw.show_lines(raw_lines(text), pattern)
            else:
                self._fill_tree(text)
        elif tab == _HEX:
            self.hex.show_lines(hex_lines(frame.payload))
        elif tab == _DECODED:
            self._fill_decoded(frame)
        elif tab == _CHANGES:
            self._fill_changes(frame)
        elif tab == _DIFF:
            self.diff.show_frames(self.marked, frame)

    def _pretty(self, text: str, frame: Frame) -> Iterator[str]:
        if frame.kind is FrameKind.CONTROL or text.lstrip()[:1] not in ("{", "["):
            return raw_lines(text)
        if len(text) <= _CHECKED and (problem := json_problem(text)):
            self._say(f"Not valid JSON: {visible(problem)}")
        return pretty_lines(text)

    def _fill_tree(self, text: str) -> None:
        if len(text) > _TREE_LIMIT:
            self._say(f"{size_words(len(text))} are too many for a tree: see Pretty.")
            self.tree.show_document([])
            return
        try:
            self.tree.show_document(parse(text))
        except (ValueError, RecursionError) as problem:
            self._say(f"Not JSON: {visible(str(problem))}")
            self.tree.show_document([])

    def _fill_decoded(self, frame: Frame) -> None:
        events = explain_safely(frame, self._desk.exchanges)
        self.decoded.show_events(events, self._why_nothing(frame))

    def _fill_changes(self, frame: Frame) -> None:
        exchange = self._desk.exchanges.get(frame.exchange)
        if exchange is None or frame.kind is FrameKind.CONTROL:
            self.changes.show_changes([], 0, self._why_nothing(frame))
            return
        changes, left_out = changes_of(frame, explain_safely(frame, self._desk.exchanges), exchange)
        self._before = BeforeSearch(self._desk.log, frame, changes, exchange, self._now_ns)
        self.changes.show_changes(changes, left_out, "This message set nothing that is still known here.")
        self.step(2_000_000)

    def _why_nothing(self, frame: Frame) -> str:
        if frame.kind is FrameKind.CONTROL:
            return "Our own note in the timeline: nothing to decode."
        if frame.exchange not in self._desk.exchanges:
            return f"{visible(frame.exchange)} is not open on this desk, so nobody can read its messages."
        if frame.direction is Direction.OUT:
            return "Sent by us: nothing to decode."
        return "Understood, and it carries no facts (an acknowledgement or a heartbeat)."

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.show()
