"""How an HTX book begins, goes on and is found broken: frames through the connector into a real book."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import DecodeError

from app.connectors.htx.public import HtxPublic
from app.core.effects import Channel, Send, Subscribed, Subscription
from app.core.types import BookDiff, BookSnapshot, Integrity
from tests.connectors.book_feed import Feed
from tests.connectors.htx.conftest import Reply, packed

BTC = Subscription(Channel.BOOK, "BTC-USDT")
TOPIC = "market.btcusdt.mbp.150"
ACK = packed({"id": "1", "status": "ok", "subbed": TOPIC, "ts": 1489474081631})
DIFF = packed(
    '{"ch":"market.btcusdt.mbp.150","ts":1573199608679,"tick":{"seqNum":100020146795,"prevSeqNum":100020146794,'
    '"bids":[],"asks":[[645.14,26.75597395914065]]}}'
)
ANSWER = packed(
    '{"id":"2","rep":"market.btcusdt.mbp.150","status":"ok","data":{"seqNum":100020142010,'
    '"bids":[[618.37,71.594]],"asks":[[650.59,14.9]]}}'
)


def diff(prev: int, seq: int, **sides: Any) -> bytes:
    return packed({"ch": TOPIC, "ts": 1573199608679, "tick": {"seqNum": seq, "prevSeqNum": prev, **sides}})


def answer(seq: int, bids: Any, asks: Any = ()) -> bytes:
    return packed({"id": "2", "rep": TOPIC, "status": "ok", "data": {"seqNum": seq, "bids": bids, "asks": asks}})


def raw(bids: str, prev: int = 1, seq: int = 2) -> bytes:
    """A change with this very text."""
    tick = f'{{"seqNum":{seq},"prevSeqNum":{prev},"bids":{bids}}}'
    return packed(f'{{"ch":"{TOPIC}","ts":1,"tick":{tick}}}')


@pytest.fixture
def feed(public: HtxPublic) -> Feed:
    return Feed(public)


def test_a_change_names_what_it_follows(public: HtxPublic) -> None:
    assert list(public.on_message(DIFF, 4)) == [
        BookDiff(
            pair="BTC-USDT",
            bids=[],
            asks=[("645.14", "26.75597395914065")],
            last_id=100020146795,
            prev_id=100020146794,
            first_id=100020146795,
            exchange_ms=1573199608679,
            frame=4,
        )
    ]
    assert public.integrity is Integrity.PREVIOUS_ID


def test_the_answer_to_a_question_is_the_whole_book(public: HtxPublic) -> None:
    assert list(public.on_message(ANSWER, 5)) == [
        BookSnapshot(
            pair="BTC-USDT",
            bids=[("618.37", "71.594")],
            asks=[("650.59", "14.9")],
            last_id=100020142010,
            depth=150,
            frame=5,
        )
    ]


def test_the_book_is_subscribed_first_and_asked_for_when_that_is_confirmed(public: HtxPublic) -> None:
    (first,) = public.subscribe([BTC])
    assert isinstance(first, Send) and json.loads(first.payload) == {"sub": TOPIC, "id": "1"}
    confirmed, question = public.on_message(ACK, 1)
    assert confirmed == Subscribed((BTC,))
    assert isinstance(question, Send) and json.loads(question.payload) == {"req": TOPIC, "id": "2"}


def test_changes_wait_for_the_book_and_old_ones_are_dropped(feed: Feed) -> None:
    feed.receives(ACK, diff(99, 100, bids=[[1, 1]]), diff(100, 101, bids=[[8.5, 1]]), diff(101, 102, bids=[[9, 2]]))
    assert feed.book.stale and feed.sent == [{"req": TOPIC, "id": "1"}]
    feed.receives(answer(100, [[8, 3]]))
    assert (feed.gaps, feed.book.stale, feed.book.last_id) == ([], False, 102)
    assert feed.book.bids == [("9", "2"), ("8.5", "1"), ("8", "3")]
    feed.receives(diff(102, 110, bids=[[9, 0]]))
    assert (feed.book.bids[0], feed.book.last_id) == (("8.5", "1"), 110)


def test_a_book_older_than_the_first_change_does_not_join(feed: Feed) -> None:
    feed.receives(ACK, diff(100, 101, bids=[[8.5, 1]]), answer(99, [[8, 3]]))
    assert feed.book.stale and len(feed.gaps) == 1
    feed.apply(feed.source.resync(BTC))
    assert feed.sent[-1]["req"] == TOPIC
    feed.receives(diff(101, 102), answer(101, [[8, 3]]))
    assert (feed.book.stale, feed.book.last_id) == (False, 102)


def test_the_change_after_the_book_must_follow_its_very_number(feed: Feed) -> None:
    feed.receives(ACK, diff(99, 103, bids=[[8.5, 1]]), answer(101, [[8, 3]]))
    assert feed.gaps == ["at 101, got a change that follows 99"] and feed.book.stale


def test_a_lost_change_is_a_gap_and_only_the_book_is_asked_again(feed: Feed) -> None:
    feed.receives(ACK, answer(100, [[8, 3]]), diff(101, 102, bids=[[9, 1]]))
    assert feed.gaps == ["at 100, got a change that follows 101"] and feed.book.stale
    feed.receives(diff(102, 103, bids=[[9, 2]]))
    feed.apply(feed.source.resync(BTC))
    assert feed.sent[-1] == {"req": TOPIC, "id": "2"}
    feed.receives(answer(102, [[7, 1]]))
    assert (feed.book.stale, feed.book.last_id, feed.book.bids) == (False, 103, [("9", "2"), ("7", "1")])


def test_a_change_told_twice_is_ignored(feed: Feed) -> None:
    feed.receives(ACK, answer(100, [[8, 3]]), diff(100, 101), diff(100, 101))
    assert (feed.gaps, feed.sync.ignored, feed.book.last_id) == ([], 1, 101)


def test_an_empty_change_still_advances_the_number(feed: Feed) -> None:
    feed.receives(ACK, answer(100, [[8, 3]]), diff(100, 105, bids=[], asks=[]), diff(105, 106, bids=[[8, 4]]))
    assert (feed.gaps, feed.book.bids) == ([], [("8", "4")])


def test_a_missing_side_is_as_it_was(feed: Feed) -> None:
    feed.receives(ACK, answer(100, [[8, 3]], [[10, 1]]), diff(100, 101, asks=[[10, 2]]))
    assert (feed.book.bids, feed.book.asks) == ([("8", "3")], [("10", "2")])


def test_all_levels_of_a_message_count_at_once(feed: Feed) -> None:
    feed.receives(
        ACK, answer(100, [[8, 3]], [[10, 1]]), diff(100, 101, bids=[[8, 0], [10, 1]], asks=[[10, 0], [11, 5]])
    )
    assert not feed.book.crossed and feed.book.top(1) == ([("10", "1")], [("11", "5")])


def test_two_spellings_of_a_price_are_one_level(feed: Feed) -> None:
    feed.receives(ACK, answer(100, [[710.0, 3.0]]), diff(100, 101, bids=[[710, 4]]))
    assert feed.book.bids == [("710", "4")]
    feed.receives(raw("[[7.1E2,0.0]]", 101, 102))
    assert feed.book.bids == []


def test_small_numbers_stay_exact(public: HtxPublic) -> None:
    (change,) = public.on_message(raw("[[9.12E-7,1234567890123456.12345678]]"), 1)
    assert isinstance(change, BookDiff) and change.bids == [("0.000000912", "1234567890123456.12345678")]
    (change,) = public.on_message(raw("[[2.0E+2,9.1E-7]]"), 1)
    assert isinstance(change, BookDiff) and change.bids == [("200", "0.00000091")]


def test_any_spelling_of_a_frame_reads_the_same(public: HtxPublic) -> None:
    message = json.loads(
        '{"ch":"market.btcusdt.mbp.150","ts":1573199608679,"tick":{"seqNum":100020146795,"prevSeqNum":100020146794,'
        '"bids":[],"asks":[["645.14","26.75597395914065"]],"novel":1}}'
    )
    spaced = packed(json.dumps(message, indent=1))
    turned = packed(dict(reversed(message.items())))
    expected = list(public.on_message(DIFF, 4))
    assert [list(public.on_message(data, 4)) for data in (spaced, turned, packed({**message, "x": {}}))] == [
        expected
    ] * 3


@pytest.mark.parametrize(
    "side",
    [
        "[[1]]",
        "[[1,2,3]]",
        "[1,2]",
        '[["NaN",1]]',
        "[[1,-1]]",
        "[[-1,1]]",
        "[[1,1e999999]]",
        "[[0,1]]",
        "[[1e999999,1]]",
        "[[[1,2]]]",
        '"x"',
        "{}",
    ],
)
def test_broken_levels_raise_and_nothing_else(public: HtxPublic, side: str) -> None:
    with pytest.raises((DecodeError, ValueError)):
        list(public.on_message(raw(side), 1))


def test_reading_an_old_frame_again_gives_the_same(public: HtxPublic) -> None:
    first = list(public.on_message(DIFF, 4))
    list(public.on_message(ANSWER, 5))
    assert list(public.on_message(DIFF, 4)) == first


def test_a_rest_book_cannot_join_the_stream(feed: Feed, reply: Reply) -> None:
    body = (
        '{"ch":"market.btcusdt.depth.step0","status":"ok","ts":1629790438801,"tick":{"ts":1629790438215,'
        '"version":136107114472,"bids":[[49790.87,0.779876]],"asks":[[49790.88,2.980472]]}}'
    )
    call = feed.source.get_snapshot("BTC-USDT", 20)
    assert dict(call.request.params) == {"symbol": "btcusdt", "type": "step0", "depth": "20"}
    snapshot = call.parse(reply(body))
    assert snapshot == BookSnapshot(
        pair="BTC-USDT",
        bids=[("49790.87", "0.779876")],
        asks=[("49790.88", "2.980472")],
        last_id=None,
        depth=20,
        exchange_ms=1629790438215,
        frame=7,
    )
    feed.apply([snapshot])
    feed.receives(diff(136107114472, 136107114473))
    assert feed.book.stale
    assert dict(feed.source.get_snapshot("BTC-USDT").request.params) == {"symbol": "btcusdt", "type": "step0"}
    assert dict(feed.source.get_snapshot("BTC-USDT", 6).request.params)["depth"] == "10"
