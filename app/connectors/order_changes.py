"""Changes open orders in place where the exchange can: written down first, sent once, never called done without proof.

An answer that is lost leaves the change not confirmed; `order_doubts` asks about it and nothing is sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from app.connectors.order_doubts import OrderDoubts
from app.connectors.spec import PlaceAccepted, PrivateSource
from app.connectors.venue import Venue
from app.core.account import AccountBook
from app.core.amendment import AmendOffer
from app.core.errors import ErrorKind
from app.core.gate import Gate, GateState
from app.core.journal import EntryKind, JournalEntry, JournalError, OrderLedger
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.requests import Call, NoAnswer, NotSent, VenueError
from app.core.trading_rule import OrderDraft, Problem, TradingRule, check
from app.core.types import Side

_CHANGEABLE = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
_GONE = (ErrorKind.NOT_FOUND, ErrorKind.ALREADY_DONE)


class ChangeRefused(ValueError):
    """The change was not sent; `problems` are the reasons in the trader's words."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.reason}" for problem in problems))
        self.problems = tuple(problems)


class OrderChanges:
    """Prices are quote, amounts whole base amounts: what is filled is included."""

    def __init__(
        self,
        venue: Venue,
        source: PrivateSource,
        ledger: OrderLedger,
        doubts: OrderDoubts,
        account: AccountBook,
        rule_of: Callable[[str], TradingRule | None],
        gate: Callable[[OrderDraft], Gate],
    ) -> None:
        self._venue = venue
        self._source = source
        self._ledger = ledger
        self._doubts = doubts
        self._account = account
        self._rule_of = rule_of
        self._gate = gate
        self._tasks: set[asyncio.Task[None]] = set()

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def offer(self, order: InFlightOrder) -> AmendOffer:
        """What of this order can be changed now, or why nothing can."""
        rules = self._venue.spec.amend
        refusal = ""
        if not (rules.price or rules.smaller or rules.larger):
            refusal = rules.words
        elif order.state not in _CHANGEABLE:
            refusal = "only an open order can be changed"
        elif order.change is not None and order.change.is_open:
            refusal = "a change of this order is not confirmed yet"
        elif order.terms.amount is None:
            refusal = "the amount of this order is not known"
        elif self._call(order, None, order.terms.amount / 2) is None:
            refusal = f"{self._venue.spec.title} does not change orders of this kind"
        return AmendOffer(
            price=rules.price and order.terms.price is not None,
            smaller=rules.smaller,
            larger=rules.larger,
            words=rules.words,
            refusal=refusal,
        )

    def draft(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> OrderDraft:
        """The order as it would be after the change, not rounded."""
        terms = order.terms
        return OrderDraft(
            pair=terms.pair,
            side=terms.side,
            type=terms.type,
            time_in_force=terms.time_in_force,
            price=terms.price if price is None else price,
            amount=terms.amount if amount is None else amount,
            stop_price=terms.stop_price,
        )

    def check(self, order: InFlightOrder, draft: OrderDraft) -> list[Problem]:
        """Why the order cannot become this (quantized) one."""
        offer, terms = self.offer(order), order.terms
        if offer.refusal:
            return [Problem("order", offer.refusal)]
        rule = self._rule_of(draft.pair)
        if rule is None:
            return [Problem("pair", f"the trading rules of {draft.pair} are not known yet")]
        if draft.price == terms.price and draft.amount == terms.amount:
            return [Problem("order", "nothing is changed")]
        problems = check(rule, draft, draft.price)
        old, new = terms.amount or Decimal(0), draft.amount or Decimal(0)
        if draft.price != terms.price and not offer.price:
            problems.append(Problem("price", "the price cannot be changed here"))
        if new > old and not offer.larger:
            problems.append(Problem("amount", f"the amount can only become smaller than {old:f}"))
        if new <= order.filled:
            problems.append(Problem("amount", f"{order.filled:f} is filled already: more than that is needed"))
        problems += self._check_funds(order, draft, rule)
        return problems

    def amend(self, order: InFlightOrder, draft: OrderDraft) -> None:
        """Send the change. Raises ChangeRefused before anything is written or sent."""
        problems = self.check(order, draft)
        gate = self._gate(draft)
        if gate.state is GateState.BLOCKED:
            problems.append(Problem("gate", gate.reason))
        price = draft.price if draft.price != order.terms.price else None
        amount = draft.amount if draft.amount != order.terms.amount else None
        call = None if problems else self._call(order, price, amount)
        if call is None:
            raise ChangeRefused(problems or [Problem("order", "this exchange cannot make that change")])
        entry = self._ledger.begin_change(order.key, price, amount, self._venue.proof_ms(), self._venue.wall_ms())
        self._venue.spawn(self._send(order, entry, call), f"change of {order.key}", self._tasks)

    def _call(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> Call[PlaceAccepted] | None:
        try:
            return self._source.amend_order(order, price, amount)
        except ValueError:
            return None

    def _check_funds(self, order: InFlightOrder, draft: OrderDraft, rule: TradingRule) -> list[Problem]:
        """What the change needs beyond what the order holds already must be free."""
        old_left = (order.terms.amount or Decimal(0)) - order.filled
        left = (draft.amount or Decimal(0)) - order.filled
        more, asset = left - old_left, rule.base
        if draft.side is Side.BUY:
            asset = rule.quote
            more = left * (draft.price or Decimal(0)) - old_left * (order.terms.price or Decimal(0))
        balance = self._account.balances.get(asset)
        free = balance.available if balance is not None else Decimal(0)
        if more > free and self._account.complete_frame:
            return [Problem("balance", f"needs {more:f} {asset} more, {free:f} is free")]
        return []

    async def _send(self, order: InFlightOrder, entry: JournalEntry, call: Call[PlaceAccepted]) -> None:
        try:
            await self._ledger.journal.commit(entry)
        except JournalError as error:
            self._enter(EntryKind.CHANGE_REFUSED, order, f"not sent: cannot record orders: {error}")
            return
        try:
            accepted = await self._venue.perform(call)
        except NotSent as error:
            self._enter(EntryKind.CHANGE_REFUSED, order, f"not sent: {error}")
            return
        except VenueError as error:
            definite = error.kind.is_definite or error.kind in _GONE
            kind = EntryKind.CHANGE_REFUSED if definite else EntryKind.CHANGE_AMBIGUOUS
            self._enter(kind, order, str(error), error.frame)
        except NoAnswer as error:
            self._enter(EntryKind.CHANGE_AMBIGUOUS, order, str(error), error.frame)
        except asyncio.CancelledError:
            self._enter(EntryKind.CHANGE_AMBIGUOUS, order, "the program ended before the answer came")
            raise
        else:
            if accepted.update is not None:
                self._ledger.update(accepted.update, self._venue.wall_ms())
        await self._confirm(order)

    async def _confirm(self, order: InFlightOrder) -> None:
        """Whatever was answered, the order itself tells; once now, and as long as that leaves a doubt."""
        try:
            await self._doubts.query(order)
        except (VenueError, NotSent, NoAnswer):
            pass
        if order.change is not None and order.change.is_open and not order.is_done:
            self._doubts.watch(order.key)

    def _enter(self, kind: EntryKind, order: InFlightOrder, text: str, frame: int = 0) -> None:
        self._ledger.enter(kind, order.key, self._venue.wall_ms(), text, frame)
