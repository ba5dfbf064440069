"""Market messages of Coinbase, over the socket and over REST, with only the fields used. No meaning given to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Raw, Struct

from app.connectors.coinbase.protocol import ms_of
from app.core.types import Level

# -- the socket --------------------------------------------------------------------------------------------------------


class LevelRow(Struct, gc=False):
    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class UpdateEvent(Struct, gc=False):
    type: Literal["update"]
    product_id: str
    updates: list[LevelRow]


class ChangeFrame(Struct, tag_field="channel", tag="l2_data", gc=False):
    """Nearly every message about books. All else about them is a `BookFrame`."""

    timestamp: Annotated[datetime, Meta(tz=True)]
    sequence_num: int
    events: tuple[UpdateEvent]


class Change(Struct, gc=False):
    """A `core.types.BookChange` without numbers of its own; its time is worked out for who asks."""

    last_id: ClassVar[int | None] = None
    prev_id: ClassVar[int | None] = None
    first_id: ClassVar[int | None] = None
    bids: list[Level]
    asks: list[Level]
    time: datetime

    @property
    def exchange_ms(self) -> int:
        return ms_of(self.time)


class BookEvent(Struct, gc=False):
    type: str
    product_id: str
    updates: list[LevelRow]


class BookFrame(Struct, gc=False):
    timestamp: str
    sequence_num: int
    events: list[BookEvent]


class TradeRow(Struct, gc=False):
    """`side` is the maker's."""

    trade_id: str
    product_id: str
    price: str
    size: str
    side: str
    time: str


class TradesEvent(Struct, gc=False):
    trades: list[TradeRow]


class TradesFrame(Struct, tag_field="channel", tag="market_trades", gc=False):
    sequence_num: int
    events: list[TradesEvent]


class TickerRow(Struct):
    product_id: str
    price: str
    volume_24_h: str = ""
    low_24_h: str = ""
    high_24_h: str = ""
    price_percent_chg_24_h: str = ""
    best_bid: str = ""
    best_ask: str = ""


class TickerEvent(Struct):
    tickers: list[TickerRow]


class CandleRow(Struct):
    """`start` is in seconds. No symbol over REST."""

    start: str
    high: str
    low: str
    open: str
    close: str
    volume: str
    product_id: str = ""


class CandlesEvent(Struct):
    candles: list[CandleRow]


class SubscriptionsEvent(Struct):
    """Symbols by channel."""

    subscriptions: dict[str, list[str]] = {}


class Envelope(Struct):
    """What any message may hold; `events` are read once the channel is known. A refusal has no channel."""

    channel: str = ""
    type: str = ""
    message: str | None = None
    timestamp: str = ""
    sequence_num: int | None = None
    events: Raw = Raw(b"[]")


# -- REST --------------------------------------------------------------------------------------------------------------


class ProductRow(Struct):
    product_id: str
    product_type: str = "SPOT"
    price: str = ""
    price_percentage_change_24h: str = ""
    volume_24h: str = ""
    approximate_quote_24h_volume: str = ""
    high_24h: str = ""
    low_24h: str = ""
    best_bid_price: str = ""
    best_ask_price: str = ""
    base_currency_id: str = ""
    quote_currency_id: str = ""
    base_increment: str = ""
    quote_increment: str = ""
    price_increment: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    quote_max_size: str = ""
    status: str = ""
    alias: str = ""
    is_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    trading_disabled: bool = False
    auction_mode: bool = False
    view_only: bool = False


class Products(Struct):
    products: list[ProductRow]


class PriceLevel(Struct):
    price: str
    size: str


class PriceBook(Struct):
    bids: list[PriceLevel]
    asks: list[PriceLevel]
    time: str = ""


class BookReply(Struct):
    pricebook: PriceBook


class TradesReply(Struct):
    trades: list[TradeRow]


class CandlesReply(Struct):
    candles: list[CandleRow]


class TimeReply(Struct, rename={"epoch_ms": "epochMillis"}):
    epoch_ms: str
