"""The market data engine on Poloniex' wire: join, gap, resync, loss, refusal, crossed books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.core.order_book import BookState
from app.core.types import BookDiff, BookSnapshot, Side, Trade
from tests.connectors.fake_link import Desk
from tests.until import until

pytestmark = pytest.mark.asyncio
PAIR = "BTC-USDT"


def snapshot(id: int, bids: list[list[str]], asks: list[list[str]], symbol: str = "BTC_USDT") -> dict[str, Any]:
    return _book("snapshot", id - 1, id, bids, asks, symbol)


def diff(prev: int, id: int, bids: list[list[str]] = [], asks: list[list[str]] = []) -> dict[str, Any]:  # noqa: B006
    return _book("update", prev, id, bids, asks, "BTC_USDT")


def _book(action: str, prev: int, id: int, bids: Any, asks: Any, symbol: str) -> dict[str, Any]:
    book = {"symbol": symbol, "createTime": 1, "asks": asks, "bids": bids, "lastId": prev, "id": id, "ts": 2}
    return {"channel": "book_lv2", "data": [book], "action": action}


def trade(id: str, price: str = "100", quantity: str = "0.5", side: str = "sell") -> dict[str, Any]:
    row = {"symbol": "BTC_USDT", "amount": "50", "quantity": quantity, "takerSide": side, "createTime": 5}
    return {"channel": "trades", "data": [row | {"price": price, "id": id, "ts": 6}]}


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    desk.exchange.start_network()
    desk.exchange.watch(PAIR)
    await until(lambda: "public" in desk.transport.sockets and len(desk.socket().sent) == 2)
    yield desk
    await desk.exchange.stop_network()


def book_requests(desk: Desk) -> list[str]:
    return [message["event"] for message in desk.socket().sent if message.get("channel") == ["book_lv2"]]


async def test_a_book_is_live_with_its_snapshot_and_follows_the_chain(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    assert book.state is BookState.WAITING and desk.exchange.freshness(PAIR).state == "resync"
    desk.socket().receives(
        snapshot(10, [["99", "1"], ["98", "2"]], [["101", "3"]]),
        diff(10, 17, bids=[["99", "0"], ["98.5", "4"]]),
        diff(17, 18, asks=[["101", "2.5"]]),
    )
    await until(lambda: book.last_id == 18)
    assert book.bids == [("98.5", "4"), ("98", "2")]
    assert book.asks == [("101", "2.5")]
    assert desk.exchange.freshness(PAIR).state == "live" and desk.exchange.feeds[PAIR].gaps == 0


async def test_a_gap_makes_the_book_stale_at_once_and_asks_for_it_once(desk: Desk) -> None:
    book, feed = desk.exchange.order_books[PAIR], desk.exchange.feeds[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]), diff(12, 13, bids=[["99", "9"]]), diff(13, 14))
    await until(lambda: book_requests(desk) == ["subscribe", "unsubscribe", "subscribe"])
    assert book.stale and book.reason == "gap: at 10, got a change that follows 12"
    assert book.bids == [("99", "1")], "nothing after the gap is applied"
    assert (feed.gaps, feed.resyncs) == (1, 1)
    assert any("lost book changes" in notice.text and notice.frame for notice in desk.notices.items)
    desk.socket().receives(snapshot(20, [["97", "1"]], [["98", "1"]]))
    await until(lambda: not book.stale)
    assert (book.bids, book.asks) == ([("97", "1")], [("98", "1")]), "old levels vanish"


async def test_a_second_snapshot_replaces_the_book(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]), snapshot(30, [["90", "1"]], []), diff(30, 31))
    await until(lambda: book.last_id == 31)
    assert (book.bids, book.asks, book.stale) == ([("90", "1")], [], False)


async def test_a_lost_connection_makes_books_stale_and_comes_back_by_itself(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]))
    await until(lambda: not book.stale)
    old = desk.socket()
    old.breaks("connection reset")
    await until(lambda: book.stale)
    assert book.reason == "connection reset"
    await until(lambda: desk.socket() is not old and len(desk.socket().sent) == 2)
    desk.socket().receives(snapshot(50, [["95", "1"]], [["96", "1"]]))
    await until(lambda: not book.stale)
    assert book.bids == [("95", "1")] and desk.transport.opened.count("public") == 2


async def test_a_crossed_book_is_not_shown_as_live(desk: Desk) -> None:
    book, feed = desk.exchange.order_books[PAIR], desk.exchange.feeds[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]), diff(10, 11, bids=[["102", "1"]]))
    await until(lambda: feed.crossed == 1)
    assert book.stale and book.reason == "crossed: bid 102 at or above ask 101"
    await until(lambda: book_requests(desk) == ["subscribe", "unsubscribe", "subscribe"])


async def test_a_message_that_cannot_be_read_costs_that_message_only(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]), b'{"channel":"book_lv2","da', diff(10, 11))
    await until(lambda: book.last_id == 11)
    assert desk.exchange.links[0].unknown == 1 and not book.stale


async def test_ten_unreadable_messages_in_ten_seconds_end_the_connection(desk: Desk) -> None:
    first = desk.socket()
    first.receives(*[b"\xff\x00"] * 10)
    await until(lambda: desk.socket() is not first)
    assert any(event.reason == "10 unreadable messages in 10 s" for event in desk.exchange.links[0].history)


async def test_a_repeated_trade_is_taken_once(desk: Desk) -> None:
    desk.socket().receives(trade("7"), trade("7"), trade("8", price="101", side="buy"))
    tape = desk.exchange.tape(PAIR)
    await until(lambda: tape.total == 2)
    assert [(t.trade_id, t.price, t.amount, t.taker) for t in tape] == [
        ("7", "100", "0.5", Side.SELL),
        ("8", "101", "0.5", Side.BUY),
    ]
    assert tape.repeated == 1


async def test_taps_see_every_event_in_wire_order(desk: Desk) -> None:
    source = desk.exchange.order_book_tracker.data_source
    queue: asyncio.Queue[Any] = asyncio.Queue()
    listeners = [
        asyncio.ensure_future(listen(queue))
        for listen in (
            source.listen_for_trades,
            source.listen_for_order_book_diffs,
            source.listen_for_order_book_snapshots,
        )
    ]
    await asyncio.sleep(0)
    desk.socket().receives(snapshot(1, [["9", "1"]], [["11", "1"]]), trade("1"), diff(1, 2), trade("2"))
    await until(lambda: queue.qsize() == 4)
    assert [type(queue.get_nowait()) for _ in range(4)] == [BookSnapshot, Trade, BookDiff, Trade]
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)


async def test_a_tap_in_the_middle_of_a_stream_sees_each_change_while_it_listens(desk: Desk) -> None:
    source, book = desk.exchange.order_book_tracker.data_source, desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(1, [["9", "1"]], [["11", "1"]]), diff(1, 2), diff(2, 3))
    await until(lambda: book.last_id == 3)
    queue: asyncio.Queue[Any] = asyncio.Queue()
    listener = asyncio.ensure_future(source.listen_for_order_book_diffs(queue))
    await asyncio.sleep(0)
    desk.socket().receives(diff(3, 4), diff(4, 5))
    await until(lambda: book.last_id == 5)
    assert [queue.get_nowait().last_id for _ in range(queue.qsize())] == [4, 5]
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    desk.socket().receives(diff(5, 6))
    await until(lambda: book.last_id == 6)
    assert queue.empty() and book.diffs == 5


async def test_a_market_followed_again_has_a_book_of_its_own(desk: Desk) -> None:
    tracker, before = desk.exchange.order_book_tracker, desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(1, [["9", "1"]], [["11", "1"]]), diff(1, 2))
    await until(lambda: before.last_id == 2)
    tracker.untrack(PAIR)
    assert PAIR not in desk.exchange.order_books
    tracker.track(PAIR)
    after = desk.exchange.order_books[PAIR]
    desk.socket().receives(diff(2, 3), snapshot(7, [["9", "2"]], [["11", "2"]]), diff(7, 8, bids=[["9", "5"]]))
    await until(lambda: after.last_id == 8)
    assert after.bids == [("9", "5")]
    assert (before.last_id, before.bids) == (2, [("9", "1")])


async def test_every_level_names_the_message_that_set_it(desk: Desk) -> None:
    book = desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(1, [["99", "1"], ["98", "1"]], [["101", "1"]]))
    desk.socket().receives(*[diff(n, n + 1, bids=[["97", str(n)]]) for n in range(1, 3000)])
    desk.socket().receives(diff(3000, 3001, asks=[["101", "5"]]))
    await until(lambda: book.last_id == 3001)
    for side, price in ((Side.BUY, "97"), (Side.BUY, "99"), (Side.SELL, "101")):
        frame = desk.exchange.venue.log.get(desk.exchange.level_frame(PAIR, side, price) or 0)
        assert frame is not None and f'["{price}"'.encode() in frame.payload
    last = desk.exchange.venue.log.get(desk.exchange.level_frame(PAIR, Side.BUY, "97") or 0)
    assert last is not None and b'["97","2999"]' in last.payload


async def test_unwatching_stops_the_streams(desk: Desk) -> None:
    desk.exchange.unwatch(PAIR)
    await until(lambda: len(desk.socket().sent) == 4)
    assert {message["event"] for message in desk.socket().sent[2:]} == {"unsubscribe"}
    assert desk.exchange.order_books == {} and desk.exchange.order_book_tracker.data_source.get_tracking_pairs() == []


async def test_a_tap_that_nobody_empties_loses_its_oldest_and_holds_nobody_up(desk: Desk) -> None:
    tap: asyncio.Queue[Any] = asyncio.Queue(2)
    listening = asyncio.create_task(desk.exchange.order_book_tracker.data_source.listen_for_trades(tap))
    await asyncio.sleep(0)
    desk.socket().receives(trade("1"), trade("2"), trade("3"))
    await until(lambda: desk.exchange.tape(PAIR).total == 3)
    assert [tap.get_nowait().trade_id for _ in range(2)] == ["2", "3"]
    listening.cancel()
