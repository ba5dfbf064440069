"""The wire facts of the FMZ custom protocol: envelopes, rows, symbols, status words. No reading of replies, no I/O.

Evidence. GUIDE = FMZ's "Custom Protocol Access Guide" (2024-11) and the sample plug-in in it; API = FMZ's syntax guide.
One request is one POST to the address of the plug-in; the method is in the body. (?) = one source or none.

| method | data | our event | source |
|---|---|---|---|
| ticker | strings; buy = best bid, sell = best ask, vol base, time ms as text | Ticker | GUIDE |
| depth | time, asks, bids: [price, amount] as numbers; a whole book, no id | BookSnapshot(None) | GUIDE |
| trades | id number or text, time ms, type buy or sell, also bid or ask | Trade | GUIDE |
| records | [open time, open, high, low, close, volume]; seconds or ms; any order | Candle | GUIDE |
| accounts, assets | currency, free, frozen as text; total = free + frozen | Balance | GUIDE |
| trade | id `<market>,<number>`; an error may leave the outcome open | PlaceAccepted | GUIDE |
| trade, price "-1" | a market order; what sizes a market buy differs by plug-in (?) | PlaceAccepted | API |
| order, orders, historyorders | deal_amount cumulative at avg_price; no time, fee or fills | OrderUpdate | GUIDE |
| orders, symbol "" | every market (?) | OrderUpdate | GUIDE |
| status, also `state` | pending … partial-filled are open; filled, closed, canceled … ended | VenueState | GUIDE |
| status closed, finished | ended, filled or not: decided by the amounts (?) | VenueState | GUIDE |
| cancel | true; no error is success | CancelAnswer | GUIDE |
| `__api_<path>` | any; the verb is in the header Http-Method only | bytes | GUIDE |
| markets, tickers | not documented: asked only where the user says so (?) | rules, Ticker | none |
| error | any reply that has it is a failure, HTTP 200 or not | VenueError | GUIDE |

Positions, margin and funding are named by the guide without any payload, so they are not here. The words "refused: "
and "outcome unknown: " at the start of an error are those of Depthdesk's own service.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.connectors.spec import RateLimit
from app.core.requests import Weight
from app.core.types import Side, VenueState

DOCS = "https://www.fmz.com/bbs-topic/10527"
RATE_LIMITS = (RateLimit("plug-in", 16, 1.0),)
"""Ours: the protocol states none. Depthdesk's own service takes 20 a second."""
ONE_CALL = (Weight("plug-in"),)
RAW_PREFIX = "__api_"
REFUSED = "refused: "
OUTCOME_UNKNOWN = "outcome unknown: "
INTERVALS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
"""`period` is told in minutes; which ones a plug-in knows is its own affair."""
MOST_DECIMALS = 18

OPEN_WORDS = frozenset({"pending", "pre-submitted", "submitting", "submitted", "partial-filled"})
CANCELED_WORDS = frozenset({"partial-canceled", "canceled"})
ENDED_WORDS = frozenset({"filled", "closed", "finished"})
SIDES = {"buy": Side.BUY, "bid": Side.BUY, "sell": Side.SELL, "ask": Side.SELL}

_SYMBOL = re.compile(r"[A-Z0-9]{1,20}_[A-Z0-9]{1,20}")
_LONGEST_NUMBER = 64


class Question(Struct):
    """A request before the keys and the nonce are added."""

    method: str
    params: dict[str, str | int]


class Envelope(Struct):
    """Any reply. `raw` is the exchange's own answer, where the plug-in passes it on."""

    data: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    raw: Raw | UnsetType = UNSET


class TickerRow(Struct):
    last: Raw
    symbol: str = ""
    buy: Raw = Raw(b"null")
    sell: Raw = Raw(b"null")
    high: Raw = Raw(b"null")
    low: Raw = Raw(b"null")
    open: Raw = Raw(b"null")
    vol: Raw = Raw(b"null")
    time: Raw = Raw(b"null")


class DepthRow(Struct):
    asks: list[list[Raw]]
    bids: list[list[Raw]]
    time: Raw = Raw(b"null")


class TradeRow(Struct):
    price: Raw
    amount: Raw
    type: str
    time: Raw = Raw(b"null")
    id: Raw = Raw(b"null")


class BalanceRow(Struct):
    currency: str
    free: Raw = Raw(b"null")
    frozen: Raw = Raw(b"null")


class OrderRow(Struct):
    id: Raw
    symbol: str = ""
    amount: Raw = Raw(b"null")
    price: Raw = Raw(b"null")
    deal_amount: Raw = Raw(b"null")
    avg_price: Raw = Raw(b"null")
    type: str = ""
    status: str = ""
    state: str = ""
    """The guide's own sample says `state` where its text says `status`."""


class PlacedRow(Struct):
    id: Raw


_decode_question = msgspec.json.Decoder(Question).decode


def encode_question(method: str, params: dict[str, str | int]) -> bytes:
    return msgspec.json.encode(Question(method, params))


def read_question(logged: bytes) -> Question:
    """The request in a logged frame, headers and all. Raises ValueError (DecodeError is one)."""
    try:
        return _decode_question(logged.rpartition(b"\r\n\r\n")[2])
    except RecursionError:
        raise ValueError("nested too deeply") from None


def to_pair(symbol: str) -> str:
    """`eth_usdt` and the sample's faulty `ETH-USDT` to `ETH-USDT`. Raises ValueError for what is no symbol."""
    plain = symbol.upper().replace("-", "_")
    if not _SYMBOL.fullmatch(plain):
        raise ValueError(f"not a symbol: {symbol[:40]!r}")
    return plain.replace("_", "-")


def to_symbol(pair: str) -> str:
    """`ETH-USDT` to `ETH_USDT`. Raises ValueError for what is no pair."""
    return to_pair(pair).replace("-", "_")


def text_of(raw: Raw) -> str:
    """A text or a number as text, digit for digit; "" for null. Raises ValueError for anything else."""
    data = bytes(raw).strip()
    if data in (b"", b"null"):
        return ""
    if data.startswith(b'"'):
        return msgspec.json.decode(data, type=str)
    if data[:1] in b"-0123456789":
        return data.decode()
    raise ValueError("neither a text nor a number")


def number_of(raw: Raw) -> Decimal:
    """A number however it is spelled; "" and null are 0. Raises ValueError."""
    text = text_of(raw).strip()
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number of too many digits")
    try:
        value = Decimal(text or 0)
    except InvalidOperation:
        raise ValueError(f"not a number: {text[:40]!r}") from None
    if not value.is_finite() or abs(value.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(f"not a number: {text[:40]!r}")
    return value


def plain(value: Decimal) -> str:
    """Without an exponent and without zeros at the end: one spelling for one price."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def unless_zero(raw: Raw) -> Decimal | None:
    return number_of(raw) or None


def ms_of(raw: Raw) -> int:
    """A time in ms; what has at most 11 digits is in seconds. 0 when none is told."""
    value = int(number_of(raw))
    return value if value >= 100_000_000_000 else value * 1_000


def state_of(row: OrderRow, amount: Decimal | None, filled: Decimal) -> VenueState:
    word = (row.status or row.state).lower()
    if word in OPEN_WORDS:
        return VenueState.OPEN
    if word in CANCELED_WORDS:
        return VenueState.CANCELED
    if word in ENDED_WORDS:
        # "filled" for an order that is not is read as its amounts tell; a market buy is sized in quote by some.
        whole = amount is None or filled >= amount
        return VenueState.FILLED if word == "filled" or (whole and filled) else VenueState.CANCELED
    return VenueState.UNKNOWN_WORD
