"""What an exchange must supply: data and pure functions. No I/O: the trackers in this folder run them all.

The vocabulary is Hummingbot's connector guide where it has a word (Auth.generate_auth_dict, get_ws_auth_payload).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from app.core.account import FeeSchedule
from app.core.effects import Effect, Subscription
from app.core.links import Link
from app.core.order_book import Lane
from app.core.order_preview import OrderPreview
from app.core.orders import InFlightOrder, OrderIntent
from app.core.permissions import KeyPermissions
from app.core.requests import Call, Page, Request, Response, SignedRequest, VenueError
from app.core.trading_rule import TradingRule
from app.core.types import Balance, BookSnapshot, Candle, Fill, Integrity, OrderUpdate, Ticker, Trade


class Domain(Struct, frozen=True, kw_only=True):
    """One deployment of an exchange. `rest` and `sockets` are full base URLs by name; "" is the main REST host."""

    name: str
    title: str
    rest: dict[str, str]
    sockets: dict[str, str]
    paper: bool = False
    """A paper twin: its orders move no money and it is marked so everywhere."""
    lab: bool = False
    """A server of the user's own on this computer, with keys of its own; marked LAB everywhere."""


class Credentials(Struct, frozen=True, kw_only=True):
    """What the user typed for an account. Never logged: `repr` shows a fingerprint only."""

    api_key: str
    secret_key: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "Credentials(<redacted>)"

    __str__ = __repr__


class CredentialField(Struct, frozen=True, kw_only=True):
    """A field of the account dialog: `name` is an attribute of `Credentials`."""

    name: str
    title: str
    secret: bool = True
    optional: bool = False


class RateLimit(Struct, frozen=True):
    """`units` per `per_s` seconds in the bucket that requests name in their weights."""

    bucket: str
    units: int
    per_s: float


class Auth(Protocol):
    """Signs. Pure: time is an argument, and neither the secret nor a log ever meet."""

    @property
    def api_key(self) -> str: ...
    def generate_auth_dict(self, request: Request, now_ms: int) -> SignedRequest:
        """The exact bytes to send for this request at this exchange time."""
        ...

    def get_ws_auth_payload(self, now_ms: int) -> bytes:
        """The login message of the private stream."""
        ...

    def forget(self) -> None:
        """Drop the secret. From then on nothing can be signed: both methods above raise NotSent."""
        ...


class PublicSource(Protocol):
    """Market data of one exchange domain. Every method is pure; `Call.parse` reads the reply."""

    # `book_checksum(bids, asks) -> int`, both sides best first: absent where the exchange sends none.

    integrity: Integrity
    intervals: Sequence[str]
    """Candle intervals offered, shortest first: 1m, 5m, 1h, 1d, ..."""

    def get_trading_rules(self) -> Call[list[TradingRule]]: ...
    def get_tickers(self) -> Call[list[Ticker]]: ...
    def get_server_time(self) -> Call[int]:
        """Exchange time in ms."""
        ...

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """A book over REST, for an audit or as the start of the stream; `depth` 0 is the exchange's default."""
        ...

    def get_trades(self, pair: str) -> Call[list[Trade]]: ...
    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]: ...
    def link_for(self, subscription: Subscription) -> Link:
        """The websocket that carries this stream."""
        ...

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        """What to send on a fresh connection before any subscription."""
        ...

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]: ...
    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]: ...
    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """Ask for one book again after a gap."""
        ...

    def heartbeat(self, now_ms: int) -> bytes:
        """The message sent every `Link.heartbeat_s`."""
        ...

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        """Read one message. Raises `msgspec.DecodeError` or `ValueError` when it cannot be read, nothing else."""
        ...


Reader = Callable[[bytes, int], Iterable[Effect]]
"""Reads one message with its number; as `PublicSource.on_message`."""
Teller = Callable[[Iterable[Effect]], Iterable[Effect]]
"""Takes what a message told and returns what is left to be done."""


def as_told(effects: Iterable[Effect]) -> Iterable[Effect]:
    """A `Teller` that does nothing."""
    return effects


class LaneSource(PublicSource, Protocol):
    """Market data so frequent that a change which follows is applied where it is read."""

    def reader(self, lane: Lane, tell: Teller) -> Reader:
        """What reads one connection: as `on_message`, but such a change is applied to its book in the lane, and
        everything else goes through `tell`.
        """
        ...


class PolledSource(PublicSource, Protocol):
    """Market data that is asked for again and again instead of streamed; `link_for` then only names the polling."""

    def polls(self, subscription: Subscription) -> tuple[Call[Iterable[Effect]], float] | None:
        """What to ask, and how many seconds after the answer to ask again; None where a websocket carries it."""
        ...

    def read_reply(self, asked: bytes, response: Response) -> Iterable[Effect]:
        """What a logged answer means, where the address of a question does not tell what was asked."""
        ...


class PlaceAccepted(Struct, frozen=True):
    """The exchange took the order; `update` holds what else the reply told, if anything."""

    exchange_order_id: str
    frame: int
    update: OrderUpdate | None = None


class CancelAnswer(Struct, frozen=True, kw_only=True):
    """What one cancel came to. Only `final` answers end an order; the others are confirmed by a query or the stream."""

    exchange_order_id: str = ""
    client_order_id: str = ""
    accepted: bool
    words: str = ""
    final: OrderUpdate | None = None
    error: VenueError | None = None
    frame: int = 0


class AmendRules(Struct, frozen=True, kw_only=True):
    """What `PrivateSource.amend_order` can do. `words` tell what becomes of the order and its place in the queue."""

    price: bool = False
    smaller: bool = False
    larger: bool = False
    words: str = "orders cannot be changed here: cancel and place anew"


class PrivateStream(Protocol):
    """What is said on one private connection."""

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        """The login, or the subscriptions where no login comes first."""
        ...

    def on_logged_in(self) -> Iterable[Effect]: ...
    def heartbeat(self, now_ms: int) -> bytes: ...
    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]: ...


class SideStream(PrivateStream, Protocol):
    """A further private connection: the account is ready without it, and REST tells all that it tells."""

    link: Link


class PrivateSource(PrivateStream, Protocol):
    """The account's side. `link` is None where the exchange has no private stream: then everything is polled."""

    # `kill_switch_status`: () -> Call[int], when the timer fires (exchange ms), where that can be asked.
    # It raises VenueError NOT_FOUND while none runs.
    # `asks_by_our_id`: bool, True where it is absent. False: an order without an answer is the trader's to find.
    # `side_stream`: SideStream, where some orders are told on a connection of their own.
    link: Link | None
    streams_balances: bool
    """False where the stream tells orders only: then balances are asked for after every report and in between."""

    def get_balances(self) -> Call[Page[Balance]]: ...
    def get_open_orders(self) -> Call[Page[OrderUpdate]]: ...
    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """Raises VenueError NOT_FOUND when the exchange does not know it. By client id where it can be asked so."""
        ...

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]: ...
    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]: ...
    def get_fills(self, since_ms: int) -> Call[Page[Fill]]: ...
    def get_fees(self) -> Call[FeeSchedule] | None:
        """None where the account cannot be asked."""
        ...

    def get_permissions(self) -> Call[KeyPermissions] | None:
        """What the exchange tells of the key itself; None where it has no such call. Needs the right to read only."""
        ...

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        """Raises ValueError for an intent that this exchange has no form for."""
        ...

    def preview_order(self, intent: OrderIntent) -> Call[OrderPreview] | None:
        """Have the exchange check the order without placing it; None where it cannot."""
        ...

    def amend_order(
        self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None
    ) -> Call[PlaceAccepted] | None:
        """Change an open order in place; None where the exchange can only cancel and place anew."""
        ...

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]: ...
    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        """The fewest calls that cancel exactly these."""
        ...

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        """The calls that cancel everything of a pair or of the account; empty where the exchange has none."""
        ...

    def kill_switch(self, seconds: int | None) -> Call[int] | None:
        """Arm (or with None disarm) the exchange's cancel-all timer; returns when it fires (exchange ms, 0 = off)."""
        ...


class ExchangeSpec(Struct, frozen=True, kw_only=True):
    """One exchange: names, hosts, limits, and the makers of its sources."""

    name: str
    title: str
    docs: str
    """The paper the protocol was read from."""
    domains: dict[str, Domain]
    credential_fields: tuple[CredentialField, ...]
    rate_limits: tuple[RateLimit, ...]
    default_fees: FeeSchedule
    fees_in_quote: bool = False
    """Whether fees are always taken in quote currency; else in what is received."""
    public: Callable[[Domain], PublicSource]
    private: Callable[[Domain, Auth], PrivateSource]
    auth: Callable[[Credentials, Domain], Auth]
    read_error: Callable[[Response], VenueError | None]
    read_usage: Callable[[Response], Iterable[tuple[str, int]]] = lambda response: ()
    """Buckets and the units used of them, as a reply's headers tell."""
    sockets_of_twin: Callable[[str, str], dict[str, str]] = lambda public, private: {
        "public": public,
        "private": private,
    }
    """The `Domain.sockets` of a paper twin, from the two addresses it names."""
    secret_fields: frozenset[str] = frozenset()
    """Names of wire fields, beyond the usual ones, that never reach a log."""
    slow_down_s: float = 60.0
    """How long to be silent after "too many requests" without a Retry-After."""
    server_time_resolution_ms: int = 1
    """How coarse the answer of `PublicSource.get_server_time` is."""
    signing_window_ms: int = 5_000
    """How long the exchange accepts a signed request; sent with every one."""
    engine_grace_ms: int = 30_000
    """How long after that an accepted request may still turn into an order."""
    our_id_kept_ms: int = 0
    """How long an order is found by our id when the exchange forgets it after its end; 0: always."""
    order_history_days: int = 0
    """How far back the exchange lists ended orders; 0: it names no limit."""
    fill_history_days: int = 0
    amend: AmendRules = AmendRules()
    previews: bool = False
    """Whether `PrivateSource.preview_order` has the exchange check an order."""
    kill_switch_s: tuple[int, int] | None = None
    """Shortest and longest time of `PrivateSource.kill_switch`; None where there is none."""
    site: str = ""
    """Where a trader finds the exchange without us."""
    default_pair: str = "BTC-USDT"
    quote_assets: tuple[str, ...] = ("USDT", "USDC", "USD")
    """Assets counted as one US dollar when values are shown."""
