"""Market and account facts as frozen values. No behaviour, no wire formats.

`pair` is always BASE-QUOTE, `amount` is always base units, `*_ms` is the exchange's wall clock and `frame` is the
number of the message or reply (`core.frames.Frame.seq`) that carried the fact; 0 means that no message did.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

Level = tuple[str, str]
"""Price and amount (base) in the venue's own spelling; amount zero removes the level."""


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    """Post-only: refused by the exchange if it would take."""
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    TRAILING_STOP_LIMIT = "TRAILING_STOP_LIMIT"

    @property
    def has_price(self) -> bool:
        return "LIMIT" in self.value

    @property
    def has_stop_price(self) -> bool:
        return self.value.startswith(("STOP", "TAKE_PROFIT"))


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class MarketStatus(StrEnum):
    TRADING = "trading"
    POST_ONLY = "post-only"
    CANCEL_ONLY = "cancel-only"
    HALTED = "halted"
    CLOSED = "closed"
    DELISTED = "delisted"
    """No longer among the exchange's markets."""


class Integrity(StrEnum):
    """How a book channel proves that nothing was lost."""

    CHECKSUM = "checksum"
    SEQUENCE = "seq"
    PREVIOUS_ID = "prev-id"
    NONE = "none"


class BookSnapshot(Struct, frozen=True, kw_only=True, gc=False):
    """A whole book. It replaces whatever was known of the pair.

    `depth` is how many levels a side the feed keeps; what falls behind is not told again. 0: all.
    """

    pair: str
    bids: list[Level]
    asks: list[Level]
    last_id: int | None = None
    depth: int = 0
    exchange_ms: int = 0
    frame: int = 0


class BookDiff(Struct, frozen=True, kw_only=True, gc=False):
    """Absolute new amounts of some levels.

    `prev_id` is the id this change follows (chained feeds); `first_id` is the first of the ids folded into it (ranged
    feeds). With neither the feed cannot prove continuity.
    """

    pair: str
    bids: list[Level]
    asks: list[Level]
    last_id: int | None = None
    prev_id: int | None = None
    first_id: int | None = None
    exchange_ms: int = 0
    frame: int = 0


class BookChange(Protocol):
    """What a book takes from a change: a `BookDiff`, or an exchange's own message read into this form.

    `exchange_ms` may be in whatever unit the exchange uses; it is read seldom.
    """

    @property
    def bids(self) -> list[Level]: ...
    @property
    def asks(self) -> list[Level]: ...
    @property
    def last_id(self) -> int | None: ...
    @property
    def prev_id(self) -> int | None: ...
    @property
    def first_id(self) -> int | None: ...
    @property
    def exchange_ms(self) -> int: ...


class Trade(Struct, frozen=True, kw_only=True, gc=False):
    """A public trade; price (quote) and amount (base) in the venue's own spelling."""

    pair: str
    trade_id: str
    taker: Side
    price: str
    amount: str
    exchange_ms: int
    frame: int = 0


class Candle(Struct, frozen=True, kw_only=True, gc=False):
    """One bar; volume is base units. `interval` is one of `PublicSource.intervals`, such as 1m or 1h."""

    pair: str
    interval: str
    start_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    frame: int = 0


class Ticker(Struct, frozen=True, kw_only=True):
    """Rolling 24 hours. `change` is a fraction (0.0151 is +1.51 %); volumes in base and quote units."""

    pair: str
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    change: Decimal | None = None
    base_volume: Decimal | None = None
    quote_volume: Decimal | None = None
    exchange_ms: int = 0
    frame: int = 0


class Balance(Struct, frozen=True, kw_only=True):
    asset: str
    total: Decimal
    available: Decimal
    exchange_ms: int = 0
    frame: int = 0
    source: str = ""
    """"stream" or "rest"."""

    @property
    def held(self) -> Decimal:
        return self.total - self.available


class BalanceDelta(Struct, frozen=True, kw_only=True):
    """Why a balance changed, in the venue's word (deposit, place_order, ...)."""

    asset: str
    reason: str
    balance: Balance


class VenueState(StrEnum):
    """What an exchange said of an order, in one vocabulary; the venue's own word stays in `OrderUpdate.venue_word`."""

    PENDING = "pending"
    """Accepted, waiting for its trigger or for the book."""
    OPEN = "open"
    CANCELING = "canceling"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    FAILED = "failed"
    REJECTED = "rejected"
    UNKNOWN_WORD = "unknown word"


class OrderUpdate(Struct, frozen=True, kw_only=True):
    """One report about an order. Fields the report did not hold are None or empty and change nothing."""

    pair: str
    state: VenueState
    venue_word: str = ""
    exchange_order_id: str = ""
    client_order_id: str = ""
    triggered_order_id: str = ""
    """The exchange's id of the order that a stop order became."""
    side: Side | None = None
    type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    filled: Decimal | None = None
    """Cumulative, base."""
    filled_quote: Decimal | None = None
    """Cumulative, quote."""
    created_ms: int = 0
    exchange_ms: int = 0
    reason: str = ""
    frame: int = 0
    source: str = ""


class Fill(Struct, frozen=True, kw_only=True):
    """One execution of one of our orders.

    `id_space` names the numbering that `trade_id` belongs to: some exchanges number the same fill differently on the
    stream and over REST, and only ids of one space may be compared.
    """

    pair: str
    exchange_order_id: str
    trade_id: str
    side: Side
    price: Decimal
    amount: Decimal
    fee: Decimal | None = None
    fee_asset: str = ""
    maker: bool | None = None
    client_order_id: str = ""
    exchange_ms: int = 0
    id_space: str = ""
    frame: int = 0
    source: str = ""
    """"stream" or "rest"."""
