"""Orders and executions of past days, asked for in the background and only as fast as others leave room. No stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from app.connectors.spec import PrivateSource
from app.connectors.venue import TROUBLE, Venue
from app.core.errors import ErrorKind
from app.core.journal import OrderLedger
from app.core.orders import InFlightOrder, OrderIntent
from app.core.past import HistoryState
from app.core.requests import Call, NotSent, Page, Priority, VenueError
from app.core.types import Fill, OrderType, OrderUpdate

T = TypeVar("T")

DAY_MS = 86_400_000
STEPS_DAYS = (7, 30, 90, 180, 365, 1_095)
"""How far back each further wish goes; what was read before is read again and counted once."""
_MOST_PAGES = 1_500
_AT_A_TIME = 40
"""Reports taken over before others get their turn."""
_ASK_READY_S = 0.2
_BETWEEN_TRIES_S = 3.0
_TRIES = 5


class AccountHistory:
    """How much of one account's past is known. Readers compare `version`.

    Orders and their executions are taken over together, so that no order looks as if executions were missing.
    """

    def __init__(
        self,
        venue: Venue,
        source: PrivateSource,
        ledger: OrderLedger,
        first_days: int,
        take_fill: Callable[[Fill], None],
    ) -> None:
        self.state = HistoryState.WAITING if first_days else HistoryState.OFF
        self.version = 0
        self.orders = self.fills = 0
        """Reports that the loading under way, or the last one, has brought."""
        self.since_ms = 0
        """Exchange time up to which the past is known; 0 before the first loading."""
        self.reason = ""
        """Why the last loading ended early; foreign text."""
        self.undescribed = 0
        """Executions left out because the exchange no longer tells their orders."""
        self._venue = venue
        self._source = source
        self._ledger = ledger
        self._take_fill = take_fill
        self._first_days = first_days
        self._days = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, ready: Callable[[], bool]) -> None:
        """Load what the settings want as soon as `ready` says so."""
        if self._first_days and not self.since_ms:
            self._venue.spawn(self._at_start(ready), "past orders", self._tasks)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def next_days(self) -> int | None:
        """How many days the next wish would reach back; None when the exchange keeps no more, or we ask for no more."""
        if self.state is HistoryState.REFUSED and not self.since_ms:
            return self._first_days or STEPS_DAYS[0]
        kept = self.kept_days
        if kept and self._days >= kept:
            return None
        further = next((days for days in STEPS_DAYS if days > self._days), None)
        return further if further is None or not kept else min(further, kept)

    @property
    def kept_days(self) -> int:
        """How long the exchange tells an account's past; 0: it names no limit."""
        spec = self._venue.spec
        return max(spec.order_history_days, spec.fill_history_days) if spec.order_history_days else 0

    @property
    def order_days(self) -> int:
        """The same of orders alone, where it is shorter than of executions."""
        spec = self._venue.spec
        return spec.order_history_days if spec.order_history_days < spec.fill_history_days else 0

    def load_older(self) -> None:
        """Begin to load further back. While a loading is under way, and where nothing is left, nothing happens."""
        days = self.next_days
        if days is not None and self.state not in (HistoryState.LOADING, HistoryState.WAITING):
            self._say(HistoryState.LOADING)
            self._venue.spawn(self._load(days), "past orders", self._tasks)

    async def _at_start(self, ready: Callable[[], bool]) -> None:
        while not ready():
            await asyncio.sleep(_ASK_READY_S)
        await self._load(self._first_days)

    async def _load(self, days: int) -> None:
        venue, spec = self._venue, self._venue.spec
        now_ms = venue.estimate_ms()
        self.orders = self.fills = 0
        self.reason = ""
        self._say(HistoryState.LOADING)
        try:
            updates: list[OrderUpdate] = []
            since_ms = now_ms - _least(days, spec.order_history_days) * DAY_MS
            await self._read(self._source.get_order_history(since_ms), updates, self._count_orders)
            fills: list[Fill] = []
            since_ms = now_ms - _least(days, spec.fill_history_days) * DAY_MS
            await self._read(self._source.get_fills(since_ms), fills, self._count_fills)
            updates += await self._describe(fills, updates)
        except (*TROUBLE, ValueError) as error:
            self.reason = str(error)
            self._say(HistoryState.REFUSED)
            venue.notices.warning(venue.key, f"past orders not loaded: {error}")
            return
        except asyncio.CancelledError:
            self._say(HistoryState.REFUSED)
            raise
        await self._take(updates, fills)
        # Lists overlap, at the ends of their windows and where an archive goes on.
        self.orders = len({(update.pair, update.exchange_order_id) for update in updates})
        self.fills = len({(fill.pair, fill.trade_id) for fill in fills})
        self._days, self.since_ms = days, now_ms - days * DAY_MS
        self._say(HistoryState.LOADED)

    async def _read(self, call: Call[Page[T]] | None, into: list[T], count: Callable[[int], None]) -> None:
        """Every page. Raises VenueError, NotSent, NoAnswer, and ValueError for a list without an end."""
        for _ in range(_MOST_PAGES):
            if call is None:
                return
            page = await self._ask(call)
            into += page.items
            count(len(into))
            call = page.next
        raise ValueError(f"more than {_MOST_PAGES} pages")

    async def _ask(self, call: Call[T]) -> T:
        """One question, behind everything else; passing trouble is waited out. Raises VenueError, NotSent, NoAnswer."""
        humble = replace(call, request=replace(call.request, priority=Priority.INFO))
        for _ in range(_TRIES - 1):
            try:
                return await self._venue.perform(humble)
            except VenueError as error:
                if error.kind not in (ErrorKind.SLOW_DOWN, ErrorKind.UNAVAILABLE, ErrorKind.CLOCK):
                    raise
            except NotSent:
                # The budget is used up by more urgent questions.
                pass
            await asyncio.sleep(_BETWEEN_TRIES_S)
        return await self._venue.perform(humble)

    async def _describe(self, fills: list[Fill], updates: list[OrderUpdate]) -> list[OrderUpdate]:
        """The orders that are known by their executions only, each asked for once."""
        told = {(update.pair, update.exchange_order_id) for update in updates}
        found: list[OrderUpdate] = []
        self.undescribed = 0
        for fill in fills:
            named = (fill.pair, fill.exchange_order_id)
            if named in told or self._known(fill):
                continue
            told.add(named)
            terms = OrderIntent(client_order_id="", pair=fill.pair, side=fill.side, type=OrderType.LIMIT)
            order = InFlightOrder(terms, external=True)
            order.exchange_order_id = fill.exchange_order_id
            try:
                found.append(await self._ask(self._source.get_order(order)))
            except VenueError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
        return found

    def _known(self, fill: Fill) -> bool:
        tracker = self._ledger.tracker
        order = tracker.get(fill.client_order_id) if fill.client_order_id else None
        order = order or tracker.get(fill.exchange_order_id)
        return order is not None and order.pair == fill.pair

    async def _take(self, updates: list[OrderUpdate], fills: list[Fill]) -> None:
        by_order: dict[tuple[str, str], list[Fill]] = {}
        for fill in fills:
            by_order.setdefault((fill.pair, fill.exchange_order_id), []).append(fill)
        taken = 0
        for update in updates:
            self._ledger.update(update, self._venue.wall_ms())
            # At once: an order without them would be asked about again.
            own = by_order.pop((update.pair, update.exchange_order_id), [])
            for fill in own:
                self._take_fill(fill)
            taken += 1 + len(own)
            if taken >= _AT_A_TIME:
                taken = 0
                await asyncio.sleep(0)
        for left in by_order.values():
            for fill in left:
                if self._known(fill):
                    self._take_fill(fill)
                else:
                    self.undescribed += 1

    def _count_orders(self, count: int) -> None:
        self.orders = count
        self.version += 1

    def _count_fills(self, count: int) -> None:
        self.fills = count
        self.version += 1

    def _say(self, state: HistoryState) -> None:
        self.state = state
        self.version += 1


def _least(days: int, kept: int) -> int:
    return min(days, kept) if kept else days
