"""The queue model against a reference that knows every outside order: never too early, exact where it can be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.paper.mirror_flow import EXPLAINED_WITHIN_MS, QueuePlace

SIZE = st.integers(1, 50)
JOIN = st.tuples(st.just("join"), SIZE)
LEAVE = st.tuples(st.just("leave"), st.integers(0, 30))
TRADE = st.tuples(st.just("trade"), SIZE)
START = st.lists(SIZE, max_size=8)


class TrueQueue:
    """Every outside order at one price, first come first served; ours stands after those that were there first."""

    def __init__(self, before: list[int]) -> None:
        self.before, self.behind = list(before), list[int]()

    @property
    def lots(self) -> int:
        return sum(self.before) + sum(self.behind)

    def leave(self, index: int) -> None:
        orders = self.before + self.behind
        if orders:
            index %= len(orders)
            side, at = (self.before, index) if index < len(self.before) else (self.behind, index - len(self.before))
            del side[at]

    def trade(self, lots: int) -> int:
        """Take from the front, no more than there is; returns how much was traded."""
        traded = lots = min(lots, self.lots)
        for side in (self.before, self.behind):
            while lots and side:
                part = min(lots, side[0])
                side[0] -= part
                lots -= part
                if not side[0]:
                    del side[0]
        return traded


def play(events: list[tuple[str, int]], start: list[int], trade_first: bool) -> tuple[TrueQueue, QueuePlace, int, int]:
    """What truly stands ahead, the model, and how much the model and the truth let past it."""
    truth, now_ms = TrueQueue(start), 0
    place = QueuePlace(100, 1, truth.lots)
    model_past = true_past = 0
    for what, number in events:
        now_ms += 7
        ahead = sum(truth.before)
        if what == "join":
            truth.behind.append(number)
        elif what == "leave":
            truth.leave(number)
        else:
            traded = truth.trade(number)
            true_past += max(0, traded - ahead)
            if trade_first:
                model_past += place.trades(traded, now_ms)
                place.shows(truth.lots, now_ms)
            else:
                place.shows(truth.lots, now_ms)
                model_past += place.trades(traded, now_ms)
            assert place.ahead is not None and place.ahead >= sum(truth.before)
            continue
        place.shows(truth.lots, now_ms)
        assert place.ahead is not None and place.ahead >= sum(truth.before)
    return truth, place, model_past, true_past


@given(START, st.lists(st.one_of(JOIN, LEAVE, TRADE), max_size=40), st.booleans())
def test_an_order_is_never_nearer_to_its_fill_than_it_would_be_outside(
    start: list[int], events: list[tuple[str, int]], trade_first: bool
) -> None:
    _, _, model_past, true_past = play(events, start, trade_first)
    assert model_past <= true_past


@given(START, st.lists(st.one_of(JOIN, TRADE), max_size=40), st.booleans())
def test_without_cancels_the_place_is_exact_whichever_message_comes_first(
    start: list[int], events: list[tuple[str, int]], trade_first: bool
) -> None:
    truth, place, model_past, true_past = play(events, start, trade_first)
    assert place.ahead == sum(truth.before)
    assert model_past == true_past


def test_a_level_that_shrank_explains_a_trade_for_a_second_only() -> None:
    place = QueuePlace(100, 1, 50)
    place.shows(20, 0)
    assert (place.trades(30, EXPLAINED_WITHIN_MS), place.ahead) == (0, 20)
    late = QueuePlace(100, 1, 50)
    late.shows(20, 0)
    assert (late.trades(30, EXPLAINED_WITHIN_MS + 1), late.ahead) == (10, 0)


def test_behind_a_price_nobody_sees_nothing_gets_past() -> None:
    place = QueuePlace(100, 1, None)
    assert (place.trades(1_000, 0), place.ahead) == (0, None)
    place.shows(40, 0)
    assert (place.trades(50, 0), place.ahead) == (10, 0)
