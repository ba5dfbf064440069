"""Notices fields that an exchange did not use to send, from a sample of the log. Nothing is changed by it."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from app.core.frames import Direction, Frame, FrameKind, FrameLog
from app.core.notices import Notices

LEARN_S = 60.0
_LOOK_EVERY_S = 1.0
_SAMPLE = 100
_MOST_BYTES = 64 << 10
_MOST_TOLD = 20
_DEEPEST = 8
_GZIP = b"\x1f\x8b"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
"""Keys that look otherwise are data, such as a number."""


class NewFields:
    """Of one exchange. What the connector reads is known, and so is all that comes within the first minute."""

    def __init__(self, log: FrameLog, exchange: str, connector: str) -> None:
        self.told: dict[str, int] = {}
        """Names not met before, with the message that held them first."""
        self._log = log
        self._exchange = exchange
        self._known = set(fields_read(connector))
        self._since = log.last_seq
        self._begun_ns = 0

    async def watch(self, notices: Notices, source: str) -> None:
        """Tell every new field once, for ever."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for name, frame in self.look():
                notices.info(source, f"new field {name!r}: the exchange did not use to send it", frame)

    def look(self) -> list[tuple[str, int]]:
        """Names that are new since the last look. A message now and then stands for all of its kind."""
        frames = self._log.since(self._since)
        self._since = self._log.last_seq
        new = []
        for frame in frames[:: max(1, len(frames) // _SAMPLE)]:
            if not self._is_ours(frame):
                continue
            self._begun_ns = self._begun_ns or frame.mono_ns
            learning = frame.mono_ns - self._begun_ns < LEARN_S * 1e9
            for name in set(names(frame.payload)) - self._known:
                self._known.add(name)
                if not learning and len(self.told) < _MOST_TOLD:
                    self.told[name] = frame.seq
                    new.append((name, frame.seq))
        return new

    def _is_ours(self, frame: Frame) -> bool:
        return (
            frame.exchange == self._exchange
            and frame.direction is Direction.IN
            and frame.kind is FrameKind.WS
            and len(frame.payload) <= _MOST_BYTES
        )


def fields_read(connector: str) -> Iterator[str]:
    """Names of the wire fields that this connector's own messages are made of."""
    waiting: list[type] = [msgspec.Struct]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith(f"app.connectors.{connector}."):
            yield from kind.__struct_encode_fields__  # type: ignore[attr-defined]


def names(payload: bytes) -> Iterator[str]:
    """Every name of a JSON message, at any depth; nothing for what cannot be read."""
    if payload.startswith(_GZIP):
        try:
            payload = zlib.decompressobj(31).decompress(payload, _MOST_BYTES)
        except zlib.error:
            return
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    yield from _names(message, 0)


def _names(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if _NAME.fullmatch(name):
                yield name
            yield from _names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _names(inner, depth + 1)
