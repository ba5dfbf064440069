"""What a websocket connection needs and how it fares: values only. No sockets."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from app.core.timestamps import TimeUnit

LAG_TOLD_MS = 1_000.0
"""An event older than this on arrival makes what it tells old news."""


class Link(Struct, frozen=True, kw_only=True):
    """A websocket of an exchange; `name` is "public", "private", ..."""

    name: str
    url: str
    heartbeat_s: float = 0.0
    """How often the source's own heartbeat message must be sent; 0 where the protocol has none."""
    max_message_bytes: int = 4 << 20
    sends_per_s: float = 0.0
    """How many messages a second the exchange takes from us; 0 where it states no limit."""
    settle_s: float = 0.0
    """How long to stay silent after connecting."""
    lifetime_s: float = 0.0
    """The exchange cuts the connection after this long; 0 where it does not."""


class LinkState(StrEnum):
    OFF = "off"
    CONNECTING = "connecting"
    AUTH = "authenticating"
    LIVE = "live"
    AGING = "aging"
    STALE = "stale"
    RECONNECT = "reconnecting"
    FAILED = "failed"
    """An error of our own ended it: no further attempt until the user asks."""
    REFUSED = "refused"
    """The exchange refused our login: no further attempt until the user asks."""
    BANNED = "banned"
    """The exchange banned our address: no attempt before the ban is over."""


class LinkStatus:
    """Live figures of one connection. Written by its reader, read by the screen; `*_ns` are monotonic."""

    __slots__ = (
        "name",
        "url",
        "state",
        "reason",
        "epoch",
        "connected_ns",
        "last_recv_ns",
        "messages",
        "bytes",
        "unknown",
        "round_trip_ms",
        "lag_ms",
        "time_unit",
        "issuer",
        "slept_ns",
        "attempts",
        "next_attempt_ns",
        "banned_until_ns",
        "polled_every_s",
        "history",
    )

    def __init__(self, name: str, url: str = "") -> None:
        self.name = name
        """As in `Frame.connection`."""
        self.url = url
        self.state = LinkState.OFF
        self.reason = ""
        self.epoch = 0
        """How many times it has been opened."""
        self.connected_ns = 0
        self.last_recv_ns = 0
        self.messages = 0
        self.bytes = 0
        self.unknown = 0
        """Messages, or parts of one, that no source understood."""
        self.round_trip_ms: float | None = None
        self.lag_ms: float | None = None
        """Age of the newest event by the exchange's own time, when it arrived."""
        self.time_unit = TimeUnit.MILLISECONDS
        """In which unit the exchange's times arrive on it."""
        self.slept_ns = 0
        """Boot time less monotonic time when it was opened: it grows when the computer sleeps. 0 where not measured."""
        self.issuer = ""
        """Who vouches for the certificate of the other side; empty without TLS or before the first connection."""
        self.attempts = 0
        self.next_attempt_ns = 0
        self.banned_until_ns = 0
        """Wall time; counts while the state is BANNED."""
        self.polled_every_s = 0.0
        """Seconds between two questions where nothing streams; 0 for a websocket."""
        self.history: list[LinkEvent] = []
        """Newest last, at most 200."""

    def note(self, wall_ns: int, state: LinkState, reason: str = "") -> None:
        """Enter a state and remember when and why."""
        self.state = state
        self.reason = reason
        self.history.append(LinkEvent(wall_ns, state, reason))
        del self.history[:-200]


class LinkEvent(Struct, frozen=True):
    wall_ns: int
    state: LinkState
    reason: str
