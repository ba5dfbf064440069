"""Calls to plug-ins of the FMZ protocol, side by side: request, normalized answer, raw. It asks nothing itself."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.core.clock import Clock, SystemClock
from app.ui import theme
from app.ui.desk import Desk
from app.ui.format import Display, clean
from app.ui.models.bridge_calls import BridgeCall, BridgeLog, columns
from app.ui.models.orders_table import LiveTable
from app.ui.panels.inspector_bar import plain_label, tool_button
from app.ui.panels.inspector_tree import JsonModel, JsonTree
from app.ui.panels.open_orders_frame import ElidedLabel, Line, TablePanel
from app.ui.panels.open_orders_table import LiveTableView
from app.ui.payload_views import Number

ALL = "All methods"
_TICK_NS = 200_000_000
_PLACES = re.compile(r"\[\d+\]")
_Index = QModelIndex | QPersistentModelIndex


class BridgeLens(TablePanel):
    """`refresh` may be called at any rate and acts at most five times a second."""

    rests_behind = True

    frame_requested = Signal(int)
    plugin_requested = Signal()

    def __init__(self, desk: Desk, clock: Clock | None = None, display: Display | None = None) -> None:
        super().__init__("Bridge lens")
        self._desk = desk
        self._clock = clock or SystemClock()
        self._ticked_ns = 0
        shown_as = display or Display()
        self.log = BridgeLog(desk.log)
        self.model: LiveTable[BridgeCall] = LiveTable(columns(lambda: shown_as), sort_by=0, descending=True)
        self.table = LiveTableView(self.model, "Calls to plug-ins")
        self.current: BridgeCall | None = None
        self._build_header()
        self.detail = self._detail()
        self.place(self.table)
        self.column.removeWidget(self.table)
        self.column.removeWidget(self.footer)
        self.footer.hide()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(3)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.table)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 5)
        self.splitter.setStretchFactor(1, 7)
        self.column.insertWidget(2, self.splitter, 1)
        self.table.selection_moved.connect(self._selected)
        self.empty.acted.connect(self.plugin_requested)
        self._show_counts()
        self._show(None)

    def minimumSizeHint(self) -> QSize:
        return QSize(420, 120)

    # -- what the window calls

    def refresh(self, *, now: bool = False) -> None:
        at = self._clock.mono_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        before = self.current.version if self.current is not None else None
        if self.log.take(self._is_plugin):
            self.model.feed(self.log)
            self._offer_methods()
            self._show_counts()
            if self.current is not None and self.current.version != before:
                self._show(self.current)

    def show_frame(self, seq: int) -> bool:
        """Select the call that this message belongs to; False when it is none of a plug-in's."""
        self.refresh(now=True)
        call = self.log.of_frame.get(seq)
        if call is None:
            return False
        if call not in self.model.shown:
            self.method.setCurrentIndex(0)
            self.errors.setChecked(False)
        places = [row.key for row in self.model.shown]
        self.table.select_only(places.index(call.key))
        self.table.scrollTo(self.model.index(places.index(call.key), 0))
        return True

    def copied(self) -> str:
        """The chosen call as JSON, redacted as the log is."""
        call = self.current
        if call is None:
            return ""
        reply = call.reply if isinstance(call.reply, dict) else {}
        raw, data = call.flags
        told = {
            "method": call.method,
            "took_ms": None if call.took_ms is None else round(call.took_ms, 1),
            "error": call.error,
            "request": call.request,
            "data": reply.get("data"),
            "raw": reply.get("raw"),
            "dropped": sorted(raw),
            "flags": data,
        }
        return json.dumps(told, ensure_ascii=False, indent=2)

    # -- parts

    def _build_header(self) -> None:
        header, now = self.header, theme.current()
        header.row.addSpacing(now.px(8))
        self.method = QComboBox()
        self.method.addItem(ALL)
        self.method.setAccessibleName("Show one method only")
        self.method.currentIndexChanged.connect(self._filter)
        header.add(self.method)
        self.errors = header.tool("Errors only", "Show only calls that failed", toggle=True)
        self.errors.toggled.connect(self._filter)
        self.count = ElidedLabel(role="secondary")
        header.row.addWidget(self.count, 1)

    def _detail(self) -> QWidget:
        now = theme.current()
        whole = QWidget()
        self.words = ElidedLabel(role="secondary")
        self.asked = tool_button("", "Show the question in the stream inspector", icon="frame")
        self.answered = tool_button("", "Show the answer in the stream inspector", icon="frame")
        self.copy = tool_button("Copy", "Copy this call as JSON, without secrets", icon="copy")
        self.asked.clicked.connect(partial(self._open, "asked"))
        self.answered.clicked.connect(partial(self._open, "answered"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.copied()))
        bar = QHBoxLayout()
        bar.setContentsMargins(now.px(8), 0, now.px(6), 0)
        bar.setSpacing(now.px(4))
        bar.addWidget(self.words, 1)
        for button in (self.asked, self.answered, self.copy):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.addWidget(button)
        self.request, self.data, self.raw = (
            MarkedTree(name) for name in ("Request", "Normalized answer", "Raw answer")
        )
        trees = QSplitter(Qt.Orientation.Horizontal)
        trees.setHandleWidth(3)
        trees.setChildrenCollapsible(False)
        for title, tree in (("Request", self.request), ("Normalized answer", self.data), ("raw", self.raw)):
            part = QWidget()
            column = QVBoxLayout(part)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            head = plain_label(title, "group")
            head.setContentsMargins(now.px(8), now.px(2), 0, now.px(2))
            column.addWidget(head)
            column.addWidget(tree, 1)
            trees.addWidget(part)
        outer = QVBoxLayout(whole)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(bar)
        outer.addWidget(Line())
        outer.addWidget(trees, 1)
        return whole

    def _is_plugin(self, key: str) -> bool:
        return key == "fmz" or key.startswith("fmz:")

    def _offer_methods(self) -> None:
        known = {self.method.itemText(at) for at in range(self.method.count())}
        for name in sorted({clean(call.method, 60) for call in self.log} - known):
            self.method.addItem(name)

    def _filter(self, _value: object = None) -> None:
        wanted, errors = self.method.currentText(), self.errors.isChecked()
        if wanted == ALL and not errors:
            self.model.set_filter(None)
        else:
            self.model.set_filter(
                lambda call: wanted in (ALL, clean(call.method, 60)) and (not errors or bool(call.error))
            )
        self._show_counts()

    def _show_counts(self) -> None:
        total, shown = self.model.total, len(self.model.shown)
        failed = sum(bool(call.error) for call in self.log)
        self.count.say(f"{shown:,} of {total:,} calls  ·  {failed:,} failed" if total else "")
        words, action = "", ""
        if not total:
            words, action = "Each call to a plug-in is shown here with its answer.", "Connect a plug-in…"
        elif not shown:
            words = "No call passes the filter."
        self.show_empty(words, action)
        self.splitter.setVisible(not words)

    def _selected(self) -> None:
        chosen = self.table.selected_rows()
        if chosen and chosen[0] is not self.current:
            self._show(chosen[0])

    def _show(self, call: BridgeCall | None) -> None:
        self.current = call
        reply = call.reply if call is not None else None
        parts = reply if isinstance(reply, dict) else {}
        in_raw, in_data = call.flags if call is not None else ({}, {})
        self.request.show_marked(call.request if call is not None else None, {})
        error = {"error": parts["error"]} if "error" in parts else None
        self.data.show_marked(error or parts.get("data"), in_data)
        self.raw.show_marked(parts.get("raw"), in_raw)
        self.asked.setText(f"#{call.asked.seq:,}" if call is not None else "")
        answered = call.answered if call is not None else None
        self.answered.setText(f"#{answered.seq:,}" if answered is not None else "")
        self.asked.setEnabled(call is not None)
        self.answered.setEnabled(answered is not None)
        self.copy.setEnabled(call is not None)
        self.words.say("Choose a call to see it side by side." if call is None else _words(call))

    def _open(self, which: str, _checked: bool = False) -> None:
        frame = None if self.current is None else getattr(self.current, which)
        if frame is not None:
            self.frame_requested.emit(frame.seq)


class MarkedTree(JsonTree):
    """Names with something to be said of them stand out, and say it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.document: Any = None

    def show_marked(self, document: Any, marks: dict[str, str]) -> None:
        if self.model() is not None and document is None and self.document is None:
            return
        self.document = document
        before = self.model()
        self.setModel(_Marked({} if document is None else document, marks, self))
        if before is not None:
            before.deleteLater()
        self.expandToDepth(2 if _size(document) < 60 else 0)
        self.header().resizeSection(0, theme.current().px(120))

    def marked(self) -> dict[str, str]:
        """What is said of which name."""
        model = self.model()
        return dict(model.marks) if isinstance(model, _Marked) else {}


class _Marked(JsonModel):
    def __init__(self, document: Any, marks: dict[str, str], parent: QWidget) -> None:
        super().__init__(document, parent)
        self.marks = marks

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.marks and role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ForegroundRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleDescriptionRole,
        ):
            words = self.marks.get(_PLACES.sub("", self.node(index).path).strip("."))
            if words and role == Qt.ItemDataRole.ForegroundRole:
                return theme.current().warning
            if words and role == Qt.ItemDataRole.DisplayRole and index.column() == 1:
                return f"{super().data(index, role)}   ⚑ {clean(words, 60)}"
            if words and role != Qt.ItemDataRole.DisplayRole:
                return clean(words, 120)
        return super().data(index, role)


def _size(document: Any) -> int:
    if isinstance(document, Number | str) or not isinstance(document, dict | list):
        return 1
    return 1 + sum(_size(value) for value in (document.values() if isinstance(document, dict) else document))


def _words(call: BridgeCall) -> str:
    took = "" if call.took_ms is None else f"{call.took_ms:,.0f} ms"
    state = clean(call.error, 200) if call.error else "ok" if call.answered is not None else "waiting"
    return "  ·  ".join(part for part in (clean(call.method, 60), took, state) if part)
