"""One open websocket: what is sent, the heartbeat, and every frame read in order. It neither dials nor comes back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from app.connectors.link_troubles import HEALTHY_S, LinkTroubles
from app.core.clock import NS_PER_S, Clock
from app.core.effects import Effect, Pong, Reconnect, Refused, Send, Unknown
from app.core.frames import Frame
from app.core.links import Link, LinkStatus
from app.core.notices import Notices
from app.net.transport import LinkLost

_MOST_WAITING = 1_000
"""Messages of ours that wait for a connection that takes a few a second; beyond them it is of no use."""
_UNREADABLE_LIMIT = 10
_UNREADABLE_WINDOW_NS = 10 * NS_PER_S


class Socket(Protocol):
    """An open connection: iterate its frames, send text."""

    def __aiter__(self) -> AsyncIterator[Frame]: ...
    async def send(self, payload: bytes) -> object: ...
    async def close(self, reason: str) -> None: ...
    def abort(self, reason: str) -> None: ...


class Transport(Protocol):
    def open(
        self, link: Link, status: LinkStatus, connection: str, scan: bool
    ) -> AbstractAsyncContextManager[Socket]: ...


class FrameUser(Protocol):
    """What runs on one connection."""

    def on_open(self) -> Iterable[Effect]: ...
    def heartbeat(self) -> bytes: ...
    def on_frame(self, data: bytes, frame: int) -> Iterable[Effect]: ...
    def apply(self, effect: Effect) -> None:
        """Make one effect true; effects about the connection itself never come here."""
        ...


class LinkConnection:
    """`serve` runs until the connection ends. `user` may be exchanged between two frames."""

    def __init__(
        self,
        link: Link,
        user: FrameUser,
        status: LinkStatus,
        clock: Clock,
        notices: Notices,
        troubles: LinkTroubles,
        on_planned_end: Callable[[str], None],
    ) -> None:
        self.user = user
        self._link = link
        self._status = status
        self._clock = clock
        self._notices = notices
        self._troubles = troubles
        self._on_planned_end = on_planned_end
        self._outbox: deque[bytes] = deque()
        self._outgoing = asyncio.Event()
        self._socket: Socket | None = None
        self._unreadable: deque[int] = deque(maxlen=_UNREADABLE_LIMIT)
        self._beaten_ns = 0
        self._first_recv_ns = 0
        self._last_recv_ns = 0
        self._our_reason = ""
        self.next_at_once = False
        """The exchange ended the login for the first time: a new one need not wait."""

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def carried_data_s(self) -> float:
        """How long data flowed over it."""
        return (self._last_recv_ns - self._first_recv_ns) / NS_PER_S

    def send(self, payload: bytes) -> None:
        """Queue a message; before the connection is open it is dropped, as every connection starts afresh."""
        if self._socket is not None:
            if len(self._outbox) >= _MOST_WAITING:
                self._outbox.clear()
                self._our_reason = f"more than {_MOST_WAITING:,} messages waited to be sent"
            else:
                self._outbox.append(payload)
            self._outgoing.set()

    def close(self, reason: str) -> None:
        """Send what waits, say goodbye, and end."""
        if self._socket is not None:
            self._our_reason = reason
            self._outgoing.set()

    def drop(self, reason: str) -> None:
        """End at once, without a word to the other side; what was received but not yet read is dropped, too."""
        if self._socket is not None:
            self._our_reason = reason
            self._socket.abort(reason)

    async def serve(self, socket: Socket) -> str:
        """Run the connection until it ends; returns why, in words."""
        self._socket = socket
        name = self._status.name
        writer = asyncio.create_task(self._write(socket), name=f"{name} writer")
        heart = asyncio.create_task(self._beat(), name=f"{name} heartbeat")
        proof = asyncio.get_running_loop().call_later(HEALTHY_S, self._troubles.on_healthy)
        try:
            self._perform(self.user.on_open())
            async for frame in socket:
                if reason := self._read(frame):
                    await socket.close(reason)
                    return reason
            return self._our_reason or "closed by the exchange"
        except LinkLost as lost:
            self._troubles.on_lost(lost)
            return self._our_reason or str(lost)
        finally:
            self._socket = None
            proof.cancel()
            self._troubles.on_served()
            for task in (writer, heart):
                task.cancel()
            await asyncio.gather(writer, heart, return_exceptions=True)

    def _read(self, frame: Frame) -> str:
        """Handle one frame; returns the reason when the connection is of no more use."""
        self._first_recv_ns = self._first_recv_ns or frame.mono_ns
        self._last_recv_ns = frame.mono_ns
        try:
            for effect in self.user.on_frame(frame.payload, frame.seq):
                kind = type(effect)
                if kind is Send:
                    self.send(effect.payload)  # type: ignore[union-attr]
                elif kind is Reconnect:
                    if effect.planned:  # type: ignore[union-attr]
                        self._on_planned_end(effect.reason)  # type: ignore[union-attr]
                    else:
                        self.next_at_once = self._troubles.on_told_to_reconnect(effect)  # type: ignore[arg-type]
                        return effect.reason  # type: ignore[union-attr]
                elif kind is Pong:
                    self._status.round_trip_ms = (self._clock.mono_ns() - self._beaten_ns) / 1e6
                elif kind is Unknown:
                    self._status.unknown += 1
                elif kind is Refused and effect.login:  # type: ignore[union-attr]
                    return self._troubles.on_login_refused(effect.words)  # type: ignore[union-attr]
                else:
                    self.user.apply(effect)
        except (msgspec.DecodeError, ValueError) as error:
            return self._unreadable_frame(frame, error)
        return ""

    def _unreadable_frame(self, frame: Frame, error: Exception) -> str:
        now = self._clock.mono_ns()
        self._status.unknown += 1
        self._unreadable.append(now)
        words = f"unreadable message ({len(frame.payload)} bytes): {error}"
        self._notices.warning(self._status.name, words, frame.seq)
        often = len(self._unreadable) == _UNREADABLE_LIMIT and now - self._unreadable[0] < _UNREADABLE_WINDOW_NS
        return f"{_UNREADABLE_LIMIT} unreadable messages in 10 s" if often else ""

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send(effect.payload)
            else:
                self.user.apply(effect)

    async def _write(self, socket: Socket) -> None:
        await asyncio.sleep(self._link.settle_s)
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            while self._outbox:
                try:
                    await socket.send(self._outbox.popleft())
                except LinkLost:
                    return
                if self._link.sends_per_s:
                    await asyncio.sleep(1 / self._link.sends_per_s)
            if self._our_reason:
                await socket.close(self._our_reason)
                return

    async def _beat(self) -> None:
        if not self._link.heartbeat_s:
            return
        while True:
            await asyncio.sleep(self._link.heartbeat_s)
            self._beaten_ns = self._clock.mono_ns()
            self.send(self.user.heartbeat())
