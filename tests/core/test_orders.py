"""The state of an order, line by line, and the same from any order and repetition of the same reports."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.order_change import ChangeState
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.types import Fill, OrderUpdate, VenueState
from tests.core.facts import fill, order, report, terms

D = Decimal
Fact = OrderUpdate | Fill | Callable[[InFlightOrder], None]


def sent(o: InFlightOrder) -> None:
    o.mark_sent(2)


def ambiguous(o: InFlightOrder) -> None:
    o.mark_ambiguous(3, "no answer in 5 s")


def exists(o: InFlightOrder) -> None:
    o.mark_exists(3, "duplicate client order id")


def rejected(o: InFlightOrder) -> None:
    o.mark_rejected(3, "insufficient balance")


def absent(o: InFlightOrder) -> None:
    o.mark_absent(9, "proved absent")


def cancel(o: InFlightOrder) -> None:
    o.mark_cancel_requested(4)


def cancel_ambiguous(o: InFlightOrder) -> None:
    o.mark_cancel_ambiguous(5, "no answer")


def cancel_refused(o: InFlightOrder) -> None:
    o.mark_cancel_refused(5, "unknown order")


def lost(o: InFlightOrder) -> None:
    o.mark_lost(6)


def tell(o: InFlightOrder, *facts: Fact) -> InFlightOrder:
    for fact in facts:
        if isinstance(fact, OrderUpdate):
            o.apply(fact, 7)
        elif isinstance(fact, Fill):
            o.apply_fill(fact, 7)
        else:
            fact(o)
    return o


CANCELED, EXPIRED, FAILED, FILLED = (
    report(state) for state in (VenueState.CANCELED, VenueState.EXPIRED, VenueState.FAILED, VenueState.FILLED)
)
PART = fill("7", "0.4")


# -- the table of states, first matching line wins


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        # 1: the whole amount, or the exchange's word
        ([fill("1", "0.6"), fill("2", "0.4")], OrderState.FILLED),
        ([report(filled="1")], OrderState.FILLED),
        ([FILLED], OrderState.FILLED),
        ([fill("1", "1"), CANCELED], OrderState.FILLED),
        ([FILLED, CANCELED, EXPIRED, FAILED], OrderState.FILLED),
        # 2: ended with a part
        ([PART, CANCELED], OrderState.PARTIALLY_CANCELED),
        ([PART, FAILED], OrderState.PARTIALLY_CANCELED),
        ([report(VenueState.CANCELED, filled="0.4")], OrderState.PARTIALLY_CANCELED),
        # 3 to 5: ended with nothing; an expired order stays expired
        ([CANCELED], OrderState.CANCELED),
        ([EXPIRED], OrderState.EXPIRED),
        ([PART, EXPIRED], OrderState.EXPIRED),
        ([FAILED], OrderState.FAILED),
        ([FAILED, EXPIRED], OrderState.EXPIRED),
        ([EXPIRED, CANCELED], OrderState.CANCELED),
        # 6: a cancel on its way
        ([sent, report(), cancel], OrderState.PENDING_CANCEL),
        ([PART, cancel], OrderState.PENDING_CANCEL),
        ([report(), cancel_ambiguous], OrderState.PENDING_CANCEL),
        ([report(VenueState.CANCELING)], OrderState.PENDING_CANCEL),
        ([report(), cancel, cancel_refused], OrderState.PENDING_CANCEL),
        # 7 and 8: live
        ([PART], OrderState.PARTIALLY_FILLED),
        ([report(filled="0.4")], OrderState.PARTIALLY_FILLED),
        ([report()], OrderState.OPEN),
        ([report(VenueState.PENDING)], OrderState.OPEN),
        ([report(VenueState.UNKNOWN_WORD)], OrderState.OPEN),
        ([ambiguous, exists], OrderState.OPEN),
        ([ambiguous, absent, report()], OrderState.OPEN),
        ([rejected, report()], OrderState.OPEN),
        ([report(), lost], OrderState.OPEN),
        # 9 to 13: never seen
        ([sent, rejected], OrderState.REJECTED),
        ([report(VenueState.REJECTED)], OrderState.REJECTED),
        ([rejected, ambiguous], OrderState.REJECTED),
        ([absent], OrderState.NOT_PLACED),
        ([sent, ambiguous, absent], OrderState.NOT_PLACED),
        ([sent, ambiguous], OrderState.UNKNOWN),
        ([sent, ambiguous, cancel], OrderState.UNKNOWN),
        ([sent], OrderState.SUBMITTING),
        ([sent, cancel], OrderState.SUBMITTING),
        ([], OrderState.INTENT),
    ],
)
def test_state_follows_from_the_facts(facts: list[Fact], state: OrderState) -> None:
    assert tell(order(), *facts).state is state


DONE = {"FILLED", "PARTIALLY_CANCELED", "CANCELED", "EXPIRED", "FAILED", "REJECTED", "NOT_PLACED"}


@pytest.mark.parametrize("state", OrderState)
def test_unknown_and_canceling_orders_are_not_done(state: OrderState) -> None:
    assert state.is_done == (state.name in DONE)


def test_an_order_sized_in_quote_is_filled_only_when_the_exchange_says_so() -> None:
    o = tell(order(amount=None), fill("1", "0.3"), fill("2", "0.7"))
    assert (o.state, o.remaining) == (OrderState.PARTIALLY_FILLED, None)
    assert tell(o, FILLED).state is OrderState.FILLED


# -- any order, any repetition

UPDATES = st.builds(
    report,
    state=st.sampled_from(VenueState),
    filled=st.sampled_from([None, "0", "0.1", "0.4", "1"]),
    ms=st.integers(0, 50),
    amount=st.sampled_from([None, "1"]),
)
FILLS = st.builds(
    lambda number, space, ms: fill(f"{space}{number}", ("0.1", "0.2", "0.2")[number], space=space, ms=ms),
    st.integers(0, 2),
    st.sampled_from(["stream", "rest"]),
    st.integers(0, 50),
)
MARKS: st.SearchStrategy[Fact] = st.sampled_from([sent, ambiguous, exists, rejected, absent, cancel, cancel_ambiguous])
FACTS: st.SearchStrategy[list[Fact]] = st.lists(st.one_of(UPDATES, FILLS, MARKS), max_size=10)


def outcome(o: InFlightOrder) -> tuple[object, ...]:
    quantities = (o.filled, o.filled_quote, o.fills_missing, o.remaining, o.average_price)
    return (
        o.state,
        *quantities,
        o.exchange_order_id,
        OrderFlag.OVERFILLED in o.flags,
        OrderFlag.FILLS_MISSING in o.flags,
    )


@settings(max_examples=400, deadline=None)
@given(FACTS, st.data())
def test_shuffled_and_repeated_reports_end_the_same(facts: list[Fact], data: st.DataObject) -> None:
    repeated = facts + data.draw(st.lists(st.sampled_from(facts), max_size=6) if facts else st.just([]), "repeated")
    shuffled = data.draw(st.permutations(repeated), "shuffled")
    for amount in ("1", None):
        assert outcome(tell(order(amount), *shuffled)) == outcome(tell(order(amount), *facts))


@settings(max_examples=200, deadline=None)
@given(FACTS)
def test_facts_only_grow(facts: list[Fact]) -> None:
    o = order()
    filled, was_filled, versions = D(0), False, o.version
    for fact in facts:
        tell(o, fact)
        assert o.filled >= filled
        assert o.version >= versions
        assert not was_filled or o.state is OrderState.FILLED
        filled, versions, was_filled = o.filled, o.version, o.state is OrderState.FILLED


@settings(max_examples=200, deadline=None)
@given(FACTS, FACTS)
def test_a_beginning_and_all_of_it_again_is_all_of_it(first: list[Fact], rest: list[Fact]) -> None:
    """As when the journal is replayed and the exchange then repeats what it had said."""
    assert outcome(tell(order(), *first, *first, *rest)) == outcome(tell(order(), *first, *rest))


def test_an_update_that_repeats_what_is_known_is_no_news() -> None:
    o = order()
    assert o.apply(report(filled="0.4", ms=5), 7)
    version, lines = o.version, len(o.history)
    assert not o.apply(report(filled="0.4", ms=5), 8)
    assert not o.apply(report(filled="0.1", ms=3), 9)
    assert (o.version, len(o.history)) == (version, lines)


def test_a_changed_word_of_the_exchange_is_news_though_the_state_is_the_same() -> None:
    """As when a stop order is triggered: PENDING and OPEN are both open here."""
    o = tell(order(), report(VenueState.PENDING, ms=5))
    assert o.apply(report(VenueState.OPEN, ms=6), 7)
    assert (o.state, o.venue_word) == (OrderState.OPEN, "OPEN")


# -- amounts told late

AMOUNTS = [
    report(ms=5, amount="0.5", price="100"),
    fill("1", "0.5", ms=10),
    report(VenueState.UNKNOWN_WORD, ms=20),
]


@settings(max_examples=20, deadline=None)
@given(st.permutations(AMOUNTS))
def test_an_amount_told_after_newer_reports_still_counts(facts: list[Fact]) -> None:
    o = tell(order(amount=None), *facts)
    assert (o.state, o.terms.amount, o.terms.price) == (OrderState.FILLED, D("0.5"), D(100))


def test_an_amended_order_keeps_the_newest_terms() -> None:
    o = tell(order(), report(ms=10, amount="2", price="101"), report(ms=5, amount="1", price="100"), report(ms=20))
    assert (o.terms.amount, o.terms.price) == (D(2), D(101))


# -- late evidence


@pytest.mark.parametrize("ended", [CANCELED, EXPIRED, FAILED, rejected, absent])
def test_a_fill_after_the_end_counts_and_is_flagged(ended: Fact) -> None:
    o = tell(order(), ended, PART)
    assert o.filled == D("0.4")
    assert (OrderFlag.LATE_EVIDENCE in o.flags) == (ended is not EXPIRED)
    assert tell(o, fill("8", "0.6")).state is OrderState.FILLED


def test_an_order_proved_absent_that_appears_is_live_again() -> None:
    o = tell(order(), sent, ambiguous, absent)
    assert (o.state, o.reason) == (OrderState.NOT_PLACED, "proved absent")
    tell(o, report())
    assert o.state is OrderState.OPEN
    assert OrderFlag.LATE_EVIDENCE in o.flags


def test_a_stale_answer_after_the_end_changes_nothing_and_is_counted() -> None:
    o = tell(order(), report(VenueState.FILLED, filled="1", ms=9), report(VenueState.OPEN, filled="0", ms=8))
    assert (o.state, o.filled, o.stale_answers) == (OrderState.FILLED, D(1), 1)


def test_a_confirmed_order_is_not_made_unknown_by_the_timeout_of_its_reply() -> None:
    o = tell(order(), sent, report(), ambiguous)
    assert (o.state, o.reason) == (OrderState.OPEN, "")


def test_cancel_not_confirmed_is_flagged_until_the_end_is_known() -> None:
    o = tell(order(), report(), cancel_ambiguous)
    assert OrderFlag.CANCEL_UNKNOWN in o.flags
    tell(o, CANCELED)
    assert (o.state, OrderFlag.CANCEL_UNKNOWN in o.flags) == (OrderState.CANCELED, False)


def test_lost_ends_when_the_exchange_knows_the_order_again() -> None:
    o = tell(order(), report(), lost)
    assert (o.state, OrderFlag.LOST in o.flags) == (OrderState.OPEN, True)
    assert OrderFlag.LOST not in tell(o, report(ms=9)).flags


def test_a_word_nobody_knows_is_flagged_and_kept_as_told() -> None:
    o = tell(order(), report(VenueState.UNKNOWN_WORD))
    assert (OrderFlag.UNKNOWN_WORD in o.flags, o.venue_word) == (True, "UNKNOWN WORD")


# -- fills


def test_a_trade_id_counts_once() -> None:
    o = tell(order(), fill("7", "0.4"), fill("7", "0.4"), fill("7", "0.4"))
    assert (o.filled, o.repeated_fills, len(o.fills)) == (D("0.4"), 2, 1)
    assert OrderFlag.ID_CONFLICT not in o.flags


def test_one_trade_id_with_two_contents_keeps_the_first_and_is_flagged() -> None:
    o = tell(order(), fill("7", "0.4", "100"), fill("7", "0.4", "101"))
    assert [f.price for f in o.fills] == [D(100)]
    assert OrderFlag.ID_CONFLICT in o.flags


def test_the_same_executions_in_two_numberings_count_once() -> None:
    o = order()
    tell(o, fill("s1", "0.2", space="stream"), fill("s2", "0.2", space="stream"), fill("s3", "0.1", space="stream"))
    tell(o, fill("r1", "0.2", space="rest"), fill("r2", "0.2", space="rest"))
    assert (o.filled, len(o.fills)) == (D("0.5"), 3)
    tell(o, fill("r3", "0.1", space="rest"), fill("r4", "0.1", space="rest"))
    assert (o.filled, len(o.fills)) == (D("0.6"), 4)


def test_fills_are_listed_oldest_first() -> None:
    o = tell(order(), fill("c", ms=3), fill("a", ms=1), fill("b", ms=2))
    assert [f.trade_id for f in o.fills] == ["a", "b", "c"]


def test_more_than_ordered_is_shown_as_it_is() -> None:
    o = tell(order(), fill("1", "0.6"), fill("2", "0.45"))
    assert (o.state, o.filled, o.remaining) == (OrderState.FILLED, D("1.05"), D(0))
    assert OrderFlag.OVERFILLED in o.flags


def test_missing_executions_are_told_never_invented() -> None:
    o = tell(order(), report(VenueState.FILLED, filled="1"), fill("1", "0.7"))
    assert (o.state, o.fills_missing, len(o.fills)) == (OrderState.FILLED, D("0.3"), 1)
    assert OrderFlag.FILLS_MISSING in o.flags
    assert OrderFlag.FILLS_MISSING not in tell(o, fill("2", "0.3")).flags


def test_average_price_is_quote_by_base() -> None:
    o = tell(order(), fill("1", "0.1", "100"), fill("2", "0.3", "102"))
    assert (o.filled_quote, o.average_price) == (D("40.6"), D("101.5"))
    assert order().average_price is None


# -- identity


def test_another_exchange_id_is_a_conflict_and_the_first_stays() -> None:
    o = tell(order(), report(id="E1"), report(id="E2"))
    assert o.exchange_order_id == "E1"
    assert OrderFlag.ID_CONFLICT in o.flags


def test_history_tells_what_happened_in_words() -> None:
    o = tell(order(), sent, ambiguous, report(filled="0.4", frame=12), fill("7", "0.4"), cancel, CANCELED)
    assert [(line.state.value, line.what) for line in o.history] == [
        ("INTENT", "recorded"),
        ("SUBMITTING", "sent"),
        ("UNKNOWN", "outcome unknown: no answer in 5 s"),
        ("PARTIALLY_FILLED", "exchange: OPEN"),
        ("PARTIALLY_FILLED", "fill 0.4 at 100"),
        ("PENDING_CANCEL", "cancel requested"),
        ("PARTIALLY_CANCELED", "exchange: CANCELED"),
    ]
    assert o.history[3].frame == 12


def test_a_change_is_done_when_a_report_shows_it_and_not_before() -> None:
    order = open_order()
    order.mark_change_requested(5, Decimal("101"), None, proof_ms=99)
    assert order.change is not None and order.change.state is ChangeState.SENT
    order.mark_change(6, ChangeState.UNKNOWN, "no answer")
    assert order.flags == {OrderFlag.CHANGE_UNKNOWN} and order.state is OrderState.OPEN
    order.apply(report(ms=7, price="100", amount="1"), 7)
    assert order.change.state is ChangeState.UNKNOWN, "the old terms prove nothing yet"
    order.apply(report(ms=8, price="101", amount="1"), 8)
    assert (order.change.state, order.change.words, order.flags) == (ChangeState.DONE, "", set())
    order.mark_change(9, ChangeState.REFUSED, "late refusal")
    assert order.change.state is ChangeState.DONE


def test_an_order_that_ends_leaves_no_doubt_about_its_change() -> None:
    order = open_order()
    order.mark_change_requested(5, None, Decimal("0.5"), proof_ms=99)
    order.mark_change(6, ChangeState.UNKNOWN, "no answer")
    order.apply(report(VenueState.CANCELED, ms=9), 9)
    assert order.flags == set() and order.state is OrderState.CANCELED


def open_order() -> InFlightOrder:
    order = InFlightOrder(terms())
    order.mark_sent(1)
    order.apply(report(ms=2, price="100", amount="1"), 2)
    return order
