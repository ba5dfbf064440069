"""What is written down about orders, so that a restart knows what was known. No files: `store` keeps the entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from app.core.order_change import ChangeState
from app.core.order_tracker import OrderTracker
from app.core.orders import InFlightOrder, OrderIntent
from app.core.timestamps import in_ms
from app.core.types import Fill, OrderUpdate


class EntryKind(StrEnum):
    INTENT = "intent"
    SENT = "sent"
    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    EXISTS = "exists"
    REJECTED = "rejected"
    ABSENT = "absent"
    CANCEL_REQUESTED = "cancel requested"
    CANCEL_AMBIGUOUS = "cancel ambiguous"
    CANCEL_REFUSED = "cancel refused"
    CHANGE_REQUESTED = "change requested"
    CHANGE_AMBIGUOUS = "change ambiguous"
    CHANGE_REFUSED = "change refused"
    LOST = "lost"
    ARCHIVED = "archived"
    REMARK = "remark"
    """Something said or decided about the order here, such as the trader's consent; no fact."""
    UPDATE = "update"
    FILL = "fill"


class JournalEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact about the order `key`, at our wall time. `exchange_order_id` is for ACCEPTED; `text` is the reason.

    `price`, `amount` and `proof_ms` are for CHANGE_REQUESTED, as in `OrderChange`.
    """

    kind: EntryKind
    key: str
    wall_ms: int
    text: str = ""
    frame: int = 0
    exchange_order_id: str = ""
    price: Decimal | None = None
    amount: Decimal | None = None
    proof_ms: int = 0
    """For AMBIGUOUS: proof time by the signature that was sent; for a change: that of its request."""
    intent: OrderIntent | None = None
    update: OrderUpdate | None = None
    fill: Fill | None = None


class JournalError(Exception):
    """The journal cannot be written or read; the text says why in the user's words. No order may leave."""


class OrderJournal(Protocol):
    """Where entries go. One per account."""

    async def commit(self, entry: JournalEntry) -> None:
        """Return only when the entry would survive a crash or power cut. Raises JournalError."""
        ...

    def append(self, entry: JournalEntry) -> None:
        """Write soon, in order, without waiting; a failure shows in `failure`."""
        ...

    @property
    def failure(self) -> str:
        """Why orders cannot be recorded now, or empty."""
        ...


class MemoryJournal:
    """A journal that forgets, for replays and for accounts that cannot place orders."""

    failure = ""

    async def commit(self, entry: JournalEntry) -> None:
        return None

    def append(self, entry: JournalEntry) -> None:
        return None


class ClosedJournal:
    """Takes nothing: no order may leave, and `failure` says why."""

    def __init__(self, failure: str) -> None:
        self.failure = failure

    async def commit(self, entry: JournalEntry) -> None:
        raise JournalError(self.failure)

    def append(self, entry: JournalEntry) -> None:
        return None


class OrderLedger:
    """The one way to change an order: each fact is applied to the tracker and goes into the journal."""

    def __init__(self, tracker: OrderTracker, journal: OrderJournal) -> None:
        self.tracker = tracker
        self.journal = journal
        self.on_report: Callable[[OrderUpdate, int], None] | None = None
        """Told of every report about an order, with our wall time (ms), news or not."""

    def begin(self, intent: OrderIntent, wall_ms: int) -> JournalEntry:
        """Track the order. The entry must be committed to the journal before anything is sent."""
        entry = JournalEntry(kind=EntryKind.INTENT, key=intent.client_order_id, wall_ms=wall_ms, intent=intent)
        apply_entry(self.tracker, entry)
        return entry

    def begin_change(
        self, key: str, price: Decimal | None, amount: Decimal | None, proof_ms: int, wall_ms: int
    ) -> JournalEntry:
        """Note the wish. The entry must be committed to the journal before anything is sent."""
        entry = JournalEntry(
            kind=EntryKind.CHANGE_REQUESTED, key=key, wall_ms=wall_ms, price=price, amount=amount, proof_ms=proof_ms
        )
        apply_entry(self.tracker, entry)
        return entry

    def enter(self, kind: EntryKind, key: str, wall_ms: int, text: str = "", frame: int = 0, proof_ms: int = 0) -> None:
        self._enter(JournalEntry(kind=kind, key=key, wall_ms=wall_ms, text=text, frame=frame, proof_ms=proof_ms))

    def accepted(self, key: str, exchange_order_id: str, wall_ms: int, frame: int) -> None:
        entry = JournalEntry(
            kind=EntryKind.ACCEPTED, key=key, wall_ms=wall_ms, frame=frame, exchange_order_id=exchange_order_id
        )
        self._enter(entry)

    def update(self, update: OrderUpdate, wall_ms: int, source: str = "rest") -> None:
        """`source` says where the report came from: "stream" or "rest"."""
        update = in_ms(replace(update, source=source))
        key = update.client_order_id or f"#{update.exchange_order_id}"
        self._enter(JournalEntry(kind=EntryKind.UPDATE, key=key, wall_ms=wall_ms, frame=update.frame, update=update))
        if self.on_report is not None:
            self.on_report(update, wall_ms)

    def fill(self, fill: Fill, wall_ms: int, source: str = "rest") -> None:
        """`source` says where the report came from: "stream" or "rest"."""
        fill = replace(in_ms(fill), source=source)
        key = fill.client_order_id or f"#{fill.exchange_order_id}"
        self._enter(JournalEntry(kind=EntryKind.FILL, key=key, wall_ms=wall_ms, frame=fill.frame, fill=fill))

    def _enter(self, entry: JournalEntry) -> None:
        before = self._facts()
        apply_entry(self.tracker, entry)
        if before != self._facts():
            self.journal.append(entry)

    def _facts(self) -> tuple[int, int]:
        return self.tracker.version - self.tracker.seen_again, len(self.tracker.waiting_fills)


def apply_entry(tracker: OrderTracker, entry: JournalEntry) -> None:
    """Make one journal entry true in the tracker; entries about unknown orders that hold no facts change nothing."""
    wall_ms, text, frame = entry.wall_ms, entry.text, entry.frame
    if entry.intent is not None:
        tracker.start(entry.intent)
        return
    if entry.update is not None:
        tracker.apply(entry.update, wall_ms)
        return
    if entry.fill is not None:
        tracker.apply_fill(entry.fill, wall_ms)
        return
    order = tracker.get(entry.key)
    if order is None:
        return
    match entry.kind:
        case EntryKind.SENT:
            order.mark_sent(wall_ms, frame)
        case EntryKind.ACCEPTED:
            tracker.bind(order, entry.exchange_order_id, wall_ms)
            order.mark_exists(wall_ms, "accepted", frame)
        case EntryKind.AMBIGUOUS:
            order.mark_ambiguous(wall_ms, text, frame, entry.proof_ms)
        case EntryKind.EXISTS:
            order.mark_exists(wall_ms, text, frame)
        case EntryKind.REJECTED:
            order.mark_rejected(wall_ms, text, frame)
        case EntryKind.ABSENT:
            order.mark_absent(wall_ms, text, frame)
        case EntryKind.CANCEL_REQUESTED:
            order.mark_cancel_requested(wall_ms, frame)
        case EntryKind.CANCEL_AMBIGUOUS:
            order.mark_cancel_ambiguous(wall_ms, text, frame)
        case EntryKind.CANCEL_REFUSED:
            order.mark_cancel_refused(wall_ms, text, frame)
        case EntryKind.CHANGE_REQUESTED:
            order.mark_change_requested(wall_ms, entry.price, entry.amount, entry.proof_ms, frame)
        case EntryKind.CHANGE_AMBIGUOUS:
            order.mark_change(wall_ms, ChangeState.UNKNOWN, text, frame)
        case EntryKind.CHANGE_REFUSED:
            order.mark_change(wall_ms, ChangeState.REFUSED, text, frame)
        case EntryKind.LOST:
            order.mark_lost(wall_ms, frame)
        case EntryKind.ARCHIVED:
            order.mark_archived(wall_ms)
        case EntryKind.REMARK:
            order.remark(wall_ms, text)
    tracker.touch(order)


def rebuild(entries: Iterable[JournalEntry]) -> OrderTracker:
    """The orders as these entries tell them. Sent orders without an answer come back as UNKNOWN, never as failed.

    Message numbers are those of a session that is over, so none is taken over: a row must not lead to another message.
    """
    tracker = OrderTracker()
    for entry in entries:
        if entry.intent is not None and tracker.get(entry.intent.client_order_id) is not None:
            continue
        apply_entry(tracker, _without_frames(entry))
    for order in tracker:
        if not order.is_done and not order.seen and not order.ambiguous:
            order.mark_ambiguous(order.created_ms, _ENDED)
    for order in tracker.open:
        order.mark_change(order.created_ms, ChangeState.UNKNOWN, _ENDED)
    return tracker


_ENDED = "the program ended before the answer came"


def _without_frames(entry: JournalEntry) -> JournalEntry:
    return replace(
        entry,
        frame=0,
        update=None if entry.update is None else replace(entry.update, frame=0),
        fill=None if entry.fill is None else replace(entry.fill, frame=0),
    )


def entries_of(order: InFlightOrder, wall_ms: int) -> list[JournalEntry]:
    """The fewest entries from which `rebuild` makes this order again, its history aside."""
    entries = [JournalEntry(kind=EntryKind.INTENT, key=order.key, wall_ms=order.created_ms, intent=order.terms)]
    if order.exchange_order_id:
        entries.append(
            JournalEntry(
                kind=EntryKind.ACCEPTED, key=order.key, wall_ms=wall_ms, exchange_order_id=order.exchange_order_id
            )
        )
    if order.cancel_requested:
        entries.append(JournalEntry(kind=EntryKind.CANCEL_REQUESTED, key=order.key, wall_ms=wall_ms))
    change = order.change
    if change is not None and change.is_open:
        entries.append(
            JournalEntry(
                kind=EntryKind.CHANGE_REQUESTED,
                key=order.key,
                wall_ms=wall_ms,
                price=change.price,
                amount=change.amount,
                proof_ms=change.proof_ms,
            )
        )
    entries += (JournalEntry(kind=EntryKind.FILL, key=order.key, wall_ms=wall_ms, fill=fill) for fill in order.fills)
    return entries
