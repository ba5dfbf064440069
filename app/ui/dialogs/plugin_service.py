"""The switch of the local plug-in service: what is served, who may trade, the pairing, every call. Keeps no key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.plugin_service import DEFAULT_PORT, HOST, Keys, PortTaken, ServedCall, ServiceSwitch
from app.ui import theme
from app.ui.dialogs.add_account import Spawn
from app.ui.dialogs.add_account_clipboard import CLEARED_AFTER_MS, After, ClipboardSweeper, after_ms
from app.ui.dialogs.scrolled import push_button
from app.ui.format import Display, clean
from app.ui.models.orders import time_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.panels.open_orders_frame import ElidedLabel, Line, PlainLabel, ToneLabel
from app.ui.panels.open_orders_table import LiveTableView
from app.workspace import Workspace

INTRO = (
    "Programs of this computer can use the exchanges chosen below by FMZ's custom protocol. They get a pairing instead "
    "of your keys, which stay here. Nothing listens until you start it, and never beyond this computer."
)
ONCE = f"Shown once: give them to your program now. A copy leaves the clipboard after {CLEARED_AFTER_MS // 1000} s."
_TICK_MS = 250


class _CallRow:
    def __init__(self, place: int, call: ServedCall) -> None:
        self.key: Hashable = place
        self.version: Hashable = 0
        self.call = call


def _columns(display: Callable[[], Display]) -> list[Column[_CallRow]]:
    return [
        Column("Time", lambda r: time_cell(r.call.wall_ms, display()), lambda r: r.key, 110),
        Column("Exchange", lambda r: Cell(clean(r.call.exchange, 40), "secondary"), lambda r: r.call.exchange, 110),
        Column("Call", lambda r: Cell(clean(r.call.method, 60), bold=True), lambda r: r.call.method, 110),
        Column("ms", lambda r: Cell(f"{r.call.took_ms:,.0f}", "secondary"), lambda r: r.call.took_ms, 56, right=True),
        Column("Answer", _answer, lambda r: r.call.error or None, 280),
    ]


def _answer(row: _CallRow) -> Cell:
    error = clean(row.call.error, 300)
    return Cell(error, "error", tip=error) if error else Cell("ok", "live")


class PluginServiceDialog(QDialog):
    """Open with `open()` or `show()`. `changed` is emitted when the service starts or stops."""

    changed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        switch: ServiceSwitch,
        parent: QWidget | None = None,
        *,
        after: After = after_ms,
        display: Display | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._switch = workspace, switch
        self._spawn: Spawn = workspace.spawn
        self._sweeper = ClipboardSweeper(after)
        self._display = display or Display()
        self._busy = False
        self._keys: Keys | None = None
        self._listed: list[str] = []
        self._seen: tuple[object, ...] = ()
        self.boxes: dict[str, tuple[QCheckBox, QCheckBox]] = {}
        self.setWindowTitle("Plug-in service")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._build(theme.current())
        self._clock = QTimer(self)
        self._clock.timeout.connect(self.refresh)
        self._clock.start(_TICK_MS)
        self.refresh()

    # -- what it looks like

    def _build(self, now: theme.Theme) -> None:
        self.resize(now.px(760), now.px(680))
        intro = PlainLabel(INTRO, "secondary")
        intro.setWordWrap(True)
        self.badge = ToneLabel("OFF", "secondary", badge=True)
        self.where = PlainLabel("", "title")
        self.port = QLineEdit(str(DEFAULT_PORT))
        self.port.setAccessibleName("Port")
        self.port.setMaxLength(5)
        self.port.setMaximumWidth(now.px(80))
        self.toggle = push_button("Start", self._toggle)
        self.toggle.setProperty("role", "primary")
        self.words = ToneLabel("", "error")
        self.words.setWordWrap(True)
        head = QHBoxLayout()
        head.setSpacing(now.px(10))
        head.addWidget(self.badge)
        head.addWidget(self.where)
        head.addStretch(1)
        head.addWidget(PlainLabel(f"{HOST}, port", "secondary"))
        head.addWidget(self.port)
        head.addWidget(self.toggle)

        self.pairing = QFrame()
        self.pairing.setProperty("role", "card")
        self.access, self.secret = _shown_once("Access key"), _shown_once("Secret key")
        self.rotate = push_button("New pairing", self._rotate)
        self.hide_button = push_button("Hide", self._forget_keys)
        self.once = PlainLabel(ONCE, "warning")
        self.once.setWordWrap(True)
        grid = QGridLayout(self.pairing)
        grid.setContentsMargins(now.px(12), now.px(8), now.px(12), now.px(8))
        grid.setColumnStretch(1, 1)
        self.copies: list[QPushButton] = []
        for row, (title, line) in enumerate((("Access key", self.access), ("Secret key", self.secret))):
            copy = push_button("Copy", partial(self._copy, line))
            copy.setAccessibleName(f"Copy {title.lower()}")
            self.copies.append(copy)
            grid.addWidget(PlainLabel(title, "secondary"), row, 0)
            grid.addWidget(line, row, 1)
            grid.addWidget(copy, row, 2)
        grid.addWidget(self.once, 2, 0, 1, 2)
        grid.addWidget(self.hide_button, 2, 2)
        paired = QHBoxLayout()
        self.paired = ElidedLabel("", "secondary")
        paired.addWidget(self.paired, 1)
        paired.addWidget(self.rotate)

        self.shares = QFrame()
        self.shares.setProperty("role", "card")
        self._share_grid = QGridLayout(self.shares)
        self._share_grid.setContentsMargins(now.px(12), now.px(8), now.px(12), now.px(8))
        self._share_grid.setHorizontalSpacing(now.px(16))
        self._share_grid.setColumnStretch(0, 1)

        self.counts = ElidedLabel("", "secondary")
        self.refusals = ToneLabel("", "warning")
        self.refusals.setWordWrap(True)
        self.model: LiveTable[_CallRow] = LiveTable(_columns(lambda: self._display), sort_by=0, descending=True)
        self.table = LiveTableView(self.model, "Calls, newest first")
        self.table.horizontalHeader().setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        close = push_button("Close", self.accept)
        foot = QHBoxLayout()
        foot.addWidget(PlainLabel("Closing this window does not stop the service.", "secondary"), 1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(18), now.px(14), now.px(18), now.px(14))
        column.setSpacing(now.px(9))
        column.addWidget(intro)
        column.addLayout(head)
        column.addWidget(self.words)
        column.addWidget(self.pairing)
        column.addLayout(paired)
        column.addWidget(PlainLabel("Served", "title"))
        column.addWidget(self.shares)
        column.addWidget(PlainLabel("Calls", "title"))
        column.addWidget(self.counts)
        column.addWidget(self.refusals)
        column.addWidget(self.table, 1)
        column.addWidget(Line())
        column.addLayout(foot)
        self.port.textChanged.connect(lambda _text: self.words.say(""))

    # -- what happens

    def done(self, result: int) -> None:
        self._clock.stop()
        self._forget_keys()
        super().done(result)

    def _toggle(self) -> None:
        if self._busy:
            return
        if self._switch.running:
            self._begin(self._stop(), "stop the plug-in service")
            return
        text = self.port.text().strip()
        if not text.isascii() or not text.isdigit():
            self.words.say(f"“{clean(text, 10)}” is not a port from 1024 to 65535")
            return
        self._begin(self._start(int(text)), "start the plug-in service")

    def _begin(self, work: Any, name: str) -> None:
        self._busy = True
        self.words.say("")
        self.toggle.setEnabled(False)
        self._spawn(work, name)

    async def _start(self, port: int) -> None:
        try:
            self._keys = await self._switch.start(port)
        except (PortTaken, ValueError) as error:
            self.words.say(clean(f"{error}. No pairing was made.", 300))
        finally:
            self._end()

    async def _stop(self) -> None:
        self._forget_keys()
        try:
            await self._switch.stop()
        finally:
            self._end()

    def _end(self) -> None:
        self._busy = False
        self.toggle.setEnabled(True)
        self.changed.emit()
        self.refresh()

    def _rotate(self) -> None:
        if self._switch.running:
            self._keys = self._switch.rotate()
            self.refresh()

    def _forget_keys(self) -> None:
        self._keys = None
        for line in (self.access, self.secret):
            line.clear()
        self.refresh()

    def _copy(self, line: QLineEdit) -> None:
        QGuiApplication.clipboard().setText(line.text())
        self._sweeper.note(line.text())

    def _share(self, key: str, _checked: bool = False) -> None:
        served, trade = self.boxes[key]
        if not served.isChecked():
            trade.setChecked(False)
        trade.setEnabled(served.isChecked() and self._has_account(key))
        self._switch.set_share(key, served=served.isChecked(), trade=trade.isChecked())
        self.changed.emit()
        self.refresh()

    # -- what is shown

    def refresh(self) -> None:
        running = self._switch.running
        self.badge.say("SERVING" if running else "OFF")
        self.badge.tone("warning" if running else "secondary")
        self.where.say(self._switch.url if running else "Nothing listens")
        self.toggle.setText("Stop" if running else "Start")
        self.port.setEnabled(not running)
        self.words.setVisible(bool(self.words.text()))
        shown = self._keys
        self.pairing.setVisible(shown is not None)
        if shown is not None and self.secret.text() != shown.secret_key:
            self.access.setText(shown.access_key)
            self.secret.setText(shown.secret_key)
        self.rotate.setEnabled(running)
        self.paired.say(
            "The pairing of this run is no longer shown; a new one ends the old one."
            if running and shown is None
            else "The pairing holds until the service stops."
            if running
            else "Each start makes a new pairing."
        )
        self._list_shares()
        self._list_calls()

    def _list_shares(self) -> None:
        keys = list(self._workspace.exchanges)
        if keys == self._listed and self.boxes:
            for key, (served, _) in self.boxes.items():
                served.setText(self._served_words(key))
            return
        self._listed = keys
        while item := self._share_grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self.boxes = {}
        for row, (key, exchange) in enumerate(self._workspace.exchanges.items()):
            share = self._switch.share(key)
            kind = "PAPER" if exchange.paper else "LIVE" if exchange.has_account else "public"
            served, trade = QCheckBox(self._served_words(key)), QCheckBox("May place and cancel orders")
            served.setAccessibleName(f"Serve {key}")
            trade.setAccessibleName(f"Let the client trade on {key}")
            served.setChecked(share.served)
            trade.setChecked(share.trade)
            trade.setEnabled(share.served and exchange.has_account)
            served.toggled.connect(partial(self._share, key))
            trade.toggled.connect(partial(self._share, key))
            self.boxes[key] = (served, trade)
            self._share_grid.addWidget(PlainLabel(clean(exchange.title, 40)), row, 0)
            self._share_grid.addWidget(
                ToneLabel(kind, kind.lower() if kind != "public" else "secondary", badge=True), row, 1
            )
            self._share_grid.addWidget(served, row, 2)
            self._share_grid.addWidget(trade, row, 3)
        if not keys:
            self._share_grid.addWidget(PlainLabel("No exchange is open.", "secondary"), 0, 0)

    def _served_words(self, key: str) -> str:
        return f"Serve as {self._switch.path(key)}"

    def _has_account(self, key: str) -> bool:
        exchange = self._workspace.exchanges.get(key)
        return exchange is not None and exchange.has_account

    def _list_calls(self) -> None:
        calls, refused = self._switch.calls, self._switch.refused
        seen = (len(calls), calls[-1] if calls else None, tuple(refused.items()), self._switch.answered)
        if seen == self._seen:
            return
        self._seen = seen
        first = self._switch.answered - len(calls)
        self.model.feed(_CallRow(first + place, call) for place, call in enumerate(calls))
        counted = ", ".join(f"{clean(name, 40)} {count}" for name, count in list(self._switch.methods.items())[:8])
        last = calls[-1] if calls else None
        self.counts.say(
            f"{self._switch.answered:,} answered: {counted}  ·  last {clean(last.method, 40)}" if last else "None yet."
        )
        reasons = "; ".join(f"{clean(reason, 80)}: {count}" for reason, count in refused.items())
        browser = self._switch.browser_words
        parts = [f"Refused {sum(refused.values())}: {reasons}" if refused else "", browser]
        self.refusals.say("  ·  ".join(part for part in parts if part))
        self.refusals.setVisible(bool(refused))


def _shown_once(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setReadOnly(True)
    line.setAccessibleName(name)
    line.setDragEnabled(False)
    return line
