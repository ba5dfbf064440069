"""Binance' user data: what becomes of an account's events, for its listeners, its order count and its records.

| what | rule | evidence |
|---|---|---|
| executionReport | one per order event, then outboundAccountPosition with the assets that step touched | sheet 5.2 |
| several steps at once | one outboundAccountPosition per step | unconfirmed |
| balanceUpdate, listStatus, externalLockUpdate | never: nothing is deposited, listed or locked outside here | ours |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from app.paper.desk import Desk
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_orders_wire import account_position, execution_report
from app.paper.dialects.binance_wire import SELF_TRADE, Json, Ms, fixed, symbol_of, terms_of
from app.paper.events import BalanceChanged, Event, OrderEvent, OrderEventKind
from app.paper.orders import Order

_TAKER_CREDIT, _MAKER_CREDIT = -1, -5


class Listener(Protocol):
    def hear(self, account_id: str, event: Json) -> None: ...


class UserFeed:
    """Who listens to which account."""

    def __init__(self, desk: Desk, limits: Limits, next_id: Callable[[], int]) -> None:
        self._desk = desk
        self._limits = limits
        self._next_id = next_id
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._entered: dict[str, Order] = {}
        self.prevented: list[Json] = []

    def listen(self, account_id: str, listener: Listener) -> None:
        self._listeners.setdefault(account_id, {})[listener] = None

    def leave(self, account_id: str, listener: Listener) -> None:
        self._listeners.get(account_id, {}).pop(listener, None)

    def show(self, events: Sequence[Event]) -> None:
        now_ms = self._desk.venue.now_ms()
        changes: list[BalanceChanged] = []
        for event in events:
            if type(event) is BalanceChanged:
                changes.append(event)
            elif changes:
                self._tell_balances(changes, now_ms)
                changes = []
            if type(event) is OrderEvent:
                self._note(event)
                listeners = self._listeners.get(event.order.owner)
                if listeners:
                    instrument = self._desk.venue.instruments[event.order.pair]
                    self._tell(event.order.owner, execution_report(event, instrument, self._next_id(), now_ms))
        if changes:
            self._tell_balances(changes, now_ms)

    def _note(self, event: OrderEvent) -> None:
        order, terms = event.order, terms_of(event.order)
        if event.kind in (OrderEventKind.PLACED, OrderEventKind.RELEASED):
            self._entered[order.pair] = order
        elif event.fill is not None and not terms.filled_before:
            terms.filled_before = True
            self._limits.count_order(order.owner, _MAKER_CREDIT if event.fill.maker else _TAKER_CREDIT)
        elif event.kind is OrderEventKind.CLOSED and event.reason == SELF_TRADE:
            self._note_prevented(event)

    def _note_prevented(self, event: OrderEvent) -> None:
        order, terms = event.order, terms_of(event.order)
        taker = self._entered[order.pair]
        terms.prevented_lots = order.remaining_lots
        scale = self._desk.venue.instruments[order.pair].quantity_scale
        known = self.prevented[-1] if self.prevented else None
        if order is not taker:
            terms.counter_order_id, terms.prevented_id = taker.order_id, len(self.prevented)
            row = self._prevented_row(taker, order, event.time_ms)
            self.prevented.append(row | {"makerPreventedQuantity": fixed(terms.prevented_lots, scale)})
            return
        taken = fixed(terms.prevented_lots, scale)
        if terms.stp_mode == "EXPIRE_BOTH" and known is not None and known["takerOrderId"] == order.order_id:
            known["takerPreventedQuantity"] = taken
        else:
            maker = self._met_by(order)
            self.prevented.append(self._prevented_row(order, maker, event.time_ms) | {"takerPreventedQuantity": taken})
        terms.prevented_id = len(self.prevented) - 1
        terms.counter_order_id = self.prevented[-1]["makerOrderId"]

    def _met_by(self, taker: Order) -> Order:
        """The own order at the front of the other side."""
        book = self._desk.venue.books[taker.pair]
        side = book.bids if taker.side.value == "SELL" else book.asks
        best = side.best()
        return next(iter(side.orders_at(best))) if best is not None else taker

    def _prevented_row(self, taker: Order, maker: Order, time_ms: int) -> Json:
        return {
            "symbol": symbol_of(taker.pair),
            "preventedMatchId": len(self.prevented),
            "takerOrderId": taker.order_id,
            "makerSymbol": symbol_of(taker.pair),
            "makerOrderId": maker.order_id,
            "tradeGroupId": -1,
            "selfTradePreventionMode": terms_of(taker).stp_mode,
            "price": fixed(maker.ticks, self._desk.venue.instruments[taker.pair].price_scale),
            "transactTime": Ms(time_ms),
        }

    def _tell_balances(self, changes: list[BalanceChanged], now_ms: int) -> None:
        self._tell(changes[0].account, account_position(changes, now_ms))

    def _tell(self, account_id: str, event: Json) -> None:
        for listener in self._listeners.get(account_id, ()):
            listener.hear(account_id, event)
