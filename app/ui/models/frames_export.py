"""Frames written to a JSON-lines file in small steps, so that a million of them never stalls the screen. No Qt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from app.core.frames import FrameLog
from app.ui.payload_views import json_line


class FrameExport:
    """Writes beside the target and moves the file into place at the end: a file of that name is always complete.

    Frames are written as the log holds them, that is redacted: `redacted` counts the masked values. `missing` counts
    frames that left the log meanwhile.
    Raises OSError from the constructor or from `step`.
    """

    def __init__(self, log: FrameLog, seqs: Iterable[int], path: Path, now_ns: Callable[[], int]) -> None:
        self._log = log
        self._seqs = iter(seqs)
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._now_ns = now_ns
        self._file: IO[str] = open(self._part, "w", encoding="utf-8", newline="\n")
        self.written = 0
        self.missing = 0
        self.redacted = 0
        self.done = False

    def step(self, budget_ns: int) -> bool:
        """Work for about `budget_ns`; returns whether work remains."""
        end = self._now_ns() + budget_ns
        while not self.done:
            seq = next(self._seqs, None)
            if seq is None:
                self._file.close()
                os.replace(self._part, self._path)
                self.done = True
                break
            frame = self._log.get(seq)
            if frame is None:
                self.missing += 1
            else:
                line = json_line(frame)
                self._file.write(f"{line}\n")
                self.redacted += line.count("<redacted:")
                self.written += 1
            if self._now_ns() >= end:
                break
        return not self.done

    def cancel(self) -> None:
        """Stop and leave nothing behind."""
        if not self.done:
            self._file.close()
            self._part.unlink(missing_ok=True)
            self.done = True
