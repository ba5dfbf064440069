"""Which order a report belongs to: our id first, then the exchange's; strangers, early fills, merging."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.order_state import OrderFlag, OrderState
from app.core.order_tracker import FillRecord, OrderTracker, reserved
from app.core.orders import InFlightOrder
from app.core.types import Side, VenueState
from tests.core.facts import fill, report, terms

D = Decimal


@pytest.fixture
def tracker() -> OrderTracker:
    return OrderTracker()


def states(tracker: OrderTracker) -> list[tuple[str, str]]:
    return [(order.key, order.state.value) for order in tracker]


def test_orders_are_found_by_either_id(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    tracker.apply(report(client="k1", id="E1"), 5)
    assert tracker.get("k1") is tracker.get("E1") is ours
    assert tracker.get("E2") is None


def test_our_id_is_taken_once(tracker: OrderTracker) -> None:
    tracker.start(terms("k1"))
    with pytest.raises(ValueError, match="client order id k1 is already in use"):
        tracker.start(terms("k1"))


def test_client_id_comes_before_exchange_id(tracker: OrderTracker) -> None:
    one, two = tracker.start(terms("k1")), tracker.start(terms("k2"))
    tracker.apply(report(client="k1", id="E1"), 5)
    tracker.apply(report(VenueState.CANCELED, client="k2", id="E1"), 6)
    assert (one.state, two.state) == (OrderState.OPEN, OrderState.CANCELED)
    assert OrderFlag.ID_CONFLICT in one.flags & two.flags
    assert len(tracker) == 2


def test_report_without_our_id_is_found_by_the_exchange_id(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    tracker.apply(report(client="k1", id="E1"), 5)
    assert tracker.apply(report(VenueState.FILLED, client="", id="E1"), 6) is ours
    assert ours.state is OrderState.FILLED


def test_ids_of_two_markets_do_not_meet(tracker: OrderTracker) -> None:
    bitcoin = tracker.apply(report(client="", id="77", pair="BTC-USDT"), 5)
    ether = tracker.apply(report(VenueState.CANCELED, client="", id="77", pair="ETH-USDT"), 6)
    tracker.apply_fill(fill("1", "0.4", id="77", pair="ETH-USDT"), 7)
    assert (bitcoin.state, bitcoin.filled) == (OrderState.OPEN, D(0))
    assert (ether.state, ether.filled) == (OrderState.PARTIALLY_CANCELED, D("0.4"))
    assert len(tracker) == 2


# -- strangers


def test_unknown_order_is_adopted_as_external(tracker: OrderTracker) -> None:
    stranger = tracker.apply(report(client="web-1", id="E9", amount="2", price="90", side=Side.SELL), 5)
    assert OrderFlag.EXTERNAL in stranger.flags
    assert (stranger.terms.side, stranger.terms.amount, stranger.state) == (Side.SELL, D(2), OrderState.OPEN)
    assert tracker.open == [stranger]


def test_what_a_first_report_left_out_is_learned_later(tracker: OrderTracker) -> None:
    stranger = tracker.apply(report(client="", id="E9"), 5)
    tracker.apply(report(client="", id="E9", side=Side.SELL, amount="3"), 6)
    assert (stranger.side, stranger.terms.amount) == (Side.SELL, D(3))


def test_our_own_terms_are_not_rewritten_by_reports(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    tracker.apply(report(client="k1", side=Side.SELL), 5)
    assert ours.side is Side.BUY


def test_stranger_that_turns_out_to_have_a_client_id_is_found_by_old_and_new_key(tracker: OrderTracker) -> None:
    stranger = tracker.apply(report(client="", id="E9"), 5)
    assert stranger.key == "#E9"
    tracker.apply(report(client="web-1", id="E9"), 6)
    assert stranger.key == "web-1"
    assert tracker.get("web-1") is tracker.get("#E9") is tracker.get("E9") is stranger
    assert tracker.apply(report(VenueState.CANCELED, client="web-1", id=""), 7) is stranger
    assert len(tracker) == 1


# -- reports that outran the reply to our request


def test_stranger_is_merged_when_the_reply_names_its_id(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    ours.mark_sent(2)
    tracker.apply(report(VenueState.OPEN, client="", id="E1", ms=5), 5)
    tracker.apply_fill(fill("7", "0.4", ms=6), 6)
    tracker.apply(report(VenueState.CANCELED, "0.4", client="", id="E1", ms=7), 7)
    assert len(tracker) == 2

    tracker.bind(ours, "E1", 8)
    assert states(tracker) == [("k1", "PARTIALLY_CANCELED")]
    assert (ours.filled, ours.exchange_order_id, len(ours.fills)) == (D("0.4"), "E1", 1)
    assert OrderFlag.EXTERNAL not in ours.flags
    assert tracker.get("#E1") is ours


def test_merged_state_stands_even_if_the_report_that_merged_was_no_news(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    ours.mark_exists(2, "duplicate client order id")
    tracker.apply(report(VenueState.FILLED, "1", client="", id="E1", ms=7), 7)
    seen: list[str] = []
    tracker.changed.connect(lambda order: seen.append(f"{order.key} {order.state}"))
    tracker.apply(report(VenueState.OPEN, client="k1", id="E1", ms=5), 8)
    assert states(tracker) == [("k1", "FILLED")]
    assert "k1 FILLED" in seen


def test_the_stronger_end_survives_a_merge(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    tracker.apply(report(VenueState.EXPIRED, client="k1", id=""), 4)
    tracker.apply(report(VenueState.FILLED, client="", id="E1"), 5)
    tracker.bind(ours, "E1", 6)
    assert ours.state is OrderState.FILLED


def test_two_orders_of_ours_are_never_merged(tracker: OrderTracker) -> None:
    one, two = tracker.start(terms("k1")), tracker.start(terms("k2"))
    tracker.bind(one, "E1")
    tracker.bind(two, "E1")
    assert [order.key for order in tracker] == ["k1", "k2"]
    assert OrderFlag.ID_CONFLICT in one.flags & two.flags


def test_a_reply_with_another_id_is_flagged(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    tracker.bind(ours, "E1")
    tracker.bind(ours, "E2")
    assert (ours.exchange_order_id, OrderFlag.ID_CONFLICT in ours.flags) == ("E1", True)


# -- early fills


def test_fill_with_our_id_counts_before_any_reply(tracker: OrderTracker) -> None:
    ours = tracker.start(terms("k1"))
    assert tracker.apply_fill(fill("7", "1", client="k1", id="E1"), 5) is ours
    assert ours.state is OrderState.FILLED
    assert tracker.get("E1") is ours


@pytest.mark.parametrize("by", ["reply", "report"])
def test_fill_with_an_unknown_exchange_id_waits_for_its_order(tracker: OrderTracker, by: str) -> None:
    ours = tracker.start(terms("k1"))
    counted: list[FillRecord] = []
    tracker.filled.connect(counted.append)
    for _ in range(2):
        assert tracker.apply_fill(fill("7", "0.4"), 5) is None
    assert [f.trade_id for f in tracker.waiting_fills] == ["7"]
    assert ours.filled == 0
    if by == "reply":
        tracker.bind(ours, "E1", 6)
    else:
        tracker.apply(report(client="k1", id="E1"), 6)
    assert (ours.filled, ours.state) == (D("0.4"), OrderState.PARTIALLY_FILLED)
    assert tracker.waiting_fills == []
    assert [record.fill.trade_id for record in counted] == ["7"]


def test_repeated_fills_are_told_once(tracker: OrderTracker) -> None:
    tracker.start(terms("k1"))
    counted: list[FillRecord] = []
    tracker.filled.connect(counted.append)
    for _ in range(3):
        tracker.apply_fill(fill("7", "0.4", client="k1"), 5)
    assert [record.fill.trade_id for record in counted] == ["7"]


# -- reading


def test_open_and_unknown_orders(tracker: OrderTracker) -> None:
    for number, state in enumerate([None, VenueState.OPEN, VenueState.FILLED], 1):
        tracker.start(terms(f"k{number}"))
        if state is not None:
            tracker.apply(report(state, client=f"k{number}", id=f"E{number}"), 5)
    doubtful = tracker.start(terms("k4"))
    doubtful.mark_ambiguous(5, "no answer")
    assert [order.key for order in tracker.open] == ["k1", "k2", "k4"]
    assert tracker.unknown == [doubtful]


def test_version_rises_with_news_only(tracker: OrderTracker) -> None:
    tracker.start(terms("k1"))
    tracker.apply(report(filled="0.4"), 5)
    version = tracker.version
    tracker.apply(report(filled="0.4"), 6)
    assert tracker.version == version
    tracker.apply(report(filled="0.5"), 7)
    assert tracker.version > version


def test_restored_orders_are_found_again(tracker: OrderTracker) -> None:
    restored = InFlightOrder(terms("k1"))
    restored.exchange_order_id = "E1"
    tracker.restore(restored)
    assert tracker.apply(report(client="", id="E1"), 5) is restored


def test_reserved_is_quote_for_buys_and_base_for_sells(tracker: OrderTracker) -> None:
    tracker.start(terms("k1", amount="2", price="100"))
    tracker.apply_fill(fill("7", "0.5", client="k1"), 5)
    tracker.apply(report(client="web", id="E2", side=Side.SELL, amount="3", price="110"), 5)
    tracker.start(terms("k3", amount=None))
    assert reserved(tracker.open, "BTC", "USDT") == {"USDT": D(150), "BTC": D(3)}
