"""Who is refreshed when, what a frame costs, and how the clock slows down and recovers."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from app.core.clock import ManualClock
from app.ui.frame_clock import FrameClock


class Bench:
    """A frame clock whose time and CPU are moved by hand: each refresh costs what the test says."""

    def __init__(self, qtbot) -> None:
        self.qtbot = qtbot
        self.time = ManualClock()
        self.cpu = 0
        self.cost_ms = 1.0
        self.seen: Counter[str] = Counter()
        self.frames = FrameClock(self.time, lambda: self.cpu)
        self.words: list[str] = []
        self.frames.pace_changed.connect(self.words.append)

    def panel(self, name: str, active: bool = False, shown: bool = True) -> Panel:
        panel = Panel(name, self)
        self.qtbot.addWidget(panel)
        panel.setVisible(shown)
        self.frames.add(panel, active)
        return panel

    def run(self, seconds: float) -> None:
        beats = round(seconds * self.frames.hz)
        for _ in range(beats):
            self.time.advance(1 / self.frames.hz)
            self.frames.tick()


class Panel(QWidget):
    def __init__(self, name: str, bench: Bench) -> None:
        super().__init__()
        self.name, self.bench = name, bench
        self.cost_ms: float | None = None
        self.painted_at: list[int] = []

    def refresh(self) -> None:
        self.bench.seen[self.name] += 1
        cost_ms = self.bench.cost_ms if self.cost_ms is None else self.cost_ms
        self.bench.cpu += round(cost_ms * 1e6)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted_at.append(self.bench.seen[self.name])


@pytest.fixture
def bench(qtbot) -> Bench:
    return Bench(qtbot)


def test_the_active_market_is_refreshed_each_tick_and_the_others_in_turn(bench: Bench) -> None:
    bench.panel("active", active=True)
    for name in "abcde":
        bench.panel(name)
    bench.run(1)
    assert bench.seen["active"] == 30
    assert {bench.seen[name] for name in "abcde"} == {6}
    for name in "fghijklmno":
        bench.panel(name)
    bench.seen.clear()
    bench.run(2)
    assert min(bench.seen[name] for name in "abcdefghijklmno") >= 6


def test_charts_of_the_active_market_take_turns(bench: Bench) -> None:
    bench.panel("book", active=True)
    for name in ("candles", "depth"):
        bench.panel(name, active=True).leisurely = True
    bench.run(1)
    assert bench.seen == {"book": 30, "candles": 15, "depth": 15}


def test_many_others_still_get_two_refreshes_a_second_at_the_slowest_rate(bench: Bench) -> None:
    for at in range(23):
        bench.panel(f"p{at}")
    bench.frames._gear = 2
    assert bench.frames.hz == 10
    bench.run(1)
    assert min(bench.seen.values()) >= 2


def test_heavy_others_never_meet_in_a_frame_and_are_still_seen_twice_a_second(bench: Bench) -> None:
    for name in ("candles", "depth"):
        bench.panel(name, active=True).leisurely = True
    for at in range(6):
        bench.panel(f"p{at}")
    bench.cost_ms = 1.5
    met = 0
    for _ in range(60):
        before = sum(bench.seen[f"p{at}"] for at in range(6))
        bench.run(1 / 30)
        met = max(met, sum(bench.seen[f"p{at}"] for at in range(6)) - before)
    assert met == 1
    assert min(bench.seen[f"p{at}"] for at in range(6)) >= 4


def test_a_panel_known_to_be_heavy_stays_alone_in_its_frame(bench: Bench) -> None:
    for name in ("candles", "depth"):
        bench.panel(name, active=True).leisurely = True
    names = [f"p{at}" for at in range(11)]
    for name in names:
        bench.panel(name).cost_ms = 3.0 if name == "p5" else 0.2
    bench.run(1)
    bench.seen.clear()
    together = 0
    for _ in range(90):
        before = bench.seen.copy()
        bench.run(1 / 30)
        now = [name for name in names if bench.seen[name] > before[name]]
        together += "p5" in now and len(now) > 1
    assert together == 0
    assert min(bench.seen[name] for name in names) >= 6


def test_where_heavy_ones_are_too_many_each_is_still_seen_twice_a_second(bench: Bench) -> None:
    for at in range(23):
        bench.panel(f"p{at}")
    bench.cost_ms = 1.5
    bench.frames._gear = 2
    bench.run(1)
    bench.seen.clear()
    bench.run(5)
    assert min(bench.seen.values()) >= 10


def test_hidden_and_minimised_panels_cost_nothing(bench: Bench) -> None:
    bench.panel("hidden", active=True, shown=False)
    small = bench.panel("small", active=True)
    small.showMinimized()
    bench.run(1)
    assert bench.seen == {}


def test_what_rests_behind_a_tab_is_left_alone_and_refreshed_at_once_in_front(bench: Bench) -> None:
    window = QMainWindow()
    bench.qtbot.addWidget(window)
    docks = {}
    for name in ("front", "resting", "working"):
        docks[name] = QDockWidget(name)
        docks[name].setWidget(bench.panel(name, shown=False))
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks[name])
    docks["resting"].widget().rests_behind = True
    window.tabifyDockWidget(docks["front"], docks["resting"])
    window.tabifyDockWidget(docks["resting"], docks["working"])
    window.resize(600, 400)
    window.show()
    docks["front"].raise_()
    behind = docks["resting"].widget()
    bench.qtbot.waitUntil(lambda: not behind.visibleRegion() and docks["front"].x() >= 0)
    for turn in range(3):
        bench.run(1)
        assert bench.seen["resting"] == turn
        assert min(bench.seen["front"], bench.seen["working"]) >= 10 * (turn + 1)
        docks["resting"].raise_()
        bench.qtbot.waitUntil(lambda: bool(behind.visibleRegion()))
        bench.run(1 / 30)
        assert bench.seen["resting"] == turn + 1
        docks["front"].raise_()
        bench.qtbot.waitUntil(lambda: not behind.visibleRegion())


def test_painting_happens_inside_the_tick(bench: Bench) -> None:
    panel = bench.panel("p", active=True)
    bench.qtbot.waitUntil(lambda: bool(panel.painted_at))
    panel.painted_at.clear()
    bench.run(0.1)
    assert panel.painted_at == [1, 2, 3]


def test_the_beat_after_a_frame_that_ran_over_is_left_out(bench: Bench) -> None:
    bench.panel("p", active=True)
    bench.cost_ms = 50
    bench.run(0.2)
    assert bench.seen["p"] == 3
    assert bench.frames.stats().skipped == 3


def test_heavy_frames_slow_the_clock_step_by_step_and_light_ones_bring_it_back(bench: Bench) -> None:
    bench.panel("p", active=True)
    bench.cost_ms = 12
    bench.run(3)
    assert bench.frames.hz == 20
    bench.run(4)
    assert bench.frames.hz == 10
    assert bench.words[-1].endswith("10 Hz (slowed from 30 Hz: frames are heavy)")
    bench.cost_ms = 1
    bench.run(8)
    bench.run(8)
    assert bench.frames.hz == 30
    assert bench.frames.words == "1.0 ms 30 Hz"


def test_one_heavy_frame_changes_nothing(bench: Bench) -> None:
    bench.panel("p", active=True)
    bench.run(2)
    bench.cost_ms = 20
    bench.run(1 / 30)
    bench.cost_ms = 1
    bench.run(4)
    assert bench.frames.hz == 30


def test_the_summary_tells_cost_and_lateness(bench: Bench) -> None:
    bench.panel("p", active=True)
    for at in range(100):
        bench.cost_ms = 9 if at % 50 == 0 else 2
        bench.time.advance(0.033 + (0.004 if at % 10 == 0 else 0))
        bench.frames.tick()
    stats = bench.frames.stats()
    assert stats.frames == 100
    assert stats.frame_ms_p50 == pytest.approx(2, abs=0.06)
    assert stats.frame_ms_p99 == pytest.approx(9, abs=0.06)
    assert stats.lateness_ms_p99 >= 4


def test_a_panel_that_goes_is_forgotten(bench: Bench) -> None:
    panel = bench.panel("gone", active=True)
    bench.panel("stays", active=True)
    bench.frames.remove(panel)
    bench.run(1 / 10)
    assert (bench.seen["gone"], bench.seen["stays"]) == (0, 3)


def test_a_broken_panel_does_not_freeze_the_others(bench: Bench, monkeypatch) -> None:
    broken = bench.panel("broken", active=True)
    bench.panel("fine", active=True)
    monkeypatch.setattr(broken, "refresh", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.run(1 / 30)
    assert bench.seen["fine"] == 1


def test_the_timer_drives_it(qtbot) -> None:
    frames = FrameClock()
    frames.start()
    qtbot.waitUntil(lambda: frames.stats().frames >= 5, timeout=3000)
    frames.stop()


def test_trouble_is_shown_without_waiting_for_the_next_beat(qtbot):
    panel, clock = _CountingPanel(), FrameClock(hz=5)
    qtbot.addWidget(panel)
    panel.show()
    clock.add(panel, active=True)
    clock.soon()
    qtbot.wait(20)
    assert panel.refreshed == 0, "a clock that stands shows nothing"
    clock.start()
    clock.soon()
    clock.soon()
    qtbot.waitUntil(lambda: panel.refreshed > 0, timeout=150)
    assert panel.refreshed == 1
    clock.stop()


class _CountingPanel(QWidget):
    refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1
