"""The wire facts of Coinbase Advanced Trade (spot): hosts, names, numbers, messages. No reading of replies, no I/O.

Evidence. REC = frames recorded from the real exchange, 2026-08; DOC = docs.cdp.coinbase.com; SDK = coinbase's own
advanced-py 1.8; CLI = two or more open clients that trade with it. (?) = one source or none: not confirmed.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| any | sequence_num from 0, +1 a message over all channels of a link | nothing was lost | Sequence | REC |
| l2_data (asked for as level2) | snapshot: sides bid, offer; 5 MB for BTC-USD | the whole book | BookSnapshot | REC |
| l2_data | update: new_quantity absolute, "0" removes; no id | applied as it comes | BookDiff | REC |
| market_trades | newest first; side is the MAKER's: at the ask it is SELL | public trades | Trade(opposite) | REC |
| ticker, ticker_batch | keys in _24_h; change in percent; batch has no best_* | rolling 24 hours | Ticker | REC, DOC |
| candles | start in s as text; five-minute bars only | bars | Candle(5m) | REC |
| heartbeats | each second; without it a quiet link is cut after 60-90 s | we poll other bars by it | Perform | REC |
| subscriptions | every stream of the connection, by channel | confirmed | Subscribed, LoggedIn | REC |
| error | type error, message; no channel, no sequence_num | refused | Refused | DOC |
| user | snapshot: open orders in batches of 50; update | cumulative, no fills, no balances | OrderUpdate | DOC, CLI |
| user | avg_price, total_fees are cumulative too | the fills are asked for | Perform | DOC, CLI |
| user | limit_price (?), stop_price (?) | may be missing | OrderUpdate | CLI |
| GET …/market/products | increments; alias of -USDC books; "" = none | rules, tickers | TradingRule, Ticker | REC |
| GET …/market/product_book | no sequence number | cannot join the stream | BookSnapshot(None) | DOC |
| GET …/ticker | newest first; side is the maker's | public trades | Trade(opposite) | DOC |
| GET …/candles | newest first, start in s as text; at most 300 asked for (350 quoted) | bars | Candle | CLI |
| GET …/candles without start, end (?) | while no exchange time is known | the newest bars | Candle | none |
| GET /accounts | available + hold; pages of up to 250 | total = available + hold | Balance | DOC |
| GET …/historical/batch | OPEN leaves out PENDING and QUEUED: asked for after it | open orders | OrderUpdate | DOC |
| …/batch without order_status (?) | every state; limit 1000 (?) | history, look-up by our id | OrderUpdate | DOC |
| GET …/historical/{id} | 404 NOT_FOUND also just after placing | one order | OrderUpdate | CLI |
| GET …/key_permissions | can_view, can_trade, can_transfer | the key's rights | KeyPermissions | DOC |
| GET …/fills | newest first; size in quote where size_in_quote | executions; fee in quote | Fill | DOC |
| POST /orders | HTTP 200 also for a refusal; UNKNOWN_… fillers | taken or not | PlaceAccepted | DOC, CLI |
| POST /orders, stop_limit on spot (?) | may be refused | the words are shown | VenueError | CLI |
| POST /orders/batch_cancel | exchange ids only, 100 a call | success = request taken | CancelAnswer | DOC |
| POST /orders/edit | price and size, both always; plain and stop limit GTC | an amendment | PlaceAccepted | DOC |
| POST /orders/preview | errs empty = it would pass | a test | OrderPreview | DOC |
| x-ratelimit-limit, -remaining | 30 or 10 tells the bucket (?) | budget used | read_usage | DOC |

Not confirmed: how many level2 streams a session may have (10 are asked for); Ed25519 keys over the socket (REST is
proven); the limits of 30 and 10 a second; what a used client id does; time in force words other than
GOOD_UNTIL_CANCELLED; whether an edit's `size` counts what is filled already (taken for the whole size); the sandbox's
socket hosts; that an order sized in quote reports `filled_size` in base; that a fill's size in quote divides evenly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.connectors.spec import Domain, RateLimit
from app.core.effects import Channel
from app.core.requests import Weight

MAIN = Domain(
    name="main",
    title="Coinbase Advanced",
    rest={"": "https://api.coinbase.com"},
    sockets={
        "public": "wss://advanced-trade-ws.coinbase.com",
        "private": "wss://advanced-trade-ws-user.coinbase.com",
    },
)
SANDBOX = Domain(
    name="sandbox",
    title="Coinbase sandbox: canned answers about accounts and orders, no market",
    rest={"": "https://api-sandbox.coinbase.com"},
    sockets={
        "public": "wss://advanced-trade-ws-sandbox.coinbase.com",
        "private": "wss://advanced-trade-ws-user-sandbox.coinbase.com",
    },
)
DOCS = "https://docs.cdp.coinbase.com"
PREFIX = "/api/v3/brokerage"

PUBLIC_A_SECOND = 10
PRIVATE_A_SECOND = 30
RATE_LIMITS = (RateLimit("public", PUBLIC_A_SECOND, 1.0), RateLimit("private", PRIVATE_A_SECOND, 1.0))
"""Per address and per user. The site's general policy adds 10,000 an hour and key, which no header counts."""
PUBLIC = (Weight("public"),)
PRIVATE = (Weight("private"),)

MAX_MESSAGE_BYTES = 32 << 20
"""The snapshot of BTC-USD alone has 5 MB."""
BOOKS_A_LINK = 10

FIVE_MINUTES = "5m"
"""The only bars that are streamed."""
INTERVALS = {
    "1m": ("ONE_MINUTE", 60),
    FIVE_MINUTES: ("FIVE_MINUTE", 300),
    "15m": ("FIFTEEN_MINUTE", 900),
    "30m": ("THIRTY_MINUTE", 1_800),
    "1h": ("ONE_HOUR", 3_600),
    "2h": ("TWO_HOUR", 7_200),
    "6h": ("SIX_HOUR", 21_600),
    "1d": ("ONE_DAY", 86_400),
}
"""The exchange's word and the seconds of a bar."""

CHANNELS = {
    Channel.BOOK: "level2",
    Channel.TRADES: "market_trades",
    Channel.TICKER: "ticker",
    Channel.CANDLES: "candles",
}
CHANNEL_OF_NAME = {name: channel for channel, name in CHANNELS.items()}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def is_symbol(text: str) -> bool:
    """Whether this names a spot market: two parts. Futures have more."""
    base, dash, quote = text.partition("-")
    return bool(base and dash and quote) and "-" not in quote


def to_pair(symbol: str) -> str:
    """A spot symbol is the pair. Raises ValueError for what is none."""
    if not is_symbol(symbol):
        raise ValueError(f"not a Coinbase spot symbol: {symbol[:40]!r}")
    return symbol


def to_symbol(pair: str) -> str:
    """Raises ValueError for what is no pair."""
    if not is_symbol(pair):
        raise ValueError(f"not a pair: {pair[:40]!r}")
    return pair


def quote_of(symbol: str) -> str:
    return symbol.rpartition("-")[2]


def to_ms(text: str | None) -> int:
    """RFC 3339, as fine as nanoseconds, to ms; 0 for "" and for the zero dates of the years 1 and 1970.

    Raises ValueError for what is no time.
    """
    if not text:
        return 0
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return ms_of(when)


def ms_of(when: datetime) -> int:
    """0 for the zero dates. Raises TypeError for a time without a zone."""
    return max((when - _EPOCH) // _MS, 0)


def to_time(ms: int) -> str:
    """RFC 3339 with milliseconds."""
    return (_EPOCH + ms * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_filler(word: str | None) -> bool:
    """Whether this only stands for "nothing": `UNKNOWN_FAILURE_REASON` beside a success, but not a real reason."""
    return not word or (word.startswith("UNKNOWN_") and word.endswith("_REASON"))


def channel_message(kind: str, channel: str, symbols: list[str] | None = None, jwt: str = "") -> bytes:
    """`kind` is subscribe or unsubscribe; the exchange takes one channel a message."""
    message: dict[str, Any] = {"type": kind}
    if symbols is not None:
        message["product_ids"] = symbols
    message["channel"] = channel
    if jwt:
        message["jwt"] = jwt
    return msgspec.json.encode(message)


HEARTBEATS = channel_message("subscribe", "heartbeats")
