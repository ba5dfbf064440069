"""Which frames a filter or a search lets through, found in small steps over a moving log. No Qt, no text of its own."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Protocol

from app.core.frames import Frame, FrameLog

Accept = Callable[[Frame], bool]
_CHUNK = 64
"""Frames between two looks at the clock: few, because one message may be megabytes."""


class Rows(Protocol):
    """Frame numbers in ascending order, oldest first."""

    def __len__(self) -> int: ...
    def __getitem__(self, row: int) -> int: ...
    def find(self, seq: int) -> int:
        """Row of that frame, or of the next newer one; `len` when there is none."""
        ...


class AllRows:
    """Every frame that is still in the log."""

    def __init__(self, log: FrameLog) -> None:
        self._log = log

    def __len__(self) -> int:
        return len(self._log)

    def __getitem__(self, row: int) -> int:
        return self._log.first_seq + row

    def find(self, seq: int) -> int:
        return min(max(seq - self._log.first_seq, 0), len(self._log))


class SeqIndex:
    """Frame numbers that grow at both ends: newer ones as they arrive, older ones as a search works its way back."""

    def __init__(self) -> None:
        self._older: array[int] = array("q")  # descending, so that both ends are appends
        self._newer: array[int] = array("q")
        self._gone = 0

    def __len__(self) -> int:
        return len(self._older) + len(self._newer) - self._gone

    def __getitem__(self, row: int) -> int:
        older = len(self._older)
        return self._older[older - 1 - row] if row < older else self._newer[row - older + self._gone]

    def find(self, seq: int) -> int:
        older = self._older
        if older and seq <= older[0]:
            return len(older) - bisect_left(older, -seq + 1, key=lambda known: -known)
        return len(older) + bisect_left(self._newer, seq, self._gone) - self._gone

    def holds(self, seq: int) -> bool:
        row = self.find(seq)
        return row < len(self) and self[row] == seq

    def add_older(self, seqs: Iterable[int]) -> None:
        """Descending, all below what is known."""
        self._older.extend(seqs)

    def add_newer(self, seqs: Iterable[int]) -> None:
        """Ascending, all above what is known."""
        self._newer.extend(seqs)

    def drop_before(self, seq: int) -> None:
        """Forget frames that have left the log."""
        older, newer = self._older, self._newer
        while older and older[-1] < seq:
            older.pop()
        if older:
            return
        self._gone = bisect_left(newer, seq, self._gone)
        if self._gone > 65_536 and self._gone * 2 > len(newer):
            del newer[: self._gone]
            self._gone = 0


class LogScan:
    """Tries every frame of a log, newest first, then each new one; `step` does a slice and says whether more is left.

    `now_ns` is any steadily rising clock. `rows` may be read between steps: results are there as they are found.
    """

    def __init__(self, log: FrameLog, accept: Accept, now_ns: Callable[[], int]) -> None:
        self._log = log
        self._accept = accept
        self._now_ns = now_ns
        self._older_from = log.last_seq
        self._newer_after = log.last_seq
        self.rows = SeqIndex()

    @property
    def done(self) -> bool:
        return self._older_from < self._log.first_seq and self._newer_after >= self._log.last_seq

    @property
    def progress(self) -> float:
        """Share of the kept frames that have been tried, 0 to 1."""
        first, total = self._log.first_seq, len(self._log)
        if not total:
            return 1.0
        left = max(0, self._older_from - first + 1) + max(0, self._log.last_seq - self._newer_after)
        return 1.0 - min(left, total) / total

    def step(self, budget_ns: int) -> bool:
        """Work for about `budget_ns`, at least one chunk; returns whether work remains."""
        log, accept = self._log, self._accept
        end = self._now_ns() + budget_ns
        self.rows.drop_before(log.first_seq)
        while not self.done:
            if self._newer_after < log.last_seq:
                # `since` copies the whole tail, so a long one is walked by number instead.
                self._newer_after = max(self._newer_after, log.first_seq - 1)
                frames: Sequence[Frame] = (
                    log.since(self._newer_after)
                    if log.last_seq - self._newer_after <= _CHUNK
                    else [
                        frame
                        for seq in range(self._newer_after + 1, self._newer_after + _CHUNK)
                        if (frame := log.get(seq))
                    ]
                )
                self.rows.add_newer([frame.seq for frame in frames if accept(frame)])
                self._newer_after = frames[-1].seq
            else:
                frames = list(islice(log.newest_first(self._older_from), _CHUNK))
                self.rows.add_older([frame.seq for frame in frames if accept(frame)])
                self._older_from = frames[-1].seq - 1
            if self._now_ns() >= end:
                break
        return not self.done
