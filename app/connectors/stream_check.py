"""Whether the account's stream tells what it should: what is learned otherwise must come over it, too, soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.connectors.venue import Venue
from app.core.clock import NS_PER_S
from app.core.order_tracker import OrderTracker
from app.core.orders import InFlightOrder

LOST_EVENTS = "STREAM-LOST-EVENTS"
"""Code of the alarm."""
QUIET_WORDS = "orders channel quiet – checking by REST"
_QUIET_AFTER_NS = 3 * NS_PER_S // 2
_LOST_AFTER_NS = 4 * NS_PER_S
_SETTLED_NS = 5 * NS_PER_S
_AGAIN_NS = 60 * NS_PER_S
_LOOK_EVERY_S = 0.25

_Facts = tuple[bool, object, object]


class StreamCheck:
    """Watches every order: a fact that an answer told first is awaited on the stream, which may be alive and mute.

    An order, its end, or an amount filled that the stream does not confirm within 4 s was lost there: an alarm is
    raised and `on_lost` called. It ends when the stream tells of an order again.
    """

    def __init__(
        self, venue: Venue, orders: OrderTracker, watching: Callable[[], bool], on_lost: Callable[[], None]
    ) -> None:
        """`watching`: whether the stream is up and everything before it is known; else nothing is expected of it."""
        self._venue = venue
        self._watching = watching
        self._on_lost = on_lost
        self._facts: dict[InFlightOrder, _Facts] = {}
        self._awaited: dict[InFlightOrder, int] = {}
        self._streaming = False
        self._since_ns = 0
        self._since_ms = 0
        self._acted_ns = 0
        orders.changed.connect(self._on_changed)

    @property
    def quiet(self) -> bool:
        """Whether the stream owes a report for longer than is usual."""
        now = self._venue.clock.mono_ns()
        return any(now - at > _QUIET_AFTER_NS for at in self._awaited.values())

    def started(self) -> None:
        """The stream begins, or begins again: nothing is expected for what happened before."""
        self._since_ns = self._venue.clock.mono_ns()
        self._since_ms = self._venue.estimate_ms()
        self._awaited.clear()

    def heard(self, apply: Callable[[], None]) -> None:
        """Take in an order event of the stream: what it changes is confirmed by it."""
        self._streaming = True
        try:
            apply()
        finally:
            self._streaming = False
        self._venue.notices.end_alarm(LOST_EVENTS, self._venue.key, "the stream tells of orders again")

    def confirm(self, order: InFlightOrder | None) -> None:
        """The stream told of this order, be it news or not."""
        if order is not None:
            self._awaited.pop(order, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        now = self._venue.clock.mono_ns()
        if not self._watching():
            self._awaited.clear()
            return
        lost = [order for order, at in self._awaited.items() if now - at > _LOST_AFTER_NS]
        if not lost:
            return
        self._awaited.clear()
        what = ", ".join(order.key for order in lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        text = f"the account's stream answers but did not tell of {what}; asking by REST and subscribing again"
        self._venue.notices.raise_alarm(LOST_EVENTS, self._venue.key, text, lost[0].frame)
        if not self._acted_ns or now - self._acted_ns > _AGAIN_NS:
            self._acted_ns = now
            self._on_lost()

    def _on_changed(self, order: InFlightOrder) -> None:
        facts = (order.seen, order.terminal, order.filled)
        before = self._facts.get(order)
        self._facts[order] = facts
        if self._streaming:
            self._awaited.pop(order, None)
            return
        # Stop orders wait on a channel of their own with some exchanges.
        if facts == before or not order.seen or order.terms.type.has_stop_price or not self._watching():
            return
        if order.updated_ms and order.updated_ms < self._since_ms:
            return
        now = self._venue.clock.mono_ns()
        if now - self._since_ns > _SETTLED_NS:
            self._awaited.setdefault(order, now)
