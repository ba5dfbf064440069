"""The system's clock with three faces that a test can move."""

from __future__ import annotations

from app.core.clock import NS_PER_S, SystemClock


class ShiftedClock(SystemClock):
    """Runs with the real one. `sleep` is what a laptop's lid does, `step` what a time server does to the wall clock."""

    def __init__(self, wall_s: float = 0.0) -> None:
        self._wall_ns = round(wall_s * NS_PER_S)
        self._boot_ns = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self._wall_ns

    def boot_ns(self) -> int:
        return super().boot_ns() + self._boot_ns

    def sleep(self, seconds: float) -> None:
        """Wall and boot time run on; monotonic time stands still."""
        ns = round(seconds * NS_PER_S)
        self._wall_ns += ns
        self._boot_ns += ns

    def step(self, seconds: float) -> None:
        self._wall_ns += round(seconds * NS_PER_S)
