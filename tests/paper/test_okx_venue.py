"""What the engine can do since OKX: amendments in place, three ways to prevent self-trades, ids used again."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.types import Side
from app.paper.accounts import AccountBook, Credentials, Fees
from app.paper.events import OrderEvent, OrderEventKind
from app.paper.listings import LISTINGS
from app.paper.orders import Order, OrderKind, OrderState, SelfTrade
from app.paper.venue import Refusal, Refused, Venue

PAIR = "BTC-USDT"
BUY, SELL = Side.BUY, Side.SELL


def opened(*, reusable: bool = False) -> Venue:
    accounts = AccountBook()
    for name in ("ann", "bob"):
        keys = Credentials(api_key=name, secret_key=name)
        fees = Fees(maker=Decimal("0.001"), taker=Decimal("0.002"))
        accounts.open(name, 1, fees, keys, {"USDT": Decimal(10_000), "BTC": Decimal(1)})
    numbers = count(1)
    instruments = [listing.instrument for listing in LISTINGS]
    return Venue(instruments, accounts, ManualClock(), lambda: next(numbers), client_ids_reusable=reusable)


def order(owner: str, side: Side, ticks: int, lots: int, client_id: str = "", **terms: object) -> Order:
    return Order(
        order_id=0,
        owner=owner,
        pair=PAIR,
        side=side,
        kind=OrderKind.LIMIT,
        ticks=ticks,
        lots=lots,
        client_order_id=client_id,
        **terms,  # type: ignore[arg-type]
    )


def held(venue: Venue, owner: str, asset: str) -> Decimal:
    account = venue.accounts.get(owner)
    assert account is not None
    return Decimal(account.balance(asset).hold) / 10**18


def total(venue: Venue, asset: str) -> int:
    return sum(account.balance(asset).total for account in venue.accounts)


def test_less_at_the_same_price_keeps_its_place_and_more_does_not() -> None:
    venue = opened()
    first, second = (venue.place(order(name, BUY, 500_000, 1000)) for name in ("ann", "bob"))
    assert venue.amend(first, 500_000, 400)
    venue.take(PAIR, SELL, 500_000, 300)
    assert (first.filled_lots, second.filled_lots) == (300, 0)
    assert venue.amend(first, 500_000, 2000)
    venue.take(PAIR, SELL, 500_000, 300)
    assert (first.filled_lots, second.filled_lots) == (300, 300)
    assert venue.books[PAIR].bids.lots_at(500_000) == 1700 + 700


def test_an_amended_order_takes_and_counts_on() -> None:
    venue = opened()
    resting = venue.place(order("ann", BUY, 400_000, 1000))
    venue.take(PAIR, SELL, 400_000, 200)
    venue.place(order("bob", SELL, 500_000, 300))
    venue.drain()
    assert venue.amend(resting, 500_000, 1000)
    told = [e for e in venue.drain() if isinstance(e, OrderEvent) and e.order is resting]
    assert [(e.kind, e.filled_lots) for e in told] == [(OrderEventKind.AMENDED, 200), (OrderEventKind.FILLED, 500)]
    assert told[1].filled_cells == 200 * 400_000 + 300 * 500_000
    assert (resting.state, held(venue, "ann", "USDT")) == (OrderState.PARTIALLY_FILLED, Decimal("2.5"))


def test_an_amendment_without_funds_changes_nothing() -> None:
    venue = opened()
    resting = venue.place(order("ann", BUY, 500_000, 1000))
    with pytest.raises(Refused) as refused:
        venue.amend(resting, 500_000, 3_000_000)
    assert refused.value.refusal is Refusal.BALANCE
    assert (resting.lots, held(venue, "ann", "USDT")) == (1000, Decimal(5))
    venue.cancel(resting)
    assert not venue.amend(resting, 500_000, 2000)


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        (SelfTrade.EXPIRE_MAKER, OrderState.CANCELED, OrderState.FILLED),
        (SelfTrade.EXPIRE_TAKER, OrderState.OPEN, OrderState.CANCELED),
        (SelfTrade.EXPIRE_BOTH, OrderState.CANCELED, OrderState.CANCELED),
    ],
)
def test_who_goes_when_an_account_meets_itself(mode: SelfTrade, maker: OrderState, taker: OrderState) -> None:
    venue = opened()
    own = venue.place(order("ann", SELL, 500_000, 100))
    venue.place(order("bob", SELL, 500_000, 100))
    coming = venue.place(order("ann", BUY, 500_000, 100, self_trade=mode))
    assert (own.state, coming.state) == (maker, taker)
    assert held(venue, "ann", "BTC") == (Decimal("0.0001") if maker is OrderState.OPEN else 0)


def test_client_ids_unique_among_open_orders_only() -> None:
    for reusable in (False, True):
        venue = opened(reusable=reusable)
        first = venue.place(order("ann", BUY, 500_000, 100, "mine"))
        with pytest.raises(Refused):
            venue.place(order("ann", BUY, 500_000, 100, "mine"))
        venue.cancel(first)
        if reusable:
            assert venue.place(order("ann", BUY, 500_000, 100, "mine")).state is OrderState.OPEN
        else:
            with pytest.raises(Refused):
                venue.place(order("ann", BUY, 500_000, 100, "mine"))


step = st.tuples(
    st.sampled_from(["ann", "bob"]),
    st.sampled_from([BUY, SELL]),
    st.integers(99_000, 101_000),
    st.integers(1, 5000),
    st.sampled_from(list(SelfTrade)),
    st.integers(0, 5),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(step, max_size=30))
def test_amendments_and_self_trades_conserve_holds(steps: list[tuple[str, Side, int, int, SelfTrade, int]]) -> None:
    venue = opened()
    before = total(venue, "BTC")
    for owner, side, ticks, lots, mode, which in steps:
        mine = list(venue.ledger(owner).open.values())
        try:
            if which < len(mine):
                venue.amend(mine[which], ticks, lots)
            else:
                venue.place(order(owner, side, ticks, lots, self_trade=mode))
        except Refused:
            continue
    rules = venue.instruments[PAIR]
    for owner in ("ann", "bob"):
        still = venue.ledger(owner).open.values()
        cells = sum(o.ticks * o.remaining_lots for o in still if o.side is BUY)
        assert held(venue, owner, "USDT") == rules.quote_amount(cells)
        assert held(venue, owner, "BTC") == rules.amount(sum(o.remaining_lots for o in still if o.side is SELL))
    fees = sum(f.fee_atoms for name in ("ann", "bob") for f in venue.ledger(name).fills if f.fee_asset == "BTC")
    assert total(venue, "BTC") == before - fees
    book = venue.books[PAIR]
    best_bid, best_ask = book.bids.best(), book.asks.best()
    assert best_bid is None or best_ask is None or best_bid < best_ask
    resting = sum(o.remaining_lots for name in ("ann", "bob") for o in venue.ledger(name).open.values())
    assert resting == sum(lots for side in (book.bids, book.asks) for _, lots in side.top(10_000))
