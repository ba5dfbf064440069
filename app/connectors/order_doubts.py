"""Settles orders whose outcome is unknown by asking, for as long as it takes. Sends no order and no cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from app.connectors.spec import PrivateSource
from app.connectors.venue import Venue
from app.core.journal import EntryKind, OrderLedger
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.requests import NoAnswer, NotSent, VenueError
from app.core.timestamps import utc_time
from app.net.waiting import cut_short, happens

T = TypeVar("T")
_FIRST_QUESTIONS_S = (2.0, 4.0, 8.0)
_LATER_S = 10.0
_OFFLINE_S = 2.0
"""After a question that never left: it cost the exchange nothing, and the network may be back."""
_APART_S = 0.5
"""At least between two questions about one order, but for the first one past its proof time."""
_SOON_AGAIN = 6
_SOON_S = 4.0
"""So many failures in a row may be of the moment; an exchange that goes on failing is asked as seldom as any."""
_ANSWER_WITHIN_S = 5.0
_MOST_PATIENCE_S = 40.0
_OVERTAKEN_S = 0.75
_BETWEEN_PROOFS_S = 2.0
_AT_PROOF_S = 0.01
_MOST_BOUND_MS = 1_000
_CLOSE_BOUND_MS = 200
_LOOK_BACK_MS = 60_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_EVIDENCE = "asked twice, at last after its deadline, then looked through fills and all open orders"


class _Watch:
    """`answer_wanted`: one answer is wanted even though the order is not in doubt."""

    def __init__(self, answer_wanted: bool) -> None:
        self.answer_wanted = answer_wanted
        self.now = asyncio.Event()
        self.questions = 0
        self.failures = 0
        """Questions in a row that got no answer about the order."""
        self.offline = False
        self.asked_s = float("-inf")
        """When it was last asked, by the loop's clock."""
        self.asked_ms = 0.0
        """The same by the exchange's clock, as estimated then."""
        self.absent_since_s: float | None = None
        """When it was first asked for of all the times since that ended with "not found" and nothing else."""
        self.asking = ""
        """Which kind of question is under way."""
        self.overtaken = False
        """Whether others were answered since it was asked."""
        self.lost_after_s: dict[str, float] = {}
        """By kind of question: when one that others have overtaken counts as lost."""
        self.patience_s = _ANSWER_WITHIN_S
        """How long to wait for an answer; it grows while none comes, for an exchange that is merely slow."""
        self.limit: asyncio.Timeout | None = None
        """Of the question under way."""

    @property
    def patience_overtaken_s(self) -> float:
        """For the question under way; where its kind was never asked, as for the slowest that was."""
        known = self.lost_after_s
        return known.get(self.asking, max(known.values(), default=_OVERTAKEN_S))

    @property
    def wait_s(self) -> float:
        if self.offline:
            return _OFFLINE_S
        if 0 < self.failures <= _SOON_AGAIN:
            return min(_APART_S * 2.0**self.failures, _SOON_S)
        return _FIRST_QUESTIONS_S[self.questions] if self.questions < len(_FIRST_QUESTIONS_S) else _LATER_S


class OrderDoubts:
    """One watch per order in doubt: asked after 2, 4 and 8 s, then every 10 s, each 20 % sooner or later; besides, 2 s
    before its proof time and at it, and after a question that failed 1 s later, then 2, then 4.

    An order is proved absent only when two questions in a row, at least 2 s apart and the second past the proof time by
    the exchange's clock, were answered with a definite "not found", and neither the fills since nor a full list of
    open orders taken after that hold it, with no failure in between. Otherwise it stays UNKNOWN.
    A change without an answer is over when the order shows the new terms, or the old ones past the proof time.
    """

    def __init__(
        self,
        venue: Venue,
        source: PrivateSource,
        ledger: OrderLedger,
        query: Callable[[InFlightOrder], Awaitable[bool]],
        sample_clock: Callable[[], Awaitable[None]],
        random: Random,
    ) -> None:
        """`query` asks for one order, `sample_clock` for the exchange's time; both raise as `Venue.perform` does."""
        self.query = query
        self._sample_clock = sample_clock
        self._venue = venue
        self._source = source
        self._ledger = ledger
        self._random = random
        self._watches: dict[str, _Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        venue.answers_again.connect(lambda _nothing: self.ask_now())
        venue.answered.connect(self._overtaken)

    def watch(self, key: str) -> None:
        """Ask for this order until it was answered and its outcome is known. Watching twice is watching once."""
        self._watch(key, True)

    def watch_sending(self, key: str) -> None:
        """Ask only if its request is still without an answer after 2 s: the stream may be silent too."""
        if getattr(self._source, "asks_by_our_id", True):
            self._watch(key, False)

    def watch_all(self) -> None:
        """Take up every order in doubt, as after a restart."""
        self._stopped = False
        for order in self._ledger.tracker.open:
            if _in_doubt(order):
                self.watch(order.key)

    def ask_now(self, key: str = "") -> None:
        """Ask for this order, or for every one in doubt, without waiting any longer: the exchange answers again."""
        now_s = asyncio.get_running_loop().time()
        for watched, watch in self._watches.items():
            if key in ("", watched):
                watch.now.set()
                if now_s - watch.asked_s > _APART_S:
                    # Asked while nothing came back: that answer is not worth waiting for.
                    cut_short(watch.limit)

    def _overtaken(self, _nothing: None) -> None:
        """A question that others have overtaken got lost on its way, most likely: asking again costs little."""
        for watch in self._watches.values():
            if watch.limit is not None and not watch.overtaken:
                watch.overtaken = True
                cut_short(watch.limit, watch.asked_s + min(watch.patience_overtaken_s, watch.patience_s))

    async def stop(self) -> None:
        """Orders in doubt stay so until `watch_all`."""
        self._stopped = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _watch(self, key: str, answer_wanted: bool) -> None:
        watch = self._watches.get(key)
        if watch is not None:
            watch.answer_wanted |= answer_wanted
            return
        if self._stopped:
            return
        self._watches[key] = _Watch(answer_wanted)
        self._venue.spawn(self._settle(key, self._watches[key]), f"outcome of {key}", self._tasks)

    async def _settle(self, key: str, watch: _Watch) -> None:
        try:
            while True:
                await happens(watch.now, self._wait_s(key, watch))
                await asyncio.sleep(self._apart_s(key, watch))
                watch.now.clear()
                order = self._ledger.tracker.get(key)
                if order is None or not (watch.answer_wanted or _in_doubt(order)) or OrderFlag.TOO_OLD in order.flags:
                    return
                watch.questions += 1
                self._count(order)
                try:
                    if not await self._ask(order, watch) and order.state is OrderState.UNKNOWN:
                        await self._prove_absent(order, watch)
                    elif _change_in_doubt(order):
                        self._prove_unchanged(order)
                    watch.answer_wanted = watch.offline = False
                    watch.failures = 0
                    watch.patience_s = _ANSWER_WITHIN_S
                except (VenueError, NotSent, NoAnswer, TimeoutError) as failure:
                    watch.absent_since_s = None
                    watch.failures += 1
                    watch.offline = isinstance(failure, NotSent)
                    if isinstance(failure, TimeoutError):
                        # Waited long enough already.
                        watch.now.set()
        finally:
            self._watches.pop(key, None)

    def _wait_s(self, key: str, watch: _Watch) -> float:
        wait_s, proof_s = watch.wait_s * self._random.uniform(0.8, 1.2), self._until_proof_s(key)
        if watch.absent_since_s is None and proof_s > _BETWEEN_PROOFS_S:
            # Asked now, the question at the proof time can be the second one.
            return min(wait_s, proof_s - _BETWEEN_PROOFS_S)
        # The first moment at which its absence can be proved is worth a question of its own.
        return min(wait_s, proof_s) if proof_s > 0 else wait_s

    def _apart_s(self, key: str, watch: _Watch) -> float:
        since_s, proof_s = asyncio.get_running_loop().time() - watch.asked_s, self._until_proof_s(key)
        apart_s = max(_APART_S - since_s, 0.0)
        return min(apart_s, max(proof_s, 0.0)) if since_s > -proof_s else apart_s

    def _until_proof_s(self, key: str) -> float:
        """Negative once it is past; without end for an order that is not to be proved absent."""
        order = self._ledger.tracker.get(key)
        if order is None or order.state is not OrderState.UNKNOWN:
            return float("inf")
        return (order.proof_ms - self._venue.server_clock.estimate_ms()) / 1000 + _AT_PROOF_S

    def _count(self, order: InFlightOrder) -> None:
        order.questions += 1
        order.version += 1
        self._ledger.tracker.touch(order)

    async def _ask(self, order: InFlightOrder, watch: _Watch) -> bool:
        """False when the exchange does not know it. Raises VenueError, NotSent, NoAnswer, TimeoutError."""
        watch.asked_ms = self._venue.server_clock.estimate_ms()
        known = await self._within(self.query(order), watch, "order")
        if known:
            watch.absent_since_s = None
        elif watch.absent_since_s is None:
            watch.absent_since_s = watch.asked_s
        return known

    async def _within(self, question: Awaitable[T], watch: _Watch, kind: str) -> T:
        loop = asyncio.get_running_loop()
        watch.asked_s, watch.asking, watch.overtaken = loop.time(), kind, False
        try:
            async with asyncio.timeout(watch.patience_s) as watch.limit:
                answer = await question
        except TimeoutError:
            waited_s, most_s = loop.time() - watch.asked_s, watch.patience_overtaken_s
            if watch.overtaken and waited_s >= most_s:
                watch.lost_after_s[kind] = 2 * most_s
            if waited_s >= watch.patience_s:
                watch.patience_s = min(2 * watch.patience_s, _MOST_PATIENCE_S)
            raise
        except (VenueError, NotSent, NoAnswer):
            watch.lost_after_s.pop(kind, None)
            raise
        finally:
            watch.limit = None
        # An exchange that is always slow must not be given up each time.
        watch.lost_after_s[kind] = max(_OVERTAKEN_S, 1.25 * (loop.time() - watch.asked_s))
        return answer

    async def _prove_absent(self, order: InFlightOrder, watch: _Watch) -> None:
        if not self._clock_is_sure or not (self._past_proof(order) or self._clock_is_close):
            await self._sample_clock()
            watch.asked_ms = 0.0
        if not self._past_proof(order):
            return
        assert watch.absent_since_s is not None
        second_s = watch.absent_since_s + _BETWEEN_PROOFS_S
        if watch.asked_s < second_s or watch.asked_ms < order.proof_ms:
            await asyncio.sleep(second_s - asyncio.get_running_loop().time())
            if await self._ask(order, watch) or not self._past_proof(order):
                return
        # Our clock wrote down when it was made; the exchange is asked by its own.
        age_ms = self._venue.wall_ms() - order.created_ms
        since_ms = max(0, min(order.created_ms, self._venue.estimate_ms() - age_ms) - _LOOK_BACK_MS)
        lists = asyncio.gather(
            self._venue.all_pages(self._source.get_fills(since_ms)),
            self._venue.all_pages(self._source.get_open_orders()),
        )
        fills, open_orders = await self._within(lists, watch, "lists")
        for fill in fills:
            self._ledger.fill(fill, self._venue.wall_ms())
        for update in open_orders:
            self._ledger.update(update, self._venue.wall_ms())
        spec = self._venue.spec
        forgotten = 0 < spec.our_id_kept_ms < age_ms and not order.exchange_order_id
        if forgotten and order.state is OrderState.UNKNOWN:
            past = self._venue.all_pages(self._source.get_order_history(since_ms))
            for update in await self._within(past, watch, "order history"):
                self._ledger.update(update, self._venue.wall_ms())
            if 0 < spec.order_history_days * _DAY_MS < age_ms and order.state is OrderState.UNKNOWN:
                self._give_up(order)
                return
        if order.state is OrderState.UNKNOWN:
            words = f"proved absent at {utc_time(round(self._venue.estimate_ms()))} UTC: {_EVIDENCE}"
            self._ledger.enter(EntryKind.ABSENT, order.key, self._venue.wall_ms(), words)

    def _give_up(self, order: InFlightOrder) -> None:
        """It is neither open nor listed, and what ended so long ago is not listed any more."""
        order.flags.add(OrderFlag.TOO_OLD)
        spec = self._venue.spec
        words = (
            f"too old to prove: {spec.title} finds orders by our id for {spec.our_id_kept_ms // _HOUR_MS} h and lists "
            f"those that ended for {spec.order_history_days} days"
        )
        self._ledger.enter(EntryKind.REMARK, order.key, self._venue.wall_ms(), words)

    @property
    def _clock_is_sure(self) -> bool:
        return self._clock_within(_MOST_BOUND_MS)

    @property
    def _clock_is_close(self) -> bool:
        """Enough to ask at the proof time itself, not half a second late."""
        return self._clock_within(_CLOSE_BOUND_MS)

    def _clock_within(self, most_ms: float) -> bool:
        bound_ms = self._venue.server_clock.bound_ms
        return bound_ms is not None and bound_ms <= most_ms

    def _past_proof(self, order: InFlightOrder) -> bool:
        return self._past(order.proof_ms)

    def _past(self, proof_ms: int) -> bool:
        return self._clock_is_sure and self._venue.server_clock.estimate_ms() >= proof_ms

    def _prove_unchanged(self, order: InFlightOrder) -> None:
        """The question just answered shows the old terms; before the proof time that proves nothing."""
        assert order.change is not None
        if self._past(order.change.proof_ms):
            words = "the exchange still shows the old terms after the change's deadline"
            self._ledger.enter(EntryKind.CHANGE_REFUSED, order.key, self._venue.wall_ms(), words)


def _in_doubt(order: InFlightOrder) -> bool:
    if order.state is OrderState.PENDING_CANCEL:
        return not order.cancel_refusal
    return order.state in (OrderState.SUBMITTING, OrderState.UNKNOWN) or _change_in_doubt(order)


def _change_in_doubt(order: InFlightOrder) -> bool:
    return order.change is not None and order.change.is_open and not order.is_done
