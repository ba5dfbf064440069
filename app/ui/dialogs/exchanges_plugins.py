"""The plug-ins in the exchanges dialog: connect a new one or a kept one, forget one, change how often one is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDoubleSpinBox, QFrame, QGridLayout, QHBoxLayout, QPushButton

from app.credentials.errors import VaultError
from app.plugin_settings import PluginSettings
from app.plugins import is_plugin, polled_every_s, set_polled_every_s
from app.ui import theme
from app.ui.format import clean
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel
from app.workspace import Exchange, Workspace

if TYPE_CHECKING:
    from app.ui.plugin_tools import PluginTools

_NAMED = 4


class PluginCard(QFrame):
    """`left` is emitted when a dialog of its own was opened."""

    left = Signal()

    def __init__(self, workspace: Workspace, tools: PluginTools) -> None:
        super().__init__()
        self._workspace, self._tools = workspace, tools
        self.setProperty("role", "card")
        self._grid = QGridLayout(self)
        self._grid.setColumnStretch(1, 1)
        self.refresh()

    def refresh(self) -> None:
        while item := self._grid.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        row = 0
        kept = self._tools.desk.kept
        for settings in kept:
            pairs = ", ".join(market.pair for market in settings.pairs[:_NAMED])
            where = PlainLabel(clean(f"{settings.address}{settings.path}  ·  {pairs}", 90), "secondary")
            kind = ToneLabel("PAPER", "paper", badge=True) if settings.paper else ToneLabel("LIVE", "live", badge=True)
            connect = _button("Connect", f"Connect {settings.label}", partial(self._connect, settings))
            connect.setEnabled(f"fmz:{settings.name}" not in self._workspace.exchanges)
            forget = _button("Forget", f"Forget {settings.label} and its keys", partial(self._forget, settings))
            forget.setEnabled(connect.isEnabled())
            for column, widget in enumerate((PlainLabel(clean(settings.label, 40)), where, kind, connect, forget)):
                self._grid.addWidget(widget, row, column)
            row += 1
        new = _button("Connect a plug-in…", "Connect a plug-in", self._connect_new)
        words = PlainLabel("FMZ's custom protocol: a program of yours that knows another exchange", "secondary")
        self._grid.addWidget(words, row, 0, 1, 3)
        self._grid.addWidget(new, row, 3, 1, 2)

    def _connect_new(self) -> None:
        self.left.emit()
        self._tools.connect_plugin()

    def _connect(self, settings: PluginSettings) -> None:
        self.left.emit()
        self._tools.connect_kept(settings)

    def _forget(self, settings: PluginSettings) -> None:
        self._workspace.spawn(self._forgetting(settings), "forget a plug-in")

    async def _forgetting(self, settings: PluginSettings) -> None:
        try:
            await self._tools.desk.forget(settings)
        except (VaultError, OSError) as error:
            self._workspace.notices.error("plug-ins", f"{settings.label}: {error}")
        self.refresh()


def pace_of(exchange: Exchange) -> QHBoxLayout | None:
    """A field to change how often its books are asked for, while they are; None for an exchange that streams."""
    if not is_plugin(exchange):
        return None
    field = _Pace()
    field.setAccessibleName(f"Seconds between two questions to {exchange.key}")
    field.setRange(0.5, 60.0)
    field.setDecimals(1)
    field.setSingleStep(0.5)
    field.setSuffix(" s")
    field.setValue(polled_every_s(exchange))
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    field.setKeyboardTracking(False)
    field.setMaximumWidth(theme.current().px(90))
    field.valueChanged.connect(lambda value: set_polled_every_s(exchange, round(value, 1)))
    row = QHBoxLayout()
    row.addWidget(PlainLabel("polled every", "secondary"))
    row.addWidget(field)
    return row


class _Pace(QDoubleSpinBox):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # The dialog would press one of its buttons.
            self.interpretText()
            event.accept()
        else:
            super().keyPressEvent(event)


def _button(words: str, name: str, action: Callable[[], None]) -> QPushButton:
    button = QPushButton(words)
    button.setAccessibleName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked=False: action())
    return button
