"""What the journal tells after a restart is what was known before; what was not known comes back as UNKNOWN."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app.core.journal import EntryKind, JournalEntry, OrderLedger, rebuild
from app.core.order_change import ChangeState
from app.core.order_state import OrderFlag, OrderState
from app.core.order_tracker import OrderTracker
from app.core.types import VenueState
from tests.core.facts import fill, report, terms

D = Decimal


class Memory:
    """A journal that keeps every entry as JSON."""

    failure = ""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def commit(self, entry: JournalEntry) -> None:
        self.append(entry)

    def append(self, entry: JournalEntry) -> None:
        self.lines.append(msgspec.json.encode(entry))

    def entries(self) -> list[JournalEntry]:
        return [msgspec.json.decode(line, type=JournalEntry) for line in self.lines]


REPORTS = [state.value for state in VenueState]


class Desk:
    """Does to a ledger what the engine does, one word at a time."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.ledger = OrderLedger(OrderTracker(), self.memory)
        self.now = 0

    def does(self, step: str, number: int, amount: str = "0.25") -> None:
        self.now += 1
        ledger, client, id, ms = self.ledger, f"k{number}", f"E{number}", self.now
        if step == "begin":
            if ledger.tracker.get(client) is None:
                self.memory.append(ledger.begin(terms(client), ms))
        elif step == "accepted":
            ledger.accepted(client, id, ms, frame=ms)
        elif step == "fill":
            ledger.fill(fill(f"t{ms}", amount, client=client, id=id, ms=ms), ms)
        elif step == "fill by exchange id":
            ledger.fill(fill(f"t{ms}", amount, id=id, ms=ms), ms)
        elif step in REPORTS:
            ledger.update(report(VenueState(step), client=client, id=id, ms=ms), ms)
        elif step.startswith("stranger "):
            ledger.update(report(VenueState(step.removeprefix("stranger ")), client="", id=id, ms=ms), ms)
        else:
            ledger.enter(EntryKind(step), client, ms, text=step, frame=ms)


def known(tracker: OrderTracker) -> dict[str, tuple[object, ...]]:
    """Everything a trader could see of each order."""
    return {
        order.key: (
            order.state,
            order.terms,
            order.exchange_order_id,
            order.filled,
            order.filled_quote,
            order.fills,
            order.flags,
            order.reason,
            order.venue_word,
            [line.what for line in order.history],
        )
        for order in tracker
    }


MARKS = [kind.value for kind in EntryKind if kind not in (EntryKind.INTENT, EntryKind.UPDATE, EntryKind.FILL)]
STEPS = st.sampled_from(
    ["begin", "begin", "accepted", "fill", "fill by exchange id", "stranger open", "stranger filled"]
    + REPORTS
    + [mark for mark in MARKS if mark != "accepted"]
)
STORY = st.lists(st.tuples(STEPS, st.integers(1, 3)), max_size=14)
UNSENT = (OrderState.INTENT, OrderState.SUBMITTING)


@example([("begin", 1), ("lost", 1), ("archived", 1)])
@settings(max_examples=250, deadline=None)
@given(STORY)
def test_rebuilt_from_json_equals_the_live_tracker(story: list[tuple[str, int]]) -> None:
    desk = Desk()
    for step, number in story:
        desk.does(step, number)
    live, rebuilt = desk.ledger.tracker, rebuild(desk.memory.entries())
    for order in live:
        if not order.seen and not order.ambiguous and not order.is_done:
            order.mark_ambiguous(order.created_ms, "the program ended before the answer came")
    for order in live.open:
        order.mark_change(order.created_ms, ChangeState.UNKNOWN, "the program ended before the answer came")
    assert known(rebuilt) == known(live)
    assert rebuilt.waiting_fills == live.waiting_fills


@settings(max_examples=100, deadline=None)
@given(STORY)
def test_a_crash_at_any_point_gives_unknown_and_never_failed(story: list[tuple[str, int]]) -> None:
    desk = Desk()
    for step, number in story:
        desk.does(step, number)
        live = {order.key: order.state for order in desk.ledger.tracker}
        rebuilt = {order.key: order.state for order in rebuild(desk.memory.entries())}
        assert rebuilt == {key: OrderState.UNKNOWN if state in UNSENT else state for key, state in live.items()}


@settings(max_examples=100, deadline=None)
@given(STORY)
def test_entries_written_twice_change_nothing(story: list[tuple[str, int]]) -> None:
    """As when a write was reported as failed and is repeated."""
    desk = Desk()
    for step, number in story:
        desk.does(step, number)
    once = rebuild(desk.memory.entries())
    twice = rebuild([entry for entry in desk.memory.entries() for _ in range(2)])
    assert [(o.key, o.state, o.filled, o.exchange_order_id) for o in twice] == [
        (o.key, o.state, o.filled, o.exchange_order_id) for o in once
    ]


def test_the_life_of_an_order_seen_at_each_crash() -> None:
    desk = Desk()
    seen = []
    for step in ("begin", "sent", "accepted", "open", "fill", "cancel requested", "canceled"):
        desk.does(step, 1)
        (order,) = rebuild(desk.memory.entries())
        seen.append((order.state.value, str(order.filled)))
    assert seen == [
        ("UNKNOWN", "0"),
        ("UNKNOWN", "0"),
        ("OPEN", "0"),
        ("OPEN", "0"),
        ("PARTIALLY_FILLED", "0.25"),
        ("PENDING_CANCEL", "0.25"),
        ("PARTIALLY_CANCELED", "0.25"),
    ]


def test_unanswered_order_says_why_it_is_unknown() -> None:
    desk = Desk()
    desk.does("begin", 1)
    (order,) = rebuild(desk.memory.entries())
    assert order.reason == "the program ended before the answer came"
    assert order.terms == terms("k1")


def test_a_fill_that_came_before_its_order_was_known_is_not_forgotten() -> None:
    desk = Desk()
    for step in ("begin", "sent", "fill by exchange id", "accepted"):
        desk.does(step, 1)
    (order,) = rebuild(desk.memory.entries())
    assert (order.filled, order.state) == (D("0.25"), OrderState.PARTIALLY_FILLED)


def test_foreign_orders_come_back_as_foreign() -> None:
    desk = Desk()
    desk.does("stranger open", 5)
    (order,) = rebuild(desk.memory.entries())
    assert (order.key, order.state, OrderFlag.EXTERNAL in order.flags) == ("#E5", OrderState.OPEN, True)


def test_what_is_no_news_is_not_written() -> None:
    desk = Desk()
    desk.does("begin", 1)
    desk.ledger.update(report(VenueState.OPEN, ms=5), 5)
    written = len(desk.memory.lines)
    desk.ledger.update(report(VenueState.OPEN, ms=5), 6)
    desk.ledger.enter(EntryKind.LOST, "no such order", 7)
    assert len(desk.memory.lines) == written


def test_an_order_begins_on_the_list_and_unsent() -> None:
    memory = Memory()
    ledger = OrderLedger(OrderTracker(), memory)
    entry = ledger.begin(terms(), 1)
    (order,) = ledger.tracker
    assert (order.state, order.sent, memory.lines) == (OrderState.INTENT, False, [])
    assert entry == JournalEntry(kind=EntryKind.INTENT, key="k1", wall_ms=1, intent=terms())


def test_entries_hold_exact_numbers() -> None:
    entry = JournalEntry(
        kind=EntryKind.FILL, key="k1", wall_ms=1, fill=fill("7", "0.100000000000000000000001", "1E-7", ms=2)
    )
    assert msgspec.json.decode(msgspec.json.encode(entry), type=JournalEntry) == entry


def test_messages_of_an_earlier_session_are_not_pointed_at_until_they_are_told_again() -> None:
    """And telling them again is shown, but not written down again."""
    desk = Desk()
    heard = replace(report(VenueState.OPEN, "0.25", client="k1", id="E1", ms=5), frame=41)
    done = replace(fill("T1", "0.25", client="k1"), frame=42)
    desk.does("begin", 1)
    desk.ledger.update(heard, 5)
    desk.ledger.fill(done, 6)
    (order,) = tracker = rebuild(desk.memory.entries())
    assert (order.frame, [one.frame for one in order.fills]) == (0, [0])
    assert {event.frame for event in order.history} == {0}
    again = Memory()
    ledger, version = OrderLedger(tracker, again), tracker.version
    ledger.update(replace(heard, frame=7), 8)
    ledger.fill(replace(done, frame=8), 9)
    assert (order.frame, order.source, [one.frame for one in order.fills]) == (7, "rest", [8])
    assert tracker.version == version + 2 and again.entries() == []


def test_of_two_numberings_the_one_with_messages_is_shown() -> None:
    desk = Desk()
    desk.does("begin", 1)
    desk.ledger.fill(replace(fill("S1", "0.25", client="k1"), id_space="stream"), 5)
    (order,) = tracker = rebuild(desk.memory.entries())
    OrderLedger(tracker, Memory()).fill(replace(fill("900", "0.25", client="k1"), id_space="rest", frame=3), 6)
    assert [(one.trade_id, one.frame) for one in order.fills] == [("900", 3)]
    assert order.filled == D("0.25")


def test_a_restart_knows_the_proof_time_of_the_signature_that_left() -> None:
    desk = Desk()
    desk.does("begin", 1)
    desk.ledger.enter(EntryKind.AMBIGUOUS, "k1", 5, "no answer", proof_ms=12_345)
    (order,) = rebuild(desk.memory.entries())
    assert (order.state, order.proof_ms, order.terms.proof_ms) == (OrderState.UNKNOWN, 12_345, 16_000)
    desk = Desk()
    desk.does("begin", 1)
    (order,) = rebuild(desk.memory.entries())
    assert order.proof_ms == 16_000, "without an answer of its own: the latest that it can be"


def test_an_order_put_away_stays_so_until_something_is_heard_of_it() -> None:
    desk = Desk()
    desk.does("begin", 1)
    desk.ledger.update(report(), 3)
    desk.ledger.enter(EntryKind.LOST, "k1", 4)
    desk.ledger.enter(EntryKind.ARCHIVED, "k1", 5)
    for tracker in (desk.ledger.tracker, rebuild(desk.memory.entries())):
        (order,) = tracker
        assert (tracker.open, tracker.put_away, order.state) == ([], [order], OrderState.OPEN)
        tracker.apply(report(ms=9), 6)
        assert (tracker.open, tracker.put_away) == ([order], [])


def test_the_traders_consent_is_remembered_and_changes_nothing() -> None:
    desk = Desk()
    desk.does("begin", 1)
    desk.ledger.enter(EntryKind.AMBIGUOUS, "k1", 5, "no answer")
    desk.ledger.enter(EntryKind.REMARK, "k1", 6, "the trader checked")
    (order,) = rebuild(desk.memory.entries())
    assert order.state is OrderState.UNKNOWN and "the trader checked" in [line.what for line in order.history]
