"""The top row of the stream inspector: following or paused, what is kept, what was lost, and export. No list."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from app.core.clock import NS_PER_S
from app.core.frames import FrameLog
from app.ui.models.frames_rows import LogScan
from app.ui.panels.inspector_bar import ElidedLabel, header_bar, plain_label, tool_button
from app.ui.payload_views import size_words, visible


class InspectorHeader(QWidget):
    """`export_requested` carries "selected" or "filtered"."""

    export_requested = Signal(str)
    frame_requested = Signal(int)

    def __init__(self, log: FrameLog, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self._rate = (0, 0, 0.0)
        self._paused_at = 0
        head, row = header_bar("Stream")
        self.follow = tool_button("", "Follow the newest message", "Follow the newest message (Space)", checkable=True)
        self.follow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.counts = plain_label("", "secondary")
        self.dropped = ElidedLabel("warning")
        self.new_field = tool_button("", "Show the first message with this field", icon="warning")
        self.new_field.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.new_field.hide()
        self.new_field.clicked.connect(lambda: self.frame_requested.emit(self._new_field_frame))
        self._new_field_frame = 0
        self.clear_filters = tool_button("Clear filters", "Clear all filters")
        self.clear_filters.hide()
        self.export_button = tool_button("Export", "Export messages to a file", icon="export")
        self.export_button.setPopupMode(self.export_button.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.export_button)
        menu.addAction("Selected messages as JSON lines…", self._ask_selected)
        menu.addAction("All messages that pass the filter as JSON lines…", self._ask_filtered)
        self.export_button.setMenu(menu)
        row.addWidget(self.follow)
        row.addWidget(self.counts)
        row.addWidget(self.dropped, 1)
        row.addWidget(self.new_field)
        row.addWidget(self.clear_filters)
        row.addWidget(self.export_button)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(head)
        self.set_following(True)

    def set_following(self, on: bool) -> None:
        self.follow.setChecked(on)
        self.follow.show_icon("pause" if on else "play")
        self._paused_at = 0 if on else self._log.last_seq
        self._show_follow()

    def show_new_fields(self, fields: Mapping[str, int]) -> None:
        """Names of fields met for the first time, with a message that holds each."""
        self.new_field.setVisible(bool(fields))
        if fields:
            name = next(reversed(fields))
            more = f" and {len(fields) - 1} more" if len(fields) > 1 else ""
            self.new_field.setText(f"new field {visible(name)}{more}")
            self._new_field_frame = fields[name]

    def refresh(self, at_ns: int, filtered: LogScan | None) -> None:
        """Figures as of now; the rate is measured over a second."""
        log = self._log
        past_ns, past_seq, rate = self._rate
        if at_ns - past_ns >= NS_PER_S:
            rate = (log.last_seq - past_seq) * NS_PER_S / (at_ns - past_ns) if past_ns else 0.0
            self._rate = (at_ns, log.last_seq, rate)
        parts = [f"{len(log):,} kept", size_words(log.bytes), f"{rate:,.0f}/s"]
        if filtered is not None:
            share = "" if filtered.done else f" ({filtered.progress:.0%} looked at)"
            parts.insert(0, f"{len(filtered.rows):,} pass{share}")
        text = "  ·  ".join(parts)
        if self.counts.text() != text:
            self.counts.setText(text)
        self.dropped.setText(f"oldest {log.dropped:,} of {log.last_seq:,} dropped" if log.dropped else "")
        self._show_follow()

    def _show_follow(self) -> None:
        if self.follow.isChecked():
            text = "Following"
        else:
            new = self._log.last_seq - self._paused_at
            text = f"Paused · {new:,} new" if new else "Paused"
        if self.follow.text() != text:
            self.follow.setText(text)

    def _ask_selected(self) -> None:
        self.export_requested.emit("selected")

    def _ask_filtered(self) -> None:
        self.export_requested.emit("filtered")
