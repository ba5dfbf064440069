"""Balances, orders and fills of one account, kept true by its stream and by asking. Places and cancels nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from app.connectors.account_audit import HoldWatch
from app.connectors.spec import PrivateSource
from app.connectors.stream_check import StreamCheck
from app.connectors.taps import MOST_WAITING
from app.connectors.user_stream_tracker_data_source import Tap, UserStreamTrackerDataSource
from app.connectors.venue import TROUBLE, Venue
from app.core.account import AccountBook, FeeSchedule
from app.core.clock import NS_PER_S
from app.core.effects import AccountEvent
from app.core.errors import ErrorKind
from app.core.holds import holds
from app.core.journal import EntryKind, OrderLedger
from app.core.links import LinkState
from app.core.order_state import OrderFlag
from app.core.orders import InFlightOrder, OrderIntent
from app.core.reports import REST, STREAM, Reports
from app.core.requests import VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, VenueState
from app.net.waiting import cut_short, happens

T = TypeVar("T")

SHORT_POLL_S = 5.0
"""Between questions while the stream is silent or absent."""
LONG_POLL_S = 30.0
"""Between audits while the stream is fresh."""
_FRESH_S = 15.0
_BUNCH_S = 0.1
_ASK_ABOUT_AFTER_S = 1.0
_BUNCH_TOLD_NS = 2 * NS_PER_S
_FEES_EVERY_S = 600.0
_OVERLAP_MS = 10 * 60_000


class UserStreamTracker:
    """The account as the exchange tells it: the stream first, REST on every (re)connect, at audits, and as a fallback.

    `reconciled` turns true when everything has been asked once since the stream came up.
    """

    def __init__(
        self,
        venue: Venue,
        data_source: UserStreamTrackerDataSource,
        account: AccountBook,
        ledger: OrderLedger,
    ) -> None:
        self.data_source = data_source
        self.account = account
        self.ledger = ledger
        self.fees: FeeSchedule = venue.spec.default_fees
        self.reconciled = False
        self.last_poll_ns = 0
        self.trouble = ""
        """Why the last question went unanswered, or empty."""
        self.recovered: set[tuple[str, str]] = set()
        """Executions (id space, trade id) that the stream missed and a later question told."""
        self.watermark_ms = 0
        self._known_since_ms = 0
        self._recovered_told: set[tuple[str, str]] = set()
        self.on_reconciled: Callable[[], None] = lambda: None
        """Called after every time that everything was asked for and answered."""
        self.reports = Reports()
        ledger.on_report = self._note_order
        self._user_stream: Tap | None = None
        self._venue = venue
        self._source: PrivateSource = data_source.source
        self._hold_watch = HoldWatch(venue)
        self._ask_soon = False
        self._losses = 0
        self._confirmed = False
        self._told = ("", 0)
        self._asking: asyncio.Timeout | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._poll_now = asyncio.Event()
        self._balances_now = asyncio.Event()
        self.check = StreamCheck(
            venue, ledger.tracker, lambda: self.reconciled and self.stream_fresh, self._on_lost_events
        )
        data_source.sink = self._on_event
        data_source.on_subscribed = self._on_subscribed
        data_source.on_lost = self._on_lost
        data_source.ask_now = self.ask_now
        venue.answers_again.connect(self._on_answers_again)

    def start(self) -> None:
        self.data_source.start()
        self._venue.spawn(self._status_polling_loop(), "account polling", self._tasks)
        self._venue.spawn(self._fee_polling_loop(), "fee polling", self._tasks)
        self._venue.spawn(self.check.run(), "stream check", self._tasks)
        if not self._source.streams_balances:
            self._venue.spawn(self._balance_polling_loop(), "balance polling", self._tasks)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.data_source.stop()
        self.reconciled = False

    @property
    def user_stream(self) -> Tap:
        """Every private event from the first reading of this property on, in wire order; at most 10,000 wait."""
        if self._user_stream is None:
            self._user_stream = asyncio.Queue(MOST_WAITING)
            listening = self.data_source.listen_for_user_stream(self._user_stream)
            self._venue.spawn(listening, "user stream tap", self._tasks)
        return self._user_stream

    @property
    def stream_fresh(self) -> bool:
        """Whether the private stream is logged in and has shown life lately."""
        status = self.data_source.status
        if status is None or status.state is not LinkState.LIVE or not self.data_source.logged_in:
            return False
        return self._venue.clock.mono_ns() - status.last_recv_ns < _FRESH_S * NS_PER_S

    def ask_now(self) -> None:
        """Ask the exchange for everything at the next turn of the loop."""
        self._poll_now.set()

    def start_over(self) -> None:
        """Believe nothing until everything has been asked again."""
        self.reconciled = False
        self.ask_now()

    def _on_answers_again(self, _nothing: None) -> None:
        if self.trouble:
            self.ask_now()

    # -- what arrives

    def _on_event(self, event: AccountEvent) -> None:
        wall_ms = self._venue.wall_ms()
        known = len(self.ledger.tracker), len(self.ledger.tracker.waiting_fills)
        if isinstance(event, OrderUpdate):
            self.check.heard(lambda: self.ledger.update(event, wall_ms, "stream"))
            if event.state is VenueState.UNKNOWN_WORD:
                self._venue.spawn(self._ask_about(event), "state word", self._tasks)
        elif isinstance(event, Fill):
            self.recovered.discard((event.id_space, event.trade_id))
            self.check.heard(lambda: self.ledger.fill(event, wall_ms, "stream"))
        else:
            self.account.apply_delta(event)
            self.reports.note_balance(event.balance, STREAM, wall_ms)
            return
        orders = self.ledger.tracker
        self.check.confirm(orders.find(event))
        if (len(self.ledger.tracker), len(self.ledger.tracker.waiting_fills)) > known:
            self._venue.spawn(self._describe(event), "describe an order", self._tasks)
        if not self._source.streams_balances:
            self._balances_now.set()

    def _on_subscribed(self) -> None:
        self.check.started()
        # What was asked for before the stream spoke does not tell what happened until then.
        self._on_lost("")
        self._confirmed = True
        cut_short(self._asking)
        self._venue.answers_again.emit(None)

    def _on_lost_events(self) -> None:
        self.data_source.reconnect("order events were missing")
        self.ask_now()

    async def _ask_about(self, update: OrderUpdate) -> None:
        """The stream said of an order what we do not know: perhaps REST has another word for it."""
        await asyncio.sleep(_ASK_ABOUT_AFTER_S)
        tracker = self.ledger.tracker
        order = tracker.find(update)
        if order is None or OrderFlag.UNKNOWN_WORD not in order.flags or order.is_done:
            return
        try:
            await self.query(order)
        except TROUBLE as error:
            self._say_trouble(error)

    def _on_lost(self, reason: str) -> None:
        self.reconciled = False
        self._losses += 1
        self._poll_now.set()

    # -- what is asked

    async def _status_polling_loop(self) -> None:
        while True:
            started_fresh = self.stream_fresh
            self._poll_now.clear()
            try:
                async with asyncio.timeout(None) as self._asking:
                    if self._confirmed:
                        self._confirmed = False
                        # Every channel of the stream confirms by itself; one comparison is for all of them.
                        await asyncio.sleep(_BUNCH_S)
                    await self._reconcile(started_fresh or self._source.link is None)
            except TimeoutError:
                continue  # the stream came back meanwhile: begin anew
            finally:
                self._asking = None
            told = started_fresh and self.data_source.whole
            wait_s = LONG_POLL_S if told and self.reconciled and not self._ask_soon else SHORT_POLL_S
            await happens(self._poll_now, wait_s)

    async def _balance_polling_loop(self) -> None:
        """For accounts whose stream does not tell balances."""
        while True:
            if await happens(self._balances_now, SHORT_POLL_S):
                # Reports come in bunches; one question answers them all.
                await asyncio.sleep(_BUNCH_S)
            self._balances_now.clear()
            try:
                await self._update_balances()
            except TROUBLE as error:
                self._say_trouble(error)

    async def _fee_polling_loop(self) -> None:
        while True:
            call = self._source.get_fees()
            if call is None:
                return
            try:
                self.fees = await self._venue.perform(call)
                await asyncio.sleep(_FEES_EVERY_S)
            except TROUBLE:
                await asyncio.sleep(SHORT_POLL_S)

    async def _reconcile(self, complete: bool) -> None:
        """Open orders, then orders that should be among them, then fills, balances last; nothing is ever made up.

        `complete`: the stream told everything since before the question, so that nothing can fall in between.
        """
        losses = self._losses
        try:
            await self._update_order_status()
            await self._update_fills()
            await self._update_balances()
        except TROUBLE as error:
            self._say_trouble(error)
            return
        self.trouble = ""
        self.last_poll_ns = self._venue.clock.mono_ns()
        self._ask_soon = self._hold_watch.look(holds(self.ledger.tracker.open, self.account.balances, self.fees))
        if complete and not self.reconciled and losses == self._losses:
            self.reconciled = True
            recovered = len(self.recovered - self._recovered_told)
            self._recovered_told = set(self.recovered)
            count = len(self.ledger.tracker.open)
            words = f"Reconciled: {_counted(count, 'open order')}, {_counted(recovered, 'fill')} recovered"
            # The confirmation of each channel begins anew: the same is not told twice in a row.
            if recovered or words != self._told[0] or self.last_poll_ns - self._told[1] > _BUNCH_TOLD_NS:
                self._venue.notices.info(self._venue.key, words)
                self._told = (words, self.last_poll_ns)
        self.on_reconciled()

    async def take_rest_balance(self, asset: str) -> None:
        """Ask, and believe what is told of this asset. Raises VenueError, NotSent, NoAnswer."""
        for balance in await self._update_balances():
            if balance.asset == asset:
                self.account.take(balance)

    async def _update_balances(self) -> list[Balance]:
        asked_ms, wall_ms = self._venue.estimate_ms(), self._venue.wall_ms()
        balances = await self._venue.all_pages(self._source.get_balances())
        frame = max((balance.frame for balance in balances), default=0)
        self.account.apply_all(balances, frame, asked_ms)
        for balance in balances:
            self.reports.note_balance(balance, REST, wall_ms)
        return balances

    async def _update_order_status(self) -> None:
        before = {order.key: order.version for order in self.ledger.tracker if not order.is_done}
        listed: set[str] = set()
        for update in await self._venue.all_pages(self._source.get_open_orders()):
            self.ledger.update(update, self._venue.wall_ms())
            order = self.ledger.tracker.find(update)
            if order is not None:
                listed.add(order.key)
        for order in (*self.ledger.tracker.open, *self.ledger.tracker.put_away):
            # An order that changed while the list was under way is not missing from it.
            if order.seen and order.key not in listed and before.get(order.key) == order.version:
                await self.query(order)
        for order in self.ledger.tracker:
            if OrderFlag.FILLS_MISSING in order.flags and order.exchange_order_id:
                await self.query_fills(order)

    async def _update_fills(self) -> None:
        since_ms = max(0, self.watermark_ms - _OVERLAP_MS)
        if not self.watermark_ms:
            self.watermark_ms = self._venue.estimate_ms()
            self._known_since_ms = self.watermark_ms
            return
        self._known_since_ms = self._known_since_ms or self.watermark_ms
        asked_ms = self._venue.estimate_ms()
        for fill in await self._venue.all_pages(self._source.get_fills(since_ms)):
            self.take_fill(fill)
        await self._describe_waiting_fills()
        self.watermark_ms = asked_ms

    async def _describe_waiting_fills(self) -> None:
        # Several executions of one order need one question.
        waiting = {(fill.pair, fill.exchange_order_id): fill for fill in self.ledger.tracker.waiting_fills}
        for fill in waiting.values():
            terms = OrderIntent(client_order_id="", pair=fill.pair, side=fill.side, type=OrderType.LIMIT)
            order = InFlightOrder(terms, external=True)
            order.exchange_order_id = fill.exchange_order_id
            try:
                self.ledger.update(await self._venue.perform(self._source.get_order(order)), self._venue.wall_ms())
            except VenueError:
                continue

    async def _describe(self, event: OrderUpdate | Fill) -> None:
        """An order that was not placed here: a report of the stream may leave out what it is."""
        try:
            await self._describe_waiting_fills()
            order = self.ledger.tracker.get(event.exchange_order_id)
            if order is not None:
                await self.query(order)
        except TROUBLE:
            self.ask_now()

    async def query(self, order: InFlightOrder) -> bool:
        """Ask for one order; False when the exchange does not know it. Raises VenueError, NotSent, NoAnswer."""
        try:
            update = await self._venue.perform(self._source.get_order(order))
        except VenueError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            if order.seen and not order.is_done and OrderFlag.LOST not in order.flags:
                self.ledger.enter(EntryKind.LOST, order.key, self._venue.wall_ms(), frame=error.frame)
            return False
        self.ledger.update(update, self._venue.wall_ms())
        if order.fills_missing > 0:
            await self.query_fills(order)
        return True

    async def query_fills(self, order: InFlightOrder) -> None:
        """Fetch the executions of one order. Raises VenueError, NotSent, NoAnswer."""
        for fill in await self._venue.all_pages(self._source.get_order_fills(order)):
            self.take_fill(fill)

    def take_fill(self, fill: Fill) -> None:
        """Enter what an answer told: recovered when the stream told neither of it nor of the amount it filled."""
        tracker = self.ledger.tracker
        order = tracker.find(fill)
        counted = order.filled - order.fills_missing if order is not None else 0
        streamed = self.reports.streamed(order.key) if order is not None else 0
        before = len(order.fills) if order is not None else len(tracker.waiting_fills)
        self.ledger.fill(fill, self._venue.wall_ms())
        after = len(order.fills) if order is not None else len(tracker.waiting_fills)
        expected = self._source.link is not None and 0 < self._known_since_ms <= fill.exchange_ms
        if after > before and expected and streamed < counted + fill.amount:
            self.recovered.add((fill.id_space, fill.trade_id))

    async def load_history(self, since_ms: int) -> None:
        """Fetch orders that ended since then, and their fills. Raises VenueError, NotSent, NoAnswer."""
        for update in await self._venue.all_pages(self._source.get_order_history(since_ms)):
            self.ledger.update(update, self._venue.wall_ms())
        for fill in await self._venue.all_pages(self._source.get_fills(since_ms)):
            self.take_fill(fill)

    def _note_order(self, update: OrderUpdate, wall_ms: int) -> None:
        order = self.ledger.tracker.find(update)
        if order is not None:
            self.reports.note_order(order.key, update, update.source, wall_ms)

    def _say_trouble(self, error: Exception) -> None:
        words = str(error)
        if words != self.trouble:
            self._venue.notices.warning(self._venue.key, f"account not read: {words}")
        self.trouble = words


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
