"""Calls to plug-ins of the FMZ protocol as rows: each question with its answer, read from the log. No widgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from app.core.clock import NS_PER_MS
from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.plugins import bridge_view
from app.ui.format import DASH, Display, clean, moment
from app.ui.models.orders_table import Badge, Cell, Column
from app.ui.payload_views import parse

KEPT = 5_000
_WORDS = 160


class BridgeCall:
    """One question of ours, and what came of it; `answered` None while nothing did."""

    __slots__ = ("asked", "answered", "method", "error", "_flags")

    def __init__(self, asked: Frame) -> None:
        self.asked = asked
        self.answered: Frame | None = None
        question = _body(asked.payload)
        self.method = str(question.get("method", "?")) if isinstance(question, dict) else "?"
        self.error = ""
        """The plug-in's own words, or what kept it from answering."""
        self._flags: tuple[dict[str, str], dict[str, str]] | None = None

    @property
    def key(self) -> Hashable:
        return self.asked.seq

    @property
    def version(self) -> Hashable:
        return self.answered is not None

    @property
    def took_ms(self) -> float | None:
        return None if self.answered is None else (self.answered.mono_ns - self.asked.mono_ns) / NS_PER_MS

    @property
    def request(self) -> Any:
        """The body of the question, redacted as it was logged."""
        return _body(self.asked.payload)

    @property
    def reply(self) -> Any:
        """The answer, redacted as it was logged; None where there is none in JSON."""
        if self.answered is None or self.answered.kind is FrameKind.CONTROL:
            return None
        return _body(self.answered.payload)

    def answer(self, frame: Frame) -> None:
        self.answered = frame
        if frame.kind is FrameKind.CONTROL:
            self.error = frame.payload.decode("utf-8", "replace")
            return
        # Most answers are good and large: only those that may hold an error are read here.
        reply = self.reply if b'"error"' in frame.payload or frame.status != 200 else {}
        if not isinstance(reply, dict):
            self.error = f"HTTP {frame.status}, no answer of the protocol"
        elif "error" in reply:
            told = reply["error"]
            self.error = told if isinstance(told, str) else str(told)
        elif frame.status != 200:
            self.error = f"HTTP {frame.status}"

    @property
    def flags(self) -> tuple[dict[str, str], dict[str, str]]:
        """By name: what to say of fields of `raw`, and of fields of `data`."""
        if self._flags is None and self.answered is not None:
            self._flags = self._look(self.answered)
        return self._flags or ({}, {})

    def _look(self, answered: Frame) -> tuple[dict[str, str], dict[str, str]]:
        if answered.kind is FrameKind.CONTROL:
            return {}, {}
        try:
            view = bridge_view(self.asked, answered)
        except ValueError:
            return {}, {}
        in_data = {name: "not read by Depthdesk" for name in view.unread}
        for words in view.respelled:
            name, _, how = words.partition(": ")
            in_data[name] = how
        return {name: "dropped in translation" for name in view.dropped}, in_data


class BridgeLog:
    """The newest calls to the plug-ins that are open, in the order they were asked."""

    def __init__(self, log: FrameLog) -> None:
        self._log = log
        self._seen = log.first_seq - 1
        self._calls: deque[BridgeCall] = deque(maxlen=KEPT)
        self._waiting: dict[int, BridgeCall] = {}
        self.of_frame: dict[int, BridgeCall] = {}

    def __iter__(self) -> Iterator[BridgeCall]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def take(self, is_plugin: Callable[[str], bool]) -> bool:
        """Read what came since the last time; returns whether a call is new or answered."""
        if self._seen >= self._log.last_seq:
            return False
        changed = False
        for frame in self._log.since(self._seen):
            if frame.kind is not FrameKind.WS and is_plugin(frame.exchange):
                changed = self._note(frame) or changed
        self._seen = self._log.last_seq
        return changed

    def _note(self, frame: Frame) -> bool:
        if frame.direction is Direction.OUT and frame.kind is FrameKind.REST:
            if len(self._calls) == KEPT:
                self._forget(self._calls[0])
            call = BridgeCall(frame)
            self._calls.append(call)
            self._waiting[frame.seq] = self.of_frame[frame.seq] = call
            return True
        answered = self._waiting.pop(frame.answers, None) if frame.answers else None
        if answered is not None:
            answered.answer(frame)
            self.of_frame[frame.seq] = answered
        return answered is not None

    def _forget(self, call: BridgeCall) -> None:
        self._waiting.pop(call.asked.seq, None)
        self.of_frame.pop(call.asked.seq, None)
        if call.answered is not None:
            self.of_frame.pop(call.answered.seq, None)


def columns(display: Callable[[], Display]) -> list[Column[BridgeCall]]:
    return [
        Column("#", lambda c: Cell(f"{c.asked.seq:,}", "secondary"), lambda c: c.asked.seq, 66, right=True),
        Column("Time", lambda c: _time(c, display()), lambda c: c.asked.wall_ns, 92),
        Column("Plug-in", lambda c: Cell(clean(c.asked.exchange, 40), "secondary"), lambda c: c.asked.exchange, 92),
        Column("Method", lambda c: Cell(clean(c.method, 60), bold=True), lambda c: c.method, 96),
        Column("ms", _took, lambda c: c.took_ms, 58, right=True, tip="from our question to its answer"),
        Column("Result", _result, lambda c: c.error or None, 240),
        Column("Flags", _flags, lambda c: sum(map(len, c.flags)) or None, 150),
    ]


def _time(call: BridgeCall, display: Display) -> Cell:
    at = moment(call.asked.wall_ns // NS_PER_MS, display.zone)
    return Cell(f"{at:%H:%M:%S}.{at.microsecond // 1000:03}", "secondary")


def _took(call: BridgeCall) -> Cell:
    return Cell(DASH if call.took_ms is None else f"{call.took_ms:,.0f}", "secondary")


def _result(call: BridgeCall) -> Cell:
    if call.answered is None:
        return Cell("waiting", "secondary")
    return Cell(clean(call.error, _WORDS), "error", tip=clean(call.error, 400)) if call.error else Cell("ok", "live")


def _flags(call: BridgeCall) -> Cell:
    raw, data = call.flags
    badges = []
    if raw:
        badges.append(Badge(f"{len(raw)} DROPPED", "warning"))
    types = sum("number" in words for words in data.values())
    if types:
        badges.append(Badge(f"{types} TYPE", "accent"))
    if len(data) > types:
        badges.append(Badge(f"{len(data) - types} UNREAD", "secondary"))
    told = [f"{name}: {words}" for name, words in (*raw.items(), *data.items())]
    return Cell("", badges=tuple(badges), tip=clean("; ".join(told), 600))


def _body(payload: bytes) -> Any:
    try:
        return parse(payload.rpartition(b"\r\n\r\n")[2].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
