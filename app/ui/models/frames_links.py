"""The reply that belongs to a REST request, looked for in slices. No Qt; the way back is `Frame.answers`."""

from __future__ import annotations

from collections.abc import Callable

from app.core.clock import NS_PER_MS, NS_PER_S
from app.core.frames import Direction, Frame, FrameKind, FrameLog

_CHUNK = 256
_PATIENCE_NS = 120 * NS_PER_S


def is_request(frame: Frame) -> bool:
    return frame.kind is FrameKind.REST and frame.direction is Direction.OUT


def delay_words(request: Frame, reply: Frame) -> str:
    return f"{(reply.mono_ns - request.mono_ns) / NS_PER_MS:,.0f} ms"


class ReplySearch:
    """Goes through the frames after a request until one answers it; may be stepped again when more have arrived."""

    def __init__(self, log: FrameLog, request: Frame, now_ns: Callable[[], int]) -> None:
        self._log = log
        self._request = request
        self._now_ns = now_ns
        self._next = request.seq + 1
        self._given_up = False
        self.reply: Frame | None = None

    @property
    def done(self) -> bool:
        return self.reply is not None or self._given_up or self._next > self._log.last_seq

    @property
    def words(self) -> str:
        if self.reply is not None:
            return f"reply #{self.reply.seq:,} · {self.reply.status} · {delay_words(self._request, self.reply)}"
        return "no reply found" if self._given_up else "no reply yet"

    def step(self, budget_ns: int) -> bool:
        """Work for about `budget_ns`; returns whether work remains."""
        end = self._now_ns() + budget_ns
        while not self.done:
            self._next = max(self._next, self._log.first_seq)
            for _ in range(_CHUNK):
                frame = self._log.get(self._next)
                if frame is None:
                    break
                self._next += 1
                if frame.answers == self._request.seq:
                    self.reply = frame
                    break
                if frame.mono_ns - self._request.mono_ns > _PATIENCE_NS:
                    self._given_up = True
                    break
            if self._now_ns() >= end:
                break
        return not self.done
