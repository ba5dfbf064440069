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
    """What a taker does when it meets an order of its own account."""

    EXPIRE_TAKER = "expire taker"
    EXPIRE_MAKER = "expire maker"
    EXPIRE_BOTH = "expire both"
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
    peak_lots: int = 0
    """What an iceberg order shows at a time; 0 shows everything."""
    shown_lots: int = 0
    """What a resting iceberg order shows now; only the book writes it."""
    waits: bool = False
    """Whether a stop condition keeps the order out of the book, though it counts as open and holds its funds."""
    working_ms: int = 0
    """When it met the book; 0 while it waits."""
    memo: object = None
    """What a dialect wants to keep with the order; the engine never looks at it."""
    stop_id: int = 0
    """The stop order that released it; 0: none."""
    closed_reason: str = ""
    """Why it finished without being filled."""

    @property
    def remaining_lots(self) -> int:
        return self.lots - self.filled_lots

    @property
    def visible_lots(self) -> int:
        """What a resting order shows."""
        return self.shown_lots if self.peak_lots else self.lots - self.filled_lots


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
    held: Order | None = None
    """The order it releases, where that exists (under its own id, with its funds) from the start."""
