"""Facts that the venue announces, in the order they happened. No wire formats: prices are ticks, amounts lots."""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct

from app.core.types import Side
from app.paper.orders import Order, OrderState, StopOrder


class Cause(Enum):
    """Why a balance changed."""

    PLACED = auto()
    FILLED = auto()
    CLOSED = auto()


class OrderEventKind(Enum):
    PLACED = auto()
    FILLED = auto()
    CLOSED = auto()
    """Finished without being filled completely; `reason` says why."""
    AMENDED = auto()
    """New terms under the same id."""
    RELEASED = auto()
    """A waiting order meets the book now."""


class BookChange(Struct, frozen=True, kw_only=True):
    """Absolute new lots at some prices; zero removes the level. `sequence` rises by one per change of that pair."""

    pair: str
    sequence: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    time_ms: int


class Execution(Struct, frozen=True, kw_only=True):
    """One maker met one taker at the maker's price."""

    pair: str
    trade_id: int
    taker_side: Side
    ticks: int
    lots: int
    maker_order_id: int
    taker_order_id: int
    time_ms: int


class Fill(Struct, frozen=True, kw_only=True):
    """One side of an execution, as the owner of that side sees it."""

    fill_id: int
    trade_id: int
    order: Order
    ticks: int
    lots: int
    fee_atoms: int
    fee_asset: str
    maker: bool
    time_ms: int


class OrderEvent(Struct, frozen=True, kw_only=True):
    """A change of an account's order; cumulative values are those at this event, not the latest."""

    kind: OrderEventKind
    order: Order
    state: OrderState
    filled_lots: int
    filled_cells: int
    fill: Fill | None
    reason: str
    time_ms: int


class StopEvent(Struct, frozen=True, kw_only=True):
    """A stop order was placed, triggered or cancelled; its state says which."""

    stop: StopOrder
    state: OrderState
    time_ms: int


class BalanceChanged(Struct, frozen=True, kw_only=True):
    """New absolute values in atoms."""

    account: str
    asset: str
    available: int
    hold: int
    cause: Cause
    time_ms: int


Event = BookChange | Execution | OrderEvent | StopEvent | BalanceChanged
