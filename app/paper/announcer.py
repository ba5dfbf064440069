"""What a venue tells of its steps: the events so far, and how orders, stops and balances become events. No rules."""

from __future__ import annotations

from app.core.clock import NS_PER_MS, Clock
from app.paper.accounts import Account, AccountBook
from app.paper.events import BalanceChanged, Cause, Event, Fill, OrderEvent, OrderEventKind, StopEvent
from app.paper.orders import Order, OrderState, StopOrder


class Announcer:
    """The part of a venue that keeps its events."""

    def __init__(self, accounts: AccountBook, clock: Clock) -> None:
        self.accounts = accounts
        self._clock = clock
        self._events: list[Event] = []

    def now_ms(self) -> int:
        return self._clock.wall_ns() // NS_PER_MS

    def drain(self) -> list[Event]:
        """Everything that happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def _account(self, order: Order) -> Account:
        account = self.accounts.get(order.owner)
        if account is None:
            raise KeyError(f"no account {order.owner!r}")
        return account

    def _announce_order(
        self,
        kind: OrderEventKind,
        order: Order,
        state: OrderState,
        filled_lots: int,
        filled_cells: int,
        fill: Fill | None,
        reason: str,
        now_ms: int,
    ) -> None:
        self._events.append(
            OrderEvent(
                kind=kind,
                order=order,
                state=state,
                filled_lots=filled_lots,
                filled_cells=filled_cells,
                fill=fill,
                reason=reason,
                time_ms=now_ms,
            )
        )

    def _announce_stop(self, stop: StopOrder, state: OrderState) -> None:
        stop.state = state
        stop.updated_ms = self.now_ms()
        self._events.append(StopEvent(stop=stop, state=state, time_ms=stop.updated_ms))

    def _announce_balance(self, order: Order, asset: str, cause: Cause, now_ms: int) -> None:
        balance = self._account(order).balance(asset)
        self._events.append(
            BalanceChanged(
                account=order.owner,
                asset=asset,
                available=balance.available,
                hold=balance.hold,
                cause=cause,
                time_ms=now_ms,
            )
        )
