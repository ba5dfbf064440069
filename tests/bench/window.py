"""The real program: its frames and loop at 5,000 messages a second, its start, and a click's way to the socket."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import msgspec

from app.core.types import OrderType
from app.twin_process import TwinProcess
from tests.bench.figures import Figure
from tests.e2e.conftest import PAIR, open_desk
from tests.until import until

_EMPTY = """
import sys
sys.path.insert(0, "")
from app.core.clock import process_age_s
from PySide6.QtWidgets import QApplication
import pyqtgraph
app = QApplication([])
window = pyqtgraph.PlotWidget()
window.resize(1920, 1080)
window.show()
app.processEvents()
print(process_age_s())
"""


_WANTED = 5_000
_MADE = 6_200
"""The twin counts the messages of all its markets; the window follows six of the eight, which make 87 of 100, and what
arrives is counted from the start of the program.
"""


def under_load() -> list[Figure]:
    """One market full screen while 5,000 messages a second come in."""
    twin = TwinProcess("poloniex", seed=9, rate=_MADE)
    try:
        line = msgspec.json.encode(twin.read_line()).decode()
        told = _run(["--twin", line, "--seconds", "25", "--size", "1920x1080"])
    finally:
        twin.stop()
    ui = told["ui"]
    rate = told["exchanges"]["poloniex"]["messages"] / told["seconds"]
    note = f"at {rate:,.0f} msg/s received"
    return [
        Figure("messages a second received meanwhile", rate, "1/s", _WANTED, True),
        Figure("main-thread time per frame, one market 1920x1080, p50", ui["frame_ms_p50"], "ms", None, False, note),
        Figure("main-thread time per frame, one market 1920x1080, p99", ui["frame_ms_p99"], "ms", 8, False, note),
        Figure("event-loop lateness, p99", ui["loop_lag_ms_p99"], "ms", 12, False, note),
    ]


def six_markets() -> list[Figure]:
    """The six markets of six twins side by side at 30 Hz, each with its book and depth chart."""
    with tempfile.TemporaryDirectory() as profile:
        (Path(profile) / "layout.json").write_text('{"current": "markets"}')
        told = _run(["--paper", "all", "--seconds", "90", "--size", "1920x1080"], profile)
    ui, note = told["ui"], f"{len(told['exchanges'])} exchanges, the start of the program included"
    return [
        Figure("main-thread time per frame, six markets 1920x1080, p50", ui["frame_ms_p50"], "ms", None, False, note),
        Figure("main-thread time per frame, six markets 1920x1080, p99", ui["frame_ms_p99"], "ms", 8, False, note),
    ]


def start() -> list[Figure]:
    """Process start to a window painted with a live book, beside an empty Qt and pyqtgraph window."""
    with tempfile.TemporaryDirectory() as profile:
        runs = [_run(["--seconds", "4", "--size", "1920x1080"], profile)["ui"]["first_book_s"] for _ in range(6)][1:]
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    empty = [
        float(subprocess.run([sys.executable, "-c", _EMPTY], capture_output=True, env=environment, check=True).stdout)
        for _ in range(6)
    ][1:]
    ours, bare = statistics.median(runs), statistics.median(empty)
    return [
        Figure("second start to a live book in the window (median of 5)", ours, "s", 1.5),
        Figure("empty PySide6 + pyqtgraph window (median of 5)", bare, "s"),
        Figure("second start / empty window", ours / bare, "ratio"),
    ]


def click() -> list[Figure]:
    """From the click's call to the signed bytes on the socket, the journal's commit to disk included."""
    twin = TwinProcess("poloniex", seed=4)
    try:
        with tempfile.TemporaryDirectory() as folder:
            taken = asyncio.run(_clicks(twin, Path(folder)))
    finally:
        twin.stop()
    taken.sort()
    return [
        Figure("click to signed bytes on the socket, p50", taken[len(taken) // 2], "ms"),
        Figure("click to signed bytes on the socket, p99", taken[len(taken) * 99 // 100], "ms", 10),
    ]


async def _clicks(twin: TwinProcess, folder: Path, count: int = 300) -> list[float]:
    workspace, exchange = await open_desk(twin.read_line(), folder)
    await until(lambda: exchange.ready, 20)
    clock = workspace.clock
    clicked: dict[bytes, int] = {}
    taken: list[float] = []

    def on_wire(request: object, boot_ns: int) -> None:
        for key in [key for key in clicked if key in request.body]:  # type: ignore[attr-defined]
            taken.append((boot_ns - clicked.pop(key)) / 1e6)

    exchange.venue.rest.on_wire = on_wire  # type: ignore[attr-defined]
    mid = exchange.order_books[PAIR].mid
    assert mid is not None
    for number in range(count):
        at = clock.boot_ns()
        price = mid * Decimal("0.9") - number
        key = exchange.buy(PAIR, Decimal("0.0001"), OrderType.LIMIT, price)
        clicked[key.encode()] = at
        # The account may place 50 orders a second; the pace of a quick hand is enough here.
        await asyncio.sleep(0.03)
    await until(lambda: len(taken) == count, 20)
    await workspace.close()
    return taken


def _run(arguments: list[str], profile: str | None = None) -> dict:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as fresh:
        command = [sys.executable, "-m", "app", "--offscreen", "--summary", "--profile", profile or fresh, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]
