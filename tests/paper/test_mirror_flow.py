"""A desk fed from outside: its book, its rules, and how users' orders fare against a market that does not know them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.account import FeeSchedule
from app.core.clock import ManualClock
from app.core.trading_rule import TradingRule
from app.core.types import Level, Side
from app.paper.accounts import Fees
from app.paper.desk import Desk
from app.paper.events import BookChange, Event, Execution
from app.paper.mirror_flow import MirrorTerms, mirroring
from app.paper.orders import Order, OrderKind, OrderState, StopKind, StopOrder

PAIR = "BTC-USDT"
RULE = TradingRule(
    pair=PAIR,
    symbol="BTC_USDT",
    base="BTC",
    quote="USDT",
    min_price_increment=Decimal("0.1"),
    min_base_amount_increment=Decimal("0.001"),
    min_order_size=Decimal("0.002"),
    min_notional_size=Decimal("7"),
)
TERMS = MirrorTerms(
    rules={PAIR: RULE},
    prices={PAIR: Decimal("100.05")},
    fees=FeeSchedule(maker=Decimal("0.003"), taker=Decimal("0.004"), source="test"),
)
BIDS = [("99.9", "1.000"), ("99.8", "2.000"), ("99.5", "3.000")]
ASKS = [("100.1", "1.000"), ("100.2", "2.000"), ("100.5", "3.000")]


class Mirrored:
    """A desk that mirrors one market, told by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        numbers = count(1)
        with mirroring(TERMS):
            self.desk = Desk(
                exchange="test",
                seed=1,
                clock=self.clock,
                fees=Fees(maker=Decimal("0.1"), taker=Decimal("0.2")),
                next_order_id=lambda: next(numbers),
                first_trade_id=1,
            )
        assert self.desk.mirror is not None
        self.flow = self.desk.mirror
        self.venue = self.desk.venue
        self.rules = self.venue.instruments[PAIR]
        self.events: list[Event] = []
        self.desk.listen(self._record)
        self.show(BIDS, ASKS)

    def _record(self, events: Sequence[Event]) -> int:
        self.events.extend(events)
        return len(events)

    def show(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        self.flow.show(PAIR, bids, asks)
        self.desk.publish()

    def trade(self, taker: Side, price: str, amount: str) -> None:
        self.flow.trade(PAIR, taker, price, amount, self.venue.now_ms())
        self.desk.publish()

    def place(self, side: Side, price: str, amount: str, **more: object) -> Order:
        terms = {"kind": OrderKind.LIMIT} | more
        order = Order(
            order_id=0,
            owner=self.desk.account.account_id,
            pair=PAIR,
            side=side,
            ticks=self.rules.ticks(Decimal(price)),
            lots=self.rules.lots(Decimal(amount)),
            **terms,  # type: ignore[arg-type]
        )
        self.venue.place(order)
        self.desk.publish()
        return order

    def book(self, side: Side) -> list[tuple[str, str]]:
        book = self.venue.books[PAIR]
        levels = (book.bids if side is Side.BUY else book.asks).top(50)
        return [(f"{self.rules.price(t)}", f"{self.rules.amount(n)}") for t, n in levels]

    def filled(self, order: Order) -> str:
        return f"{self.rules.amount(order.filled_lots)}"

    def trades(self) -> list[tuple[str, str, str]]:
        made = [event for event in self.events if isinstance(event, Execution)]
        return [(t.taker_side.value, f"{self.rules.price(t.ticks)}", f"{self.rules.amount(t.lots)}") for t in made]


def test_rules_price_and_fees_are_the_mirrored_ones_and_nothing_is_seeded() -> None:
    m = Mirrored()
    assert (m.rules.price_scale, m.rules.quantity_scale) == (1, 3)
    assert (m.rules.min_quantity, m.rules.min_amount) == (Decimal("0.002"), Decimal(7))
    assert (m.desk.account.fees.maker, m.desk.account.fees.taker) == (Decimal("0.003"), Decimal("0.004"))
    assert m.rules.price(m.venue.last_ticks[PAIR]) == Decimal("100.0")
    assert len(m.venue.books["ETH-USDT"].bids) == 0 and not TERMS.covers("ETH-USDT")
    assert m.book(Side.BUY) == BIDS and m.book(Side.SELL) == ASKS


def test_the_book_follows_in_one_change_and_forgets_what_is_no_longer_shown() -> None:
    m = Mirrored()
    m.events.clear()
    bids = [("100.2", "0.500"), ("99.9", "0.400"), ("99.7", "9.000")]
    asks = [("100.3", "1.000"), ("100.5", "4.000")]
    m.show(bids, asks)
    assert m.book(Side.BUY) == bids and m.book(Side.SELL) == asks
    assert [type(event) for event in m.events] == [BookChange]


def test_amounts_and_prices_off_the_scale_are_shown_worse_never_better() -> None:
    m = Mirrored()
    m.show([("99.97", "1.0019"), ("99.91", "1.000")], [("100.11", "0.0009"), ("100.21", "2.000")])
    assert m.book(Side.BUY) == [("99.9", "2.001")]
    assert m.book(Side.SELL) == [("100.3", "2.000")]


def test_a_resting_order_waits_for_what_was_there_before_it() -> None:
    m = Mirrored()
    order = m.place(Side.BUY, "99.8", "0.500")
    assert m.flow.ahead_of(order) == 2000
    m.show([("99.8", "2.600"), ("99.5", "3.000")], ASKS)
    m.trade(Side.SELL, "99.8", "1.500")
    m.show([("99.8", "1.100"), ("99.5", "3.000")], ASKS)
    assert (m.filled(order), m.flow.ahead_of(order)) == ("0.000", 500)
    m.trade(Side.SELL, "99.8", "0.700")
    assert m.filled(order) == "0.200"
    m.trade(Side.SELL, "99.8", "0.300")
    assert order.state is OrderState.FILLED
    fills = m.venue.ledger(order.owner).fills
    assert [(fill.ticks, fill.maker) for fill in fills] == [(998, True)] * 2
    assert sum(fill.fee_atoms for fill in fills) == Decimal("0.500") * Decimal("0.003") * 10**18


def test_a_new_order_at_a_price_beyond_sight_waits_until_it_is_seen() -> None:
    m = Mirrored()
    order = m.place(Side.SELL, "101.0", "0.500")
    assert m.flow.ahead_of(order) is None
    m.show(BIDS, [("100.9", "1.000"), ("101.0", "4.000"), ("101.5", "1.000")])
    assert m.flow.ahead_of(order) == 4000
    m.show(BIDS, [("100.1", "1.000"), ("100.2", "1.000")])
    assert m.flow.ahead_of(order) == 4000, "out of sight is not gone"


def test_a_trade_through_the_price_fills_as_much_as_was_traded() -> None:
    m = Mirrored()
    order = m.place(Side.BUY, "99.8", "1.000")
    m.trade(Side.SELL, "99.5", "0.400")
    assert m.filled(order) == "0.400"
    m.trade(Side.SELL, "99.7", "2.000")
    assert order.state is OrderState.FILLED
    assert m.trades() == [("SELL", "99.8", "0.400"), ("SELL", "99.8", "0.600"), ("SELL", "99.7", "1.400")]


def test_a_trade_from_before_the_order_is_not_its_business() -> None:
    m = Mirrored()
    before = m.venue.now_ms()
    m.clock.advance(0.2)
    order = m.place(Side.BUY, "99.9", "0.100")
    m.flow.trade(PAIR, Side.SELL, "99.5", "5.000", before)
    assert (m.filled(order), m.flow.ahead_of(order)) == ("0.000", 1000)


def test_a_market_order_takes_mirrored_levels_and_they_return_with_their_next_news() -> None:
    m = Mirrored()
    order = m.place(Side.SELL, "99.8", "1.500")
    assert (order.state, order.filled_cells) == (OrderState.FILLED, 1000 * 999 + 500 * 998)
    left = [("99.8", "1.500"), ("99.5", "3.000")]
    assert m.book(Side.BUY) == left
    m.show(BIDS, [*ASKS, ("100.9", "1.000")])
    assert m.book(Side.BUY) == left, "nothing new was said of these prices"
    news = [("99.9", "1.100"), ("99.8", "2.100"), ("99.5", "3.000")]
    m.show(news, ASKS)
    assert m.book(Side.BUY) == news


def test_a_level_that_crosses_a_resting_order_fills_it_once_by_what_it_shows() -> None:
    m = Mirrored()
    order = m.place(Side.BUY, "100.0", "5.000")
    crossing = [("99.9", "2.000"), ("100.1", "1.000")]
    m.show([("99.5", "3.000")], crossing)
    assert (m.filled(order), order.filled_cells) == ("2.000", 2000 * 1000)
    m.show([("99.4", "3.000")], crossing)
    assert m.filled(order) == "2.000"
    m.show([("99.4", "3.000")], [("99.9", "2.500"), ("100.1", "1.000")])
    assert m.filled(order) == "2.500"
    assert m.book(Side.SELL) == [("100.1", "1.000")]
    m.venue.cancel(order)
    m.show([("99.3", "3.000")], [("99.9", "2.500"), ("100.1", "1.000")])
    assert m.book(Side.SELL) == [("99.9", "2.500"), ("100.1", "1.000")]


def test_in_a_halted_market_nothing_fills_and_places_are_kept_until_it_is_live_again() -> None:
    m = Mirrored()
    patient, eager = m.place(Side.BUY, "99.8", "0.500"), m.place(Side.BUY, "99.5", "0.100")
    m.flow.halt(PAIR)
    assert (m.book(Side.BUY), m.book(Side.SELL)) == ([("99.8", "0.500"), ("99.5", "0.100")], [])
    m.venue.amend(eager, 1002, 100)
    assert (m.filled(eager), m.flow.ahead_of(patient)) == ("0.000", 2000)
    m.venue.cancel(eager)
    m.show(BIDS, ASKS)
    assert m.book(Side.BUY) == [("99.9", "1.000"), ("99.8", "2.500"), ("99.5", "3.000")]
    assert (m.book(Side.SELL), m.flow.ahead_of(patient)) == (ASKS, 2000)


def test_an_amended_order_queues_anew_unless_it_only_got_smaller() -> None:
    m = Mirrored()
    order = m.place(Side.BUY, "99.9", "0.500")
    m.trade(Side.SELL, "99.9", "0.600")
    m.show([("99.9", "4.000"), *BIDS[1:]], ASKS)
    m.venue.amend(order, 999, 300)
    assert m.flow.ahead_of(order) == 400
    m.venue.amend(order, 999, 900)
    assert m.flow.ahead_of(order) == 4000


def test_a_mirrored_trade_releases_a_stop() -> None:
    m = Mirrored()
    stop = StopOrder(
        order_id=0,
        owner=m.desk.account.account_id,
        pair=PAIR,
        side=Side.SELL,
        kind=StopKind.STOP,
        stop_ticks=998,
        rises=False,
        lots=100,
    )
    m.venue.place_stop(stop)
    m.trade(Side.SELL, "99.9", "0.100")
    assert stop.state is OrderState.PENDING
    m.trade(Side.SELL, "99.8", "0.100")
    assert stop.state is OrderState.TRIGGERED
    assert m.trades()[-1] == ("SELL", "99.9", "0.100")


@pytest.mark.parametrize("taker", list(Side))
def test_an_iceberg_queues_anew_for_each_part(taker: Side) -> None:
    m = Mirrored()
    price = "99.9" if taker is Side.SELL else "100.1"
    order = m.place(taker.opposite, price, "0.900", peak_lots=300)
    m.trade(taker, price, "1.200")
    assert m.filled(order) == "0.200"
    m.trade(taker, price, "1.200")
    assert (m.filled(order), m.flow.ahead_of(order)) == ("0.300", 1000)
    m.trade(taker, price, "1.200")
    assert m.filled(order) == "0.500"


PRICES = st.integers(980, 1020)
LEVELS = st.dictionaries(PRICES, st.integers(1, 4000), max_size=12)
ACTION = st.one_of(
    st.tuples(st.just("show"), PRICES, LEVELS),
    st.tuples(st.just("trade"), PRICES, st.sampled_from(Side), st.integers(1, 5000)),
    st.tuples(st.just("place"), PRICES, st.sampled_from(Side), st.integers(2, 300)),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTION, max_size=40))
def test_whatever_happens_books_do_not_cross_and_no_fill_is_invented(actions: list[tuple]) -> None:  # type: ignore[type-arg]
    m = Mirrored()
    for kind, *terms in actions:
        orders = list(m.venue.ledger(m.desk.account.account_id).open.values())
        before = sum(order.filled_lots for order in orders)
        if kind == "show":
            mid, levels = terms
            text = {t: (f"{Decimal(t) / 10}", f"{Decimal(n) / 1000}") for t, n in levels.items()}
            m.show([text[t] for t in sorted(text, reverse=True) if t < mid], [text[t] for t in sorted(text) if t > mid])
            assert sum(order.filled_lots for order in orders) - before <= sum(levels.values())
        elif kind == "trade":
            ticks, taker, lots = terms
            m.trade(taker, f"{Decimal(ticks) / 10}", f"{Decimal(lots) / 1000}")
            assert sum(order.filled_lots for order in orders) - before <= lots
        elif kind == "place":
            ticks, side, lots = terms
            m.place(side, f"{Decimal(ticks) / 10}", f"{Decimal(lots) / 1000}")
        elif orders:
            m.venue.cancel(orders[terms[0] % len(orders)])
            m.desk.publish()
        book = m.venue.books[PAIR]
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is None or ask is None or bid < ask
        for side in (book.bids, book.asks):
            for level in side.levels.values():
                assert level.lots == sum(order.remaining_lots for order in level.queue.values()) > 0
    account = m.desk.account
    m.venue.cancel_all(account.account_id)
    assert all(balance.hold == 0 and balance.available >= 0 for balance in account.balances.values())
