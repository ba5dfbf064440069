"""Stop and trailing-stop conditions of one pair against its last price. Releasing the order is the venue's part."""

from __future__ import annotations

from app.core.types import Side
from app.paper.orders import Order, OrderKind, StopOrder

_PPM = 1_000_000


class StopBook:
    """Waiting stop orders, oldest first."""

    def __init__(self) -> None:
        self._stops: dict[int, StopOrder] = {}

    def __bool__(self) -> bool:
        return bool(self._stops)

    def add(self, stop: StopOrder, last_ticks: int) -> None:
        """Start waiting. A trailing stop without activation price follows the market at once."""
        self._stops[stop.order_id] = stop
        if stop.kind.is_trailing and not stop.stop_ticks:
            stop.active, stop.extreme_ticks = True, last_ticks

    def drop(self, stop: StopOrder) -> None:
        self._stops.pop(stop.order_id, None)

    def reached(self, last_ticks: int) -> list[StopOrder]:
        """Take out and return the stops whose condition this last price meets."""
        hit = [stop for stop in self._stops.values() if _meets(stop, last_ticks)]
        for stop in hit:
            del self._stops[stop.order_id]
        return hit


def _meets(stop: StopOrder, last_ticks: int) -> bool:
    if not stop.kind.is_trailing:
        return _passes(stop, last_ticks)
    if not stop.active:
        if not _passes(stop, last_ticks):
            return False
        stop.active, stop.extreme_ticks = True, last_ticks
        return False
    if stop.side is Side.SELL:
        stop.extreme_ticks = max(stop.extreme_ticks, last_ticks)
        return last_ticks <= stop.extreme_ticks - _trail(stop)
    stop.extreme_ticks = min(stop.extreme_ticks or last_ticks, last_ticks)
    return last_ticks >= stop.extreme_ticks + _trail(stop)


def _passes(stop: StopOrder, last_ticks: int) -> bool:
    return last_ticks >= stop.stop_ticks if stop.rises else last_ticks <= stop.stop_ticks


def _trail(stop: StopOrder) -> int:
    return stop.trail_ticks or stop.extreme_ticks * stop.trail_ppm // _PPM


def stop_to_order(stop: StopOrder, last_ticks: int) -> Order:
    """The order that a triggered stop sends to the book."""
    ticks = stop.ticks
    if stop.limit_ticks or stop.limit_ppm:
        offset = stop.limit_ticks or last_ticks * stop.limit_ppm // 1_000_000
        ticks = max(1, last_ticks + offset if stop.side is Side.BUY else last_ticks - offset)
    return Order(
        order_id=0,
        owner=stop.owner,
        pair=stop.pair,
        side=stop.side,
        kind=OrderKind.LIMIT if ticks else OrderKind.MARKET,
        time_in_force=stop.time_in_force,
        ticks=ticks,
        lots=stop.lots,
        cells=0 if ticks else stop.cells,
        client_order_id=stop.client_order_id,
        source="SMART",
        stop_id=stop.order_id,
    )
