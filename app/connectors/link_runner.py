"""Keeps one websocket open: when to dial, when the next one takes over, and when to come back. Knows no exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from app.connectors.link_connection import FrameUser, LinkConnection, Transport
from app.connectors.link_troubles import LinkTroubles
from app.core.clock import NS_PER_S, Clock
from app.core.links import Link, LinkState, LinkStatus
from app.core.notices import Notices
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.transport import LinkLost
from app.net.waiting import happens

TOO_MANY = 429
_NO_STATUS = 1
_RENEW_AT = 0.96
_TAKE_OVER_WITHIN_S = 20.0
_RENEW_AGAIN_S = 30.0
_LOOK_EVERY_S = 0.05
_LONGEST_NAP_S = 1.0
_UNTRUSTED_AGAIN_S = 60.0


class NextUser(FrameUser, Protocol):
    """What runs on a connection that is to take over from the present one."""

    @property
    def caught_up(self) -> bool:
        """Whether it holds all that the present one will miss."""
        ...

    def take_over(self) -> None:
        """Make true what it held back."""
        ...


class LinkUser(FrameUser, Protocol):
    """What runs on the link, whichever connection carries it."""

    def on_down(self, reason: str) -> None:
        """The connection is gone: nothing that came over it is live any more."""
        ...

    def successor(self) -> NextUser | None:
        """For a second connection that is open before the first one ends; None where that cannot be."""
        ...


class LinkRunner:
    """One link and its status; `run` returns only when cancelled.

    A refused login and an error of ours stop it until the user asks; an untrusted certificate is looked at once a
    minute.
    """

    def __init__(
        self,
        link: Link,
        user: LinkUser,
        status: LinkStatus,
        transport: Transport,
        policy: ReconnectPolicy,
        budget: HandshakeBudget,
        clock: Clock,
        notices: Notices,
        private: bool = False,
        slow_down_s: float = 60.0,
        before_dialling: Callable[[], Awaitable[object]] | None = None,
        on_refusal: Callable[[LinkLost], None] | None = None,
        on_opened: Callable[[], None] | None = None,
    ) -> None:
        self.link = link
        self.status = status
        self._user = user
        self._transport = transport
        self._policy = policy
        self._budget = budget
        self._clock = clock
        self._notices = notices
        self._private = private
        self._slow_down_s = slow_down_s
        self._before_dialling = before_dialling
        self._on_refusal = on_refusal or _ignore
        self._on_opened = on_opened or _nothing
        self._troubles = LinkTroubles(status, clock, notices)
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._ending_reason = ""
        self._at_once = False
        """The present connection is to end, and the next one is wanted without a pause."""
        self._untrusted = False
        """The certificate was refused when last looked at: the link is off."""
        self._connection: LinkConnection | None = None
        self._next: tuple[LinkConnection, asyncio.Task[str]] | None = None
        """The connection that took over and what serves it, until `_until_lost` has noticed."""

    @property
    def is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    def send(self, payload: bytes) -> None:
        """Queue a message for the open connection; without one it is dropped, as every connection starts afresh."""
        if self._connection is not None:
            self._connection.send(payload)

    def reconnect(self, reason: str) -> None:
        """Drop the connection, if any, and dial as soon as the host's budget allows."""
        self._at_once = self._policy.retry_now()
        self._wake.set()
        if self._connection is not None:
            self._connection.close(reason)

    def drop(self, reason: str) -> None:
        """As after the computer slept: the connection ends at once even if it looks open, and the next is due now."""
        self._policy.woke()
        self._at_once = True
        self._wake.set()
        if self._connection is not None:
            self._connection.drop(reason)

    def renew(self, reason: str) -> None:
        """The present connection will end soon: have the next one take over before that."""
        self._ending_reason = reason
        self._ending.set()

    async def run(self) -> None:
        while True:
            await self._wait_for_turn()
            try:
                reason, carried_data_s = await self._until_lost()
            except Exception as error:  # whatever it is, it must not end more than this connection
                reason, carried_data_s = self._troubles.on_failed(error), 0.0
            self._connection = None
            self._policy.lost(carried_data_s)
            if self._at_once:
                self._at_once = False
                self._policy.woke()
            self._user.on_down(reason)
            if self.status.state is LinkState.FAILED:
                await self._until_asked_again()
            elif self.status.state is LinkState.REFUSED:
                if self._troubles.may_log_in_again(reason):
                    self._policy.retry_now()
                else:
                    await self._until_asked_again()
            elif self._untrusted:
                await happens(self._wake, _UNTRUSTED_AGAIN_S)
            else:
                again = LinkState.AUTH if self._troubles.logins_ended else LinkState.RECONNECT
                self.status.note(self._clock.wall_ns(), again, reason)
                told = reason if reason.startswith("connection lost") else f"connection lost: {reason}"
                self._notices.warning(self.status.name, told)

    async def _until_asked_again(self) -> None:
        self._wake.clear()
        await self._wake.wait()
        self._troubles.on_asked_again()

    async def _wait_for_turn(self) -> None:
        """Wait until this link may try again and its host has a handshake to spare."""
        if self._before_dialling is not None:
            await self._before_dialling()
        status, returns = self.status, self._budget.returns
        while self._policy.wait_s() > 0 or not self._budget.start():
            wait_s = max(self._policy.wait_s(), self._budget.wait_s())
            status.next_attempt_ns = self._clock.mono_ns() + int(wait_s * NS_PER_S)
            if self._budget.banned:
                until_ns = self._clock.wall_ns() + int(self._budget.banned_s() * NS_PER_S)
                if status.state is not LinkState.BANNED:
                    status.note(self._clock.wall_ns(), LinkState.BANNED, self._budget.reason)
                status.banned_until_ns = until_ns
            elif status.state is LinkState.BANNED:
                status.note(self._clock.wall_ns(), LinkState.RECONNECT, "the ban is over")
            self._wake.clear()
            # Timers stand still while the computer sleeps, so a long wait looks at the clock now and then.
            await happens(self._wake, min(wait_s, _LONGEST_NAP_S))
            if self._budget.returns != returns:
                # Another link of this host came through.
                returns = self._budget.returns
                self._policy.woke()
        self._wake.clear()
        self._at_once = False
        status.attempts += 1
        status.next_attempt_ns = 0

    async def _until_lost(self) -> tuple[str, float]:
        """Open a connection and serve it, and those that take over from it, to the end of the last one.

        Returns why that ended, in words, and how long it carried data.
        """
        if not self._untrusted:
            self.status.note(self._clock.wall_ns(), LinkState.CONNECTING)
        connection = self._connection = self._new(self._user)
        self._next = None
        self._ending.clear()
        renewals = asyncio.create_task(self._renewals(), name=f"{self.status.name} renewal")
        try:
            reason = await self._open(connection, first=True)
            while self._next is not None:
                (connection, serving), self._next = self._next, None
                reason = await serving
            self._at_once = self._at_once or connection.next_at_once
            return reason, connection.carried_data_s
        finally:
            renewals.cancel()
            if self._next is not None:
                self._next[1].cancel()
            await asyncio.gather(renewals, return_exceptions=True)

    def _new(self, user: FrameUser) -> LinkConnection:
        return LinkConnection(self.link, user, self.status, self._clock, self._notices, self._troubles, self.renew)

    async def _open(self, connection: LinkConnection, *, first: bool) -> str:
        """Open it and serve it to its end; returns why it ended, in words. The budget was asked before."""
        dialling = True
        try:
            async with self._transport.open(self.link, self.status, self.status.name, self._private) as socket:
                dialling = self._untrusted = False
                self._budget.finish()
                self._on_opened()
                if first:
                    state = LinkState.AUTH if self._private else LinkState.LIVE
                    self.status.note(self._clock.wall_ns(), state)
                return await connection.serve(socket)
        except LinkLost as lost:
            if dialling:
                dialling = False
                slow_down_s = self._slow_down_s if lost.status == TOO_MANY else None
                self._budget.finish(lost.status or _NO_STATUS, lost.retry_after_s or slow_down_s)
                self._untrusted = lost.untrusted and first
                if self._untrusted:
                    self.status.note(self._clock.wall_ns(), LinkState.OFF, str(lost))
                self._on_refusal(lost)
            return str(lost)
        finally:
            if dialling:
                self._budget.finish(_NO_STATUS)

    async def _renewals(self) -> None:
        """Have the next connection take over when the exchange announces an end, or shortly before it would come."""
        while True:
            if not self.link.lifetime_s:
                await self._ending.wait()
            elif not await happens(self._ending, self.link.lifetime_s * _RENEW_AT):
                self._ending_reason = "it is nearly as old as the exchange allows"
            self._ending.clear()
            while not await self._replace(self._ending_reason):
                await asyncio.sleep(_RENEW_AGAIN_S)

    async def _replace(self, why: str) -> bool:
        """Open the next connection beside the present one and let it take over; whether that came about."""
        present, user = self._connection, self._user.successor()
        if user is None or present is None or not present.is_open:
            self.reconnect(why)
            return True
        while not self._budget.start():
            await asyncio.sleep(min(self._budget.wait_s(), _LONGEST_NAP_S))
        following = self._new(user)
        serving = asyncio.create_task(self._open(following, first=False), name=f"{self.status.name} next")
        try:
            async with asyncio.timeout(_TAKE_OVER_WITHIN_S):
                while not (following.is_open and user.caught_up):
                    if serving.done():
                        self._notices.warning(self.status.name, f"connection not renewed: {serving.result()}")
                        return False
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            self._notices.warning(self.status.name, "connection not renewed: the next one did not catch up in time")
            return False
        else:
            self._next = (following, serving)
            self._connection = following
            following.user = self._user
            user.take_over()
            present.drop(f"renewed: {why}")
            self._notices.info(self.status.name, f"connection renewed: {why}")
            return True
        finally:
            if self._next is None or self._next[1] is not serving:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


def _ignore(_: LinkLost) -> None:
    return None


def _nothing() -> None:
    return None
