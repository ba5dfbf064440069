"""Dead man's switches: cancel everything of an account unless it calls again in time. Asked by the pacer, no timers."""

from __future__ import annotations

from msgspec import Struct

from app.paper.venue import Venue

KILLED = "kill switch"


class Armed(Struct, frozen=True, kw_only=True):
    started_ms: int
    cancels_ms: int


class KillSwitches:
    """One switch per account."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._armed: dict[str, Armed] = {}

    def arm(self, account_id: str, timeout_s: int) -> Armed:
        """Start over; the old deadline is forgotten."""
        now_ms = self._venue.now_ms()
        armed = self._armed[account_id] = Armed(started_ms=now_ms, cancels_ms=now_ms + timeout_s * 1000)
        return armed

    def disarm(self, account_id: str) -> None:
        self._armed.pop(account_id, None)

    def status(self, account_id: str) -> Armed | None:
        return self._armed.get(account_id)

    def fire_due(self) -> None:
        """Cancel the orders and waiting stops of every account whose time is over."""
        if not self._armed:
            return
        now_ms = self._venue.now_ms()
        for account_id in [a for a, armed in self._armed.items() if armed.cancels_ms <= now_ms]:
            del self._armed[account_id]
            self._venue.cancel_all(account_id, reason=KILLED)
            for stop in list(self._venue.ledger(account_id).stops.values()):
                self._venue.cancel_stop(stop)
