"""What one account has ordered and what came of it, bounded. Its money is in accounts; only the venue writes here."""

from __future__ import annotations

from collections import deque

from app.paper.events import Fill
from app.paper.orders import Order, OrderState, StopOrder

KEPT_ORDERS = 20_000
KEPT_FILLS = 50_000


class Ledger:
    """Orders, stops and fills of one account, bounded: the oldest finished ones are forgotten first."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.stops: dict[int, StopOrder] = {}
        self.open: dict[int, Order] = {}
        self.by_client_id: dict[str, Order | StopOrder] = {}
        self.fills: deque[Fill] = deque(maxlen=KEPT_FILLS)
        self._finished: deque[int] = deque()

    def record(self, order: Order) -> None:
        self.orders[order.order_id] = self.open[order.order_id] = order
        if order.client_order_id:
            self.by_client_id[order.client_order_id] = order

    def record_stop(self, stop: StopOrder) -> None:
        self.stops[stop.order_id] = stop
        if stop.client_order_id:
            self.by_client_id[stop.client_order_id] = stop
        while len(self.stops) > KEPT_ORDERS:
            oldest = next((s for s in self.stops.values() if s.state is not OrderState.PENDING), None)
            if oldest is None:
                break
            del self.stops[oldest.order_id]
            self._forget_client_id(oldest)

    def finish(self, order: Order) -> None:
        self.open.pop(order.order_id, None)
        self._finished.append(order.order_id)
        while len(self._finished) > KEPT_ORDERS:
            self._forget_client_id(self.orders.pop(self._finished.popleft()))

    def uses(self, client_order_id: str, *, open_only: bool = False) -> bool:
        """Whether a recent (or only: an unfinished) order or stop has this client id."""
        found = self.by_client_id.get(client_order_id) if client_order_id else None
        return found is not None and (not open_only or found.state.is_open or found.state is OrderState.PENDING)

    def rename(self, order: Order, client_order_id: str) -> None:
        """Know the order by another client id from now on."""
        self._forget_client_id(order)
        order.client_order_id = client_order_id
        self.by_client_id[client_order_id] = order

    def _forget_client_id(self, order: Order | StopOrder) -> None:
        if self.by_client_id.get(order.client_order_id) is order:
            del self.by_client_id[order.client_order_id]
