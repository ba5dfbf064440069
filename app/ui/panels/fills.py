"""Executions of all accounts with their fees, their sums and their export. Nothing is computed that nobody reported."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QWidget

from app.ui import theme
from app.ui.csv_export import write_csv
from app.ui.desk import Desk
from app.ui.format import Display
from app.ui.models.fills import CSV_HEADER, FillLine, FillsModel, csv_row, fill_totals
from app.ui.panels.open_orders_frame import TablePanel
from app.ui.panels.open_orders_table import LiveTableView


class Fills(TablePanel):
    """Call `refresh` per frame."""

    frame_requested = Signal(int)
    account_requested = Signal()

    def __init__(self, desk: Desk, display: Display | None = None, parent: QWidget | None = None) -> None:
        super().__init__("Fills", parent)
        self._desk = desk
        self.display = display or Display()
        self._market: tuple[str, str] | None = None
        self.model = FillsModel(desk, self._shown_as)
        self.table = LiveTableView(self.model, "Fills")
        self._build_header()
        self.place(self.table)
        self.table.cell_clicked.connect(self._clicked)
        self.table.activated_row.connect(self._show_message)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selection_moved.connect(self._show_footer)
        self.empty.acted.connect(self._empty_action)
        self.refresh()

    def set_market(self, exchange_key: str, pair: str) -> None:
        """The market that "this market" means; empty strings for none."""
        self._market = (exchange_key, pair) if pair else None
        self.this_market.setText(pair or "This market")
        self.this_market.setEnabled(bool(pair))
        self._apply_filter()

    def refresh(self) -> None:
        if self.model.load():
            self._show_counts()

    def export_csv(self, path: Path, selected_only: bool = False) -> int:
        """Write the shown rows (or the selected ones) oldest first; returns how many. Raises OSError."""
        lines = self.table.selected_rows() if selected_only else list(self.model.shown)
        lines.sort(key=lambda line: line.when_ms)
        return write_csv(path, CSV_HEADER, (csv_row(line) for line in lines))

    def ask_export(self) -> None:
        """Ask for a file, then export the selection, or everything shown when nothing is selected."""
        dialog = QFileDialog(self, "Export fills", "fills.csv", "CSV files (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._export_to)
        dialog.open()

    def _export_to(self, path: str) -> None:
        try:
            count = self.export_csv(Path(path), selected_only=bool(self.table.selected_rows()))
        except OSError as error:
            self.footer.say(f"Not exported: {error.strerror or error}")
            return
        self.footer.say(f"{count} rows written to {Path(path).name}")

    def _build_header(self) -> None:
        header, now = self.header, theme.current()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter: market, id…")
        self.search.setAccessibleName("Filter fills by text")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(now.px(190))
        self.search.setMaxLength(80)
        self.search.textChanged.connect(self._apply_filter)
        header.row.addSpacing(now.px(8))
        header.row.addWidget(self.search, 1)
        self.this_market = header.tool("This market", "Show this market only", toggle=True)
        self.this_market.setEnabled(False)
        self.this_market.toggled.connect(self._apply_filter)
        header.stretch()
        self.export = header.tool("Export CSV…", "Export the selected fills, or all shown, as CSV")
        self.export.clicked.connect(self.ask_export)

    def _apply_filter(self) -> None:
        text = self.search.text().strip().lower()
        market = self._market if self.this_market.isChecked() else None
        self.model.set_filter(None if not text and market is None else partial(_accepts, text, market))
        self._show_counts()

    def _show_counts(self) -> None:
        total, shown = self.model.total, len(self.model.shown)
        count = str(total) if shown == total else f"{shown} of {total}"
        self.header.title.say(f"Fills  {count}" if total else "Fills")
        self.export.setEnabled(shown > 0)
        if total and not shown:
            self.show_empty("No fill matches the filter.", "Clear the filter")
        elif total:
            self.show_empty("")
        elif not any(exchange.has_account for exchange in self._desk.exchanges.values()):
            self.show_empty("Not signed in: fills of your orders will be listed here.", "Add an account…")
        else:
            self.show_empty("No fills yet.")
        self._show_footer()

    def _show_footer(self) -> None:
        chosen = self.table.selected_rows()
        if chosen:
            self.footer.say(fill_totals(chosen, "selected"))
        elif self.model.shown:
            self.footer.say(fill_totals(self.model.shown, "rows"))
        else:
            self.footer.say("")

    def _empty_action(self) -> None:
        if self.model.total:
            self.search.clear()
            self.this_market.setChecked(False)
        else:
            self.account_requested.emit()

    def _clicked(self, line: FillLine, column: int) -> None:
        if self.model.columns[column].title == "Message":
            self._show_message(line)

    def _show_message(self, line: FillLine) -> None:
        frame = line.fill.frame if line.fill is not None else line.order.frame
        if frame:
            self.frame_requested.emit(frame)

    def _show_menu(self, line: FillLine, _column: int, at: QPoint) -> None:
        menu = self.menu_for(line)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def menu_for(self, line: FillLine) -> QMenu:
        """The context menu of a row; its owner shows it."""
        menu = QMenu(self)
        clipboard = QGuiApplication.clipboard()
        menu.addAction("Show the message that set this", partial(self._show_message, line))
        if line.fill is not None:
            menu.addAction("Copy the trade id", partial(clipboard.setText, line.fill.trade_id))
        menu.addAction("Copy the order id", partial(clipboard.setText, line.order.key))
        menu.addAction("Copy rows", self._copy_rows)
        menu.addAction("Export CSV…", self.ask_export)
        return menu

    def _copy_rows(self) -> None:
        QGuiApplication.clipboard().setText(self.table.copy_text())

    def _shown_as(self) -> Display:
        return self.display


def _accepts(text: str, market: tuple[str, str] | None, line: FillLine) -> bool:
    return (market is None or (line.exchange.key, line.order.pair) == market) and (not text or line.matches(text))
