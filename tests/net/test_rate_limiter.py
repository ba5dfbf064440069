"""Request budgets in virtual time: never over the limit, urgent first, in order, and never late."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import NS_PER_S
from app.core.requests import NotSent, Priority, Weight
from app.net.rate_limiter import Bucket, RateLimiter
from tests.net.loopback import VirtualTime

ONE = (Weight("weight"),)
Journal = list[tuple[float, str]]


def asking(
    limiter: RateLimiter, virtual: VirtualTime, journal: Journal
) -> Callable[[str, Priority, int, float], asyncio.Task[None]]:
    """Starts requests that note when they were let through, or that they were not."""
    start = virtual.clock.boot_ns()

    async def ask(name: str, priority: Priority, units: int, timeout_s: float) -> None:
        try:
            await limiter.acquire((Weight("weight", units),), priority, timeout_s)
        except NotSent as refused:
            name = f"{name}: {refused}"
        journal.append(((virtual.clock.boot_ns() - start) / NS_PER_S, name))

    return lambda *args: asyncio.create_task(ask(*args))


def test_ordinary_requests_leave_a_fifth_for_cancels(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 10, 10.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        ask = asking(limiter, virtual, journal)
        tasks = [ask(f"info {n}", Priority.INFO, 1, 30.0) for n in range(9)]
        await asyncio.sleep(0)
        tasks += [ask(f"cancel {n}", Priority.CANCEL, 1, 30.0) for n in range(2)]
        await asyncio.gather(*tasks)

    virtual.run(main())
    assert [name for at, name in journal if at < 0.1] == [f"info {n}" for n in range(8)] + ["cancel 0", "cancel 1"]
    assert journal[-1] == (pytest.approx(10.0, abs=0.1), "info 8")


def test_urgent_classes_go_first_and_each_class_in_order(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 1, 1.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        await limiter.acquire(ONE, Priority.INFO, 1.0)
        ask = asking(limiter, virtual, journal)
        classes = [Priority.INFO, Priority.PLACE, Priority.CANCEL, Priority.PLACE, Priority.INFO, Priority.CANCEL]
        await asyncio.gather(*(ask(f"{each.name} {n}", each, 1, 60.0) for n, each in enumerate(classes)))

    virtual.run(main())
    assert [name for _, name in journal] == ["CANCEL 2", "CANCEL 5", "PLACE 1", "PLACE 3", "INFO 0", "INFO 4"]
    assert [at for at, _ in journal] == pytest.approx([1, 2, 3, 4, 5, 6], abs=0.1)


def test_a_light_request_does_not_overtake_a_heavy_one_of_its_class(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 10, 10.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        ask = asking(limiter, virtual, journal)
        await asyncio.gather(*(ask(f"{units}", Priority.INFO, units, 60.0) for units in (4, 6, 1)))

    virtual.run(main())
    assert [name for _, name in journal] == ["4", "6", "1"]


def test_a_request_that_would_be_late_is_refused_at_once(virtual: VirtualTime) -> None:
    """D4: an order must not leave 40 s late."""
    limiter = RateLimiter([Bucket("weight", 1, 40.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        ask = asking(limiter, virtual, journal)
        await asyncio.gather(ask("first", Priority.PLACE, 1, 5.0), ask("second", Priority.PLACE, 1, 5.0))

    virtual.run(main())
    assert journal == [(0.0, "first"), (0.0, "second: request limit weight: no room within 5 s")]


def test_a_pause_holds_cancels_too_and_says_why(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 100, 10.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        limiter.pause(virtual.clock.boot_ns() + 7 * NS_PER_S, "the exchange asked us to slow down")
        ask = asking(limiter, virtual, journal)
        await asyncio.gather(ask("patient", Priority.CANCEL, 1, 10.0), ask("hasty", Priority.CANCEL, 1, 5.0))
        assert limiter.paused_s() == 0.0

    virtual.run(main())
    assert journal[0] == (0.0, "hasty: the exchange asked us to slow down; 7 s left")
    assert journal[1] == (pytest.approx(7.0, abs=0.01), "patient")


def test_after_sleep_a_waiting_order_is_refused_not_sent_late(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 1, 4.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        await limiter.acquire(ONE, Priority.PLACE, 1.0)
        waiting = asking(limiter, virtual, journal)("order", Priority.PLACE, 1, 5.0)
        await asyncio.sleep(0.1)
        limiter.pause(virtual.clock.boot_ns() + 1 * NS_PER_S, "short pause")
        virtual.clock.sleep(300)
        limiter.observe("weight", 1)
        await waiting

    virtual.run(main())
    assert journal[0][1].startswith("order: request limit weight")


def test_headers_of_the_exchange_count_other_programs(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 100, 60.0)], virtual.clock)
    limiter.observe("weight", 75, 200)
    usage = limiter.usage()[0]
    assert (usage.used, usage.target, usage.units) == (75, 160, 200)
    limiter.observe("weight", 3)
    assert limiter.usage()[0].used == 3
    limiter.observe("weight", 75)
    virtual.clock.advance(60)
    assert limiter.usage()[0].used == 0
    limiter.observe("no such bucket", 5)


def test_a_cancelled_waiter_makes_room(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 10, 10.0)], virtual.clock)
    journal: Journal = []

    async def main() -> None:
        await limiter.acquire((Weight("weight", 5),), Priority.INFO, 1.0)
        ask = asking(limiter, virtual, journal)
        heavy = ask("heavy", Priority.INFO, 8, 60.0)
        light = ask("light", Priority.INFO, 1, 60.0)
        await asyncio.sleep(1)
        assert journal == [] and limiter.usage()[0].waiting == 2
        heavy.cancel()
        await light

    virtual.run(main())
    assert journal == [(pytest.approx(1.0, abs=0.01), "light")]


def test_other_buckets_are_not_held_up(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 1, 10.0), Bucket("orders", 10, 10.0)], virtual.clock)

    async def main() -> None:
        await limiter.acquire(ONE, Priority.INFO, 1.0)
        waiting = asyncio.create_task(limiter.acquire(ONE, Priority.INFO, 60.0))
        await asyncio.sleep(0)
        before = virtual.clock.boot_ns()
        await limiter.acquire((Weight("orders"),), Priority.INFO, 1.0)
        assert virtual.clock.boot_ns() == before
        await waiting

    virtual.run(main())


def test_heavier_than_the_ordinary_share_is_possible_alone_but_never_over_the_limit(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 10, 10.0)], virtual.clock)

    async def main() -> None:
        await limiter.acquire((Weight("weight", 10),), Priority.INFO, 1.0)
        with pytest.raises(NotSent, match="weighs 11, more than the whole limit weight of 10"):
            await limiter.acquire((Weight("weight", 11),), Priority.INFO, 1000.0)

    virtual.run(main())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), units=st.integers(1, 50), per_s=st.sampled_from([0.5, 1.0, 2.0, 10.0]))
def test_no_window_ever_holds_more_than_the_limit(seed: int, units: int, per_s: float) -> None:
    """A14: whatever is asked and however the wall clock steps."""
    virtual, chance, sent = VirtualTime(), random.Random(seed), []
    limiter = RateLimiter([Bucket("weight", units, per_s)], virtual.clock)

    async def ask() -> None:
        await asyncio.sleep(chance.expovariate(1 / (2 * per_s)))
        priority, heavy = chance.choice(list(Priority)), chance.randint(1, max(1, units // 3))
        virtual.clock.step(chance.choice([0, 0, -3600, 3600]))
        try:
            await limiter.acquire((Weight("weight", heavy),), priority, chance.choice([0.1, 5, 100]))
        except NotSent:
            return
        sent.append((virtual.clock.boot_ns(), heavy, priority))

    async def main() -> None:
        await asyncio.gather(*(ask() for _ in range(120)))

    virtual.run(main())
    assert sent
    for index, (end, _, _) in enumerate(sent):
        within = [each for each in sent[: index + 1] if each[0] > end - round(per_s * NS_PER_S)]
        assert sum(heavy for _, heavy, _ in within) <= units


def test_a_window_of_one_request_is_told_only_while_another_waits(virtual: VirtualTime) -> None:
    limiter = RateLimiter([Bucket("weight", 10, 10.0), Bucket("one", 1, 10.0)], virtual.clock)
    one = (Weight("one"),)

    async def main() -> None:
        await limiter.acquire((*one, *ONE), Priority.PLACE, 5.0)
        assert limiter.shares() == {"weight": 0.1}
        waiting = asyncio.create_task(limiter.acquire(one, Priority.PLACE, 20.0))
        await asyncio.sleep(0)
        assert limiter.shares() == {"weight": 0.1, "one": 1.0}
        await waiting
        assert limiter.shares() == {"weight": 0.0}

    virtual.run(main())
