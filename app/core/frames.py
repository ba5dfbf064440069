"""Every message in and out, numbered, in one bounded ring. No files: recording is `net.recorder`'s."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from app.core.clock import Clock


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class FrameKind(StrEnum):
    WS = "ws"
    REST = "rest"
    CONTROL = "control"
    """Our own note in the timeline: connected, closed, dropped."""


class Frame(Struct, frozen=True, kw_only=True, gc=False):
    """One message, already redacted.

    `connection` is "exchange[:account]/link", such as "poloniex/public"; `epoch` counts its reconnects;
    `exchange` is its first part. `answers` is the `seq` of the request that a REST reply belongs to.
    """

    seq: int
    connection: str
    epoch: int
    direction: Direction
    kind: FrameKind
    wall_ns: int
    mono_ns: int
    payload: bytes
    method: str = ""
    path: str = ""
    status: int = 0
    answers: int = 0

    @property
    def exchange(self) -> str:
        return self.connection.partition("/")[0]


class FrameLog:
    """The newest frames, at most `max_frames` and about `max_bytes` of payload; `dropped` says how many left it.

    Numbers start at 1 and never repeat, so `get` is an index, not a search.
    """

    # Old frames leave in batches: deleting from the front of a list moves all the rest.
    _BATCH = 4096

    def __init__(self, clock: Clock, max_frames: int = 1_000_000, max_bytes: int = 192 << 20) -> None:
        self._clock = clock
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._frames: list[Frame] = []
        self.bytes = 0
        self.dropped = 0
        self.received = 0
        self.recorder: Recorder | None = None

    @property
    def first_seq(self) -> int:
        """Number of the oldest frame still held (or of the next one, when empty)."""
        return self.dropped + 1

    @property
    def last_seq(self) -> int:
        return self.dropped + len(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self,
        connection: str,
        epoch: int,
        direction: Direction,
        kind: FrameKind,
        payload: bytes,
        *,
        method: str = "",
        path: str = "",
        status: int = 0,
        answers: int = 0,
        wall_ns: int | None = None,
    ) -> Frame:
        clock = self._clock
        frame = Frame(
            seq=self.dropped + len(self._frames) + 1,
            connection=connection,
            epoch=epoch,
            direction=direction,
            kind=kind,
            wall_ns=clock.wall_ns() if wall_ns is None else wall_ns,
            mono_ns=clock.mono_ns(),
            payload=payload,
            method=method,
            path=path,
            status=status,
            answers=answers,
        )
        self._frames.append(frame)
        self.bytes += len(payload)
        if direction is Direction.IN:
            self.received += 1
        if len(self._frames) > self._max_frames + self._BATCH or self.bytes > self._max_bytes:
            self._evict()
        if self.recorder is not None:
            self.recorder.record(frame)
        return frame

    def get(self, seq: int) -> Frame | None:
        """The frame of that number, or None when it has left the ring or never was."""
        index = seq - self.dropped - 1
        return self._frames[index] if 0 <= index < len(self._frames) else None

    def newest_first(self, from_seq: int | None = None) -> Iterator[Frame]:
        start = len(self._frames) if from_seq is None else min(from_seq - self.dropped, len(self._frames))
        for index in range(start - 1, -1, -1):
            yield self._frames[index]

    def since(self, seq: int) -> list[Frame]:
        """Frames with a number above `seq`, oldest first."""
        return self._frames[max(0, seq - self.dropped) :]

    def _evict(self) -> None:
        count = max(len(self._frames) - self._max_frames, 0)
        spare = self.bytes - self._max_bytes * 15 // 16 if self.bytes > self._max_bytes else 0
        freed = sum(len(frame.payload) for frame in self._frames[:count])
        while freed < spare and count < len(self._frames) - 1:
            freed += len(self._frames[count].payload)
            count += 1
        del self._frames[:count]
        self.bytes -= freed
        self.dropped += count


class Recorder:
    """What a frame log writes to. The file format is `net.recorder`'s."""

    def record(self, frame: Frame) -> None:
        raise NotImplementedError
