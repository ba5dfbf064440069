"""Messages as text: indentation, hex, previews and export lines keep every byte and every digit."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.ui import payload_views as views

BOOK = (
    '{"channel":"book_lv2","data":[{"symbol":"BTC_USDT","createTime":1661123517832,"asks":[["21617.15","0"]],'
    '"bids":[],"lastId":4485675,"id":4485676,"ts":1661123517837}],"action":"update"}'
)


def frame(payload: bytes, **more: object) -> Frame:
    log = FrameLog(ManualClock())
    fields = {"direction": Direction.IN, "kind": FrameKind.WS, **more}
    return log.add("poloniex/public", 1, payload=payload, **fields)  # type: ignore[arg-type]


def test_pretty_json_has_one_entry_per_line_and_keeps_short_lists_together():
    assert list(views.pretty_lines(BOOK)) == [
        "{",
        '  "channel": "book_lv2",',
        '  "data": [',
        "    {",
        '      "symbol": "BTC_USDT",',
        '      "createTime": 1661123517832,',
        '      "asks": [',
        '        ["21617.15","0"]',
        "      ],",
        '      "bids": [],',
        '      "lastId": 4485675,',
        '      "id": 4485676,',
        '      "ts": 1661123517837',
        "    }",
        "  ],",
        '  "action": "update"',
        "}",
    ]


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S"))),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text('abc[]{}",:\\', max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_pretty_json_is_still_the_same_document(document):
    text = json.dumps(document)
    assert json.loads("\n".join(views.pretty_lines(text))) == document


def test_numbers_keep_the_spelling_of_the_wire():
    text = '{"bids":[[61234.50,9.12E-7]],"n":0.10}'
    assert "[61234.50,9.12E-7]" in "\n".join(views.pretty_lines(text))
    parsed = views.parse(text)
    assert [views.shown(value) for value in parsed["bids"][0]] == ["61234.50", "9.12E-7"]
    assert views.shown(parsed["n"]) == "0.10"
    assert views.shown("0.10") == '"0.10"'


def test_pretty_is_lazy():
    endless = '{"a":[' + '{"price":"1"},' * 400_000
    lines = views.pretty_lines(endless)
    assert [next(lines) for _ in range(3)] == ["{", '  "a": [', "    {"]


def test_hex_shows_offset_bytes_and_ascii():
    lines = list(views.hex_lines(b"\x1f\x8b\x08" + b'{"ping":1492420473027}'))
    assert lines[0] == '00000000  1f 8b 08 7b 22 70 69 6e  67 22 3a 31 34 39 32 34  ...{"ping":14924'
    assert lines[1] == "00000010  32 30 34 37 33 30 32 37  7d                       20473027}"


def test_hex_can_be_read_back():
    data = bytes(range(256))
    columns = [line[10:58].split() for line in views.hex_lines(data)]
    assert bytes(int(byte, 16) for row in columns for byte in row) == data


def test_packed_messages_are_unpacked_for_reading():
    packed = gzip.compress(b'{"ch":"market.btcusdt.depth.step0"}')
    assert views.unpack(packed) == (b'{"ch":"market.btcusdt.depth.step0"}', "gzip")
    assert views.one_line(packed) == '{"ch":"market.btcusdt.depth.step0"}'
    assert views.unpack(b"\x1f\x8bbroken") == (b"\x1f\x8bbroken", "")


def test_unpacking_stops_at_its_limit():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(views.unpack(bomb, 1_000_000)[0]) == 1_000_000


def test_foreign_text_cannot_break_the_line_or_turn_it_round():
    assert views.one_line('{"a":"\u202eevil\nline\x07"}'.encode()) == '{"a":"·evil·line·"}'
    assert list(views.raw_lines("a\u202eb")) == ["a·b"]


def test_raw_keeps_lines_and_breaks_endless_ones():
    assert list(views.raw_lines("one\ntwo")) == ["one", "two"]
    pieces = list(views.raw_lines("x" * (views.RAW_PIECE * 2 + 5)))
    assert [len(piece) for piece in pieces] == [views.RAW_PIECE, views.RAW_PIECE, 5]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (BOOK.encode(), "book_lv2 update"),
        (b'{"event":"subscribe","channel":["book_lv2"],"symbols":["BTC_USDT"]}', "book_lv2 subscribe"),
        (b'{"event":"ping"}', "ping"),
        (b'{"ping":1492420473027}', "ping"),
        (b'{"sub":"market.btcusdt.trade.detail","id":"1"}', "market.btcusdt.trade.detail sub"),
        (b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[]}', "books snapshot"),
        (b'{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC"}', "depthUpdate"),
        (b'{"id":1,"method":"public/heartbeat"}', "public/heartbeat"),
    ],
)
def test_the_channel_column_says_what_a_message_is_about(payload, words):
    assert views.channel_of(frame(payload)) == words


def test_the_channel_of_a_call_is_its_method_and_path():
    call = frame(b"", kind=FrameKind.REST, method="GET", path="/markets/BTC_USDT/orderBook")
    assert views.channel_of(call) == "GET /markets/BTC_USDT/orderBook"


def test_a_json_line_holds_the_whole_frame():
    line = json.loads(views.json_line(frame(BOOK.encode())))
    assert line["data"] == BOOK
    assert (line["t"], line["seq"], line["conn"], line["dir"]) == ("recv", 1, "poloniex/public", "in")
    assert (line["kind"], line["epoch"], line["ts"]) == ("ws", 1, 1_700_000_000.0)
    packed = gzip.compress(b"{}")
    assert base64.b64decode(json.loads(views.json_line(frame(packed)))["b64"]) == packed


def test_json_problems_are_named():
    assert views.json_problem('{"a":1}') == ""
    assert "Expecting" in views.json_problem('{"a":')
    assert views.json_problem("[" * 200_000)
