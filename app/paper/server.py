"""The process `depthdesk twin`: one port on 127.0.0.1, the first line on stdout, pacing, signals. No protocol here."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from app.core.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.paper.desk import UnknownKey
from app.paper.dialects.dialect import KEY_KINDS, Dialect, UnknownDialect, known, load

HOST = "127.0.0.1"
DEFAULT_RATE = 40
MAX_RATE = 20_000
_TICK_S = 0.02
_SLICE_NS = 12 * NS_PER_MS
"""The longest the seeded market may keep the loop busy at a time, so that REST stays quick."""
_BACKLOG_S = 0.25
"""Messages older than this are given up when the machine cannot keep pace."""


class CannotMirror(Exception):
    """There is nothing to mirror; the text says why in the user's words."""


class Pacer:
    """Lets the market make `rate` public messages a second, evenly, and asks everything that depends on time.

    `feed` brings in what happened outside, where a market is mirrored.
    """

    def __init__(self, dialect: Dialect, rate: float, clock: Clock, feed: Callable[[], None] = lambda: None) -> None:
        self._dialect = dialect
        self._feed = feed
        self._rate = rate
        self._clock = clock
        self._last_ns = clock.mono_ns()
        self._due = 0.0
        self.made = 0

    def step(self) -> None:
        """Catch up with the clock."""
        now_ns = self._clock.mono_ns()
        self._due += (now_ns - self._last_ns) * self._rate / NS_PER_S
        self._due = min(self._due, max(1.0, self._rate * _BACKLOG_S))
        self._last_ns = now_ns
        desk = self._dialect.desk
        self._feed()
        if self._due >= 1.0:
            made = desk.advance(int(self._due), now_ns + _SLICE_NS)
            self._due -= made
            self.made += made
        desk.warm_up()
        desk.kill_switches.fire_due()
        desk.publish()
        self._dialect.tick()

    async def run(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(_TICK_S if self._rate * _TICK_S < 20 else _TICK_S / 4)


class TwinServer:
    """One dialect on one port. `start`, then `stop`; `port` is known in between."""

    def __init__(
        self, dialect: Dialect, *, port: int, rate: float, clock: Clock, feed: Callable[[], None] = lambda: None
    ) -> None:
        self.dialect = dialect
        self.port = port
        self.pacer = Pacer(dialect, rate, clock, feed)
        self._runner = web.AppRunner(dialect.app(), access_log=None, shutdown_timeout=0.5)
        self.pacing: asyncio.Task[None] | None = None
        """Runs until `stop`; ends earlier only by a fault."""

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        self.pacing = asyncio.create_task(self.pacer.run())

    def introduction(self) -> dict[str, object]:
        """What the parent process reads from the first line."""
        desk = self.dialect.desk
        return {
            "exchange": desk.exchange,
            **self.dialect.endpoints(HOST, self.port),
            "api_key": desk.credentials.api_key,
            "secret_key": desk.credentials.secret_key,
            "passphrase": desk.credentials.passphrase,
            "pairs": list(desk.venue.instruments),
        }

    async def stop(self) -> None:
        if self.pacing is not None:
            self.pacing.cancel()
            await asyncio.gather(self.pacing, return_exceptions=True)
        self.dialect.close()
        await self._runner.cleanup()


Mirroring = Callable[[argparse.Namespace, Clock], AbstractAsyncContextManager[TwinServer]]
"""Connects what `--mirror` names and gives a server fed from there; raises CannotMirror. It lives outside the twins."""


def main(argv: Sequence[str], mirroring: Mirroring | None = None) -> int:
    """Run `depthdesk twin` with these arguments until a signal (or the end of stdin); returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    clock = SystemClock()
    try:
        if options.mirror is not None:
            return asyncio.run(_serve_mirror(options, clock, mirroring))
        server = TwinServer(open_dialect(options, clock), port=options.port, rate=options.rate, clock=clock)
    except (UnknownDialect, UnknownKey, CannotMirror) as reason:
        print(f"depthdesk twin: {reason}", file=sys.stderr)
        return 2
    return asyncio.run(_serve(server, until_stdin_closes=options.until_stdin_closes))


def open_dialect(options: argparse.Namespace, clock: Clock) -> Dialect:
    """The twin the options ask for. Raises UnknownDialect, UnknownKey."""
    dialect = load(options.exchange, options.seed, clock)
    if options.key is not None:
        dialect.desk.choose_key(options.key)
    return dialect


async def _serve_mirror(options: argparse.Namespace, clock: Clock, mirroring: Mirroring | None) -> int:
    if mirroring is None:
        raise CannotMirror("--mirror needs the whole program: depthdesk twin NAME --mirror")
    async with mirroring(options, clock) as server:
        return await _serve(server, until_stdin_closes=options.until_stdin_closes)


async def _serve(server: TwinServer, *, until_stdin_closes: bool) -> int:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        _on_signal(loop, number, done)
    try:
        await server.start()
    except OSError as problem:
        print(f"depthdesk twin: cannot listen on {HOST}:{server.port}: {problem.strerror}", file=sys.stderr)
        return 2
    print(json.dumps(server.introduction(), separators=(",", ":")), flush=True)
    if until_stdin_closes:
        _watch_stdin(loop, done)
    leaving = asyncio.create_task(done.wait())
    assert server.pacing is not None
    await asyncio.wait({leaving, server.pacing}, return_when=asyncio.FIRST_COMPLETED)
    broken = server.pacing.exception() if server.pacing.done() else None
    leaving.cancel()
    await server.stop()
    if broken is not None:
        raise broken
    return 0


def _on_signal(loop: asyncio.AbstractEventLoop, number: int, done: asyncio.Event) -> None:
    try:
        loop.add_signal_handler(number, done.set)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(done.set))


def _watch_stdin(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    """A thread, because no loop can wait for every kind of stdin on every system."""

    def wait_for_end() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        try:
            loop.call_soon_threadsafe(done.set)
        except RuntimeError:
            pass

    threading.Thread(target=wait_for_end, name="stdin", daemon=True).start()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="depthdesk twin",
        description="Serve a paper exchange on 127.0.0.1 that speaks a real exchange's protocol. "
        "The first line on stdout is a JSON object with addresses and keys.",
    )
    parser.add_argument("exchange", help=f"one of: {', '.join(known())}")
    parser.add_argument("--port", type=_WholeNumber(0, 65535), default=0, metavar="N", help="0 or absent: a free port")
    parser.add_argument(
        "--seed",
        type=_WholeNumber(0, 2**63),
        default=1,
        metavar="S",
        help="same seed, same keys and market (default 1)",
    )
    parser.add_argument(
        "--rate",
        type=_WholeNumber(0, MAX_RATE),
        default=DEFAULT_RATE,
        metavar="N",
        help=f"public book and trade messages per second over all pairs (default {DEFAULT_RATE}; not with --mirror)",
    )
    parser.add_argument(
        "--mirror",
        nargs="?",
        const="",
        metavar="URL",
        help="instead of a seeded market follow a public one by its rules and fees: the real exchange's, or that of "
        "another twin, named by http://127.0.0.1:PORT or the line it printed",
    )
    kinds = "; ".join(f"{exchange}: {', '.join(names)}" for exchange, names in KEY_KINDS.items())
    parser.add_argument(
        "--key", metavar="KIND", help=f"which of the account's keys to print, the first being the default ({kinds})"
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="leave when stdin ends, as it does when the parent dies"
    )
    return parser


class _WholeNumber:
    """An argparse type: a whole number between two bounds, with an error that names the value."""

    def __init__(self, lowest: int, highest: int) -> None:
        self._lowest, self._highest = lowest, highest

    def __call__(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = self._lowest - 1
        if not self._lowest <= value <= self._highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {self._lowest} to {self._highest}")
        return value
