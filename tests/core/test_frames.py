"""Frames are numbered from 1 for ever; the ring is bounded by count and by bytes and says what left it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import ManualClock
from app.core.frames import Direction, Frame, FrameKind, FrameLog, Recorder


def log(max_frames: int = 1000, max_bytes: int = 1 << 20) -> FrameLog:
    return FrameLog(ManualClock(), max_frames, max_bytes)


def add(frames: FrameLog, payload: bytes = b"x", direction: Direction = Direction.IN) -> Frame:
    return frames.add("poloniex:main/public", 1, direction, FrameKind.WS, payload)


def test_numbers_start_at_one_and_find_their_frame() -> None:
    frames = log()
    assert (frames.first_seq, frames.last_seq, frames.get(1), len(frames)) == (1, 0, None, 0)
    kept = [add(frames, payload) for payload in (b"a", b"b", b"c")]
    assert [frame.seq for frame in kept] == [1, 2, 3]
    assert [frames.get(seq) for seq in (1, 2, 3)] == kept
    assert (frames.get(0), frames.get(-1), frames.get(4)) == (None, None, None)


def test_time_stamps_are_the_clocks_unless_given() -> None:
    clock = ManualClock(wall_ns=5_000)
    frames = FrameLog(clock)
    frame = add(frames)
    assert (frame.wall_ns, frame.mono_ns) == (5_000, clock.mono_ns())
    replayed = frames.add("okx/rest", 2, Direction.OUT, FrameKind.REST, b"", wall_ns=77, answers=1, method="GET")
    assert (replayed.wall_ns, replayed.answers, replayed.method) == (77, 1, "GET")


def test_exchange_is_the_first_part_of_the_connection() -> None:
    assert add(log()).exchange == "poloniex:main"


def test_only_what_came_in_counts_as_received() -> None:
    frames = log()
    add(frames)
    add(frames, direction=Direction.OUT)
    assert frames.received == 1


def test_newest_first_and_since() -> None:
    frames = log()
    for _ in range(5):
        add(frames)
    assert [frame.seq for frame in frames.newest_first()] == [5, 4, 3, 2, 1]
    assert [frame.seq for frame in frames.newest_first(3)] == [3, 2, 1]
    assert [frame.seq for frame in frames.newest_first(99)] == [5, 4, 3, 2, 1]
    assert [frame.seq for frame in frames.since(3)] == [4, 5]
    assert (frames.since(5), len(frames.since(0))) == ([], 5)


def test_count_is_bounded_and_numbers_go_on() -> None:
    frames = log(max_frames=100)
    for _ in range(10_000):
        add(frames)
    assert 100 <= len(frames) <= 100 + 4096
    assert frames.last_seq == 10_000
    assert frames.dropped == 10_000 - len(frames) == frames.first_seq - 1
    oldest = frames.get(frames.first_seq)
    assert oldest is not None and oldest.seq == frames.first_seq
    assert frames.get(frames.first_seq - 1) is None
    assert [frame.seq for frame in frames.newest_first(frames.first_seq)] == [frames.first_seq]
    assert list(frames.newest_first(1)) == []
    assert len(frames.since(0)) == len(frames)


def test_bytes_are_bounded() -> None:
    frames = log(max_bytes=10_000)
    for _ in range(200):
        add(frames, bytes(300))
        assert frames.bytes <= 10_000
    assert frames.bytes == 300 * len(frames)


def test_one_frame_larger_than_the_ring_is_still_there_to_be_seen() -> None:
    frames = log(max_bytes=1000)
    add(frames)
    giant = add(frames, bytes(5000))
    assert [frame.seq for frame in frames.newest_first()] == [giant.seq]
    assert [frame.seq for frame in frames.since(0)] == [2]


def test_recorder_gets_every_frame() -> None:
    class Tape(Recorder):
        def __init__(self) -> None:
            self.frames: list[Frame] = []

        def record(self, frame: Frame) -> None:
            self.frames.append(frame)

    frames, tape = log(max_bytes=100), Tape()
    frames.recorder = tape
    added = [add(frames, bytes(60)) for _ in range(5)]
    assert tape.frames == added


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=120), st.integers(200, 3000))
def test_the_ring_is_always_the_newest_frames_without_a_hole(sizes: list[int], max_bytes: int) -> None:
    frames = log(max_frames=20, max_bytes=max_bytes)
    frames._BATCH = 10  # type: ignore[misc]
    for size in sizes:
        add(frames, bytes(size))
    held = [frame.seq for frame in frames.since(0)]
    assert held == list(range(frames.first_seq, len(sizes) + 1))
    assert len(held) <= 30
    assert frames.bytes == sum(len(frame.payload) for frame in frames.since(0))
    assert frames.bytes <= max_bytes or len(held) == 1
