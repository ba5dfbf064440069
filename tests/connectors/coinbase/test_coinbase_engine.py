"""The engine on Coinbase' wire: numbers over all channels of a connection, gaps, new connections, executions."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.connectors.coinbase import SPEC
from app.connectors.spec import Credentials
from app.core.order_book import BookState
from tests.connectors import fake_link
from tests.until import until

pytestmark = pytest.mark.asyncio
PAIRS = ("BTC-USD", "ETH-USD")


def message(channel: str, number: int, *events: dict[str, Any]) -> dict[str, Any]:
    return {"channel": channel, "timestamp": "2026-04-07T14:30:00.123456789Z", "sequence_num": number, "events": events}


def book(number: int, pair: str, kind: str, bid: str, offer: str) -> dict[str, Any]:
    rows = [
        {"side": side, "price_level": price, "new_quantity": "1", "event_time": "1970-01-01T00:00:00Z"}
        for side, price in (("bid", bid), ("offer", offer))
    ]
    return message("l2_data", number, {"type": kind, "product_id": pair, "updates": rows})


def beat(number: int) -> dict[str, Any]:
    return message("heartbeats", number, {"current_time": "", "heartbeat_counter": number})


@pytest_asyncio.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[fake_link.Desk]:
    monkeypatch.setattr(fake_link, "exchange_spec", lambda name: SPEC)
    desk = fake_link.Desk()
    for pair in PAIRS:
        desk.exchange.watch(pair)
    desk.exchange.start_network()
    await until(lambda: "public" in desk.transport.sockets and len(desk.socket().sent) == 3)
    yield desk
    await desk.exchange.stop_network()


def books_asked(desk: fake_link.Desk) -> list[tuple[str, list[str]]]:
    return [(sent["type"], sent["product_ids"]) for sent in desk.socket().sent if sent["channel"] == "level2"]


async def live(desk: fake_link.Desk) -> None:
    desk.socket().receives(
        book(0, "BTC-USD", "snapshot", "99", "101"), beat(1), book(2, "ETH-USD", "snapshot", "9", "11")
    )
    await until(lambda: all(desk.exchange.order_books[pair].state is BookState.LIVE for pair in PAIRS))


async def test_beats_first_and_one_message_a_channel(desk: fake_link.Desk) -> None:
    assert [sent["channel"] for sent in desk.socket().sent] == ["heartbeats", "level2", "market_trades"]
    assert books_asked(desk) == [("subscribe", list(PAIRS))]


async def test_a_number_left_out_anywhere_makes_every_book_stale_and_asks_for_each_again(desk: fake_link.Desk) -> None:
    await live(desk)
    books = desk.exchange.order_books
    desk.socket().receives(beat(4), book(5, "BTC-USD", "update", "99.5", "101"))
    await until(lambda: len(books_asked(desk)) == 5)
    assert {name for kind, names in books_asked(desk)[1:] for name in names} == set(PAIRS)
    assert [books[pair].stale for pair in PAIRS] == [True, True]
    assert "message 4 came after 2" in books["ETH-USD"].reason
    assert books["BTC-USD"].best_bid == "99", "a stale book takes no changes"
    desk.socket().receives(
        book(6, "BTC-USD", "snapshot", "98", "100"),
        book(7, "ETH-USD", "snapshot", "8", "10"),
        book(8, "ETH-USD", "update", "8.5", "10"),
    )
    await until(lambda: books["ETH-USD"].best_bid == "8.5")
    assert [books[pair].state for pair in PAIRS] == [BookState.LIVE, BookState.LIVE]
    assert desk.exchange.feeds["BTC-USD"].gaps == 1


async def test_an_unreadable_book_message_shows_as_a_gap_and_a_broken_ticker_does_not(desk: fake_link.Desk) -> None:
    await live(desk)
    books = desk.exchange.order_books
    desk.socket().receives(
        message("ticker", 3, {"type": "update", "tickers": [{"product_id": "BTC-USD", "price": "?"}]}),
        book(4, "BTC-USD", "update", "99.5", "101"),
    )
    await until(lambda: books["BTC-USD"].best_bid == "99.5")
    assert not books["ETH-USD"].stale
    desk.socket().receives(book(5, "BTC-USD", "merge", "99.6", "101"), beat(6))
    await until(lambda: books["BTC-USD"].stale and books["ETH-USD"].stale)


async def test_a_new_connection_counts_from_zero_again(desk: fake_link.Desk) -> None:
    await live(desk)
    first = desk.socket()
    first.breaks("cut")
    await until(lambda: desk.socket() is not first and len(desk.socket().sent) == 3)
    assert all(desk.exchange.order_books[pair].stale for pair in PAIRS)
    await live(desk)
    assert desk.exchange.feeds["BTC-USD"].gaps == 0


BATCH = ("GET", "/api/v3/brokerage/orders/historical/batch")
FILLS = ("GET", "/api/v3/brokerage/orders/historical/fills")
ACCOUNTS = ("GET", "/api/v3/brokerage/accounts")


def wallet(asset: str, available: str) -> dict[str, Any]:
    money = {"value": available, "currency": asset}
    return {"currency": asset, "available_balance": money, "hold": {"value": "0", "currency": asset}}


async def test_an_execution_reported_by_the_stream_is_fetched_at_once_and_balances_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fake_link, "exchange_spec", lambda name: SPEC)
    seed = base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setattr(fake_link, "Credentials", lambda **_: Credentials(api_key="KEY", secret_key=seed))
    desk = fake_link.Desk(with_account=True)
    desk.rest.answers = {
        BATCH: {"orders": [], "has_next": False},
        FILLS: {"fills": [], "cursor": ""},
        ACCOUNTS: {"accounts": [wallet("USD", "1000")], "has_next": False},
    }
    desk.exchange.start_network()
    try:
        await until(lambda: "private" in desk.transport.sockets and len(desk.socket("private").sent) == 2)
        stream = desk.socket("private")
        stream.receives(message("subscriptions", 0, {"subscriptions": {"user": ["6a1d"]}}))
        await until(lambda: desk.exchange.balances.get("USD") is not None)
        fill = {"trade_id": "t1", "entry_id": "e1", "order_id": "o1", "product_id": "BTC-USD", "side": "BUY"}
        fill |= {"price": "50000", "size": "0.01", "commission": "2", "trade_time": "2026-04-07T14:30:00Z"}
        desk.rest.answers[FILLS] = {"fills": [fill], "cursor": ""}
        desk.rest.answers[ACCOUNTS] = {"accounts": [wallet("USD", "498")], "has_next": False}
        row = {"order_id": "o1", "client_order_id": "my-1", "status": "FILLED", "product_id": "BTC-USD"}
        row |= {"order_side": "BUY", "order_type": "Limit", "cumulative_quantity": "0.01", "leaves_quantity": "0"}
        stream.receives(message("user", 1, {"type": "update", "orders": [row]}))
        await until(lambda: len(desk.exchange.fills) == 1)
        (record,) = desk.exchange.fills
        assert (record.fill.trade_id, record.fill.fee_asset) == ("e1", "USD")
        assert (record.order.client_order_id, record.order.fills_missing) == ("my-1", 0)
        await until(lambda: desk.exchange.balances["USD"].available == 498)
    finally:
        await desk.exchange.stop_network()
