"""Trade tape of one market: header with pause, size filter and joining around the painted rows. Sends no orders."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.core.clock import Clock
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_panel import MarketPanel, dress_button, header_button
from app.ui.panels.painted_tape import TapeCanvas, row_text
from app.ui.panels.painted_tape_rows import TapeRow, size_choices


class TapePanel(MarketPanel):
    """Public trades, newest on top; colour and arrow say who took."""

    def __init__(self, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Trades", clock, parent)
        self.canvas = TapeCanvas(self.clock)
        self._filter = header_button("All", "Smallest size shown", "Show only trades of at least this size")
        self._together = header_button("Σ ms", "Join trades of one millisecond", "One row per millisecond and side")
        self._together.setCheckable(True)
        self._pause = header_button("", "Pause", "Pause (Space)", "pause")
        self._pause.setCheckable(True)
        self._filter.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._sizes = QMenu(self._filter)
        self._filter.setMenu(self._sizes)
        for button in (self._filter, self._together, self._pause):
            self.header.add(button)
        self._menu = QMenu(self)
        self.set_body(self.canvas)
        self._sizes.aboutToShow.connect(self._offer_sizes)
        self._sizes.triggered.connect(self._size_chosen)
        self._menu.triggered.connect(self._menu_chosen)
        self._together.toggled.connect(self.canvas.set_together)
        self._pause.toggled.connect(self.canvas.set_paused)
        self.canvas.pause_changed.connect(self._show_pause)
        self.canvas.price_clicked.connect(self.price_clicked)
        self.canvas.menu_asked.connect(self.show_menu)

    def set_minimum(self, minimum: Decimal | None) -> None:
        """Leave out trades below this base amount; None shows all."""
        self.canvas.set_minimum(minimum)
        self._filter.setText("All" if minimum is None else f"≥ {show.plain(minimum)}")

    def set_together(self, together: bool) -> None:
        """Join trades of the same side and millisecond into one row."""
        self._together.setChecked(together)

    def set_paused(self, paused: bool) -> None:
        self._pause.setChecked(paused)

    def set_market(self, view: MarketView | None) -> None:
        if self.view is not view:
            self.set_paused(False)
            self.set_minimum(None)  # sizes of another coin mean something else
        super().set_market(view)

    def set_display(self, display: Display) -> None:
        self.canvas.display = display
        super().set_display(display)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._together.setVisible(self.width() >= look.current().px(320))  # the menu has it too

    def _show_pause(self, paused: bool) -> None:
        self._pause.setChecked(paused)
        self._pause.setProperty("drawing", "play" if paused else "pause")
        self._pause.setAccessibleName("Resume" if paused else "Pause")
        dress_button(self._pause)

    def _offer_sizes(self) -> None:
        self._sizes.clear()
        self._sizes.addAction("All sizes")
        trades = self.view.tape.newest(500) if self.view is not None else []
        for least in size_choices(trades):
            self._sizes.addAction(f"≥ {show.plain(least)}").setData(show.plain(least))

    def _size_chosen(self, action: QAction) -> None:
        self.set_minimum(Decimal(action.data()) if action.data() else None)

    def show_menu(self, where: QPoint, row: TapeRow | None) -> QMenu:
        """What can be done with one trade; the menu is not modal."""
        menu = self._menu
        menu.clear()
        if row is not None:
            menu.addAction(f"Use price {row.price}").setData(("use", row.price))
            source = menu.addAction("Show the message of this trade")
            source.setEnabled(row.frame > 0)
            source.setData(("frame", row.frame))
            menu.addSeparator()
            menu.addAction("Copy price").setData(("copy", row.price))
            menu.addAction("Copy row").setData(("copy", row_text(row, self.display)))
            menu.addSeparator()
        join = menu.addAction("Join trades of one millisecond")
        join.setCheckable(True)
        join.setChecked(self.canvas.feed.together)
        join.setData(("join", None))
        menu.addAction("Resume\tSpace" if self.canvas.paused else "Pause\tSpace").setData(("pause", None))
        menu.popup(where)
        return menu

    def _menu_chosen(self, action: QAction) -> None:
        what, value = action.data()
        if what == "use":
            self.price_clicked.emit(value)
        elif what == "frame":
            self.frame_requested.emit(value)
        elif what == "copy":
            QGuiApplication.clipboard().setText(value)
        elif what == "join":
            self.set_together(not self.canvas.feed.together)
        else:
            self.canvas.set_paused(not self.canvas.paused)

    def _forget(self) -> None:
        self.canvas.forget(self.view)

    def _pull(self, view: MarketView) -> None:
        self.canvas.pull(view, self.fresh)

    def _words(self) -> str:
        return self.canvas.words()
