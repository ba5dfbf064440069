"""Places and cancels orders by hand: written down first, sent once, and never called failed without proof.

No request is repeated here: an order whose answer is lost is handed to `order_doubts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from app.connectors.order_doubts import OrderDoubts
from app.connectors.spec import CancelAnswer, PrivateSource
from app.connectors.venue import Venue
from app.core.cancellation import CancellationReceipt, CancellationResult, CancelOutcome
from app.core.clock import NS_PER_S
from app.core.errors import ErrorKind
from app.core.journal import EntryKind, JournalEntry, JournalError, OrderLedger
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, NoAnswer, NotSent, VenueError
from app.core.types import Side
from app.net.waiting import happens

_LONGEST_COMMIT_S = 5.0
"""An order that took longer to write down was confirmed on another market; it is not sent."""
_CONFIRM_WITHIN_S = 3.0
_ON_ITS_WAY = (OrderState.INTENT, OrderState.SUBMITTING)
_GONE = (ErrorKind.NOT_FOUND, ErrorKind.ALREADY_DONE)


class OrderSender:
    """The only part of the program that can send an order. A replay has none."""

    def __init__(
        self,
        venue: Venue,
        source: PrivateSource,
        ledger: OrderLedger,
        doubts: OrderDoubts,
        on_rules_changed: Callable[[], None],
    ) -> None:
        self._venue = venue
        self._source = source
        self._ledger = ledger
        self._doubts = doubts
        self._on_rules_changed = on_rules_changed
        self._queued_cancels: dict[str, tuple[OrderState, ...]] = {}
        """Our id, and the states in which the exchange cannot know the order yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._forget_orders = ledger.tracker.changed.connect(self._send_queued_cancel)

    async def finish(self) -> None:
        """Wait until nothing is under way; nothing queued is sent any more."""
        self._forget_orders()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def proof_ms(self, signed_ms: int) -> int:
        """From this exchange time on, a request signed at `signed_ms` can no longer become an order."""
        return self._venue.proof_ms(signed_ms)

    def latest_proof_ms(self, intent: OrderIntent, now_ms: int) -> int:
        """The same for an intent made now, however long it waits for the disk and for its turn before it is signed."""
        longest_s = _LONGEST_COMMIT_S
        try:
            longest_s += self._source.place_order(intent).request.timeout_s
        except ValueError:
            pass  # it will not be sent, and says why then
        return self.proof_ms(now_ms + round(longest_s * 1000))

    def begin(self, intent: OrderIntent) -> JournalEntry:
        """Put the order on the list; nothing is written to disk or sent yet."""
        return self._ledger.begin(intent, self._venue.wall_ms())

    async def place(self, entry: JournalEntry) -> None:
        """Commit the intent, send it once, and write down what came of it."""
        assert entry.intent is not None
        key, ledger = entry.key, self._ledger
        begun_ns = self._venue.clock.boot_ns()
        try:
            await ledger.journal.commit(entry)
        except JournalError as error:
            self._enter(EntryKind.ABSENT, key, f"not sent: cannot record orders: {error}")
            return
        if (waited_ns := self._venue.clock.boot_ns() - begun_ns) > _LONGEST_COMMIT_S * NS_PER_S:
            self._enter(EntryKind.ABSENT, key, f"not sent: recording it took {waited_ns / NS_PER_S:.0f} s")
            return
        self._enter(EntryKind.SENT, key)
        self._doubts.watch_sending(key)
        try:
            accepted = await self._venue.perform(self._source.place_order(entry.intent))
        except (NotSent, ValueError) as error:
            self._enter(EntryKind.ABSENT, key, f"not sent: {error}")
        except VenueError as error:
            self._on_refused(key, error)
        except NoAnswer as error:
            self._in_doubt(key, str(error), error.frame, error.signed_ms)
        except asyncio.CancelledError:
            self._in_doubt(key, "the program ended before the answer came")
            raise
        else:
            ledger.accepted(key, accepted.exchange_order_id, self._venue.wall_ms(), accepted.frame)
            if accepted.update is not None:
                ledger.update(accepted.update, self._venue.wall_ms())

    async def cancel(self, order: InFlightOrder) -> CancellationReceipt:
        """Cancel one order and wait shortly for its end."""
        if order.is_done:
            return CancellationReceipt((_result(order, _outcome_of(order)),))
        if order.state in _ON_ITS_WAY:
            self._queued_cancels[order.key] = _ON_ITS_WAY
            self._enter(EntryKind.CANCEL_REQUESTED, order.key)
            return CancellationReceipt((_result(order, CancelOutcome.QUEUED),))
        return CancellationReceipt((await self._cancel_one(order),))

    async def cancel_all(
        self, orders: Sequence[InFlightOrder], pair: str | None, everything: bool
    ) -> CancellationReceipt:
        """Cancel these orders in the fewest calls. `everything`: they are all open orders of `pair` or account.

        One call for everything also ends orders that we do not know of.
        """
        waiting = [order for order in orders if order.state in _ON_ITS_WAY]
        queued = [await self.cancel(order) for order in waiting]
        sent = [order for order in orders if order not in waiting]
        for order in sent:
            self._enter(EntryKind.CANCEL_REQUESTED, order.key)
        calls = list(self._source.cancel_all(pair)) if everything else []
        if not calls and sent:
            calls = list(self._source.cancel_orders(sent))
        refused: dict[str, CancelAnswer] = {}
        unknown = ""
        for call in calls:
            try:
                for answer in await self._venue.perform(call):
                    self._read_answer(answer, refused)
            except NotSent as error:
                refused |= {order.key: CancelAnswer(accepted=False, words=f"not sent: {error}") for order in sent}
            except VenueError as error:
                if _says_no(error):
                    refused |= {order.key: CancelAnswer(accepted=False, words=str(error)) for order in sent}
                else:
                    unknown = str(error)
            except NoAnswer as error:
                unknown = str(error)
        results = await asyncio.gather(*(self._confirm(order, refused.get(order.key), unknown) for order in sent))
        return CancellationReceipt((*results, *(receipt.results[0] for receipt in queued)))

    # -- parts of placing

    def _on_refused(self, key: str, error: VenueError) -> None:
        if error.kind is ErrorKind.DUPLICATE_ID:
            self._enter(EntryKind.EXISTS, key, f"the exchange knows this order already ({error})", error.frame)
            self._doubts.watch(key)
        elif error.kind.is_definite or error.kind in _GONE:
            reason = f"clock: {error}" if error.kind is ErrorKind.CLOCK else str(error)
            advice = f" ({error.kind.advice})" if error.kind.advice else ""
            self._enter(EntryKind.REJECTED, key, f"{reason}{advice}", error.frame)
            self._venue.notices.warning(self._venue.key, f"Order refused. Exchange says: {error}", error.frame)
            if error.kind is ErrorKind.RULES_CHANGED:
                self._on_rules_changed()
        else:
            reason = f"the exchange did not say whether it took the order ({error})"
            self._in_doubt(key, reason, error.frame, error.signed_ms)

    def _in_doubt(self, key: str, reason: str, frame: int = 0, signed_ms: int = 0) -> None:
        if not getattr(self._source, "asks_by_our_id", True):
            reason = f"{reason}; this exchange cannot be asked by our id"
        proof_ms = self.proof_ms(signed_ms) if signed_ms else 0
        self._ledger.enter(EntryKind.AMBIGUOUS, key, self._venue.wall_ms(), reason, frame, proof_ms)
        self._doubts.watch(key)

    # -- parts of cancelling

    def _send_queued_cancel(self, order: InFlightOrder) -> None:
        """The order is known over there by now, or its request timed out."""
        states = self._queued_cancels.get(order.key)
        if states is None or order.state in states:
            return
        del self._queued_cancels[order.key]
        if not order.is_done:
            self._venue.spawn(self._cancel_queued(order), f"queued cancel of {order.key}", self._tasks)

    async def _cancel_queued(self, order: InFlightOrder) -> None:
        result = await self._cancel_one(order)
        if not result.success:
            words = f": {result.words}" if result.words else ""
            self._venue.notices.warning(self._venue.key, f"queued cancel of {order.key}: {result.outcome}{words}")

    async def _cancel_one(self, order: InFlightOrder) -> CancellationResult:
        self._enter(EntryKind.CANCEL_REQUESTED, order.key)
        call: Call[CancelAnswer] = self._source.cancel_order(order)
        refused: dict[str, CancelAnswer] = {}
        unknown = ""
        try:
            self._read_answer(await self._venue.perform(call), refused, order)
        except NotSent as error:
            self._enter(EntryKind.CANCEL_REFUSED, order.key, f"not sent: {error}")
            return _result(order, CancelOutcome.REFUSED, f"not sent: {error}")
        except VenueError as error:
            if not _says_no(error):
                unknown = str(error)
            else:
                refused[order.key] = CancelAnswer(accepted=False, words=str(error), error=error, frame=error.frame)
        except NoAnswer as error:
            unknown = str(error)
        return await self._confirm(order, refused.get(order.key), unknown)

    def _read_answer(
        self, answer: CancelAnswer, refused: dict[str, CancelAnswer], order: InFlightOrder | None = None
    ) -> None:
        tracker = self._ledger.tracker
        order = order or tracker.get(answer.client_order_id) or tracker.get(answer.exchange_order_id)
        if answer.final is not None:
            self._ledger.update(answer.final, self._venue.wall_ms())
        elif not answer.accepted and order is not None:
            refused[order.key] = answer

    async def _confirm(self, order: InFlightOrder, refused: CancelAnswer | None, unknown: str) -> CancellationResult:
        """What the cancel came to: the stream usually says so at once; else the order is asked for."""
        if refused is not None:
            self._enter(EntryKind.CANCEL_REFUSED, order.key, refused.words, refused.frame)
        elif unknown:
            self._enter(EntryKind.CANCEL_AMBIGUOUS, order.key, unknown)
            self._doubts.watch(order.key)
        else:
            await self._settled(order, _CONFIRM_WITHIN_S)
        if not order.is_done:
            try:
                await self._doubts.query(order)
            except (VenueError, NotSent, NoAnswer):
                self._doubts.watch(order.key)
        if order.is_done:
            outcome = _outcome_of(order)
            if outcome is CancelOutcome.FILLED_FIRST:
                self._venue.notices.warning(
                    self._venue.key, f"Filled before cancel: {order.side} {order.pair}", order.frame
                )
            return _result(order, outcome, refused.words if refused else "")
        if order.state is OrderState.UNKNOWN:
            # Nothing to cancel yet; should the order turn up, the trader's wish still holds.
            self._queued_cancels[order.key] = (OrderState.UNKNOWN,)
            return _result(order, CancelOutcome.QUEUED, refused.words if refused else unknown)
        if refused is not None:
            return _result(order, CancelOutcome.REFUSED, refused.words)
        if unknown:
            return _result(order, CancelOutcome.UNKNOWN, unknown)
        self._doubts.watch(order.key)
        return _result(order, CancelOutcome.ACCEPTED)

    async def _settled(self, order: InFlightOrder, within_s: float) -> None:
        if order.is_done:
            return
        done = asyncio.Event()
        disconnect = self._ledger.tracker.changed.connect(
            lambda changed: done.set() if changed is order and order.is_done else None
        )
        try:
            await happens(done, within_s)
        finally:
            disconnect()

    def _enter(self, kind: EntryKind, key: str, text: str = "", frame: int = 0) -> None:
        self._ledger.enter(kind, key, self._venue.wall_ms(), text, frame)


def matching(
    orders: Sequence[InFlightOrder], pair: str | None, side: Side | None, keys: set[str] | None
) -> list[InFlightOrder]:
    """Those of `orders` that a cancel-all with these limits means."""
    return [
        order
        for order in orders
        if (pair is None or order.pair == pair)
        and (side is None or order.side is side)
        and (keys is None or order.key in keys)
    ]


def _says_no(error: VenueError) -> bool:
    """Whether a cancel that met this error certainly did nothing."""
    return error.kind.is_definite or error.kind in _GONE


def _outcome_of(order: InFlightOrder) -> CancelOutcome:
    if order.state is OrderState.FILLED:
        return CancelOutcome.FILLED_FIRST
    if order.state in (OrderState.CANCELED, OrderState.PARTIALLY_CANCELED):
        return CancelOutcome.CANCELED
    return CancelOutcome.GONE


def _result(order: InFlightOrder, outcome: CancelOutcome, words: str = "") -> CancellationResult:
    return CancellationResult(order.key, order.pair, outcome, words)
