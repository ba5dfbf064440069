"""One connected exchange, with or without an account: the facade that the screen reads and asks. No sockets, no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from app.connectors.account_history import AccountHistory
from app.connectors.book_freshness import account_freshness, book_freshness
from app.connectors.explain import explain_frame, find_level_frame
from app.connectors.feed import Feed
from app.connectors.kill_switch import KillSwitch
from app.connectors.market_list import MarketList
from app.connectors.network import Network, NetworkStatus
from app.connectors.new_fields import NewFields
from app.connectors.order_book_tracker import OrderBookTracker
from app.connectors.order_book_tracker_data_source import OrderBookTrackerDataSource
from app.connectors.order_changes import OrderChanges
from app.connectors.order_doubts import OrderDoubts
from app.connectors.recorded import Recorded
from app.connectors.spec import PrivateSource, PublicSource
from app.connectors.trading import SignedIn, Trading
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.user_stream_tracker_data_source import UserStreamTrackerDataSource
from app.connectors.venue import TROUBLE, Venue
from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.arming import Arming
from app.core.cancellation import CancellationReceipt
from app.core.effects import Effect
from app.core.frames import Frame
from app.core.freshness import Freshness
from app.core.gate import Gate
from app.core.holds import Hold, holds
from app.core.journal import EntryKind, JournalEntry, MemoryJournal, OrderJournal, OrderLedger, entries_of, rebuild
from app.core.key_standing import KeyStanding, Mark
from app.core.links import LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import OrderBook
from app.core.order_preview import OrderPreview
from app.core.order_state import OrderFlag
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.orders import InFlightOrder
from app.core.reports import Reports
from app.core.requests import SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule
from app.core.types import Balance, OrderType, Side, Ticker


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
        self.replayed = False
        """Fed from a recording: links that no longer speak do not make it stale."""
        self._public = public
        self._private = private
        self._fields = NewFields(venue.log, venue.key, venue.spec.name)
        self._signed_in: SignedIn | None = None
        source = self.order_book_tracker.data_source
        self.recorded = Recorded(venue, public, private, self.markets, source, self.account, self.ledger)
        if private is not None:
            self.user_stream_tracker = stream = UserStreamTracker(
                venue, UserStreamTrackerDataSource(venue, private), self.account, self.ledger
            )
            self.history = AccountHistory(venue, private, self.ledger, history_days, stream.take_fill)
            self.doubts = OrderDoubts(venue, private, self.ledger, stream.query, self.markets.sample_clock, random)
            self._signed_in = SignedIn(private, stream, self.doubts, self.history)
        self.trading = Trading(
            venue,
            self.markets,
            self.order_book_tracker,
            self.account,
            self.ledger,
            self._signed_in,
            random,
            self.freshness,
            self.arming,
            standing,
            no_orders,
        )
        self.network = Network(
            venue, public, self.markets, self.order_book_tracker, self._signed_in, self.trading, self._fields
        )

    # -- life

    def start_network(self) -> None:
        """Connect and keep connected: clock, rules, tickers, books, account."""
        self.network.start(lambda: self.ready)

    async def stop_network(self) -> None:
        """Disconnect; what is known stays readable, as stale."""
        await self.network.stop()

    async def check_network(self) -> NetworkStatus:
        """Ask the exchange for its time."""
        return await self.network.check()

    def reconnect(self, link_name: str) -> None:
        """Drop this connection (as named in `links`) and dial again now; start an exchange that had failed."""
        if self.network.started or self.replayed:
            self.network.reconnect(link_name)
            return
        self.venue.notices.end_alarm("INTERNAL-ERROR", self.key, "restarted")
        self.start_network()

    def after_sleep(self) -> None:
        """The computer slept: connections that look open are not, and the clock offset is forgotten."""
        self.network.after_sleep()

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
    def asks_by_our_id(self) -> bool:
        """False: an order whose answer was lost is the trader's to find (`app.unknown_orders`)."""
        return self.trading.asks_by_our_id

    @property
    def no_orders(self) -> str:
        """Why no order can be sent from here at all, in the trader's words, or empty. Not signed in is no reason."""
        return self.trading.no_orders

    @property
    def marks(self) -> Sequence[Mark]:
        """Warnings about the account's key."""
        return self.trading.standing.marks if self.has_account else ()

    @property
    def _polled(self) -> bool:
        return self._signed_in is not None and self._signed_in.polled

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
        return self.network.links

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
        return self.trading.fees

    @property
    def limit_orders(self) -> list[InFlightOrder]:
        return [order for order in self.orders.open if order.terms.type.has_price]

    @property
    def fills(self) -> Sequence[FillRecord]:
        """Every execution known, oldest first."""
        stream = self.user_stream_tracker
        return self.orders.fills(frozenset() if stream is None else stream.recovered)

    # -- orders

    @property
    def changes(self) -> OrderChanges | None:
        """None where nothing may be sent."""
        return self.trading.changes

    @property
    def kill_switch(self) -> KillSwitch | None:
        """None where nothing may be sent, and where the exchange has none."""
        return self.trading.kill_switch

    def quantize(self, draft: OrderDraft) -> OrderDraft:
        """The order as it would be sent. Raises OrderRefused for a market without known rules."""
        return self.trading.quantize(draft)

    def check(self, draft: OrderDraft) -> list[Problem]:
        """Why the exchange would refuse this quantized order: its market's rules, then the free balance."""
        return self.trading.check(draft)

    def gate(self, draft: OrderDraft, despite: Iterable[str] = ()) -> Gate:
        """Whether the order may leave now; `despite`: orders in doubt that the trader has looked for elsewhere."""
        return self.trading.gate(draft, despite)

    def get_fee(self, draft: OrderDraft) -> TradeFee | None:
        """An estimate; None while the price or the amount is not known."""
        return self.trading.get_fee(draft)

    def dry_run(self, draft: OrderDraft) -> SignedRequest:
        """The request as it would leave now and the exact text that is signed; the signature itself is redacted."""
        return self.trading.dry_run(draft)

    @property
    def can_preview(self) -> bool:
        """Whether the exchange checks an order without taking it."""
        return self.trading.can_preview

    async def preview(self, draft: OrderDraft) -> OrderPreview:
        """Have the exchange check the order; nothing is placed. Raises what `Trading.preview` raises."""
        return await self.trading.preview(draft)

    def buy(
        self, pair: str, amount: Decimal, order_type: OrderType = OrderType.LIMIT, price: Decimal | None = None
    ) -> str:
        """Buy `amount` (base), or for a market buy sized in quote, `amount` of quote. Returns our client order id."""
        by_quote = order_type is OrderType.MARKET and self.trading.rule(pair).market_buy_by_quote
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
        return self.trading.submit(draft, despite)

    async def cancel(self, key: str) -> CancellationReceipt:
        """Cancel one order by our id or the exchange's."""
        return await self.trading.cancel(key)

    async def cancel_all(
        self, pair: str | None = None, side: Side | None = None, keys: Iterable[str] | None = None
    ) -> CancellationReceipt:
        """Cancel every open order that matches; the receipt tells each one's outcome."""
        return await self.trading.cancel_all(pair, side, keys)

    # -- what the account is asked

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
