"""Sleep and waking, again and again: `python -m tests.lab.suspend_cycles --cycles 200 --seed 1`.

A desk with its window (off screen), an account and a resting order, behind the fault proxy. In each cycle wall and boot
time jump by 1.1 s to 8 h while monotonic time stands still, as Linux does it. Measured until the banner says so, and
until everything has been asked again. Every frame in between is looked at: a price of before must not look live.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct, field

from app.core.order_state import OrderState
from app.net.reconnect import HandshakeBudget
from app.twin_process import TwinProcess
from tests.lab.clock import ShiftedClock
from tests.lab.desk import PAIR, Desk
from tests.lab.fault_proxy import FaultProxy
from tests.lab.figures import spread
from tests.lab.window_run import in_window
from tests.until import until

BANNER_MS, READY_MS = 1_000.0, 10_000.0
LONGEST_S = 8 * 3_600.0


class Outcome(Struct):
    banner_ms: list[float] = field(default_factory=list)
    ready_ms: list[float] = field(default_factory=list)
    stale_as_live: int = 0
    """Frames in which the book of before the sleep looked live."""
    frames: int = 0
    resent: int = 0
    """Orders placed without a click."""

    def figures(self) -> dict[str, Any]:
        told = {"banner_ms": spread(self.banner_ms), "ready_ms": spread(self.ready_ms)}
        return told | {name: getattr(self, name) for name in ("frames", "stale_as_live", "resent")}


async def cycles(count: int, chance: Random, folder: Path) -> Outcome:
    process = TwinProcess("poloniex", seed=5)
    line = await asyncio.get_running_loop().run_in_executor(None, process.read_line)
    proxy = FaultProxy(line.rest)
    await proxy.start()
    clock = ShiftedClock()
    desk = Desk(folder, proxy, clock=clock, random=chance)
    outcome = Outcome()
    try:
        await desk.open(line)
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="the order")
        posts = len(proxy.asked("POST", "/orders"))
        for _ in range(count):
            await desk.live(60)
            await until(lambda: not desk.banners(), 10, "no banner of the last cycle")
            await _cycle(desk, clock, chance.uniform(1.1, chance.choice([5.0, 300.0, LONGEST_S])), outcome)
        outcome.resent = len(proxy.asked("POST", "/orders")) - posts
    finally:
        proxy.heal()
        await desk.close()
        await proxy.stop()
        process.stop()
    return outcome


async def _cycle(desk: Desk, clock: ShiftedClock, seconds: float, outcome: Outcome) -> None:
    loop, book = asyncio.get_running_loop(), desk.exchange.order_books[PAIR]
    old = book.snapshots
    clock.sleep(seconds)
    woke = loop.time()
    banner_s = ready_s = 0.0
    while not ready_s:
        # The next frame of the screen is what a trader sees next, so it is painted before looking.
        desk.window.ladder.refresh()
        outcome.frames += 1
        outcome.stale_as_live += desk.book() == "live" and book.snapshots == old
        now = loop.time() - woke
        if not banner_s and any("Computer slept" in words for words in desk.banners()):
            banner_s = now
        if banner_s and desk.exchange.ready and desk.book() == "live":
            ready_s = now
        if now > 60:
            raise AssertionError(f"not ready a minute after a sleep of {seconds:.0f} s")
        await asyncio.sleep(0.005)
    outcome.banner_ms.append(banner_s * 1e3)
    outcome.ready_ms.append(ready_s * 1e3)


def is_kept(outcome: Outcome) -> bool:
    fast = max(outcome.banner_ms) <= BANNER_MS and max(outcome.ready_ms) <= READY_MS
    return fast and not outcome.stale_as_live and not outcome.resent


def run(count: int, seed: int) -> Outcome:
    """As `cycles`, with a window of its own."""
    # Cycles follow each other faster than any lid: the budget would make the run wait.
    HandshakeBudget.PER_WINDOW = 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        return in_window(cycles(count, Random(seed), Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    outcome = run(options.cycles, options.seed)
    print(json.dumps(outcome.figures()))
    return 0 if is_kept(outcome) else 1


if __name__ == "__main__":
    sys.exit(main())
