"""What tables over all accounts share: filter row, counts, empty states, copying. No columns, no orders' lives."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu, QWidget

from app.core.orders import InFlightOrder
from app.ui import theme
from app.ui.desk import Desk, ExchangeView
from app.ui.format import Display
from app.ui.models.orders_table import LiveTable
from app.ui.panels.open_orders_frame import TablePanel
from app.ui.panels.open_orders_table import LiveTableView


class AccountLine(Protocol):
    """A row that belongs to an order of an account."""

    exchange: ExchangeView
    order: InFlightOrder

    @property
    def key(self) -> Hashable: ...
    @property
    def version(self) -> Hashable: ...
    def matches(self, text: str) -> bool:
        """Whether a lower-case text occurs in it."""
        ...


L = TypeVar("L", bound=AccountLine)


class AccountPanel(TablePanel, Generic[L]):
    """A table of lines of all accounts. A panel names its title and words, and makes its model and header parts."""

    frame_requested = Signal(int)
    account_requested = Signal()

    title: str
    noun: str
    """What one row is: "open order"."""
    signed_out: str
    """What would be listed if there were an account."""
    hint: str
    model: LiveTable[L]

    def __init__(self, desk: Desk, model: LiveTable[L], display: Display, parent: QWidget | None = None) -> None:
        super().__init__(self.title, parent)
        self._desk = desk
        self.display = display
        self.model = model
        self._market: tuple[str, str] | None = None
        self._choices: list[QComboBox] = []
        self.table = LiveTableView(model, self.title)
        self._build_header()
        self.place(self.table)
        self.table.cell_clicked.connect(self._clicked)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selection_moved.connect(self._show_footer)
        self.empty.acted.connect(self._empty_action)

    def set_market(self, exchange_key: str, pair: str) -> None:
        """The market that "this market" means; empty strings for none."""
        self._market = (exchange_key, pair) if pair else None
        self.this_market.setText(pair or "This market")
        self.this_market.setEnabled(bool(pair))
        self._apply_filter()

    # -- what a panel supplies -----------------------------------------------------------------------------------------

    def _add_filters(self) -> None:
        """Header parts between the search field and "this market"."""

    def _add_buttons(self) -> None:
        """Header parts on the right."""

    def _own_filter(self) -> Callable[[L], bool] | None:
        """What the panel's own filters ask, or None when they ask nothing."""
        return None

    def _matches(self, text: str, line: L) -> bool:
        return line.matches(text)

    def _show_nothing(self) -> None:
        """There is an account and no row."""
        raise NotImplementedError

    def _footer_words(self, chosen: Sequence[L]) -> str:
        """What the footer says of the selected rows, or without any."""
        raise NotImplementedError

    def menu_for(self, line: L) -> QMenu:
        """The context menu of a row; its owner shows it."""
        raise NotImplementedError

    def _message_of(self, line: L) -> int:
        return line.order.frame

    # -- header --------------------------------------------------------------------------------------------------------

    def _build_header(self) -> None:
        header, now = self.header, theme.current()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.hint)
        self.search.setAccessibleName(f"Filter {self.noun}s by text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(now.px(190))
        self.search.setMinimumWidth(now.px(90))
        self.search.setMaxLength(80)
        self.search.textChanged.connect(self._apply_filter)
        header.row.addSpacing(now.px(8))
        header.row.addWidget(self.search, 1)
        self._add_filters()
        self.this_market = header.tool("This market", "Show this market only", toggle=True)
        self.this_market.setEnabled(False)
        self.this_market.toggled.connect(self._apply_filter)
        header.stretch()
        self._add_buttons()

    def _choice(self, words: Sequence[str], name: str) -> QComboBox:
        """A filter whose first word asks nothing."""
        choice = QComboBox()
        choice.addItems(list(words))
        choice.setAccessibleName(name)
        choice.currentIndexChanged.connect(self._apply_filter)
        self._choices.append(choice)
        self.header.add(choice)
        return choice

    def _apply_filter(self) -> None:
        tests: list[Callable[[L], bool]] = []
        if self._market is not None and self.this_market.isChecked():
            tests.append(self._is_here)
        if text := self.search.text().strip().lower():
            tests.append(partial(self._matches, text))
        if own := self._own_filter():
            tests.append(own)
        self.model.set_filter((lambda line: all(test(line) for test in tests)) if tests else None)
        self._show_counts()

    def _is_here(self, line: L) -> bool:
        return (line.exchange.key, line.order.pair) == self._market

    @property
    def _has_account(self) -> bool:
        return any(exchange.has_account for exchange in self._desk.exchanges.values())

    def _show_counts(self) -> None:
        total, shown = self.model.total, len(self.model.shown)
        count = str(total) if shown == total else f"{shown} of {total}"
        self.header.title.say(f"{self.title}  {count}" if total else self.title)
        if total and not shown:
            self.show_empty(f"No {self.noun} matches the filter.", "Clear the filter")
        elif total:
            self.show_empty("")
        elif not self._has_account:
            self.show_empty(f"Not signed in: {self.signed_out} will be listed here.", "Add an account…")
        else:
            self._show_nothing()
        self._show_footer()

    def _show_footer(self) -> None:
        self.footer.say(self._footer_words(self.table.selected_rows()))

    def _empty_action(self) -> None:
        if self.model.total:
            self.search.clear()
            for choice in self._choices:
                choice.setCurrentIndex(0)
            self.this_market.setChecked(False)
        else:
            self.account_requested.emit()

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _clicked(self, line: L, column: int) -> None:
        if self.model.columns[column].title == "Message":
            self._show_message(line)

    def _show_message(self, line: L) -> None:
        if frame := self._message_of(line):
            self.frame_requested.emit(frame)

    def _show_menu(self, line: L, _column: int, at: QPoint) -> None:
        menu = self.menu_for(line)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def _message_entry(self, menu: QMenu, line: L) -> None:
        entry = menu.addAction("Show the message that set this", partial(self._show_message, line))
        entry.setEnabled(self._message_of(line) > 0)

    def _copy_entry(self, menu: QMenu, words: str, text: str) -> QAction:
        action = menu.addAction(words, partial(QGuiApplication.clipboard().setText, text))
        action.setEnabled(bool(text))
        return action

    def _copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(self.table.copy_text())
