"""The life of one order as facts that only grow; the state is derived from them. No I/O, no clock.

Reports come late, twice, out of order and from four sources (reply, stream, query, journal), so nothing here is a
transition: any order and any repetition of the same reports gives the same state.
"""

from __future__ import annotations

from bisect import insort
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from app.core.fill_count import by_age, count_once
from app.core.order_change import ChangeState, OrderChange
from app.core.order_state import OrderFlag, OrderState
from app.core.types import Fill, OrderType, OrderUpdate, Side, TimeInForce, VenueState

_ZERO = Decimal(0)


_TERMINAL_RANK = {VenueState.FAILED: 1, VenueState.EXPIRED: 2, VenueState.CANCELED: 3, VenueState.FILLED: 4}


class OrderIntent(Struct, frozen=True, kw_only=True):
    """What we set out to place, written down before it is sent. Amounts base; `quote_amount` and prices quote."""

    client_order_id: str
    pair: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    stop_price: Decimal | None = None
    created_ms: int = 0
    proof_ms: int = 0
    """From this exchange time on, an order that cannot be found was never placed."""


class OrderEvent(Struct, frozen=True):
    """A line of the order's history: when (our wall clock), the state after it, what happened, which frame said so."""

    wall_ms: int
    state: OrderState
    what: str
    frame: int = 0
    source: str = ""


class InFlightOrder:
    """One order, ours or found on the exchange. One writer; readers compare `version`."""

    def __init__(self, terms: OrderIntent, *, external: bool = False, wall_ms: int = 0) -> None:
        self.terms = terms
        self.client_order_id = terms.client_order_id
        self.exchange_order_id = ""
        self.triggered_order_id = ""
        """The exchange's id of the order that this stop order became when it triggered."""
        self.flags: set[OrderFlag] = {OrderFlag.EXTERNAL} if external else set()
        self.sent = external
        self.ambiguous = False
        self.seen = external
        self.rejected = False
        self.absent = ""
        """The evidence that it was never placed."""
        self.terminal: VenueState | None = None
        self.cancel_requested = False
        self.cancel_ambiguous = False
        self.change: OrderChange | None = None
        self.cancel_refusal = ""
        """Why the exchange refused the cancel asked for last, or empty."""
        self.archived = False
        """The trader put it away while the exchange did not know it."""
        self.proof_ms = terms.proof_ms
        """From this exchange time on it was never placed if it cannot be found."""
        self.questions = 0
        """How often the exchange was asked since the outcome became unknown; not a fact."""
        self.cumulative = _ZERO
        self.cumulative_quote = _ZERO
        self.venue_word = ""
        self.reason = ""
        self.created_ms = terms.created_ms
        self.updated_ms = 0
        self.frame = 0
        self.source = ""
        self.stale_answers = 0
        self.repeated_fills = 0
        self.version = 0
        self.history: list[OrderEvent] = []
        self._price_ms = self._amount_ms = 0
        self._fills: dict[tuple[str, str], Fill] = {}
        self._counted: list[Fill] = []
        self._counted_base = self._counted_quote = _ZERO
        self._id_spaces: set[str] = set()
        self._contradictions: set[tuple[str, Decimal, Decimal]] = set()
        self.state = OrderState.OPEN if external else OrderState.INTENT
        self._note(wall_ms or terms.created_ms, "found on the exchange" if external else "recorded")

    # -- what is known

    @property
    def pair(self) -> str:
        return self.terms.pair

    @property
    def side(self) -> Side:
        return self.terms.side

    @property
    def live_order_id(self) -> str:
        """The exchange's id of what stands in its book for this order now."""
        return self.triggered_order_id or self.exchange_order_id

    @property
    def key(self) -> str:
        """Identifies the order here: our id, or the exchange's for orders without one."""
        return self.client_order_id or f"#{self.exchange_order_id}"

    @property
    def is_done(self) -> bool:
        return self.state.is_done

    @property
    def put_away(self) -> bool:
        """Archived, and nothing has been heard of it since."""
        return self.archived and OrderFlag.LOST in self.flags

    @property
    def fills(self) -> list[Fill]:
        """Executions, each once, oldest first."""
        return self._counted

    @property
    def filled(self) -> Decimal:
        """Base amount executed: the larger of what the fills add up to and what the exchange ever reported."""
        return max(self._counted_base, self.cumulative)

    @property
    def filled_quote(self) -> Decimal:
        return max(self._counted_quote, self.cumulative_quote)

    @property
    def fills_missing(self) -> Decimal:
        """Base amount reported as filled without its executions having arrived."""
        return self.filled - self._counted_base

    @property
    def remaining(self) -> Decimal | None:
        """Base amount still to fill; None while the base amount is not known."""
        return None if self.terms.amount is None else max(self.terms.amount - self.filled, _ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over what is known of both; None before the first execution."""
        amount = sum((fill.amount for fill in self._counted), _ZERO)
        quote = sum((fill.amount * fill.price for fill in self._counted), _ZERO)
        if self.cumulative_quote > quote:
            amount, quote = self.cumulative, self.cumulative_quote
        return quote / amount if amount else None

    # -- facts

    def mark_sent(self, wall_ms: int, frame: int = 0) -> None:
        self.sent = True
        self._derive(wall_ms, "sent", frame)

    def mark_ambiguous(self, wall_ms: int, reason: str, frame: int = 0, proof_ms: int = 0) -> None:
        """Bytes left and no readable answer came. `proof_ms`: by the time at which they were signed in fact."""
        self.sent = self.ambiguous = True
        self.proof_ms = proof_ms or self.proof_ms
        if not self.seen:
            self.reason = reason
        self._derive(wall_ms, f"outcome unknown: {reason}", frame)

    def mark_exists(self, wall_ms: int, what: str, frame: int = 0) -> None:
        """Proof that the exchange knows the order, without its state."""
        self.sent = self.seen = True
        self._derive(wall_ms, what, frame)

    def mark_rejected(self, wall_ms: int, reason: str, frame: int = 0) -> None:
        self.sent = self.rejected = True
        if not self.seen:
            self.reason = reason
        self._derive(wall_ms, f"rejected: {reason}", frame)

    def mark_absent(self, wall_ms: int, evidence: str, frame: int = 0) -> None:
        """Proved never placed, or known never to have been sent."""
        self.absent = self.absent or evidence
        if not self.seen:
            self.reason = evidence
        self._derive(wall_ms, f"not placed: {evidence}", frame)

    def mark_cancel_requested(self, wall_ms: int, frame: int = 0) -> None:
        self.cancel_requested = True
        self.cancel_refusal = ""
        self._derive(wall_ms, "cancel requested", frame)

    def mark_cancel_ambiguous(self, wall_ms: int, reason: str, frame: int = 0) -> None:
        self.cancel_requested = self.cancel_ambiguous = True
        self.flags.add(OrderFlag.CANCEL_UNKNOWN)
        self._derive(wall_ms, f"cancel not confirmed: {reason}", frame)

    def mark_cancel_refused(self, wall_ms: int, reason: str, frame: int = 0) -> None:
        """Not a terminal by itself: the order is asked for next."""
        self.cancel_refusal = reason or "refused"
        self._derive(wall_ms, f"cancel refused: {reason}", frame)

    def mark_change_requested(
        self, wall_ms: int, price: Decimal | None, amount: Decimal | None, proof_ms: int, frame: int = 0
    ) -> None:
        self.change = OrderChange(price=price, amount=amount, proof_ms=proof_ms)
        parts = [f"price {price:f}" if price is not None else "", f"amount {amount:f}" if amount is not None else ""]
        self._derive(wall_ms, f"change requested: {', '.join(filter(None, parts))}", frame)

    def mark_change(self, wall_ms: int, state: ChangeState, words: str, frame: int = 0) -> None:
        """What the newest change came to. A change that is over stays so."""
        if self.change is None or not self.change.is_open:
            return
        self.change = replace(self.change, state=state, words=words)
        self._derive(wall_ms, f"change {state}: {words}" if words else f"change {state}", frame)

    def mark_lost(self, wall_ms: int, frame: int = 0) -> None:
        """The exchange does not know an order that it once confirmed. Never called failed."""
        self.flags.add(OrderFlag.LOST)
        self._derive(wall_ms, "the exchange does not know this order", frame)

    def mark_archived(self, wall_ms: int) -> None:
        """Put away by the trader; any later report brings it back."""
        self.archived = True
        self._derive(wall_ms, "put away by the trader: the exchange does not know it")

    def remark(self, wall_ms: int, what: str) -> None:
        """A line of history that is no fact about the order."""
        self._note(wall_ms, what)

    def apply(self, update: OrderUpdate, wall_ms: int) -> bool:
        """Merge a report from stream or REST. Late and repeated reports change nothing; True when it was news."""
        before = self._facts()
        self._bind(update.exchange_order_id)
        self._bind(update.triggered_order_id)
        if update.client_order_id and not self.client_order_id:
            self.client_order_id = update.client_order_id
        self._complete_terms(update)
        self._settle_change()
        self.created_ms = self.created_ms or update.created_ms
        self.sent = True
        if update.state is VenueState.REJECTED:
            self.rejected = True
        else:
            self.seen = True
            self.flags.discard(OrderFlag.LOST)
        self._flag(OrderFlag.UNKNOWN_WORD, update.state is VenueState.UNKNOWN_WORD)
        if update.state is VenueState.CANCELING:
            self.cancel_requested = True
        elif update.state in _TERMINAL_RANK:
            self._end(update.state)
        elif self.is_done and update.state is not VenueState.REJECTED:
            self.stale_answers += 1
        if update.filled is not None:
            self.cumulative = max(self.cumulative, update.filled)
        if update.filled_quote is not None:
            self.cumulative_quote = max(self.cumulative_quote, update.filled_quote)
        if update.exchange_ms >= self.updated_ms:
            self.updated_ms = update.exchange_ms
            self.venue_word = update.venue_word or self.venue_word
            self.reason = update.reason or ("" if self.seen and not self.rejected else self.reason)
        if before == self._facts():
            if update.frame and not self.frame:
                # Known from the journal, whose message numbers were another session's.
                self.frame, self.source = update.frame, update.source
                self.version += 1
            return False
        self._derive(wall_ms, f"exchange: {update.venue_word or update.state}", update.frame, update.source)
        return True

    def apply_fill(self, fill: Fill, wall_ms: int) -> bool:
        """Count an execution once per trade id; True when new. A fill is never refused, not even after the end."""
        self._bind(fill.exchange_order_id)
        key = (fill.id_space, fill.trade_id)
        known = self._fills.get(key)
        if known is not None:
            if fill.source != "rest":
                # What we ask for overlaps on purpose; only what is told unasked is counted.
                self.repeated_fills += 1
            if (known.price, known.amount) != (fill.price, fill.amount):
                self._contradict(known, fill, wall_ms)
            elif fill.frame and not known.frame:
                self._fills[key] = fill
                self._count()
                self.version += 1
            return False
        counted = len(self._counted)
        self._fills[key] = fill
        self._count(fill)
        self.sent = self.seen = True
        self.updated_ms = max(self.updated_ms, fill.exchange_ms)
        if len(self._counted) == counted:
            self.version += 1
            return False
        self._derive(wall_ms, f"fill {fill.amount:f} at {fill.price:f}", fill.frame, fill.source or fill.id_space)
        return True

    def _contradict(self, known: Fill, told: Fill, wall_ms: int) -> None:
        """One trade id, two contents: the first stands, and both are in the history."""
        self.flags.add(OrderFlag.ID_CONFLICT)
        content = (told.trade_id, told.price, told.amount)
        if content not in self._contradictions:
            self._contradictions.add(content)
            kept = f"{known.amount:f} at {known.price:f}" + (f" of message #{known.frame}" if known.frame else "")
            what = f"trade {told.trade_id} told again as {told.amount:f} at {told.price:f}; kept {kept}"
            self._note(wall_ms, what, told.frame, told.source)

    def absorb(self, stranger: InFlightOrder, wall_ms: int) -> None:
        """Take over every fact that was reported under the exchange's id before that id was known to be ours."""
        self._bind(stranger.exchange_order_id)
        self.sent = self.seen = True
        self.rejected |= stranger.rejected
        self.cancel_requested |= stranger.cancel_requested
        self.cancel_ambiguous |= stranger.cancel_ambiguous
        self.flags |= stranger.flags - {OrderFlag.EXTERNAL, OrderFlag.LOST}
        if stranger.terminal is not None:
            self._end(stranger.terminal)
        self.cumulative = max(self.cumulative, stranger.cumulative)
        self.cumulative_quote = max(self.cumulative_quote, stranger.cumulative_quote)
        self._fills = {**stranger._fills, **self._fills}
        self._count()
        if stranger.updated_ms >= self.updated_ms:
            self.updated_ms, self.venue_word = stranger.updated_ms, stranger.venue_word
        self.frame, self.source = stranger.frame, stranger.source
        self._derive(wall_ms, "is the order that was found on the exchange", stranger.frame, stranger.source)

    # -- derivation

    def _derived_state(self) -> OrderState:
        filled, amount = self.filled, self.terms.amount
        if self.terminal is VenueState.FILLED or (amount is not None and 0 < amount <= filled):
            return OrderState.FILLED
        if filled and self.terminal in (VenueState.CANCELED, VenueState.FAILED):
            return OrderState.PARTIALLY_CANCELED
        if self.terminal is not None:
            return OrderState(self.terminal.name)
        if self.seen or filled:
            if self.cancel_requested:
                return OrderState.PENDING_CANCEL
            return OrderState.PARTIALLY_FILLED if filled else OrderState.OPEN
        if self.rejected:
            return OrderState.REJECTED
        if self.absent:
            return OrderState.NOT_PLACED
        if self.ambiguous:
            return OrderState.UNKNOWN
        return OrderState.SUBMITTING if self.sent else OrderState.INTENT

    def _derive(self, wall_ms: int, what: str, frame: int = 0, source: str = "rest") -> None:
        before, self.state = self.state, self._derived_state()
        if before.is_done and before is not self.state:
            self.flags.add(OrderFlag.LATE_EVIDENCE)
        if self.is_done:
            self.flags.discard(OrderFlag.CANCEL_UNKNOWN)
        doubtful = self.change is not None and self.change.state is ChangeState.UNKNOWN
        self._flag(OrderFlag.CHANGE_UNKNOWN, doubtful and not self.is_done)
        self._flag(OrderFlag.FILLS_MISSING, self.fills_missing > 0)
        if frame:
            self.frame, self.source = frame, source
        self._flag(OrderFlag.OVERFILLED, self.terms.amount is not None and self.filled > self.terms.amount)
        self._note(wall_ms, what, frame, source)

    def _flag(self, flag: OrderFlag, on: bool) -> None:
        if on:
            self.flags.add(flag)
        else:
            self.flags.discard(flag)

    def _note(self, wall_ms: int, what: str, frame: int = 0, source: str = "") -> None:
        self.history.append(OrderEvent(wall_ms, self.state, what, frame, source))
        self.version += 1

    def _facts(self) -> tuple[object, ...]:
        return (
            self.exchange_order_id,
            self.triggered_order_id,
            self.client_order_id,
            self.terms,
            self.seen,
            self.rejected,
            self.terminal,
            self.cancel_requested,
            self.change,
            self.cumulative,
            self.cumulative_quote,
            frozenset(self.flags),
            self.venue_word,
        )

    def _bind(self, exchange_order_id: str) -> None:
        if not exchange_order_id or exchange_order_id in (self.exchange_order_id, self.triggered_order_id):
            return
        if self.exchange_order_id and self.terms.type.has_stop_price and not self.triggered_order_id:
            self.triggered_order_id = exchange_order_id
        elif self.exchange_order_id:
            self.flags.add(OrderFlag.ID_CONFLICT)
        else:
            self.exchange_order_id = exchange_order_id

    def _settle_change(self) -> None:
        """A report that shows what was wished for proves the change, whoever sent it."""
        change, terms = self.change, self.terms
        if change is None or not change.is_open:
            return
        if change.price in (None, terms.price) and change.amount in (None, terms.amount):
            self.change = replace(change, state=ChangeState.DONE, words="")

    def _count(self, new: Fill | None = None) -> None:
        self._id_spaces.update(fill.id_space for fill in (self._fills.values() if new is None else (new,)))
        if new is not None and len(self._id_spaces) == 1:
            # Counting all again for each of thousands of fills would take seconds.
            insort(self._counted, new, key=by_age)
            self._counted_base += new.amount
            self._counted_quote += new.amount * new.price
            return
        self._counted = count_once(self._fills.values())
        self._counted_base = sum((fill.amount for fill in self._counted), _ZERO)
        self._counted_quote = sum((fill.amount * fill.price for fill in self._counted), _ZERO)

    def _end(self, terminal: VenueState) -> None:
        if self.terminal is None or _TERMINAL_RANK[terminal] > _TERMINAL_RANK[self.terminal]:
            self.terminal = terminal

    def _complete_terms(self, update: OrderUpdate) -> None:
        """Fill in what we did not know; an amended price or amount is taken from the newest report that holds one."""
        terms = self.terms
        price, amount = terms.price, terms.amount
        if update.price is not None and (price is None or update.exchange_ms >= self._price_ms):
            price = update.price
            self._price_ms = max(self._price_ms, update.exchange_ms)
        if update.amount is not None and (amount is None or update.exchange_ms >= self._amount_ms):
            amount = update.amount
            self._amount_ms = max(self._amount_ms, update.exchange_ms)
        # A first report may leave out what a foreign order is; our own orders are what we sent.
        told = update if OrderFlag.EXTERNAL in self.flags else terms
        completed = OrderIntent(
            client_order_id=terms.client_order_id or update.client_order_id,
            pair=terms.pair,
            side=told.side or terms.side,
            type=told.type or terms.type,
            time_in_force=told.time_in_force or terms.time_in_force,
            price=price,
            amount=amount,
            quote_amount=terms.quote_amount if update.quote_amount is None else update.quote_amount,
            stop_price=terms.stop_price if update.stop_price is None else update.stop_price,
            created_ms=terms.created_ms or update.created_ms,
            proof_ms=terms.proof_ms,
        )
        if completed != terms:
            self.terms = completed
