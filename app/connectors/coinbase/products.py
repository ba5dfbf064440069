"""Coinbase' list of markets as trading rules, and tickers in both their spellings. No requests."""

from __future__ import annotations

from decimal import Decimal

from app.connectors.coinbase.market_rows import ProductRow, TickerRow
from app.connectors.coinbase.protocol import is_symbol, to_pair
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.trading_rule import TradingRule
from app.core.types import MarketStatus, OrderType, Ticker, TimeInForce

_LIMIT_TYPES = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT})
_ORDER_TYPES = _LIMIT_TYPES | {OrderType.MARKET}
_HUNDRED = Decimal(100)


def trading_rule(row: ProductRow, frame: int) -> TradingRule | None:
    """None for what is no spot market or states no increments. Raises ValueError for numbers that are none."""
    if row.product_type != "SPOT" or not is_symbol(row.product_id):
        return None
    tick = unless_zero(row.price_increment) or unless_zero(row.quote_increment)
    lot = unless_zero(row.base_increment)
    if tick is None or lot is None:
        return None
    base, _, quote = row.product_id.partition("-")
    status, words = _status(row)
    # An auction matches nothing at once, so there is nothing to buy at the market.
    limits_only = row.limit_only or row.auction_mode
    return TradingRule(
        pair=to_pair(row.product_id),
        symbol=row.product_id,
        base=row.base_currency_id or base,
        quote=row.quote_currency_id or quote,
        min_price_increment=tick,
        min_base_amount_increment=lot,
        min_quote_amount_increment=unless_zero(row.quote_increment) or tick,
        min_order_size=number(row.base_min_size) or Decimal(0),
        max_order_size=unless_zero(row.base_max_size),
        min_notional_size=number(row.quote_min_size) or Decimal(0),
        max_notional_size=unless_zero(row.quote_max_size),
        order_types=_LIMIT_TYPES if limits_only else _ORDER_TYPES,
        times_in_force=frozenset(TimeInForce),
        market_buy_by_quote=True,
        status=status,
        venue_status=words,
        frame=frame,
    )


def _status(row: ProductRow) -> tuple[MarketStatus, str]:
    """The status, and the exchange's own words for it."""
    flags = ("trading_disabled", "is_disabled", "view_only", "cancel_only", "post_only", "limit_only", "auction_mode")
    words = " ".join([row.status, *(flag for flag in flags if getattr(row, flag))])
    if row.status != "online":
        return MarketStatus.CLOSED, words
    if row.trading_disabled or row.is_disabled or row.view_only:
        return MarketStatus.HALTED, words
    if row.cancel_only:
        return MarketStatus.CANCEL_ONLY, words
    return (MarketStatus.POST_ONLY if row.post_only else MarketStatus.TRADING), words


def read_listed_ticker(row: ProductRow, frame: int) -> Ticker:
    """A row of the list of markets, which tells no time."""
    return Ticker(
        pair=to_pair(row.product_id),
        last=required(row.price),
        bid=unless_zero(row.best_bid_price),
        ask=unless_zero(row.best_ask_price),
        high=unless_zero(row.high_24h),
        low=unless_zero(row.low_24h),
        change=_fraction(row.price_percentage_change_24h),
        base_volume=number(row.volume_24h),
        quote_volume=number(row.approximate_quote_24h_volume),
        frame=frame,
    )


def read_ticker(row: TickerRow, pair: str, exchange_ms: int, frame: int) -> Ticker:
    """A row of the stream, which tells no quote volume."""
    return Ticker(
        pair=pair,
        last=required(row.price),
        bid=unless_zero(row.best_bid),
        ask=unless_zero(row.best_ask),
        high=unless_zero(row.high_24_h),
        low=unless_zero(row.low_24_h),
        change=_fraction(row.price_percent_chg_24_h),
        base_volume=number(row.volume_24_h),
        exchange_ms=exchange_ms,
        frame=frame,
    )


def _fraction(percent: str) -> Decimal | None:
    value = number(percent)
    return None if value is None else value / _HUNDRED
