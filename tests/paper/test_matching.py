"""The book against a naive model: never crossed, nothing lost, price before time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.types import Side, TimeInForce
from app.paper.matching import Ending, Match, MatchingBook
from app.paper.orders import Order, OrderKind, SelfTrade

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


class Pit:
    """A book with numbered orders."""

    def __init__(self) -> None:
        self.book = MatchingBook("BTC-USDT")
        self.orders: list[Order] = []

    def order(self, side: Side, lots: int, ticks: int, **terms: object) -> Order:
        kind = terms.pop("kind", OrderKind.LIMIT)
        order = Order(
            order_id=len(self.orders) + 1,
            owner=str(terms.pop("owner", "")),
            pair="BTC-USDT",
            side=side,
            kind=kind,  # type: ignore[arg-type]
            ticks=ticks,
            lots=lots,
            **terms,  # type: ignore[arg-type]
        )
        self.orders.append(order)
        return order

    def send(self, side: Side, lots: int, ticks: int, **terms: object) -> tuple[list[tuple[int, int, int]], Ending]:
        """Maker id, price and lots of each match, and the ending."""
        matches, ending = self.book.submit(self.order(side, lots, ticks, **terms))
        return [(m.maker.order_id, m.ticks, m.lots) for m in matches], ending


@pytest.fixture
def pit() -> Pit:
    return Pit()


def test_better_price_first_then_the_older_order(pit: Pit) -> None:
    pit.send(SELL, 5, 101)
    pit.send(SELL, 5, 100)
    pit.send(SELL, 5, 100)
    assert pit.send(BUY, 12, 101) == ([(2, 100, 5), (3, 100, 5), (1, 101, 2)], Ending.FILLED)
    assert pit.book.asks.top(5) == [(101, 3)]


def test_rest_of_a_limit_order_stands_at_its_own_price(pit: Pit) -> None:
    pit.send(SELL, 2, 100)
    assert pit.send(BUY, 5, 103) == ([(1, 100, 2)], Ending.RESTS)
    assert pit.book.bids.top(5) == [(103, 3)]
    assert pit.book.asks.top(5) == []


def test_immediate_or_cancel_leaves_nothing_behind(pit: Pit) -> None:
    pit.send(SELL, 2, 100)
    assert pit.send(BUY, 5, 100, time_in_force=IOC) == ([(1, 100, 2)], Ending.REMAINDER)
    assert pit.book.bids.top(5) == []


def test_fill_or_kill_takes_all_or_nothing(pit: Pit) -> None:
    pit.send(SELL, 2, 100)
    pit.send(SELL, 2, 102)
    assert pit.send(BUY, 4, 101, time_in_force=FOK) == ([], Ending.NOT_FILLABLE)
    assert pit.send(BUY, 4, 102, time_in_force=FOK) == ([(1, 100, 2), (2, 102, 2)], Ending.FILLED)


def test_post_only_is_refused_when_it_would_take(pit: Pit) -> None:
    pit.send(SELL, 2, 100)
    assert pit.send(BUY, 1, 100, kind=OrderKind.POST_ONLY) == ([], Ending.WOULD_TAKE)
    assert pit.send(BUY, 1, 99, kind=OrderKind.POST_ONLY) == ([], Ending.RESTS)
    assert pit.book.asks.top(1) == [(100, 2)]


def test_market_order_by_quote_amount_buys_whole_lots_only(pit: Pit) -> None:
    pit.send(SELL, 2, 100)
    pit.send(SELL, 5, 150)
    matches, ending = pit.send(BUY, 0, 0, kind=OrderKind.MARKET, cells=549)
    assert (matches, ending) == ([(1, 100, 2), (2, 150, 2)], Ending.FILLED)
    assert pit.orders[-1].filled_cells == 500


def test_market_order_stops_at_its_bound(pit: Pit) -> None:
    pit.send(BUY, 2, 100)
    pit.send(BUY, 2, 90)
    assert pit.send(SELL, 4, 0, kind=OrderKind.MARKET, bound_ticks=95) == ([(1, 100, 2)], Ending.REMAINDER)


def test_own_order_expires_the_taker_unless_self_trades_are_allowed(pit: Pit) -> None:
    pit.send(SELL, 1, 100, owner="a")
    pit.send(SELL, 1, 101, owner="b")
    assert pit.send(BUY, 2, 101, owner="a") == ([], Ending.SELF_TRADE)
    assert pit.send(BUY, 2, 101, owner="a", self_trade=SelfTrade.ALLOW)[1] is Ending.FILLED


def test_own_order_in_the_way_makes_fill_or_kill_impossible(pit: Pit) -> None:
    pit.send(SELL, 1, 100, owner="a")
    pit.send(SELL, 9, 101, owner="b")
    assert pit.send(BUY, 3, 101, owner="a", time_in_force=FOK) == ([], Ending.NOT_FILLABLE)


def test_a_partly_filled_order_keeps_its_place(pit: Pit) -> None:
    pit.send(BUY, 5, 100)
    pit.send(BUY, 5, 100)
    pit.send(SELL, 3, 100)
    assert pit.send(SELL, 3, 100)[0] == [(1, 100, 2), (2, 100, 1)]


@dataclass
class Naive:
    """The same rules in the slowest way: sort all opposite orders by price, then by age."""

    resting: list[Order]

    def expected(self, taker: Order) -> list[Match]:
        sign = 1 if taker.side is BUY else -1
        far = [o for o in self.resting if o.side is not taker.side]
        far.sort(key=lambda o: (o.ticks * sign, o.order_id))
        left, matches = taker.lots, []
        for maker in far:
            if left == 0 or maker.ticks * sign > taker.ticks * sign:
                break
            if maker.owner == taker.owner:
                break
            lots = min(left, maker.remaining_lots)
            matches.append(Match(maker, maker.ticks, lots))
            left -= lots
        if taker.time_in_force is FOK and left:
            return []
        return matches


actions = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "send", "cancel"]),
        st.sampled_from([BUY, SELL]),
        st.integers(1, 9),
        st.integers(95, 105),
        st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(actions)
def test_any_sequence_agrees_with_the_naive_model(sequence: list[tuple[str, Side, int, int, TimeInForce, str]]) -> None:
    pit, naive = Pit(), Naive([])
    replica: dict[Side, dict[int, int]] = {BUY: {}, SELL: {}}
    filled = {BUY: 0, SELL: 0}
    for action, side, lots, ticks, tif, owner in sequence:
        if action == "cancel":
            if naive.resting:
                pit.book.remove(naive.resting.pop(lots % len(naive.resting)))
        else:
            order = pit.order(side, lots, ticks, time_in_force=tif, owner=owner)
            expected = [(m.maker.order_id, m.ticks, m.lots) for m in naive.expected(order)]
            matches, ending = pit.book.submit(order)
            assert [(m.maker.order_id, m.ticks, m.lots) for m in matches] == expected
            filled[side] += sum(m.lots for m in matches)
            filled[side.opposite] += order.filled_lots
            if ending is Ending.RESTS:
                naive.resting.append(order)
            naive.resting = [o for o in naive.resting if o.remaining_lots]
        _check_book(pit, naive, replica)
    assert filled[BUY] == filled[SELL]


def _check_book(pit: Pit, naive: Naive, replica: dict[Side, dict[int, int]]) -> None:
    book = pit.book
    sequence = book.sequence
    changes = book.take_changes()
    assert book.sequence == sequence + (changes is not None)
    for side, changed in zip((BUY, SELL), changes or ([], []), strict=True):
        for ticks, lots in changed:
            replica[side][ticks] = lots
            if not lots:
                del replica[side][ticks]
    bid, ask = book.bids.best(), book.asks.best()
    assert bid is None or ask is None or bid < ask
    for side, levels in ((BUY, book.bids), (SELL, book.asks)):
        resting: dict[int, int] = {}
        for order in naive.resting:
            if order.side is side:
                resting[order.ticks] = resting.get(order.ticks, 0) + order.remaining_lots
        assert dict(levels.top(99)) == resting == replica[side]
        assert levels.order_count == sum(o.side is side for o in naive.resting)
