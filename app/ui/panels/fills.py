"""Executions of all accounts with their fees, their sums and their export. Nothing is computed that nobody reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.ui.csv_export import write_csv
from app.ui.desk import Desk
from app.ui.format import Display
from app.ui.models.fills import CSV_HEADER, FillLine, FillsModel, csv_row, fill_totals
from app.ui.panels.account_panel import AccountPanel
from app.ui.panels.past_foot import PastFoot


class Fills(AccountPanel[FillLine]):
    """Call `refresh` per frame."""

    title = "Fills"
    noun = "fill"
    signed_out = "fills of your orders"
    hint = "Filter: market, id…"

    def __init__(self, desk: Desk, display: Display | None = None, parent: QWidget | None = None) -> None:
        display = display or Display()
        super().__init__(desk, FillsModel(desk, lambda: display), display, parent)
        self.table.activated_row.connect(self._show_message)
        self.past = PastFoot(desk, "fills", display)
        self.past.share_row_with(self.footer, self.column)
        self.refresh()

    def refresh(self) -> None:
        self.past.refresh()
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

    def menu_for(self, line: FillLine) -> QMenu:
        menu = QMenu(self)
        self._message_entry(menu, line)
        if line.fill is not None:
            self._copy_entry(menu, "Copy the trade id", line.fill.trade_id)
        self._copy_entry(menu, "Copy the order id", line.order.key)
        menu.addAction("Copy rows", self._copy_rows)
        menu.addAction("Export CSV…", self.ask_export)
        return menu

    def _add_buttons(self) -> None:
        self.export = self.header.tool("Export CSV…", "Export the selected fills, or all shown, as CSV")
        self.export.clicked.connect(self.ask_export)

    def _show_counts(self) -> None:
        self.export.setEnabled(bool(self.model.shown))
        super()._show_counts()

    def _show_nothing(self) -> None:
        self.show_empty("No fills yet.")

    def _footer_words(self, chosen: Sequence[FillLine]) -> str:
        if chosen:
            return fill_totals(chosen, "selected")
        return fill_totals(self.model.shown, "rows") if self.model.shown else ""

    def _message_of(self, line: FillLine) -> int:
        return line.fill.frame if line.fill is not None else line.order.frame
