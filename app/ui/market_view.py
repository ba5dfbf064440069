"""What a market panel may read of one pair on one exchange. No widgets, no connector types."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from app.core.freshness import Freshness
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import OrderBook
from app.core.trading_rule import TradingRule
from app.core.types import Fill, Side


class OwnOrder(Struct, frozen=True):
    """One of our resting orders on this pair; `price` in quote, `remaining` in base."""

    client_order_id: str
    side: Side
    price: Decimal
    remaining: Decimal


class MarketView(Protocol):
    """Read at frame rate; every property is cheap and compares by `version`."""

    @property
    def pair(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def paper(self) -> bool: ...
    @property
    def kind(self) -> str:
        """PAPER, LIVE or LAB."""
        ...

    @property
    def rule(self) -> TradingRule | None: ...
    @property
    def book(self) -> OrderBook | None: ...
    @property
    def tape(self) -> TradeTape: ...
    @property
    def intervals(self) -> Sequence[str]: ...
    def candles(self, interval: str) -> CandleSeries:
        """The series of that interval; asking keeps it live while shown."""
        ...

    def own_orders(self) -> Sequence[OwnOrder]: ...
    @property
    def own_orders_version(self) -> int: ...
    def own_fills(self) -> Sequence[Fill]:
        """Our fills on this pair, oldest first."""
        ...

    def freshness(self) -> Freshness: ...
    def level_frame(self, side: Side, price: str) -> int | None:
        """Number of the message that set the level."""
        ...
