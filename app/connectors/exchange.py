"""One connected exchange, with or without an account: the facade that the screen reads and asks. No sockets, no Qt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from app.connectors.account_history import AccountHistory
from app.connectors.book_freshness import account_freshness, book_freshness
from app.connectors.explain import explain_frame, find_level_frame
from app.connectors.kill_switch import KillSwitch
from app.connectors.market_list import MarketList
from app.connectors.new_fields import NewFields
from app.connectors.order_book_tracker import Feed, OrderBookTracker
from app.connectors.order_book_tracker_data_source import OrderBookTrackerDataSource
from app.connectors.order_changes import OrderChanges
from app.connectors.order_doubts import OrderDoubts
from app.connectors.order_estimate import market_price, order_fee, order_problems
from app.connectors.order_gate import order_gate
from app.connectors.order_sender import OrderSender, matching
from app.connectors.spec import PrivateSource, PublicSource
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.user_stream_tracker_data_source import UserStreamTrackerDataSource
from app.connectors.venue import TROUBLE, Venue
from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.arming import Arming
from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.client_order_id import new_client_order_id
from app.core.effects import AccountEvent, Effect, MarketEvent
from app.core.frames import Frame
from app.core.freshness import Freshness
from app.core.gate import Gate, GateState
from app.core.holds import Hold, holds
from app.core.journal import EntryKind, JournalEntry, MemoryJournal, OrderJournal, OrderLedger, entries_of, rebuild
from app.core.key_standing import KeyStanding, Mark
from app.core.links import LinkState, LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import OrderBook
from app.core.order_preview import OrderPreview
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.orders import InFlightOrder, OrderFlag, OrderIntent
from app.core.permissions import KeyPermissions
from app.core.reports import Reports
from app.core.requests import Call, SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule, quantize
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, Ticker

_LOOK_FOR_FIELDS_S = 1.0


class NetworkStatus(StrEnum):
    CONNECTED = "connected"
    NOT_CONNECTED = "not connected"
    STOPPED = "stopped"


class OrderRefused(ValueError):
    """The order was not sent; `problems` are the reasons in the trader's words."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.reason}" for problem in problems))
        self.problems = tuple(problems)


class Exchange:
    """One exchange domain and at most one account on it.

    Reading never blocks. `buy`, `sell` and `submit` return at once with our client order id; what became of the order
    is in `orders`. Raises `OrderRefused` when an order cannot be sent, before anything is written or sent.
    """

    def __init__(
        self,
        venue: Venue,
        public: PublicSource,
        private: PrivateSource | None,
        journal: OrderJournal | None,
        random: Random,
        standing: KeyStanding | None = None,
        no_orders: str = "",
        history_days: int = 0,
    ) -> None:
        """`standing`: of a key kept in the vault. `no_orders`: why no order may leave here, whatever the key is."""
        self.venue = venue
        self.key = venue.key
        self.name = venue.spec.name
        self.title = venue.title
        self.paper = venue.domain.paper
        self.kind = "LAB" if venue.domain.lab else "PAPER" if self.paper else "LIVE"
        """What a market is marked with wherever money could be thought to be at stake."""
        self.arming = Arming(needed=self.kind == "LIVE")
        self.standing = standing or KeyStanding()
        self.markets = MarketList(venue, public)
        venue.on_clock_refused = self.markets.ask_clock_now
        self.account = AccountBook()
        self.orders = OrderTracker()
        self.ledger = OrderLedger(self.orders, journal or MemoryJournal())
        self.order_book_tracker = OrderBookTracker(venue, OrderBookTrackerDataSource(venue, public), random)
        self.order_book_tracker.on_ticker = self.markets.on_ticker
        self.order_book_tracker.is_trading = self.markets.is_trading
        self.user_stream_tracker: UserStreamTracker | None = None
        self.doubts: OrderDoubts | None = None
        self.history: AccountHistory | None = None
        self.changes: OrderChanges | None = None
        self.kill_switch: KillSwitch | None = None
        self._public = public
        self._private = private
        self._random = random
        self._no_orders = no_orders
        self._sender: OrderSender | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._fills: list[FillRecord] = []
        self._fills_version = -1
        self._started = False
        self._reading: set[asyncio.Task[None]] = set()
        self._fields = NewFields(venue.log, venue.key, venue.spec.name)
        self._stopping: asyncio.Task[None] | None = None
        venue.on_failure = self._on_failure
        self.replayed = False
        """Fed from a recording: links that no longer speak do not make it stale."""
        if private is not None:
            stream = UserStreamTrackerDataSource(venue, private)
            self.user_stream_tracker = UserStreamTracker(venue, stream, self.account, self.ledger)
            query, take_fill = self.user_stream_tracker.query, self.user_stream_tracker.take_fill
            self.history = AccountHistory(venue, private, self.ledger, history_days, take_fill)
            self.doubts = OrderDoubts(venue, private, self.ledger, query, self._sample_clock, random)
            self.set_standing(self.standing)

    # -- life

    def start_network(self) -> None:
        """Connect and keep connected: clock, rules, tickers, books, account."""
        if self._started:
            return
        self._started = True
        self.order_book_tracker.start()
        self.markets.start()
        self.venue.spawn(self._look_for_new_fields(), "new fields", self._reading)
        if self.user_stream_tracker is not None and self.doubts is not None:
            self.user_stream_tracker.start()
            self.doubts.watch_all()
        if self.history is not None:
            self.history.start(lambda: self.ready)
        if self.kill_switch is not None:
            self.kill_switch.start(lambda: self.ready)

    async def stop_network(self) -> None:
        """Disconnect; what is known stays readable, as stale."""
        self._started = False
        if self._stopping is not None:
            await self._stopping
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stop_reading()
        if self._sender is not None:
            await self._sender.stop()
        if self.doubts is not None:
            # Last: a cancel that is broken off hands its order over to be asked for.
            await self.doubts.stop()
        await self.venue.rest.close()

    async def _stop_reading(self) -> None:
        reading = tuple(self._reading)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        await self.markets.stop()
        for part in (self.history, self.changes, self.kill_switch):
            if part is not None:
                await part.stop()
        await self.order_book_tracker.stop()
        if self.user_stream_tracker is not None:
            await self.user_stream_tracker.stop()

    async def _turn_off(self) -> None:
        await self._stop_reading()
        for status in self.links:
            status.state = LinkState.FAILED

    def _on_failure(self, name: str) -> None:
        """What kept this exchange true is gone: better OFF than half alive. Orders under way are still followed."""
        if not self._started or name.startswith(("order ", "outcome of ")):
            return
        self._started = False
        for status in self.links:
            status.note(self.venue.clock.wall_ns(), LinkState.FAILED, f"internal error in {name}: restart connector")
        self._stopping = asyncio.get_running_loop().create_task(self._turn_off(), name=f"stop {self.key}")

    async def check_network(self) -> NetworkStatus:
        """Ask the exchange for its time."""
        if not self._started:
            return NetworkStatus.STOPPED
        try:
            await self.venue.perform(self._public.get_server_time())
        except TROUBLE:
            return NetworkStatus.NOT_CONNECTED
        return NetworkStatus.CONNECTED

    @property
    def status_dict(self) -> dict[str, bool]:
        """What must be true before trading, by name."""
        if self.replayed:
            return {"order_books_initialized": self.order_book_tracker.ready}
        status = {
            "clock_synchronized": self.venue.server_clock.bound_ms is not None,
            "trading_rule_initialized": bool(self.trading_rules),
            "order_books_initialized": self.order_book_tracker.ready,
        }
        if self.user_stream_tracker is not None:
            status["user_stream_initialized"] = self.user_stream_tracker.stream_fresh or self._polled
            status["account_balance"] = bool(self.account.complete_frame)
            status["orders_reconciled"] = self.user_stream_tracker.reconciled
        return status

    @property
    def ready(self) -> bool:
        return all(self.status_dict.values())

    @property
    def has_account(self) -> bool:
        return self._private is not None

    @property
    def no_orders(self) -> str:
        """Why no order can be sent from here at all, in the trader's words, or empty. Not signed in is no reason."""
        return self._no_orders or self.standing.no_orders

    @property
    def asks_by_our_id(self) -> bool:
        """False: an order whose answer was lost is the trader's to find (`app.unknown_orders`)."""
        return bool(getattr(self._private, "asks_by_our_id", True))

    @property
    def marks(self) -> Sequence[Mark]:
        """Warnings about the account's key."""
        return self.standing.marks if self.has_account else ()

    def bar(self, why: str) -> None:
        """No order may leave from here from now on, whatever the key is."""
        self._no_orders = why
        self.set_standing(self.standing)

    async def get_permissions(self, *, prove: bool = False) -> KeyPermissions | None:
        """What the exchange tells of the key; None where it does not. Raises VenueError, NotSent, NoAnswer.

        `prove`: where it does not, ask for the balances, so that a refused key shows.
        """
        if self._private is None:
            return None
        call = self._private.get_permissions()
        if call is None and prove:
            await self.venue.rest.perform(self._private.get_balances())
        if call is None:
            return None
        # Not through the venue, whose watch for refused keys leads here.
        return await self.venue.rest.perform(call)

    def set_standing(self, standing: KeyStanding) -> None:
        """Obey what is now known of the key: where it may not trade there is nothing that could send an order."""
        self.standing = standing
        private, stream = self._private, self.user_stream_tracker
        if self.no_orders or private is None or self.doubts is None or stream is None:
            ends = [part.finish() for part in (self._sender, self.changes) if part is not None]
            ends += [self.kill_switch.stop()] if self.kill_switch is not None else []
            for end in ends:
                self.venue.spawn(end, "end of trading", self._tasks)
            self._sender = self.changes = self.kill_switch = None
        elif self._sender is None:
            venue, ledger, doubts = self.venue, self.ledger, self.doubts
            self._sender = OrderSender(venue, private, ledger, doubts, self.markets.ask_rules_now)
            if venue.spec.kill_switch_s is not None:
                self.kill_switch = KillSwitch(venue, private, self.orders, stream)
                if self._started:
                    self.kill_switch.start(lambda: self.ready)
            self.changes = OrderChanges(
                venue, private, ledger, doubts, self.account, lambda pair: self.trading_rules.get(pair), self.gate
            )

    @property
    def _polled(self) -> bool:
        return self._private is not None and self._private.link is None

    # -- market data

    @property
    def trading_rules(self) -> dict[str, TradingRule]:
        return self.markets.trading_rules

    @property
    def trading_rules_version(self) -> int:
        return self.markets.trading_rules_version

    @property
    def tickers(self) -> dict[str, Ticker]:
        return self.markets.tickers

    @property
    def tickers_version(self) -> int:
        return self.markets.tickers_version

    @property
    def order_books(self) -> dict[str, OrderBook]:
        return self.order_book_tracker.order_books

    @property
    def feeds(self) -> dict[str, Feed]:
        return self.order_book_tracker.feeds

    @property
    def intervals(self) -> Sequence[str]:
        return self._public.intervals

    @property
    def links(self) -> list[LinkStatus]:
        links = list(self.order_book_tracker.data_source.links.values())
        if self.user_stream_tracker is not None and self.user_stream_tracker.data_source.status is not None:
            links.append(self.user_stream_tracker.data_source.status)
        return links

    def tape(self, pair: str) -> TradeTape:
        return self.order_book_tracker.tape(pair)

    def candles(self, pair: str, interval: str) -> CandleSeries:
        return self.order_book_tracker.candles(pair, interval)

    def watch(self, pair: str) -> None:
        self.order_book_tracker.track(pair)

    def show(self, pair: str) -> None:
        """Watch this pair, as the one on screen: its book is compared with REST now and then."""
        self.watch(pair)
        self.order_book_tracker.shown = pair

    def unwatch(self, pair: str) -> None:
        self.order_book_tracker.untrack(pair)

    def reconnect(self, link_name: str) -> None:
        """Drop this connection (as named in `links`) and dial again now; start an exchange that had failed."""
        if not self._started and not self.replayed:
            self.venue.notices.end_alarm("INTERNAL-ERROR", self.key, "restarted")
            self.start_network()
            return
        name = link_name.rpartition("/")[2]
        self.order_book_tracker.data_source.reconnect(name, "reconnect asked by the user")
        stream = self.user_stream_tracker
        if stream is not None and stream.data_source.status is not None and stream.data_source.status.name == link_name:
            stream.data_source.reconnect("reconnect asked by the user")

    def freshness(self, pair: str) -> Freshness:
        """How far this pair's book can be trusted now."""
        status = self.order_book_tracker.data_source.status_for(pair)
        clock, lag_s = self.venue.clock, self.venue.loop_lag_s()
        return book_freshness(self.feeds.get(pair), status, clock.mono_ns(), self.replayed, clock.boot_ns(), lag_s)

    def account_freshness(self) -> Freshness:
        """How far balances and orders can be trusted now."""
        return account_freshness(self.user_stream_tracker, self.venue.clock.mono_ns(), self._polled)

    @property
    def new_fields(self) -> Mapping[str, int]:
        """Fields that the exchange began to send, with the message that held each first."""
        return self._fields.told

    async def _look_for_new_fields(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_FIELDS_S)
            for name, frame in self._fields.look():
                self.venue.notices.info(self.key, f"new field {name!r}: the exchange did not use to send it", frame)

    def level_frame(self, pair: str, side: Side, price: str) -> int | None:
        """Number of the message that set this level; None when it has left memory."""
        book = self.order_books.get(pair)
        if book is None:
            return None
        frame = book.level_frame(side, price)
        return frame if frame is not None else find_level_frame(self.venue, self._public, book, side, price)

    def explain(self, frame: Frame) -> Sequence[Effect]:
        """What our source makes of a message. Raises nothing: what cannot be read is an `Unknown`."""
        return explain_frame(self.venue, self._public, self._private, frame)

    @property
    def banned_until_ns(self) -> int:
        """Wall time until which the exchange wants nothing from our address; 0 when it does not ban us."""
        return self.venue.banned_until_ns

    @property
    def via(self) -> str:
        """ "via proxy host:port", or empty."""
        return self.venue.via

    @property
    def clock_offset_ms(self) -> float | None:
        return self.venue.server_clock.offset_ms

    @property
    def clock_bound_ms(self) -> float | None:
        return self.venue.server_clock.bound_ms

    def rate_usage(self) -> Mapping[str, float]:
        return self.venue.rate_usage()

    # -- account

    @property
    def balances(self) -> dict[str, Balance]:
        return dict(self.account.balances)

    @property
    def fees(self) -> FeeSchedule:
        return self.user_stream_tracker.fees if self.user_stream_tracker is not None else self.venue.spec.default_fees

    @property
    def limit_orders(self) -> list[InFlightOrder]:
        return [order for order in self.orders.open if order.terms.type.has_price]

    @property
    def fills(self) -> Sequence[FillRecord]:
        """Every execution known, oldest first."""
        if self._fills_version != self.orders.version:
            self._fills_version = self.orders.version
            stream = self.user_stream_tracker
            found = stream.recovered if stream is not None else set()
            records = [
                FillRecord(order, fill, (fill.id_space, fill.trade_id) in found)
                for order in self.orders
                for fill in order.fills
            ]
            self._fills = sorted(records, key=lambda record: record.fill.exchange_ms)
        return self._fills

    def quantize(self, draft: OrderDraft) -> OrderDraft:
        """The order as it would be sent. Raises OrderRefused for a market without known rules."""
        return quantize(self._rule(draft.pair), draft)

    def check(self, draft: OrderDraft) -> list[Problem]:
        """Why the exchange would refuse this quantized order: its market's rules, then the free balance."""
        rule = self.trading_rules.get(draft.pair)
        if rule is None:
            return [Problem("pair", f"the trading rules of {draft.pair} are not known yet")]
        account = self.account if self.has_account else None
        problems = order_problems(rule, draft, self._market_price(draft), account)
        if account is not None and self._sender is None:
            problems.append(self._no_sender())
        return problems

    def gate(self, draft: OrderDraft, despite: Iterable[str] = ()) -> Gate:
        """Whether the order may leave now; `despite`: orders in doubt that the trader has looked for elsewhere."""
        if self.no_orders or self.user_stream_tracker is None:
            return Gate(GateState.BLOCKED, self.no_orders or "not signed in")
        if self.arming.refusal:
            return Gate(GateState.BLOCKED, self.arming.refusal)
        rule = self.trading_rules.get(draft.pair)
        if rule is not None and not rule.is_open:
            return Gate(GateState.BLOCKED, f"{draft.pair}: {rule.status_words.lower()}")
        return order_gate(
            draft,
            book=self.order_books.get(draft.pair),
            freshness=self.freshness(draft.pair),
            unknown=self.orders.unknown,
            asks_by_our_id=self.asks_by_our_id,
            journal_failure=self.ledger.journal.failure,
            clock_bound_ms=self.clock_bound_ms,
            stream_live=self.user_stream_tracker.stream_fresh or self._polled,
            reconciled=self.user_stream_tracker.reconciled,
            earlier=self.orders.newest,
            despite=frozenset(despite),
            ban=self.venue.ban_words,
            unreached=self.venue.unreached,
        )

    def get_fee(self, draft: OrderDraft) -> TradeFee | None:
        """An estimate; None while the price or the amount is not known."""
        rule = self.trading_rules.get(draft.pair)
        price = self._market_price(draft)
        if rule is None or not price:
            return None
        return order_fee(draft, rule, self.fees, price, self.order_books.get(draft.pair), self.venue.spec.fees_in_quote)

    def dry_run(self, draft: OrderDraft) -> SignedRequest:
        """The request as it would leave now and the exact text that is signed; the signature itself is redacted."""
        if self._private is None or self._sender is None:
            raise OrderRefused([self._no_sender()])
        intent = self._intent(quantize(self._rule(draft.pair), draft))
        return self.venue.redacted(self.venue.rest.prepare(self._private.place_order(intent).request))

    @property
    def can_preview(self) -> bool:
        """Whether the exchange checks an order without taking it."""
        return self._private is not None and self.venue.spec.previews

    async def preview(self, draft: OrderDraft) -> OrderPreview:
        """Have the exchange check the order; nothing is placed.

        Raises OrderRefused where it cannot, ValueError, VenueError, NotSent, NoAnswer.
        """
        call = None
        if self._private is not None:
            call = self._private.preview_order(self._intent(quantize(self._rule(draft.pair), draft)))
        if call is None:
            raise OrderRefused([Problem("exchange", f"{self.title} has no test orders")])
        return await self.venue.perform(call)

    # -- orders

    def buy(
        self, pair: str, amount: Decimal, order_type: OrderType = OrderType.LIMIT, price: Decimal | None = None
    ) -> str:
        """Buy `amount` (base), or for a market buy sized in quote, `amount` of quote. Returns our client order id."""
        by_quote = order_type is OrderType.MARKET and self._rule(pair).market_buy_by_quote
        draft = OrderDraft(
            pair=pair,
            side=Side.BUY,
            type=order_type,
            price=price,
            amount=None if by_quote else amount,
            quote_amount=amount if by_quote else None,
        )
        return self.submit(draft)

    def sell(
        self, pair: str, amount: Decimal, order_type: OrderType = OrderType.LIMIT, price: Decimal | None = None
    ) -> str:
        """Sell `amount` (base). Returns our client order id."""
        return self.submit(OrderDraft(pair=pair, side=Side.SELL, type=order_type, price=price, amount=amount))

    def submit(self, draft: OrderDraft, despite: Iterable[str] = ()) -> str:
        """Place the order; its row is in `orders` before this returns. Raises OrderRefused.

        `despite`: orders in doubt that the trader has looked for elsewhere; that consent goes into their journal.
        """
        despite = frozenset(despite)
        sender = self._sender
        if sender is None:
            raise OrderRefused([self._no_sender()])
        order = quantize(self._rule(draft.pair), draft)
        if problems := self.check(order):
            raise OrderRefused(problems)
        gate = self.gate(order, despite)
        if gate.state is GateState.BLOCKED:
            raise OrderRefused([Problem("gate", gate.reason)])
        entry = sender.begin(self._intent(order))
        for key in despite:
            words = f"the trader checked on the website and placed {entry.key} all the same"
            self.ledger.enter(EntryKind.REMARK, key, self.venue.wall_ms(), words)
        self.venue.spawn(sender.place(entry), f"order {entry.key}", self._tasks)
        return entry.key

    async def cancel(self, key: str) -> CancellationReceipt:
        """Cancel one order by our id or the exchange's."""
        order = self.orders.get(key)
        if order is None or self._sender is None:
            words = self.no_orders or "no such order here"
            return CancellationReceipt((CancellationResult(key, "", CancelOutcome.REFUSED, words),))
        return await self._sender.cancel(order)

    async def cancel_all(
        self, pair: str | None = None, side: Side | None = None, keys: Iterable[str] | None = None
    ) -> CancellationReceipt:
        """Cancel every open order that matches; the receipt tells each one's outcome."""
        if self._sender is None:
            return CancellationReceipt(())
        orders = matching(self.orders.open, pair, side, None if keys is None else set(keys))
        return await self._sender.cancel_all(orders, pair, everything=side is None and keys is None)

    @property
    def reports(self) -> Reports | None:
        """What stream and REST say, side by side; None without an account."""
        return None if self.user_stream_tracker is None else self.user_stream_tracker.reports

    @property
    def holds(self) -> dict[str, Hold]:
        """What the exchange holds back of each asset, against what open orders explain."""
        return holds(self.orders.open, self.account.balances, self.fees)

    def ask_account(self) -> None:
        """Ask about orders, fills and balances at once instead of at the next audit."""
        if self.user_stream_tracker is not None:
            self.user_stream_tracker.ask_now()

    async def take_rest(self, kind: str, key: str) -> None:
        """Ask again about one "balance" (an asset) or "order" and believe the answer. What fails becomes a notice."""
        tracker = self.user_stream_tracker
        order = self.orders.get(key) if kind == "order" else None
        try:
            if tracker is not None and kind == "balance":
                await tracker.take_rest_balance(key)
            elif tracker is not None and order is not None:
                await tracker.query(order)
        except TROUBLE as error:
            self.venue.notices.warning(self.key, f"{kind} {key} was not read: {error}")

    def check_order_now(self, key: str) -> None:
        """Ask at once for an order whose outcome is unknown."""
        if self.doubts is not None:
            self.doubts.watch(key)
            self.doubts.ask_now(key)

    def archive_order(self, key: str) -> None:
        """Put away an order that the exchange does not know. Anything heard of it brings it back."""
        order = self.orders.get(key)
        if order is not None and OrderFlag.LOST in order.flags and not order.is_done:
            self.ledger.enter(EntryKind.ARCHIVED, key, self.venue.wall_ms())

    async def get_order(self, key: str) -> InFlightOrder | None:
        """Ask the exchange for one order; None when it does not know it. Raises VenueError, NotSent, NoAnswer."""
        order = self.orders.get(key)
        if order is None or self.user_stream_tracker is None:
            return None
        return order if await self.user_stream_tracker.query(order) else None

    @property
    def tracking_states(self) -> dict[str, Any]:
        """Every order not done, as plain values that `restore_tracking_states` takes."""
        now = self.venue.wall_ms()
        return {order.key: msgspec.to_builtins(entries_of(order, now)) for order in self.orders.open}

    def restore_tracking_states(self, saved_states: Mapping[str, Any]) -> None:
        """Take over orders saved before a restart. Raises msgspec.ValidationError for states that are not ours."""
        for saved in saved_states.values():
            self.restore(msgspec.convert(saved, list[JournalEntry]))

    def restore(self, entries: Iterable[JournalEntry]) -> None:
        """Take over the orders a journal remembers; those sent without an answer come back as UNKNOWN."""
        for order in rebuild(entries):
            if self.orders.get(order.key) is None:
                self.orders.restore(order)

    def after_sleep(self) -> None:
        """The computer slept: connections that look open are not, and the clock offset is forgotten."""
        if not self._started:
            return
        self.venue.forget_clock()
        self.venue.connection_lost()
        self.markets.ask_clock_now()
        source = self.order_book_tracker.data_source
        for name in source.links:
            source.drop(name, "the computer slept")
        if self.user_stream_tracker is not None:
            self.user_stream_tracker.data_source.drop("the computer slept")
            self.user_stream_tracker.start_over()

    # -- recorded data

    def read(self, link_name: str, data: bytes, frame: int) -> Iterable[Effect]:
        """What a message of that connection means. Raises msgspec.DecodeError or ValueError when it cannot be read."""
        private = self._private
        if private is not None and private.link is not None and private.link.name == link_name:
            return private.on_message(data, frame)
        return self._public.on_message(data, frame)

    def recorded_calls(self) -> Iterable[Call[Any]]:
        """Calls whose recorded replies `take` understands."""
        yield self._public.get_trading_rules()
        yield self._public.get_tickers()
        if self._private is not None:
            yield self._private.get_balances()
            yield self._private.get_open_orders()
            yield self._private.get_fills(0)
            yield self._private.get_order_history(0)
        for pair in self.trading_rules:
            yield self._public.get_snapshot(pair)

    def take(self, fact: MarketEvent | AccountEvent | TradingRule | Balance) -> None:
        """Apply one recorded fact."""
        wall_ms = self.venue.wall_ms()
        if isinstance(fact, TradingRule):
            self.markets.add_rule(fact)
        elif isinstance(fact, Balance):
            self.account.apply(fact)
        elif isinstance(fact, BalanceDelta):
            self.account.apply_delta(fact)
        elif isinstance(fact, OrderUpdate):
            self.ledger.update(fact, wall_ms)
        elif isinstance(fact, Fill):
            self.ledger.fill(fact, wall_ms)
        else:
            self.order_book_tracker.data_source.apply(fact)

    # -- small parts

    def _no_sender(self) -> Problem:
        return Problem("account", self.no_orders or "not signed in: add an account to trade")

    async def _sample_clock(self) -> None:
        await self.venue.sample_clock(self._public.get_server_time())

    def _rule(self, pair: str) -> TradingRule:
        rule = self.trading_rules.get(pair)
        if rule is None:
            raise OrderRefused([Problem("pair", f"{pair} is not a market of {self.title} that is known here")])
        return rule

    def _intent(self, order: OrderDraft) -> OrderIntent:
        now_ms = self.venue.now_ms()
        assert self._sender is not None
        intent = OrderIntent(
            client_order_id=new_client_order_id(now_ms, self._random),
            pair=order.pair,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            price=order.price,
            amount=order.amount,
            quote_amount=order.quote_amount,
            stop_price=order.stop_price,
            created_ms=self.venue.wall_ms(),
        )
        return replace(intent, proof_ms=self._sender.latest_proof_ms(intent, now_ms))

    def _market_price(self, draft: OrderDraft) -> Decimal | None:
        return market_price(draft, self.order_books.get(draft.pair), self.tickers.get(draft.pair))
