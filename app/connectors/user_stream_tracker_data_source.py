"""The one reader of an account's private stream. Keeps no orders and no balances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from app.connectors.link_runner import LinkRunner, NextUser
from app.connectors.side_link import SideLink, side_stream_of
from app.connectors.spec import PrivateSource
from app.connectors.taps import offer
from app.connectors.venue import Venue
from app.core.effects import AccountEvent, Effect, LoggedIn, Perform, Refused, Send, Sequence, Subscribed
from app.core.links import Link, LinkState, LinkStatus
from app.core.requests import NoAnswer, NotSent, VenueError
from app.core.types import BalanceDelta, Fill, OrderUpdate

Tap = asyncio.Queue[AccountEvent]


class UserStreamTrackerDataSource:
    """Private events of one account, handed to `sink` in wire order on the reader's own call stack.

    Without a private stream (`PrivateSource.link` is None) it stays quiet and the tracker polls.
    """

    def __init__(self, venue: Venue, source: PrivateSource) -> None:
        self.source = source
        self.sink: Callable[[AccountEvent], None] = _ignore
        self.on_subscribed: Callable[[], None] = _nothing
        self.ask_now: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = _ignore
        self.status: LinkStatus | None = None
        self.logged_in = False
        self._number = 0
        self._venue = venue
        self._taps: list[Tap] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: LinkRunner | None = None
        if source.link is not None:
            self.status = LinkStatus(venue.connection(source.link.name), source.link.url)
        further = side_stream_of(source)
        self._side = None if further is None else SideLink(venue, further, self)

    @property
    def statuses(self) -> list[LinkStatus]:
        """Of every connection of the account."""
        return [each.status for each in (self, self._side) if each is not None and each.status is not None]

    @property
    def whole(self) -> bool:
        """Whether everything that can be streamed is."""
        return self._side is None or self._side.live

    @property
    def last_recv_time(self) -> float:
        """Monotonic seconds of the last sign of life on the stream; 0 before the first."""
        return 0.0 if self.status is None else self.status.last_recv_ns / 1e9

    async def listen_for_user_stream(self, output: Tap) -> None:
        """Put every private event into the queue until cancelled."""
        self._taps.append(output)
        try:
            await asyncio.Event().wait()
        finally:
            self._taps.remove(output)

    def start(self) -> None:
        link = self.source.link
        if link is None or self.status is None or self._runner is not None:
            return
        self._runner = self._venue.runner(link, _PrivateLink(self, link), self.status, private=True)
        self._venue.spawn(self._runner.run(), self.status.name, self._tasks)
        if self._side is not None:
            self._side.start(self._tasks)

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runner = None
        self.logged_in = False
        if self.status is not None:
            self.status.state = LinkState.OFF
        if self._side is not None:
            self._side.stopped()

    def reconnect(self, reason: str, name: str = "") -> None:
        """Dial again: the connection of that name (as in `statuses`), or each of them."""
        for runner in self._runners:
            if name in ("", runner.status.name):
                runner.reconnect(reason)

    def drop(self, reason: str) -> None:
        """End every connection at once, even if it looks open, and dial again."""
        for runner in self._runners:
            runner.drop(reason)

    @property
    def _runners(self) -> list[LinkRunner]:
        side = None if self._side is None else self._side.runner
        return [runner for runner in (self._runner, side) if runner is not None]

    def apply(self, effect: Effect) -> None:
        """Hand one event on. Also the way in for replays, which have no connection."""
        if isinstance(effect, OrderUpdate | Fill | BalanceDelta):
            self.sink(effect)
            for tap in self._taps:
                offer(tap, effect)
        elif isinstance(effect, LoggedIn):
            self.logged_in = True
            if self.status is not None:
                self.status.note(self._venue.clock.wall_ns(), LinkState.LIVE)
            for answer in self.source.on_logged_in():
                if isinstance(answer, Send):
                    self._send(answer.payload)
                else:
                    self.apply(answer)
        elif isinstance(effect, Sequence):
            if self._number and effect.number > self._number + 1:
                self._venue.notices.warning(
                    self._venue.key, f"account messages lost: {effect.number} came after {self._number}; asking by REST"
                )
                self.on_subscribed()
            self._number = max(self._number, effect.number)
        elif isinstance(effect, Subscribed):
            self.on_subscribed()
        elif isinstance(effect, Refused):
            self._venue.notices.error(self._venue.key, f"Exchange says: {effect.words}")
        elif isinstance(effect, Perform):
            self._venue.spawn(self._perform(effect), "perform", self._tasks)

    async def _perform(self, effect: Perform) -> None:
        try:
            for answer in await self._venue.perform(effect.call):
                self.apply(answer)
        except (VenueError, NotSent, NoAnswer) as error:
            self._venue.notices.warning(self._venue.connection("rest"), f"{effect.call.request.path}: {error}")

    def _send(self, payload: bytes) -> None:
        if self._runner is not None:
            self._runner.send(payload)


class _PrivateLink:
    """The account side of the connection (see `link_runner.LinkUser`)."""

    def __init__(self, owner: UserStreamTrackerDataSource, link: Link) -> None:
        self._owner = owner
        self._link = link
        self.on_frame = owner.source.on_message
        self.apply = owner.apply

    def on_open(self) -> Iterable[Effect]:
        return self._owner.source.on_open(self._owner._venue.now_ms())

    def heartbeat(self) -> bytes:
        return self._owner.source.heartbeat(self._owner._venue.now_ms())

    def successor(self) -> NextUser | None:
        """A login takes its time and its events count once, so the account's stream simply starts again."""
        return None

    def on_down(self, reason: str) -> None:
        self._owner._venue.connection_lost()
        self._owner.logged_in = False
        self._owner._number = 0
        self._owner.on_lost(reason)


def _ignore(_: object) -> None:
    return None


def _nothing() -> None:
    return None
