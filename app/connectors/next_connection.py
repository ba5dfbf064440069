"""What a second connection brings before it takes over from the first: held back until no book would miss a change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from app.connectors.spec import PublicSource
from app.core.clock import NS_PER_S, Clock
from app.core.effects import Effect, Perform, Pong, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.links import Link
from app.core.order_book import OrderBook
from app.core.types import BookDiff, BookSnapshot

_OF_THE_CONNECTION = (Send, Pong, Reconnect, Unknown)
_SETTLED_NS = NS_PER_S // 2
_MOST_HELD = 50_000


class Owner(Protocol):
    """The reader of the link, as far as it matters here (`order_book_tracker_data_source`)."""

    source: PublicSource

    @property
    def books(self) -> Mapping[str, OrderBook]: ...
    def subscribed_on(self, link: Link) -> list[Subscription]: ...
    def take_over(self, link: Link, held: Iterable[Effect], asked: Collection[Subscription]) -> None: ...


class NextConnection:
    """A `link_runner.NextUser`. It asks for the same streams and keeps what comes.

    It has caught up when every stream is confirmed and each live book can go on with what is held: the first change
    held follows or overlaps the last one applied. Then changes come twice at most, and none is left out. A live book
    needs no new snapshot for that, so calls that would fetch one are left out.
    """

    def __init__(self, owner: Owner, link: Link, clock: Clock, now_ms: Callable[[], int]) -> None:
        self._owner = owner
        self._link = link
        self._clock = clock
        self._now_ms = now_ms
        self._asked = owner.subscribed_on(link)
        self._unconfirmed = set(self._asked)
        self._confirmed_ns = clock.mono_ns()
        self._held: list[Effect] = []
        self._first: dict[str, BookDiff | BookSnapshot] = {}
        self._newest_id: dict[str, int] = {}

    def on_open(self) -> Iterable[Effect]:
        yield from self._owner.source.on_open(self._link, self._now_ms())
        yield from self._owner.source.subscribe(self._asked)

    def heartbeat(self) -> bytes:
        return self._owner.source.heartbeat(self._now_ms())

    def on_frame(self, data: bytes, frame: int) -> Iterable[Effect]:
        for effect in self._owner.source.on_message(data, frame):
            if isinstance(effect, _OF_THE_CONNECTION):
                yield effect
            else:
                self.apply(effect)
        if len(self._held) > _MOST_HELD:
            yield Reconnect("more came than can be held back")

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, Perform):
            return
        self._held.append(effect)
        if isinstance(effect, BookDiff | BookSnapshot):
            self._first.setdefault(effect.pair, effect)
            if effect.last_id is not None:
                self._newest_id[effect.pair] = effect.last_id
        elif isinstance(effect, Subscribed | Refused):
            self._unconfirmed.difference_update(effect.subscriptions)
            self._confirmed_ns = self._clock.mono_ns()

    @property
    def caught_up(self) -> bool:
        settled = self._clock.mono_ns() - self._confirmed_ns >= _SETTLED_NS
        return settled and not self._unconfirmed and all(map(self._joins, self._first))

    def take_over(self) -> None:
        self._owner.take_over(self._link, self._held, self._asked)
        self._held = []

    def _joins(self, pair: str) -> bool:
        book, first = self._owner.books.get(pair), self._first[pair]
        if book is None or book.stale or book.last_id is None:
            return True
        if isinstance(first, BookSnapshot):
            newest = self._newest_id.get(pair)
            return newest is None or newest >= book.last_id
        before = first.prev_id if first.prev_id is not None else None if first.first_id is None else first.first_id - 1
        return before is None or before <= book.last_id
