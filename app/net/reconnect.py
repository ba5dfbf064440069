"""When a lost connection may be tried again, and how often a host may be asked at all. No sleeping, no I/O.

Everything counts on the boot clock, so time spent asleep counts as waiting. 30 handshakes in 5 minutes is a tenth of
what Binance allows one address; the other limits are our own.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from app.core.clock import NS_PER_S, Clock
from app.net.retry_after import LONGEST_S

HEALTHY_S = 60.0
LONGEST_DELAY_S = 30.0
RETRY_NOW_EVERY_S = 10.0
_LOOK_AGAIN_S = 0.25


class ReconnectPolicy:
    """For one link. The n-th attempt in a row waits a random time up to 2^n seconds, at most 30."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        self._chance = chance
        self._due_ns = 0
        self._asked_ns: int | None = None
        self.attempts = 0
        """Attempts since the link last carried data for a minute."""

    def lost(self, carried_data_s: float) -> float:
        """Note the end of a connection, or a failed attempt (0), and return the seconds until the next attempt.

        `carried_data_s` is how long data flowed: only a minute of it earns a retry at once, because a server that
        accepts and then kicks would otherwise be asked in a hot loop.
        """
        if carried_data_s >= HEALTHY_S:
            self.attempts = 0
            delay_s = 0.0
        else:
            # The exponent stays small: days of attempts must not build a huge number.
            delay_s = self._chance.uniform(0.0, min(LONGEST_DELAY_S, 2.0 ** min(self.attempts, 10)))
        self.attempts += 1
        self._due_ns = self._clock.boot_ns() + round(delay_s * NS_PER_S)
        return delay_s

    def wait_s(self) -> float:
        """Seconds until the next attempt is due; 0 when it is."""
        return max(self._due_ns - self._clock.boot_ns(), 0) / NS_PER_S

    def retry_now(self) -> bool:
        """The trader asks for an attempt now: granted once in 10 s. The host's budget still applies."""
        now = self._clock.boot_ns()
        if self._asked_ns is not None and now - self._asked_ns < RETRY_NOW_EVERY_S * NS_PER_S:
            return False
        self._asked_ns = now
        self._due_ns = now
        return True

    def woke(self) -> None:
        """The computer slept: the next attempt is due at once, the ones after it as usual."""
        self._due_ns = self._clock.boot_ns()


class BudgetState(Struct, frozen=True):
    """What a budget remembers across restarts, in wall time."""

    handshakes_ns: list[int]
    banned_until_ns: int
    reason: str = ""


BANNED_WORDS = "banned by the exchange"


class HandshakeBudget:
    """For one host and all its links: at most 30 handshakes in 5 minutes, 1 a second, 3 at a time, none when banned."""

    PER_WINDOW = 30
    WINDOW_S = 300.0
    APART_S = 1.0
    AT_A_TIME = 3
    DOWN_AFTER = 3
    PROBE_APART_S = 20.0
    """Between handshakes while the last three failed: all links of the host together look whether it is back, and
    enough of the window is left for all of them when it is.
    """

    def __init__(self, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._changed = changed
        self._started: deque[int] = deque(maxlen=self.PER_WINDOW)
        self._open = 0
        self._banned_until_ns = 0
        self._bans = 0
        self._failures = 0
        self.returns = 0
        """How often a handshake succeeded after several had failed: then waiting any longer is waiting in vain."""
        self.apart_s = self.APART_S
        self.probe_apart_s = self.PROBE_APART_S
        self.reason = ""

    def wait_s(self) -> float:
        """Seconds until a handshake may start; 0 means now. While three are under way: when to look again."""
        now = self._clock.boot_ns()
        due = self._banned_until_ns
        if self._started:
            apart_s = self.apart_s if self._failures < self.DOWN_AFTER else max(self.apart_s, self.probe_apart_s)
            due = max(due, self._started[-1] + round(apart_s * NS_PER_S))
        if len(self._started) == self.PER_WINDOW:
            due = max(due, self._started[0] + round(self.WINDOW_S * NS_PER_S))
        wait_s = max(due - now, 0) / NS_PER_S
        return max(wait_s, _LOOK_AGAIN_S) if self._open >= self.AT_A_TIME else wait_s

    def start(self) -> bool:
        """Take a handshake from the budget; False when it has none now. Each success needs a `finish`."""
        if self.wait_s() > 0:
            return False
        self._started.append(self._clock.boot_ns())
        self._open += 1
        self._changed()
        return True

    def finish(self, status: int = 0, retry_after_s: float | None = None) -> None:
        """The handshake is over. `status` is 0 for success, the HTTP status of a refusal, else any other number.

        429 and 418 stop this host.
        """
        self._open -= 1
        if status == 429:
            self.ban(60.0 if retry_after_s is None else retry_after_s, "the exchange asked us to slow down")
        elif status == 418:
            doubled_s = 180.0 * 2.0 ** min(self._bans, 20)
            self._bans += 1
            self.ban(doubled_s if retry_after_s is None else retry_after_s, BANNED_WORDS)
        elif status == 0:
            self._bans = 0
        if status:
            self._failures += 1
        else:
            self.returns += self._failures >= self.DOWN_AFTER
            self._failures = 0

    def ban(self, seconds: float, reason: str) -> None:
        """No handshakes for this long, at most three days. A shorter ban than the present one changes nothing."""
        until = self._clock.boot_ns() + round(min(seconds, LONGEST_S) * NS_PER_S)
        if until > self._banned_until_ns:
            self._banned_until_ns = until
            self.reason = reason
            self._changed()

    @property
    def banned(self) -> bool:
        """Whether this address is banned, rather than asked to slow down."""
        return self.reason == BANNED_WORDS and self.banned_s() > 0

    def banned_s(self) -> float:
        """Seconds of ban left; 0 when not banned."""
        return max(self._banned_until_ns - self._clock.boot_ns(), 0) / NS_PER_S

    def state(self) -> BudgetState:
        """To be stored: a restart must not forget a ban."""
        to_wall = self._clock.wall_ns() - self._clock.boot_ns()
        return BudgetState(
            [at + to_wall for at in self._started],
            self._banned_until_ns + to_wall if self.banned_s() else 0,
            self.reason if self.banned_s() else "",
        )

    def restore(self, state: BudgetState) -> None:
        """Take over what was stored. A wall clock set wrong since then cannot stretch a ban beyond three days."""
        now = self._clock.boot_ns()
        to_boot = now - self._clock.wall_ns()
        self._started.extend(sorted(min(at + to_boot, now) for at in state.handshakes_ns))
        if state.banned_until_ns:
            self.ban((state.banned_until_ns + to_boot - now) / NS_PER_S, state.reason)


class HandshakeBudgets:
    """One budget per host."""

    def __init__(self, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is called whenever there is something new to store."""
        self._clock = clock
        self._changed = changed
        self._budgets: dict[str, HandshakeBudget] = {}

    def of(self, host: str) -> HandshakeBudget:
        return self._budgets.setdefault(host.lower(), HandshakeBudget(self._clock, self._changed))

    def states(self) -> dict[str, BudgetState]:
        """What is worth storing: hosts that ban us, or were dialled within the window."""
        oldest = self._clock.wall_ns() - round(HandshakeBudget.WINDOW_S * NS_PER_S)
        states = {}
        for host, budget in self._budgets.items():
            state = budget.state()
            recent = [at for at in state.handshakes_ns if at > oldest]
            if recent or state.banned_until_ns:
                states[host] = BudgetState(recent, state.banned_until_ns, state.reason)
        return states

    def restore(self, states: dict[str, BudgetState]) -> None:
        for host, state in states.items():
            self.of(host).restore(state)
