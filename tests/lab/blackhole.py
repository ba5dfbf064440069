"""How soon a dead line shows on screen: `python -m tests.lab.blackhole --closed 100 --silent 50`.

A desk with its window (off screen) and a twin behind the fault proxy. Closed: the socket is reset; measured until the
book's badge on screen is no longer live. Silent: nothing comes through any more; measured from the last frame until the
badge is aging, and until the socket is given up. The pauses between attempts to come back are cut short: they are not
what is measured, and 30 connections in 5 minutes would make the run take hours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.core.clock import NS_PER_S
from app.core.links import LinkState
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.twin_process import TwinProcess
from tests.lab.desk import Desk
from tests.lab.fault_proxy import FaultProxy
from tests.lab.figures import spread
from tests.lab.window_run import in_window
from tests.until import until

CLOSED_MS, SILENT_MS, DEAD_MS = 250.0, 2_000.0, 6_000.0
_LOOK_S = 0.001


def hurry() -> None:
    """Come back at once after each trial."""
    HandshakeBudget.PER_WINDOW = 1_000_000
    ReconnectPolicy.lost = lambda self, carried_data_s: 0.0  # type: ignore[method-assign]


async def trials(closed: int, silent: int, folder: Path) -> dict[str, list[float]]:
    """Milliseconds of every trial: `closed`, `silent` (grey) and `dead`."""
    process = TwinProcess("poloniex", seed=5)
    line = await asyncio.get_running_loop().run_in_executor(None, process.read_line)
    proxy = FaultProxy(line.rest)
    await proxy.start()
    desk = Desk(folder, proxy)
    found: dict[str, list[float]] = {"closed": [], "silent": [], "dead": []}
    try:
        await desk.open(line)
        for _ in range(closed):
            await desk.live(60)
            found["closed"].append(await _closed(desk))
        for _ in range(silent):
            await desk.live(60)
            grey_ms, dead_ms = await _silent(desk)
            found["silent"].append(grey_ms)
            found["dead"].append(dead_ms)
    finally:
        proxy.heal()
        await desk.close(cancel=False)
        await proxy.stop()
        process.stop()
    return found


async def _closed(desk: Desk) -> float:
    loop = asyncio.get_running_loop()
    start = loop.time()
    desk.proxy.reset()
    while desk.book() == "live":
        await asyncio.sleep(_LOOK_S)
    return (loop.time() - start) * 1e3


async def _silent(desk: Desk) -> tuple[float, float]:
    """From the last frame to a grey badge, and from the silence to the end of the socket."""
    clock, status = desk.exchange.venue.clock, desk.exchange.links[0]
    desk.proxy.freeze()
    frozen_ns, epoch = clock.mono_ns(), status.epoch
    while desk.book() == "live":
        await asyncio.sleep(_LOOK_S)
    grey_ns, last_ns = clock.mono_ns(), status.last_recv_ns
    await until(lambda: status.state is not LinkState.LIVE or status.epoch > epoch, 20, "the socket to be given up")
    dead_ns = clock.mono_ns()
    desk.proxy.thaw()
    return (grey_ns - last_ns) / NS_PER_S * 1e3, (dead_ns - frozen_ns) / NS_PER_S * 1e3


def is_kept(found: dict[str, list[float]]) -> bool:
    limits = (("closed", CLOSED_MS), ("silent", SILENT_MS), ("dead", DEAD_MS))
    return all(ms <= limit for name, limit in limits for ms in found[name])


def run(closed: int, silent: int) -> dict[str, list[float]]:
    """As `trials`, with a window of its own."""
    hurry()
    with tempfile.TemporaryDirectory() as folder:
        return in_window(trials(closed, silent, Path(folder)))


def figures(found: dict[str, list[float]]) -> dict[str, Any]:
    return {f"{name}_ms": spread(values) for name, values in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--closed", type=int, default=50)
    parser.add_argument("--silent", type=int, default=10)
    options = parser.parse_args()
    found = run(options.closed, options.silent)
    print(json.dumps(figures(found)))
    return 0 if is_kept(found) else 1


if __name__ == "__main__":
    sys.exit(main())
