"""Done orders of all accounts, with how each of them ended. Open orders and executions are other panels'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.core.order_state import OrderState
from app.ui.desk import Desk
from app.ui.format import Display
from app.ui.models.history import HistoryModel, history_totals
from app.ui.models.orders import OrderLine
from app.ui.panels.orders_panel import OrdersPanel
from app.ui.panels.past_foot import PastFoot

_ENDS: dict[str, frozenset[OrderState]] = {
    "All ends": frozenset(),
    "Filled": frozenset({OrderState.FILLED, OrderState.PARTIALLY_CANCELED}),
    "Cancelled": frozenset({OrderState.CANCELED, OrderState.PARTIALLY_CANCELED, OrderState.EXPIRED}),
    "Refused": frozenset({OrderState.REJECTED, OrderState.FAILED, OrderState.NOT_PLACED}),
}


class OrderHistory(OrdersPanel):
    """Call `refresh` per frame."""

    again_requested = Signal(str, object)
    """Exchange key and the `OrderIntent` of an order that never came to be, to be placed as a new one."""

    title = "Order history"
    noun = "done order"
    signed_out = "orders that have ended"
    hint = "Filter: market, id, state…"

    def __init__(self, desk: Desk, display: Display | None = None, parent: QWidget | None = None) -> None:
        display = display or Display()
        super().__init__(desk, HistoryModel(desk, lambda: display), display, parent)
        self.past = PastFoot(desk, "orders", display)
        self.past.share_row_with(self.footer, self.column)
        self.refresh()

    def refresh(self) -> None:
        self.past.refresh()
        if self.model.load():
            self._show_counts()
        self._lives.refresh()

    def _add_filters(self) -> None:
        self.ends = self._choice(list(_ENDS), "Filter done orders by how they ended")

    def _own_filter(self) -> Callable[[OrderLine], bool] | None:
        ends = _ENDS[self.ends.currentText()]
        return (lambda line: line.order.state in ends) if ends else None

    def _matches(self, text: str, line: OrderLine) -> bool:
        return line.matches(text) or text in line.order.reason.lower()

    def _show_nothing(self) -> None:
        self.show_empty("No order has ended yet.")

    def _footer_words(self, chosen: Sequence[OrderLine]) -> str:
        if chosen:
            return history_totals(chosen)
        return "Select rows for their totals  ·  Enter shows an order's life" if self.model.shown else ""

    def menu_for(self, line: OrderLine) -> QMenu:
        menu, order = super().menu_for(line), line.order
        if order.state in (OrderState.NOT_PLACED, OrderState.REJECTED):
            again = QAction("Place again…", menu)
            again.triggered.connect(partial(self.again_requested.emit, line.exchange.key, order.terms))
            menu.insertAction(next(action for action in menu.actions() if action.isSeparator()), again)
        return menu
