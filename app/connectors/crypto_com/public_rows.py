"""Market data messages of Crypto.com, over the stream and over REST, as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.connectors.crypto_com.protocol import BOOK_DEPTH, Loose, number, pair_of, text, unless_zero, whole
from app.core.effects import Unknown
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, MarketStatus, OrderType, Side, Ticker, TimeInForce, Trade

SPOT = "CCY_PAIR"
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
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
_DOLLARS = frozenset({"USD", "USDT", "USDC"})


class Level(Struct, array_like=True, gc=False):
    """Price and amount (base); the number of orders behind them is left out."""

    price: str
    amount: str


class Sides(Struct, gc=False):
    asks: list[Level] = []
    bids: list[Level] = []


class UpdateRow(Struct, gc=False):
    update: Sides
    t: int
    u: int
    pu: int


class _UpdateResult(Struct, gc=False):
    instrument_name: str
    data: list[UpdateRow]


class UpdateFrame(Struct, gc=False):
    """Nearly every frame of a book, as it is documented."""

    result: _UpdateResult


class LooseSides(Struct):
    asks: list[list[Loose]] = []
    bids: list[list[Loose]] = []


class LooseUpdate(Struct):
    """A change in any spelling. Without `pu` nothing can be proved, so it is not read."""

    update: LooseSides
    u: Loose
    pu: Loose
    t: Loose = None


class BookRow(Struct):
    """A whole book, over the stream or (without numbers, or with others) over REST."""

    asks: list[list[Loose]] = []
    bids: list[list[Loose]] = []
    t: Loose = None
    u: Loose = None
    s: Loose = None


class TradeRow(Struct):
    d: Loose
    t: Loose
    q: Loose
    p: Loose
    s: str
    tn: Loose = None


class TickerRow(Struct):
    """`a` is the last trade and `k` the ask; `v` is base, `vv` US dollars."""

    i: str = ""
    a: Loose = None
    b: Loose = None
    k: Loose = None
    h: Loose = None
    l: Loose = None  # noqa: E741
    c: Loose = None
    v: Loose = None
    vv: Loose = None
    t: Loose = None


class CandleRow(Struct):
    t: Loose
    o: Loose
    h: Loose
    l: Loose  # noqa: E741
    c: Loose
    v: Loose


class InstrumentRow(Struct):
    symbol: str
    inst_type: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    quote_decimals: Loose = None
    price_tick_size: Loose = None
    qty_tick_size: Loose = None
    tradable: bool = False


def read_levels(rows: list[list[Loose]]) -> list[tuple[str, str]]:
    if any(len(row) < 2 for row in rows):
        raise ValueError("a level without a price or an amount")
    return [(text(row[0]), text(row[1])) for row in rows]


def read_update(row: LooseUpdate, pair: str, frame: int) -> BookDiff:
    return BookDiff(
        pair=pair,
        bids=read_levels(row.update.bids),
        asks=read_levels(row.update.asks),
        last_id=int(text(row.u)),
        prev_id=int(text(row.pu)),
        exchange_ms=whole(row.t),
        frame=frame,
    )


def read_book(row: BookRow, pair: str, frame: int, *, joins: bool) -> BookSnapshot:
    """`joins`: its number is one of those that changes on the stream follow."""
    last_id = (whole(row.u) or whole(row.s) or None) if joins else None
    return BookSnapshot(
        pair=pair,
        bids=read_levels(row.bids),
        asks=read_levels(row.asks),
        last_id=last_id,
        depth=BOOK_DEPTH,
        exchange_ms=whole(row.t),
        frame=frame,
    )


def read_trades(rows: list[TradeRow], pair: str, frame: int) -> list[Trade | Unknown]:
    """Oldest first, whatever their order was. A trade of an unknown side is an Unknown."""
    return [_trade(row, pair, frame) for row in sorted(rows, key=_when)]


def _when(row: TradeRow) -> int:
    return whole(row.tn) or whole(row.t) * 1_000_000


def _trade(row: TradeRow, pair: str, frame: int) -> Trade | Unknown:
    side = SIDES.get(row.s.upper())
    if side is None:
        return Unknown(f"taker side {row.s[:40]!r}")
    return Trade(
        pair=pair,
        trade_id=text(row.d),
        taker=side,
        price=text(row.p),
        amount=text(row.q),
        exchange_ms=whole(row.t),
        frame=frame,
    )


def read_ticker(row: TickerRow, frame: int, symbol: str = "") -> Ticker | None:
    """None for a market that never traded and for what is no spot market."""
    pair, last = pair_of(row.i or symbol), unless_zero(row.a)
    if pair is None or last is None:
        return None
    # Their other volume is in US dollars, whatever the quote currency is.
    in_dollars = pair.rpartition("-")[2] in _DOLLARS
    return Ticker(
        pair=pair,
        last=last,
        bid=unless_zero(row.b),
        ask=unless_zero(row.k),
        high=unless_zero(row.h),
        low=unless_zero(row.l),
        change=number(row.c),
        base_volume=number(row.v),
        quote_volume=number(row.vv) if in_dollars else None,
        exchange_ms=whole(row.t),
        frame=frame,
    )


def read_candle(row: CandleRow, pair: str, interval: str, frame: int) -> Candle:
    return Candle(
        pair=pair,
        interval=interval,
        start_ms=whole(row.t),
        open=text(row.o),
        high=text(row.h),
        low=text(row.l),
        close=text(row.c),
        volume=text(row.v),
        frame=frame,
    )


def read_rule(row: InstrumentRow, frame: int) -> TradingRule | None:
    """None for what is not spot. No least value is published: the exchange refuses what is too small."""
    pair = pair_of(row.symbol)
    if row.inst_type != SPOT or pair is None:
        return None
    base, _, quote = pair.rpartition("-")
    tick, lot = unless_zero(row.price_tick_size), unless_zero(row.qty_tick_size)
    is_open = row.tradable and tick is not None and lot is not None
    return TradingRule(
        pair=pair,
        symbol=row.symbol,
        base=row.base_ccy or base,
        quote=row.quote_ccy or quote,
        min_price_increment=tick or Decimal(0),
        min_base_amount_increment=lot or Decimal(0),
        min_quote_amount_increment=Decimal(1).scaleb(-min(max(whole(row.quote_decimals), 0), 18)),
        min_order_size=lot or Decimal(0),
        order_types=ORDER_TYPES,
        times_in_force=frozenset(TimeInForce),
        market_buy_by_quote=True,
        status=MarketStatus.TRADING if is_open else MarketStatus.CLOSED,
        venue_status="tradable" if row.tradable else "not tradable",
        frame=frame,
    )
