"""The venue as a whole: money is conserved, events tell the story, stops trigger."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.types import Side, TimeInForce
from app.paper.accounts import AccountBook, Credentials, Fees
from app.paper.events import BalanceChanged, BookChange, Event, Execution, OrderEvent
from app.paper.listings import LISTINGS
from app.paper.orders import Order, OrderKind, OrderState, SelfTrade, StopKind, StopOrder
from app.paper.venue import Refusal, Refused, Venue

PAIR = "BTC-USDT"
BUY, SELL = Side.BUY, Side.SELL
FEES = Fees(maker=Decimal("0.001"), taker=Decimal("0.002"))


class Floor:
    """A venue with two funded accounts and no seeded market."""

    def __init__(self, usdt: str = "10000", btc: str = "1") -> None:
        accounts = AccountBook()
        for name in ("ann", "bob"):
            keys = Credentials(api_key=name, secret_key=name)
            accounts.open(name, 1, FEES, keys, {"USDT": Decimal(usdt), "BTC": Decimal(btc)})
        numbers = count(1)
        self.clock = ManualClock()
        self.venue = Venue([x.instrument for x in LISTINGS], accounts, self.clock, lambda: next(numbers))

    def order(self, owner: str, side: Side, price: str, amount: str, **terms: object) -> Order:
        rules = self.venue.instruments[PAIR]
        kind = terms.pop("kind", OrderKind.LIMIT)
        return Order(
            order_id=0,
            owner=owner,
            pair=PAIR,
            side=side,
            kind=kind,  # type: ignore[arg-type]
            ticks=rules.ticks(Decimal(price)),
            lots=rules.lots(Decimal(amount)),
            **terms,  # type: ignore[arg-type]
        )

    def place(self, owner: str, side: Side, price: str, amount: str, **terms: object) -> Order:
        return self.venue.place(self.order(owner, side, price, amount, **terms))

    def stop(self, owner: str, side: Side, kind: StopKind, amount: str, **terms: object) -> StopOrder:
        lots = self.venue.instruments[PAIR].lots(Decimal(amount))
        stop = StopOrder(order_id=0, owner=owner, pair=PAIR, side=side, kind=kind, lots=lots, **terms)  # type: ignore[arg-type]
        return self.venue.place_stop(stop)

    def has(self, owner: str, asset: str) -> tuple[Decimal, Decimal]:
        """Available and hold."""
        account = self.venue.accounts.get(owner)
        assert account is not None
        balance = account.balance(asset)
        return Decimal(balance.available) / 10**18, Decimal(balance.hold) / 10**18


@pytest.fixture
def floor() -> Floor:
    return Floor()


def story(events: list[Event], owner: str) -> list[str]:
    """What one account hears."""
    told = []
    for event in events:
        if isinstance(event, OrderEvent) and event.order.owner == owner:
            told.append(f"{event.kind.name} {event.state.name} {event.filled_lots}")
        elif isinstance(event, BalanceChanged) and event.account == owner:
            told.append(f"{event.cause.name} {event.asset} {event.available // 10**15}+{event.hold // 10**15}")
    return told


def test_a_trade_is_told_to_both_sides_in_order(floor: Floor) -> None:
    floor.place("ann", SELL, "5000", "0.5")
    floor.venue.drain()
    floor.place("bob", BUY, "5000", "0.2")
    events = floor.venue.drain()
    assert story(events, "ann") == ["FILLED PARTIALLY_FILLED 200000", "FILLED BTC 500+300", "FILLED USDT 10999000+0"]
    assert story(events, "bob") == [
        "PLACED OPEN 0",
        "PLACED USDT 9000000+1000000",
        "FILLED FILLED 200000",
        "FILLED BTC 1199+0",
        "FILLED USDT 9000000+0",
    ]
    assert [e.trade_id for e in events if isinstance(e, Execution)] == [1]
    assert [e.asks for e in events if isinstance(e, BookChange)] == [[(500000, 300000)]]


def test_cancel_gives_the_hold_back_once(floor: Floor) -> None:
    order = floor.place("ann", BUY, "5000", "0.5")
    assert floor.has("ann", "USDT") == (7500, 2500)
    assert floor.venue.cancel(order)
    assert not floor.venue.cancel(order)
    assert floor.has("ann", "USDT") == (10000, 0)


def test_too_little_money_is_refused_without_a_trace(floor: Floor) -> None:
    with pytest.raises(Refused) as refused:
        floor.place("ann", BUY, "5000", "2.1")
    assert refused.value.refusal is Refusal.BALANCE
    assert floor.venue.drain() == []
    assert floor.venue.ledger("ann").orders == {}


def test_a_client_id_is_used_once_even_after_the_order_is_done(floor: Floor) -> None:
    floor.venue.cancel(floor.place("ann", BUY, "5000", "0.1", client_order_id="mine"))
    with pytest.raises(Refused) as refused:
        floor.place("ann", BUY, "5000", "0.1", client_order_id="mine")
    assert refused.value.refusal is Refusal.DUPLICATE_ID
    floor.place("bob", BUY, "5000", "0.1", client_order_id="mine")


def test_replace_goes_to_the_end_of_the_queue_and_can_use_the_freed_money(floor: Floor) -> None:
    old = floor.place("ann", BUY, "5000", "2")
    new = floor.venue.replace(old, floor.order("ann", BUY, "4000", "2.5"))
    assert new is not None and old.state is OrderState.CANCELED
    assert floor.has("ann", "USDT") == (0, 10000)
    assert floor.venue.replace(old, floor.order("ann", BUY, "4000", "0.1")) is None


def test_market_buy_by_base_holds_exactly_what_it_costs(floor: Floor) -> None:
    floor.place("ann", SELL, "5000", "0.3")
    floor.place("ann", SELL, "6000", "0.3")
    order = floor.place("bob", BUY, "0", "0.4", kind=OrderKind.MARKET)
    assert order.state is OrderState.FILLED
    assert floor.has("bob", "USDT") == (10000 - 1500 - 600, 0)


def test_market_order_into_an_empty_book_is_cancelled(floor: Floor) -> None:
    order = floor.place("bob", SELL, "0", "0.4", kind=OrderKind.MARKET)
    assert (order.state, order.filled_lots) == (OrderState.CANCELED, 0)
    assert floor.has("bob", "BTC") == (1, 0)


def test_stop_waits_without_funds_and_sells_when_the_price_falls(floor: Floor) -> None:
    floor.place("bob", BUY, "5000", "0.1")
    floor.place("bob", BUY, "4000", "0.5")
    stop = floor.stop("ann", SELL, StopKind.STOP, "0.2", stop_ticks=450000, rises=False)
    assert floor.has("ann", "BTC") == (1, 0)
    floor.place("ann", SELL, "5000", "0.1", time_in_force=TimeInForce.IOC)
    assert stop.state is OrderState.PENDING
    floor.place("ann", SELL, "4000", "0.05", time_in_force=TimeInForce.IOC)
    assert stop.state is OrderState.TRIGGERED
    order = floor.venue.ledger("ann").orders[stop.triggered_order_id]
    assert (order.state, order.filled_lots, order.source) == (OrderState.FILLED, 200000, "SMART")


def test_trailing_stop_follows_the_highest_price(floor: Floor) -> None:
    stop = floor.stop("ann", SELL, StopKind.TRAILING_STOP, "0.2", trail_ppm=100_000)
    for price in ("5000", "6000", "5500"):
        floor.place("bob", BUY, price, "0.001")
        floor.place("ann", SELL, price, "0.001")
        assert stop.state is OrderState.PENDING
    floor.place("bob", BUY, "5400", "0.001")
    floor.place("ann", SELL, "5400", "0.001")
    assert stop.state is OrderState.TRIGGERED


def test_trailing_stop_limit_enters_at_its_offset(floor: Floor) -> None:
    floor.place("bob", BUY, "5000", "0.002")
    terms = {"trail_ticks": 10_000, "limit_ticks": 5_000}
    stop = floor.stop("ann", SELL, StopKind.TRAILING_STOP_LIMIT, "0.2", **terms)
    floor.place("ann", SELL, "5000", "0.001")
    floor.place("bob", BUY, "4900", "0.001")
    floor.place("ann", SELL, "4900", "0.002")
    order = floor.venue.ledger("ann").orders[stop.triggered_order_id]
    assert (order.kind, order.ticks, order.state) == (OrderKind.LIMIT, 485_000, OrderState.OPEN)


def test_stop_without_money_fails_when_triggered(floor: Floor) -> None:
    stop = floor.stop("ann", BUY, StopKind.STOP_LIMIT, "9", stop_ticks=1, ticks=500_000)
    floor.place("bob", BUY, "5000", "0.001")
    floor.place("ann", SELL, "5000", "0.001")
    assert stop.state is OrderState.FAILED


def test_cancelled_stop_never_triggers(floor: Floor) -> None:
    stop = floor.stop("ann", BUY, StopKind.STOP, "0.1", stop_ticks=1)
    assert floor.venue.cancel_stop(stop) and not floor.venue.cancel_stop(stop)
    floor.place("bob", BUY, "5000", "0.001")
    floor.place("ann", SELL, "5000", "0.001")
    assert stop.state is OrderState.CANCELED


actions = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["limit", "limit", "limit", "post", "market", "quote", "cancel", "all", "replace"]),
        st.sampled_from([BUY, SELL]),
        st.integers(4900, 5100),
        st.integers(1, 900_000),
        st.sampled_from(list(TimeInForce)),
        st.sampled_from(list(SelfTrade)),
    ),
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(actions)
def test_money_is_conserved_by_any_sequence(sequence: list[tuple]) -> None:  # type: ignore[type-arg]
    floor = Floor()
    venue = floor.venue
    last_sequence = 0
    for owner, action, side, price, lots, tif, self_trade in sequence:
        mine = list(venue.ledger(owner).open.values())
        amount = str(Decimal(lots) / 10**6)
        terms = {"time_in_force": tif, "self_trade": self_trade}
        try:
            if action == "cancel" and mine:
                venue.cancel(mine[lots % len(mine)])
            elif action == "all":
                venue.cancel_all(owner)
            elif action == "replace" and mine:
                venue.replace(mine[lots % len(mine)], floor.order(owner, side, str(price), amount, **terms))
            elif action == "post":
                floor.place(owner, side, str(price), amount, kind=OrderKind.POST_ONLY)
            elif action == "market":
                floor.place(owner, side, "0", amount, kind=OrderKind.MARKET, **terms)
            elif action == "quote":
                floor.place(owner, BUY, "0", "0", kind=OrderKind.MARKET, cells=lots * price, **terms)
            elif action == "limit":
                floor.place(owner, side, str(price), amount, **terms)
        except Refused:
            pass
        for event in venue.drain():
            if isinstance(event, BookChange):
                assert event.sequence == last_sequence + 1
                last_sequence = event.sequence
        _check_money(venue)
    for owner in ("ann", "bob"):
        venue.cancel_all(owner)
    assert [floor.has(o, a)[1] for o in ("ann", "bob") for a in ("USDT", "BTC")] == [0, 0, 0, 0]


def _check_money(venue: Venue) -> None:
    fees = {"USDT": 0, "BTC": 0}
    for owner in ("ann", "bob"):
        for fill in venue.ledger(owner).fills:
            fees[fill.fee_asset] += fill.fee_atoms
    for asset, start in (("USDT", 20_000 * 10**18), ("BTC", 2 * 10**18)):
        held = total = 0
        for account in venue.accounts:
            balance = account.balance(asset)
            assert balance.available >= 0 and balance.hold >= 0
            total += balance.total
            held += balance.hold
        assert total + fees[asset] == start
        side = BUY if asset == "USDT" else SELL
        resting = [o for owner in ("ann", "bob") for o in venue.ledger(owner).open.values() if o.side is side]
        assert held == sum(o.held_atoms for o in resting)
