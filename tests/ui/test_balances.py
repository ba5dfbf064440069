"""The balances panel: groups, worth with its source, holds explained, and what screen sharing must not show."""

from __future__ import annotations

from decimal import Decimal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.core.freshness import Freshness
from app.core.types import OrderType, Side
from app.ui.panels.balances import Balances
from tests.ui.fake_desk import FakeDesk, FakeExchange
from tests.ui.hands import column


@pytest.fixture
def panel(qtbot, desk: FakeDesk) -> Balances:
    panel = Balances(desk, desk.clock)
    panel.resize(900, 300)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def live_account(desk: FakeDesk) -> FakeExchange:
    live = desk.add("okx", "OKX", paper=False)
    live.market("BTC-USDT")
    live.give("BTC", "1", "1")
    return live


def cell(panel: Balances, asset: str, title: str):
    at = [shape.title for shape in panel.model.columns].index(title)
    row = next(row for row in panel.model.shown if row.asset == asset)
    return panel.model.cell(row, at)


def stripped(panel: Balances, title: str) -> list[str]:
    return [text.strip() for text in column(panel, title)]


def everything_shown(panel: Balances) -> str:
    """All texts, tool tips and the copy of all rows."""
    parts = [panel.sum.whole, panel.footer.whole]
    for row in range(panel.model.rowCount()):
        for at in range(panel.model.columnCount()):
            index = panel.model.index(row, at)
            parts += [str(index.data()), str(index.data(Qt.ItemDataRole.ToolTipRole))]
    panel.table.selectAll()
    return "\n".join([*parts, panel.table.copy_text()])


def test_totals_are_worth_something_with_the_source_of_the_price(panel):
    assert stripped(panel, "Asset") == ["BTC", "USDT"]
    assert stripped(panel, "Total") == ["0.5", "10,000"]
    assert stripped(panel, "Value") == ["33,500.05", "10,000.00"]
    assert stripped(panel, "Price from")[0] == "BTC-USDT, poloniex ticker"
    assert "BTC-USDT, poloniex ticker" in cell(panel, "BTC", "Value").tip
    assert panel.sum.whole == "PAPER total 43,500.05 USD"


def test_what_has_no_price_is_listed_and_in_no_sum(panel, exchange):
    exchange.give("OBSCURE", "7", "7")
    panel.refresh()
    assert cell(panel, "OBSCURE", "Value").text == "no price"
    assert panel.sum.whole == "PAPER total 43,500.05 USD  ·  without OBSCURE: no price"
    assert stripped(panel, "Asset")[-1] == "OBSCURE"


def test_the_value_in_another_currency(panel, desk):
    panel.set_currency("BTC")
    assert cell(panel, "BTC", "Value").text == "0.5"
    assert cell(panel, "USDT", "Value").text == "0.14925351"
    panel.set_currency("EUR")
    assert cell(panel, "BTC", "Value").text == "no price"


def test_paper_is_never_in_a_live_total(panel, desk):
    live_account(desk)
    panel.refresh()
    assert panel.sum.whole == "Total 67,000.10 USD  ·  paper not included"
    assert not panel.badge.isVisible()
    paper = [row for row in panel.model.shown if row.paper and row.asset == "BTC"]
    spoken = panel.model.index(panel.model.shown.index(paper[0]), 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Asset BTC PAPER"


def test_an_account_that_has_told_nothing_is_not_worth_zero(panel, desk):
    desk.add("okx", "OKX", paper=False)
    panel.refresh()
    assert panel.sum.whole == "Total – USD  ·  not told yet: OKX  ·  paper not included"


def test_one_asset_on_two_accounts_is_a_group(panel, desk):
    other = desk.add("htx", "HTX")
    other.give("BTC", "0.25", "0.2")
    panel.refresh()
    assert stripped(panel, "Asset")[:3] == ["BTC", "Poloniex", "HTX"]
    assert stripped(panel, "Total")[:3] == ["0.75", "0.5", "0.25"]


def test_groups_by_account_and_stays_grouped_when_sorted(panel, desk):
    live_account(desk)
    panel.group.setChecked(True)
    assert stripped(panel, "Asset") == ["OKX", "BTC", "Poloniex", "BTC", "USDT"]
    assert stripped(panel, "Value")[0] == "67,000.10"
    panel.table.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    assert stripped(panel, "Asset") == ["Poloniex", "USDT", "BTC", "OKX", "BTC"]


def test_a_hold_is_explained_by_open_orders(panel, exchange):
    exchange.order("BTC-USDT", Side.SELL, "70000", "0.2")
    exchange.order("BTC-USDT", Side.BUY, "50000", "0.01")
    exchange.give("BTC", "0.5", "0.3")
    exchange.give("USDT", "10000", "9499")
    panel.refresh()
    assert (cell(panel, "BTC", "Held").text, cell(panel, "BTC", "Held").badges) == ("0.2", ())
    # 500 and the fee of 0.2 % on it are held.
    assert cell(panel, "USDT", "Held").badges == ()
    assert "open orders bind 500" in cell(panel, "USDT", "Held").tip


def test_a_hold_that_nothing_explains_is_marked(panel, exchange):
    exchange.order("BTC-USDT", Side.SELL, "70000", "0.2")
    exchange.give("BTC", "0.5", "0.25")
    panel.refresh()
    held = cell(panel, "BTC", "Held")
    assert [badge.text for badge in held.badges] == ["≠"]
    assert "0.05 BTC: more held than open orders explain" in held.tip
    assert cell(panel, "BTC", "Available").tone == "warning"
    assert cell(panel, "BTC", "Total").tone == "text"


def test_available_above_total_is_an_error(panel, exchange):
    exchange.give("BTC", "0.5", "0.6")
    panel.refresh()
    assert cell(panel, "BTC", "Held").tone == "error"
    assert "available is above total" in cell(panel, "BTC", "Held").tip


def test_an_order_that_may_not_exist_may_be_held_or_not(panel, exchange):
    exchange.lose_answer(exchange.order("BTC-USDT", Side.SELL, "70000", "0.2", state=None))
    for available in ("0.5", "0.3"):
        exchange.give("BTC", "0.5", available)
        panel.refresh()
        assert cell(panel, "BTC", "Held").badges == ()
    assert "may not exist" in cell(panel, "BTC", "Held").tip


def test_a_market_order_binds_an_unknown_amount(panel, exchange):
    exchange.order("BTC-USDT", Side.BUY, None, "0.2", type=OrderType.MARKET)
    exchange.give("USDT", "10000", "9000")
    panel.refresh()
    assert cell(panel, "USDT", "Held").badges == ()


def test_small_balances_can_be_hidden_but_unpriced_ones_never(panel, exchange, desk):
    exchange.give("ETH", "0", "0")
    exchange.give("DUST", "0.5", "0.5")
    exchange.give("OBSCURE", "0.5", "0.5")
    desk.usd["DUST"] = (Decimal("0.01"), "DUST-USDT")
    panel.refresh()
    assert len(stripped(panel, "Asset")) == 5
    panel.hide_small.setChecked(True)
    assert sorted(stripped(panel, "Asset")) == ["BTC", "OBSCURE", "USDT"]
    assert "2 small hidden" in panel.footer.whole


def test_hidden_amounts_are_nowhere(qtbot, panel, exchange):
    exchange.order("BTC-USDT", Side.SELL, "70000", "0.2")
    exchange.give("BTC", "0.54321", "0.3")
    panel.refresh()
    assert "0.54321" in everything_shown(panel)
    qtbot.mouseClick(panel.hide_amounts, Qt.MouseButton.LeftButton)
    shown = everything_shown(panel)
    for figure in ("54321", "0.3", "0.2", "10,000", "10000", "36395", "36,395", "46,395"):
        assert figure not in shown
    assert panel.sum.whole == "PAPER total ••••• USD"
    qtbot.mouseClick(panel.hide_amounts, Qt.MouseButton.LeftButton)
    assert "0.54321" in everything_shown(panel)


def test_freshness_and_stale_numbers(panel, exchange, desk):
    assert panel.footer.whole == "as of 08:53:20 UTC · stream, 0.4 s"
    exchange.account_fresh = Freshness("stale", "no word for 40 s", 40)
    desk.clock.advance(1)
    panel.refresh()
    assert cell(panel, "BTC", "Total").tone == "stale"
    assert panel.footer.whole == "as of 08:53:20 UTC · no word for 40 s"


def test_prices_move_once_a_second(panel, desk):
    desk.usd["BTC"] = (Decimal(70000), "BTC-USDT, poloniex ticker")
    panel.refresh()
    assert cell(panel, "BTC", "Value").text == "33,500.05"
    desk.clock.advance(1)
    panel.refresh()
    assert cell(panel, "BTC", "Value").text == "35,000.00"
    assert panel.sum.whole == "PAPER total 45,000.00 USD"


def test_the_message_that_set_a_balance(qtbot, panel, exchange):
    row = next(row for row in panel.model.shown if row.asset == "BTC")
    with qtbot.waitSignal(panel.frame_requested) as asked:
        panel.menu_for(row).actions()[0].trigger()
    assert asked.args == [exchange.account.balances["BTC"].frame]


def test_copies_are_exact(qtbot, panel, exchange):
    exchange.give("BTC", "0.123456789012", "0.1")
    panel.refresh()
    panel.table.select_only(stripped(panel, "Asset").index("BTC"))
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "0.123456789012" in QGuiApplication.clipboard().text()


def test_300_pixels_show_what_matters_without_scrolling(qtbot, panel):
    panel.resize(300, 200)
    shown = [shape.title for at, shape in enumerate(panel.model.columns) if not panel.table.isColumnHidden(at)]
    assert shown == ["Asset", "Total", "Available", "Value"]
    qtbot.waitUntil(lambda: panel.table.horizontalScrollBar().maximum() == 0, timeout=2000)
    assert panel.minimumSizeHint().width() <= 300


def test_empty_states(qtbot, panel, exchange):
    bare = FakeDesk()
    empty = Balances(bare, bare.clock)
    qtbot.addWidget(empty)
    empty.show()
    assert empty.empty.words.text().startswith("Not signed in")
    assert not empty.sum.isVisible()
    with qtbot.waitSignal(empty.account_requested):
        qtbot.mouseClick(empty.empty.button, Qt.MouseButton.LeftButton)
    bare.add("okx", "OKX")
    empty.refresh()
    assert empty.empty.words.text() == "No balance reported yet by OKX."


def test_every_control_has_a_name(panel):
    unnamed = [
        widget
        for widget in panel.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert unnamed == []
