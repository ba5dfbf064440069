"""When a link dials, waits, is off, and who holds the host's budget. In virtual time, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from app.connectors.link_runner import LinkRunner, NextUser
from app.core.clock import ManualClock
from app.core.effects import Effect
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.links import Link, LinkState, LinkStatus
from app.core.notices import Notices
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.transport import LinkLost
from tests.net.loopback import VirtualTime


class _User:
    def __init__(self) -> None:
        self.down: list[str] = []

    def on_open(self) -> Iterable[Effect]:
        return ()

    def heartbeat(self) -> bytes:
        return b""

    def on_frame(self, data: bytes, frame: int) -> Iterable[Effect]:
        return ()

    def apply(self, effect: Effect) -> None:
        return None

    def on_down(self, reason: str) -> None:
        self.down.append(reason)

    def successor(self) -> NextUser | None:
        return None


class _Socket:
    def __init__(self, log: FrameLog) -> None:
        self._log = log
        self._ended = asyncio.Event()
        self._reason = ""

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self._frames()

    async def _frames(self) -> AsyncIterator[Frame]:
        yield self._log.add("x/public", 1, Direction.IN, FrameKind.WS, b"{}")
        await self._ended.wait()
        if self._reason:
            raise LinkLost(self._reason)

    async def send(self, payload: bytes) -> None:
        return None

    async def close(self, reason: str) -> None:
        self._ended.set()

    def abort(self, reason: str) -> None:
        self._reason = reason
        self._ended.set()


class _Bench:
    """A runner, and what happens when it dials: `answer` raises, waits, or returns for an open connection."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.dialled_s: list[float] = []
        self.answer: Callable[[], Coroutine[Any, Any, None]] = _open
        self.user = _User()
        self.status = LinkStatus("x/public")
        self.budget = HandshakeBudget(clock)
        self._log = FrameLog(clock)
        policy = ReconnectPolicy(clock, Random(5))
        link = Link(name="public", url="wss://x.example")
        self.runner = LinkRunner(link, self.user, self.status, self, policy, self.budget, clock, Notices(clock))

    @asynccontextmanager
    async def open(self, link: Link, status: LinkStatus, connection: str, scan: bool) -> AsyncIterator[_Socket]:
        self.dialled_s.append(self.clock.mono_ns() / 1e9)
        await self.answer()
        yield _Socket(self._log)


async def _open() -> None:
    return None


async def _hang() -> None:
    await asyncio.sleep(1_000)


def _refuses(lost: LinkLost) -> Callable[[], Coroutine[Any, Any, None]]:
    async def answer() -> None:
        raise lost

    return answer


def played(virtual: VirtualTime, story: Callable[[_Bench], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        bench = _Bench(virtual.clock)
        task = asyncio.create_task(bench.runner.run())
        await story(bench)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual.run(run())


def test_a_first_attempt_that_fails_is_followed_by_others() -> None:
    async def story(bench: _Bench) -> None:
        bench.answer = _refuses(LinkLost("connection refused"))
        await asyncio.sleep(40)
        assert bench.status.state is LinkState.RECONNECT and bench.status.reason == "connection refused"
        assert len(bench.dialled_s) > 2

    played(VirtualTime(), story)


def test_an_untrusted_certificate_turns_the_link_off_and_is_looked_at_once_a_minute() -> None:
    async def story(bench: _Bench) -> None:
        bench.answer = _refuses(LinkLost("certificate not trusted", untrusted=True))
        states = set()
        for _ in range(200):
            await asyncio.sleep(1)
            states.add(bench.status.state)
        assert states == {LinkState.OFF} and len(bench.dialled_s) == 4
        bench.answer = _open
        await asyncio.sleep(61)
        assert bench.status.state is LinkState.LIVE

    played(VirtualTime(), story)


def test_a_reconnection_that_was_asked_for_does_not_wait() -> None:
    async def story(bench: _Bench) -> None:
        await asyncio.sleep(5)
        for end, reason in ((bench.runner.reconnect, "asked"), (bench.runner.drop, "slept")):
            asked_s = bench.clock.mono_ns() / 1e9
            end(reason)
            await asyncio.sleep(2)
            assert bench.status.state is LinkState.LIVE and bench.dialled_s[-1] - asked_s < 1.01
            assert bench.user.down[-1] == reason

    played(VirtualTime(), story)


def test_a_link_that_is_closed_while_it_dials_gives_its_place_back() -> None:
    virtual = VirtualTime()

    async def story() -> None:
        bench = _Bench(virtual.clock)
        for _ in range(4):
            bench.answer = _hang
            task = asyncio.create_task(bench.runner.run())
            await asyncio.sleep(30)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert len(bench.dialled_s) == 4, "three at a time, and none of them is left"

    virtual.run(story())
