"""When an order may leave: orders in doubt, consent, and sizes that look like a slip of the finger."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.connectors.order_gate import order_gate
from app.core.freshness import Freshness
from app.core.gate import Gate, GateState
from app.core.order_book import BookState, OrderBook
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from tests.core.facts import PAIR, snapshot, terms

BOOK = OrderBook(PAIR)
BOOK.apply_snapshot(snapshot([("99.9", "5")], [("100", "1"), ("101", "1"), ("110", "2")]))
BOOK.state = BookState.LIVE


def gate(draft: OrderDraft, **what: object) -> Gate:
    given = {
        "book": BOOK,
        "freshness": Freshness("live", "LIVE", 0.1),
        "unknown": [],
        "journal_failure": "",
        "clock_bound_ms": 5.0,
        "stream_live": True,
    }
    return order_gate(draft, **(given | what))  # type: ignore[arg-type]


def limit(amount: str = "1", price: str = "99") -> OrderDraft:
    return OrderDraft(pair=PAIR, side=Side.BUY, type=OrderType.LIMIT, price=Decimal(price), amount=Decimal(amount))


def market(amount: str) -> OrderDraft:
    return OrderDraft(pair=PAIR, side=Side.BUY, type=OrderType.MARKET, amount=Decimal(amount))


def in_doubt(key: str = "k1") -> InFlightOrder:
    order = InFlightOrder(terms(key))
    order.mark_ambiguous(2, "no answer")
    return order


def test_an_order_in_doubt_blocks_its_market_and_can_be_lifted_alone() -> None:
    shut = gate(limit(), unknown=[in_doubt()])
    assert (shut.state, shut.unknown) == (GateState.BLOCKED, ("k1",))
    lifted = gate(limit(), unknown=[in_doubt()], despite=frozenset({"k1"}))
    assert lifted.state is GateState.CONFIRM and "k1 may be live too" in lifted.reason
    assert gate(limit(), unknown=[in_doubt(), in_doubt("k2")], despite=frozenset({"k1"})).unknown == ("k2",)


def test_no_consent_lifts_another_reason() -> None:
    shut = gate(limit(), unknown=[in_doubt()], journal_failure="disk full")
    assert (shut.state, shut.unknown) == (GateState.BLOCKED, ())
    shut = gate(limit(), unknown=[in_doubt()], journal_failure="disk full", despite=frozenset({"k1"}))
    assert shut.state is GateState.BLOCKED and "disk full" in shut.reason


def test_an_account_that_is_still_compared_asks() -> None:
    asked = gate(limit(), reconciled=False)
    assert asked.state is GateState.CONFIRM and "still being compared" in asked.reason
    assert gate(limit()).state is GateState.OPEN


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (market("1"), ""),
        (market("2"), ""),
        (market("3"), "it would trade 3.7% away from the best price on average"),
        (market("9"), "the book shows only 4 of 9 BTC"),
        (limit("1", price="110"), "the price is"),
        (limit("1", price="75"), "away from the middle of the book"),
    ],
)
def test_prices_and_sizes_far_from_the_book(draft: OrderDraft, words: str) -> None:
    found = gate(draft)
    assert (found.state is GateState.OPEN) == (words == "") and words in found.reason


def test_a_size_far_from_the_usual_is_asked_about() -> None:
    earlier = [InFlightOrder(terms(f"k{n}", amount="0.1")) for n in range(5)]
    assert gate(limit("1.9"), earlier=earlier).state is GateState.OPEN
    asked = gate(limit("2"), earlier=earlier)
    assert asked.state is GateState.CONFIRM and "2 BTC is 20 times your usual order of 0.1" in asked.reason
    assert gate(limit("2"), earlier=earlier[:2]).state is GateState.OPEN, "too few to know what is usual"
    for order in earlier:
        order.mark_rejected(3, "no")
    assert gate(limit("2"), earlier=earlier).state is GateState.OPEN, "refused ones were slips themselves"
