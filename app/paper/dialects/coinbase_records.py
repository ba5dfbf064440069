"""Orders as Coinbase tells of them: UUIDs, statuses, cumulative progress, deadlines. The engine's events move them.

| what | rule | evidence |
|---|---|---|
| statuses | PENDING, then OPEN or a final one; no word for partly filled | sheet 5.1; PENDING sent: unconfirmed |
| CANCEL_QUEUED, EDIT_QUEUED | once before CANCELLED, or OPEN again | sheet 5.1 (words); when: unconfirmed |
| trigger_status | INVALID_ORDER_TYPE, STOP_PENDING, STOP_TRIGGERED | sheet 5.1 (the first); public SDK sources |
| a passed end_time | EXPIRED | sheet 6; a few hundredths of a second late |
| a bracket whose stop is reached | sells at any price under the same id | unconfirmed |
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import Any

from msgspec import Struct, field

from app.paper.dialects.coinbase_catalog import seeded_uuid
from app.paper.events import Event, Execution, OrderEvent, OrderEventKind
from app.paper.orders import Order, OrderState
from app.paper.venue import Venue

KEPT = 25_000
BY_USER = "User requested cancel"
EXPIRED = "Order expired"


class Kind(Enum):
    MARKET = auto()
    LIMIT = auto()
    STOP_LIMIT = auto()
    BRACKET = auto()


class Record(Struct, kw_only=True, eq=False):
    """One order. Terms are as asked for; progress is as told so far, in lots, cells and quote atoms."""

    order: Order
    kind: Kind
    lasting: str
    """gtc, gtd, ioc or fok."""
    configuration: dict[str, Any]
    asked: dict[str, Any] = field(default_factory=dict)
    """The configuration before any edit."""
    client_order_id: str = ""
    portfolio: str = ""
    order_id: str = ""
    limit_ticks: int = 0
    stop_ticks: int = 0
    end_ms: int = 0
    post_only: bool = False
    quote_cells: int = 0
    """What a market buy may spend with fees; 0 for an order sized in base."""
    status: str = "PENDING"
    trigger_status: str = "INVALID_ORDER_TYPE"
    lots: int = 0
    cells: int = 0
    fee_atoms: int = 0
    fills: int = 0
    last_fill_ms: int = 0
    cancel_message: str = ""
    reject_message: str = ""
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def product_id(self) -> str:
        return self.order.pair

    @property
    def net_cells(self) -> int:
        """What a market buy may spend without fees."""
        return self.order.cells

    @property
    def is_open(self) -> bool:
        return self.status in ("PENDING", "OPEN")


Changed = Callable[[Record], None]


class Records:
    """All orders of one venue by both ids. `apply` is fed with every event, in order."""

    def __init__(self, venue: Venue, seed: int) -> None:
        self._venue = venue
        self._seed = seed
        self._by_id: OrderedDict[str, Record] = OrderedDict()
        self._by_client_id: dict[tuple[str, str], Record] = {}
        self._deadlines: dict[str, Record] = {}
        self._brackets: dict[str, Record] = {}
        self._sold_out: list[Record] = []
        self._placed: list[Record] = []

    def register(self, record: Record) -> None:
        """Remember an order that the venue has just taken."""
        order = record.order
        order.memo = record
        record.order_id = seeded_uuid("coinbase", self._seed, "order", order.order_id)
        self._by_id[record.order_id] = record
        self._by_client_id[order.owner, record.client_order_id] = record
        if record.end_ms:
            self._deadlines[record.order_id] = record
        if record.kind is Kind.BRACKET:
            self._brackets[record.order_id] = record
        if len(self._by_id) > KEPT:
            self._forget_oldest()

    def find(self, owner: str, order_id: str) -> Record | None:
        record = self._by_id.get(order_id)
        return record if record is not None and record.order.owner == owner else None

    def find_client(self, owner: str, client_order_id: str) -> Record | None:
        return self._by_client_id.get((owner, client_order_id))

    def of(self, owner: str) -> Iterator[Record]:
        """Newest first."""
        return (record for record in reversed(self._by_id.values()) if record.order.owner == owner)

    def open(self, owner: str) -> list[Record]:
        """Oldest first."""
        found = [order.memo for order in self._venue.ledger(owner).open.values()]
        return [record for record in found if isinstance(record, Record)]

    def apply(self, events: Sequence[Event], changed: Changed) -> None:
        """Move the orders on and tell of each change as it was at that moment."""
        for event in events:
            if type(event) is OrderEvent:
                record = event.order.memo
                if isinstance(record, Record):
                    self._move(record, event, changed)
            elif type(event) is Execution and self._brackets:
                self._watch(event)
        placed, self._placed = self._placed, []
        for record in placed:
            if record.status == "PENDING":
                record.status = "OPEN"
                changed(record)

    def act_on_time(self) -> None:
        """Expire what is over, and sell what a bracket's stop has released."""
        now_ms = self._venue.now_ms()
        for record in [r for r in self._deadlines.values() if r.end_ms <= now_ms]:
            del self._deadlines[record.order_id]
            self._venue.cancel(record.order, EXPIRED)
        sold_out, self._sold_out = self._sold_out, []
        for record in sold_out:
            if record.order.state.is_open:
                self._venue.amend(record.order, 1, record.order.lots)

    def _move(self, record: Record, event: OrderEvent, changed: Changed) -> None:
        if event.kind is OrderEventKind.PLACED:
            self._placed.append(record)
        elif event.kind is OrderEventKind.RELEASED:
            record.trigger_status = "STOP_TRIGGERED"
        elif event.kind is OrderEventKind.AMENDED:
            self._amended(record, changed)
        elif event.fill is not None:
            record.lots, record.cells = event.filled_lots, event.filled_cells
            record.fee_atoms += event.fill.fee_atoms
            record.fills += 1
            record.last_fill_ms = event.fill.time_ms
            record.status = "FILLED" if event.state is OrderState.FILLED else "OPEN"
        else:
            self._closed(record, event.reason, changed)
        if not record.is_open:
            self._deadlines.pop(record.order_id, None)
            self._brackets.pop(record.order_id, None)
        changed(record)

    def _amended(self, record: Record, changed: Changed) -> None:
        if record.trigger_status == "STOP_TRIGGERED":
            return
        record.status = "EDIT_QUEUED"
        changed(record)
        record.status = "OPEN"

    def _closed(self, record: Record, reason: str, changed: Changed) -> None:
        if reason == BY_USER:
            record.status = "CANCEL_QUEUED"
            changed(record)
        record.cancel_message = reason
        record.status = "EXPIRED" if reason == EXPIRED else "CANCELLED"

    def _watch(self, trade: Execution) -> None:
        for record in list(self._brackets.values()):
            if self._venue.books[record.product_id].pair == trade.pair and trade.ticks <= record.stop_ticks:
                del self._brackets[record.order_id]
                record.trigger_status = "STOP_TRIGGERED"
                self._sold_out.append(record)

    def _forget_oldest(self) -> None:
        for record in list(self._by_id.values())[: KEPT // 10]:
            if not record.is_open:
                del self._by_id[record.order_id]
                if self._by_client_id.get((record.order.owner, record.client_order_id)) is record:
                    del self._by_client_id[record.order.owner, record.client_order_id]
