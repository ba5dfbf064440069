"""The only place that reads a clock: wall, monotonic and boot time, and a manual one for tests."""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Clock(Protocol):
    def wall_ns(self) -> int:
        """Time of day. It may step."""
        ...

    def mono_ns(self) -> int:
        """Never steps; on Linux it stands still while the computer sleeps."""
        ...

    def boot_ns(self) -> int:
        """Never steps and counts sleep, where the system offers such a clock."""
        ...


class SystemClock:
    def wall_ns(self) -> int:
        return time.time_ns()

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    if sys.platform == "linux":

        def boot_ns(self) -> int:
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    else:

        def boot_ns(self) -> int:
            return time.monotonic_ns()


class ManualClock:
    """Stands still until told otherwise. `sleep` moves boot and wall but not monotonic time, `step` only the wall."""

    def __init__(self, wall_ns: int = 1_700_000_000 * NS_PER_S) -> None:
        self._wall = wall_ns
        self._mono = NS_PER_S
        self._boot = NS_PER_S

    def wall_ns(self) -> int:
        return self._wall

    def mono_ns(self) -> int:
        return self._mono

    def boot_ns(self) -> int:
        return self._boot

    def advance(self, seconds: float) -> None:
        ns = round(seconds * NS_PER_S)
        self._wall += ns
        self._mono += ns
        self._boot += ns

    def sleep(self, seconds: float) -> None:
        ns = round(seconds * NS_PER_S)
        self._wall += ns
        self._boot += ns

    def step(self, seconds: float) -> None:
        self._wall += round(seconds * NS_PER_S)


def local_zone() -> tuple[str, int]:
    """Name of this computer's time zone now, and its seconds east of UTC; a zone changed meanwhile is taken over."""
    if hasattr(time, "tzset"):
        time.tzset()
    now = time.localtime()
    return now.tm_zone, now.tm_gmtoff


def process_age_s() -> float:
    """Seconds since this process was started, by the kernel's account where it keeps one."""
    try:
        with open("/proc/self/stat") as stat:
            started_ticks = int(stat.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return time.process_time()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
