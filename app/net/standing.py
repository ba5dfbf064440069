"""How an exchange treats our address: as usual, slowed down, or banned. It pauses requests and handshakes; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.core.clock import NS_PER_S, Clock
from app.net.rate_limiter import RateLimiter
from app.net.reconnect import BANNED_WORDS, HandshakeBudget

BANNED = 418
TOO_MANY = 429


class Standing:
    """One per exchange domain, shared by all its accounts: limits and bans are about the address.

    A ban stops requests and handshakes to every host of the domain, until it is over and over restarts, because a
    banned address that goes on asking is banned for longer. Too many requests pause only what they were about.
    """

    def __init__(self, clock: Clock, limiter: RateLimiter, budgets: Iterable[HandshakeBudget]) -> None:
        self._clock = clock
        self.limiter = limiter
        self._budgets = tuple(budgets)
        self.on_told: Callable[[int, float], None] = lambda status, seconds: None
        """Called with 418 or 429 and the seconds to be silent."""
        self._hold_requests()

    def told(self, status: int, seconds: float) -> None:
        """A request was answered with this status; the exchange wants silence for so long."""
        if status == BANNED:
            for budget in self._budgets:
                budget.ban(seconds, BANNED_WORDS)
            self._hold_requests()
        self.on_told(status, seconds)

    def handshake_refused(self, status: int) -> None:
        """A handshake was refused; its own budget knows for how long."""
        if status == BANNED:
            self.told(BANNED, self.banned_s)
        elif status == TOO_MANY:
            self.on_told(TOO_MANY, max(budget.banned_s() for budget in self._budgets))

    @property
    def banned_s(self) -> float:
        """Seconds of ban left; 0 when not banned."""
        return max((budget.banned_s() for budget in self._budgets if budget.banned), default=0.0)

    @property
    def banned_until_ns(self) -> int:
        """Wall time; 0 when not banned."""
        left_s = self.banned_s
        return self._clock.wall_ns() + round(left_s * NS_PER_S) if left_s else 0

    def _hold_requests(self) -> None:
        if left_s := self.banned_s:
            self.limiter.pause(self._clock.boot_ns() + round(left_s * NS_PER_S), BANNED_WORDS)
