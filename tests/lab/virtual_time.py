"""An event loop whose time jumps to the next timer whenever nothing is ready, and a clock that follows it.

A minute of waiting costs nothing, and the same work with the same seed runs the same way.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.core.clock import NS_PER_S

T = TypeVar("T")
START_WALL_S = 1_795_000_000


class _Timeless(selectors.BaseSelector):
    """Passes the real selector's files through and turns waiting into a jump of the loop's time."""

    def __init__(self, real: selectors.BaseSelector, loop: VirtualTimeLoop) -> None:
        self._real = real
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            # Nothing is planned: only another thread could wake us, and there is none.
            raise RuntimeError("virtual time stands still: everything waits for something that is not planned")
        self._loop.now_s += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """No sockets, no threads: timers only. `now_s` is its time."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        super().__init__()
        self._selector = _Timeless(self._selector, self)  # type: ignore[has-type]

    def time(self) -> float:
        return self.now_s


class VirtualClock:
    """The three faces of a clock over a loop's time; `wall_off_s` is how wrong the time of day is."""

    def __init__(self, loop: VirtualTimeLoop, wall_off_s: float = 0.0) -> None:
        self._loop = loop
        self._wall_off_ns = round(wall_off_s * NS_PER_S)

    def wall_ns(self) -> int:
        return START_WALL_S * NS_PER_S + self.mono_ns() + self._wall_off_ns

    def mono_ns(self) -> int:
        return round(self._loop.now_s * NS_PER_S)

    def boot_ns(self) -> int:
        return self.mono_ns()


def run(loop: VirtualTimeLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, check that no task is left, and close the loop."""
    try:
        result = loop.run_until_complete(work)
        left = asyncio.all_tasks(loop)
        assert not left, f"left running: {left}"
        return result
    finally:
        loop.close()
