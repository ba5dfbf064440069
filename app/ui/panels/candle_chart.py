"""Candle chart of one market: header with intervals and time zone around the painted bars. Sends no orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QMenu, QToolButton, QWidget

from app.core.clock import Clock
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_candles import CandleView
from app.ui.panels.painted_panel import MarketPanel, header_button

_FAVOURITES = ("1m", "5m", "15m", "1h", "4h", "1d")
_MAIN = ("1m", "1h", "1d")


class CandlePanel(MarketPanel):
    """Bars with volume. The interval stays chosen from market to market where the exchange has it."""

    leisurely = True
    interval_changed = Signal(str)

    def __init__(self, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Chart", clock, parent)
        self.chart = CandleView()
        self._wish = "1m"
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QToolButton] = {}
        self._offered: tuple[str, ...] = ()
        self._more = header_button("…", "More intervals", "More intervals")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self._more)
        self._more.setMenu(self._menu)
        self._zone = header_button("UTC", "Time zone", "Times in UTC or in the time of this computer")
        self._newest = header_button("", "Newest bar", "Back to the newest bar (End)", "end")
        self._newest.setVisible(False)
        for control in (self._more, self._zone, self._newest):
            self.header.add(control)
        self.set_body(self.chart)
        self._group.buttonClicked.connect(self._button_clicked)
        self._menu.triggered.connect(self._menu_chosen)
        self._zone.clicked.connect(self._switch_zone)
        self._newest.clicked.connect(self._to_newest)
        self.chart.followed.connect(self._show_follow)
        self._forget()

    @property
    def interval(self) -> str:
        """What is shown: the wish if the exchange has it, else the first it has, else nothing."""
        if self.view is None:
            return ""
        offered = tuple(self.view.intervals)
        return self._wish if self._wish in offered else _nearest(self._wish, offered)

    def set_interval(self, interval: str) -> None:
        if interval != self._wish:
            self._wish = interval
            self._forget()
            self.refresh()
            self.interval_changed.emit(interval)

    def show_bars(self, count: float) -> None:
        """How many bars fit into the width."""
        self.chart.show_bars(count)

    def set_display(self, display: Display) -> None:
        self.chart.display = display
        self._zone.setText(show.zone_name(display.zone))
        super().set_display(display)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_buttons()

    def _fit_buttons(self) -> None:
        """Where it is narrow only the main intervals have buttons; the menu has them all."""
        roomy = self.width() >= look.current().px(680)
        for interval, button in self._buttons.items():
            button.setVisible(roomy or interval in _MAIN or interval == self.interval)

    def _offer(self, intervals: Sequence[str]) -> None:
        if tuple(intervals) != self._offered:
            self._offered = tuple(intervals)
            for button in self._buttons.values():
                self._group.removeButton(button)
                self.header.forget(button)
                button.hide()
                button.deleteLater()
            self._buttons = {}
            self._menu.clear()
            favourites = [one for one in intervals if one.lower() in _FAVOURITES and one != "1M"]
            for interval in favourites or list(intervals)[:5]:
                button = header_button(interval, f"Interval {interval}", f"Bars of {interval}")
                button.setCheckable(True)
                self._group.addButton(button)
                self._buttons[interval] = button
            for button in reversed(self._buttons.values()):
                self.header.add_first(button)
            for interval in intervals:
                if interval not in self._buttons:
                    self._menu.addAction(interval)
        self._more.setVisible(bool(self._menu.actions()))
        now = self.interval
        self._group.setExclusive(False)
        for interval, button in self._buttons.items():
            button.setChecked(interval == now)
        self._fit_buttons()
        self._group.setExclusive(True)
        self._more.setText(now if now and now not in self._buttons else "…")

    def _button_clicked(self, button: QToolButton) -> None:
        self.set_interval(button.text())

    def _menu_chosen(self, action: QAction) -> None:
        self.set_interval(action.text())

    def _switch_zone(self) -> None:
        self.set_display(replace(self.display, zone=None if self.display.zone is UTC else UTC))

    def _to_newest(self) -> None:
        self.chart.set_follow(True)

    def _show_follow(self, follow: bool) -> None:
        self._newest.setVisible(not follow)

    def update_body(self) -> None:
        self.chart.viewport().update()

    def restyle(self) -> None:
        super().restyle()
        if hasattr(self, "chart"):
            self.chart.restyle()

    def _forget(self) -> None:
        self._offer(self.view.intervals if self.view is not None else ())
        self.chart.forget(self.view, self.interval)

    def _pull(self, view: MarketView) -> None:
        self.chart.pull(view, self.fresh)

    def _words(self) -> str:
        return self.chart.words()


def _nearest(wish: str, offered: Sequence[str]) -> str:
    """The same interval in the exchange's spelling, else the first it offers; nothing when it offers none."""
    same = [one for one in offered if one.lower() == wish.lower() and one != "1M"]
    return same[0] if same else offered[0] if offered else ""
