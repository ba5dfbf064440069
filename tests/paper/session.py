"""A desk under a manual clock, for tests that need a market but no server."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import count

from app.core.clock import ManualClock
from app.paper.accounts import Fees
from app.paper.desk import Desk
from app.paper.events import Event

FEES = Fees(maker=Decimal("0.001"), taker=Decimal("0.002"))


class Session:
    """A desk under a manual clock, 25 ms a message."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = ManualClock()
        numbers = count(1)
        self.desk = Desk(
            exchange="test",
            seed=seed,
            clock=self.clock,
            fees=FEES,
            next_order_id=lambda: next(numbers),
            first_trade_id=10_000,
        )
        self.events: list[Event] = []
        self.desk.listen(self._record)

    def run(self, messages: int) -> list[Event]:
        for _ in range(messages):
            self.clock.advance(0.025)
            self.desk.advance(1)
        return self.events

    def _record(self, events: Sequence[Event]) -> int:
        self.events.extend(events)
        return len(events)
