"""One pair of one connected exchange as the market panels read it. No widgets."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.freshness import Freshness
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import OrderBook
from app.core.trading_rule import TradingRule
from app.core.types import Fill, Side
from app.ui.desk import ExchangeView
from app.ui.market_view import OwnOrder


class LiveMarket:
    """See `market_view.MarketView`."""

    def __init__(self, exchange: ExchangeView, pair: str) -> None:
        self._exchange = exchange
        self.pair = pair
        self.exchange = exchange.title
        self.paper = exchange.paper
        self.kind = exchange.kind
        self._orders_version = -1
        self._own: list[OwnOrder] = []
        self._fills: list[Fill] = []

    @property
    def rule(self) -> TradingRule | None:
        return self._exchange.trading_rules.get(self.pair)

    @property
    def book(self) -> OrderBook | None:
        return self._exchange.order_books.get(self.pair)

    @property
    def tape(self) -> TradeTape:
        return self._exchange.tape(self.pair)

    @property
    def intervals(self) -> Sequence[str]:
        return self._exchange.intervals

    def candles(self, interval: str) -> CandleSeries:
        return self._exchange.candles(self.pair, interval)

    def own_orders(self) -> Sequence[OwnOrder]:
        self._read_orders()
        return self._own

    @property
    def own_orders_version(self) -> int:
        return self._exchange.orders.version

    def own_fills(self) -> Sequence[Fill]:
        self._read_orders()
        return self._fills

    def freshness(self) -> Freshness:
        return self._exchange.freshness(self.pair)

    def level_frame(self, side: Side, price: str) -> int | None:
        return self._exchange.level_frame(self.pair, side, price)

    def _read_orders(self) -> None:
        version = self._exchange.orders.version
        if version == self._orders_version:
            return
        self._orders_version = version
        self._own = [
            OwnOrder(order.key, order.side, order.terms.price, order.remaining)
            for order in self._exchange.orders.open
            if order.pair == self.pair and order.terms.price is not None and order.remaining
        ]
        self._fills = [record.fill for record in self._exchange.fills if record.fill.pair == self.pair]
