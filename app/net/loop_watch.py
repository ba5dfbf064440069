"""Measures how late the event loop runs, and writes down where it stood when it was late for long. No remedies."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from app.core.clock import NS_PER_MS, NS_PER_S, Clock

TICK_S = 0.1
LATE_S = 0.25
STALL_S = 2.0
_REMEMBER_NS = 2 * NS_PER_S
_LOOK_EVERY_S = 0.25
_MOST_FILES = 10


class LoopWatch:
    """`run` on the loop to be watched. `lag_s` is how late it ran at worst in the last two seconds.

    After two seconds without a tick the loop's stack goes to `folder`, one file a stall, the ten newest kept: places in
    the code only, never values, which may be secret. `on_stall` then gets seconds and file, on the loop.
    """

    def __init__(
        self, clock: Clock, folder: Path, on_stall: Callable[[float, Path | None], None] = lambda seconds, file: None
    ) -> None:
        self.on_stall = on_stall
        self._clock = clock
        self._folder = folder
        self._lags: deque[tuple[int, float]] = deque(maxlen=round(_REMEMBER_NS / NS_PER_S / TICK_S) + 1)
        self._ticked_ns = 0
        self._written: Path | None = None
        self._ended = threading.Event()

    @property
    def lag_s(self) -> float:
        oldest = self._clock.mono_ns() - _REMEMBER_NS
        return max((lag for at, lag in self._lags if at >= oldest), default=0.0)

    async def run(self) -> None:
        """Tick until cancelled."""
        loop_thread = threading.get_ident()
        self._ticked_ns = self._clock.mono_ns()
        self._ended.clear()
        guard = threading.Thread(target=self._guard, args=(loop_thread,), name="loop watch", daemon=True)
        guard.start()
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self._tick()
        finally:
            self._ended.set()

    def _tick(self) -> None:
        now = self._clock.mono_ns()
        lag_s = max(0.0, (now - self._ticked_ns) / NS_PER_S - TICK_S)
        self._ticked_ns = now
        self._lags.append((now, lag_s))
        if lag_s >= STALL_S:
            written, self._written = self._written, None
            self.on_stall(lag_s, written)

    def _guard(self, loop_thread: int) -> None:
        """In a thread of its own, which runs while the loop does not."""
        looked_ns = self._clock.mono_ns()
        while not self._ended.wait(_LOOK_EVERY_S):
            now = self._clock.mono_ns()
            # Where this thread stood still as well, the whole process did: that is nobody's fault here.
            stopped = now - looked_ns > NS_PER_S
            looked_ns = now
            if not stopped and self._written is None and now - self._ticked_ns > STALL_S * NS_PER_S:
                frame = sys._current_frames().get(loop_thread)
                self._written = self._write(frame) if frame is not None else None

    def _write(self, frame: FrameType) -> Path | None:
        file = self._folder / f"stall-{self._clock.wall_ns() // NS_PER_MS}.txt"
        places = [f"{place.filename}:{place.lineno} {place.name}\n" for place in traceback.extract_stack(frame)]
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for old in sorted(self._folder.glob("stall-*.txt"))[: 1 - _MOST_FILES]:
                old.unlink(missing_ok=True)
            file.write_text("".join(places))
        except OSError:
            return None
        return file
