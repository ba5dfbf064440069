"""Keeps one websocket open: dial, log in, beat, read, and come back after a loss. Knows no exchange, no events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from app.connectors.link_troubles import HEALTHY_S, LinkTroubles
from app.core.clock import NS_PER_S, Clock
from app.core.effects import Effect, Pong, Reconnect, Refused, Send, Unknown
from app.core.frames import Frame
from app.core.links import Link, LinkState, LinkStatus
from app.core.notices import Notices
from app.net.reconnect import HandshakeBudget, ReconnectPolicy
from app.net.transport import LinkLost
from app.net.waiting import happens

TOO_MANY = 429
_MOST_WAITING = 1_000
"""Messages of ours that wait for a connection that takes a few a second; beyond them it is of no use."""
_RENEW_AT = 0.96
_LONGEST_NAP_S = 1.0
_UNREADABLE_LIMIT = 10
_UNREADABLE_WINDOW_NS = 10 * NS_PER_S


class Socket(Protocol):
    """An open connection: iterate its frames, send text."""

    def __aiter__(self) -> AsyncIterator[Frame]: ...
    async def send(self, payload: bytes) -> object: ...
    async def close(self, reason: str) -> None: ...


class Transport(Protocol):
    def open(
        self, link: Link, status: LinkStatus, connection: str, scan: bool
    ) -> AbstractAsyncContextManager[Socket]: ...


class LinkUser(Protocol):
    """What runs on the connection."""

    def on_open(self) -> Iterable[Effect]: ...
    def heartbeat(self) -> bytes: ...
    def on_frame(self, data: bytes, frame: int) -> Iterable[Effect]: ...
    def apply(self, effect: Effect) -> None:
        """Make one effect true; effects about the connection itself never come here."""
        ...

    def on_down(self, reason: str) -> None:
        """The connection is gone: nothing that came over it is live any more."""
        ...


class LinkRunner:
    """One connection and its status; `run` returns only when cancelled or when the exchange refuses our login."""

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
        self._outbox: deque[bytes] = deque()
        self._outgoing = asyncio.Event()
        self._wake = asyncio.Event()
        self._socket: Socket | None = None
        self._unreadable: deque[int] = deque(maxlen=_UNREADABLE_LIMIT)
        self._beaten_ns = 0
        self._first_recv_ns = 0
        self._last_recv_ns = 0
        self._lost_reason = ""
        self._troubles = LinkTroubles(status, clock, notices)

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def send(self, payload: bytes) -> None:
        """Queue a message for the open connection; without one it is dropped, as every connection starts afresh."""
        if self._socket is not None:
            if len(self._outbox) >= _MOST_WAITING:
                self._outbox.clear()
                self._lost_reason = f"more than {_MOST_WAITING:,} messages waited to be sent"
            else:
                self._outbox.append(payload)
            self._outgoing.set()

    def reconnect(self, reason: str) -> None:
        """Drop the connection, if any, and dial as soon as the host's budget allows."""
        self._policy.retry_now()
        self._wake.set()
        if self._socket is not None:
            self._lost_reason = reason
            self._outgoing.set()

    async def run(self) -> None:
        while True:
            await self._wait_for_turn()
            try:
                reason = await self._dial()
            except Exception as error:  # whatever it is, it must not end more than this connection
                reason = self._troubles.on_failed(error)
            self._socket = None
            self._policy.lost(self._carried_data_s())
            self._user.on_down(reason)
            if self.status.state is LinkState.FAILED:
                await self._until_asked_again()
            elif self.status.state is LinkState.REFUSED:
                if self._troubles.may_log_in_again(reason):
                    self._policy.retry_now()
                else:
                    await self._until_asked_again()
            else:
                again = LinkState.AUTH if self._troubles.logins_ended else LinkState.RECONNECT
                self.status.note(self._clock.wall_ns(), again, reason)
                self._notices.warning(self.status.name, f"connection lost: {reason}")

    async def _until_asked_again(self) -> None:
        self._wake.clear()
        await self._wake.wait()
        self._troubles.on_asked_again()

    async def _wait_for_turn(self) -> None:
        """Wait until this link may try again and its host has a handshake to spare."""
        while self._policy.wait_s() > 0 or not self._budget.start():
            wait_s = max(self._policy.wait_s(), self._budget.wait_s())
            self.status.next_attempt_ns = self._clock.mono_ns() + int(wait_s * NS_PER_S)
            self._wake.clear()
            # Timers stand still while the computer sleeps, so a long wait looks at the clock now and then.
            await happens(self._wake, min(wait_s, _LONGEST_NAP_S))
        self._wake.clear()
        self.status.attempts += 1
        self.status.next_attempt_ns = 0

    async def _dial(self) -> str:
        """Open the connection and serve it to its end; returns why it ended, in words."""
        self._first_recv_ns = self._last_recv_ns = 0
        self.status.note(self._clock.wall_ns(), LinkState.CONNECTING)
        dialling = True
        try:
            async with self._transport.open(self.link, self.status, self.status.name, self._private) as socket:
                dialling = False
                self._budget.finish()
                return await self._serve(socket)
        except LinkLost as lost:
            if dialling:
                dialling = False
                slow_down_s = self._slow_down_s if lost.status == TOO_MANY else None
                self._budget.finish(lost.status, lost.retry_after_s or slow_down_s)
            return str(lost)
        finally:
            if dialling:
                self._budget.finish()

    def _carried_data_s(self) -> float:
        return (self._last_recv_ns - self._first_recv_ns) / NS_PER_S

    async def _serve(self, socket: Socket) -> str:
        """Run the connection until it ends; returns why, in words."""
        self._outbox.clear()
        self._unreadable.clear()
        self._socket = socket
        self._lost_reason = ""
        state = LinkState.AUTH if self._private else LinkState.LIVE
        self.status.note(self._clock.wall_ns(), state)
        writer = asyncio.create_task(self._write(socket), name=f"{self.status.name} writer")
        heart = asyncio.create_task(self._beat(), name=f"{self.status.name} heartbeat")
        end = asyncio.create_task(self._renew(), name=f"{self.status.name} renewal")
        proof = asyncio.get_running_loop().call_later(HEALTHY_S, self._troubles.on_healthy)
        try:
            self._perform(self._user.on_open())
            async for frame in socket:
                if reason := self._read(frame):
                    await socket.close(reason)
                    return reason
            return self._lost_reason or "closed by the exchange"
        except LinkLost as lost:
            self._troubles.on_lost(lost)
            return self._lost_reason or str(lost)
        finally:
            proof.cancel()
            self._troubles.on_served()
            for task in (writer, heart, end):
                task.cancel()
            await asyncio.gather(writer, heart, end, return_exceptions=True)

    def _read(self, frame: Frame) -> str:
        """Handle one frame; returns the reason when the connection is of no more use."""
        self._first_recv_ns = self._first_recv_ns or frame.mono_ns
        self._last_recv_ns = frame.mono_ns
        try:
            for effect in self._user.on_frame(frame.payload, frame.seq):
                kind = type(effect)
                if kind is Send:
                    self.send(effect.payload)  # type: ignore[union-attr]
                elif kind is Reconnect:
                    if self._troubles.on_told_to_reconnect(effect):  # type: ignore[arg-type]
                        self._policy.retry_now()
                    return effect.reason  # type: ignore[union-attr]
                elif kind is Pong:
                    self.status.round_trip_ms = (self._clock.mono_ns() - self._beaten_ns) / 1e6
                elif kind is Unknown:
                    self.status.unknown += 1
                elif kind is Refused and effect.login:  # type: ignore[union-attr]
                    return self._troubles.on_login_refused(effect.words)  # type: ignore[union-attr]
                else:
                    self._user.apply(effect)
        except (msgspec.DecodeError, ValueError) as error:
            return self._unreadable_frame(frame, error)
        return ""

    def _unreadable_frame(self, frame: Frame, error: Exception) -> str:
        now = self._clock.mono_ns()
        self.status.unknown += 1
        self._unreadable.append(now)
        self._notices.warning(self.status.name, f"unreadable message ({len(frame.payload)} bytes): {error}", frame.seq)
        often = len(self._unreadable) == _UNREADABLE_LIMIT and now - self._unreadable[0] < _UNREADABLE_WINDOW_NS
        return f"{_UNREADABLE_LIMIT} unreadable messages in 10 s" if often else ""

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send(effect.payload)
            else:
                self._user.apply(effect)

    async def _write(self, socket: Socket) -> None:
        await asyncio.sleep(self.link.settle_s)
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            while self._outbox:
                try:
                    await socket.send(self._outbox.popleft())
                except LinkLost:
                    return
                if self.link.sends_per_s:
                    await asyncio.sleep(1 / self.link.sends_per_s)
            if self._lost_reason:
                await socket.close(self._lost_reason)
                return

    async def _beat(self) -> None:
        if not self.link.heartbeat_s:
            return
        while True:
            await asyncio.sleep(self.link.heartbeat_s)
            self._beaten_ns = self._clock.mono_ns()
            self.send(self._user.heartbeat())

    async def _renew(self) -> None:
        """Leave shortly before the exchange would cut the connection."""
        if self.link.lifetime_s:
            await asyncio.sleep(self.link.lifetime_s * _RENEW_AT)
            self.reconnect("renewed before the exchange ends it")
