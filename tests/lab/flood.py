"""How the window bears a flood: `python -m tests.lab.flood --rate 20000 --minutes 1`.

The real window (offscreen), a twin for the account, and a third process that floods the market data socket. Measured:
messages a second that arrived, growth of this process's memory, how late its loop ran, how long a cancel takes from the
moment it is due to its arrival at the other end, and what a bomb of 60 MiB costs. `--assert` fails on a missed goal:
64 MiB, 50 ms, 100 ms (p99), 8 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import qasync
from msgspec.structs import replace
from PySide6.QtWidgets import QApplication

from app.config import CaptureConfig, Config
from app.core.types import OrderType
from app.process_memory import resident_bytes
from app.twin_process import TwinLine, TwinProcess
from app.ui import theme as look
from tests.lab.desk import PAIR, Desk
from tests.until import until

_PAIRS = (PAIR, "ETH-USDT", "TRX-USDT", "DOGE-USDT")
_TICK_S = 0.005
_CANCEL_EVERY_S = 0.7
_WARM_S = 8.0
_GOALS = {"memory growth, MiB": 64.0, "loop late p99, ms": 50.0, "cancel p99, ms": 100.0, "bomb, MiB": 8.0}


def share(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def peak_bytes() -> int:
    """The most memory since `reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


class Measure:
    """Ticks of the loop, and cancels."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.due_ns: list[int] = []
        self.arrived_ns: list[int] = []

    async def tick(self) -> None:
        while True:
            due = time.monotonic() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.late_ms.append(max(0.0, time.monotonic() - due) * 1e3)

    async def cancel(self, desk: Desk) -> None:
        """An order placed, and cancelled when its moment comes: the time counts from then, late loop included."""
        loop = asyncio.get_running_loop()
        exchange = desk.exchange
        while True:
            price = Decimal("40000")
            key = exchange.buy(PAIR, Decimal("0.001"), OrderType.LIMIT, price)
            order = exchange.orders.get(key)
            assert order is not None
            await until(lambda order=order: order.exchange_order_id or order.is_done, 10, "an accepted order")
            clicked = asyncio.Event()
            due = loop.time() + _CANCEL_EVERY_S
            loop.call_at(due, clicked.set)
            await clicked.wait()
            if order.is_done:
                continue
            seen = len(self.arrived_ns)
            self.due_ns.append(int(due * 1e9))
            await exchange.cancel(key)
            await until(lambda seen=seen: len(self.arrived_ns) > seen, 10, "the cancel over there")


async def _read(server: Popen[bytes], measure: Measure) -> None:
    assert server.stdout is not None
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, server.stdout.readline):
        measure.arrived_ns.append(json.loads(line)["cancel_ns"])


async def flood(desk: Desk, line: TwinLine, server: Popen[bytes], seconds: float) -> dict[str, float]:
    measure = Measure()
    await desk.open(line, ready=False)
    reading = asyncio.create_task(_read(server, measure))
    for pair in _PAIRS:
        desk.exchange.watch(pair)
    await until(lambda: desk.exchange.ready, 60, "a live desk")
    await asyncio.sleep(_WARM_S)
    # The ring of messages takes what it may; growth is what comes on top of a full one.
    await until(lambda: desk.workspace.log.dropped, 600, "a full ring")
    link = desk.exchange.links[0]
    before, messages, started = resident_bytes(), link.messages, time.monotonic()
    work = [asyncio.create_task(measure.tick()), asyncio.create_task(measure.cancel(desk))]
    ended = time.monotonic() + seconds
    growth = 0
    while time.monotonic() < ended:
        await asyncio.sleep(min(1.0, max(0.0, ended - time.monotonic())))
        growth = max(growth, resident_bytes() - before)
        for task in work:
            if task.done():
                task.result()
    rate = (link.messages - messages) / (time.monotonic() - started)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    states = {pair: desk.exchange.freshness(pair).state for pair in _PAIRS}
    frames = desk.window.figures()
    bomb = await _bomb(desk, server)
    cancels = [
        (arrived - due) / 1e6
        for due, arrived in zip(measure.due_ns, measure.arrived_ns, strict=False)
        if arrived >= due
    ]
    result = {
        "messages a second": rate,
        "memory at the start, MiB": before / (1 << 20),
        "memory growth, MiB": growth / (1 << 20),
        "messages kept": float(len(desk.workspace.log)),
        "loop late p50, ms": share(measure.late_ms, 0.5),
        "loop late p99, ms": share(measure.late_ms, 0.99),
        "loop late worst, ms": max(measure.late_ms, default=0.0),
        "cancels": float(len(cancels)),
        "cancel p50, ms": share(cancels, 0.5),
        "cancel p99, ms": share(cancels, 0.99),
        "frame p99, ms": frames["frame_ms_p99"] or 0.0,
        "live books": float(sum(state == "live" for state in states.values())),
        "gaps": float(sum(feed.gaps for feed in desk.exchange.feeds.values())),
        "bomb, MiB": bomb / (1 << 20),
    }
    server.stdin.close()  # type: ignore[union-attr]
    await reading
    await desk.close()
    return result


async def _bomb(desk: Desk, server: Popen[bytes]) -> int:
    """How much more memory a bomb takes at its worst moment."""
    link = desk.exchange.links[0]
    epoch = link.epoch
    await asyncio.sleep(0.5)
    reset_peak()
    before = peak_bytes()
    assert server.stdin is not None
    server.stdin.write(b"bomb\n")
    server.stdin.flush()
    await until(lambda: link.epoch > epoch, 60, "the connection after the bomb")
    assert any("message too big" in step.reason for step in link.history), [step.reason for step in link.history]
    return peak_bytes() - before


def run(rate: int, seconds: float, ring: int) -> dict[str, float]:
    """`ring`: messages that the stream inspector keeps."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication.instance() or QApplication(["flood"])
    assert isinstance(application, QApplication)
    look.apply(application, look.build())
    twin = TwinProcess("poloniex", seed=9, rate=1)
    line = twin.read_line()
    command = [sys.executable, "-m", "tests.lab.flood_server", str(rate), str(len(_PAIRS)), line.rest]
    server = Popen(command, stdin=PIPE, stdout=PIPE)
    assert server.stdout is not None
    told: dict[str, Any] = json.loads(server.stdout.readline())
    rest = line.rest.replace(line.rest.rpartition(":")[2], str(told["proxy"]))
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), config=Config(capture=CaptureConfig(max_frames=ring)))
        loop = qasync.QEventLoop(application)
        try:
            return loop.run_until_complete(
                flood(desk, replace(line, rest=rest, ws_public=told["public"]), server, seconds)
            )
        finally:
            loop.close()
            server.kill()
            server.wait()
            twin.stop()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.flood", description=__doc__)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument(
        "--ring", type=int, default=100_000, help="messages kept by the inspector (1,000,000 as shipped)"
    )
    parser.add_argument("--assert", dest="strict", action="store_true")
    options = parser.parse_args(arguments)
    result = run(options.rate, options.minutes * 60, options.ring)
    missed = 0
    for name, value in result.items():
        goal = _GOALS.get(name)
        verdict = "" if goal is None else "  ok" if value <= goal else f"  MISSED, goal {goal:g}"
        missed += "MISSED" in verdict
        print(f"{name:28} {value:12,.1f}{verdict}")
    return 1 if options.strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
