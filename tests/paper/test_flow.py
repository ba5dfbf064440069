"""The seeded market: the same twice, lively, and fair to the user's own orders."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from app.core.types import Side
from app.paper.events import BookChange, Execution
from app.paper.listings import STARTING_BALANCES
from app.paper.orders import Order, OrderKind, OrderState

from .session import Session


def picture(session: Session) -> bytes:
    """Everything that can be seen, as bytes."""
    books = {p: (b.bids.top(99), b.asks.top(99)) for p, b in session.desk.venue.books.items()}
    trades = {p: tape.trades(1000) for p, tape in session.desk.tapes.items()}
    return msgspec.json.encode([session.events, books, trades])


def test_same_seed_and_clock_give_the_same_market() -> None:
    one, two, other = Session(7), Session(7), Session(8)
    for session in (one, two, other):
        session.run(1500)
    assert picture(one) == picture(two)
    assert picture(one) != picture(other)
    assert one.desk.credentials == two.desk.credentials
    assert one.desk.credentials.api_key != other.desk.credentials.api_key


def test_every_pair_moves_and_trades_and_no_book_is_ever_crossed() -> None:
    session = Session()
    events = session.run(6000)
    books = Counter(e.pair for e in events if isinstance(e, BookChange))
    trades = Counter(e.pair for e in events if isinstance(e, Execution))
    assert set(books) == set(trades) == set(session.desk.venue.instruments)
    assert 0.05 < trades.total() / len(events) < 0.5
    for book in session.desk.venue.books.values():
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is not None and ask is not None and bid < ask


def test_books_keep_twenty_to_sixty_uneven_levels() -> None:
    session = Session(3)
    for _ in range(20):
        session.run(300)
        levels = [len(s) for b in session.desk.venue.books.values() for s in (b.bids, b.asks)]
        assert sum(levels) / len(levels) > 24 and max(levels) <= 60 and min(levels) >= 8
    sizes = {lots for _, lots in session.desk.venue.books["BTC-USDT"].bids.top(20)}
    assert len(sizes) > 15


def test_prices_stay_near_their_reference() -> None:
    session = Session(2)
    session.run(8000)
    for listing in session.desk.listings:
        last = listing.instrument.price(session.desk.venue.last_ticks[listing.instrument.pair])
        assert abs(last / listing.reference_price - 1) < Decimal("0.06")


def test_eth_btc_follows_its_two_legs() -> None:
    session = Session(4)
    session.run(8000)
    price = {}
    for pair in ("ETH-USDT", "BTC-USDT", "ETH-BTC"):
        price[pair] = session.desk.venue.instruments[pair].price(session.desk.venue.last_ticks[pair])
    assert abs(price["ETH-USDT"] / price["BTC-USDT"] / price["ETH-BTC"] - 1) < Decimal("0.004")


@pytest.mark.parametrize("side", list(Side))
def test_the_market_hits_the_users_resting_order(side: Side) -> None:
    session = Session()
    venue = session.desk.venue
    rules, book = venue.instruments["ETH-USDT"], venue.books["ETH-USDT"]
    bid, ask = book.bids.best(), book.asks.best()
    assert bid is not None and ask is not None
    order = venue.place(
        Order(
            order_id=0,
            owner=session.desk.account.account_id,
            pair="ETH-USDT",
            side=side,
            kind=OrderKind.POST_ONLY,
            ticks=bid + 1 if side is Side.BUY else ask - 1,
            lots=rules.lots(Decimal("0.5")),
        )
    )
    for _ in range(100):
        session.run(100)
        if order.state is OrderState.FILLED:
            break
    assert order.state is OrderState.FILLED
    fills = venue.ledger(order.owner).fills
    assert all(f.maker for f in fills) and sum(f.lots for f in fills) == order.lots


def test_a_fresh_desk_is_funded_in_every_asset() -> None:
    session = Session()
    for asset, amount in STARTING_BALANCES.items():
        assert Decimal(session.desk.account.balance(asset).available) == amount * 10**18


def test_candles_trades_and_ticker_are_there_at_once_and_join_the_book() -> None:
    session = Session()
    for pair, tape in session.desk.tapes.items():
        book = session.desk.venue.books[pair]
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is not None and ask is not None
        trades = tape.trades(1000)
        assert len(trades) == 1000
        assert [t.trade_id for t in trades] == sorted((t.trade_id for t in trades), reverse=True)
        assert [t.time_ms for t in trades] == sorted((t.time_ms for t in trades), reverse=True)
        day = tape.day(session.desk.venue.now_ms())
        assert bid <= day.close <= ask
        assert abs(trades[0].ticks / day.close - 1) < 0.01
        assert day.low <= min(day.open, day.close) <= max(day.open, day.close) <= day.high
