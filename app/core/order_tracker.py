"""All orders of one account, found by either id. One writer; no I/O, no policy on when to ask the exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal

from msgspec import Struct

from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder, OrderIntent
from app.core.signal import Signal
from app.core.types import Fill, OrderType, OrderUpdate, Side, TimeInForce


class FillRecord(Struct, frozen=True):
    order: InFlightOrder
    fill: Fill
    recovered: bool = False
    """The account's stream missed it; it was found by asking."""


class OrderTracker:
    """Routes reports to orders: by client id first, then by exchange id; strangers become EXTERNAL orders.

    `version` rises with every change of any order.
    """

    def __init__(self) -> None:
        self.version = 0
        self.seen_again = 0
        """How often `version` rose for a message number alone: nothing worth writing down."""
        self.changed: Signal[InFlightOrder] = Signal()
        self.filled: Signal[FillRecord] = Signal()
        self._orders: dict[str, InFlightOrder] = {}
        self._by_client_id: dict[str, InFlightOrder] = {}
        # Some exchanges number the orders of each market on their own, so an id alone may name two orders.
        self._by_exchange_id: dict[str, dict[str, InFlightOrder]] = {}
        self._early_fills: dict[tuple[str, str], list[Fill]] = {}
        self._fills: Sequence[FillRecord] = ()
        self._fills_version = -1

    def __iter__(self) -> Iterator[InFlightOrder]:
        """Every order known, oldest first."""
        return iter(tuple(self._orders.values()))

    @property
    def newest(self) -> Iterator[InFlightOrder]:
        """Every order known, newest first."""
        return reversed(self._orders.values())

    def fills(self, recovered: AbstractSet[tuple[str, str]]) -> Sequence[FillRecord]:
        """Every execution known, oldest first. `recovered`: numbering and trade id of those the stream missed."""
        if self._fills_version != self.version:
            self._fills_version = self.version
            records = [
                FillRecord(order, fill, (fill.id_space, fill.trade_id) in recovered)
                for order in self._orders.values()
                for fill in order.fills
            ]
            self._fills = sorted(records, key=lambda record: record.fill.exchange_ms)
        return self._fills

    def __len__(self) -> int:
        return len(self._orders)

    @property
    def open(self) -> list[InFlightOrder]:
        """Every order that may still trade, UNKNOWN ones included; not those that the trader put away."""
        return [order for order in self._orders.values() if not order.is_done and not order.put_away]

    @property
    def put_away(self) -> list[InFlightOrder]:
        """Orders that the exchange did not know and the trader archived; they are still asked for."""
        return [order for order in self._orders.values() if not order.is_done and order.put_away]

    @property
    def stale_answers(self) -> int:
        """Reports of an open order that came after its end, of all orders since the start."""
        return sum(order.stale_answers for order in self._orders.values())

    @property
    def repeated_fills(self) -> int:
        """Executions told again under a trade id that was counted, of all orders since the start."""
        return sum(order.repeated_fills for order in self._orders.values())

    @property
    def unknown(self) -> list[InFlightOrder]:
        return [order for order in self._orders.values() if order.state is OrderState.UNKNOWN]

    def find(self, told: OrderUpdate | Fill) -> InFlightOrder | None:
        """The order that a report is about, by our id where it has one, else by the exchange's."""
        return self.get(told.client_order_id) or self.get(told.exchange_order_id)

    def get(self, key: str) -> InFlightOrder | None:
        """By our id, by the exchange's id, or by any `InFlightOrder.key` the order ever had."""
        order = self._orders.get(key) or self._by_client_id.get(key)
        return order or next(iter(self._by_exchange_id.get(key.removeprefix("#"), {}).values()), None)

    def start(self, intent: OrderIntent) -> InFlightOrder:
        """Begin to track an order of ours. Raises ValueError when the id is already in use."""
        if intent.client_order_id in self._by_client_id:
            raise ValueError(f"client order id {intent.client_order_id} is already in use")
        order = InFlightOrder(intent)
        self._keep(order)
        self.touch(order)
        return order

    def restore(self, order: InFlightOrder) -> None:
        """Take over an order that the journal remembers."""
        self._keep(order)
        self.touch(order)

    def touch(self, order: InFlightOrder) -> None:
        """Call after changing a fact of the order directly."""
        self.version += 1
        self.changed.emit(order)

    def bind(self, order: InFlightOrder, exchange_order_id: str, wall_ms: int = 0) -> None:
        """The exchange named its id for our order; what was reported under that id before is merged into it."""
        if not exchange_order_id:
            return
        stranger = self._bound(order.pair, exchange_order_id)
        if stranger is not None and stranger is not order:
            if OrderFlag.EXTERNAL not in stranger.flags:
                stranger.flags.add(OrderFlag.ID_CONFLICT)
                order.flags.add(OrderFlag.ID_CONFLICT)
                return
            self._orders = {key: kept for key, kept in self._orders.items() if kept is not stranger}
            del self._by_exchange_id[exchange_order_id][stranger.pair]
            order.absorb(stranger, wall_ms or stranger.updated_ms)
            self.touch(order)
        if order.exchange_order_id not in ("", exchange_order_id):
            order.flags.add(OrderFlag.ID_CONFLICT)
        order.exchange_order_id = order.exchange_order_id or exchange_order_id
        self._index(order)
        for fill in self._early_fills.pop((order.pair, exchange_order_id), ()):
            self.apply_fill(fill, wall_ms or fill.exchange_ms)

    def apply(self, update: OrderUpdate, wall_ms: int) -> InFlightOrder:
        """Merge a report; returns the order it belongs to."""
        order = self._find(update.client_order_id, update.exchange_order_id, update.pair)
        stranger = order is None
        if order is None:
            order = self._adopt(update, wall_ms)
        elif update.exchange_order_id and not order.exchange_order_id:
            self.bind(order, update.exchange_order_id, wall_ms)
        before = order.version
        news = order.apply(update, wall_ms)
        self._index(order)
        for fill in self._early_fills.pop((order.pair, order.exchange_order_id), ()):
            self.apply_fill(fill, wall_ms)
        if news or stranger:
            self.touch(order)
        elif order.version != before:
            self._see_again()
        return order

    def apply_fill(self, fill: Fill, wall_ms: int) -> InFlightOrder | None:
        """Count an execution. None while its order is not known yet: it is kept until the order is."""
        order = self._find(fill.client_order_id, fill.exchange_order_id, fill.pair)
        if order is None:
            waiting = self._early_fills.setdefault((fill.pair, fill.exchange_order_id), [])
            if fill not in waiting:
                waiting.append(fill)
            return None
        if fill.exchange_order_id and not order.exchange_order_id:
            self.bind(order, fill.exchange_order_id, wall_ms)
        before, told = order.version, len(order.history)
        if order.apply_fill(fill, wall_ms):
            self.filled.emit(FillRecord(order, fill))
            self.touch(order)
        elif len(order.history) > told:
            self.touch(order)
        elif order.version != before:
            self._see_again()
        self._index(order)
        return order

    @property
    def waiting_fills(self) -> list[Fill]:
        """Executions whose order nobody has described yet."""
        return [fill for fills in self._early_fills.values() for fill in fills]

    def _see_again(self) -> None:
        self.version += 1
        self.seen_again += 1

    def _find(self, client_order_id: str, exchange_order_id: str, pair: str) -> InFlightOrder | None:
        order = self._by_client_id.get(client_order_id) if client_order_id else None
        return order or self._bound(pair, exchange_order_id)

    def _bound(self, pair: str, exchange_order_id: str) -> InFlightOrder | None:
        return self._by_exchange_id.get(exchange_order_id, {}).get(pair)

    def _adopt(self, update: OrderUpdate, wall_ms: int) -> InFlightOrder:
        terms = OrderIntent(
            client_order_id=update.client_order_id,
            pair=update.pair,
            side=update.side or Side.BUY,
            type=update.type or OrderType.LIMIT,
            time_in_force=update.time_in_force or TimeInForce.GTC,
            price=update.price,
            amount=update.amount,
            quote_amount=update.quote_amount,
            stop_price=update.stop_price,
            created_ms=update.created_ms or update.exchange_ms,
        )
        order = InFlightOrder(terms, external=True, wall_ms=wall_ms)
        order.exchange_order_id = update.exchange_order_id
        order.frame, order.source = update.frame, update.source
        self._keep(order)
        return order

    def _keep(self, order: InFlightOrder) -> None:
        namesake = self._orders.get(order.key)
        free = namesake is None or namesake.pair == order.pair
        self._orders[order.key if free else f"{order.key} {order.pair}"] = order
        self._index(order)

    def _index(self, order: InFlightOrder) -> None:
        if order.client_order_id:
            self._by_client_id[order.client_order_id] = order
        for exchange_order_id in (order.exchange_order_id, order.triggered_order_id):
            if exchange_order_id:
                self._by_exchange_id.setdefault(exchange_order_id, {}).setdefault(order.pair, order)


def reserved(orders: list[InFlightOrder], base: str, quote: str) -> dict[str, Decimal]:
    """What open orders of one market bind, by asset: quote for buys, base for sells. Fees are not included."""
    held: dict[str, Decimal] = {}
    for order in orders:
        remaining = order.remaining
        if order.side is Side.SELL and remaining is not None:
            held[base] = held.get(base, Decimal(0)) + remaining
        elif order.side is Side.BUY and remaining is not None and order.terms.price is not None:
            held[quote] = held.get(quote, Decimal(0)) + remaining * order.terms.price
    return held
