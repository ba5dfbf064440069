"""Arms an exchange's cancel-all timer and asks again in time while the screen is alive. Cancels nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.connectors.spec import PrivateSource
from app.connectors.user_stream_tracker import UserStreamTracker
from app.connectors.venue import TROUBLE, Venue
from app.core.clock import NS_PER_S
from app.core.errors import ErrorKind
from app.core.kill_switch import Expiry, KillSwitchState
from app.core.order_state import OrderState
from app.core.order_tracker import OrderTracker
from app.core.requests import Call, NoAnswer, VenueError

_LEAST_EVERY_S = 3.0
_MOST_EVERY_S = 60.0
_AGAIN_S = 1.5
"""Between tries after one failed."""
_ALIVE_S = 5.0
"""How old the screen's last sign of life may be."""
_EARLY_MS = 1_500
"""How much before the told moment the exchange may have begun to cancel."""
_LOOK_S = 0.2
_ENDED = (OrderState.CANCELED, OrderState.PARTIALLY_CANCELED)


class KillSwitch:
    """One account's timer. Readers compare `version`.

    It is asked for again every third of its time while `beat` is called; it is never armed again after it expired.
    Stopping the program leaves it running: that is what it is for.
    """

    def __init__(self, venue: Venue, source: PrivateSource, orders: OrderTracker, stream: UserStreamTracker) -> None:
        limits = venue.spec.kill_switch_s
        assert limits is not None
        self.least_s, self.most_s = limits
        self.state = KillSwitchState.OFF
        self.seconds = 0
        self.fires_ms = 0
        """Exchange time at which it fires unless renewed; 0 while off."""
        self.trouble = ""
        """Why it is not armed, renewed or disarmed; foreign text."""
        self.renewals = 0
        self.expiries: list[Expiry] = []
        self.version = 0
        self._venue = venue
        self._source = source
        self._orders = orders
        self._stream = stream
        self._latest_ms = 0
        self._beat_ns = 0
        self._work: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def every_s(self) -> float:
        """Seconds between renewals."""
        return self.every(self.seconds)

    def every(self, seconds: int) -> float:
        """Seconds between renewals of a timer of that length."""
        return min(max(seconds / 3, _LEAST_EVERY_S), _MOST_EVERY_S)

    @property
    def remaining_s(self) -> float:
        return max(self.fires_ms - self._venue.estimate_ms(), 0) / 1000 if self.fires_ms else 0.0

    def start(self, ready: Callable[[], bool]) -> None:
        """Once the account is known, look whether an earlier session left a timer running, where that can be asked."""
        if (status := self._status()) is not None:
            self._venue.spawn(self._look_for_running(ready, status), "kill switch status", self._tasks)

    def beat(self) -> None:
        """The screen is alive."""
        self._beat_ns = self._venue.clock.mono_ns()

    def arm(self, seconds: int) -> None:
        """Begin, or begin anew with another length. Raises ValueError for a length the exchange does not take."""
        if not self.least_s <= seconds <= self.most_s:
            raise ValueError(f"{self.least_s} to {self.most_s} seconds, not {seconds}")
        self.seconds = seconds
        self.fires_ms = self._latest_ms = self.renewals = 0
        self.trouble = ""
        self.beat()
        self._start(self._hold(), KillSwitchState.ARMING)

    def disarm(self) -> None:
        if self.state in (KillSwitchState.ARMING, KillSwitchState.ARMED):
            self._start(self._let_go(), KillSwitchState.DISARMING)
        elif self.state is KillSwitchState.EXPIRED:
            self._say(KillSwitchState.OFF)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: object, state: KillSwitchState) -> None:
        if self._work is not None:
            self._work.cancel()
        self._say(state)
        before = set(self._tasks)
        self._venue.spawn(work, "kill switch", self._tasks)  # type: ignore[arg-type]
        (self._work,) = self._tasks - before

    async def _look_for_running(self, ready: Callable[[], bool], status: Call[int]) -> None:
        while not ready():
            await asyncio.sleep(_LOOK_S)
        try:
            fires_ms = await self._venue.perform(status)
        except TROUBLE:
            return
        if fires_ms and self.state is KillSwitchState.OFF:
            self.fires_ms = self._latest_ms = fires_ms
            words = "Kill switch still armed by an earlier session: it is not renewed unless armed anew"
            self._venue.notices.warning(self._venue.key, words)
            self._start(self._watch(), KillSwitchState.ARMED)
            self._say(trouble="armed by an earlier session, not renewed")

    async def _watch(self) -> None:
        while not self._is_over():
            await asyncio.sleep(_LOOK_S)
        await self._tell_expiry()

    async def _hold(self) -> None:
        while not self._is_over():
            wait_s = _AGAIN_S
            if 0 < self.fires_ms <= self._venue.estimate_ms():
                # A renewal went unanswered and may have come too late: asking for another could arm a new timer.
                await self._look_whether_fired()
            elif self._venue.clock.mono_ns() - self._beat_ns > _ALIVE_S * NS_PER_S:
                self._say(trouble="not renewed: the window does not respond")
            else:
                asked_ms, before_ms = self._venue.estimate_ms(), self.fires_ms
                try:
                    self.fires_ms = self._latest_ms = await self._ask(self.seconds)
                except NoAnswer as error:
                    # It may have been taken: until then it cannot be called expired.
                    self._latest_ms = asked_ms + self.seconds * 1000
                    self.fires_ms = self.fires_ms or self._latest_ms
                    self._say(trouble=f"not renewed: {error}")
                except TROUBLE as error:
                    if self.state is KillSwitchState.ARMING and not self.fires_ms and isinstance(error, VenueError):
                        self._say(KillSwitchState.OFF, f"not armed: {error}")
                        return
                    self._say(trouble=f"not renewed: {error}")
                else:
                    if 0 < before_ms <= self._venue.estimate_ms() and (keys := await self._ended_since(before_ms)):
                        # The renewal was held up on its way, and has armed a new timer.
                        await self._let_go()
                        self._tell(Expiry(before_ms, keys))
                        return
                    self.renewals += 1
                    self._say(KillSwitchState.ARMED, "")
                    wait_s = self.every_s
            await asyncio.sleep(min(wait_s, max(self.remaining_s, _LOOK_S) if self.fires_ms else wait_s))
        await self._tell_expiry()

    async def _look_whether_fired(self) -> None:
        """Where that cannot be asked, the last moment it may fire is awaited."""
        status = self._status()
        try:
            fires_ms = await self._venue.perform(status) if status is not None else self.fires_ms
        except TROUBLE as error:
            if isinstance(error, VenueError) and error.kind is ErrorKind.NOT_FOUND:
                self._latest_ms = self.fires_ms
                return
            self._say(trouble=f"not renewed, it may have fired: {error}")
            return
        if fires_ms > self.fires_ms:
            self.fires_ms = self._latest_ms = fires_ms
            self._say(trouble="")

    async def _let_go(self) -> None:
        while not self._is_over():
            try:
                await self._ask(None)
            except TROUBLE as error:
                if not isinstance(error, VenueError) or error.kind is not ErrorKind.NOT_FOUND:
                    self._say(trouble=f"not disarmed, it may still fire: {error}")
                    await asyncio.sleep(_AGAIN_S)
                    continue
                if self._venue.estimate_ms() >= self._latest_ms - _EARLY_MS:
                    # It fired a moment ago.
                    break
            self.fires_ms = self._latest_ms = 0
            self._say(KillSwitchState.OFF, "")
            self._venue.notices.info(self._venue.key, "Kill switch disarmed")
            return
        await self._tell_expiry()

    async def _ask(self, seconds: int | None) -> int:
        call = self._source.kill_switch(seconds)
        if call is None:
            raise ValueError("this exchange has no safety timer")
        return await self._venue.perform(call)

    def _status(self) -> Call[int] | None:
        """A question for the moment it fires; None where the exchange does not tell."""
        ask: Callable[[], Call[int]] | None = getattr(self._source, "kill_switch_status", None)
        return ask() if ask is not None else None

    def _is_over(self) -> bool:
        return self._latest_ms > 0 and self._venue.estimate_ms() >= self._latest_ms

    async def _tell_expiry(self) -> None:
        """Ask for the orders first: what the timer did is told only when it is known."""
        at_ms, self.fires_ms = min(self._latest_ms, self._venue.estimate_ms()), 0
        self._say(KillSwitchState.EXPIRED, "asking which orders it cancelled")
        self._tell(Expiry(at_ms, await self._ended_since(at_ms)))

    async def _ended_since(self, at_ms: int) -> tuple[str, ...]:
        """Ask for the orders; which have been cancelled since then by nobody here."""
        asked_ns = self._venue.clock.mono_ns()
        self._stream.ask_now()
        while self._stream.last_poll_ns <= asked_ns:
            await asyncio.sleep(_LOOK_S)
        return tuple(
            order.key
            for order in self._orders
            if order.state in _ENDED and not order.cancel_requested and order.updated_ms >= at_ms - _EARLY_MS
        )

    def _tell(self, expiry: Expiry) -> None:
        self.expiries.append(expiry)
        self._say(KillSwitchState.EXPIRED, expiry.words)
        self._venue.notices.warning(self._venue.key, expiry.words)

    def _say(self, state: KillSwitchState | None = None, trouble: str | None = None) -> None:
        self.state = state or self.state
        self.trouble = self.trouble if trouble is None else trouble
        self.version += 1
