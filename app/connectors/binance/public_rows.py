"""Market data of Binance over REST as our facts. No requests, no sockets."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.connectors.binance.errors import good_body
from app.connectors.binance.protocol import DepthReply, PublicTradeRow, TickerRow, padded
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.requests import Response
from app.core.types import BookSnapshot, Candle, Side, Ticker, Trade

_decode_depth = msgspec.json.Decoder(DepthReply).decode
_decode_trades = msgspec.json.Decoder(list[PublicTradeRow]).decode
_decode_candles = msgspec.json.Decoder(list[list[str | int]]).decode
_HUNDRED = Decimal(100)


def taker_side(buyer_is_maker: bool) -> Side:
    """A buyer who made the price was hit by a seller."""
    return Side.SELL if buyer_is_maker else Side.BUY


def fraction(percent: str) -> Decimal | None:
    """`1.51` is 0.0151; None for ""."""
    value = number(percent)
    return None if value is None else value / _HUNDRED


def read_snapshot(pair: str, response: Response) -> BookSnapshot:
    """Prices spelled as on the stream. The reply tells no time."""
    reply = _decode_depth(good_body(response))
    return BookSnapshot(
        pair=pair,
        bids=padded(reply.bids),
        asks=padded(reply.asks),
        last_id=reply.last_update_id,
        frame=response.frame,
    )


def read_trades(pair: str, response: Response) -> list[Trade]:
    """Oldest first."""
    trades = [_trade(row, pair, response.frame) for row in _decode_trades(good_body(response))]
    return sorted(trades, key=lambda trade: (trade.exchange_ms, int(trade.trade_id)))


def _trade(row: PublicTradeRow, pair: str, frame: int) -> Trade:
    return Trade(
        pair=pair,
        trade_id=str(row.id),
        taker=taker_side(row.is_buyer_maker),
        price=row.price,
        amount=row.qty,
        exchange_ms=row.time,
        frame=frame,
    )


def read_ticker(row: TickerRow, pair: str, frame: int) -> Ticker:
    """Raises ValueError for numbers that are none."""
    return Ticker(
        pair=pair,
        last=required(row.last_price),
        bid=unless_zero(row.bid_price),
        ask=unless_zero(row.ask_price),
        open=number(row.open_price),
        high=number(row.high_price),
        low=number(row.low_price),
        change=fraction(row.price_change_percent),
        base_volume=number(row.volume),
        quote_volume=number(row.quote_volume),
        exchange_ms=row.close_time,
        frame=frame,
    )


def read_candles(pair: str, interval: str, response: Response) -> list[Candle]:
    """Oldest first."""
    bars = []
    for row in _decode_candles(good_body(response)):
        if len(row) < 6:
            raise ValueError(f"a candle of {len(row)} fields, not 12")
        start, opened, high, low, close, volume = row[:6]
        bars.append(
            Candle(
                pair=pair,
                interval=interval,
                start_ms=int(start),
                open=str(opened),
                high=str(high),
                low=str(low),
                close=str(close),
                volume=str(volume),
                frame=response.frame,
            )
        )
    return sorted(bars, key=lambda bar: bar.start_ms)
