"""One order book fed by the frames of a source, as the engine would feed it. No sockets, no fixtures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from app.connectors.spec import PublicSource
from app.core.effects import Effect, Perform, Send, Unknown
from app.core.order_book import BookSync, OrderBook
from app.core.requests import Call, Response
from app.core.types import BookDiff, BookSnapshot


class Feed:
    """`gaps` are the reasons why a change did not fit; what the source wanted sent or asked meanwhile is kept too."""

    def __init__(self, source: PublicSource) -> None:
        self.source = source
        self.sync = BookSync(OrderBook("BTC-USDT", source.integrity))
        self.gaps: list[str] = []
        self.sent: list[Any] = []
        self.asked: list[Call[Iterable[Effect]]] = []
        self.unknown: list[str] = []

    @property
    def book(self) -> OrderBook:
        return self.sync.book

    def receives(self, *frames: bytes) -> None:
        for frame in frames:
            self.apply(self.source.on_message(frame, 1))

    def answers(self, response: Response) -> None:
        """To the oldest question asked."""
        self.apply(self.asked.pop(0).parse(response))

    def apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            gap = None
            if isinstance(effect, BookSnapshot):
                gap = self.sync.on_snapshot(effect)
            elif isinstance(effect, BookDiff):
                gap = self.sync.on_diff(effect)
            elif isinstance(effect, Send):
                self.sent.append(json.loads(effect.payload))
            elif isinstance(effect, Perform):
                self.asked.append(effect.call)
            elif isinstance(effect, Unknown):
                self.unknown.append(effect.reason)
            if gap:
                self.gaps.append(gap)
