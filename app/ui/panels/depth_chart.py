"""Depth chart of one market: header with range and scale around the painted curves. Sends no orders."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.core.clock import Clock
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_depth import RANGES, DepthView
from app.ui.panels.painted_panel import MarketPanel, header_button


class DepthPanel(MarketPanel):
    """What resting orders add up to on both sides of the mid, and what a market order of that size would pay."""

    leisurely = True

    def __init__(self, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Depth", clock, parent)
        self.chart = DepthView(self.clock)
        self._range = header_button(
            "Fit", "Range around the mid", "Share of the price shown to each side (wheel, + and −)"
        )
        self._log = header_button("Log", "Logarithmic sizes", "Logarithmic scale of sizes")
        self._log.setCheckable(True)
        self._range.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self._range)
        for span in (None, *RANGES):
            action = self._menu.addAction(_range_name(span))
            action.setData(span)
        self._range.setMenu(self._menu)
        self.header.add(self._range)
        self.header.add(self._log)
        self.set_body(self.chart)
        self._menu.triggered.connect(self._range_chosen)
        self._log.toggled.connect(self.chart.set_log)
        self.chart.span_changed.connect(self._show_range)
        self.chart.price_clicked.connect(self.price_clicked)

    def set_range(self, span: float | None) -> None:
        """Share of the mid shown to each side (0.01 is 1 %), or None to fit the known book (not all of a whole one)."""
        self.chart.set_span(span)

    def set_log(self, log: bool) -> None:
        self._log.setChecked(log)

    def set_display(self, display: Display) -> None:
        self.chart.display = display
        super().set_display(display)

    def _range_chosen(self, action: QAction) -> None:
        self.set_range(action.data())

    def _show_range(self) -> None:
        self._range.setText(_range_name(self.chart.span))

    def update_body(self) -> None:
        self.chart.viewport().update()

    def restyle(self) -> None:
        super().restyle()
        if hasattr(self, "chart"):
            self.chart.restyle()

    def _forget(self) -> None:
        self.chart.forget(self.view)

    def _pull(self, view: MarketView) -> None:
        self.chart.pull(view, self.fresh)

    def _words(self) -> str:
        return self.chart.words()


def _range_name(span: float | None) -> str:
    if span is None:
        return "Fit"
    return f"±{span * 100:.3g} %"
