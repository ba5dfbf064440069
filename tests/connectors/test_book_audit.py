"""Books compared with REST: races acquit, a level that stays wrong convicts; and what an engine then does."""

from __future__ import annotations

from typing import Any

import pytest

from app.connectors import book_audits
from app.connectors.book_audit import BookAudit, differences
from app.core.order_book import BookState, BookSync, OrderBook
from app.core.types import BookDiff, BookSnapshot, Integrity, Level
from tests.connectors.fake_link import Desk
from tests.connectors.test_order_book_tracker import PAIR, desk, diff, snapshot  # noqa: F401
from tests.until import until

BIDS: list[Level] = [(str(100 - n), "1") for n in range(30)]
ASKS: list[Level] = [(str(101 + n), "1") for n in range(30)]
BOOK_PATH = ("GET", "/markets/BTC_USDT/orderBook")


def live_book() -> tuple[OrderBook, BookSync]:
    book = OrderBook("A-B")
    sync = BookSync(book)
    sync.on_snapshot(BookSnapshot(pair="A-B", bids=BIDS, asks=ASKS, last_id=10))
    return book, sync


def told(bids: list[Level] = BIDS, asks: list[Level] = ASKS, last_id: int | None = None) -> BookSnapshot:
    return BookSnapshot(pair="A-B", bids=bids, asks=asks, last_id=last_id)


def changed(levels: list[Level], nth: int, amount: str) -> list[Level]:
    return [(price, amount if n == nth else old) for n, (price, old) in enumerate(levels)]


def test_equal_books_are_acquitted_at_once_whatever_the_depth_and_spelling() -> None:
    book, _ = live_book()
    assert BookAudit(book).look(told()) == ""
    assert BookAudit(book).look(told(BIDS[:5], ASKS[:5])) == ""
    assert BookAudit(book).look(told([(f"{price}.00", "1.000") for price, _ in BIDS])) == ""


def test_at_the_same_number_one_look_convicts() -> None:
    book, _ = live_book()
    assert BookAudit(book).look(told(last_id=10)) == ""
    words = BookAudit(book).look(told(changed(BIDS, 3, "7"), last_id=10))
    assert words == "audit: bid 97 is 1 here and 7 by REST"


def test_without_a_number_only_what_stays_wrong_over_three_looks_convicts() -> None:
    book, _ = live_book()
    audit = BookAudit(book)
    assert audit.look(told(changed(BIDS, 3, "7"))) is None
    assert audit.look(told(changed(changed(BIDS, 3, "7"), 5, "2"))) is None
    assert audit.look(told(changed(BIDS, 3, "7"))) == "audit: bid 97 is 1 here and 7 by REST"


def test_a_level_that_moves_meanwhile_is_a_race_and_no_proof() -> None:
    book, sync = live_book()
    audit = BookAudit(book)
    assert audit.look(told(changed(BIDS, 3, "7"))) is None
    sync.on_diff(BookDiff(pair="A-B", bids=[("97", "7")], asks=[], last_id=11, prev_id=10))
    assert audit.look(told(changed(BIDS, 3, "7"))) == ""


def test_ghosts_and_missing_levels_are_found_and_what_lies_behind_is_not_judged() -> None:
    book, _ = live_book()
    assert differences(book, told([level for level in BIDS if level[0] != "98"])) == {("bid", "98", "1", "")}
    assert differences(book, told(asks=[("101", "1"), ("101.5", "4"), *ASKS[1:]])) == {("ask", "101.5", "", "4")}
    assert differences(book, told(BIDS[:10] + [("1", "5")])) <= {("bid", price, "1", "") for price, _ in BIDS[10:20]}
    assert differences(book, told([])) == {("bid", price, "1", "") for price, _ in BIDS[:20]}


def rest_book(bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    flat = {"bids": [text for level in bids for text in level], "asks": [text for level in asks for text in level]}
    return {"time": 1, "scale": "0.01", "ts": 2, **flat}


@pytest.mark.asyncio
async def test_the_book_on_screen_is_audited_and_a_wrong_one_is_asked_for_anew(
    desk: Desk,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (book_audits.EVERY_NS, book_audits.EVERY_UNVERIFIED_NS) == (60_000_000_000, 30_000_000_000)
    monkeypatch.setattr(book_audits, "EVERY_NS", 0)
    monkeypatch.setattr(book_audits, "BETWEEN_LOOKS_S", 0.01)
    feed = desk.exchange.feeds[PAIR]
    bids, asks = [["99", "1"], ["98", "2"]], [["101", "3"]]
    desk.rest.answers[BOOK_PATH] = rest_book(bids, asks)
    desk.socket().receives(snapshot(10, bids, asks))
    await until(lambda: not feed.book.stale)
    assert not [request for request in desk.rest.asked if request.path == BOOK_PATH[1]], "nobody looks at it"
    desk.exchange.show(PAIR)
    await until(lambda: feed.audits >= 2, what="audits")
    assert feed.failed_audits == 0 and not feed.book.stale
    # An amount that was changed on its way, which no number betrays.
    desk.socket().receives(diff(10, 11, bids=[["98", "200"]]))
    await until(lambda: feed.failed_audits == 1, what="a conviction")
    assert feed.book.state is BookState.STALE
    assert feed.book.reason == "audit: bid 98 is 200 here and 2 by REST"
    sent = [message["event"] for message in desk.socket().sent if message.get("channel") == ["book_lv2"]]
    await until(lambda: feed.resyncs == 1)
    assert sent[0] == "subscribe"


@pytest.mark.asyncio
async def test_more_than_twenty_lost_books_cost_one_reconnect(desk: Desk) -> None:  # noqa: F811
    pairs = [f"C{number}-USDT" for number in range(24)]
    for pair in pairs:
        desk.exchange.watch(pair)
        desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]], pair.replace("-", "_")))
    await until(lambda: all(not desk.exchange.feeds[pair].book.stale for pair in pairs))
    for pair in pairs:
        message = diff(55, 56)
        message["data"][0]["symbol"] = pair.replace("-", "_")
        desk.socket().receives(message)
    await until(lambda: desk.transport.opened == ["public", "public"], what="one new connection")
    assert sum(feed.resyncs for feed in desk.exchange.feeds.values()) <= 21
    assert any("more than 20 books lost changes" in notice.text for notice in desk.exchange.venue.notices.items)


@pytest.mark.asyncio
async def test_a_book_that_nothing_proves_says_so(desk: Desk) -> None:  # noqa: F811
    book = desk.exchange.order_books[PAIR]
    desk.socket().receives(snapshot(10, [["99", "1"]], [["101", "1"]]))
    await until(lambda: not book.stale)
    assert desk.exchange.freshness(PAIR).words == "< 1 s"
    book.integrity = Integrity.NONE
    assert desk.exchange.freshness(PAIR).words == "< 1 s unverified"
