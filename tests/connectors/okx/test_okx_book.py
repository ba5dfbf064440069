from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.connectors.okx.public import OkxPublic
from app.core.effects import Channel, Send, Subscription
from app.core.requests import Response
from app.core.types import BookDiff, BookSnapshot, Integrity
from tests.connectors.book_feed import Feed

Reply = Callable[..., Response]

BTC = Subscription(Channel.BOOK, "BTC-USDT")
SNAPSHOT = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"]],'
    b'"bids":[["8476.97","256","0","12"]],"ts":"1790000000085","checksum":0,"prevSeqId":-1,"seqId":123456}]}'
)
UPDATE = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","0","0","0"]],'
    b'"bids":[],"ts":"1790000000185","checksum":0,"prevSeqId":123456,"seqId":123457}]}'
)
ACK = b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}'


def update(prev: int, seq: int, bids: list[list[str]] | None = None, checksum: int = 0) -> bytes:
    row = {"asks": [], "bids": bids or [], "ts": "1790000000185", "checksum": checksum, "prevSeqId": prev, "seqId": seq}
    message = {"arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "update", "data": [row]}
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.fixture
def feed(public: OkxPublic) -> Feed:
    list(public.subscribe([BTC]))
    return Feed(public)


def rest_book(reply: Reply, seq: int | None, bids: list[list[str]]) -> Response:
    row: dict[str, Any] = {"asks": [["9000", "1", "0", "1"]], "bids": bids, "ts": "1629966436396"}
    return reply([row if seq is None else {**row, "seqId": seq}])


# -- frames ------------------------------------------------------------------------------------------------------------


def test_first_message_replaces_the_book(public: OkxPublic) -> None:
    assert list(public.on_message(SNAPSHOT, 3)) == [
        BookSnapshot(
            pair="BTC-USDT",
            bids=[("8476.97", "256")],
            asks=[("8476.98", "415")],
            last_id=123456,
            depth=400,
            exchange_ms=1790000000085,
            frame=3,
        )
    ]


def test_update_names_the_id_it_follows(public: OkxPublic) -> None:
    assert list(public.on_message(UPDATE, 4)) == [
        BookDiff(
            pair="BTC-USDT",
            bids=[],
            asks=[("8476.98", "0")],
            last_id=123457,
            prev_id=123456,
            exchange_ms=1790000000185,
            frame=4,
        )
    ]
    assert public.integrity is Integrity.PREVIOUS_ID


def test_any_spelling_of_a_frame_reads_the_same(public: OkxPublic) -> None:
    message = json.loads(UPDATE)
    spaced = json.dumps(message).encode()
    turned = json.dumps(dict(reversed(message.items()))).encode()
    novel = UPDATE.replace(b'"bids":[]', b'"bids":[],"novel":{"a":[1]}')
    expected = list(public.on_message(UPDATE, 4))
    assert [list(public.on_message(data, 4)) for data in (spaced, turned, novel)] == [expected] * 3


def test_reading_an_old_frame_again_gives_the_same(public: OkxPublic) -> None:
    first = list(public.on_message(UPDATE, 4))
    public.on_message(SNAPSHOT, 5)
    public.on_message(ACK, 6)
    assert list(public.on_message(UPDATE, 4)) == first


# -- the rule of the chain ---------------------------------------------------------------------------------------------


def test_numbers_jump_and_the_chain_holds(feed: Feed) -> None:
    feed.receives(ACK, SNAPSHOT, update(123456, 123990, [["8476", "1", "0", "1"]]), update(123990, 130000))
    assert (feed.gaps, feed.book.stale, feed.sync.book.last_id) == ([], False, 130000)
    assert feed.book.bids == [("8476.97", "256"), ("8476", "1")]


def test_a_checksum_of_any_value_is_not_looked_at(feed: Feed) -> None:
    feed.receives(SNAPSHOT, update(123456, 123457, [["8476", "1", "0", "1"]], checksum=-1881014294))
    assert (feed.gaps, feed.book.stale) == ([], False)


def test_keep_alive_is_no_gap(feed: Feed) -> None:
    feed.receives(SNAPSHOT, update(123456, 123456), update(123456, 123456), UPDATE)
    assert (feed.gaps, feed.book.stale, feed.sync.book.last_id) == ([], False, 123457)


def test_numbers_that_start_anew_are_no_gap(feed: Feed) -> None:
    feed.receives(SNAPSHOT, update(123456, 3, [["8476", "1", "0", "1"]]), update(3, 4, [["8475", "2", "0", "1"]]))
    assert (feed.gaps, feed.book.stale, feed.sync.book.last_id) == ([], False, 4)
    assert feed.book.bids == [("8476.97", "256"), ("8476", "1"), ("8475", "2")]


def test_amounts_are_absolute_and_zero_removes(feed: Feed) -> None:
    feed.receives(SNAPSHOT, update(123456, 123457, [["8476.97", "5", "0", "1"]]))
    assert feed.book.bids == [("8476.97", "5")]
    feed.receives(update(123457, 123458, [["8476.97", "0", "0", "0"]]))
    assert feed.book.bids == []


def test_a_lost_update_is_a_gap_and_one_book_is_asked_again(feed: Feed) -> None:
    feed.receives(SNAPSHOT, update(123460, 123461))
    assert feed.gaps == ["at 123456, got a change that follows 123460"]
    assert feed.book.stale
    sent = [json.loads(effect.payload) for effect in feed.source.resync(BTC) if isinstance(effect, Send)]
    assert sent == [
        {"op": "unsubscribe", "args": [{"channel": "books", "instId": "BTC-USDT"}]},
        {"op": "subscribe", "args": [{"channel": "books", "instId": "BTC-USDT"}]},
    ]


def test_after_a_gap_the_old_streams_last_changes_wait_for_no_one(feed: Feed) -> None:
    feed.receives(ACK, SNAPSHOT, update(123460, 123461))
    list(feed.source.resync(BTC))
    feed.sync.reset("asked again")
    feed.receives(update(123461, 123462), ACK, SNAPSHOT.replace(b"123456", b"123470"), update(123470, 123471))
    assert (feed.asked, feed.book.stale, feed.sync.book.last_id) == ([], False, 123471)
    assert len(feed.gaps) == 1


# -- a stream without a snapshot ---------------------------------------------------------------------------------------


def test_without_a_snapshot_rest_is_asked_and_joined(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105, [["8000", "1", "0", "1"]]), update(105, 110, [["8001", "2", "0", "1"]]))
    assert feed.book.stale
    (call,) = feed.asked
    assert call.request.path == "/api/v5/market/books"
    assert dict(call.request.params) == {"instId": "BTC-USDT", "sz": "400", "source": "0"}
    feed.receives(update(110, 120, [["8002", "3", "0", "1"]]))
    feed.answers(rest_book(reply, 107, [["8000", "9", "0", "1"]]))
    assert (feed.gaps, feed.book.stale, feed.sync.book.last_id) == ([], False, 120)
    assert feed.book.bids == [("8002", "3"), ("8001", "2"), ("8000", "9")]
    feed.receives(update(120, 3), update(3, 9, [["8003", "4", "0", "1"]]))
    assert (feed.gaps, feed.book.bids[0]) == ([], ("8003", "4"))
    feed.receives(update(10, 11))
    assert feed.book.stale


def test_a_book_older_than_the_first_change_is_asked_again(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105, [["8000", "1", "0", "1"]]))
    feed.answers(rest_book(reply, 99, []))
    assert (feed.book.stale, len(feed.asked), feed.gaps) == (True, 1, [])
    feed.answers(rest_book(reply, 100, []))
    assert (feed.book.stale, feed.sync.book.last_id, feed.gaps) == (False, 105, [])


def test_a_gap_while_joining_is_found(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105), update(107, 110))
    feed.answers(rest_book(reply, 102, []))
    assert feed.book.stale
    assert feed.gaps == ["at 105, got 108..110"]


def test_a_snapshot_that_comes_after_all_wins(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105), SNAPSHOT, UPDATE)
    feed.answers(rest_book(reply, 107, []))
    assert (feed.book.stale, feed.sync.book.last_id, feed.book.bids) == (False, 123457, [("8476.97", "256")])


def test_an_answer_for_an_older_subscription_is_dropped(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105))
    list(feed.source.resync(BTC))
    feed.sync.reset("asked again")
    feed.answers(rest_book(reply, 106, []))
    assert feed.book.stale
    feed.receives(ACK, update(200, 205))
    feed.answers(rest_book(reply, 205, []))
    assert (feed.book.stale, feed.sync.book.last_id) == (False, 205)


def test_rest_without_numbers_cannot_join_and_says_so(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105))
    feed.answers(rest_book(reply, None, []))
    assert feed.book.stale
    assert feed.unknown == ["the book of BTC-USDT over REST has no seqId and cannot join the stream"]


def test_asking_again_and_again_ends(feed: Feed, reply: Reply) -> None:
    feed.receives(ACK, update(100, 105))
    for _ in range(5):
        feed.answers(rest_book(reply, 1, []))
    assert (feed.asked, feed.book.stale) == ([], True)
    assert feed.unknown == ["the book of BTC-USDT over REST stays older than the stream"]


def test_old_acknowledgements_read_again_start_nothing(feed: Feed) -> None:
    feed.receives(ACK, SNAPSHOT, ACK, UPDATE)
    assert (feed.asked, feed.book.stale) == ([], False)
