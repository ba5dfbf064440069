"""An account's further private connection: its events are the account's, its state is its own. Knows no exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from app.connectors.link_runner import LinkRunner, NextUser
from app.connectors.spec import PrivateSource, SideStream
from app.connectors.venue import Venue
from app.core.effects import Effect, LoggedIn, Send, Subscribed
from app.core.links import LinkState, LinkStatus

Read = Callable[[bytes, int], Iterable[Effect]]


class Account(Protocol):
    """Whose connection it is."""

    def apply(self, effect: Effect) -> None: ...
    def ask_now(self) -> None:
        """What this connection tells may have changed unheard."""
        ...


def side_stream_of(source: PrivateSource) -> SideStream | None:
    return getattr(source, "side_stream", None)


def private_reader(source: PrivateSource | None, link_name: str) -> Read | None:
    """What reads the messages of that connection, if it is one of the account's."""
    if source is None:
        return None
    if source.link is not None and source.link.name == link_name:
        return source.on_message
    side = side_stream_of(source)
    return side.on_message if side is not None and side.link.name == link_name else None


class SideLink:
    """A `LinkUser`. Each time it is up or down the account is asked for what it may have missed."""

    def __init__(self, venue: Venue, stream: SideStream, account: Account) -> None:
        self._venue = venue
        self._stream = stream
        self._account = account
        self.runner: LinkRunner | None = None
        self.status = LinkStatus(venue.connection(stream.link.name), stream.link.url)
        self.on_frame = stream.on_message

    def start(self, tasks: set[asyncio.Task[None]]) -> None:
        self.runner = self._venue.runner(self._stream.link, self, self.status, private=True)
        self._venue.spawn(self.runner.run(), self.status.name, tasks)

    def stopped(self) -> None:
        """Its task has ended."""
        self.runner = None
        self.status.state = LinkState.OFF

    @property
    def live(self) -> bool:
        return self.status.state is LinkState.LIVE

    def on_open(self) -> Iterable[Effect]:
        return self._stream.on_open(self._venue.now_ms())

    def heartbeat(self) -> bytes:
        return self._stream.heartbeat(self._venue.now_ms())

    def successor(self) -> NextUser | None:
        return None

    def on_down(self, reason: str) -> None:
        self._account.ask_now()

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, LoggedIn):
            self.status.note(self._venue.clock.wall_ns(), LinkState.LIVE)
            for answer in self._stream.on_logged_in():
                if isinstance(answer, Send) and self.runner is not None:
                    self.runner.send(answer.payload)
        elif isinstance(effect, Subscribed):
            self._account.ask_now()
        else:
            self._account.apply(effect)
