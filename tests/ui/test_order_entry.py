"""The order form as its user works it: typing, sizing, reasons, confirmation, and what reached the exchange."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from app.core.order_book import BookState
from app.core.trading_rule import OrderDraft, Problem
from app.core.types import OrderType, Side
from app.ui.panels.order_entry import OrderEntry
from app.ui.panels.order_entry_form import BadNumber, amount_of, plain_number, read_number, stepped
from tests.ui.fake_desk import small_desk
from tests.ui.hands import write

ENTER = Qt.Key.Key_Return


def choose(form: OrderEntry, type: OrderType) -> None:
    form.type.setCurrentIndex(form.type.findData(type.value))
    form.type.activated.emit(form.type.currentIndex())


def turn(edit, notches: int, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(5, 5)
    QApplication.sendEvent(
        edit,
        QWheelEvent(
            at,
            QPointF(edit.mapToGlobal(QPoint(5, 5))),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


def armed(qtbot, form: OrderEntry):
    """The confirmation, once its sending button may be pressed."""
    dialog = form.confirmation
    qtbot.waitUntil(dialog.send.isEnabled, timeout=3000)
    return dialog


def filled(qtbot, form: OrderEntry, price: str = "67000.1", amount: str = "0.05") -> None:
    write(qtbot, form.price.edit, price)
    write(qtbot, form.amount.edit, amount)


# -- fields and their links --------------------------------------------------------------------------------------------


def test_price_amount_and_total_are_linked(qtbot, form):
    filled(qtbot, form)
    assert form.total.edit.text() == "3350.005"
    write(qtbot, form.total.edit, "6700.01")
    assert form.amount.edit.text() == "0.1"
    write(qtbot, form.price.edit, "33500.05")
    assert form.amount.edit.text() == "0.2"
    write(qtbot, form.amount.edit, "0.1")
    assert form.total.edit.text() == "3350.005"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0,5", "No commas: use a point for decimals, like 67000.1"),
        ("67,000.1", "No commas: use a point for decimals, like 67000.1"),
        ("-1", "No sign: write a number above 0"),
        ("+1", "No sign: write a number above 0"),
        ("1 000", "No spaces inside a number"),
        ("abc", "Only digits and one point, like 0.0125 or 1e-7"),
        ("1.2.3", "Only digits and one point, like 0.0125 or 1e-7"),
        ("NaN", "Only digits and one point, like 0.0125 or 1e-7"),
        ("inf", "Only digits and one point, like 0.0125 or 1e-7"),
        ("0x10", "Only digits and one point, like 0.0125 or 1e-7"),
        ("1_000", "Only digits and one point, like 0.0125 or 1e-7"),
        (".", "Only digits and one point, like 0.0125 or 1e-7"),
        ("1e", "Only digits and one point, like 0.0125 or 1e-7"),
        ("\u0661\u0662", "Only digits and one point, like 0.0125 or 1e-7"),
        ("1e999999", "That exponent is too large to be meant"),
        ("9" * 50, "At most 40 characters"),
    ],
)
@pytest.mark.parametrize("name", ["price", "stop", "amount", "total"])
def test_every_bad_input_is_refused_in_words(qtbot, desk, exchange, form, name, text, reason):
    exchange.market("BTC-USDT", order_types=frozenset({OrderType.STOP_LIMIT}))
    form.set_market("poloniex", "BTC-USDT")
    filled(qtbot, form)
    write(qtbot, form.stop.edit, "66000")
    row = form.rows[name]
    QGuiApplication.clipboard().setText(text)
    row.edit.setFocus()
    row.edit.selectAll()
    row.edit.paste()
    assert row.note.text() == reason
    assert row.edit.property("invalid") is True
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    assert form.confirmation is None
    assert exchange.submitted == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("price", "", "a price above 0 is needed (the tick is 0.1)"),
        ("price", "0", "a price above 0 is needed (the tick is 0.1)"),
        ("price", "0.04", "a price above 0 is needed (the tick is 0.1)"),
        ("amount", "", "an amount above 0 is needed (the lot is 0.0001 BTC)"),
        ("amount", "0", "an amount above 0 is needed (the lot is 0.0001 BTC)"),
        ("amount", "0.00009", "an amount above 0 is needed (the lot is 0.0001 BTC)"),
        ("amount", "1", "needs 67000.1 USDT, 10000 is free"),
    ],
)
def test_rules_speak_beside_their_field_and_nothing_is_sent(qtbot, form, exchange, name, text, reason):
    filled(qtbot, form)
    write(qtbot, form.rows[name].edit, text)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    said = [row.note.text() for row in form.rows.values() if row.note.isVisible()]
    assert reason in said
    assert form.confirmation is None
    assert exchange.submitted == []


def test_a_missing_balance_is_told_beside_what_is_paid_with(qtbot, form):
    filled(qtbot, form, amount="1")
    assert form.total.note.text() == "needs 67000.1 USDT, 10000 is free"
    form.focus_side(Side.SELL)
    assert form.amount.note.text() == "needs 1 BTC, 0.5 is free"
    assert not form.total.note.isVisible()


def test_a_reason_without_a_field_is_shown_too(form, exchange, qtbot):
    exchange.check = lambda draft: [Problem("account", "not signed in: add an account to trade")]
    filled(qtbot, form)
    assert form.general.text() == "account: not signed in: add an account to trade"
    assert form.general.isVisible()


def test_an_empty_form_is_not_red_before_it_is_tried(qtbot, form):
    assert not any(row.note.isVisible() for row in form.rows.values())
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    assert form.price.note.isVisible()
    assert form.price.edit.hasFocus()


def test_an_exponent_becomes_plain_digits(qtbot, exchange, form):
    exchange.market("PEPE-USDT", tick="0.00000001", lot="1")
    form.set_market("poloniex", "PEPE-USDT")
    write(qtbot, form.price.edit, "1e-7")
    assert not form.price.note.isVisible()
    form.amount.edit.setFocus()
    assert form.price.edit.text() == "0.0000001"


def test_keys_and_wheel_step_by_ticks(qtbot, form):
    edit = form.price.edit
    write(qtbot, edit, "67000.1")
    qtbot.keyClick(edit, Qt.Key.Key_Up)
    assert edit.text() == "67000.2"
    qtbot.keyClick(edit, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert edit.text() == "66999.2"
    qtbot.keyClick(edit, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert edit.text() == "67009.2"
    turn(edit, -1)
    assert edit.text() == "67009.1"
    turn(edit, 1, Qt.KeyboardModifier.ShiftModifier)
    assert edit.text() == "67010.1"


def test_the_wheel_changes_nothing_without_focus(qtbot, form):
    filled(qtbot, form)
    form.buy.setFocus()
    turn(form.price.edit, 3)
    assert form.price.edit.text() == "67000.1"


def test_stepping_an_empty_price_begins_at_the_own_side_of_the_book(qtbot, form):
    qtbot.keyClick(form.price.edit, Qt.Key.Key_Up)
    assert form.price.edit.text() == "66999.8"


def test_only_types_that_the_market_takes_are_offered(exchange, form):
    assert [form.type.itemText(at) for at in range(form.type.count())] == ["Limit", "Market", "Post-only"]
    exchange.market("BTC-USDT", order_types=frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP}))
    form.refresh()
    assert [form.type.itemText(at) for at in range(form.type.count())] == ["Limit", "Stop limit"]
    choose(form, OrderType.STOP_LIMIT)
    assert form.stop.isVisible() and form.price.isVisible()


def test_a_market_order_is_never_the_default(exchange, form):
    assert form.type.currentData() == "LIMIT"


# -- share of the balance ----------------------------------------------------------------------------------------------


def test_shares_of_quote_when_buying(qtbot, form):
    write(qtbot, form.price.edit, "50000")
    qtbot.mouseClick(form.shares[50], Qt.MouseButton.LeftButton)
    assert (form.total.edit.text(), form.amount.edit.text()) == ("5000", "0.1")
    qtbot.mouseClick(form.shares[100], Qt.MouseButton.LeftButton)
    # 10,000 / 1.002 keeps the taker fee back, rounded down to the cent and then to the lot.
    assert (form.total.edit.text(), form.amount.edit.text()) == ("9980.03", "0.1996")
    assert form.slider.value() == 100


def test_shares_of_base_when_selling(qtbot, form, exchange):
    exchange.give("BTC", "0.33333", "0.33333")
    form.focus_side(Side.SELL)
    write(qtbot, form.price.edit, "67000")
    qtbot.mouseClick(form.shares[25], Qt.MouseButton.LeftButton)
    assert form.amount.edit.text() == "0.0833"


def test_the_slider_sizes_too(qtbot, form):
    write(qtbot, form.price.edit, "50000")
    form.slider.setFocus()
    qtbot.keyClick(form.slider, Qt.Key.Key_PageUp)
    assert form.total.edit.text() == "1000"


def test_shares_use_free_balance_only(qtbot, form, exchange):
    exchange.give("USDT", "10000", "400")
    form.refresh()
    write(qtbot, form.price.edit, "50000")
    qtbot.mouseClick(form.shares[50], Qt.MouseButton.LeftButton)
    assert form.total.edit.text() == "200"


# -- preview -----------------------------------------------------------------------------------------------------------


def test_the_preview_shows_what_will_be_sent_and_what_is_given_up(qtbot, form):
    filled(qtbot, form, "66999.87", "0.05003")
    assert form.preview["sends"].whole == "0.0500 BTC at 66,999.8 USDT"
    assert form.rounding.text() == "Rounded: price −0.07 to the step 0.1; amount −0.00003 to the step 0.0001"
    assert form.preview["value"].whole == "3,349.99 USDT"
    assert form.preview["fee"].whole == "≈ 0.0001 BTC"
    assert form.preview["fee_source"].whole == "0.2% taker, account tier"
    assert form.preview["quote_after"].whole == "10,000.00 → 6,650.01"
    assert form.preview["base_after"].whole == "0.5 → 0.5499"
    assert form.submit.text() == "Buy 0.0500 BTC"


def test_a_market_buy_is_sized_in_quote_where_the_exchange_wants_it(qtbot, form, exchange):
    choose(form, OrderType.MARKET)
    assert form.amount.edit.isReadOnly()
    assert not form.price.isVisible()
    write(qtbot, form.total.edit, "50000.005")
    assert form.submit.text() == "Buy for 50,000.00 USDT"
    write(qtbot, form.total.edit, "5000")
    assert form.fills_at.text().startswith("Fills at ≈ 67,000.10 average, 0.0 bps from the best")
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    assert dialog.cancel.hasFocus()
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted == [
        OrderDraft(pair="BTC-USDT", side=Side.BUY, type=OrderType.MARKET, quote_amount=Decimal("5000.00"))
    ]


def test_slippage_walks_the_book(qtbot, form, exchange):
    exchange.give("BTC", "5", "5")
    form.focus_side(Side.SELL)
    choose(form, OrderType.MARKET)
    write(qtbot, form.amount.edit, "3")
    assert "the book shown ends after 2" in form.fills_at.text()


# -- filling from elsewhere, memory, following -------------------------------------------------------------------------


def test_a_clicked_price_is_pinned(qtbot, form, exchange):
    form.follow.setChecked(True)
    form.fill_price("66999.5")
    assert form.price.edit.text() == "66999.5"
    assert not form.follow.isChecked()
    exchange.book("BTC-USDT", [("67010.0", "1")], [("67010.1", "1")])
    form.refresh()
    assert form.price.edit.text() == "66999.5"


def test_a_clicked_price_turns_a_market_order_into_a_limit_order(form):
    choose(form, OrderType.MARKET)
    form.fill_price("66999.5")
    assert form.type.currentData() == "LIMIT"
    assert form.price.isVisible()


def test_foreign_text_as_a_price_is_ignored(form):
    form.fill_price("12abc")
    assert form.price.edit.text() == ""


def test_the_price_follows_the_market_visibly(qtbot, form, exchange):
    qtbot.mouseClick(form.follow, Qt.MouseButton.LeftButton)
    form.refresh()
    assert form.price.edit.text() == "66999.8"
    assert (form.follow.text(), form.price.note.text()) == ("Following", "follows the best bid")
    book = exchange.book("BTC-USDT", [("67010.0", "1")], [("67010.1", "1")])
    form.refresh()
    assert form.price.edit.text() == "67010.0"
    book.set_state(BookState.STALE, "gap")
    form.refresh()
    assert form.price.note.text() == "the book is not live: price not moved"
    write(qtbot, form.price.edit, "1")
    assert (form.follow.text(), form.follow.isChecked()) == ("Follow", False)


def test_a_following_price_stands_still_while_the_confirmation_is_open(qtbot, form, exchange):
    write(qtbot, form.amount.edit, "0.05")
    qtbot.mouseClick(form.follow, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(form.submit, Qt.MouseButton.LeftButton)
    dialog = armed(qtbot, form)
    exchange.book("BTC-USDT", [("67010.0", "1")], [("67010.1", "1")])
    form.refresh()
    qtbot.mouseClick(dialog.send, Qt.MouseButton.LeftButton)
    assert exchange.submitted[0].price == Decimal("66999.8")


def test_nothing_typed_is_lost_on_switching_markets(qtbot, form):
    write(qtbot, form.price.edit, "66000,5")
    write(qtbot, form.amount.edit, "0.0")
    form.focus_side(Side.SELL)
    choose(form, OrderType.LIMIT_MAKER)
    form.set_market("poloniex", "ETH-USDT")
    assert (form.price.edit.text(), form.buy.isChecked(), form.type.currentData()) == ("", True, "LIMIT")
    assert form.amount.unit.text() == "ETH"
    form.set_market("poloniex", "BTC-USDT")
    assert (form.price.edit.text(), form.amount.edit.text()) == ("66000,5", "0.0")
    assert (form.sell.isChecked(), form.type.currentData()) == (True, "LIMIT_MAKER")


def test_a_market_without_rules_takes_nothing_of_the_market_before(qtbot, form, exchange):
    filled(qtbot, form)
    form.set_market("poloniex", "DOGE-USDT")
    form.set_market("poloniex", "ETH-USDT")
    exchange.market("DOGE-USDT")
    form.set_market("poloniex", "DOGE-USDT")
    assert (form.price.edit.text(), form.amount.edit.text()) == ("", "")
    form.set_market("poloniex", "BTC-USDT")
    assert (form.price.edit.text(), form.amount.edit.text()) == ("67000.1", "0.05")


def test_new_rules_change_steps_and_not_what_is_typed(qtbot, form, exchange):
    filled(qtbot, form)
    exchange.market("BTC-USDT", tick="1", lot="0.01")
    form.refresh()
    assert (form.price.edit.text(), form.amount.edit.text()) == ("67000.1", "0.05")
    qtbot.keyClick(form.price.edit, Qt.Key.Key_Up)
    assert form.price.edit.text() == "67001"


def test_an_existing_order_fills_the_form(form, exchange):
    order = exchange.order("ETH-USDT", Side.SELL, "3600", "2")
    form.fill_from("poloniex", order.terms)
    assert (form.price.edit.text(), form.amount.edit.text(), form.total.edit.text()) == ("3600", "2", "7200")
    assert form.sell.isChecked()
    assert exchange.submitted == []


def test_missing_things_are_said(qtbot, desk):
    desk.add("okx", "OKX", has_account=False).market("BTC-USDT")
    form = OrderEntry(desk, desk.clock)
    qtbot.addWidget(form)
    form.show()
    assert form.empty.words.text().startswith("Choose a market")
    form.set_market("okx", "BTC-USDT")
    assert form.empty.words.text() == "Not signed in to OKX: add an account to trade BTC-USDT."
    form.set_market("poloniex", "DOGE-USDT")
    assert form.empty.words.text() == "Waiting for the trading rules of DOGE-USDT."
    desk.exchanges["poloniex"].market("DOGE-USDT")
    form.refresh()
    assert form.price.isVisible()
    form.set_market("okx", "BTC-USDT")
    desk.exchanges["okx"].has_account = True
    form.refresh()
    assert form.price.isVisible()


def test_every_control_has_a_name_and_it_fits_280_pixels(form):
    unnamed = [
        widget
        for widget in form.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert unnamed == []
    assert form.body.minimumSizeHint().width() <= 280
    assert form.minimumSizeHint().height() <= 400


# -- the arithmetic ----------------------------------------------------------------------------------------------------

_values = st.decimals("0.00000001", "1000000", allow_nan=False, places=8)


@given(_values)
def test_a_number_shown_reads_back_as_itself(value):
    assert read_number(plain_number(value)) == value


@given(total=_values, price=_values)
def test_an_amount_from_a_total_never_costs_more(total, price):
    rule = small_desk()[1].trading_rules["BTC-USDT"]
    amount = amount_of(total, price, rule)
    assert amount * price <= total
    assert amount % rule.min_base_amount_increment == 0


@given(value=_values, count=st.integers(-50, 50).filter(bool))
def test_a_step_lands_on_the_grid_and_moves_the_right_way(value, count):
    step = Decimal("0.01")
    moved = stepped(value, step, count)
    assert moved % step == 0
    assert moved > value if count > 0 else (moved < value or moved == 0)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_reason(text):
    try:
        value = read_number(text)
    except BadNumber as bad:
        assert str(bad)
    else:
        assert value is None or (value.is_finite() and value >= 0)


# -- place -------------------------------------------------------------------------------------------------------------


def bottom(form: OrderEntry, part: QWidget) -> int:
    return part.mapTo(form, QPoint(0, part.height())).y()


def test_when_low_the_fields_scroll_and_the_button_stays(qtbot, form):
    filled(qtbot, form)
    form.resize(form.minimumSizeHint())
    qtbot.waitUntil(lambda: form.area.verticalScrollBar().maximum() > 0)
    for part in (form.submit, form.dry):
        assert part.visibleRegion().boundingRect() == part.rect() and bottom(form, part) <= form.height()
    assert form.total.visibleRegion().isEmpty()
    form.amount.edit.setFocus()
    qtbot.keyClick(form.amount.edit, Qt.Key.Key_Tab)
    while form.focusWidget() is not form.total.edit:
        qtbot.keyClick(form.focusWidget(), Qt.Key.Key_Tab)
    assert not form.total.edit.visibleRegion().isEmpty()
    assert form.submit.visibleRegion().boundingRect() == form.submit.rect()


def test_when_high_the_button_follows_the_fields_closely(qtbot, form):
    filled(qtbot, form)
    form.resize(300, 900)
    qtbot.waitUntil(lambda: form.area.verticalScrollBar().maximum() == 0)
    gap = form.submit.mapTo(form, QPoint(0, 0)).y() - bottom(form, form.preview["base_after"])
    assert 0 < gap < 30
