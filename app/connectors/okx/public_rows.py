"""Market data messages of OKX, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Generic, TypeVar
from zlib import crc32

from msgspec import Struct, field

from app.connectors.okx.protocol import BOOK_DEPTH, Arg, checked_pair, millis
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.effects import Unknown
from app.core.trading_rule import TradingRule
from app.core.types import BookSnapshot, Candle, MarketStatus, OrderType, Side, Ticker, TimeInForce, Trade

Row = TypeVar("Row")

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
ORDER_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.MARKET,
        OrderType.STOP_MARKET,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
_STATUS = {
    "live": MarketStatus.TRADING,
    "post_only": MarketStatus.POST_ONLY,
    "suspend": MarketStatus.HALTED,
}
_CHECKED_LEVELS = 25
_DOLLARS = frozenset({"USD", "USDT", "USDC"})


class Reply(Struct, Generic[Row]):
    """Any good reply over REST."""

    data: list[Row]


class Level(Struct, array_like=True, gc=False):
    """Price and amount (base); the deprecated "0" and the number of orders behind them are left out."""

    price: str
    amount: str


class BookRow(Struct, rename="camel", gc=False):
    asks: list[Level]
    bids: list[Level]
    ts: str
    # Recordings from before these numbers existed are read too; their books prove nothing.
    seq_id: int | None = None
    prev_seq_id: int | None = None
    checksum: int | None = 0
    """Always 0 since June 2026 (notice of 2026-05-21), once to go; recordings from before hold true ones."""


class BookFrame(Struct, gc=False):
    arg: Arg
    action: str
    data: list[BookRow]


def book_checksum(bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> int:
    """CRC32 over the best 25 levels, bids and asks in turn, in the exchange's own spelling; signed, 32 bits."""
    parts: list[str] = []
    for place in range(_CHECKED_LEVELS):
        for side in (bids, asks):
            if place < len(side):
                parts += side[place]
    value = crc32(":".join(parts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


class RestBookRow(Struct, rename="camel"):
    asks: list[Level]
    bids: list[Level]
    ts: str = ""
    seq_id: int | None = None


class TradeRow(Struct, rename="camel", gc=False):
    inst_id: str
    trade_id: str
    px: str
    sz: str
    side: str
    ts: str


class TradesFrame(Struct, gc=False):
    data: list[TradeRow]


class TickerRow(Struct, rename="camel"):
    inst_id: str
    last: str
    ask_px: str = ""
    bid_px: str = ""
    open24h: str = ""
    high24h: str = ""
    low24h: str = ""
    vol24h: str = ""
    vol_ccy24h: str = field(default="", name="volCcy24h")
    ts: str = ""


class InstrumentRow(Struct, rename="camel"):
    inst_id: str
    base_ccy: str
    quote_ccy: str
    tick_sz: str
    lot_sz: str
    min_sz: str
    state: str
    max_lmt_sz: str = ""
    max_lmt_amt: str = ""


class TimeRow(Struct):
    ts: str


def read_trade(row: TradeRow, pair: str, frame: int) -> Trade | Unknown:
    side = SIDES.get(row.side)
    if side is None:
        return Unknown(f"taker side {row.side[:40]!r}")
    return Trade(
        pair=pair,
        trade_id=row.trade_id,
        taker=side,
        price=row.px,
        amount=row.sz,
        exchange_ms=int(row.ts),
        frame=frame,
    )


def read_ticker(row: TickerRow, frame: int) -> Ticker | None:
    """None for a market that never traded."""
    last, opened = unless_zero(row.last), unless_zero(row.open24h)
    if last is None:
        return None
    return Ticker(
        pair=checked_pair(row.inst_id),
        last=last,
        bid=unless_zero(row.bid_px),
        ask=unless_zero(row.ask_px),
        open=opened,
        high=number(row.high24h),
        low=number(row.low24h),
        change=None if opened is None else (last - opened) / opened,
        base_volume=number(row.vol24h),
        quote_volume=number(row.vol_ccy24h),
        exchange_ms=millis(row.ts),
        frame=frame,
    )


def read_candle(row: list[str], pair: str, interval: str, frame: int) -> Candle:
    if len(row) < 6:
        raise ValueError(f"a candle of {len(row)} fields, not 9")
    start, opened, high, low, close, base = row[:6]
    return Candle(
        pair=pair,
        interval=interval,
        start_ms=int(start),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=base,
        frame=frame,
    )


def read_rest_book(row: RestBookRow, pair: str, frame: int) -> BookSnapshot:
    return BookSnapshot(
        pair=pair,
        bids=[(level.price, level.amount) for level in row.bids],
        asks=[(level.price, level.amount) for level in row.asks],
        last_id=row.seq_id,
        depth=BOOK_DEPTH,
        exchange_ms=millis(row.ts),
        frame=frame,
    )


def read_rule(row: InstrumentRow, frame: int) -> TradingRule:
    """OKX states no least value, and its largest value in US dollars: taken where the quote currency is one."""
    return TradingRule(
        pair=checked_pair(row.inst_id),
        symbol=row.inst_id,
        base=row.base_ccy,
        quote=row.quote_ccy,
        min_price_increment=_step(row.tick_sz),
        min_base_amount_increment=_step(row.lot_sz),
        min_order_size=number(row.min_sz) or Decimal(0),
        max_order_size=unless_zero(row.max_lmt_sz),
        max_notional_size=unless_zero(row.max_lmt_amt) if row.quote_ccy in _DOLLARS else None,
        order_types=ORDER_TYPES,
        times_in_force=frozenset(TimeInForce),
        market_buy_by_quote=True,
        status=_STATUS.get(row.state, MarketStatus.CLOSED),
        venue_status=row.state,
        frame=frame,
    )


def _step(text: str) -> Decimal:
    """A market that is not open yet may have none; it takes no orders then."""
    return required(text) if text else Decimal(0)
