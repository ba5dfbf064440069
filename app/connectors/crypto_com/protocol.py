"""The wire facts of Crypto.com Exchange v1 spot: hosts, limits, names, the envelope. No reading of rows, no I/O.

Evidence. OAS = OpenAPI file and prose of exchange-developer.crypto.com, 2026-08; CCXT = ccxt 4.5; NET = CryptoCom.Net.
(?) = one source or none: not confirmed.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| book.{i}.50 | channel book | whole book, numbered u (s in old frames) | BookSnapshot(last_id=u) | OAS, CCXT |
| book.{i}.50 | book.update, pu = the u before | absolute amounts, "0" removes | BookDiff(prev_id=pu) | OAS, CCXT |
| book.{i}.50 | book.update with empty sides (?) | nothing changed for a while | BookDiff without levels | none |
| book.{i}.50 | cs | a checksum of unknown recipe | - | OAS |
| trade.{i} | d id, s taker's side, q base; first push is a batch | public trades | Trade | OAS, CCXT |
| ticker.{i} | a last, k ask, b bid, c fraction, vv US dollars; may be null | rolling 24 hours | Ticker | OAS, CCXT |
| ticker.{i} | key `info` in place of `result` (?) | the same | Ticker | CCXT |
| candlestick.{tf}.{i} | t opening time; first push up to 300 | bars | Candle | OAS, CCXT |
| subscribe | ack with our id, may carry a result | confirmed | Subscribed | OAS |
| subscribe | code other than 0; id -1 and method ERROR | refused | Refused, Reconnect | OAS |
| public/heartbeat | id | the same id must go back at once, on both sockets | Send | OAS, CCXT |
| public/auth | code 0, 40101 | login | LoggedIn, Refused(login) | OAS, CCXT |
| user.order | cumulative_*; no word for partly filled | an order; older: type, price | OrderUpdate | OAS, NET |
| user.trade | fees < 0 is paid; taker_side is the role | an execution | Fill | OAS, NET |
| user.balance | position_balances: quantity, reserved_qty | coins, all or changed ones (?) | BalanceDelta | OAS |
| user.advanced.order | row as of orders with ref_price (?) | a stop order | OrderUpdate | OAS (?) |
| get-instruments | all products; CCY_PAIR is spot | trading rules | TradingRule | OAS, CCXT |
| get-book | no number that joins the stream | an audit | BookSnapshot(None) | OAS |
| get-tickers, get-trades, get-candlestick | rows as on the stream | market data | Ticker, Trade, Candle | OAS |
| user-balance, get-open-orders, get-order-detail | rows as on the stream | account | Balance, OrderUpdate | OAS |
| get-order-history, get-trades | newest first, one day (?), nanoseconds | the past | OrderUpdate, Fill | OAS, CCXT |
| get-fee-rate | effective_spot_*_rate_bps | rates / 10,000 | FeeSchedule | OAS |
| create-order | code 0 = received, no more | the stream tells the rest | PlaceAccepted | OAS, CCXT |
| advanced/create-order | types STOP_*, TAKE_PROFIT* with ref_price | stop orders since 2025-12 | PlaceAccepted | OAS |
| cancel-order, cancel-order-list, cancel-all-orders | code, a code per row, no result | received | CancelAnswer | OAS |
| amend-order | both new values; cancels and creates | reply as of create-order (?) | PlaceAccepted | OAS |

Not confirmed: the value CCY_PAIR (CCXT filters on it); that the server keeps 50 levels a side and tells nothing behind
them; the form of unsubscribe; that several channels may stand in one subscription and are refused together; that
`nonce` of unsigned frames is not looked at; that the id of a heartbeat is the time; that queries answer with
`result.data` and get-order-detail with the bare order (either is read); decimals of `notional`; that trade ids are the
same on the stream and over REST; the fee's currency being the quote currency; that an advanced order is named by
order_id or client_oid in its cancel, may be sized by `notional`, takes `spot_margin`, ends as FILLED when it goes off,
and that what it becomes bears the same client_oid; how many ids one cancel-order-list takes; whether end_time is
inclusive (either is read); 43003 to 43005 and 224 as replies; the longest client_oid (36).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from app.connectors.spec import Domain, RateLimit
from app.core.requests import Weight

DOCS = "https://exchange-developer.crypto.com"
PREFIX = "/exchange/v1/"
"""Of every path; what follows is the method's name as it is signed, with its slash."""


def _domain(name: str, title: str, rest: str, socket: str) -> Domain:
    sockets = {"public": f"{socket}{PREFIX}market", "private": f"{socket}{PREFIX}user"}
    return Domain(name=name, title=title, rest={"": rest}, sockets=sockets)


DOMAINS = {
    domain.name: domain
    for domain in (
        _domain("main", "Crypto.com", "https://api.crypto.com", "wss://stream.crypto.com"),
        _domain("uat", "Crypto.com UAT sandbox", "https://uat-api.3ona.co", "wss://uat-stream.3ona.co"),
    )
}
"""Keys of the sandbox are its own."""

_LIMITS = {
    "public": (100, 1.0),
    "create": (15, 0.1),
    "cancel": (15, 0.1),
    "cancel-all": (15, 0.1),
    "order-detail": (30, 0.1),
    "get-trades": (1, 1.1),
    "get-order-history": (1, 1.1),
    "private": (3, 0.1),
}
RATE_LIMITS = tuple(RateLimit(name, units, per_s) for name, (units, per_s) in _LIMITS.items())
"""Most count per method there; methods that share a bucket here are never too many. One a second is counted where
requests arrive, so a tenth more is waited."""
SIGNING_WINDOW_MS = 60_000
"""How far `nonce` may be from the exchange's time. No field shortens it."""
SENDS_PER_S = 50.0
"""Half of what a socket takes in a whole second: in the second of its opening only the rest of it counts."""

BOOK_DEPTH = 50
BOOK_EVERY_MS = 10
INTERVALS = {
    "1m": "1m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1h",
    "2h": "2h",
    "4h": "4h",
    "12h": "12h",
    "1d": "1D",
    "1w": "7D",
    "14d": "14D",
    "1M": "1M",
}
INTERVAL_OF_WORD = {word: interval for interval, word in INTERVALS.items()}


def weights(bucket: str) -> tuple[Weight, ...]:
    return (Weight(bucket),)


def pair_of(symbol: str) -> str | None:
    """`BTC_USDT` to `BTC-USDT`; None for what is no spot market, such as `BTCUSD-PERP`."""
    base, line, quote = symbol.rpartition("_")
    return f"{base}-{quote}" if base and line and quote and "-" not in quote else None


def to_pair(symbol: str) -> str:
    """As `pair_of`. Raises ValueError for what is no spot market."""
    pair = pair_of(symbol)
    if pair is None:
        raise ValueError(f"not a Crypto.com spot symbol: {symbol[:40]!r}")
    return pair


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


# -- numbers: documented as strings, and live they come either way -----------------------------------------------------

Loose = Any
"""A value that comes as a JSON string or as a number; `decoder` keeps the spelling of numbers."""
_MOST_DIGITS = 60
"""Products of larger numbers than these would overflow, and no market has any."""

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | Raw], T]:
    """The typed reader of `kind`. Raises ValueError (DecodeError is one) for anything else, however it is broken."""
    decode = msgspec.json.Decoder(kind, strict=False, float_hook=str).decode

    def read(data: bytes | Raw) -> T:
        try:
            return decode(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    return read


def text(value: Loose) -> str:
    """ "" for null. Raises ValueError for what is neither text nor number."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    raise ValueError(f"neither text nor number: {type(value).__name__}")


def number(value: Loose) -> Decimal | None:
    """None for "" and null. Raises ValueError for what is no finite number of sensible size."""
    spelled = text(value)
    if not spelled:
        return None
    try:
        found = Decimal(spelled)
    except InvalidOperation:
        raise ValueError(f"not a number: {spelled[:40]!r}") from None
    if not found.is_finite() or abs(found.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"not a finite number of sensible size: {spelled[:40]!r}")
    return found


def required(value: Loose) -> Decimal:
    """As `number`, where there must be one."""
    found = number(value)
    if found is None:
        raise ValueError("a number is missing")
    return found


def unless_zero(value: Loose) -> Decimal | None:
    """None also for zero, where it means "does not apply"."""
    return number(value) or None


def whole(value: Loose) -> int:
    """0 for "" and null. Raises ValueError for what is no whole number."""
    return int(text(value) or 0)


# -- messages ----------------------------------------------------------------------------------------------------------


_NO_DATA = Raw(b"null")


class Envelope(Struct):
    """What any message on either socket may hold; `result` is read once its channel is known."""

    id: int | None = None
    method: str = ""
    code: int = 0
    message: str | None = ""
    result: Raw = _NO_DATA
    info: Raw = _NO_DATA

    @property
    def pushed(self) -> Raw | None:
        """What it carries under either name; None where it carries nothing."""
        return next((raw for raw in (self.result, self.info) if bytes(raw) not in (b"null", b"{}")), None)


class Push(Struct):
    """The `result` of a message that carries data."""

    channel: str = ""
    subscription: str = ""
    instrument_name: str = ""
    data: Raw = Raw(b"[]")


Row = TypeVar("Row")


class Rows(Struct, Generic[Row]):
    data: list[Row]


class Reply(Struct, Generic[Row]):
    """A good reply over REST that lists rows."""

    result: Rows[Row]


read_envelope = decoder(Envelope)
read_push = decoder(Push)
HEARTBEAT = "public/heartbeat"


def heartbeat_answer(message: Envelope) -> bytes:
    """The same id, at once: else the exchange closes the connection."""
    return msgspec.json.encode({"id": message.id, "method": "public/respond-heartbeat"})


def operation(number: int, method: str, channels: list[str], nonce: int, **params: Any) -> bytes:
    """A subscription or its end. `nonce` is in ms and signs nothing."""
    message = {"id": number, "method": method, "params": {"channels": channels, **params}, "nonce": nonce}
    return msgspec.json.encode(message)
