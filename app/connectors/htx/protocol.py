"""The wire facts of HTX (formerly Huobi) spot: hosts, limits, names, common frames. No reading of rows, no I/O.

Evidence. DOC = huobiapi/docs, last public text of 2021-06; NET = JKorf/HTX.Net with its payloads, 2026-06; CCXT = ccxt
4.5.90; HB = hummingbot, 2026-07; REC = real frames of 2021-04 in cryptofeed's samples. (?) = one source or none.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| any frame of `/ws`, `/feed` | binary, gzip | inflated first, up to a cap | - | REC, DOC |
| ping | `{"ping":n}` every 5 s | answered with the same n | Send | REC |
| ack, error | `subbed`; `status` error + `id` only | confirmed, refused | Subscribed, Refused | REC, DOC |
| mbp.150 (`/feed`) | seqNum, prevSeqNum | absolute amounts, 0 removes | BookDiff(prev_id, first_id) | DOC, CCXT |
| mbp.150, a side missing | only the changed side | the other is as it was | BookDiff | DOC |
| mbp.150, both sides empty | keep-alive | still advances seqNum | BookDiff without levels | DOC |
| rep mbp.150 | answer to our `req` | the book at seqNum | BookSnapshot(last_id=seqNum) | DOC, CCXT |
| depth.step0, mbp.refresh.n | whole book | replaces (not subscribed) | BookSnapshot | REC, DOC |
| trade.detail | direction of the taker, tradeId | public trades, the last one repeated | Trade | REC, DOC |
| ticker, kline.* | amount base, vol quote, id in s | 24 hours; one bar | Ticker, Candle | DOC, NET |
| auth | action req, code 200 | accepted, refused | LoggedIn, Refused, Reconnect | DOC, NET |
| ping (`/ws/v2`, text) | every 20 s, data.ts | answered with the same ts | Send | DOC |
| accounts.update#2 | balance total, available free | of the spot account only | BalanceDelta | DOC, NET |
| orders#* | eventType, orderStatus, execAmt | the order now; no fee, no fill read | OrderUpdate | DOC, NET |
| trade.clearing#*#0 | transactFee > 0 is paid | an execution with its fee | Fill | DOC, NET |
| GET market-symbols | pp, ap, vp decimals | trading rules | TradingRule | HB, DOC |
| GET common/symbols | the same, long names | read too, not asked | TradingRule | REC |
| GET market/depth | version is no seqNum | never joins mbp | BookSnapshot without id | DOC |
| GET account/accounts | type spot, state working | the account's number | - | DOC, HB |
| GET balance | rows trade, frozen per currency | free, held | Balance | DOC, HB |
| GET openOrders, orders, history | filled-* or field-* | orders | OrderUpdate | DOC |
| GET matchresults | filled-fees, fee-currency, role | executions | Fill | DOC |
| POST place, submitcancel, ... | HTTP 200 even when refused | taken, not the end | PlaceAccepted, CancelAnswer | DOC |
| POST cancel-all-after | timeout 0, >= 5 s | dead man's switch | its end, ms | DOC |

Not confirmed (?): sockets of the AWS host, so it uses the main ones; that `maxov` limits every order's value; that
openOrders, history and matchresults answer for all symbols when none is named; that `from` leads on from the last row;
`finished-at` and `canceled-at` of order rows; rows of /v2/algo-orders beyond the names of the request (`orderStatus`,
`orderId`, `orderOrigTime`, `lastActTime`, words created, triggered, canceled, rejected); that an order which such a
conditional order became carries its client id; that a conditional order at market takes no `timeInForce`;
`data.triggerTime` of cancel-all-after and `data.rejected` of a conditional order's cancel; that batchCancelOpenOrders
without `symbol` means all; that `success` of batchcancel holds our ids when ours were sent; how long a signature is
good (5 minutes in one place of DOC, under one in another: the longer is assumed where it proves something).
"""

from __future__ import annotations

import zlib
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from app.connectors.spec import Domain, RateLimit
from app.core.requests import Weight

DOCS = "https://github.com/huobiapi/docs/tree/v1_en"

MARKET_PATH, FEED_PATH, ACCOUNT_PATH = "/ws", "/feed", "/ws/v2"
_SOCKETS = {
    "public": f"wss://api.huobi.pro{MARKET_PATH}",
    "feed": f"wss://api.huobi.pro{FEED_PATH}",
    "private": f"wss://api.huobi.pro{ACCOUNT_PATH}",
}
DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(name="main", title="HTX", rest={"": "https://api.huobi.pro"}, sockets=_SOCKETS),
        Domain(name="aws", title="HTX for AWS clients", rest={"": "https://api-aws.huobi.pro"}, sockets=_SOCKETS),
    )
}
"""There is no demo trading any more. A signature names the host that is called."""


def sockets_of_twin(public: str, private: str) -> dict[str, str]:
    """The exchange's own paths at the twin's hosts and ports; changes of books come over one of their own."""
    return {
        "public": _at(public, MARKET_PATH),
        "feed": _at(public, FEED_PATH),
        "private": _at(private, ACCOUNT_PATH),
    }


def _at(url: str, path: str) -> str:
    return urlsplit(url)._replace(path=path, query="", fragment="").geturl()


RATE_LIMITS = (
    RateLimit("place", 100, 2.0),
    RateLimit("cancel", 100, 2.0),
    RateLimit("orders", 50, 2.0),
    RateLimit("fills", 20, 2.0),
    RateLimit("account", 100, 2.0),
    RateLimit("other", 10, 1.0),
)
"""As of 2021; some have been raised since, to values that are not confirmed."""


def weights(bucket: str) -> tuple[Weight, ...]:
    return (Weight(bucket),)


SIGNATURE_GOOD_MS = 300_000
"""The longest that any text gives a signature; orders carry no deadline of their own."""
QUESTIONS_PER_S = 10.0
"""Not more than one `req` in 100 ms."""
ACCOUNT_REQUESTS_PER_S = 50.0
BOOK_DEPTH = 150
INTERVALS = {
    "1m": "1min",
    "5m": "5min",
    "15m": "15min",
    "30m": "30min",
    "1h": "60min",
    "4h": "4hour",
    "1d": "1day",
    "1w": "1week",
    "1M": "1mon",
}
"""Bars of a day and more begin at midnight in Singapore (UTC+8)."""
INTERVAL_OF_PERIOD = {period: interval for interval, period in INTERVALS.items()}

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_MOST_INFLATED = 4 << 20
"""Many times the largest answer that is asked for; a bomb costs no more than this."""


def inflate(data: bytes) -> bytes:
    """The text of a frame, whether it came compressed or not. Raises ValueError for a broken or an oversized one."""
    if not data.startswith(_GZIP):
        return data
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = inflater.decompress(data, _MOST_INFLATED)
    except zlib.error as error:
        raise ValueError(f"broken compression: {error}") from None
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a compressed message that is cut off, too large or followed by something else")
    return text


_MOST_DIGITS = 60
"""Products of larger numbers than these would overflow, and no market has any."""


def checked(value: Decimal) -> Decimal:
    """Raises ValueError for what is no finite number of sensible size."""
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError("not a finite number of sensible size")
    return value


def number(value: str | Decimal | None) -> Decimal | None:
    """None for none and for "". Raises ValueError for what is no finite number."""
    if value is None or value == "":
        return None
    try:
        return checked(Decimal(value))
    except InvalidOperation:
        raise ValueError(f"not a number: {str(value)[:40]!r}") from None


def required(value: str | Decimal | None) -> Decimal:
    """As `number`, where there must be one."""
    found = number(value)
    if found is None:
        raise ValueError("a number is missing")
    return found


def unless_zero(value: str | Decimal | None) -> Decimal | None:
    """None for nothing and for zero, where zero means "does not apply"."""
    return number(value) or None


def plain(value: Decimal) -> str:
    """The one spelling of a number: 710.0 is "710", 9.12E-7 is "0.000000912"."""
    text = format(checked(value), "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


class MarketEnvelope(Struct):
    """What any market data frame may hold; `tick` and `data` are read once the topic is known."""

    ch: str = ""
    rep: str = ""
    subbed: str = ""
    unsubbed: str = ""
    ping: int | None = None
    id: str | int | None = None
    status: str = ""
    err_code: str | int = msgspec.field(default="", name="err-code")
    err_msg: str | None = msgspec.field(default="", name="err-msg")
    ts: int = 0
    tick: Raw = Raw(b"null")
    data: Raw = Raw(b"null")


class AccountEnvelope(Struct):
    """What any frame of the account's socket may hold."""

    action: str = ""
    ch: str = ""
    code: int | str = ""
    message: str | None = ""
    data: Raw = Raw(b"null")


_decode_market = msgspec.json.Decoder(MarketEnvelope).decode
_decode_account = msgspec.json.Decoder(AccountEnvelope).decode


def read_market_frame(data: bytes) -> MarketEnvelope:
    """Raises ValueError (DecodeError is one) for what is no such message, however it is broken."""
    try:
        return _decode_market(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_account_frame(data: bytes) -> AccountEnvelope:
    """As `read_market_frame`, on the account's socket."""
    try:
        return _decode_account(inflate(data))
    except RecursionError:
        raise ValueError("nested too deeply") from None
