"""The one writer: books, accounts, orders and stops of a whole venue, announcing what happened. No I/O, no protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from app.core.clock import Clock
from app.core.types import Side, TimeInForce
from app.paper.accounts import AccountBook, InsufficientBalance, spent_asset
from app.paper.announcer import Announcer
from app.paper.events import (
    BookChange,
    Cause,
    Execution,
    Fill,
    OrderEventKind,
)
from app.paper.ledger import Ledger
from app.paper.listings import Instrument
from app.paper.matching import Ending, Match, MatchingBook
from app.paper.orders import Order, OrderKind, OrderState, StopOrder
from app.paper.stops import StopBook, stop_to_order

REASONS = {
    Ending.WOULD_TAKE: "post-only order would take",
    Ending.NOT_FILLABLE: "cannot be filled completely",
    Ending.REMAINDER: "nothing more to take",
    Ending.SELF_TRADE: "self-trade prevention",
}


class Refusal(Enum):
    BALANCE = "insufficient balance"
    DUPLICATE_ID = "client order id already used"


class Refused(Exception):
    """The venue does not take this order; nothing has changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Venue(Announcer):
    """All state of a paper exchange. Every public call is one step; `drain` gives the events of the steps so far."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        accounts: AccountBook,
        clock: Clock,
        next_order_id: Callable[[], int],
        first_trade_id: int = 1,
        *,
        client_ids_reusable: bool = False,
    ) -> None:
        super().__init__(accounts, clock)
        self.instruments = {i.pair: i for i in instruments}
        own = {pair: (MatchingBook(pair), StopBook()) for pair, i in self.instruments.items() if not i.book}
        self.books = {pair: own[i.book or pair][0] for pair, i in self.instruments.items()}
        self.stops = {pair: own[i.book or pair][1] for pair, i in self.instruments.items()}
        self.last_ticks: dict[str, int] = {}
        self.ledgers: dict[str, Ledger] = {}
        self._next_order_id = next_order_id
        self._client_ids_reusable = client_ids_reusable
        self._waiting: dict[int, StopOrder] = {}
        self._next_maker_id = -1
        self._next_trade_id = first_trade_id

    def ledger(self, account_id: str) -> Ledger:
        found = self.ledgers.get(account_id)
        if found is None:
            found = self.ledgers[account_id] = Ledger()
        return found

    # --- the seeded market's own orders: no account, unlimited funds, no order events

    def quote(self, pair: str, side: Side, ticks: int, lots: int) -> Order:
        """Rest a market maker's post-only order; the answer's state says whether it was accepted."""
        self._next_maker_id -= 1
        order = Order(
            order_id=self._next_maker_id,
            owner="",
            pair=pair,
            side=side,
            kind=OrderKind.POST_ONLY,
            ticks=ticks,
            lots=lots,
        )
        _, ending = self.books[pair].submit(order)
        if ending is not Ending.RESTS:
            order.state = OrderState.CANCELED
            return order
        self._announce_book(pair, self.now_ms())
        return order

    def withdraw(self, order: Order) -> None:
        """Cancel a market maker's order. Harmless when it is finished already."""
        if order.state.is_open:
            self.books[order.pair].remove(order)
            order.state = OrderState.CANCELED
            self._announce_book(order.pair, self.now_ms())

    def take(self, pair: str, side: Side, ticks: int, lots: int) -> int:
        """An anonymous immediate-or-cancel order; returns the lots it got."""
        self._next_maker_id -= 1
        order = Order(
            order_id=self._next_maker_id,
            owner="",
            pair=pair,
            side=side,
            kind=OrderKind.LIMIT,
            time_in_force=TimeInForce.IOC,
            ticks=ticks,
            lots=lots,
        )
        self._enter(order, self.now_ms())
        return order.filled_lots

    # --- accounts

    def place(self, order: Order) -> Order:
        """Hold the funds, match, rest or cancel. Fills in id and times. Raises Refused."""
        now_ms = self.now_ms()
        ledger = self.ledger(order.owner)
        if ledger.uses(order.client_order_id, open_only=self._client_ids_reusable):
            raise Refused(Refusal.DUPLICATE_ID)
        self._hold(order)
        self._accept(order, ledger, now_ms)
        return order

    def place_waiting(self, order: Order, stop: StopOrder) -> Order:
        """Accept the order and hold its funds (a market buy's only later), but let it meet the book, under the same id,
        not before the stop's condition is met. Raises Refused."""
        ledger = self.ledger(order.owner)
        if ledger.uses(order.client_order_id, open_only=self._client_ids_reusable):
            raise Refused(Refusal.DUPLICATE_ID)
        order.waits = True
        self._hold(order)
        self._record(order, ledger, self.now_ms())
        stop.order_id, stop.held = order.order_id, order
        self._waiting[order.order_id] = stop
        self.stops[order.pair].add(stop, self.last_ticks.get(self.books[order.pair].pair, 0))
        return order

    def cancel(self, order: Order, reason: str = "cancelled by the user") -> bool:
        """Whether the order was still open."""
        if not order.state.is_open:
            return False
        now_ms = self.now_ms()
        if order.waits:
            self.stops[order.pair].drop(self._waiting.pop(order.order_id))
        else:
            self.books[order.pair].remove(order)
        self._close(order, reason, now_ms)
        self._announce_book(order.pair, now_ms)
        return True

    def cancel_all(
        self, account_id: str, pairs: Iterable[str] = (), reason: str = "cancelled by the user"
    ) -> list[Order]:
        """Cancel the account's open orders, of these pairs or (none given) of all; returns them."""
        wanted = set(pairs)
        orders = [o for o in self.ledger(account_id).open.values() if not wanted or o.pair in wanted]
        for order in orders:
            self.cancel(order, reason)
        return orders

    def replace(self, old: Order, new: Order, *, proceed_on_failure: bool = False) -> Order | None:
        """Cancel `old`, then place `new` at the end of its queue; None when `old` was finished and that matters.

        Raises Refused: a duplicate id leaves `old` alone, a lack of funds is found after the cancel.
        """
        if self.ledger(new.owner).uses(new.client_order_id, open_only=self._client_ids_reusable):
            raise Refused(Refusal.DUPLICATE_ID)
        if not self.cancel(old, "replaced") and not proceed_on_failure:
            return None
        return self.place(new)

    def amend(self, order: Order, ticks: int, lots: int) -> bool:
        """New price and total size under the same id; False when it was finished already.

        Less at the same price keeps its place in the queue, everything else goes to the end and may take. A size that
        is filled already finishes the order. Raises Refused for lack of funds and leaves the order as it was.
        """
        if not order.state.is_open:
            return False
        now_ms = self.now_ms()
        self._change_hold(order, ticks, lots)
        smaller = order.waits or (ticks == order.ticks and order.filled_lots < lots <= order.lots)
        order.updated_ms = now_ms
        if order.waits:
            order.ticks, order.lots = ticks, lots
        elif smaller:
            self.books[order.pair].shrink(order, lots)
        else:
            self.books[order.pair].remove(order)
            order.ticks, order.lots = ticks, max(lots, order.filled_lots)
        done = order.remaining_lots == 0
        if done:
            order.state = OrderState.FILLED
            self.ledger(order.owner).finish(order)
        self._announce_order(
            OrderEventKind.AMENDED, order, order.state, order.filled_lots, order.filled_cells, None, "", now_ms
        )
        self._announce_balance(order, spent_asset(order, self.instruments[order.pair]), Cause.PLACED, now_ms)
        if smaller or done:
            self._announce_book(order.pair, now_ms)
        else:
            self._enter(order, now_ms)
        return True

    def place_stop(self, stop: StopOrder) -> StopOrder:
        """Wait for the condition; funds are held on trigger. Raises Refused."""
        ledger = self.ledger(stop.owner)
        if ledger.uses(stop.client_order_id, open_only=self._client_ids_reusable):
            raise Refused(Refusal.DUPLICATE_ID)
        stop.order_id = self._next_order_id()
        stop.created_ms = stop.updated_ms = self.now_ms()
        ledger.record_stop(stop)
        self.stops[stop.pair].add(stop, self.last_ticks.get(self.books[stop.pair].pair, 0))
        self._announce_stop(stop, OrderState.PENDING)
        return stop

    def cancel_stop(self, stop: StopOrder) -> bool:
        """Whether the stop order was still waiting."""
        if stop.state is not OrderState.PENDING:
            return False
        self.stops[stop.pair].drop(stop)
        self._announce_stop(stop, OrderState.CANCELED)
        return True

    # --- inside

    def _hold(self, order: Order) -> None:
        account = self._account(order)
        instrument = self.instruments[order.pair]
        if order.side is Side.SELL:
            atoms = order.lots * instrument.base_atoms_per_lot
        elif order.kind is not OrderKind.MARKET:
            atoms = order.ticks * order.lots * instrument.quote_atoms_per_cell
        elif order.waits:
            atoms = 0
        else:
            book = self.books[order.pair]
            cells = order.cells or book.cost_of(order.side, order.lots, order.bound_ticks)
            atoms = cells * instrument.quote_atoms_per_cell
        if order.side is Side.BUY:
            atoms += account.fees.reserve(atoms)
        try:
            account.place_hold(order, spent_asset(order, instrument), atoms)
        except InsufficientBalance:
            raise Refused(Refusal.BALANCE) from None

    def _change_hold(self, order: Order, ticks: int, lots: int) -> None:
        instrument = self.instruments[order.pair]
        remaining = max(0, lots - order.filled_lots)
        atoms = remaining * instrument.base_atoms_per_lot
        if order.side is Side.BUY:
            atoms = ticks * remaining * instrument.quote_atoms_per_cell
            atoms += self._account(order).fees.reserve(atoms)
        account, asset = self._account(order), spent_asset(order, instrument)
        before = account.release_hold(order, asset)
        try:
            account.place_hold(order, asset, atoms)
        except InsufficientBalance:
            account.place_hold(order, asset, before)
            raise Refused(Refusal.BALANCE) from None

    def _accept(self, order: Order, ledger: Ledger, now_ms: int) -> None:
        self._record(order, ledger, now_ms)
        self._enter(order, now_ms)

    def _record(self, order: Order, ledger: Ledger, now_ms: int) -> None:
        order.order_id = self._next_order_id()
        order.created_ms = order.updated_ms = now_ms
        ledger.record(order)
        self._announce_order(OrderEventKind.PLACED, order, OrderState.OPEN, 0, 0, None, "", now_ms)
        self._announce_balance(order, spent_asset(order, self.instruments[order.pair]), Cause.PLACED, now_ms)

    def _enter(self, order: Order, now_ms: int) -> None:
        order.working_ms = order.working_ms or now_ms
        matches, ending = self.books[order.pair].submit(order)
        for expired in self.books[order.pair].take_expired():
            self._close(expired, REASONS[Ending.SELF_TRADE], now_ms)
        self._announce_book(order.pair, now_ms)
        taken_lots = order.filled_lots - sum(match.lots for match in matches)
        taken_cells = order.filled_cells - sum(match.lots * match.ticks for match in matches)
        for match in matches:
            taken_lots += match.lots
            taken_cells += match.lots * match.ticks
            self._execute(order, match, taken_lots, taken_cells, ending, now_ms)
        nothing_bought = ending is Ending.FILLED and not matches
        if order.owner and (ending in REASONS or nothing_bought):
            self._close(order, REASONS.get(ending, "amount buys less than the smallest lot"), now_ms)
        if matches:
            self._release_triggered(order.pair, matches, now_ms)

    def _execute(
        self, taker: Order, match: Match, taken_lots: int, taken_cells: int, ending: Ending, now_ms: int
    ) -> None:
        maker = match.maker
        trade_id = self._next_trade_id
        self._next_trade_id += 1
        pair = self.books[taker.pair].pair
        self.last_ticks[pair] = match.ticks
        self._events.append(
            Execution(
                pair=pair,
                trade_id=trade_id,
                taker_side=taker.side,
                ticks=match.ticks,
                lots=match.lots,
                maker_order_id=maker.order_id,
                taker_order_id=taker.order_id,
                time_ms=now_ms,
            )
        )
        done = maker.remaining_lots == 0
        maker.state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
        if maker.owner:
            self._settle(maker, match, trade_id, maker.filled_lots, maker.filled_cells, maker.state, True, now_ms)
        if taker.owner:
            last = ending is Ending.FILLED and taken_cells == taker.filled_cells
            taker.state = OrderState.FILLED if last else OrderState.PARTIALLY_FILLED
            self._settle(taker, match, trade_id, taken_lots, taken_cells, taker.state, False, now_ms)

    def _settle(
        self,
        order: Order,
        match: Match,
        trade_id: int,
        filled_lots: int,
        filled_cells: int,
        state: OrderState,
        maker: bool,
        now_ms: int,
    ) -> None:
        account = self._account(order)
        instrument = self.instruments[order.pair]
        fee, fee_asset = account.settle(order, instrument, match.ticks, match.lots, maker=maker)
        fill = Fill(
            fill_id=self._next_order_id(),
            trade_id=trade_id,
            order=order,
            ticks=match.ticks,
            lots=match.lots,
            fee_atoms=fee,
            fee_asset=fee_asset,
            maker=maker,
            time_ms=now_ms,
        )
        ledger = self.ledger(order.owner)
        ledger.fills.append(fill)
        order.updated_ms = now_ms
        if state is OrderState.FILLED:
            account.release_hold(order, spent_asset(order, instrument))
            ledger.finish(order)
        self._announce_order(OrderEventKind.FILLED, order, state, filled_lots, filled_cells, fill, "", now_ms)
        for asset in (instrument.base, instrument.quote):
            self._announce_balance(order, asset, Cause.FILLED, now_ms)

    def _close(self, order: Order, reason: str, now_ms: int) -> None:
        order.state = OrderState.CANCELED
        order.closed_reason = reason
        order.updated_ms = now_ms
        self.ledger(order.owner).finish(order)
        asset = spent_asset(order, self.instruments[order.pair])
        released = self._account(order).release_hold(order, asset)
        self._announce_order(
            OrderEventKind.CLOSED,
            order,
            OrderState.CANCELED,
            order.filled_lots,
            order.filled_cells,
            None,
            reason,
            now_ms,
        )
        if released:
            self._announce_balance(order, asset, Cause.CLOSED, now_ms)

    def _release_triggered(self, pair: str, matches: list[Match], now_ms: int) -> None:
        stops = self.stops[pair]
        if not stops:
            return
        for match in matches:
            for stop in stops.reached(match.ticks):
                self._trigger(stop, match.ticks, now_ms)

    def _release(self, order: Order, now_ms: int) -> None:
        """A waiting order meets the book."""
        del self._waiting[order.order_id]
        order.waits = False
        try:
            if not order.held_atoms:
                self._hold(order)
        except Refused as refused:
            return self._close(order, refused.refusal.value, now_ms)
        order.updated_ms = order.working_ms = now_ms
        self._announce_order(OrderEventKind.RELEASED, order, order.state, 0, 0, None, "", now_ms)
        self._enter(order, now_ms)

    def _trigger(self, stop: StopOrder, last_ticks: int, now_ms: int) -> None:
        if stop.held is not None:
            return self._release(stop.held, now_ms)
        order = stop_to_order(stop, last_ticks)
        ledger = self.ledger(stop.owner)
        try:
            self._hold(order)
        except Refused:
            self._announce_stop(stop, OrderState.FAILED)
            return
        self._announce_stop(stop, OrderState.TRIGGERED)
        self._accept(order, ledger, now_ms)
        stop.triggered_order_id = order.order_id

    def _announce_book(self, pair: str, now_ms: int) -> None:
        book = self.books[pair]
        changes = book.take_changes()
        if changes is not None:
            self._events.append(
                BookChange(pair=book.pair, sequence=book.sequence, bids=changes[0], asks=changes[1], time_ms=now_ms)
            )
