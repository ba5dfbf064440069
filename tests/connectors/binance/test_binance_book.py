"""Books of Binance by its documented rule, through the connector and the core's own synchronisation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.binance.public import BinancePublic
from app.core.effects import Channel, Perform, Send, Subscription
from app.core.links import Link
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Response
from app.core.types import BookDiff, BookSnapshot, Integrity

Reply = Callable[..., Response]
PAIR = "BTC-USDT"
WISH = Subscription(Channel.BOOK, PAIR)
SNAPSHOT = '{"lastUpdateId":160,"bids":[["64000.10000000","0.50000000"]],"asks":[["64000.20000000","1.10000000"]]}'


class Feed:
    """One book, fed by messages and snapshots as they come."""

    def __init__(self, public: BinancePublic, reply: Reply) -> None:
        self.public = public
        self.reply = reply
        self.book = OrderBook(PAIR, public.integrity)
        self.sync = BookSync(self.book)

    def change(self, first: int, last: int, bids: list[list[str]] | None = None, asks: Any = ()) -> str | None:
        event = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "b": bids or [], "a": list(asks)}
        (diff,) = self.public.on_message(json.dumps({"stream": "btcusdt@depth@100ms", "data": event}).encode(), last)
        assert isinstance(diff, BookDiff)
        return self.sync.on_diff(diff)

    def snapshot(self, last: int = 160) -> str | None:
        book = self.public.get_snapshot(PAIR, 1000).parse(self.reply(SNAPSHOT.replace("160", str(last))))
        return self.sync.on_snapshot(book)


@pytest.fixture
def feed(public: BinancePublic, reply: Reply) -> Feed:
    return Feed(public, reply)


def test_snapshot_over_rest(public: BinancePublic, reply: Reply) -> None:
    assert public.integrity is Integrity.SEQUENCE
    assert public.get_snapshot(PAIR).parse(reply(SNAPSHOT)) == BookSnapshot(
        pair=PAIR,
        bids=[("64000.10000000", "0.50000000")],
        asks=[("64000.20000000", "1.10000000")],
        last_id=160,
        frame=7,
    )


@pytest.mark.parametrize(
    ("depth", "limit", "weight"),
    [
        (0, None, 5),
        (1, "1", 5),
        (100, "100", 5),
        (101, "101", 25),
        (500, "500", 25),
        (501, "501", 50),
        (1000, "1000", 50),
        (1001, "1001", 250),
        (9999, "5000", 250),
    ],
)
def test_deep_snapshots_cost_more(public: BinancePublic, depth: int, limit: str | None, weight: int) -> None:
    request = public.get_snapshot(PAIR, depth).request
    assert dict(request.params).get("limit") == limit
    assert {part.units for part in request.weights} == {weight}


def test_the_snapshot_joins_inside_a_buffered_range(feed: Feed) -> None:
    assert feed.change(150, 155, [["1.00000000", "9"]]) is None
    assert feed.change(156, 161, [["64000.00000000", "3"]]) is None
    assert feed.change(162, 163, [["63999.00000000", "4"]]) is None
    assert feed.snapshot(160) is None
    assert (feed.book.stale, feed.book.last_id) == (False, 163)
    assert feed.book.bids == [("64000.10000000", "0.50000000"), ("64000.00000000", "3"), ("63999.00000000", "4")]


def test_the_first_change_kept_may_be_the_next_in_line(feed: Feed) -> None:
    assert feed.change(150, 160, [["1.00000000", "9"]]) is None
    assert feed.change(161, 165) is None
    assert feed.snapshot(160) is None
    assert feed.book.last_id == 165
    assert feed.book.bids == [("64000.10000000", "0.50000000")], "u <= lastUpdateId is dropped"


def test_a_snapshot_older_than_the_first_change_is_asked_for_again(feed: Feed) -> None:
    assert feed.change(165, 170) is None
    assert feed.snapshot(160) == "snapshot 160 is older than the first change 165"
    assert feed.book.stale
    assert feed.snapshot(168) is None
    assert (feed.book.stale, feed.book.last_id) == (False, 170)


def test_old_changes_are_ignored_and_a_gap_is_named(feed: Feed) -> None:
    assert feed.snapshot(160) is None
    assert feed.change(155, 160, [["1.00000000", "9"]]) is None
    assert feed.change(161, 162) is None
    assert feed.change(164, 165, [["1.00000000", "9"]]) == "at 162, got 164..165"
    assert feed.book.stale
    assert feed.book.bids == [("64000.10000000", "0.50000000")], "nothing after the gap is applied"


def test_any_zero_removes_in_any_spelling_and_an_unknown_level_may_go(feed: Feed) -> None:
    """The sheet's snapshot and its change, in the sheet's own spelling."""
    assert feed.snapshot(156) is None
    assert feed.change(157, 160, [["64000.10", "0.00000000"], ["5", "0.000"]], [["64000.20", "2.5"]]) is None
    assert feed.book.bids == []
    assert feed.book.asks == [("64000.20000000", "2.5")]


def confirm(public: BinancePublic) -> Perform:
    (send,) = public.subscribe([WISH])
    assert isinstance(send, Send)
    answer = json.dumps({"result": None, "id": json.loads(send.payload)["id"]}).encode()
    (perform,) = [effect for effect in public.on_message(answer, 1) if isinstance(effect, Perform)]
    return perform


def test_after_a_gap_only_the_snapshot_is_asked_for_again(public: BinancePublic, reply: Reply) -> None:
    (snapshot,) = confirm(public).call.parse(reply(SNAPSHOT))
    assert isinstance(snapshot, BookSnapshot)
    (perform,) = public.resync(WISH)
    assert isinstance(perform, Perform)
    assert perform.call.request.path == "/api/v3/depth"


def test_a_stream_never_confirmed_is_asked_for_again(public: BinancePublic, reply: Reply, link: Link) -> None:
    (send,) = public.resync(WISH)
    assert isinstance(send, Send)
    confirm(public).call.parse(reply(SNAPSHOT))
    public.on_open(link, 0)
    (send,) = public.resync(WISH)
    assert isinstance(send, Send), "another connection knows nothing of the confirmation"


def test_a_snapshot_of_a_lost_connection_begins_no_book(public: BinancePublic, reply: Reply, link: Link) -> None:
    late = confirm(public)
    public.on_open(link, 0)
    assert list(late.call.parse(reply(SNAPSHOT))) == []


@pytest.fixture
def link(public: BinancePublic) -> Link:
    return public.link_for(WISH)
