"""The order book against a naive one, and the rules by which messages may change it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.order_book import BookState, BookSync, OrderBook
from app.core.types import Level, Side
from tests.core.facts import PAIR, diff, snapshot

BIDS: list[Level] = [("99.5", "1"), ("99.0", "2"), ("98", "3")]
ASKS: list[Level] = [("100.5", "1"), ("101.0", "2"), ("102", "3")]


@pytest.fixture
def book() -> OrderBook:
    return OrderBook(PAIR)


@pytest.fixture
def sync(book: OrderBook) -> BookSync:
    return BookSync(book)


def live(sync: BookSync, id: int | None = 10) -> BookSync:
    assert sync.on_snapshot(snapshot(BIDS, ASKS, id)) is None
    assert sync.book.state is BookState.LIVE
    return sync


# -- reading


def test_sides_are_sorted_best_first_and_keep_the_spelling(book: OrderBook) -> None:
    book.apply_snapshot(snapshot([("9", "1"), ("10.0", "2"), ("9.99", "3")], [("100", "1"), ("10.10", "2")]))
    assert book.bids == [("10.0", "2"), ("9.99", "3"), ("9", "1")]
    assert book.asks == [("10.10", "2"), ("100", "1")]
    assert book.top(1) == ([("10.0", "2")], [("10.10", "2")])
    assert (book.best_bid, book.best_ask, book.mid) == ("10.0", "10.10", Decimal("10.05"))


def test_empty_sides_have_no_best_price_and_no_mid(book: OrderBook) -> None:
    assert (book.best_bid, book.best_ask, book.mid, book.crossed) == (None, None, None, False)
    book.apply_snapshot(snapshot(BIDS, []))
    assert (book.best_bid, book.best_ask, book.mid) == ("99.5", None, None)
    assert book.depth(Decimal(1)) == (BIDS, [])


@pytest.mark.parametrize("zero", ["0", "0.0", "0.00000000", "0E-8", "00"])
def test_every_spelling_of_zero_removes_the_level(book: OrderBook, zero: str) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_diff(diff(bids=[("99.5", zero)], asks=[("101.0", zero), ("555", zero)]))
    assert book.bids == BIDS[1:]
    assert book.asks == [ASKS[0], ASKS[2]]


def test_a_removed_level_can_come_back(book: OrderBook) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_diff(diff(bids=[("99.5", "0")]))
    assert book.best_bid == "99.0"
    book.apply_diff(diff(bids=[("99.5", "7")]))
    assert book.bids[0] == ("99.5", "7")


def test_a_second_snapshot_leaves_no_ghost_levels(book: OrderBook) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_diff(diff(bids=[("97", "4")]))
    book.apply_snapshot(snapshot([("90", "1")], [("91", "1")]))
    assert (book.bids, book.asks) == ([("90", "1")], [("91", "1")])


def test_tiny_prices_are_ordered_and_shown_as_sent(book: OrderBook) -> None:
    book.apply_snapshot(snapshot([("1e-7", "5"), ("0.00000009", "1"), ("0.00000011", "2")], [("1.2E-7", "1")]))
    assert [price for price, _ in book.bids] == ["0.00000011", "1e-7", "0.00000009"]
    assert book.mid == Decimal("0.000000115")
    assert not book.crossed


@pytest.mark.parametrize(("bid", "crossed"), [("100.4", False), ("100.50", True), ("100.6", True)])
def test_crossed_means_best_bid_at_or_above_best_ask(book: OrderBook, bid: str, crossed: bool) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    book.apply_diff(diff(bids=[(bid, "1")]))
    assert book.crossed is crossed


def test_depth_is_measured_from_the_mid(book: OrderBook) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    assert book.depth(Decimal("1")) == (BIDS[:2], ASKS[:2])
    assert book.depth(Decimal("0.4")) == ([], [])


@pytest.mark.parametrize(
    ("side", "amount", "filled", "quote"),
    [
        (Side.BUY, "0.5", "0.5", "50.25"),
        (Side.BUY, "2", "2", "201.5"),
        (Side.BUY, "50", "6", "608.5"),
        (Side.SELL, "3", "3", "297.5"),
        (Side.SELL, "0", "0", "0"),
    ],
)
def test_walk_tells_what_a_market_order_would_cost(
    book: OrderBook, side: Side, amount: str, filled: str, quote: str
) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS))
    assert book.walk(side, Decimal(amount)) == (Decimal(filled), Decimal(quote))


def test_level_frame_names_the_message_that_set_the_level(book: OrderBook) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS, frame=10))
    book.apply_diff(diff(bids=[("99.5", "2")], frame=11))
    book.apply_diff(diff(bids=[("99.5", "3")], asks=[("100.5", "9")], frame=12))
    book.apply_diff(diff(asks=[("99.5", "0")], frame=13))
    assert book.level_frame(Side.BUY, "99.5") == 12
    assert book.level_frame(Side.SELL, "100.5") == 12
    assert book.level_frame(Side.BUY, "99.0") == 10
    book.apply_snapshot(snapshot(BIDS, ASKS, frame=20))
    assert book.level_frame(Side.BUY, "99.5") == 20


def test_level_frame_says_so_when_the_change_is_too_old(book: OrderBook) -> None:
    book.apply_snapshot(snapshot(BIDS, ASKS, frame=10))
    for frame in range(11, 11 + 3000):
        book.apply_diff(diff(asks=[("100.5", "9")], frame=frame))
    assert book.level_frame(Side.BUY, "99.5") is None
    assert book.level_frame(Side.SELL, "100.5") is None, "the frame log has to be asked"
    assert book.asks and book.frame == 3010
    book.apply_diff(diff(asks=[("100.5", "8")], frame=3011))
    assert book.level_frame(Side.SELL, "100.5") == 3011


def test_version_rises_with_every_change(book: OrderBook) -> None:
    versions = [book.version]
    book.apply_snapshot(snapshot(BIDS, ASKS))
    versions.append(book.version)
    book.apply_diff(diff(bids=[("1", "1")]))
    versions.append(book.version)
    book.set_state(BookState.STALE, "silent")
    versions.append(book.version)
    assert versions == sorted(set(versions))


# -- against a naive book

prices = st.integers(1, 40).map(lambda tick: f"{tick / 8:.3f}")
amounts = st.sampled_from(["0", "0.000", "1", "2.5", "1e-7", "12345678.12345678"])
sides = st.lists(st.tuples(prices, amounts), max_size=6)
messages = st.lists(st.tuples(st.booleans(), sides, sides), max_size=25)


class NaiveBook:
    """Decimals in two dictionaries, one level at a time."""

    def __init__(self) -> None:
        self.sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})

    def apply(self, whole: bool, bids: list[Level], asks: list[Level]) -> None:
        for side, levels in zip(self.sides, (bids, asks), strict=True):
            if whole:
                side.clear()
            for price, amount in levels:
                side.pop(Decimal(price), None)
                if Decimal(amount):
                    side[Decimal(price)] = Decimal(amount)

    @property
    def bids(self) -> list[tuple[Decimal, Decimal]]:
        return sorted(self.sides[0].items(), reverse=True)

    @property
    def asks(self) -> list[tuple[Decimal, Decimal]]:
        return sorted(self.sides[1].items())


def exact(levels: list[Level]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(amount)) for price, amount in levels]


@settings(max_examples=150, deadline=None)
@given(messages, st.data())
def test_any_messages_give_the_naive_book(
    messages: list[tuple[bool, list[Level], list[Level]]], data: st.DataObject
) -> None:
    book, naive = OrderBook(PAIR), NaiveBook()
    for whole, bids, asks in messages:
        if whole:
            book.apply_snapshot(snapshot(bids, asks))
        else:
            book.apply_diff(diff(bids, asks))
        naive.apply(whole, bids, asks)
        if data.draw(st.booleans(), "read now"):
            assert (exact(book.bids), exact(book.asks)) == (naive.bids, naive.asks)
    assert (exact(book.bids), exact(book.asks)) == (naive.bids, naive.asks)
    assert book.crossed == bool(naive.bids and naive.asks and naive.bids[0][0] >= naive.asks[0][0])
    wanted = Decimal(3)
    filled, quote = book.walk(Side.BUY, wanted)
    assert filled == min(wanted, sum((amount for _, amount in naive.asks), Decimal(0)))
    assert not filled or naive.asks[0][0] <= quote / filled <= naive.asks[-1][0]


# -- joining: chained feeds


def test_chain_goes_on_while_unbroken_though_ids_jump(sync: BookSync) -> None:
    live(sync, 10)
    assert sync.on_diff(diff(bids=[("99.5", "5")], prev=10, id=14)) is None
    assert sync.on_diff(diff(bids=[("99.5", "6")], prev=14, id=15)) is None
    assert (sync.book.last_id, sync.book.bids[0]) == (15, ("99.5", "6"))


def test_broken_chain_is_named_and_nothing_is_applied_until_a_snapshot(sync: BookSync) -> None:
    live(sync, 10)
    assert sync.on_diff(diff(bids=[("99.5", "0")], prev=12, id=13)) == "at 10, got a change that follows 12"
    assert (sync.book.state, sync.book.reason) == (BookState.STALE, "gap: at 10, got a change that follows 12")
    assert sync.on_diff(diff(bids=[("99.5", "9")], prev=13, id=14)) is None
    assert sync.book.bids == BIDS
    assert sync.gaps == 1
    live(sync, 20)
    assert sync.on_diff(diff(bids=[("99.5", "9")], prev=20, id=21)) is None
    assert sync.book.bids[0] == ("99.5", "9")


def test_repeated_change_of_a_chain_is_ignored(sync: BookSync) -> None:
    live(sync, 10)
    sync.on_diff(diff(bids=[("99.5", "5")], prev=10, id=11))
    sync.on_diff(diff(bids=[("99.5", "6")], prev=11, id=12))
    assert sync.on_diff(diff(bids=[("99.5", "5")], prev=10, id=11)) is None
    assert (sync.ignored, sync.book.bids[0], sync.book.stale) == (1, ("99.5", "6"), False)


def test_ids_that_start_over_are_a_gap_not_a_repetition(sync: BookSync) -> None:
    live(sync, 1000)
    assert sync.on_diff(diff(prev=7, id=5)) == "at 1000, got a change that follows 7"
    assert sync.book.stale


def test_changes_before_the_snapshot_of_a_chain_are_left_out(sync: BookSync) -> None:
    assert sync.on_diff(diff(bids=[("1", "1")], prev=8, id=9)) is None
    live(sync, 10)
    assert sync.book.bids == BIDS


# -- joining: ranged feeds


def test_changes_are_buffered_and_join_where_they_span_the_snapshot(sync: BookSync) -> None:
    sync.on_diff(diff(bids=[("99.5", "7")], first=5, id=8))
    sync.on_diff(diff(bids=[("99.5", "8")], first=9, id=11))
    sync.on_diff(diff(bids=[("99.0", "9")], first=12, id=12))
    assert sync.book.state is BookState.WAITING
    live(sync, 10)
    assert sync.book.last_id == 12
    assert sync.book.bids[:2] == [("99.5", "8"), ("99.0", "9")]
    assert sync.ignored == 1


def test_snapshot_older_than_the_buffer_is_refused_and_a_newer_one_joins(sync: BookSync) -> None:
    sync.on_diff(diff(bids=[("99.5", "7")], first=20, id=21))
    assert sync.on_snapshot(snapshot(BIDS, ASKS, 18)) == "snapshot 18 is older than the first change 20"
    assert (sync.book.state, sync.book.bids) == (BookState.WAITING, [])
    live(sync, 19)
    assert (sync.book.last_id, sync.book.bids[0]) == (21, ("99.5", "7"))


def test_hole_inside_the_buffer_is_a_gap(sync: BookSync) -> None:
    sync.on_diff(diff(first=10, id=11))
    sync.on_diff(diff(first=13, id=14))
    assert sync.on_snapshot(snapshot(BIDS, ASKS, 10)) == "at 11, got 13..14"
    assert sync.book.state is BookState.STALE


def test_live_ranged_feed_applies_ignores_and_finds_gaps(sync: BookSync) -> None:
    live(sync, 10)
    assert sync.on_diff(diff(bids=[("99.5", "2")], first=9, id=12)) is None
    assert sync.on_diff(diff(bids=[("99.5", "3")], first=9, id=12)) is None
    assert sync.book.bids[0] == ("99.5", "2")
    assert sync.on_diff(diff(first=14, id=15)) == "at 12, got 14..15"
    assert sync.book.stale


def test_a_change_within_the_numbers_of_the_last_one_is_no_repeat(sync: BookSync) -> None:
    """A number that was spoilt upwards would else silence a feed until the true ones have caught up."""
    live(sync, 10)
    assert sync.on_diff(diff(first=11, id=900)) is None
    assert sync.on_diff(diff(first=13, id=14)) == "at 900, got 13..14"
    assert sync.book.stale
    live(sync, 10)
    assert sync.on_diff(diff(prev=10, id=900)) is None
    assert sync.on_diff(diff(prev=10, id=900)) is None, "a repeat"
    assert sync.on_diff(diff(prev=12, id=14)) == "at 900, got a change that follows 12"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(sides, min_size=1, max_size=20),
    st.integers(0, 20),
    st.sets(st.integers(0, 19), max_size=3),
    st.booleans(),
)
def test_a_ranged_book_called_live_is_never_wrong(
    changes: list[list[Level]], snapshot_at: int, lost: set[int], twice: bool
) -> None:
    """Whatever is lost or repeated, and whenever the snapshot comes: live means equal to the exchange's book."""
    truth = NaiveBook()
    books = [truth.bids]
    for change in changes:
        truth.apply(False, change, [])
        books.append(truth.bids)
    taken = min(snapshot_at, len(changes))
    sync = BookSync(OrderBook(PAIR))
    for number, change in enumerate(changes, 1):
        if number - 1 not in lost:
            for _ in range(2 if twice else 1):
                sync.on_diff(diff(bids=change, first=number, id=number))
        if number == max(taken, 1):
            levels = [(str(price), str(amount)) for price, amount in books[taken]]
            sync.on_snapshot(snapshot([(f"{Decimal(price):.3f}", amount) for price, amount in levels], [], taken))
        if not sync.book.stale:
            assert sync.book.last_id is not None
            assert exact(sync.book.bids) == books[sync.book.last_id]


# -- feeds without ids, and resets


def test_feed_without_ids_is_applied_as_it_comes(sync: BookSync) -> None:
    live(sync, None)
    assert sync.on_diff(diff(bids=[("99.5", "0")])) is None
    assert sync.book.best_bid == "99.0"


def test_second_snapshot_while_live_replaces_the_book_and_the_chain(sync: BookSync) -> None:
    live(sync, 10)
    assert sync.on_snapshot(snapshot([("90", "1")], [("91", "1")], 50)) is None
    assert sync.book.bids == [("90", "1")]
    assert sync.on_diff(diff(bids=[("90", "2")], prev=50, id=51)) is None
    assert not sync.book.stale


def test_reset_makes_a_live_book_stale_and_forgets_the_buffer(sync: BookSync) -> None:
    live(sync, 10)
    sync.reset("connection lost")
    assert (sync.book.state, sync.book.reason) == (BookState.STALE, "connection lost")
    assert sync.book.bids == BIDS
    sync.on_diff(diff(bids=[("99.5", "7")], first=11, id=11))
    sync.reset("connection lost again")
    live(sync, 10)
    assert sync.book.bids == BIDS


def test_reset_before_any_snapshot_keeps_waiting_with_the_reason(sync: BookSync) -> None:
    sync.reset("subscribing")
    assert (sync.book.state, sync.book.reason) == (BookState.WAITING, "subscribing")
    assert sync.book.stale


def test_buffer_is_bounded(sync: BookSync) -> None:
    for number in range(1, BookSync.MAX_BUFFERED + 11):
        sync.on_diff(diff(first=number, id=number))
    assert sync.on_snapshot(snapshot(BIDS, ASKS, 5)) == "snapshot 5 is older than the first change 11"


@pytest.mark.parametrize(
    ("last", "prev", "follows"),
    [(10, 10, True), (10, 9, False), (10, None, False), (None, None, True), (None, 9, False)],
)
def test_only_what_comes_right_after_the_last_message_is_followed(
    sync: BookSync, last: int | None, prev: int | None, follows: bool
) -> None:
    book = live(sync, last).book
    change = diff(bids=[("99.5", "7")], prev=prev, id=None if prev is None else 11, frame=5)
    version = book.version
    assert book.follow(change, change.prev_id, change.frame) is follows
    assert book.bids[0] == ("99.5", "7" if follows else "1")
    assert (book.frame, book.version - version) == ((5, 1) if follows else (1, 0))
    assert book.last_id == (change.last_id if follows else last)
    book.set_state(BookState.STALE, "for the test")
    again = diff(bids=[("99.5", "8")], prev=book.last_id, id=book.last_id)
    assert not book.follow(again, again.prev_id, again.frame)
    assert book.bids[0] == ("99.5", "7" if follows else "1")
