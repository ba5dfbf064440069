"""One timer that lets visible panels look at their data, and slows itself when frames are heavy. No panels, no I/O."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.core.clock import NS_PER_MS, Clock, SystemClock

_RATES = (30, 20, 10)
_BUDGET_MS = 8.0
_COMFORT_MS = 6.0
_WINDOW_S = 2.0
_PATIENCE_S = 5.0
_ROUND = 10
_LEAST_HZ = 2
_BEATS = 10
_HEAVY_NS = NS_PER_MS
_PER_MS = 20
_LONGEST_MS = 250
_BETWEEN_HURRIES_NS = 50 * NS_PER_MS


class Refreshing(Protocol):
    """A widget that looks at its data when told to, and does nothing when nothing changed."""

    def refresh(self) -> None: ...


@dataclass(frozen=True)
class FrameStats:
    """Since the start, in milliseconds: CPU of the main thread per frame, and how late the timer came."""

    frames: int
    skipped: int
    hz: int
    frame_ms_p50: float
    frame_ms_p99: float
    lateness_ms_p50: float
    lateness_ms_p99: float


class _Spread:
    """Counts of durations in steps of 0.05 ms: the whole run in 20 kB."""

    def __init__(self) -> None:
        self._counts = array("L", bytes(array("L").itemsize * (_LONGEST_MS * _PER_MS + 1)))
        self.total = 0

    def add(self, ms: float) -> None:
        self._counts[min(int(max(ms, 0.0) * _PER_MS), _LONGEST_MS * _PER_MS)] += 1
        self.total += 1

    def quantile(self, share: float) -> float:
        """Upper edge of the step that holds that share of all durations; 0 before the first."""
        wanted = ceil(self.total * share)
        seen = 0
        for step, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return (step + 1) / _PER_MS
        return 0.0


class FrameClock(QObject):
    """Refreshes active panels each tick, other visible ones in turn (at least twice a second), hidden ones never.

    A panel with `leisurely = True` (a chart) takes turns with the other leisurely ones of the active market, one per
    tick: nobody sees a curve move 30 times a second, and frames stay even. One with `rests_behind = True` is left alone
    while it lies behind another tab, and is refreshed at once when it comes to the front. Painting is done inside the
    tick, so `frame_ms` is the whole cost of a frame. `cpu_ns` reads the CPU time of this thread; tests inject theirs.
    """

    pace_changed = Signal(str)
    """Words for the status bar, when the rate changes: "30 Hz", or why it is lower."""

    def __init__(
        self,
        clock: Clock | None = None,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
        hz: int = _RATES[0],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._clock = clock or SystemClock()
        self._cpu_ns = cpu_ns
        self._rates = (hz, *(rate for rate in _RATES if rate < hz))
        self._gear = 0
        self._panels: list[QWidget] = []
        self._active: set[int] = set()
        self._behind: set[int] = set()
        self._turn = 0
        self._owed = 0.0
        """So many of the others have to be refreshed now, or one of them is seen too seldom."""
        self._usual_ns: dict[int, int] = {}
        """CPU of one refresh of the others: the dearest, long ago weighing less."""
        self._chart_turn = 0
        self._due_ns: int | None = None
        self._skip = False
        self._recent: deque[tuple[int, float]] = deque()
        self._slow_since: int | None = None
        self._calm_since: int | None = None
        self._frame_ms = _Spread()
        self._lateness_ms = _Spread()
        self._phases: list[int] = []
        self._skipped = 0
        self.last_ms = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._hurried_ns = 0
        self._hurry = QTimer(self)
        self._hurry.setSingleShot(True)
        self._hurry.timeout.connect(self._refresh_active)

    @property
    def hz(self) -> int:
        return self._rates[self._gear]

    @property
    def words(self) -> str:
        """For the status bar, such as "3.9 ms 30 Hz"."""
        slowed = "" if self._gear == 0 else f" (slowed from {self._rates[0]} Hz: frames are heavy)"
        return f"{self.recent_p95():.1f} ms {self.hz} Hz{slowed}"

    def start(self) -> None:
        self._due_ns = None
        self._timer.start(self._interval_ms)

    def stop(self) -> None:
        """Call before the panels go: a tick must not reach a deleted widget."""
        self._timer.stop()
        self._hurry.stop()

    def soon(self) -> None:
        """What is on screen may have become untrue: show the market's panels anew without waiting for the next beat."""
        if self._timer.isActive() and self._clock.mono_ns() - self._hurried_ns > _BETWEEN_HURRIES_NS:
            self._hurried_ns = self._clock.mono_ns()
            self._hurry.start(0)

    def _refresh_active(self) -> None:
        self._refresh([panel for panel in self._panels if id(panel) in self._active and panel.isVisible()])

    def add(self, panel: QWidget, active: bool = False) -> None:
        """Register a widget that is `Refreshing`; it leaves by itself when it is destroyed."""
        if panel not in self._panels:
            self._panels.append(panel)
            gone = id(panel)
            panel.destroyed.connect(lambda: self._forget(gone))
        self.set_active(panel, active)

    def remove(self, panel: QWidget) -> None:
        self._forget(id(panel))

    def set_active(self, panel: QWidget, active: bool) -> None:
        """Whether the panel belongs to the market the user works in."""
        (self._active.add if active else self._active.discard)(id(panel))

    def tick(self) -> None:
        """One beat. The timer calls it; tests call it with clocks of their own."""
        now = self._clock.mono_ns()
        self._note_lateness(now)
        if self._skip:
            self._skip = False
            self._skipped += 1
            return
        before = self._cpu_ns()
        try:
            self._refresh(*self._due_panels())
        finally:
            self.last_ms = (self._cpu_ns() - before) / NS_PER_MS
            self._frame_ms.add(self.last_ms)
            self._skip = self.last_ms > self._interval_ms
            self._adapt(now)

    def recent_p95(self) -> float:
        """Of the last two seconds, in milliseconds of CPU."""
        costs = sorted(cost for _, cost in self._recent)
        return costs[min(len(costs) - 1, int(len(costs) * 0.95))] if costs else 0.0

    def stats(self) -> FrameStats:
        return FrameStats(
            frames=self._frame_ms.total,
            skipped=self._skipped,
            hz=self.hz,
            frame_ms_p50=self._frame_ms.quantile(0.50),
            frame_ms_p99=self._frame_ms.quantile(0.99),
            lateness_ms_p50=self._lateness_ms.quantile(0.50),
            lateness_ms_p99=self._lateness_ms.quantile(0.99),
        )

    @property
    def _interval_ms(self) -> int:
        return 1000 // self.hz

    def _forget(self, gone: int) -> None:
        self._panels = [panel for panel in self._panels if id(panel) != gone]
        self._active.discard(gone)
        self._behind.discard(gone)
        self._usual_ns.pop(gone, None)

    def _note_lateness(self, now: int) -> None:
        interval = self._interval_ms * NS_PER_MS
        if self._due_ns is None:
            self._due_ns = now + interval
            self._phases.clear()
            return
        late = now - self._due_ns
        self._lateness_ms.add(max(late, 0) / NS_PER_MS)
        self._phases.append(late)
        # A timer that missed whole beats starts a new count; otherwise one pause would look like many.
        self._due_ns = self._due_ns + interval if 0 <= late < interval else now + interval
        if len(self._phases) == _BEATS:
            # As much later with every beat: Qt has moved the beat itself, after a pause that missed one barely.
            self._due_ns += max(0, min(self._phases))
            self._phases.clear()

    def _due_panels(self) -> tuple[list[QWidget], list[QWidget]]:
        """Those of the market, and those of the others whose turn it is."""
        seen = [panel for panel in self._panels if panel.isVisible() and not panel.window().isMinimized()]
        back = self._leave_behind(seen)
        active = [panel for panel in seen if id(panel) in self._active]
        due = [panel for panel in active if not getattr(panel, "leisurely", False)]
        charts = [panel for panel in active if getattr(panel, "leisurely", False)]
        if charts:
            self._chart_turn = (self._chart_turn + 1) % len(charts)
            due.append(charts[self._chart_turn])
        due += [panel for panel in back if panel not in due]
        others = [panel for panel in seen if id(panel) not in self._active and panel not in due]
        # The others come only with the last chart, so that no tick carries two charts' worth of work.
        if not others or (charts and self._chart_turn < len(charts) - 1):
            return due, []
        # A round in ten ticks is 3 Hz for each at 30 Hz; slower clocks hold the promise of 2 Hz and no more.
        rounds = max(len(charts), 1)
        count = ceil(len(others) * rounds / min(_ROUND, self.hz // 2))
        self._owed += len(others) * rounds * _LEAST_HZ / self.hz
        start = self._turn % len(others)
        return due, (others[start:] + others[:start])[:count]

    def _leave_behind(self, seen: list[QWidget]) -> list[QWidget]:
        """Take out of `seen` what rests behind another tab; returns what has come to the front since the last tick."""
        back = []
        for panel in [panel for panel in seen if getattr(panel, "rests_behind", False)]:
            # Qt does not hide what is behind: it moves the dock out of the window.
            window = panel.window()
            if not window.rect().intersects(QRect(panel.mapTo(window, QPoint()), panel.size())):
                seen.remove(panel)
                self._behind.add(id(panel))
            elif id(panel) in self._behind:
                self._behind.discard(id(panel))
                back.append(panel)
        return back

    def _refresh(self, panels: list[QWidget], others: Sequence[QWidget] = ()) -> None:
        windows = {}
        broken: Exception | None = None
        dearest = 0
        for panel in [*panels, *others]:
            usual = self._usual_ns.get(id(panel), 0)
            if dearest and max(dearest, usual) > _HEAVY_NS and self._owed < 1:
                # What is left waits for the next turn: a heavy one meets others only where they are too many.
                break
            before = self._cpu_ns()
            try:
                panel.refresh()  # type: ignore[attr-defined]  # `Refreshing` and a widget at once
            except Exception as error:  # one broken panel must not freeze the others; the first error is told below
                broken = broken or error
            windows[id(panel.window())] = panel.window()
            if panel in others:
                took = self._cpu_ns() - before
                dearest = max(dearest, took)
                self._usual_ns[id(panel)] = max(took, usual * 9 // 10)
                self._turn += 1
                self._owed = max(self._owed - 1, 0.0)
        for window in windows.values():
            QCoreApplication.sendPostedEvents(window, QEvent.Type.UpdateRequest)
        if broken is not None:
            raise broken

    def _adapt(self, now: int) -> None:
        self._recent.append((now, self.last_ms))
        while self._recent and now - self._recent[0][0] > _WINDOW_S * 1e9:
            self._recent.popleft()
        p95 = self.recent_p95()
        self._slow_since = (self._slow_since or now) if p95 > _BUDGET_MS else None
        self._calm_since = (self._calm_since or now) if p95 < _COMFORT_MS else None
        if self._slow_since and now - self._slow_since >= _WINDOW_S * 1e9 and self._gear < len(self._rates) - 1:
            self._shift(+1)
        elif self._calm_since and now - self._calm_since >= _PATIENCE_S * 1e9 and self._gear:
            self._shift(-1)

    def _shift(self, by: int) -> None:
        self._gear += by
        self._slow_since = self._calm_since = None
        self._due_ns = None
        if self._timer.isActive():
            self._timer.start(self._interval_ms)
        self.pace_changed.emit(self.words)
        self._recent.clear()
