"""The wire facts of OKX v5 spot: hosts, limits, names, frames common to all its sockets. No reading of rows, no I/O.

Evidence. LOG = OKX' changelog docs-v5/log_en and its notices; SDK = okxapi/python-okx; JK = payloads in the unit tests
of JKorf/OKX.Net; NT = nautilus_trader; LIVE = measured by others, told in issues, 2026-08/09. (?) = one source or none.

| channel or call | message | meaning | our event | source |
|---|---|---|---|---|
| books | action snapshot, prevSeqId -1 | 400 levels a side, replaces | BookSnapshot(last_id=seqId) | JK, LIVE |
| books | action update, prevSeqId = the id before | absolute amounts, "0" removes | BookDiff(prev_id) | LOG |
| books | seqId = prevSeqId, sides empty | nothing changed for a while | BookDiff without levels | LOG |
| books | seqId < prevSeqId = the id before | numbers start anew | BookDiff(prev_id) | LOG |
| books | no snapshot, an update comes first (?) | announced 2026-02, not seen yet | Perform(GET books) | LOG |
| books | checksum | always 0 since 2026-06; checked where it is not | - | LOG, LIVE |
| trades | side of the taker, sz base, count fills in one | a public trade | Trade | JK |
| tickers | vol24h base, volCcy24h quote | rolling 24 hours | Ticker | JK |
| candle* (business socket) | rows ts o h l c base quote quote confirm | one bar | Candle | JK |
| ack | event subscribe, unsubscribe + arg | confirmed | Subscribed, nothing | JK |
| error | event error + code, msg | refused; logins by their codes | Refused, Reconnect | JK, NT |
| notice | code 64008 | service upgrade | Reconnect | LOG |
| channel-conn-count(-error) | connCount | connections of a channel | nothing, Refused | JK |
| pong | bare text | answers bare text ping | Pong | SDK |
| login | event login, code 0 | accepted | LoggedIn | JK |
| account | details: eq, cashBal, availBal, frozenBal | new absolute values | BalanceDelta | JK |
| orders | state, accFillSz cumulative, fill* this one | fillFee < 0 is paid | OrderUpdate, Fill | JK, NT |
| orders | algoId set | what a stop order became | OrderUpdate(triggered_order_id) | NT |
| orders-algo (business socket) | state live … order_failed | a stop order | OrderUpdate | JK |
| GET instruments | tickSz, lotSz, minSz; no least value | trading rules | TradingRule | JK |
| GET books | seqId, read where it comes (?) | joins the stream | BookSnapshot | LOG (?) |
| GET candles, history-candles | newest first; after = older than | bars | Candle | SDK |
| GET balance | as the account channel | whole account | Balance | JK |
| GET orders-pending, order, orders-history(-archive) | rows as on the stream | orders | OrderUpdate | JK, SDK |
| GET fills, fills-history | fee is of this fill; after = billId | executions | Fill | JK, SDK |
| GET account/config | perm: words; ip "": any address | the key's rights | KeyPermissions | SDK, NT |
| GET trade-fee | maker, taker < 0 are paid; feeGroup (?) | rates | FeeSchedule | JK |
| POST order, order-algo, cancel-*, amend-order | sCode per row, HTTP 200 even so | not the end | PlaceAccepted … | JK |
| POST cancel-all-after | timeOut 0, 10..120 | dead man's switch | its end, ms | SDK |

Not confirmed: that a reply to order-algo names `algoId`, and rows of orders-algo-pending `ordId`, `ordPx`, `tgtCcy`;
that `algoClOrdId` can name a stop order to be cancelled; that `tgtCcy` sizes a stop order that goes off at market; that
"-1" is the market price of tpOrdPx too; `triggerTime` in the reply to cancel-all-after; that orders-history and
orders-algo-pending page by `after` as orders-pending does; `begin` of fills-history; limits of the archives, of
cancel-algos and of cancel-all-after; `maxMktSz` being in USDT (not read); the cut of books at 400 levels by the server;
`amendResult` "1"; that a stop order whose cancel was taken and that waits no longer cannot have gone off; that `source`
belongs to the question for a book to join.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from app.connectors.spec import Domain, RateLimit
from app.core.requests import Weight

DOCS = "https://www.okx.com/docs-v5/en/"

PUBLIC_PATH, PRIVATE_PATH, BUSINESS_PATH = "/ws/v5/public", "/ws/v5/private", "/ws/v5/business"


def _domain(name: str, title: str, rest: str, socket: str) -> Domain:
    return Domain(
        name=name,
        title=title,
        rest={"": rest},
        sockets={
            "public": socket + PUBLIC_PATH,
            "private": socket + PRIVATE_PATH,
            "business": socket + BUSINESS_PATH,
        },
    )


MAIN = _domain("main", "OKX", "https://www.okx.com", "wss://ws.okx.com:8443")
DOMAINS = {
    domain.name: domain
    for domain in (
        MAIN,
        _domain("demo", "OKX demo trading", "https://www.okx.com", "wss://wspap.okx.com:8443"),
        _domain("eea", "OKX Europe (my.okx.com)", "https://eea.okx.com", "wss://wseea.okx.com:8443"),
        _domain("eea-demo", "OKX Europe demo trading", "https://eea.okx.com", "wss://wseeapap.okx.com:8443"),
        _domain("us", "OKX US and AU (app.okx.com)", "https://us.okx.com", "wss://wsus.okx.com:8443"),
        _domain("us-demo", "OKX US and AU demo trading", "https://us.okx.com", "wss://wsuspap.okx.com:8443"),
    )
}
"""A key works only where its account was registered; anywhere else it "doesn't exist"."""


def is_demo(domain: Domain) -> bool:
    """Whether REST must carry the demo header: host and paths are those of real trading."""
    return domain.name == "demo" or domain.name.endswith("-demo")


def sockets_of_twin(public: str, private: str) -> dict[str, str]:
    """The three sockets of a paper twin: candles come over the business one, at the same host and port."""
    parts = urlsplit(public)
    return {"public": public, "private": private, "business": f"{parts.scheme}://{parts.netloc}{BUSINESS_PATH}"}


_PER_S = 2.0
_LIMITS = {
    "instruments": 20,
    "books": 40,
    "tickers": 20,
    "trades": 100,
    "candles": 40,
    "history-candles": 20,
    "time": 10,
    "balance": 10,
    "trade-fee": 5,
    "config": 5,
    "orders-pending": 60,
    "order-query": 60,
    "algo-query": 20,
    "orders-history": 40,
    "fills": 60,
    "archive": 10,
    "place": 60,
    "amend": 60,
    "cancel": 60,
    "algo": 20,
    "cancel-algo": 20,
    "safety-timer": 2,
    "order-operations": 1000,
}
RATE_LIMITS = tuple(RateLimit(name, units, _PER_S) for name, units in _LIMITS.items())
"""Units in 2 s. Placing, amending and cancelling count per instrument there and together here: never too many."""


def weights(*buckets: str) -> tuple[Weight, ...]:
    return tuple(Weight(bucket) for bucket in buckets)


HEARTBEAT_S = 10.0
"""The exchange hangs up after 30 s in which nothing came."""
PING, PONG = b"ping", b"pong"
"""Bare text, neither JSON nor protocol-level frames."""
BOOK_DEPTH = 400
INTERVALS = {
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1H",
    "2h": "2H",
    "4h": "4H",
    "6h": "6Hutc",
    "12h": "12Hutc",
    "1d": "1Dutc",
    "2d": "2Dutc",
    "3d": "3Dutc",
    "1w": "1Wutc",
    "1M": "1Mutc",
    "3M": "3Mutc",
}
"""Without `utc` the bars of six hours and more begin by the clock of Hong Kong."""
INTERVAL_OF_CHANNEL = {f"candle{bar}": interval for interval, bar in INTERVALS.items()}

_ARGS_A_FRAME = 400
"""All of one frame may be 64 KB; an argument is some 60 bytes."""


def checked_pair(symbol: str) -> str:
    """`BTC-USDT` is both our pair and their instId. Raises ValueError for what is no spot instrument."""
    base, dash, quote = symbol.partition("-")
    if not (base and dash and quote) or "-" in quote:
        raise ValueError(f"not an OKX spot instrument: {symbol[:40]!r}")
    return symbol


_MOST_SYMBOLS = 20_000
"""Several times what any exchange lists: names made up without end must not fill the memory."""


class PairOf(dict[str, str]):
    """Pairs by instId, looked at once: `pairs[symbol]`."""

    def __missing__(self, symbol: str) -> str:
        if len(self) >= _MOST_SYMBOLS:
            self.clear()
        pair = self[symbol] = checked_pair(symbol)
        return pair


def millis(text: str | None) -> int:
    """0 for "". Raises ValueError for what is no whole number."""
    return int(text) if text else 0


def operation(op: str, args: list[dict[str, str]]) -> Iterable[bytes]:
    """The frames of a subscription, each of a size that is taken."""
    for first in range(0, len(args), _ARGS_A_FRAME):
        message: dict[str, Any] = {"op": op, "args": args[first : first + _ARGS_A_FRAME]}
        yield msgspec.json.encode(message)


class Arg(Struct, rename="camel", frozen=True, gc=False):
    """What a frame is about."""

    channel: str = ""
    inst_id: str = ""


class Envelope(Struct, rename="camel"):
    """What any message on any socket may hold; `data` is read once the channel is known."""

    event: str = ""
    arg: Arg = Arg()
    code: str | int = ""
    msg: str | None = ""
    action: str = ""
    data: Raw = Raw(b"[]")


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def read_envelope(data: bytes) -> Envelope:
    """Raises ValueError (DecodeError is one) for what is no such message, however it is broken."""
    try:
        return _decode_envelope(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
