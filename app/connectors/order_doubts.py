"""Settles orders whose outcome is unknown by asking, for as long as it takes. Sends no order and no cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from app.connectors.spec import PrivateSource
from app.connectors.venue import Venue
from app.core.journal import EntryKind, OrderLedger
from app.core.orders import InFlightOrder, OrderState
from app.core.requests import NoAnswer, NotSent, VenueError

_FIRST_QUESTIONS_S = (2.0, 4.0, 8.0)
_LATER_S = 10.0
_BETWEEN_PROOFS_S = 2.0
_MOST_BOUND_MS = 1_000


class OrderDoubts:
    """One watch per order in doubt.

    An order is proved absent only when the exchange's clock has passed the proof time, two questions at least 2 s apart
    were answered with a definite "not found", and neither the fills since nor a full list of
    open orders taken after that hold it, with no failure in between. Otherwise it stays UNKNOWN.
    A change without an answer is over when the order shows the new terms, or the old ones past the proof time.
    """

    def __init__(
        self,
        venue: Venue,
        source: PrivateSource,
        ledger: OrderLedger,
        query: Callable[[InFlightOrder], Awaitable[bool]],
        random: Random,
    ) -> None:
        self.query = query
        self._venue = venue
        self._source = source
        self._ledger = ledger
        self._random = random
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, key: str) -> None:
        """Ask for this order until its outcome is known. Watching twice is watching once."""
        if key not in self._watched:
            self._venue.spawn(self._settle(key), f"outcome of {key}", self._tasks)

    def watch_all(self) -> None:
        """Take up every order in doubt, as after a restart."""
        for order in self._ledger.tracker.open:
            if order.state is OrderState.UNKNOWN or _change_in_doubt(order):
                self.watch(order.key)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, key: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._watched[key] = task
        try:
            questions = 0
            while (order := self._ledger.tracker.get(key)) is not None and (not questions or _in_doubt(order)):
                wait_s = _FIRST_QUESTIONS_S[questions] if questions < len(_FIRST_QUESTIONS_S) else _LATER_S
                await asyncio.sleep(wait_s * self._random.uniform(0.8, 1.2))
                questions += 1
                try:
                    if not await self.query(order) and order.state is OrderState.UNKNOWN:
                        await self._prove_absent(order)
                    elif _change_in_doubt(order):
                        self._prove_unchanged(order)
                except (VenueError, NotSent, NoAnswer):
                    continue
        finally:
            self._watched.pop(key, None)

    async def _prove_absent(self, order: InFlightOrder) -> None:
        if not self._past_proof(order):
            return
        await asyncio.sleep(_BETWEEN_PROOFS_S)
        if await self.query(order) or not self._past_proof(order):
            return
        for fill in await self._venue.all_pages(self._source.get_fills(order.created_ms)):
            self._ledger.fill(fill, self._venue.wall_ms())
        for update in await self._venue.all_pages(self._source.get_open_orders()):
            self._ledger.update(update, self._venue.wall_ms())
        if order.state is OrderState.UNKNOWN:
            evidence = "proved absent: asked twice and looked through all open orders after its deadline"
            self._ledger.enter(EntryKind.ABSENT, order.key, self._venue.wall_ms(), evidence)

    def _prove_unchanged(self, order: InFlightOrder) -> None:
        """The question just answered shows the old terms; before the proof time that proves nothing."""
        assert order.change is not None
        if self._past(order.change.proof_ms):
            words = "the exchange still shows the old terms after the change's deadline"
            self._ledger.enter(EntryKind.CHANGE_REFUSED, order.key, self._venue.wall_ms(), words)

    def _past_proof(self, order: InFlightOrder) -> bool:
        return self._past(order.terms.proof_ms)

    def _past(self, proof_ms: int) -> bool:
        clock = self._venue.server_clock
        bound = clock.bound_ms
        return bound is not None and bound <= _MOST_BOUND_MS and clock.estimate_ms() >= proof_ms


def _in_doubt(order: InFlightOrder) -> bool:
    return order.state in (OrderState.UNKNOWN, OrderState.PENDING_CANCEL) or _change_in_doubt(order)


def _change_in_doubt(order: InFlightOrder) -> bool:
    return order.change is not None and order.change.is_open and not order.is_done
