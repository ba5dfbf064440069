"""Signed times under bad clocks: `python -m tests.lab.clock_trials --requests 100000 --seed 1`.

The desk's own clock code (`Venue`, `MarketList`, `ServerClock`, `SuspendDetector`) runs in virtual time against a model
of an exchange that refuses a request more than 1 s ahead of its clock or more than 5 s old, as Binance does. Meanwhile
the wall clock is stepped by up to a day, the computer sleeps up to 8 h, its clock drifts by up to 200 ppm, and each way
takes up to 400 ms, the two ways independent of each other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from random import Random
from typing import Any

from msgspec import Struct, field

from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.connectors.spec import Credentials
from app.connectors.venue import Venue
from app.core.clock import NS_PER_MS, ManualClock
from app.core.frames import FrameLog
from app.core.notices import Notices
from app.core.requests import Call, NotSent, Request, Response, SignedRequest
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock
from app.net.suspend import Slept, SuspendDetector, TimeEvent, WallStepped
from tests.lab.figures import spread
from tests.net.loopback import VirtualTime

WINDOW_MS = 5_000
AHEAD_MS = 1_000
LONGEST_WAY_S = 0.4
MOST_DRIFT_PPM = 200.0


class Outcome(Struct):
    requests: int = 0
    refused: int = 0
    outside_bound: int = 0
    held_back: int = 0
    """Not signed because the clock was not known yet."""
    steps: int = 0
    sleeps: int = 0
    relock_ms: list[float] = field(default_factory=list)
    """From waking until a request could be signed again."""


class ModelExchange:
    """`connectors.venue.Rest`, answering by its own clock."""

    def __init__(self, clock: ManualClock, chance: Random, outcome: Outcome) -> None:
        self._clock = clock
        self._chance = chance
        self._outcome = outcome
        self._drift = 1.0 + chance.uniform(-MOST_DRIFT_PPM, MOST_DRIFT_PPM) / 1e6
        self._start_ms = 1_700_000_000_000.0 + chance.uniform(-1e8, 1e8)
        self.venue: Venue

    def now_ms(self) -> float:
        return self._start_ms + self._clock.boot_ns() / NS_PER_MS * self._drift

    async def perform(self, call: Call[Any]) -> Any:
        request = call.request
        sent_ns = self._clock.boot_ns()
        signed_ms = self.venue.now_ms()
        await self._way()
        now_ms = self.now_ms()
        if request.signed:
            self._outcome.requests += 1
            self._outcome.refused += not (now_ms - WINDOW_MS <= signed_ms <= now_ms + AHEAD_MS)
        await self._way()
        body = b'{"serverTime":%d}' % int(now_ms)
        response = Response(status=200, headers={}, body=body, frame=0, sent_ms=0, received_ms=0)
        self.venue.note_exchange(response, sent_ns, self._clock.boot_ns())
        return call.parse(response)

    async def _way(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.001, LONGEST_WAY_S))

    def prepare(self, request: Request) -> SignedRequest:
        raise NotSent("nothing is shown here")

    async def forget_connections(self) -> None:
        return None

    async def close(self) -> None:
        return None


def run(requests: int, seed: int) -> Outcome:
    """One computer and one exchange, deterministic by its seed."""
    chance, virtual, outcome = Random(seed), VirtualTime(), Outcome()
    virtual.run(_story(requests, chance, virtual.clock, outcome))
    return outcome


def _exchange(clock: ManualClock, model: ModelExchange) -> Exchange:
    spec = exchange_spec("poloniex")
    domain = spec.domains["main"]
    log, notices = FrameLog(clock), Notices(clock)
    model.venue = Venue(
        spec,
        domain,
        "",
        rest=model,
        transport=_NoTransport(),
        clock=clock,
        server_clock=ServerClock(clock),
        log=log,
        notices=notices,
        new_policy=lambda: ReconnectPolicy(clock, Random(1)),
        budget_for=lambda url: HandshakeBudget(clock),
        redactor=Redactor(),
        rate_usage=dict,
    )
    auth = spec.auth(Credentials(api_key="key", secret_key="secret"), domain)
    return Exchange(model.venue, spec.public(domain), spec.private(domain, auth), None, Random(1))


class _NoTransport:
    def open(self, *_: object) -> Any:
        raise NotSent("no streams here")


async def _story(requests: int, chance: Random, clock: ManualClock, outcome: Outcome) -> None:
    clock.step(chance.uniform(-86_400, 86_400))
    model = ModelExchange(clock, chance, outcome)
    exchange = _exchange(clock, model)
    exchange.network.started = True
    detector = SuspendDetector(clock)

    def on_time(event: TimeEvent) -> None:
        if isinstance(event, Slept):
            exchange.after_sleep()
        elif isinstance(event, WallStepped):
            exchange.markets.ask_clock_now()

    detector.events.connect(on_time)
    tasks = [asyncio.create_task(detector.run()), asyncio.create_task(exchange.markets._clock_loop())]
    assert exchange._private is not None
    ask = Call(request=Request(method="GET", path="/signed", signed=True, timeout_s=5.0), parse=lambda _: None)
    woke_ns: int | None = None
    while outcome.requests < requests:
        await asyncio.sleep(chance.expovariate(1 / 3.0))
        kind = chance.random()
        if kind < 0.02:
            clock.step(chance.uniform(-86_400, 86_400))
            outcome.steps += 1
        elif kind < 0.04:
            clock.sleep(chance.uniform(1.1, 8 * 3_600))
            outcome.sleeps += 1
            woke_ns = clock.boot_ns()
            # Timers go off at once after waking; the detector's is among them.
            await asyncio.sleep(0.3)
        try:
            call = asyncio.create_task(exchange.venue.perform(ask))
            if woke_ns is not None:
                await exchange.venue.clock_learned(60.0)
                outcome.relock_ms.append((clock.boot_ns() - woke_ns) / NS_PER_MS)
                woke_ns = None
            await call
        except NotSent:
            outcome.held_back += 1
        bound_ms = exchange.clock_bound_ms
        if bound_ms is not None:
            off_ms = abs(exchange.venue.server_clock.estimate_ms() - model.now_ms())
            # The exchange's answer is cut to whole milliseconds.
            outcome.outside_bound += off_ms > bound_ms + 1e-3
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def figures(requests: int, computers: int, seed: int) -> dict[str, Any]:
    """So many requests in all, from computers with clocks of their own."""
    outcomes = [run(requests // computers, seed + n) for n in range(computers)]
    told = {
        name: sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("requests", "refused", "outside_bound", "held_back", "steps", "sleeps")
    }
    return told | {"relock_ms": spread([ms for outcome in outcomes for ms in outcome.relock_ms])}


def is_kept(told: dict[str, Any]) -> bool:
    return not (told["refused"] or told["outside_bound"]) and told["relock_ms"].get("max", 0.0) <= 2_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--computers", type=int, default=10, help="each with clocks of its own")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    told = figures(options.requests, options.computers, options.seed)
    print(json.dumps(told))
    return 0 if is_kept(told) else 1


if __name__ == "__main__":
    sys.exit(main())
