"""Trades, bars and tickers of HTX, over the stream and over REST, as our facts. No books, no requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct, field

from app.connectors.htx.books import Tick, read_levels
from app.connectors.htx.protocol import number, plain, unless_zero
from app.core.effects import Unknown
from app.core.types import BookSnapshot, Candle, Side, Ticker, Trade

SIDES = {"buy": Side.BUY, "sell": Side.SELL}


class TradeRow(Struct, gc=False):
    """The row's own `id` has 27 digits and is not read; the trade's id has another name over REST."""

    ts: int
    amount: Decimal
    price: Decimal
    direction: str
    stream_id: int | str | None = field(default=None, name="tradeId")
    rest_id: int | str | None = field(default=None, name="trade-id")


class Trades(Struct, gc=False):
    """The tick of trade.detail, and an element of REST's list."""

    data: list[TradeRow] = []


class KlineRow(Struct, gc=False):
    """`id` is the bar's beginning in seconds, `amount` is base and `vol` quote."""

    id: int
    open: Decimal
    close: Decimal
    low: Decimal
    high: Decimal
    amount: Decimal = Decimal(0)


class TickerRow(Struct, rename="camel"):
    """24 hours; `symbol` over REST only, `last_price` on the stream only."""

    close: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    amount: Decimal | None = None
    vol: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    last_price: Decimal | None = None
    symbol: str = ""


class TickerList(Struct):
    data: list[TickerRow]
    ts: int = 0


class KlineList(Struct):
    data: list[KlineRow]


class TradeList(Struct):
    data: list[Trades]


class RestBook(Struct):
    tick: Tick
    ts: int = 0


class ServerTime(Struct):
    data: int


def read_trade(row: TradeRow, pair: str, frame: int) -> Trade | Unknown:
    """`direction` is the taker's side. Raises ValueError for a trade without its id."""
    side = SIDES.get(row.direction)
    trade_id = row.rest_id if row.stream_id is None else row.stream_id
    if side is None:
        return Unknown(f"a trade with direction {row.direction[:40]!r}")
    if trade_id is None:
        raise ValueError("a trade without an id")
    return Trade(
        pair=pair,
        trade_id=str(trade_id),
        taker=side,
        price=plain(row.price),
        amount=plain(row.amount),
        exchange_ms=row.ts,
        frame=frame,
    )


def read_candle(row: KlineRow, pair: str, interval: str, frame: int) -> Candle:
    return Candle(
        pair=pair,
        interval=interval,
        start_ms=row.id * 1000,
        open=plain(row.open),
        high=plain(row.high),
        low=plain(row.low),
        close=plain(row.close),
        volume=plain(row.amount),
        frame=frame,
    )


def read_ticker(row: TickerRow, pair: str, exchange_ms: int, frame: int) -> Ticker | None:
    """None for a market that never traded."""
    last = unless_zero(row.last_price) or unless_zero(row.close)
    if last is None:
        return None
    opened = unless_zero(row.open)
    return Ticker(
        pair=pair,
        last=last,
        bid=unless_zero(row.bid),
        ask=unless_zero(row.ask),
        open=opened,
        high=unless_zero(row.high),
        low=unless_zero(row.low),
        change=None if opened is None else (last - opened) / opened,
        base_volume=number(row.amount),
        quote_volume=number(row.vol),
        exchange_ms=exchange_ms,
        frame=frame,
    )


def read_whole_book(
    tick: Tick, pair: str, depth: int, last_id: int | None, exchange_ms: int, frame: int
) -> BookSnapshot:
    return BookSnapshot(
        pair=pair,
        bids=read_levels(tick.bids),
        asks=read_levels(tick.asks),
        last_id=last_id,
        depth=depth,
        exchange_ms=tick.ts or exchange_ms,
        frame=frame,
    )
