"""Places and cancels orders in virtual time while network and exchange do their worst, then compares two ledgers.

`python -m tests.lab.order_outcome --seeds 10000 --profiles all` prints, for each kind of exchange, how many runs there
were and what was wrong in them. Sender, doubts, tracker and ledger are the product's own.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Any, cast

from msgspec import Struct

from app.connectors.fmz import candidates
from app.connectors.order_doubts import OrderDoubts
from app.connectors.order_sender import OrderSender
from app.connectors.spec import Domain, ExchangeSpec, PrivateSource
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.user_stream_tracker_data_source import UserStreamTrackerDataSource
from app.connectors.venue import TROUBLE, Venue
from app.core.account import AccountBook, FeeSchedule
from app.core.client_order_id import new_client_order_id
from app.core.effects import Subscribed, Subscription
from app.core.frames import FrameLog
from app.core.journal import JournalEntry, OrderLedger, rebuild
from app.core.links import LinkState
from app.core.notices import Notice, Notices
from app.core.order_state import OrderState
from app.core.order_tracker import OrderTracker
from app.core.orders import InFlightOrder, OrderIntent
from app.core.types import OrderType, Side, VenueState
from app.net.redaction import Redactor
from app.net.server_clock import ServerClock
from tests.lab.figures import spread
from tests.lab.memory_exchange import (
    PAIR,
    PROFILES,
    MemoryExchange,
    MemoryRest,
    MemorySource,
    Profile,
    VenueOrder,
    server_time,
)
from tests.lab.virtual_time import VirtualClock, VirtualTimeLoop, run

_LONGEST_FAULTS_S = 40.0
_PATIENCE_S = 180.0
_NEVER_WAS = (OrderState.NOT_PLACED, OrderState.REJECTED)
_ENDS = {
    VenueState.FILLED: (OrderState.FILLED,),
    VenueState.CANCELED: (OrderState.CANCELED, OrderState.PARTIALLY_CANCELED),
    VenueState.EXPIRED: (OrderState.EXPIRED,),
}


class Outcome(Struct):
    """What one run came to. Times in seconds of virtual time."""

    duplicates: list[str]
    wrong_ends: list[str]
    diverged: list[str]
    orders: int = 0
    lost_answers: int = 0
    """Orders whose outcome was unknown at some time."""
    restarts: int = 0
    found_after_s: list[float] = []
    """From connectivity on, until a live order of unknown outcome was found."""
    proved_after_s: list[float] = []
    """From proof time and connectivity on, until an order was proved absent."""
    left_to_the_trader: int = 0
    virtual_s: float = 0.0
    digest: str = ""

    @property
    def wrong(self) -> list[str]:
        return self.duplicates + self.wrong_ends + self.diverged


class _Journal:
    """Keeps what a crash leaves: everything up to the last commit, and a random part of what was appended since."""

    failure = ""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._entries: list[JournalEntry] = []
        self._safe = 0

    async def commit(self, entry: JournalEntry) -> None:
        self._entries.append(entry)
        await asyncio.sleep(self._random.uniform(0.0005, 0.004))
        self._safe = max(self._safe, self._entries.index(entry) + 1)

    def append(self, entry: JournalEntry) -> None:
        self._entries.append(entry)

    def crash(self) -> list[JournalEntry]:
        self._entries = self._entries[: self._random.randint(self._safe, len(self._entries))]
        self._safe = len(self._entries)
        return self._entries


class _Desk:
    """The product's order engine, from the start of the program to its end or crash."""

    def __init__(self, exchange: MemoryExchange, clock: VirtualClock, journal: _Journal, random: Random) -> None:
        profile = exchange.profile
        source = cast(PrivateSource, MemorySource(profile))
        self.server_clock = ServerClock(clock)
        rest = self.rest = MemoryRest(exchange, random, self.server_clock.now_ms)
        self.venue = Venue(
            _spec(profile),
            _DOMAIN,
            "",
            rest=rest,
            transport=cast(Any, None),
            clock=clock,
            server_clock=self.server_clock,
            log=FrameLog(clock),
            notices=Notices(clock),
            new_policy=cast(Any, None),
            budget_for=cast(Any, None),
            redactor=cast(Redactor, None),
            rate_usage=dict,
        )
        rest.on_exchange = lambda sent_ns, received_ns: setattr(self.venue, "last_exchange_ns", (sent_ns, received_ns))
        self.tracker = OrderTracker()
        self.ledger = OrderLedger(self.tracker, journal)
        self.stream = UserStreamTrackerDataSource(self.venue, source)
        self.stream.start = lambda: None  # type: ignore[method-assign]
        self.account = UserStreamTracker(self.venue, self.stream, AccountBook(), self.ledger)
        self.doubts = OrderDoubts(self.venue, source, self.ledger, self.account.query, self._sample_clock, random)
        self.sender = OrderSender(self.venue, source, self.ledger, self.doubts, lambda: None)
        self.errors: list[str] = []
        """Failures of the product itself."""
        self.venue.notices.added.connect(self._note)
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, entries: Iterable[JournalEntry] = ()) -> None:
        for order in rebuild(entries):
            self.tracker.restore(order)
        self._exchange.deliver = self.stream.apply
        self.venue.spawn(self._keep_clock(), "clock", self._tasks)
        self.venue.spawn(self._keep_stream(), "stream", self._tasks)
        self.account.start()
        self.doubts.watch_all()

    def _note(self, notice: Notice) -> None:
        if notice.text.startswith("internal error"):
            self.errors.append(notice.text)

    async def stop(self) -> None:
        self._exchange.deliver = lambda event: None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.account.stop()
        await self.sender.stop()
        await self.doubts.stop()

    def place(self, intent: OrderIntent) -> None:
        entry = self.sender.begin(intent)
        self.venue.spawn(self.sender.place(entry), "place", self._tasks)

    def cancel(self, order: InFlightOrder) -> None:
        self.venue.spawn(self._cancel(order), "cancel", self._tasks)

    async def _cancel(self, order: InFlightOrder) -> None:
        await self.sender.cancel(order)

    @property
    def clock_known(self) -> bool:
        """Before that the product's gate is closed."""
        bound_ms = self.server_clock.bound_ms
        return bound_ms is not None and bound_ms <= 1_000

    async def _sample_clock(self) -> None:
        await self.venue.sample_clock(server_time())

    async def _keep_clock(self) -> None:
        while True:
            try:
                await self._sample_clock()
                await asyncio.sleep(20.0)
            except TROUBLE:
                await asyncio.sleep(1.0)

    async def _keep_stream(self) -> None:
        """What a connection does: it is up or down as the weather is, and shows life while it is up."""
        status = self.stream.status
        assert status is not None
        was_up = False
        while True:
            up = self._exchange.weather.stream_up
            if up != was_up:
                was_up = up
                status.state = LinkState.LIVE if up else LinkState.RECONNECT
                self.stream.logged_in = up
                if up:
                    self.stream.apply(Subscribed(_ORDERS))
                else:
                    self.stream.on_lost("closed")
            if up:
                status.last_recv_ns = self.venue.clock.mono_ns()
            await asyncio.sleep(0.5)


class _Run:
    """One seed: trader, weather, crashes, and the comparison."""

    def __init__(self, profile: Profile, seed: int, loop: VirtualTimeLoop) -> None:
        self.loop = loop
        self.random = Random(f"{profile.name} {seed}")
        self.clock = VirtualClock(loop, self.random.uniform(-90.0, 90.0))
        self.exchange = MemoryExchange(profile, Random(self.random.getrandbits(64)), loop)
        self.journal = _Journal(Random(self.random.getrandbits(64)))
        self.out = Outcome([], [], [])
        self.said: dict[str, set[OrderState]] = {}
        """Every end that was shown, by our id; also those that were taken back."""
        self.unknown: set[str] = set()
        self.found: dict[str, float] = {}
        self.proved: dict[str, float] = {}
        self.healed_s = 0.0
        self.running = True
        """False between a crash and the next start: nobody can place or cancel then."""
        self.trace = hashlib.sha256()
        self.desk = self._open()

    def _open(self, entries: Iterable[JournalEntry] = ()) -> _Desk:
        desk = _Desk(self.exchange, self.clock, self.journal, Random(self.random.getrandbits(64)))
        desk.tracker.changed.connect(self._note)
        desk.start(entries)
        return desk

    def _note(self, order: InFlightOrder) -> None:
        key, now_s = order.client_order_id, self.loop.now_s
        self.trace.update(f"{now_s:.6f} {order.key} {order.state} {order.filled} {len(order.history)}".encode())
        if order.is_done:
            self.said.setdefault(key, set()).add(order.state)
        if order.state is OrderState.UNKNOWN:
            self.unknown.add(key)
            self.found.pop(key, None)
        elif key in self.unknown:
            (self.proved if order.state is OrderState.NOT_PLACED else self.found).setdefault(key, now_s)

    async def play(self) -> Outcome:
        random, exchange = self.random, self.exchange
        faults_end_s = self.loop.now_s + random.uniform(10.0, _LONGEST_FAULTS_S)
        exchange.quiet_from_s = faults_end_s + 5.0
        weather = asyncio.create_task(self._weather(faults_end_s))
        placing = [asyncio.create_task(self._trade(random.uniform(0.0, 6.0))) for _ in range(random.randint(1, 3))]
        if random.random() < 0.2:
            await asyncio.sleep(random.uniform(0.5, 12.0))
            await self._crash()
        await asyncio.gather(weather, *placing)
        while not self._agree() and self.loop.now_s < self.healed_s + _PATIENCE_S:
            await asyncio.sleep(0.25)
        # An answer or an engine may still be under way: nothing may change any more.
        await asyncio.sleep(20.0)
        self._judge(max(self.exchange.answers_since_s, self.healed_s))
        await self.desk.stop()
        self.out.wrong_ends += self.desk.errors
        self.out.virtual_s = self.loop.now_s
        self.out.digest = self.trace.hexdigest()
        return self.out

    # -- what happens

    async def _weather(self, until_s: float) -> None:
        random, weather = self.random, self.exchange.weather
        while self.loop.now_s < until_s:
            await asyncio.sleep(min(random.expovariate(1 / 4.0), max(until_s - self.loop.now_s, 0.01)))
            weather.stream_up = random.random() < 0.6
            chance = random.random()
            weather.offline, weather.hole = chance < 0.15, 0.15 <= chance < 0.25
        weather.faulty = weather.offline = weather.hole = False
        weather.stream_up = True
        self.healed_s = self.loop.now_s

    async def _trade(self, after_s: float) -> None:
        random = self.random
        await asyncio.sleep(after_s)
        while not self.running or not self.desk.clock_known:
            await asyncio.sleep(0.1)
        intent = self.place().terms
        if random.random() < 0.4:
            await asyncio.sleep(random.uniform(0.0, 15.0))
            order = self.desk.tracker.get(intent.client_order_id)
            if order is not None and self.running:
                self.desk.cancel(order)

    def place(self) -> InFlightOrder:
        """One order of some side, price and amount, sent now."""
        random = self.random
        desk = self.desk
        now_ms = desk.venue.now_ms()
        intent = OrderIntent(
            client_order_id=new_client_order_id(now_ms, random),
            pair=PAIR,
            side=random.choice((Side.BUY, Side.SELL)),
            type=OrderType.LIMIT,
            price=Decimal(random.randint(60_000, 70_000)),
            amount=Decimal(random.randint(1, 50)) / 100,
            created_ms=desk.venue.wall_ms(),
        )
        proof_ms = desk.sender.latest_proof_ms(intent, now_ms)
        intent = OrderIntent(
            **{name: getattr(intent, name) for name in intent.__struct_fields__} | {"proof_ms": proof_ms}
        )
        self.out.orders += 1
        desk.place(intent)
        order = desk.tracker.get(intent.client_order_id)
        assert order is not None
        return order

    async def _crash(self) -> None:
        """The program is killed: what was not written is lost, and what was sent stays sent."""
        self.running = False
        entries = list(self.journal.crash())
        await self.desk.stop()
        self.journal.crash()
        self.journal._entries, self.journal._safe = list(entries), len(entries)
        self.out.restarts += 1
        await asyncio.sleep(self.random.uniform(0.5, 5.0))
        self.desk = self._open(entries)
        self.running = True

    # -- what is compared

    def _ours(self, placed: VenueOrder) -> InFlightOrder | None:
        tracker = self.desk.tracker
        return tracker.get(placed.exchange_order_id) or tracker.get(placed.intent.client_order_id)

    def _agree(self) -> bool:
        """Whether both ledgers say the same and nothing is open to doubt any more."""
        if self.loop.now_s < self.exchange.quiet_from_s or self.exchange._queued:
            return False
        self._let_the_trader_pick()
        if any(order.state in (OrderState.UNKNOWN, OrderState.SUBMITTING) for order in self.desk.tracker):
            return False
        return not self._differences()

    def _let_the_trader_pick(self) -> None:
        """Where our ids mean nothing, only the trader can tell, by what the exchange's own pages show."""
        if self.exchange.profile.asks_by_our_id or self.loop.now_s < self.exchange.quiet_from_s + 60.0:
            return
        desk = self.desk
        for order in desk.tracker.unknown:
            self.out.left_to_the_trader += 1
            placed = [o for o in self.exchange.ledger if o.intent.client_order_id == order.client_order_id]
            wall_ms = desk.venue.wall_ms()
            if placed:
                # By hand from the exchange's pages: no clock of ours and no list of candidates comes in between.
                desk.ledger.accepted(order.key, placed[0].exchange_order_id, wall_ms, 0)
            else:
                candidates.pick_none(desk.ledger, order, wall_ms)

    def _differences(self) -> list[str]:
        found = []
        for placed in self.exchange.ledger:
            order = self._ours(placed)
            if order is None:
                found.append(f"{placed.exchange_order_id}: not known here")
                continue
            ends = _ENDS.get(placed.state)
            if ends is not None and order.state not in ends:
                found.append(f"{order.key}: {placed.state} there, {order.state} here")
            if ends is None and order.is_done:
                found.append(f"{order.key}: open there, {order.state} here")
            if order.filled != placed.filled or len(order.fills) != len(placed.fills):
                found.append(f"{order.key}: {placed.filled} filled there, {order.filled} in {len(order.fills)} here")
        return found

    def _judge(self, healed_s: float) -> None:
        out, truth = self.out, {}
        for placed in self.exchange.ledger:
            key = placed.intent.client_order_id
            if key in truth:
                out.duplicates.append(f"{key} was placed twice")
            truth[key] = placed
        for key, states in self.said.items():
            placed = truth.get(key) or next((o for o in self.exchange.ledger if o.exchange_order_id == key), None)
            if placed is None:
                out.wrong_ends += [f"{key}: never placed, shown as {s}" for s in states if key and s not in _NEVER_WAS]
            else:
                right = _ENDS.get(placed.state, ())
                out.wrong_ends += [f"{key}: is {placed.state}, shown as {s}" for s in states if s not in right]
        out.diverged += self._differences()
        for order in self.desk.tracker:
            if order.state in (OrderState.UNKNOWN, OrderState.SUBMITTING):
                out.diverged.append(f"{order.key}: still {order.state}")
            elif order.state not in _NEVER_WAS and order.key not in truth and self._known_there(order) is None:
                out.diverged.append(f"{order.key}: {order.state} here, not there")
        out.lost_answers = len(self.unknown)
        for key, at in self.found.items():
            if key in truth:
                placed_s = self.loop.now_s - (self.exchange.now_ms() - truth[key].created_ms) / 1000
                out.found_after_s.append(max(at - max(placed_s, healed_s), 0.0))
        for key, at in self.proved.items():
            order = self.desk.tracker.get(key)
            if order is not None and order.absent.startswith("proved"):
                proof_s = order.proof_ms / 1000 - (self.exchange.now_ms() / 1000 - self.loop.now_s)
                out.proved_after_s.append(max(at - max(proof_s, healed_s), 0.0))

    def _known_there(self, order: InFlightOrder) -> VenueOrder | None:
        ids = (order.exchange_order_id, order.client_order_id)
        return next((o for o in self.exchange.ledger if o.exchange_order_id in ids), None)


_DOMAIN = Domain(name="memory", title="Memory", rest={"": "memory://"}, sockets={}, paper=True)
_ORDERS = Subscription(cast(Any, "orders"))


def _spec(profile: Profile) -> ExchangeSpec:
    nothing = cast(Any, None)
    return ExchangeSpec(
        name="memory",
        title="Memory",
        docs="",
        domains={"memory": _DOMAIN},
        credential_fields=(),
        rate_limits=(),
        default_fees=FeeSchedule(maker=Decimal(0), taker=Decimal(0), source="default"),
        public=nothing,
        private=nothing,
        auth=nothing,
        read_error=nothing,
        signing_window_ms=profile.window_ms,
        engine_grace_ms=profile.grace_ms,
    )


def play(profile: Profile, seed: int) -> Outcome:
    """One run. The same profile and seed give the same outcome, digest included."""
    loop = VirtualTimeLoop()

    async def work() -> Outcome:
        return await _Run(profile, seed, loop).play()

    return run(loop, work())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.order_outcome", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="runs per profile")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--profiles", default="all", help=f"all, or some of {', '.join(PROFILES)}")
    parser.add_argument("--show", type=int, default=5, help="how many of the things found wrong to print")
    asked = parser.parse_args(arguments)
    names = list(PROFILES) if asked.profiles == "all" else asked.profiles.split(",")
    wrong = 0
    for name in names:
        wrong += _tell(PROFILES[name], range(asked.from_seed, asked.from_seed + asked.seeds), asked.show)
    return 1 if wrong else 0


def figures(seeds: range, names: Iterable[str] = PROFILES) -> dict[str, Any]:
    """Of all these runs; `found` and `proved` only where an order can be asked for by our id, by profile."""
    told: dict[str, Any] = {"seeds": len(seeds), "found_ms": {}, "proved_ms": {}, "first wrong": []}
    counts: Counter[str] = Counter()
    for name in names:
        found, proved = list[float](), list[float]()
        for seed in seeds:
            one = play(PROFILES[name], seed)
            counts.update(orders=one.orders, unknown=one.lost_answers, crashes=one.restarts, runs=1)
            counts.update(duplicates=len(one.duplicates), wrong_ends=len(one.wrong_ends), diverged=bool(one.diverged))
            found += one.found_after_s
            proved += one.proved_after_s
            told["first wrong"] += [f"{name} {seed}: {words}" for words in one.wrong[:5]]
        if PROFILES[name].asks_by_our_id:
            told["found_ms"][name] = spread([seconds * 1e3 for seconds in found])
            told["proved_ms"][name] = spread([seconds * 1e3 for seconds in proved])
    return told | counts | {"first wrong": told["first wrong"][:5]}


def _tell(profile: Profile, seeds: range, show: int) -> int:
    began = time.perf_counter()
    outcomes = {seed: play(profile, seed) for seed in seeds}
    every = outcomes.values()
    found = sorted(s for o in every for s in o.found_after_s)
    proved = sorted(s for o in every for s in o.proved_after_s)
    print(
        f"{profile.name}: {len(outcomes)} runs, {sum(o.orders for o in every)} orders,"
        f" {sum(o.lost_answers for o in every)} unknown for a while, {sum(o.restarts for o in every)} crashes,"
        f" {time.perf_counter() - began:.0f} s ({sum(o.virtual_s - 1_000 for o in every) / 3600:.0f} h virtual)"
    )
    print(
        f"  duplicates {sum(len(o.duplicates) for o in every)}, wrong ends {sum(len(o.wrong_ends) for o in every)},"
        f" ledgers that differ {sum(bool(o.diverged) for o in every)},"
        f" left to the trader {sum(o.left_to_the_trader for o in every)}"
    )
    print(f"  found after connectivity: {_spread(found)}; proved absent after proof time: {_spread(proved)}")
    bad = [(seed, words) for seed, outcome in outcomes.items() for words in outcome.wrong]
    for seed, words in bad[:show]:
        print(f"  seed {seed}: {words}")
    sys.stdout.flush()
    return len(bad)


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    at = min(int(len(values) * 0.99), len(values) - 1)
    return f"{len(values)}, p50 {values[len(values) // 2]:.1f} s, p99 {values[at]:.1f} s, most {values[-1]:.1f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
