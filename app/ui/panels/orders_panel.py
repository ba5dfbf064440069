"""What tables of orders share: each order's life, filling the form from it, copying its ids. Sends nothing."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.ui.desk import Desk
from app.ui.dialogs.order_life import OrderLifeDialog
from app.ui.format import Display
from app.ui.models.orders import OrderLine
from app.ui.models.orders_table import LiveTable
from app.ui.panels.account_panel import AccountPanel


class OrderLives(QObject):
    """The order-life dialogs that one panel has open. Call `refresh` per frame."""

    frame_requested = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.dialogs: list[OrderLifeDialog] = []

    def show(self, line: OrderLine, display: Display) -> None:
        dialog = OrderLifeDialog(line, display, self._over)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.frame_requested.connect(self.frame_requested)
        dialog.finished.connect(self._drop_closed)
        self.dialogs.append(dialog)
        dialog.show()

    def refresh(self) -> None:
        for dialog in self.dialogs:
            dialog.refresh()

    def _drop_closed(self, _result: int) -> None:
        closed = self.sender()
        self.dialogs = [dialog for dialog in self.dialogs if dialog is not closed]


class OrdersPanel(AccountPanel[OrderLine]):
    """Rows are orders."""

    form_requested = Signal(str, object)
    """Exchange key and the `OrderIntent` whose values the order form shall take."""

    def __init__(
        self, desk: Desk, model: LiveTable[OrderLine], display: Display, parent: QWidget | None = None
    ) -> None:
        super().__init__(desk, model, display, parent)
        self._lives = OrderLives(self)
        self._lives.frame_requested.connect(self.frame_requested)
        self._stop_column = [column.title for column in model.columns].index("Stop")
        self.table.activated_row.connect(self.show_life)
        self.table.doubleClicked.connect(self._double_clicked)

    def show_life(self, line: OrderLine) -> None:
        self._lives.show(line, self.display)

    @property
    def lives(self) -> list[OrderLifeDialog]:
        """The order-life dialogs on screen."""
        return self._lives.dialogs

    def menu_for(self, line: OrderLine) -> QMenu:
        menu = QMenu(self)
        order = line.order
        self._message_entry(menu, line)
        menu.addAction("Order life…", partial(self.show_life, line))
        menu.addAction("Fill the form from this order", partial(self._to_form, line))
        menu.addSeparator()
        self._copy_entry(menu, "Copy our order id", order.client_order_id)
        self._copy_entry(menu, "Copy the exchange's order id", order.exchange_order_id)
        menu.addAction("Copy rows", self._copy_rows)
        return menu

    def _show_counts(self) -> None:
        stops = any(line.order.terms.stop_price is not None for line in self.model.everything)
        self.table.setColumnHidden(self._stop_column, not stops)
        super()._show_counts()

    def _double_clicked(self) -> None:
        line = self.table.current_row()
        if isinstance(line, OrderLine):
            self.show_life(line)

    def _to_form(self, line: OrderLine) -> None:
        self.form_requested.emit(line.exchange.key, line.order.terms)
