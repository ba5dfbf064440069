"""Orders of one account from wish to request: what may be sent, by what key, and what sends it. No sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from app.connectors.account_history import AccountHistory
from app.connectors.kill_switch import KillSwitch
from app.connectors.market_list import MarketList
from app.connectors.order_book_tracker import OrderBookTracker
from app.connectors.order_changes import OrderChanges
from app.connectors.order_doubts import OrderDoubts
from app.connectors.order_estimate import market_price, order_fee, order_problems
from app.connectors.order_gate import order_gate
from app.connectors.order_sender import OrderSender, matching
from app.connectors.spec import PrivateSource
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.venue import Venue
from app.core.account import AccountBook, FeeSchedule, TradeFee
from app.core.arming import Arming
from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.client_order_id import new_client_order_id
from app.core.freshness import Freshness
from app.core.gate import Gate, GateState
from app.core.journal import EntryKind, OrderLedger
from app.core.key_standing import KeyStanding
from app.core.order_preview import OrderPreview
from app.core.orders import OrderIntent
from app.core.permissions import KeyPermissions
from app.core.requests import SignedRequest
from app.core.trading_rule import OrderDraft, Problem, TradingRule, quantize
from app.core.types import Side


class OrderRefused(ValueError):
    """The order was not sent; `problems` are the reasons in the trader's words."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.reason}" for problem in problems))
        self.problems = tuple(problems)


class SignedIn(NamedTuple):
    """What an exchange has only with an account."""

    source: PrivateSource
    stream: UserStreamTracker
    doubts: OrderDoubts
    history: AccountHistory

    @property
    def polled(self) -> bool:
        """There is no private stream."""
        return self.source.link is None


class Trading:
    """Sends the orders of one account, or says why none may leave. Without an account it judges drafts only.

    Where the key may not trade there is no sender, and so nothing that could send an order.
    """

    def __init__(
        self,
        venue: Venue,
        markets: MarketList,
        books: OrderBookTracker,
        account: AccountBook,
        ledger: OrderLedger,
        signed_in: SignedIn | None,
        random: Random,
        freshness: Callable[[str], Freshness],
        arming: Arming,
        standing: KeyStanding | None,
        no_orders: str,
    ) -> None:
        """`freshness`: of a pair's book. `standing`: of a key kept in the vault. `no_orders`: see `bar`."""
        self.standing = standing or KeyStanding()
        self.changes: OrderChanges | None = None
        self.kill_switch: KillSwitch | None = None
        self._venue = venue
        self._markets = markets
        self._books = books
        self._account = account
        self._ledger = ledger
        self._orders = ledger.tracker
        self._signed_in = signed_in
        self._random = random
        self._freshness = freshness
        self._arming = arming
        self._barred = no_orders
        self._sender: OrderSender | None = None
        self._ready: Callable[[], bool] | None = None
        """Whether everything is known; None while not started."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.set_standing(self.standing)

    # -- life

    def start(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        if self.kill_switch is not None:
            self.kill_switch.start(ready)

    def pause(self) -> None:
        """The exchange is not running: a kill switch made from now on waits for `start`."""
        self._ready = None

    async def break_off(self) -> None:
        """Wait for no answer any more; what was sent without one is in doubt."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop_asking(self) -> None:
        """End the changes under way and the renewals of the kill switch; orders under way are still followed."""
        for part in (self.changes, self.kill_switch):
            if part is not None:
                await part.stop()

    async def stop_sending(self) -> None:
        if self._sender is not None:
            await self._sender.stop()

    # -- the key

    @property
    def no_orders(self) -> str:
        """Why no order can be sent from here at all, in the trader's words, or empty. Not signed in is no reason."""
        return self._barred or self.standing.no_orders

    @property
    def can_send(self) -> bool:
        return self._sender is not None

    def bar(self, why: str) -> None:
        """No order may leave from here from now on, whatever the key is."""
        self._barred = why
        self.set_standing(self.standing)

    def set_standing(self, standing: KeyStanding) -> None:
        """Obey what is now known of the key: where it may not trade there is nothing that could send an order."""
        self.standing = standing
        account = self._signed_in
        if self.no_orders or account is None:
            ends = [part.finish() for part in (self._sender, self.changes) if part is not None]
            ends += [self.kill_switch.stop()] if self.kill_switch is not None else []
            for end in ends:
                self._venue.spawn(end, "end of trading", self._tasks)
            self._sender = self.changes = self.kill_switch = None
        elif self._sender is None:
            venue, ledger, (source, stream, doubts, _) = self._venue, self._ledger, account
            self._sender = OrderSender(venue, source, ledger, doubts, self._markets.ask_rules_now)
            if venue.spec.kill_switch_s is not None:
                self.kill_switch = KillSwitch(venue, source, self._orders, stream)
                if self._ready is not None:
                    self.kill_switch.start(self._ready)
            self.changes = OrderChanges(venue, source, ledger, doubts, self._account, self._known_rule, self.gate)

    async def get_permissions(self, *, prove: bool = False) -> KeyPermissions | None:
        """What the exchange tells of the key; None where it does not. Raises VenueError, NotSent, NoAnswer.

        `prove`: where it does not, ask for the balances, so that a refused key shows.
        """
        if self._signed_in is None:
            return None
        source, rest = self._signed_in.source, self._venue.rest
        call = source.get_permissions()
        if call is None and prove:
            await rest.perform(source.get_balances())
        if call is None:
            return None
        # Not through the venue, whose watch for refused keys leads here.
        return await rest.perform(call)

    # -- judging a draft

    @property
    def fees(self) -> FeeSchedule:
        return self._signed_in.stream.fees if self._signed_in is not None else self._venue.spec.default_fees

    def quantize(self, draft: OrderDraft) -> OrderDraft:
        """The order as it would be sent. Raises OrderRefused for a market without known rules."""
        return quantize(self.rule(draft.pair), draft)

    def check(self, draft: OrderDraft) -> list[Problem]:
        """Why the exchange would refuse this quantized order: its market's rules, then the free balance."""
        rule = self._known_rule(draft.pair)
        if rule is None:
            return [Problem("pair", f"the trading rules of {draft.pair} are not known yet")]
        account = self._account if self._signed_in is not None else None
        problems = order_problems(rule, draft, self._market_price(draft), account)
        if account is not None and self._sender is None:
            problems.append(self._no_sender())
        return problems

    def gate(self, draft: OrderDraft, despite: Iterable[str] = ()) -> Gate:
        """Whether the order may leave now; `despite`: orders in doubt that the trader has looked for elsewhere."""
        account = self._signed_in
        if self.no_orders or account is None:
            return Gate(GateState.BLOCKED, self.no_orders or "not signed in")
        if self._arming.refusal:
            return Gate(GateState.BLOCKED, self._arming.refusal)
        rule = self._known_rule(draft.pair)
        if rule is not None and not rule.is_open:
            return Gate(GateState.BLOCKED, f"{draft.pair}: {rule.status_words.lower()}")
        return order_gate(
            draft,
            book=self._books.order_books.get(draft.pair),
            freshness=self._freshness(draft.pair),
            unknown=self._orders.unknown,
            asks_by_our_id=self.asks_by_our_id,
            journal_failure=self._ledger.journal.failure,
            clock_bound_ms=self._venue.server_clock.bound_ms,
            stream_live=account.stream.stream_fresh or account.polled,
            reconciled=account.stream.reconciled,
            earlier=self._orders.newest,
            despite=frozenset(despite),
            ban=self._venue.ban_words,
            unreached=self._venue.unreached,
        )

    @property
    def asks_by_our_id(self) -> bool:
        """False: an order whose answer was lost is the trader's to find (`app.unknown_orders`)."""
        return self._signed_in is None or bool(getattr(self._signed_in.source, "asks_by_our_id", True))

    def get_fee(self, draft: OrderDraft) -> TradeFee | None:
        """An estimate; None while the price or the amount is not known."""
        rule, price = self._known_rule(draft.pair), self._market_price(draft)
        if rule is None or not price:
            return None
        book = self._books.order_books.get(draft.pair)
        return order_fee(draft, rule, self.fees, price, book, self._venue.spec.fees_in_quote)

    def dry_run(self, draft: OrderDraft) -> SignedRequest:
        """The request as it would leave now and the exact text that is signed; the signature itself is redacted."""
        if self._signed_in is None or self._sender is None:
            raise OrderRefused([self._no_sender()])
        request = self._signed_in.source.place_order(self._intent(self._sender, self.quantize(draft))).request
        return self._venue.redacted(self._venue.rest.prepare(request))

    @property
    def can_preview(self) -> bool:
        """Whether the exchange checks an order without taking it."""
        return self._signed_in is not None and self._venue.spec.previews

    async def preview(self, draft: OrderDraft) -> OrderPreview:
        """Have the exchange check the order; nothing is placed.

        Raises OrderRefused where it cannot, ValueError, VenueError, NotSent, NoAnswer.
        """
        call = None
        if self._signed_in is not None:
            if self._sender is None:
                raise OrderRefused([self._no_sender()])
            call = self._signed_in.source.preview_order(self._intent(self._sender, self.quantize(draft)))
        if call is None:
            raise OrderRefused([Problem("exchange", f"{self._venue.title} has no test orders")])
        return await self._venue.perform(call)

    # -- sending

    def submit(self, draft: OrderDraft, despite: Iterable[str] = ()) -> str:
        """Place the order; its row is in the tracker before this returns. Raises OrderRefused.

        `despite`: orders in doubt that the trader has looked for elsewhere; that consent goes into their journal.
        """
        despite = frozenset(despite)
        sender = self._sender
        if sender is None:
            raise OrderRefused([self._no_sender()])
        order = self.quantize(draft)
        if problems := self.check(order):
            raise OrderRefused(problems)
        gate = self.gate(order, despite)
        if gate.state is GateState.BLOCKED:
            raise OrderRefused([Problem("gate", gate.reason)])
        entry = sender.begin(self._intent(sender, order))
        for key in despite:
            words = f"the trader checked on the website and placed {entry.key} all the same"
            self._ledger.enter(EntryKind.REMARK, key, self._venue.wall_ms(), words)
        self._venue.spawn(sender.place(entry), f"order {entry.key}", self._tasks)
        return entry.key

    async def cancel(self, key: str) -> CancellationReceipt:
        """Cancel one order by our id or the exchange's."""
        order = self._orders.get(key)
        if order is None or self._sender is None:
            words = self.no_orders or "no such order here"
            return CancellationReceipt((CancellationResult(key, "", CancelOutcome.REFUSED, words),))
        return await self._sender.cancel(order)

    async def cancel_all(self, pair: str | None, side: Side | None, keys: Iterable[str] | None) -> CancellationReceipt:
        """Cancel every open order that matches; the receipt tells each one's outcome."""
        if self._sender is None:
            return CancellationReceipt(())
        orders = matching(self._orders.open, pair, side, None if keys is None else set(keys))
        return await self._sender.cancel_all(orders, pair, everything=side is None and keys is None)

    # -- small parts

    def rule(self, pair: str) -> TradingRule:
        """Raises OrderRefused for a market that is not known."""
        rule = self._known_rule(pair)
        if rule is None:
            raise OrderRefused([Problem("pair", f"{pair} is not a market of {self._venue.title} that is known here")])
        return rule

    def _known_rule(self, pair: str) -> TradingRule | None:
        return self._markets.trading_rules.get(pair)

    def _no_sender(self) -> Problem:
        return Problem("account", self.no_orders or "not signed in: add an account to trade")

    def _market_price(self, draft: OrderDraft) -> Decimal | None:
        return market_price(draft, self._books.order_books.get(draft.pair), self._markets.tickers.get(draft.pair))

    def _intent(self, sender: OrderSender, order: OrderDraft) -> OrderIntent:
        now_ms = self._venue.now_ms()
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
            created_ms=self._venue.wall_ms(),
        )
        return replace(intent, proof_ms=sender.latest_proof_ms(intent, now_ms))
