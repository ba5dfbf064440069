"""One connected exchange, with or without an account: the facade that the screen reads and asks. No sockets, no Qt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

import msgspec

from app.connectors.book_freshness import account_freshness, book_freshness
from app.connectors.explain import explain_frame, find_level_frame
from app.connectors.market_list import MarketList
from app.connectors.order_book_tracker import Feed, OrderBookTracker
from app.connectors.order_book_tracker_data_source import OrderBookTrackerDataSource
from app.connectors.order_doubts import OrderDoubts
from app.connectors.order_estimate import market_price, order_fee
from app.connectors.order_gate import order_gate
from app.connectors.order_sender import OrderSender, matching
from app.connectors.spec import PrivateSource, PublicSource
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.user_stream_tracker_data_source import UserStreamTrackerDataSource
from app.connectors.venue import TROUBLE, Venue
from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.client_order_id import new_client_order_id
from app.core.effects import AccountEvent, Effect, MarketEvent
from app.core.frames import Frame
from app.core.freshness import Freshness
from app.core.gate import Gate, GateState
from app.core.journal import JournalEntry, MemoryJournal, OrderJournal, OrderLedger, entries_of, rebuild
from app.core.links import LinkStatus
from app.core.market import CandleSeries, TradeTape
from app.core.order_book import OrderBook
from app.core.order_tracker import FillRecord, OrderTracker
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule, check, notional, quantize
from app.core.types import Balance, BalanceDelta, Fill, OrderType, OrderUpdate, Side, Ticker


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
    ) -> None:
        self.venue = venue
        self.key = venue.key
        self.name = venue.spec.name
        self.title = venue.spec.title
        self.paper = venue.domain.paper
        self.markets = MarketList(venue, public)
        self.account = AccountBook()
        self.orders = OrderTracker()
        self.ledger = OrderLedger(self.orders, journal or MemoryJournal())
        self.order_book_tracker = OrderBookTracker(venue, OrderBookTrackerDataSource(venue, public), random)
        self.order_book_tracker.on_ticker = self.markets.on_ticker
        self.user_stream_tracker: UserStreamTracker | None = None
        self.doubts: OrderDoubts | None = None
        self._public = public
        self._private = private
        self._random = random
        self._sender: OrderSender | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._fills: list[FillRecord] = []
        self._fills_version = -1
        self._started = False
        self.replayed = False
        """Fed from a recording: links that no longer speak do not make it stale."""
        if private is not None:
            stream = UserStreamTrackerDataSource(venue, private)
            self.user_stream_tracker = UserStreamTracker(venue, stream, self.account, self.ledger)
            query = self.user_stream_tracker.query
            self.doubts = OrderDoubts(venue, private, self.ledger, query, random)
            self._sender = OrderSender(venue, private, self.ledger, self.doubts, self.markets.ask_rules_now)

    # -- life

    def start_network(self) -> None:
        """Connect and keep connected: clock, rules, tickers, books, account."""
        if self._started:
            return
        self._started = True
        self.order_book_tracker.start()
        self.markets.start()
        if self.user_stream_tracker is not None and self.doubts is not None:
            self.user_stream_tracker.start()
            self.doubts.watch_all()

    async def stop_network(self) -> None:
        """Disconnect; what is known stays readable, as stale."""
        self._started = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.markets.stop()
        await self.order_book_tracker.stop()
        if self.user_stream_tracker is not None and self.doubts is not None:
            await self.doubts.stop()
            await self.user_stream_tracker.stop()
        await self.venue.rest.close()

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
    def asks_by_our_id(self) -> bool:
        """False: an order whose answer was lost is the trader's to find (`app.unknown_orders`)."""
        return bool(getattr(self._private, "asks_by_our_id", True))

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

    def unwatch(self, pair: str) -> None:
        self.order_book_tracker.untrack(pair)

    def reconnect(self, link_name: str) -> None:
        """Drop this connection (as named in `links`) and dial again now."""
        name = link_name.rpartition("/")[2]
        self.order_book_tracker.data_source.reconnect(name, "reconnect asked by the user")
        stream = self.user_stream_tracker
        if stream is not None and stream.data_source.status is not None and stream.data_source.status.name == link_name:
            stream.data_source.reconnect("reconnect asked by the user")

    def freshness(self, pair: str) -> Freshness:
        """How far this pair's book can be trusted now."""
        status = self.order_book_tracker.data_source.status_for(pair)
        return book_freshness(self.feeds.get(pair), status, self.venue.clock.mono_ns(), self.replayed)

    def account_freshness(self) -> Freshness:
        """How far balances and orders can be trusted now."""
        return account_freshness(self.user_stream_tracker, self.venue.clock.mono_ns(), self._polled)

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
            records = [FillRecord(order, fill) for order in self.orders for fill in order.fills]
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
        price = self._market_price(draft)
        problems = check(rule, draft, price)
        if not self.has_account:
            return [*problems, Problem("account", "not signed in: add an account to trade")]
        needed, asset = notional(draft, price), rule.quote
        if draft.side is Side.SELL:
            needed, asset = draft.amount, rule.base
        balance = self.account.balances.get(asset)
        free = balance.available if balance is not None else Decimal(0)
        if needed is not None and needed > free and self.account.complete_frame:
            problems.append(Problem("balance", f"needs {needed:f} {asset}, {free:f} is free"))
        return problems

    def gate(self, draft: OrderDraft) -> Gate:
        """Whether the order may leave now."""
        if self.user_stream_tracker is None:
            return Gate(GateState.BLOCKED, "not signed in")
        return order_gate(
            draft,
            book=self.order_books.get(draft.pair),
            freshness=self.freshness(draft.pair),
            unknown=self.orders.unknown,
            asks_by_our_id=self.asks_by_our_id,
            journal_failure=self.ledger.journal.failure,
            clock_bound_ms=self.clock_bound_ms,
            stream_live=self.user_stream_tracker.stream_fresh or self._polled,
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
        if self._private is None:
            raise OrderRefused([Problem("account", "not signed in: add an account to trade")])
        intent = self._intent(quantize(self._rule(draft.pair), draft))
        return self.venue.redacted(self.venue.rest.prepare(self._private.place_order(intent).request))

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

    def submit(self, draft: OrderDraft) -> str:
        """Place the order; its row is in `orders` before this returns. Raises OrderRefused."""
        sender = self._sender
        if sender is None:
            raise OrderRefused([Problem("account", "not signed in: add an account to trade")])
        order = quantize(self._rule(draft.pair), draft)
        if problems := self.check(order):
            raise OrderRefused(problems)
        gate = self.gate(order)
        if gate.state is GateState.BLOCKED:
            raise OrderRefused([Problem("gate", gate.reason)])
        entry = sender.begin(self._intent(order))
        self.venue.spawn(sender.place(entry), f"order {entry.key}", self._tasks)
        return entry.key

    async def cancel(self, key: str) -> CancellationReceipt:
        """Cancel one order by our id or the exchange's."""
        order = self.orders.get(key)
        if order is None or self._sender is None:
            return CancellationReceipt((CancellationResult(key, "", CancelOutcome.REFUSED, "no such order here"),))
        return await self._sender.cancel(order)

    async def cancel_all(
        self, pair: str | None = None, side: Side | None = None, keys: Iterable[str] | None = None
    ) -> CancellationReceipt:
        """Cancel every open order that matches; the receipt tells each one's outcome."""
        if self._sender is None:
            return CancellationReceipt(())
        orders = matching(self.orders.open, pair, side, None if keys is None else set(keys))
        return await self._sender.cancel_all(orders, pair, everything=side is None and keys is None)

    async def arm_kill_switch(self, seconds: int | None) -> int:
        """Have the exchange itself cancel everything unless asked again in time; None disarms.

        Returns when it fires (exchange ms, 0 when off). Raises ValueError where the exchange has none or takes other
        times, and VenueError, NotSent, NoAnswer.
        """
        call = None if self._private is None else self._private.kill_switch(seconds)
        if call is None:
            raise ValueError(f"{self.title} has no safety timer")
        return await self.venue.perform(call)

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
        self.venue.server_clock.forget()
        source = self.order_book_tracker.data_source
        for name in source.links:
            source.reconnect(name, "the computer slept")
        if self.user_stream_tracker is not None:
            self.user_stream_tracker.data_source.reconnect("the computer slept")
            self.user_stream_tracker.ask_now()

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

    def _rule(self, pair: str) -> TradingRule:
        rule = self.trading_rules.get(pair)
        if rule is None:
            raise OrderRefused([Problem("pair", f"{pair} is not a market of {self.title} that is known here")])
        return rule

    def _intent(self, order: OrderDraft) -> OrderIntent:
        now_ms = self.venue.now_ms()
        assert self._sender is not None
        return OrderIntent(
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
            proof_ms=self._sender.proof_ms(now_ms),
        )

    def _market_price(self, draft: OrderDraft) -> Decimal | None:
        return market_price(draft, self.order_books.get(draft.pair), self.tickers.get(draft.pair))
