"""The fills panel: executions with fees, missing details, sums, and the exported file."""

from __future__ import annotations

import csv
import io

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QWidget

from app.core.types import Side, VenueState
from app.ui.panels.fills import Fills
from tests.ui.fake_desk import FakeDesk, FakeExchange
from tests.ui.hands import column


@pytest.fixture
def panel(qtbot, desk: FakeDesk) -> Fills:
    panel = Fills(desk)
    panel.resize(1366, 220)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def bought(exchange: FakeExchange, desk: FakeDesk) -> None:
    order = exchange.order("BTC-USDT", Side.BUY, "66000", "0.1")
    exchange.fill(order, "66000", "0.04", fee="0.00004", fee_asset="BTC", maker=True)
    desk.clock.advance(1.5)
    exchange.fill(order, "65999.9", "0.06", fee="0.00012", fee_asset="BTC", maker=False)


def test_rows_show_price_value_fee_and_message(panel, exchange, desk):
    bought(exchange, desk)
    panel.refresh()
    assert column(panel, "Time") == ["10-09 08:53:21", "10-09 08:53:20"]
    assert column(panel, "Price") == ["65,999.9", "66,000.0"]
    assert column(panel, "Amount") == ["0.0600", "0.0400"]
    assert column(panel, "Value") == ["3,959.99", "2,640.00"]
    assert column(panel, "Fee") == ["0.00012", "0.00004"]
    assert column(panel, "Fee in") == ["BTC", "BTC"]
    assert column(panel, "Liquidity") == ["taker", "maker"]
    assert column(panel, "Message") == [f"#{record.fill.frame}" for record in reversed(exchange.fills)]


def test_the_totals_line(panel, exchange, desk):
    bought(exchange, desk)
    sale = exchange.order("ETH-USDT", Side.SELL, "3500", "1")
    exchange.fill(sale, "3500", "1", fee="-0.5", fee_asset="USDT")
    panel.refresh()
    assert panel.footer.whole == (
        "3 rows  ·  bought 0.1 BTC for 6,599.99 USDT  ·  sold 1 ETH for 3,500.00 USDT  ·  fees 0.00016 BTC, −0.5 USDT"
    )
    panel.table.select_only(0)
    assert panel.footer.whole.startswith("1 selected")


def test_paper_and_live_are_summed_apart(panel, exchange, desk):
    bought(exchange, desk)
    live = desk.add("okx", "OKX", paper=False)
    live.market("BTC-USDT")
    live.fill(live.order("BTC-USDT", Side.BUY, "66000", "1"), "66000", "1", fee=None)
    panel.refresh()
    assert "LIVE bought 1 BTC for 66,000.00 USDT" in panel.footer.whole
    assert "PAPER bought 0.1 BTC for 6,599.99 USDT" in panel.footer.whole
    assert column(panel, "Fee").count("not told") == 1


def test_missing_details_are_a_row_of_their_own_until_they_arrive(panel, exchange):
    order = exchange.order("BTC-USDT", Side.SELL, "67000", "1", state=VenueState.FILLED, filled="1")
    exchange.fill(order, "67000", "0.7")
    panel.refresh()
    assert "details missing for 0.3 BTC" in column(panel, "Trade id")
    assert sorted(column(panel, "Price")) == ["67,000.0", "–"]
    assert panel.footer.whole.endswith("details missing for 0.3 BTC")
    exchange.fill(order, "67000", "0.3")
    panel.refresh()
    assert column(panel, "Price") == ["67,000.0", "67,000.0"]


def test_a_repeated_execution_is_one_row(panel, exchange):
    order = exchange.order("BTC-USDT", Side.SELL, "67000", "1")
    fill = exchange.fill(order, "67000", "0.7")
    exchange.orders.apply_fill(fill, exchange.now_ms)
    panel.refresh()
    assert panel.model.rowCount() == 1


def test_the_exported_file_is_exact_and_no_spreadsheet_runs_it(panel, exchange, desk, tmp_path):
    bought(exchange, desk)
    order = exchange.order("BTC-USDT", Side.SELL, "67000", "1", state=VenueState.FILLED, filled="0.00000001")
    exchange.fill(
        exchange.order("ETH-USDT", Side.SELL, "3500", "1"), "3500", "1", fee="-0.5", fee_asset="=HYPERLINK(1)"
    )
    panel.refresh()
    path = tmp_path / "fills.csv"
    assert panel.export_csv(path) == 4
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    first = rows[0]
    assert first["time (UTC)"] == "2025-10-09T08:53:20.000Z"
    assert (first["price (quote)"], first["amount (base)"], first["value (quote)"]) == ("66000", "0.04", "2640.00")
    assert (first["fee (fee asset)"], first["fee asset"], first["liquidity"]) == ("0.00004", "BTC", "maker")
    assert (first["market"], first["base asset"], first["quote asset"]) == ("BTC-USDT", "BTC", "USDT")
    assert (first["account"], first["paper or live"]) == ("poloniex", "paper")
    by_note = {row["note"]: row for row in rows}
    missing = by_note["details missing"]
    assert (missing["price (quote)"], missing["amount (base)"]) == ("", "0.00000001")
    assert missing["client order id"] == order.client_order_id
    hostile = next(row for row in rows if row["market"] == "ETH-USDT")
    assert (hostile["fee asset"], hostile["fee (fee asset)"]) == ("'=HYPERLINK(1)", "-0.5")


def test_only_the_selected_rows_are_exported(panel, exchange, desk, tmp_path):
    bought(exchange, desk)
    panel.refresh()
    panel.table.select_only(0)
    path = tmp_path / "one.csv"
    assert panel.export_csv(path, selected_only=True) == 1
    assert "65999.9" in path.read_text(encoding="utf-8")


def test_the_export_button_asks_for_a_file_and_tells_the_result(qtbot, panel, exchange, desk, tmp_path):
    bought(exchange, desk)
    panel.refresh()
    qtbot.mouseClick(panel.export, Qt.MouseButton.LeftButton)
    dialog = panel.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "out.csv"))
    assert panel.footer.whole == "2 rows written to out.csv"
    dialog.fileSelected.emit(str(tmp_path / "no such folder" / "out.csv"))
    assert panel.footer.whole == "Not exported: No such file or directory"
    dialog.reject()


def test_filters_and_empty_states(qtbot, panel, exchange, desk):
    assert panel.empty.words.text() == "No fills yet."
    bought(exchange, desk)
    panel.refresh()
    qtbot.keyClicks(panel.search, "eth")
    assert panel.empty.words.text() == "No fill matches the filter."
    qtbot.mouseClick(panel.empty.button, Qt.MouseButton.LeftButton)
    assert panel.model.rowCount() == 2


def test_the_message_of_a_row(qtbot, panel, exchange, desk):
    bought(exchange, desk)
    panel.refresh()
    panel.table.select_only(0)
    with qtbot.waitSignal(panel.frame_requested) as asked:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert asked.args == [exchange.fills[-1].fill.frame]


def test_every_control_has_a_name(panel, exchange, desk):
    bought(exchange, desk)
    panel.refresh()
    unnamed = [
        widget
        for widget in panel.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert unnamed == []
