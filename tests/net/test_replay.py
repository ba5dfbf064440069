"""Reading session files: the real recordings, torn ones, and files that are something else."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.frames import Direction, FrameKind, FrameLog
from app.net import replay
from app.net.recorder import SessionRecorder
from app.net.redaction import Redactor
from app.net.replay import NotASession, Record, read_session
from app.net.session_format import RecordKind

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
HEADER = b'{"t":"header","format":2,"exchange":"TEST"}\n'


def inflated(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def recorded(name: str) -> list[Record]:
    path = RECORDINGS / f"{name}.jsonl.zst"
    if not path.exists():
        pytest.skip("the founding recordings are not beside the repository")
    return list(read_session(path))


@pytest.mark.parametrize(
    ("name", "exchange", "url"),
    [
        ("poloniex", "poloniex", "wss://ws.poloniex.com/ws/public"),
        ("coinbase", "coinbase", "wss://advanced-trade-ws.coinbase.com"),
        ("htx", "huobi", "wss://api.huobi.pro/ws"),
    ],
)
def test_founding_recordings_are_read_whole(name: str, exchange: str, url: str) -> None:
    header, *records = recorded(name)
    assert (header.kind, list(header.exchanges)) == (RecordKind.HEADER, [exchange])
    kinds = Counter(record.kind for record in records)
    assert set(kinds) == {RecordKind.HTTP, RecordKind.CONNECT, RecordKind.SEND, RecordKind.RECV}
    assert {record.url for record in records if record.kind is not RecordKind.HTTP} == {url}
    assert all(
        record.direction is (Direction.OUT if record.kind is RecordKind.SEND else Direction.IN) for record in records
    )
    times = [record.wall_ns for record in records if record.kind is RecordKind.RECV]
    assert 20e9 < times[-1] - times[0] < 40e9


def test_poloniex_recording_holds_what_its_readme_says() -> None:
    books = [
        json.loads(record.data)
        for record in recorded("poloniex")
        if record.kind is RecordKind.RECV and b'"channel":"book_lv2","data"' in record.data
    ]
    assert Counter(book["action"] for book in books) == {"snapshot": 11, "update": 283}


def test_htx_recording_holds_gzip_bytes() -> None:
    frames = [gzip.decompress(record.data) for record in recorded("htx") if record.kind is RecordKind.RECV]
    assert sum(b'"ch":"market.' in frame and b".depth." in frame for frame in frames) == 292
    assert sum(frame.startswith(b'{"ping"') for frame in frames) == 6


def test_coinbase_recording_holds_the_frame_of_5_mb() -> None:
    assert max(len(record.data) for record in recorded("coinbase")) == 5_079_379


def test_plain_json_lines_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(HEADER + b'{"t":"recv","conn":"T.ws.1","ts":1661123517.25,"addr":"wss://a","data":"x"}\n')
    assert list(read_session(path))[1] == Record(
        kind=RecordKind.RECV, connection="T.ws.1", url="wss://a", wall_ns=1661123517_250_000_000, data=b"x"
    )


def test_a_torn_end_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(HEADER + b'{"t":"recv","data":"x"}\n{"t":"recv","da')
    *_, last, note = read_session(path)
    assert last.data == b"x"
    assert (note.kind, note.data) == (
        RecordKind.NOTE,
        b"torn.jsonl ends early after line 2: its last line is incomplete",
    )


def ours(path: Path, messages: int = 200) -> bytes:
    clock = ManualClock()
    log = FrameLog(clock)
    log.recorder = recorder = SessionRecorder(path, clock, app="t", exchanges={}, redactor=Redactor(), min_free_bytes=0)
    for n in range(messages):
        log.add("a/public", 1, Direction.IN, FrameKind.WS, b'{"n":%d}' % n)
    recorder.close()
    return path.read_bytes()


def test_every_torn_end_of_our_own_file_is_readable(tmp_path: Path) -> None:
    whole = ours(tmp_path / "whole")
    path = tmp_path / "cut"
    read = []
    # The last bytes are a checksum of what is already read whole.
    for length in range(200, len(whole) - 8, 7):
        path.write_bytes(whole[:length])
        records = list(read_session(path))
        assert records[-1].data.startswith(b"cut ends early after line ")
        assert [record.seq for record in records[1:-1]] == list(range(1, len(records) - 1))
        read.append(len(records))
    assert read == sorted(read) and read[-1] == 202


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "line 0: the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not a line of JSON"),
        (b"GIF89a no line feed at all", "line 1: not a line of JSON"),
        (b"[1,2]\n", "line 1: not a line of JSON"),
        (b'{"log":{"version":"1.2"}}\n', "line 1: Object missing required field `t`"),
        (b'{"t":"recv","data":"x"}\n', "line 1: the first line is not the header of a session"),
        (b'{"t":"header","format":4}\n', "line 1: made by a newer version (format 4, this one reads up to 3)"),
        (HEADER + b'{"t":"recv","data":5}\n', "line 2: Expected `str | null`, got `int` - at `$.data`"),
        (HEADER + b'{"t":"recv","b64":"!!"}\n', "line 2: b64 is not base64"),
        (HEADER + b'{"t":"exec","data":"x"}\n', "line 2: unknown kind of record 'exec'"),
        (HEADER + b'{"t":"recv"}\n\n{"t":"recv"}\n', "line 3: not a line of JSON: Input data was truncated"),
        (HEADER + HEADER, "line 2: a second header"),
        (HEADER + b'{"t":"footer"}\n{"t":"recv"}\n', "line 3: there is more after the footer"),
        (HEADER + b'{"t":"footer","frames":3}\n', "line 2: the footer counts 3 frames, the file holds 0"),
        (HEADER + b'{"t":"footer","crc32":1}\n', "line 2: the checksum does not match: the file was changed"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "line 1: the compressed data is damaged"),
    ],
)
def test_a_foreign_or_broken_file_is_refused_by_name_line_and_reason(
    tmp_path: Path, content: bytes, wrong: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotASession) as refused:
        list(read_session(path))
    assert str(refused.value).startswith(f"file, {wrong}")


def test_a_changed_recording_is_noticed(tmp_path: Path) -> None:
    ours(tmp_path / "whole")
    path = tmp_path / "changed.jsonl"
    path.write_bytes(inflated(tmp_path / "whole").replace(b'{\\"n\\":17}', b'{\\"n\\":71}'))
    with pytest.raises(NotASession, match="changed.jsonl, line 202: the checksum does not match"):
        list(read_session(path))


def test_a_bomb_is_stopped_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_LINE_BYTES", 4 << 20)
    path = tmp_path / "bomb"
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(HEADER + b"\0" * (400 << 20)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(NotASession, match="bomb, line 2: the line is longer than 4 MiB"):
            list(read_session(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
    monkeypatch.setattr(replay, "MAX_TOTAL_BYTES", 1 << 20)
    path.write_bytes(HEADER + b'{"t":"recv","data":"x"}\n' * 100_000)
    with pytest.raises(NotASession, match="more than 0 GiB of data"):
        list(read_session(path))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda tail: HEADER + tail)), st.booleans())
def test_no_file_brings_it_down(tmp_path: Path, content: bytes, compressed: bool) -> None:
    path = tmp_path / "any"
    path.write_bytes(zstandard.compress(content) if compressed else content)
    try:
        assert all(isinstance(record, Record) for record in read_session(path))
    except NotASession as refused:
        assert str(refused).startswith("any, line ")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_a_note_never_another_story(tmp_path: Path, at: int, byte: int) -> None:
    path = tmp_path / "whole"
    whole = path.read_bytes() if path.exists() else ours(path)
    at %= len(whole)
    changed = tmp_path / "changed"
    changed.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    try:
        records = list(read_session(changed))
    except NotASession:
        return
    assert [record.data for record in records if record.seq] == [b'{"n":%d}' % n for n in range(len(records) - 2)]
    assert records[-1].kind in (RecordKind.FOOTER, RecordKind.NOTE)
