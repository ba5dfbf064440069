from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.connectors.crypto_com.public import CryptoComPublic
from app.core.effects import Channel, Send, Subscription
from app.core.order_book import BookState
from app.core.types import BookDiff, BookSnapshot, Integrity
from tests.connectors.book_feed import Feed

BTC = Subscription(Channel.BOOK, "BTC-USDT")
SNAPSHOT = (
    b'{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTC_USDT","subscription":"book.BTC_USDT.50",'
    b'"channel":"book","depth":50,"data":[{"asks":[["43755.46","0.1","1"]],"bids":[["43737.46","0.14096","1"]],'
    b'"t":1704484068000,"tt":1704484067990,"u":78795598162080,"cs":0}]}}'
)
UPDATE = (
    b'{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTC_USDT","subscription":"book.BTC_USDT.50",'
    b'"channel":"book.update","depth":50,"data":[{"update":{"asks":[["43755.46","0","0"]],"bids":[["43737.46","0.2",'
    b'"2"]]},"t":1704484068898,"tt":1704484068892,"u":78795598253024,"pu":78795598162080,"cs":-781431132}]}}'
)


def frame(channel: str, *rows: Any) -> bytes:
    result = {"instrument_name": "BTC_USDT", "subscription": "book.BTC_USDT.50", "channel": channel, "data": rows}
    return json.dumps({"id": -1, "method": "subscribe", "code": 0, "result": result}, separators=(",", ":")).encode()


def snapshot(u: int, bids: list[list[str]]) -> bytes:
    return frame("book", {"asks": [["9000", "1", "1"]], "bids": bids, "t": 1, "u": u})


def update(pu: int, u: int, bids: list[list[str]] | None = None) -> bytes:
    return frame("book.update", {"update": {"asks": [], "bids": bids or []}, "t": 2, "u": u, "pu": pu, "cs": 5})


@pytest.fixture
def feed(public: CryptoComPublic) -> Feed:
    return Feed(public)


# -- frames ------------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_the_whole_book(public: CryptoComPublic) -> None:
    assert list(public.on_message(SNAPSHOT, 3)) == [
        BookSnapshot(
            pair="BTC-USDT",
            bids=[("43737.46", "0.14096")],
            asks=[("43755.46", "0.1")],
            last_id=78795598162080,
            depth=50,
            exchange_ms=1704484068000,
            frame=3,
        )
    ]


def test_an_update_names_the_number_it_follows(public: CryptoComPublic) -> None:
    assert public.integrity is Integrity.PREVIOUS_ID
    assert list(public.on_message(UPDATE, 4)) == [
        BookDiff(
            pair="BTC-USDT",
            bids=[("43737.46", "0.2")],
            asks=[("43755.46", "0")],
            last_id=78795598253024,
            prev_id=78795598162080,
            exchange_ms=1704484068898,
            frame=4,
        )
    ]


def test_numbers_are_read_as_numbers_and_as_strings_in_any_order_of_fields(public: CryptoComPublic) -> None:
    expected = list(public.on_message(UPDATE, 4))
    as_text = UPDATE.replace(b":78795598253024", b':"78795598253024"').replace(b":1704484068898", b':"1704484068898"')
    as_numbers = UPDATE.replace(b'"43755.46"', b"43755.46").replace(b'"0.2"', b"0.2").replace(b'"0"', b"0")
    message = json.loads(UPDATE)
    message["result"] = dict(reversed(message["result"].items()))
    turned = json.dumps(dict(reversed(message.items()))).encode()
    for data in (as_text, as_numbers, turned):
        assert list(public.on_message(data, 4)) == expected


def test_levels_keep_the_spelling_they_came_in(public: CryptoComPublic) -> None:
    (diff,) = public.on_message(UPDATE.replace(b'"0.2"', b"0.200"), 4)
    assert isinstance(diff, BookDiff) and diff.bids == [("43737.46", "0.200")]


def test_several_rows_in_one_frame(public: CryptoComPublic) -> None:
    nothing: dict[str, list[list[str]]] = {"asks": [], "bids": []}
    rows = [{"update": nothing, "t": 2, "u": u, "pu": u - 1} for u in (11, 12)]
    diffs = list(public.on_message(frame("book.update", *rows), 4))
    assert [(d.prev_id, d.last_id) for d in diffs if isinstance(d, BookDiff)] == [(10, 11), (11, 12)]


def test_an_old_snapshot_is_numbered_by_s(public: CryptoComPublic) -> None:
    (book,) = public.on_message(SNAPSHOT.replace(b'"u":', b'"s":'), 3)
    assert isinstance(book, BookSnapshot) and book.last_id == 78795598162080


@pytest.mark.parametrize("field", [b'"pu"', b'"u"', b'"update"'])
def test_a_change_that_proves_nothing_is_not_read(public: CryptoComPublic, field: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        list(public.on_message(UPDATE.replace(field + b":", b'"gone":'), 1))


# -- the rule ----------------------------------------------------------------------------------------------------------


def test_the_sheets_two_frames_make_a_book(feed: Feed) -> None:
    feed.receives(SNAPSHOT, UPDATE)
    assert (feed.book.state, feed.book.bids, feed.book.asks) == (BookState.LIVE, [("43737.46", "0.2")], [])
    assert feed.book.last_id == 78795598253024 and feed.gaps == []


def test_jumps_of_u_are_no_gap_and_an_empty_change_counts(feed: Feed) -> None:
    feed.receives(snapshot(100, [["8000", "1", "1"]]), update(100, 5000), update(5000, 900_000, [["8001", "2", "1"]]))
    assert feed.gaps == [] and feed.book.last_id == 900_000
    assert feed.book.bids == [("8001", "2"), ("8000", "1")]


def test_a_gap_makes_the_book_stale_until_the_next_snapshot(feed: Feed) -> None:
    feed.receives(snapshot(100, [["8000", "1", "1"]]), update(101, 102, [["8001", "2", "1"]]))
    assert feed.gaps == ["at 100, got a change that follows 101"]
    assert feed.book.stale and feed.book.bids == [("8000", "1")]
    feed.receives(update(102, 103, [["8002", "2", "1"]]))
    assert feed.book.stale and len(feed.gaps) == 1
    feed.receives(snapshot(200, [["7000", "3", "1"]]), update(200, 201, [["7001", "1", "1"]]))
    assert not feed.book.stale and feed.book.bids == [("7001", "1"), ("7000", "3")]


def test_a_repeated_change_is_ignored(feed: Feed) -> None:
    feed.receives(snapshot(100, [["8000", "1", "1"]]), update(100, 101, [["8000", "5", "1"]]))
    feed.receives(update(100, 101, [["8000", "9", "1"]]))
    assert feed.gaps == [] and feed.book.bids == [("8000", "5")]


def test_whole_books_every_half_second_are_a_book_too(feed: Feed) -> None:
    feed.receives(snapshot(100, [["8000", "1", "1"]]), snapshot(300, [["8100", "2", "1"]]))
    assert feed.book.bids == [("8100", "2")] and not feed.book.stale


def test_levels_behind_the_fiftieth_are_forgotten(feed: Feed) -> None:
    feed.receives(snapshot(1, [[str(8000 - n), "1", "1"] for n in range(50)]), update(1, 2, [["8001", "1", "1"]]))
    assert len(feed.book.bids) == 50 and feed.book.bids[0] == ("8001", "1") and feed.book.bids[-1] == ("7952", "1")


def test_resync_subscribes_anew_with_deltas(public: CryptoComPublic) -> None:
    public.on_open(public.link_for(BTC), 1_704_876_947_000)
    sent = [json.loads(effect.payload) for effect in public.resync(BTC) if isinstance(effect, Send)]
    assert sent == [
        {
            "id": 1,
            "method": "unsubscribe",
            "params": {"channels": ["book.BTC_USDT.50"]},
            "nonce": 1_704_876_947_000,
        },
        {
            "id": 2,
            "method": "subscribe",
            "params": {
                "channels": ["book.BTC_USDT.50"],
                "book_subscription_type": "SNAPSHOT_AND_UPDATE",
                "book_update_frequency": 10,
            },
            "nonce": 1_704_876_947_000,
        },
    ]
