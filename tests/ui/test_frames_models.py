"""What stands behind the list of frames: scans over a moving log, filters, differences, replies and exports."""

from __future__ import annotations

import gzip
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.effects import Unknown
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.types import BookDiff, BookSnapshot, Side
from app.ui.models.frames_changes import BeforeSearch, changes_of
from app.ui.models.frames_diff import NotComparable, compare
from app.ui.models.frames_export import FrameExport
from app.ui.models.frames_filter import FrameFilter, Needle, filter_predicate, search_predicate
from app.ui.models.frames_links import ReplySearch
from app.ui.models.frames_rows import AllRows, LogScan, SeqIndex
from tests.ui.fake_desk import FakeDesk, FakeExchange

MS = 1_000_000


def ticking(step_ns: int = 1_000):
    """A clock that moves a little with every look, so that slices end."""
    count = itertools.count()
    return lambda: next(count) * step_ns


def log_of(*payloads: bytes, max_frames: int = 1_000_000) -> FrameLog:
    log = FrameLog(ManualClock(), max_frames=max_frames)
    for payload in payloads:
        log.add("poloniex/public", 1, Direction.IN, FrameKind.WS, payload)
    return log


def found(scan: LogScan) -> list[int]:
    return [scan.rows[row] for row in range(len(scan.rows))]


# -- rows --------------------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 60)), st.integers(0, 60), st.integers(0, 61))
def test_an_index_that_grows_at_both_ends_reads_like_a_sorted_list(seqs, middle, dropped):
    index = SeqIndex()
    index.add_older(sorted((seq for seq in seqs if seq <= middle), reverse=True))
    index.add_newer(sorted(seq for seq in seqs if seq > middle))
    index.drop_before(dropped)
    expected = sorted(seq for seq in seqs if seq >= dropped)
    assert [index[row] for row in range(len(index))] == expected
    for seq in range(max(dropped, 1), 62):
        assert index.find(seq) == sum(known < seq for known in expected)
        assert index.holds(seq) == (seq in expected)


def test_a_scan_finds_the_newest_first_and_takes_in_what_arrives_meanwhile():
    log = log_of(*(b"hit" if number % 1000 == 0 else b"miss" for number in range(10_000)))
    scan = LogScan(log, lambda frame: frame.payload == b"hit", ticking(MS))
    assert scan.step(1)
    assert found(scan) == []
    log.add("poloniex/public", 1, Direction.IN, FrameKind.WS, b"hit")
    scan.step(1)
    assert found(scan) == [10_001]
    assert 0 < scan.progress < 1
    while scan.step(1):
        pass
    assert found(scan) == [*range(1, 10_000, 1000), 10_001]
    assert scan.progress == 1


def test_a_scan_forgets_frames_that_have_left_the_log():
    log = log_of(*[b"hit"] * 6_000, max_frames=5_000)
    scan = LogScan(log, lambda frame: True, ticking())
    while scan.step(MS):
        pass
    assert found(scan)[0] == 1
    for _ in range(5_000):
        log.add("poloniex/public", 1, Direction.IN, FrameKind.WS, b"hit")
    while scan.step(MS):
        pass
    assert log.dropped > 0
    assert found(scan) == list(range(log.first_seq, log.last_seq + 1))


def test_all_rows_follow_the_log():
    log = log_of(b"a", b"b", b"c")
    rows = AllRows(log)
    assert [rows[row] for row in range(len(rows))] == [1, 2, 3]
    assert (rows.find(2), rows.find(99)) == (1, 3)


# -- filters and search ------------------------------------------------------------------------------------------------


def passing(desk: FakeDesk, wanted: FrameFilter) -> list[int]:
    accept = filter_predicate(wanted, desk.exchanges)
    return [frame.seq for frame in desk.log.since(0) if accept(frame)]


def add(desk: FakeDesk, payload: bytes, connection: str = "poloniex/public", **more) -> Frame:
    fields = {"direction": Direction.IN, "kind": FrameKind.WS, **more}
    return desk.log.add(connection, 1, payload=payload, **fields)


def test_filters_combine(desk):
    book = add(desk, b'{"channel":"book_lv2","data":[{"symbol":"BTC_USDT"}],"action":"update"}')
    trade = add(desk, b'{"channel":"trades","data":[{"symbol":"ETH_USDT"}]}')
    sent = add(desk, b'{"event":"ping"}', direction=Direction.OUT)
    call = add(desk, b"[]", "okx/rest", kind=FrameKind.REST, method="GET", path="/api/v5/market/BTC-USDT")
    new = {frame.seq for frame in (book, trade, sent, call)}

    def pick(**wanted):
        return [seq for seq in passing(desk, FrameFilter(**wanted)) if seq in new]

    assert pick(exchange="poloniex") == [book.seq, trade.seq, sent.seq]
    assert pick(connection="okx/rest") == [call.seq]
    assert pick(direction=Direction.OUT) == [sent.seq]
    assert pick(kind=FrameKind.REST) == [call.seq]
    assert pick(channel="BOOK") == [book.seq]
    assert pick(channel="/api/v5") == [call.seq]
    assert pick(exchange="poloniex", direction=Direction.IN, channel="trades") == [trade.seq]


@pytest.mark.parametrize("typed", ["BTC-USDT", "btc/usdt", "BTC_USDT", "btcusdt"])
def test_a_pair_is_found_in_every_spelling(desk, typed):
    spelt = [
        add(desk, b'{"symbol":"BTC_USDT"}'),
        add(desk, b'{"instId":"BTC-USDT"}'),
        add(desk, gzip.compress(b'{"ch":"market.btcusdt.depth.step0"}')),
        add(desk, b"", kind=FrameKind.REST, path="/markets/BTC_USDT/trades"),
    ]
    other = add(desk, b'{"symbol":"BTC_USDC"}')
    assert passing(desk, FrameFilter(pair=typed))[-4:] == [frame.seq for frame in spelt]
    assert other.seq not in passing(desk, FrameFilter(pair=typed))


def test_unknown_only_asks_the_reader_of_the_exchange(desk, exchange):
    known, unknown = add(desk, b'{"channel":"trades"}'), add(desk, b'{"channel":"new_thing"}')
    exchange.explained[unknown.seq] = [Unknown("channel new_thing")]
    assert passing(desk, FrameFilter(unknown_only=True)) == [unknown.seq]
    assert known.seq != unknown.seq


def test_a_reader_that_fails_counts_as_unknown(desk, exchange, monkeypatch):
    frame = add(desk, b"\xff")

    def fail(_frame):
        raise ValueError("no")

    monkeypatch.setattr(exchange, "explain", fail)
    assert frame.seq in passing(desk, FrameFilter(unknown_only=True))


def test_search_looks_at_the_whole_message_and_at_packed_ones(desk):
    deep = add(desk, b'{"data":"' + b"x" * 5_000_000 + b'NEEDLE"}')
    packed = add(desk, gzip.compress(b'{"a":"needle"}'))
    call = add(desk, b"", kind=FrameKind.REST, path="/orders/needle-1")
    every = [deep.seq, packed.seq, call.seq]

    def hits(**needle):
        accept = search_predicate(Needle(**needle))
        return [frame.seq for frame in desk.log.since(0) if accept(frame)]

    assert hits(text="needle") == every
    assert hits(text="NEEDLE", match_case=True) == [deep.seq]
    assert hits(text=r"needle-\d", regex=True) == [call.seq]
    assert hits(text="(", match_case=True) == []
    with pytest.raises(ValueError, match="not a regular expression"):
        hits(text="(", regex=True)


# -- differences -------------------------------------------------------------------------------------------------------


def test_differences_are_told_by_path_in_the_spelling_of_the_wire(desk):
    first = add(desk, b'{"data":[{"id":1,"asks":[["1.10","2"]],"old":null}],"action":"snapshot"}')
    second = add(desk, b'{"data":[{"id":2,"asks":[["1.10","2.0"],["3","1"]],"new":1E-7}],"action":"snapshot"}')
    assert [(d.path, d.before, d.after, d.word) for d in compare(first, second)] == [
        ("data[0].id", "1", "2", "changed"),
        ("data[0].asks[0][1]", '"2"', '"2.0"', "changed"),
        ("data[0].asks[1]", "", "[2]", "only in B"),
        ("data[0].old", "null", "", "only in A"),
        ("data[0].new", "", "1E-7", "only in B"),
    ]


def test_a_number_that_became_text_is_a_change_of_type(desk):
    first, second = add(desk, b'{"id":1}'), add(desk, b'{"id":"1"}')
    assert [d.word for d in compare(first, second)] == ["type changed"]


def test_what_is_not_json_cannot_be_compared(desk):
    first, second = add(desk, b'{"id":1}'), add(desk, b"connected")
    with pytest.raises(NotComparable, match=f"#{second.seq:,} is not JSON"):
        compare(first, second)


# -- what a frame changed ----------------------------------------------------------------------------------------------


def book_frame(desk: FakeDesk, exchange: FakeExchange, **levels) -> Frame:
    """A stream message about BTC-USDT that the exchange reads as a change (or, with snapshot=True, a whole book)."""
    whole = levels.pop("snapshot", False)
    frame = add(desk, b'{"symbol":"BTC_USDT"}')
    event_type = BookSnapshot if whole else BookDiff
    event = event_type(pair="BTC-USDT", bids=levels.get("bids", []), asks=levels.get("asks", []), frame=frame.seq)
    exchange.explained[frame.seq] = [event]
    book = exchange.order_books["BTC-USDT"]
    (book.apply_snapshot if whole else book.apply_diff)(event)
    return frame


def told(desk: FakeDesk, exchange: FakeExchange, frame: Frame) -> list[tuple[str, str, str, str, bool]]:
    changes, _ = changes_of(frame, exchange.explain(frame), exchange)
    search = BeforeSearch(desk.log, frame, changes, exchange, ticking())
    while search.step(MS):
        pass
    return [(change.title, change.before, change.after, change.now, change.still_set) for change in changes]


def test_changed_levels_have_their_value_before_and_now(desk, exchange):
    book_frame(desk, exchange, snapshot=True, bids=[("100", "1"), ("99", "5")], asks=[("101", "2")])
    book_frame(desk, exchange, bids=[("100", "3")])
    frame = book_frame(desk, exchange, bids=[("100", "0"), ("98", "7")], asks=[("101", "4")])
    book_frame(desk, exchange, asks=[("101", "6")])
    assert told(desk, exchange, frame) == [
        ("BTC-USDT ask 101", "2", "4", "6", False),
        ("BTC-USDT bid 100", "3", "none", "none", True),
        ("BTC-USDT bid 98", "none", "7", "7", True),
    ]


def test_a_value_before_that_left_memory_is_not_invented(desk, exchange):
    frame = book_frame(desk, exchange, bids=[("100", "3")])
    assert told(desk, exchange, frame)[0][:2] == ("BTC-USDT bid 100", "not in the kept messages")


def test_orders_fills_and_balances_name_their_frame(desk, exchange):
    order = exchange.order("BTC-USDT", Side.BUY, "40000.50", "0.001")
    fill = exchange.fill(order, "40000.50", "0.0004")
    balance = exchange.give("BTC", "0.5004")
    frames = [desk.log.get(seq) for seq in (order.history[-2].frame, fill.frame, balance.frame)]
    texts = [told(desk, exchange, frame)[0] for frame in frames]
    assert texts[0][0] == f"order {order.key} BUY BTC-USDT"
    assert (texts[0][1], texts[0][3], texts[0][4]) == ("SUBMITTING", "PARTIALLY_FILLED", False)
    fills = told(desk, exchange, frames[1])
    assert [row[0].split()[0] for row in fills] == ["order", "fill"]
    assert fills[1][2] == "0.0004 at 40000.50, fee 0.001 USDT"
    assert texts[2][0] == "balance BTC (stream)"
    assert texts[2][2] == "0.5004 (0.5004 free)"


def test_a_message_with_thousands_of_levels_says_how_many_are_left_out(desk, exchange):
    frame = book_frame(desk, exchange, snapshot=True, bids=[(str(price), "1") for price in range(1, 1001)])
    changes, left_out = changes_of(frame, exchange.explain(frame), exchange)
    assert (len(changes), left_out) == (200, 800)


# -- replies and exports -----------------------------------------------------------------------------------------------


def test_a_request_finds_its_reply(desk):
    request = add(desk, b"", kind=FrameKind.REST, direction=Direction.OUT, method="GET", path="/markets")
    search = ReplySearch(desk.log, request, ticking())
    search.step(MS)
    assert search.words == "no reply yet"
    for _ in range(2_000):
        add(desk, b'{"event":"pong"}')
    desk.clock.advance(0.034)
    reply = add(desk, b"[]", kind=FrameKind.REST, status=200, answers=request.seq)
    while search.step(MS):
        pass
    assert search.reply is reply
    assert search.words == f"reply #{reply.seq:,} · 200 · 34 ms"


def test_an_export_is_complete_or_absent(desk, tmp_path):
    path = tmp_path / "frames.jsonl"
    payloads = [b'{"a":"\xe2\x82\xac"}', b"\x00\xff"]
    seqs = [add(desk, payload).seq for payload in payloads]
    export = FrameExport(desk.log, [*seqs, 10_000], path, ticking(MS))
    export.step(1)
    assert not path.exists()
    while export.step(1):
        pass
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["seq"] for line in lines] == seqs
    assert lines[0]["data"] == '{"a":"€"}'
    assert lines[1]["b64"] == "AP8="
    assert (export.written, export.missing) == (2, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["frames.jsonl"]


def test_a_cancelled_export_leaves_nothing(desk, tmp_path):
    export = FrameExport(desk.log, range(1, 5), tmp_path / "frames.jsonl", ticking(MS))
    export.step(1)
    export.cancel()
    assert list(tmp_path.iterdir()) == []
