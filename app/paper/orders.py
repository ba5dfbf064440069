"""Orders as the venue keeps them: terms, progress and stop conditions. Matching and money are elsewhere."""

from __future__ import annotations

from enum import Enum, StrEnum

from msgspec import Struct

from app.core.types import Side, TimeInForce


class OrderState(Enum):
    PENDING = "pending"
    """A stop order waiting for its price."""
    OPEN = "open"
    PARTIALLY_FILLED = "partially filled"
    FILLED = "filled"
    CANCELED = "canceled"
    TRIGGERED = "triggered"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        return self in (OrderState.OPEN, OrderState.PARTIALLY_FILLED)


class OrderKind(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    POST_ONLY = "POST_ONLY"


class StopKind(StrEnum):
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    TRAILING_STOP_LIMIT = "TRAILING_STOP_LIMIT"

    @property
    def is_trailing(self) -> bool:
        return self.value.startswith("TRAILING")


class SelfTrade(Enum):
    EXPIRE_TAKER = "expire taker"
    ALLOW = "allow"


class Order(Struct, kw_only=True, eq=False):
    """A limit or market order. Mutable; only the venue and its matching book write it.

    `lots` is base and `cells` is quote: a market order has one of them, any other order has lots.
    `bound_ticks` is the worst price a market order may take; 0 means any.
    """

    order_id: int
    owner: str
    """Account id; empty for the seeded market's own orders."""
    pair: str
    side: Side
    kind: OrderKind
    time_in_force: TimeInForce = TimeInForce.GTC
    ticks: int = 0
    lots: int = 0
    cells: int = 0
    bound_ticks: int = 0
    self_trade: SelfTrade = SelfTrade.EXPIRE_TAKER
    client_order_id: str = ""
    source: str = "API"
    created_ms: int = 0
    updated_ms: int = 0
    state: OrderState = OrderState.OPEN
    filled_lots: int = 0
    filled_cells: int = 0
    held_atoms: int = 0
    """What is left of the hold, in the asset that is spent."""

    @property
    def remaining_lots(self) -> int:
        return self.lots - self.filled_lots


class StopOrder(Struct, kw_only=True, eq=False):
    """An order that enters the book when the last price reaches a condition. No funds are held until then."""

    order_id: int
    owner: str
    pair: str
    side: Side
    kind: StopKind
    time_in_force: TimeInForce = TimeInForce.GTC
    stop_ticks: int = 0
    """Trigger price, or activation price of a trailing stop (0: active at once)."""
    rises: bool = True
    """Whether the condition is last >= stop_ticks rather than <=."""
    ticks: int = 0
    lots: int = 0
    cells: int = 0
    trail_ticks: int = 0
    trail_ppm: int = 0
    limit_ticks: int = 0
    limit_ppm: int = 0
    active: bool = False
    extreme_ticks: int = 0
    client_order_id: str = ""
    source: str = "API"
    created_ms: int = 0
    updated_ms: int = 0
    state: OrderState = OrderState.PENDING
    triggered_order_id: int = 0
