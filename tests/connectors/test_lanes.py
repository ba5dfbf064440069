"""What the quick way from a message to its book does must be what the events of that message would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from app.connectors.binance.protocol import padded
from app.connectors.registry import exchange_spec
from app.connectors.spec import LaneSource, as_told
from app.core.effects import Channel, Effect, Sequence, Subscription
from app.core.order_book import BookState, BookSync, Lane, OrderBook
from app.core.types import BookDiff, BookSnapshot, Side

Levels = list[tuple[str, str]]
MS = 1_786_309_548_505
BIDS, ASKS = [("99", "1"), ("98", "2")], [("101", "1"), ("102", "2")]


def poloniex(id: int, bids: Levels, asks: Levels) -> bytes:
    row = {"symbol": "BTC_USD", "asks": asks, "bids": bids, "lastId": id - 1, "id": id, "ts": MS}
    return msgspec.json.encode({"channel": "book_lv2", "data": [row], "action": "update"})


def binance(id: int, bids: Levels, asks: Levels) -> bytes:
    """Ranges of ten ids."""
    change = {"e": "depthUpdate", "E": MS, "s": "BTCUSD", "U": id * 10 - 9, "u": id * 10}
    sides = {
        name: [(f"{price}.00000000", amount) for price, amount in side]
        for name, side in zip("ba", (bids, asks), strict=True)
    }
    return msgspec.json.encode({"stream": "btcusd@depth@100ms", "data": change | sides})


def coinbase(id: int, bids: Levels, asks: Levels) -> bytes:
    rows = [
        {"side": side, "event_time": "", "price_level": price, "new_quantity": amount}
        for side, levels in (("bid", bids), ("offer", asks))
        for price, amount in levels
    ]
    event = {"type": "update", "product_id": "BTC-USD", "updates": rows}
    time = "2026-08-09T21:05:48.505350477Z"
    return msgspec.json.encode({"channel": "l2_data", "timestamp": time, "sequence_num": id, "events": [event]})


WRITERS: dict[str, Callable[[int, Levels, Levels], bytes]] = {
    "poloniex": poloniex,
    "binance": binance,
    "coinbase": coinbase,
}
STEPS: list[tuple[Levels, Levels]] = [
    ([("99", "3")], []),
    ([], [("101", "0"), ("100", "7")]),
    ([("97", "1"), ("98", "0")], [("103", "4")]),
    ([], []),
]


def source_of(name: str) -> LaneSource:
    spec = exchange_spec(name)
    source: LaneSource = spec.public(next(iter(spec.domains.values())))  # type: ignore[assignment]
    if name == "binance":
        source._markets.learn([("BTCUSD", "BTC", "USD")])  # type: ignore[attr-defined]
    return source


def live_book(name: str, pair: str = "BTC-USD") -> BookSync:
    sync = BookSync(OrderBook(pair))
    pad = padded if name == "binance" else list
    last_id = {"poloniex": 10, "binance": 100, "coinbase": None}[name]
    assert sync.on_snapshot(BookSnapshot(pair=pair, bids=pad(BIDS), asks=pad(ASKS), last_id=last_id, frame=1)) is None
    return sync


def told(effects: Iterable[Effect], sync: BookSync) -> list[str | None]:
    return [sync.on_diff(effect) for effect in effects if isinstance(effect, BookDiff)]


def state_of(book: OrderBook) -> tuple[Any, ...]:
    frames = [book.level_frame(Side.BUY, price) for price, _ in book.bids]
    frames += [book.level_frame(Side.SELL, price) for price, _ in book.asks]
    return book.bids, book.asks, book.last_id, book.exchange_ms, book.frame, book.diffs, book.state, frames


def lane_of(*books: OrderBook) -> Lane:
    lane = Lane({book.pair: book for book in books})
    lane.number = 10
    return lane


@pytest.mark.parametrize("name", WRITERS)
def test_a_lane_leaves_the_book_as_the_events_do(name: str) -> None:
    source, by_lane, by_events = source_of(name), live_book(name), live_book(name)
    lane = lane_of(by_lane.book)
    for at, (bids, asks) in enumerate(STEPS):
        message = WRITERS[name](11 + at, bids, asks)
        assert list(source.reader(lane, as_told)(message, 50 + at)) == []
        assert told(source.on_message(message, 50 + at), by_events) == [None]
        assert state_of(by_lane.book) == state_of(by_events.book)
    assert [level[1] for level in by_lane.book.bids] == ["3", "1"]
    assert [level[1] for level in by_lane.book.asks] == ["7", "2", "4"]
    assert (by_lane.book.exchange_ms, by_lane.book.frame, by_lane.book.diffs) == (MS, 53, 4)
    assert lane.number == (14 if name == "coinbase" else 10)


@pytest.mark.parametrize("name", WRITERS)
def test_without_a_lane_no_book_is_touched(name: str) -> None:
    source, sync = source_of(name), live_book(name)
    before = state_of(sync.book)
    effects = list(source.on_message(WRITERS[name](11, *STEPS[0]), 50))
    assert [type(effect) for effect in effects if type(effect) is not Sequence] == [BookDiff]
    assert state_of(sync.book) == before


@pytest.mark.parametrize("name", WRITERS)
def test_what_does_not_follow_is_told_and_not_applied(name: str) -> None:
    source, sync = source_of(name), live_book(name)
    lane = lane_of(sync.book)
    before = state_of(sync.book)
    effects = list(source.reader(lane, as_told)(WRITERS[name](13, *STEPS[0]), 50))
    assert state_of(sync.book) == before and lane.number == 10
    if name == "coinbase":
        assert effects[0] == Sequence(13)
    else:
        [gap] = told(effects, sync)
        assert gap and gap.startswith("at 10")
        assert sync.book.stale


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("state", [BookState.STALE, BookState.WAITING])
def test_a_book_that_is_not_live_is_left_alone(name: str, state: BookState) -> None:
    source, sync = source_of(name), live_book(name)
    sync.book.set_state(state, "for the test")
    before = state_of(sync.book)
    [change] = [
        effect
        for effect in source.reader(lane_of(sync.book), as_told)(WRITERS[name](11, *STEPS[0]), 50)
        if type(effect) is BookDiff
    ]
    assert (change.pair, change.frame, [amount for _, amount in change.bids]) == ("BTC-USD", 50, ["3"])
    assert state_of(sync.book) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_market_without_a_book_is_told(name: str) -> None:
    effects = list(source_of(name).reader(lane_of(), as_told)(WRITERS[name](11, *STEPS[0]), 50))
    assert [effect.pair for effect in effects if isinstance(effect, BookDiff)] == ["BTC-USD"]


def test_two_pairs_of_one_coinbase_book_both_follow_or_are_told() -> None:
    source = source_of("coinbase")
    list(source.subscribe([Subscription(Channel.BOOK, "BTC-USD"), Subscription(Channel.BOOK, "BTC-USDC")]))
    dollars, coins = live_book("coinbase").book, live_book("coinbase", "BTC-USDC").book
    lane = lane_of(dollars, coins)
    assert list(source.reader(lane, as_told)(coinbase(11, [("99", "3")], []), 50)) == []
    assert dollars.bids == coins.bids == [("99", "3"), ("98", "2")]
    coins.set_state(BookState.STALE, "for the test")
    [change] = source.reader(lane, as_told)(coinbase(12, [("99", "4")], []), 51)
    assert isinstance(change, BookDiff) and (change.pair, change.exchange_ms) == ("BTC-USDC", MS)
    assert (dollars.bids[0], coins.bids[0], lane.number) == (("99", "4"), ("99", "3"), 12)


def test_a_coinbase_message_that_cannot_be_read_changes_nothing() -> None:
    source, sync = source_of("coinbase"), live_book("coinbase")
    lane = lane_of(sync.book)
    for spoilt in (
        coinbase(11, [("99", "3")], []).replace(b'"bid"', b'"bud"'),
        coinbase(11, [("99", "3")], []).replace(b"2026-08-09T21", b"2026-08-09X99"),
    ):
        with pytest.raises(ValueError):
            list(source.reader(lane, as_told)(spoilt, 50))
    assert (sync.book.diffs, lane.number, sync.book.bids) == (0, 10, BIDS)


def test_a_binance_range_that_ends_before_it_begins_is_not_applied() -> None:
    source, sync = source_of("binance"), live_book("binance")
    message = binance(11, [("99", "3")], []).replace(b'"u":110', b'"u":50')
    effects = list(source.reader(lane_of(sync.book), as_told)(message, 50))
    assert told(effects, sync) == [None] and (sync.ignored, sync.book.last_id, sync.book.diffs) == (1, 100, 0)


def test_several_poloniex_books_in_one_message_are_told() -> None:
    source, sync = source_of("poloniex"), live_book("poloniex")
    row = {"symbol": "BTC_USD", "asks": [], "bids": [("99", "3")], "lastId": 10, "id": 11, "ts": MS}
    second = row | {"lastId": 11, "id": 12, "bids": [("99", "4")]}
    message = msgspec.json.encode({"channel": "book_lv2", "data": [row, second], "action": "update"})
    assert told(source.reader(lane_of(sync.book), as_told)(message, 50), sync) == [None, None]
    assert (sync.book.bids[0], sync.book.last_id) == (("99", "4"), 12)
