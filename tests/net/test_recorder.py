"""Recording a session: complete, honest about what is missing, and readable after any kind of death."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from app.core.clock import ManualClock
from app.core.frames import Direction, FrameKind, FrameLog
from app.net.recorder import SessionRecorder
from app.net.redaction import Redactor
from app.net.replay import Record, read_session
from app.net.session_format import RecordKind

URLS = {"poloniex/public": "wss://ws.example.com/ws/public", "poloniex/rest": "https://api.example.com"}


def recording(path: Path, redactor: Redactor | None = None, **limits: int) -> tuple[FrameLog, SessionRecorder]:
    clock = ManualClock()
    log = FrameLog(clock)
    log.recorder = recorder = SessionRecorder(
        path,
        clock,
        app="depthdesk 0.1.0",
        exchanges={"poloniex": "com"},
        redactor=redactor or Redactor(),
        addresses=URLS,
        **{"min_free_bytes": 0, **limits},
    )
    return log, recorder


def wait_for(condition: Callable[[], object], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def receive(log: FrameLog, payload: bytes) -> None:
    log.add("poloniex/public", 1, Direction.IN, FrameKind.WS, payload)


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    log, recorder = recording(tmp_path / "s.jsonl.zst")
    add = log.add
    add("poloniex/public", 3, Direction.IN, FrameKind.CONTROL, b"connected to ws.example.com in 9 ms")
    add("poloniex/public", 3, Direction.OUT, FrameKind.WS, b'{"event":"subscribe"}')
    add("poloniex/public", 3, Direction.IN, FrameKind.WS, '{"text":"é\u2028\\n","n":1}\n'.encode())
    add("poloniex/public", 3, Direction.IN, FrameKind.WS, b"\x1f\x8b\x00\xff")
    asked = add("poloniex/rest", 0, Direction.OUT, FrameKind.REST, b"Accept: a\r\n\r\n", method="GET", path="/markets")
    add(
        "poloniex/rest",
        0,
        Direction.IN,
        FrameKind.REST,
        b"[]",
        method="GET",
        path="/markets",
        status=200,
        answers=asked.seq,
    )
    add("poloniex/public", 3, Direction.IN, FrameKind.CONTROL, b"closed 1006 connection reset")
    recorder.close()

    header, *records, footer = read_session(recorder.path)
    assert recorder.stopped == ""
    assert (header.kind, header.app, header.exchanges) == (RecordKind.HEADER, "depthdesk 0.1.0", {"poloniex": "com"})
    assert footer.kind is RecordKind.FOOTER
    assert [record.kind.value for record in records] == ["connect", "send", "recv", "recv", "http", "http", "note"]
    for frame, record in zip(log.since(0), records, strict=True):
        for field in ("seq", "connection", "epoch", "direction", "wall_ns", "mono_ns", "method", "path", "status"):
            assert getattr(record, field) == getattr(frame, field)
        assert (record.data, record.answers) == (frame.payload, frame.answers)
    assert {record.url for record in records} == {
        "wss://ws.example.com/ws/public",
        "https://api.example.com/markets",
    }


def test_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    _, recorder = recording(tmp_path / "s")
    recorder.close()
    assert recorder.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        recording(tmp_path / "s")


def test_it_is_at_most_a_second_behind(tmp_path: Path) -> None:
    log, recorder = recording(tmp_path / "s")
    receive(log, b"first")
    try:
        end = time.monotonic() + 1.0
        wait_for(lambda: any(record.data == b"first" for record in read_session(recorder.path)))
        assert time.monotonic() < end
        assert b"no footer" in list(read_session(recorder.path))[-1].data
    finally:
        recorder.close()


def test_what_a_slow_disk_cannot_take_is_counted_in_the_file(tmp_path: Path) -> None:
    log, recorder = recording(tmp_path / "s", max_queued_bytes=10_000)
    for _ in range(100):
        receive(log, b"x" * 744)
    assert (recorder.frames, recorder.dropped) == (10, 90)
    recorder.close()
    records = list(read_session(recorder.path))
    assert sum(record.kind is RecordKind.RECV for record in records) == 10
    assert records[-2].data == b"90 frames not recorded: the disk was too slow"


def test_a_live_secret_that_slipped_through_is_stopped_at_the_disk(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.protect("hunter2hunter2")
    log, recorder = recording(tmp_path / "s", redactor)
    receive(log, b'{"echo":"hunter2hunter2"}')
    receive(log, b"\xffhunter2hunter2")
    recorder.close()
    with recorder.path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    assert b"hunter2" not in text and b"aHVudGVyMmh1bnRlcj" not in text
    _, text_frame, binary_frame, _ = read_session(recorder.path)
    assert text_frame.data.startswith(b'{"echo":"<redacted:') and binary_frame.data.startswith(b"\xff<redacted:")


def test_a_full_disk_stops_the_recording_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5, L5: the file system says no in the middle of a session."""
    log, recorder = recording(tmp_path / "s")
    receive(log, b"kept")
    wait_for(lambda: any(record.data == b"kept" for record in read_session(recorder.path)))

    class FullDisk:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "_zstd", FullDisk())
    receive(log, b"lost")
    wait_for(lambda: recorder.stopped)
    receive(log, b"ignored")
    assert recorder.stopped == "recording stopped: disk full"
    recorder.close()
    assert [record.data for record in read_session(recorder.path) if record.kind is RecordKind.RECV] == [b"kept"]


def test_a_disk_with_little_room_is_left_alone(tmp_path: Path) -> None:
    log, recorder = recording(tmp_path / "s", min_free_bytes=1 << 60)
    receive(log, b"x")
    wait_for(lambda: recorder.stopped)
    assert recorder.stopped == f"recording stopped: less than {1 << 40} MiB free on the disk"
    recorder.close()


def test_a_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    log, recorder = recording(tmp_path / "s", max_file_bytes=1 << 20)
    for _ in range(3):
        receive(log, os.urandom(1 << 20))
    wait_for(lambda: recorder.stopped)
    assert recorder.stopped == "recording stopped: the file has reached 1 MiB"
    recorder.close()


WRITER = """
    import sys, time
    from pathlib import Path
    from app.core.clock import SystemClock
    from app.core.frames import Direction, FrameKind, FrameLog
    from app.net.recorder import SessionRecorder
    from app.net.redaction import Redactor

    log = FrameLog(SystemClock())
    log.recorder = SessionRecorder(
        Path(sys.argv[1]), SystemClock(), app="t", exchanges={}, redactor=Redactor(), min_free_bytes=0
    )
    while True:
        for _ in range(20):
            frame = log.add("a/public", 1, Direction.IN, FrameKind.WS, b'{"some":"message of ordinary length"}')
        print(frame.seq, time.monotonic_ns(), flush=True)
        time.sleep(0.005)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal")
def test_kill_9_loses_at_most_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "s"
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    shown: list[tuple[int, int]] = []
    for line in writer.stdout:
        seq, at_ns = map(int, line.split())
        shown.append((seq, at_ns))
        if at_ns - shown[0][1] > 2_200_000_000:
            writer.send_signal(signal.SIGKILL)
            break
    writer.communicate()
    records: list[Record] = list(read_session(path))
    last_read = max(record.seq for record in records)
    due = max(seq for seq, at_ns in shown if at_ns < shown[-1][1] - 1_000_000_000)
    assert last_read >= due > 1000
    assert [record.seq for record in records if record.seq] == list(range(1, last_read + 1))
    assert records[-1].data.startswith(b"s ends early after line ")
