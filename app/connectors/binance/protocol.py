"""The wire facts of Binance spot (API v3, 2026): hosts, limits, public messages. No reading of replies, no I/O.

Evidence. SHEET = our fact sheet of 2026-11; DOC = binance-spot-api-docs of 2026-07-21, where the sheet is silent.
(?) = general knowledge or nobody: not confirmed.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| /stream | {stream, data} | every event of the combined stream; raw events are read too | as below | SHEET |
| @depth@100ms | depthUpdate, U..u, b, a | absolute amounts, a zero removes; U = last u + 1 | BookDiff | SHEET |
| GET /depth | lastUpdateId, bids, asks | the start of a book; joins where U <= id + 1 <= u | BookSnapshot | SHEET |
| @trade | p, q base, t, T; m = the buyer is maker | m true: the aggressor sold | Trade | SHEET |
| @aggTrade | a instead of t | never asked for, read in recordings | Trade("a" + id) | SHEET |
| @ticker | 24hrTicker, P in percent | rolling 24 hours | Ticker(change = P / 100) | SHEET |
| @kline_* | k.t, o, h, l, c, v base, i | one bar | Candle | SHEET |
| @depth5, @bookTicker | no e, no s | never asked for | Unknown | SHEET |
| SUBSCRIBE | result null, id | confirmed; only then the book is asked for | Subscribed, Perform | SHEET |
| SUBSCRIBE | code, msg, id, or error {code, msg}, id | refused, in either form | Refused | SHEET (?) |
| serverShutdown | raw, combined or in event | the end is near | Reconnect | SHEET |
| GET /exchangeInfo | symbols, filters; 0 switches a rule off | rules; which pair a symbol is | TradingRule | SHEET |
| GET /ticker/24hr | lastPrice, priceChangePercent, volume, ... | all markets, weight 80 | Ticker | DOC |
| GET /klines | rows of 12, oldest first | bars | Candle | SHEET |
| GET /trades | id as the stream's t | public trades | Trade | SHEET; same numbering (?) |
| userDataStream.subscribe.signature | id, status 200 | the account's stream | LoggedIn, Subscribed | SHEET |
| executionReport | x, X, C = our id on a cancel, else c | one order | OrderUpdate, Fill for x TRADE | SHEET |
| outboundAccountPosition | f free, l locked: absolute | only assets that may have changed | BalanceDelta | SHEET |
| balanceUpdate, externalLockUpdate | a delta | never added: the balance is asked for | Perform | SHEET |
| eventStreamTerminated | | the subscription ended | Reconnect | SHEET |
| listStatus | | its orders report themselves | nothing | DOC |
| GET /openOrders, /order, /allOrders | w, isWorking false: waits for its trigger (?) | orders | OrderUpdate | SHEET |
| GET /myTrades, /allOrders | per symbol; the newest, or >= fromId, orderId | lists | Fill, OrderUpdate | DOC |
| POST /order | FULL: status, executedQty, ... | taken | PlaceAccepted | SHEET |
| DELETE /order, /openOrders | status CANCELED, origClientOrderId is ours | final | CancelAnswer(final) | SHEET |
| PUT /order/amend/keepPriority | amendedOrder.qty | a smaller amount, same place | PlaceAccepted | SHEET, DOC |
| POST /order/test | {} | would be taken | OrderPreview | SHEET |
| GET /sapi/v1/account/apiRestrictions | enableReading, ... | the key's rights | KeyPermissions | wallet pages |

Not confirmed: that all prices of a feed carry 8 decimals, as REST shows them (others are padded, so that one price has
one spelling); that asking again for a stream we have is confirmed like the first time; which assets are quotes
(used only until the market list came); that an HTTP 403 never reached the exchange (its outcome stays unknown); the
order limits of 50 in 10 s and 160,000 a day (the sheet's example); that demo mode and the test network have no
wallet calls (the key's rights are not asked there), and that the weight of wallet calls counts elsewhere (here with
the rest); whether isSpotTradingAllowed false ever comes with a status of TRADING.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar
from zlib import crc32

import msgspec
from msgspec import Raw, Struct, UnsetType, field

from app.connectors.spec import Domain, RateLimit
from app.core.requests import Weight
from app.core.types import Level

DOCS = "https://developers.binance.com/docs/binance-spot-api-docs"
STREAM_PATH = "/stream"
ACCOUNT_PATH = "/ws-api/v3"
DOMAINS = (
    Domain(
        name="main",
        title="Binance",
        rest={"": "https://api.binance.com"},
        sockets={
            "public": "wss://stream.binance.com:9443/stream",
            "private": "wss://ws-api.binance.com:443/ws-api/v3",
        },
    ),
    Domain(
        name="demo",
        title="Binance demo mode",
        rest={"": "https://demo-api.binance.com"},
        sockets={
            "public": "wss://demo-stream.binance.com/stream",
            "private": "wss://demo-ws-api.binance.com/ws-api/v3",
        },
    ),
    Domain(
        name="testnet",
        title="Binance spot testnet",
        rest={"": "https://testnet.binance.vision"},
        sockets={
            "public": "wss://stream.testnet.binance.vision/stream",
            "private": "wss://ws-api.testnet.binance.vision/ws-api/v3",
        },
    ),
    # No keys are taken here, so there is no socket for accounts.
    Domain(
        name="data",
        title="Binance market data only",
        rest={"": "https://data-api.binance.vision"},
        sockets={"public": "wss://data-stream.binance.vision/stream"},
    ),
)

RATE_LIMITS = (
    RateLimit("weight-1m", 6_000, 60.0),
    RateLimit("orders-10s", 50, 10.0),
    RateLimit("orders-1d", 160_000, 86_400.0),
    # Ours, not theirs: ordinary calls get 80 % of it, which is a quarter of the weight.
    RateLimit("book-snapshots", 1_875, 60.0),
)
ORDER_WEIGHTS = (Weight("weight-1m"), Weight("orders-10s"), Weight("orders-1d"))
USAGE_HEADERS = {
    "x-mbx-used-weight-1m": "weight-1m",
    "x-mbx-order-count-10s": "orders-10s",
    "x-mbx-order-count-1d": "orders-1d",
}

LIFETIME_S = 86_400.0
BOOK_LEVELS = 1_000
"""Of the snapshot that starts a streamed book, each side."""
INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M")
"""The same words on the stream and over REST."""


def weigh(units: int) -> tuple[Weight, ...]:
    return (Weight("weight-1m", units),)


def depth_weight(limit: int) -> int:
    """What a book of `limit` levels a side costs."""
    return 5 if limit <= 100 else 25 if limit <= 500 else 50 if limit <= 1_000 else 250


def plain(value: Decimal) -> str:
    """Without exponent and without zeros at the end: more digits than the step has are refused."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_padded(levels: list[Level]) -> bool:
    """Whether prices carry 8 decimals, by the first and the last: a feed spells all of its prices alike."""
    return not levels or (levels[0][0][-9:-8] == "." and levels[-1][0][-9:-8] == ".")


def padded(levels: list[Level]) -> list[Level]:
    """The same levels with prices of at least 8 decimals, so that one price is one key of a book."""
    spelled = []
    for price, amount in levels:
        whole, _, decimals = price.partition(".")
        spelled.append((f"{whole}.{decimals.rstrip('0'):0<8}", amount))
    return spelled


def stream_request(method: str, streams: list[str]) -> tuple[int, bytes]:
    """A SUBSCRIBE or UNSUBSCRIBE and its id.

    The id follows from the content: an acknowledgement of another session, read again, is not taken for one of ours.
    """
    request_id = crc32("\n".join((method, *streams)).encode())
    return request_id, msgspec.json.encode({"method": method, "params": streams, "id": request_id})


class DepthUpdate(Struct, tag_field="e", tag="depthUpdate", gc=False):
    """A `core.types.BookChange`: books take it as it is."""

    prev_id: ClassVar[int | None] = None
    symbol: str = field(name="s")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    bids: list[tuple[str, str]] = field(name="b")
    asks: list[tuple[str, str]] = field(name="a")
    exchange_ms: int = field(name="E", default=0)


class TradeEvent(Struct, tag_field="e", tag="trade", gc=False):
    symbol: str = field(name="s")
    trade_id: int = field(name="t")
    price: str = field(name="p")
    amount: str = field(name="q")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggTradeEvent(Struct, tag_field="e", tag="aggTrade", gc=False):
    symbol: str = field(name="s")
    trade_id: int = field(name="a")
    price: str = field(name="p")
    amount: str = field(name="q")
    trade_ms: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class KlineRow(Struct, gc=False):
    start_ms: int = field(name="t")
    symbol: str = field(name="s")
    interval: str = field(name="i")
    open: str = field(name="o")
    high: str = field(name="h")
    low: str = field(name="l")
    close: str = field(name="c")
    base_volume: str = field(name="v")


class KlineEvent(Struct, tag_field="e", tag="kline", gc=False):
    kline: KlineRow = field(name="k")


class TickerEvent(Struct, tag_field="e", tag="24hrTicker", gc=False):
    symbol: str = field(name="s")
    last: str = field(name="c")
    change_percent: str = field(name="P", default="")
    bid: str = field(name="b", default="")
    ask: str = field(name="a", default="")
    open: str = field(name="o", default="")
    high: str = field(name="h", default="")
    low: str = field(name="l", default="")
    base_volume: str = field(name="v", default="")
    quote_volume: str = field(name="q", default="")
    event_ms: int = field(name="E", default=0)


StreamEvent = DepthUpdate | TradeEvent | AggTradeEvent | KlineEvent | TickerEvent
EVENT_NAMES = frozenset({"depthUpdate", "trade", "aggTrade", "kline", "24hrTicker"})


class Combined(Struct, gc=False):
    """A message of the combined stream; its `stream` is not needed where the event names its symbol."""

    data: StreamEvent


class ErrorBody(Struct):
    code: int | str = ""
    msg: str = ""


class Envelope(Struct):
    """What any message of the market data socket may hold."""

    stream: str = ""
    data: Raw = Raw(b"")
    id: int | str | None = None
    result: Raw | UnsetType = msgspec.UNSET
    error: ErrorBody | None = None
    code: int | str | None = None
    msg: str = ""
    event: str = field(name="e", default="")


class EventName(Struct):
    """Only the name of an event."""

    event: str = field(name="e", default="")


class DepthReply(Struct, rename="camel"):
    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class TickerRow(Struct, rename="camel", gc=False):
    symbol: str
    last_price: str
    price_change_percent: str = ""
    bid_price: str = ""
    ask_price: str = ""
    open_price: str = ""
    high_price: str = ""
    low_price: str = ""
    volume: str = ""
    quote_volume: str = ""
    close_time: int = 0


class PublicTradeRow(Struct, rename="camel"):
    id: int
    price: str
    qty: str
    time: int
    is_buyer_maker: bool


class ServerTime(Struct, rename="camel"):
    server_time: int
