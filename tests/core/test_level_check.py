"""Levels whose numbers cannot be read never reach a chart, and near the touch they make the book stale."""

from __future__ import annotations

import pytest

from app.core.level_check import all_look_sound, is_sound
from app.core.order_book import BookState, BookSync, OrderBook
from app.core.types import BookDiff, BookSnapshot, Level

BAD = ["NaN", "Infinity", "-Infinity", "-1", "", "1e400", "0x10", "1_000", " 1", "9" * 400, "1." + "0" * 400]


def live_book(bids: list[Level], asks: list[Level]) -> tuple[OrderBook, BookSync]:
    book = OrderBook("A-B")
    sync = BookSync(book)
    sync.on_snapshot(BookSnapshot(pair="A-B", bids=bids, asks=asks, last_id=1))
    return book, sync


def ladder(count: int) -> tuple[list[Level], list[Level]]:
    return [(str(1000 - i), "1") for i in range(count)], [(str(1001 + i), "1") for i in range(count)]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_amount_near_the_touch_is_dropped_and_the_book_is_stale(text: str) -> None:
    book, sync = live_book(*ladder(40))
    assert len(book.bids) == 40
    sync.on_diff(BookDiff(pair="A-B", bids=[("998", text)], asks=[], last_id=2, prev_id=1))
    book.settle()
    assert book.state is BookState.STALE and "unreadable level" in book.reason
    assert [price for price, _ in book.bids[:3]] == ["1000", "999", "997"] and book.bad_levels == 1


@pytest.mark.parametrize("text", BAD)
def test_a_bad_price_is_dropped_and_the_book_is_stale(text: str) -> None:
    book, sync = live_book(*ladder(40))
    sync.on_diff(BookDiff(pair="A-B", bids=[], asks=[(text, "1")], last_id=2, prev_id=1))
    assert book.asks == ladder(40)[1]
    assert book.state is BookState.STALE and book.bad_levels == 1


@pytest.mark.parametrize("settled_first", [True, False])
def test_far_behind_the_touch_only_the_level_goes(settled_first: bool) -> None:
    book, sync = live_book(*ladder(40))
    if settled_first:
        book.settle()
    sync.on_diff(BookDiff(pair="A-B", bids=[("965", "NaN")], asks=[], last_id=2, prev_id=1))
    assert len(book.bids) == 39 and "965" not in dict(book.bids)
    assert book.state is BookState.LIVE and book.bad_levels == 1


def test_a_bad_level_of_a_snapshot_spoils_the_book_only_near_the_touch() -> None:
    bids, asks = ladder(40)
    book, _ = live_book([*bids[:5], ("995", "-2"), *bids[6:]], asks)
    assert len(book.bids) == 39 and book.state is BookState.STALE
    book, _ = live_book([*bids[:30], ("970", "-2"), *bids[31:]], asks)
    assert len(book.bids) == 39 and book.state is BookState.LIVE


def test_a_level_mended_before_anybody_read_it_stays() -> None:
    book, sync = live_book(*ladder(40))
    book.settle()
    sync.on_diff(BookDiff(pair="A-B", bids=[("998", "NaN")], asks=[], last_id=2, prev_id=1))
    sync.on_diff(BookDiff(pair="A-B", bids=[("998", "7")], asks=[], last_id=3, prev_id=2))
    assert dict(book.bids)["998"] == "7" and book.state is BookState.LIVE and not book.bad_levels


def test_tiny_numbers_with_an_exponent_are_sound() -> None:
    book, _ = live_book([("1e-7", "2E+3")], [("0.0000002", "5")])
    assert book.bids == [("1e-7", "2E+3")] and book.state is BookState.LIVE
    assert is_sound(("1e-7", "0")) and not is_sound(("0", "1")) and not is_sound(("0.000", "1"))


def test_the_quick_look_finds_what_the_slow_one_would() -> None:
    good = dict(ladder(10)[0])
    assert all_look_sound(good.keys(), good.values()) and all_look_sound([], [])
    for text in ("NaN", "Infinity", "-1", "", "x", "1" * 47):
        assert not all_look_sound([*good, "5"], [*good.values(), text])
        assert not all_look_sound([*good, text], [*good.values(), "1"])
