"""The wire facts of Poloniex spot (API of 2022-08 and later): hosts, names, messages. No reading of replies, no I/O.

Evidence. REC = frames recorded from the real exchange, 2022-08; DOC = api-docs.poloniex.com/spot; SDK = poloniex's own
polo-sdk-python or polo-sdk-java; SEED = the older "Authenticated Channels" page; CCXT = seen live by ccxt 4.5.
(?) = one source or none: not confirmed.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| book_lv2 | action snapshot | 20 levels a side; replaces; a later one may come | BookSnapshot(last_id=id) | REC |
| book_lv2 | action update, lastId = the id before | absolute amounts, "0" removes | BookDiff(prev_id) | REC |
| trades | takerSide "sell", quantity base, amount quote | a public trade | Trade(amount=quantity) | REC |
| ticker | named fields, no bid or ask; dailyChange a fraction | rolling 24 hours | Ticker | DOC |
| candles_* | named fields (REST has rows of 14) | one bar; the interval is in the channel's name | Candle | DOC |
| ack | event subscribe + one channel | confirmed | Subscribed | REC |
| ack | event unsubscribe, unsubscribe_all | confirmed; form as for subscribe (?) | nothing | DOC |
| pong | event pong | answers event ping | Pong | DOC |
| error | event error + message | refused | Refused | DOC |
| auth | data is an object here: success, message | login | LoggedIn, Refused(login) | DOC |
| orders | eventType place, trade, canceled | filled* cumulative, trade* this one | OrderUpdate, Fill | SEED |
| balances | available, hold: new absolute values | total = available + hold | BalanceDelta(reason=eventType) | SEED |
| GET /markets | scales are digits; maximum "0" or absent = none | trading rules | TradingRule | REC, DOC |
| GET …/orderBook | flat arrays price, amount, …; no id | cannot join the stream | BookSnapshot(None) | DOC |
| GET …/trades | newest first; takerSide "SELL" | public trades | Trade | DOC |
| GET …/candles | low, high, open, close, quote, base, …, startTime at 12 | bars | Candle | DOC |
| GET /accounts/balances | accounts with balances | zero ones may be left out | Balance | DOC |
| GET /orders | id (orderId on the stream), state adds PENDING_NEW | open orders | OrderUpdate | DOC |
| GET …/trades, /trades | id numbered unlike the stream's tradeId (?) | executions | Fill(id_space "rest") | DOC |
| POST /orders | id | taken; a refusal may follow on the stream | PlaceAccepted | DOC |
| DELETE /orders… | code per row, 200 = taken | not the end: the stream tells | CancelAnswer | DOC |
| POST /orders/killSwitch | cancellationTime, ms; smart orders too | dead man's switch | its end, ms | SDK (?) |
| GET /smartorders/{id} | a list of one; by `cid:` as orders are | a stop order | OrderUpdate | DOC, SDK (?) |
| state TRIGGERED | triggeredOrder: what it became, with its own id | the stop went off | OrderUpdate | SDK (?) |

Not confirmed: which way PRE and NEXT page (both are tried); how many ids cancelByIds takes; whether a smart market buy
may be sized by `amount`; that an HTTP 400 for a clock ahead says "timestamp"; HTTP 401/403 for a bad key; what a 429
says. that `highestBid` bounds buys from above and `lowestAsk` sells from below (by the words of codes 21342 and 21343).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import Raw, Struct, field

from app.connectors.spec import Domain, RateLimit
from app.core.requests import Weight

MAIN = Domain(
    name="main",
    title="Poloniex",
    rest={"": "https://api.poloniex.com"},
    sockets={"public": "wss://ws.poloniex.com/ws/public", "private": "wss://ws.poloniex.com/ws/private"},
)
DOCS = "https://api-docs.poloniex.com/spot"

RATE_LIMITS = (
    RateLimit("public-cheap", 200, 1.0),
    RateLimit("public-heavy", 10, 1.0),
    RateLimit("private-cheap", 50, 1.0),
    RateLimit("private-heavy", 10, 1.0),
)
"""Of the lowest tier; since 2025-03 they rise with the account's fee tier."""
PUBLIC_CHEAP = (Weight("public-cheap"),)
PUBLIC_HEAVY = (Weight("public-heavy"),)
PRIVATE_CHEAP = (Weight("private-cheap"),)
PRIVATE_HEAVY = (Weight("private-heavy"),)

HEARTBEAT_S = 10.0
"""The exchange hangs up after 30 s without a message of ours; protocol-level pings are assumed not to count."""
PING = b'{"event":"ping"}'
BOOK_DEPTHS = (5, 10, 20, 50, 100, 150)
INTERVALS = {
    "1m": "MINUTE_1",
    "5m": "MINUTE_5",
    "10m": "MINUTE_10",
    "15m": "MINUTE_15",
    "30m": "MINUTE_30",
    "1h": "HOUR_1",
    "2h": "HOUR_2",
    "4h": "HOUR_4",
    "6h": "HOUR_6",
    "12h": "HOUR_12",
    "1d": "DAY_1",
    "3d": "DAY_3",
    "1w": "WEEK_1",
    "1M": "MONTH_1",
}
"""REST names; the stream's channels are the same in lower case after `candles_`."""
INTERVAL_OF_CHANNEL = {f"candles_{name.lower()}": interval for interval, name in INTERVALS.items()}


def to_pair(symbol: str) -> str:
    """`BTC_USDT` to `BTC-USDT`; letters of any script pass. Raises ValueError for what is no symbol."""
    base, line, quote = symbol.rpartition("_")
    if not (base and line and quote):
        raise ValueError(f"not a Poloniex symbol: {symbol[:40]!r}")
    return f"{base}-{quote}"


def to_symbol(pair: str) -> str:
    """`BTC-USDT` to `BTC_USDT`. Raises ValueError for what is no pair."""
    base, dash, quote = pair.rpartition("-")
    if not (base and dash and quote):
        raise ValueError(f"not a pair: {pair[:40]!r}")
    return f"{base}_{quote}"


_MOST_SYMBOLS = 20_000
"""Several times what any exchange lists: names made up without end must not fill the memory."""


class PairOf(dict[str, str]):
    """Pairs by symbol, worked out once: `pairs[symbol]`."""

    def __missing__(self, symbol: str) -> str:
        if len(self) >= _MOST_SYMBOLS:
            self.clear()
        pair = self[symbol] = to_pair(symbol)
        return pair


def subscription_message(event: str, channel: str, symbols: list[str] | None = None) -> bytes:
    """One channel a message: the acknowledgement names a single one."""
    message: dict[str, Any] = {"event": event, "channel": [channel]}
    if symbols is not None:
        message["symbols"] = symbols
    return msgspec.json.encode(message)


class BookRow(Struct, frozen=True, gc=False):
    """A `core.types.BookChange`: books take it as it is."""

    first_id: ClassVar[int | None] = None
    symbol: str
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]
    prev_id: int = field(name="lastId")
    last_id: int = field(name="id")
    exchange_ms: int = field(name="ts")


class ChangeFrame(Struct, tag_field="channel", tag="book_lv2", gc=False):
    """Nearly every message about books. All else about them is a `BookFrame`."""

    data: tuple[BookRow]
    action: Literal["update"]


class BookFrame(Struct, gc=False):
    data: list[BookRow]
    action: str


class TradeRow(Struct, rename="camel", gc=False):
    symbol: str
    quantity: str
    taker_side: str
    create_time: int
    price: str
    id: str


class TradesFrame(Struct, tag_field="channel", tag="trades", gc=False):
    data: list[TradeRow]


class Envelope(Struct):
    """What any message on either socket may hold; `data` is read once the channel is known."""

    event: str = ""
    channel: str = ""
    symbols: list[str] = []
    message: str | None = None
    data: Raw = Raw(b"[]")


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def read_envelope(data: bytes) -> Envelope:
    """Raises ValueError (DecodeError is one) for what is no such message, however it is broken."""
    try:
        return _decode_envelope(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


class TickerRow(Struct, rename="camel"):
    """`bid` and `ask` come over REST only."""

    symbol: str
    close: str
    open: str = ""
    low: str = ""
    high: str = ""
    quantity: str = ""
    amount: str = ""
    daily_change: str = ""
    bid: str = ""
    ask: str = ""
    ts: int = 0


class CandleRow(Struct, rename="camel"):
    symbol: str
    start_time: int
    open: str
    high: str
    low: str
    close: str
    quantity: str


class TradeLimit(Struct, rename="camel"):
    price_scale: int
    quantity_scale: int
    amount_scale: int
    min_quantity: str
    min_amount: str
    max_quantity: str = "0"
    max_amount: str = "0"
    highest_bid: str = "0"
    lowest_ask: str = "0"


class MarketRow(Struct, rename="camel"):
    symbol: str
    base_currency_name: str
    quote_currency_name: str
    state: str
    symbol_trade_limit: TradeLimit


class PublicTradeRow(Struct, rename="camel"):
    """A trade over REST, where no symbol is in the row."""

    id: str
    price: str
    quantity: str
    taker_side: str
    create_time: int


class FlatBook(Struct):
    asks: list[str]
    bids: list[str]
    ts: int = 0


class ServerTime(Struct, rename="camel"):
    server_time: int
