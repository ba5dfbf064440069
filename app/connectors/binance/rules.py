"""The market list of Binance as trading rules. No requests, no checks of orders."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.connectors.wire_numbers import required, unless_zero
from app.core.trading_rule import TradingRule
from app.core.types import MarketStatus, OrderType, TimeInForce

TYPE_OF_WORD = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT_MAKER,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP_MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
_STATUS = {
    "TRADING": MarketStatus.TRADING,
    "HALT": MarketStatus.HALTED,
    "BREAK": MarketStatus.HALTED,
    "CANCEL_ONLY": MarketStatus.CANCEL_ONLY,
}
_TIMES = frozenset(TimeInForce)


class _Filter(Struct, rename="camel", gc=False):
    """Any filter; most leave most of this out."""

    filter_type: str
    min_price: str = ""
    max_price: str = ""
    tick_size: str = ""
    min_qty: str = ""
    max_qty: str = ""
    step_size: str = ""
    min_notional: str = ""
    max_notional: str = ""


class SymbolRow(Struct, rename="camel", gc=False):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    order_types: list[str] = []
    filters: list[_Filter] = []
    base_asset_precision: int = 8
    quote_precision: int = 8
    quote_asset_precision: int | None = None
    is_spot_trading_allowed: bool = True


class ExchangeInfo(Struct):
    symbols: list[SymbolRow]


_NO_FILTER = _Filter("")


def trading_rules(rows: list[SymbolRow], frame: int) -> list[TradingRule]:
    """Raises ValueError for numbers that are none."""
    kinds: dict[tuple[str, ...], frozenset[OrderType]] = {}
    rules = []
    for row in rows:
        words = tuple(row.order_types)
        if words not in kinds:
            kinds[words] = frozenset(TYPE_OF_WORD[word] for word in words if word in TYPE_OF_WORD)
        rules.append(_trading_rule(row, kinds[words], frame))
    return rules


def _trading_rule(row: SymbolRow, order_types: frozenset[OrderType], frame: int) -> TradingRule:
    filters = {rule.filter_type: rule for rule in row.filters}
    price = filters.get("PRICE_FILTER", _NO_FILTER)
    lot = filters.get("LOT_SIZE", _NO_FILTER)
    value = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or _NO_FILTER
    quote_digits = row.quote_precision if row.quote_asset_precision is None else row.quote_asset_precision
    return TradingRule(
        pair=f"{row.base_asset}-{row.quote_asset}",
        symbol=row.symbol,
        base=row.base_asset,
        quote=row.quote_asset,
        min_price_increment=_step(price.tick_size, quote_digits),
        min_base_amount_increment=_step(lot.step_size, row.base_asset_precision),
        min_quote_amount_increment=Decimal(1).scaleb(-quote_digits),
        min_order_size=required(lot.min_qty or "0"),
        max_order_size=unless_zero(lot.max_qty),
        min_notional_size=required(value.min_notional or "0"),
        max_notional_size=unless_zero(value.max_notional),
        min_price=unless_zero(price.min_price),
        max_price=unless_zero(price.max_price),
        order_types=order_types,
        market_buy_by_quote=True,
        times_in_force=_TIMES,
        status=_STATUS.get(row.status, MarketStatus.CLOSED) if row.is_spot_trading_allowed else MarketStatus.CLOSED,
        venue_status=row.status if row.is_spot_trading_allowed else f"{row.status}, not for spot",
        frame=frame,
    )


def _step(text: str, digits: int) -> Decimal:
    """The step of a filter; where it is switched off by a zero, as fine as the asset can be written."""
    step = unless_zero(text)
    return Decimal(1).scaleb(-digits) if step is None else step.normalize()
