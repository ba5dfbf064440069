"""What Binance asked of the engine: icebergs, orders that wait under their own id, fees of eight decimals, renaming."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.types import Side
from app.paper.accounts import Fees
from app.paper.dialects.binance_symbols import listings
from app.paper.events import OrderEvent, OrderEventKind
from app.paper.matching import BookSide, MatchingBook
from app.paper.orders import Order, OrderKind, OrderState, SelfTrade, StopKind, StopOrder
from app.paper.units import to_units

from .session import Session

PAIR = "BTC-USDT"
BUY, SELL = Side.BUY, Side.SELL


def order(number: int, side: Side, lots: int, ticks: int, peak: int = 0) -> Order:
    return Order(
        order_id=number,
        owner="",
        pair=PAIR,
        side=side,
        kind=OrderKind.LIMIT,
        ticks=ticks,
        lots=lots,
        peak_lots=peak,
        self_trade=SelfTrade.ALLOW,
    )


def test_the_next_part_of_an_iceberg_stands_at_the_end_of_the_queue() -> None:
    book = MatchingBook(PAIR)
    for number, lots, peak in ((1, 10, 4), (2, 3, 0)):
        book.submit(order(number, SELL, lots, 100, peak))
    assert book.asks.top(1) == [(100, 7)]
    matches, _ = book.submit(order(3, BUY, 9, 100))
    assert [(m.maker.order_id, m.lots) for m in matches] == [(1, 4), (2, 3), (1, 2)]
    assert book.asks.top(1) == [(100, 2)] and book.cost_of(BUY, 9) == 400, "what is hidden can be bought too"
    matches, _ = book.submit(order(4, BUY, 9, 100))
    assert sum(m.lots for m in matches) == 4 and not book.asks


def totals(side: BookSide) -> None:
    for level in side.levels.values():
        resting = level.queue.values()
        assert level.lots == sum(o.visible_lots for o in resting) > 0
        assert level.hidden == sum(o.remaining_lots - o.visible_lots for o in resting) >= 0
        assert all(0 < o.visible_lots <= (o.peak_lots or o.lots) for o in resting)


Step = tuple[Side, int, int, int, int]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BUY, SELL]),
            st.integers(1, 30),
            st.integers(95, 105),
            st.integers(0, 12),
            st.integers(0, 3),
        ),
        max_size=40,
    )
)
def test_levels_always_show_what_their_orders_show(steps: list[Step]) -> None:
    book = MatchingBook(PAIR)
    sent: list[Order] = []
    for number, (side, lots, ticks, peak, action) in enumerate(steps):
        resting = [o for s in (book.bids, book.asks) for level in s.levels.values() for o in level.queue.values()]
        if action == 1 and resting:
            book.remove(resting[lots % len(resting)])
        elif action == 2 and resting and (chosen := resting[lots % len(resting)]).remaining_lots > 1:
            book.shrink(chosen, chosen.lots - 1)
        else:
            sent.append(order(number + 1, side, lots, ticks, peak if peak < lots else 0))
            book.submit(sent[-1])
        totals(book.bids)
        totals(book.asks)
    bought, sold = (sum(o.filled_lots for o in sent if o.side is side) for side in (BUY, SELL))
    assert bought == sold


class Floor(Session):
    """A desk whose market stands still."""

    def wait_for(
        self, side: Side, kind: OrderKind, stop: str, price: str = "0", lots: int = 1000, name: str = "mine"
    ) -> Order:
        rules = self.desk.venue.instruments[PAIR]
        waiting = Order(
            order_id=0,
            owner=self.desk.account.account_id,
            pair=PAIR,
            side=side,
            kind=kind,
            ticks=rules.ticks(Decimal(price)),
            lots=lots,
            client_order_id=name,
        )
        condition = StopOrder(
            order_id=0,
            owner=waiting.owner,
            pair=PAIR,
            side=side,
            kind=StopKind.STOP,
            stop_ticks=rules.ticks(Decimal(stop)),
            rises=side is BUY,
        )
        return self.desk.venue.place_waiting(waiting, condition)

    def held(self, asset: str) -> Decimal:
        return Decimal(self.desk.account.balance(asset).hold).scaleb(-18)

    def trades_at(self, price: str) -> None:
        venue = self.desk.venue
        ticks = venue.instruments[PAIR].ticks(Decimal(price))
        side = SELL if ticks < venue.last_ticks[PAIR] else BUY
        venue.take(PAIR, side, ticks, 10**9)
        venue.quote(PAIR, BUY if side is SELL else SELL, ticks, 5)
        venue.take(PAIR, side, ticks, 5)
        self.desk.publish()

    def story(self, watched: Order) -> list[OrderEventKind]:
        return [e.kind for e in self.events if isinstance(e, OrderEvent) and e.order is watched]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_waiting_order_holds_funds_and_keeps_its_id(floor: Floor) -> None:
    waiting = floor.wait_for(SELL, OrderKind.LIMIT, "90000", "120000")
    assert floor.held("BTC") == Decimal("0.001") and waiting.waits and waiting.working_ms == 0
    assert waiting.order_id in floor.desk.venue.ledger(waiting.owner).open
    number = waiting.order_id
    floor.trades_at("89999")
    assert (waiting.order_id, waiting.waits, waiting.state) == (number, False, OrderState.OPEN)
    assert waiting.working_ms > 0
    assert floor.story(waiting) == [OrderEventKind.PLACED, OrderEventKind.RELEASED]
    assert floor.desk.venue.cancel(waiting) and floor.held("BTC") == 0


def test_a_waiting_market_buy_holds_only_when_it_is_released(floor: Floor) -> None:
    bought = floor.wait_for(BUY, OrderKind.MARKET, "110000")
    assert floor.held("USDT") == 0
    floor.desk.venue.quote(PAIR, SELL, floor.desk.venue.instruments[PAIR].ticks(Decimal("111000")), 10**6)
    floor.trades_at("110001")
    assert bought.state is OrderState.FILLED and floor.held("USDT") == 0
    poor = floor.wait_for(BUY, OrderKind.MARKET, "115000", lots=10**8, name="poor")
    floor.desk.venue.quote(PAIR, SELL, floor.desk.venue.instruments[PAIR].ticks(Decimal("116000")), 10**9)
    floor.trades_at("115001")
    assert (poor.state, poor.closed_reason) == (OrderState.CANCELED, "insufficient balance")


def test_a_waiting_order_is_cancelled_or_made_smaller(floor: Floor) -> None:
    waiting = floor.wait_for(BUY, OrderKind.LIMIT, "110000", "100000")
    assert floor.held("USDT") == 100
    assert floor.desk.venue.amend(waiting, waiting.ticks, 400) and floor.held("USDT") == 40
    assert floor.desk.venue.cancel(waiting) and floor.held("USDT") == 0
    floor.trades_at("110001")
    assert floor.story(waiting)[-1] is OrderEventKind.CLOSED
    assert not floor.desk.venue.cancel(waiting)


def test_an_order_is_found_by_its_new_name_only(floor: Floor) -> None:
    waiting = floor.wait_for(BUY, OrderKind.LIMIT, "110000", "100000")
    ledger = floor.desk.venue.ledger(waiting.owner)
    ledger.rename(waiting, "yours")
    assert ledger.by_client_id.get("mine") is None and ledger.by_client_id["yours"] is waiting
    assert ledger.uses("yours", open_only=True) and not ledger.uses("mine")


def test_fees_are_cut_to_their_places() -> None:
    fees = Fees(maker=Decimal("0.001"), taker=Decimal("0.001"), places=8)
    assert fees.atoms(to_units(Decimal("999.9999999"), 18), maker=True) == to_units(Decimal("0.99999999"), 18)
    assert Fees(maker=Decimal("0.001"), taker=Decimal("0.001")).atoms(10**18, maker=True) == 10**15


def test_no_price_times_amount_has_more_than_eight_decimals() -> None:
    for listing in listings():
        assert listing.instrument.cell_scale <= 8
        assert listing.instrument.ticks(listing.reference_price) > 0
        assert listing.spread_ticks >= 1
