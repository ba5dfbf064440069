"""Price ladder of one market, as a book or as a DOM: header, step choice and menu. Sends no orders."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.core.clock import Clock
from app.core.types import Side
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_ladder import LadderCanvas, row_text
from app.ui.panels.painted_ladder_rows import FACTORS, SPREAD, Line, tick_of
from app.ui.panels.painted_panel import MarketPanel, header_button


class LadderPanel(MarketPanel):
    """A click only says which price was meant (`price_clicked`); it never sends anything.

    The price step is remembered per market: keep `steps` and give it back to `restore_steps` at the next start.
    """

    steps_changed = Signal()

    def __init__(self, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Order book", clock, parent)
        self.steps: dict[str, int] = {}
        """"exchange PAIR" → factor of the tick."""
        self.canvas = LadderCanvas(self.clock)
        self._finer = header_button("", "Finer price step", "Finer price step (−)", "minus")
        self._step = header_button("1", "Price step", "Price step: how many prices make one row")
        self._coarser = header_button("", "Coarser price step", "Coarser price step (+)", "plus")
        self._form = header_button(
            "", "Price column in the middle", "One row per price, bids left, asks right", "ladder"
        )
        self._form.setCheckable(True)
        self._centre = header_button("", "Centre", "Best prices to the middle (C)", "center")
        self._bar = (self._finer, self._step, self._coarser, self._form, self._centre)
        for button in self._bar:
            self.header.add(button)
        self._finer.clicked.connect(self._step_finer)
        self._coarser.clicked.connect(self._step_coarser)
        self._form.toggled.connect(self._set_form)
        self._centre.clicked.connect(self.canvas.centre)
        self._menu = QMenu(self)
        self._menu.triggered.connect(self._menu_chosen)
        self._step.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._step_menu = QMenu(self._step)
        self._step.setMenu(self._step_menu)
        self._step_menu.triggered.connect(self._step_chosen)
        self.set_body(self.canvas)
        self.canvas.price_clicked.connect(self.price_clicked)
        self.canvas.step_asked.connect(self.change_step)
        self.canvas.menu_asked.connect(self.show_menu)
        self._forget()

    @property
    def dom(self) -> bool:
        return self.canvas.picture.dom

    @property
    def factor(self) -> int:
        """Rows per tick: 1 shows the venue's own prices."""
        return self.steps.get(self._key, 1)

    def set_dom(self, dom: bool) -> None:
        """One row per price (True), or the compact book (False)."""
        self._form.setChecked(dom)

    def set_step(self, factor: int) -> None:
        """`factor` times the tick, one of 1, 2, 5, 10 and so on. Raises ValueError for others."""
        if factor not in FACTORS:
            raise ValueError(f"no such price step: {factor} ticks")
        if self.view is not None and factor != self.factor:
            self.steps[self._key] = factor
            self._forget()
            self.refresh()
            self.steps_changed.emit()

    def change_step(self, by: int) -> None:
        at = FACTORS.index(self.factor) + by
        if 0 <= at < len(FACTORS):
            self.set_step(FACTORS[at])

    def restore_steps(self, steps: Mapping[str, int]) -> None:
        """Steps of an earlier run; what is not a step is left out."""
        self.steps = {key: factor for key, factor in steps.items() if factor in FACTORS}
        self._forget()

    @property
    def _key(self) -> str:
        return f"{self.view.exchange} {self.view.pair}" if self.view is not None else ""

    def _step_finer(self) -> None:
        self.change_step(-1)

    def _step_coarser(self) -> None:
        self.change_step(+1)

    def _set_form(self, dom: bool) -> None:
        self.canvas.picture.dom = dom
        self._forget()
        self.refresh()

    def set_display(self, display: Display) -> None:
        self.canvas.picture.display = display
        super().set_display(display)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A narrow ladder keeps its name; the step stays in the menu beside it and on the keys + and −.
        roomy = self.width() >= look.current().px(420)
        self._finer.setVisible(roomy)
        self._coarser.setVisible(roomy)
        self._form.setVisible(self.width() >= look.current().px(300))  # the menu has it too

    def restyle(self) -> None:
        super().restyle()
        if hasattr(self, "canvas"):
            self.canvas.restyle()

    def _forget(self) -> None:
        self.canvas.forget(self.view, self.factor)
        self._show_step()

    def _pull(self, view: MarketView) -> None:
        self.canvas.pull(view, self.fresh)

    def _words(self) -> str:
        return self.canvas.words()

    def _show_step(self) -> None:
        view = self.view
        for control in (self._finer, self._step, self._coarser, self._centre):
            control.setEnabled(view is not None)
        self._step_menu.clear()
        if view is None:
            self._step.setText("step")
            return
        tick = tick_of(view.rule, view.book)
        places = show.decimals_of(tick * self.factor)
        self._step.setText(show.exact(tick * self.factor, places))
        self._finer.setEnabled(self.factor != FACTORS[0])
        self._coarser.setEnabled(self.factor != FACTORS[-1])
        for factor in FACTORS:
            action = self._step_menu.addAction(show.exact(tick * factor, show.decimals_of(tick * factor)))
            action.setCheckable(True)
            action.setChecked(factor == self.factor)
            action.setData(factor)

    def _step_chosen(self, action: QAction) -> None:
        self.set_step(action.data())

    def show_menu(self, where: QPoint, line: Line) -> QMenu:
        """What can be done with one row; the menu is not modal."""
        menu = self._menu
        menu.clear()
        real = line.price and line is not SPREAD
        if real:
            fill = menu.addAction(f"Use price {show.exact(line.price, self.canvas.picture.price_places)}")
            fill.setData(("use", line.price))
            frame, why = self._frame_of(line)
            source = menu.addAction("Show the message that set this level" + (f" ({why})" if why else ""))
            source.setEnabled(frame is not None)
            source.setData(("frame", frame))
            menu.addSeparator()
            menu.addAction("Copy price").setData(("copy", line.price))
            menu.addAction("Copy row").setData(("copy", row_text(line)))
            menu.addSeparator()
        menu.addAction("Centre\tC").setData(("centre", None))
        form = menu.addAction("Price column in the middle")
        form.setCheckable(True)
        form.setChecked(self.dom)
        form.setData(("form", not self.dom))
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
        elif what == "centre":
            self.canvas.centre()
        else:
            self.set_dom(value)

    def _frame_of(self, line: Line) -> tuple[int | None, str]:
        view = self.view
        if view is None or view.book is None or line.side is None:
            return None, "nothing rests here"
        price = line.price
        if self.factor > 1 or self.dom:
            levels = view.book.bids if line.side is Side.BUY else view.book.asks
            grouping = self.canvas.grouping
            mine = [p for p, _ in levels if grouping and grouping.price(grouping.index(p, line.side)) == price]
            if len(mine) != 1:
                return None, f"this row stands for {len(mine)} levels"
            price = mine[0]
        frame = view.level_frame(line.side, price)
        return frame, "" if frame is not None else "no longer kept"
