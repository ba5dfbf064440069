"""Shares of the free balance: the buttons and the slider of the order form size it, and follow what is typed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.core.trading_rule import TradingRule
from app.core.types import Balance, Side
from app.ui.desk import ExchangeView
from app.ui.panels.order_entry_form import BadNumber, Sizing, plain_number, round_down, spendable
from app.ui.panels.order_entry_layout import OrderEntryLayout


class BalanceShares(QObject):
    """Quote for buys, base for sells. `sized` tells which of amount (base) and total (quote) was written."""

    sized = Signal(Sizing)

    def __init__(
        self, form: OrderEntryLayout, market: Callable[[], tuple[ExchangeView, TradingRule, Side] | None]
    ) -> None:
        """`market`: what is sized now; None while nothing can be."""
        super().__init__(form)
        self._form = form
        self._market = market
        for percent, button in form.shares.items():
            button.clicked.connect(partial(self._take, percent))
        form.slider.sliderMoved.connect(self._take)
        form.slider.actionTriggered.connect(self._slider_key)

    def show(self) -> None:
        """The slider stands where the typed size is in the free balance."""
        market, form = self._market(), self._form
        balance = _free(market)
        known = balance is not None and balance.available > 0
        for button in form.shares.values():
            button.setEnabled(known)
        form.slider.setEnabled(known)
        if market is None or balance is None or not known or form.slider.isSliderDown():
            return
        try:
            size = (form.total if market[2] is Side.BUY else form.amount).edit.value() or Decimal(0)
        except BadNumber:
            return
        share = min(100, round(size / balance.available * 100))
        if share != form.slider.value():
            form.slider.blockSignals(True)
            form.slider.setValue(share)
            form.slider.blockSignals(False)

    def _take(self, percent: int, _checked: bool = False) -> None:
        """That share, rounded down."""
        market = self._market()
        balance = _free(market)
        if market is None or balance is None:
            return
        exchange, rule, side = market
        if side is Side.SELL:
            size = round_down(balance.available * percent / 100, rule.min_base_amount_increment)
            self._form.amount.edit.put(plain_number(size))
            self.sized.emit(Sizing.AMOUNT)
            return
        step = max(rule.min_quote_amount_increment, Decimal("1e-8"))
        size = round_down(spendable(balance.available, percent, exchange.fees.taker), step)
        self._form.total.edit.put(plain_number(size))
        self.sized.emit(Sizing.TOTAL)

    def _slider_key(self, _action: int) -> None:
        if not self._form.slider.isSliderDown():
            self._take(self._form.slider.sliderPosition())


def _free(market: tuple[ExchangeView, TradingRule, Side] | None) -> Balance | None:
    """The balance that the order would spend."""
    if market is None:
        return None
    exchange, rule, side = market
    return exchange.account.balances.get(rule.quote if side is Side.BUY else rule.base)
