"""The market list of HTX as trading rules. No requests, no checks of orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Struct, ValidationError

from app.connectors.htx.protocol import checked
from app.core.trading_rule import TradingRule
from app.core.types import MarketStatus, OrderType, TimeInForce

ORDER_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.MARKET,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT,
    }
)
_TIMES = frozenset(TimeInForce)
_STATUS = {"online": MarketStatus.TRADING, "suspend": MarketStatus.HALTED}
_GONE = "offline"
_DIGITS = range(0, 31)


class SymbolRow(Struct, gc=False):
    """A row of /v1/settings/common/market-symbols. Leveraged tokens have more fields, which are not read."""

    symbol: str
    state: str
    bc: str
    qc: str
    pp: int
    ap: int
    vp: int | None = None
    minoa: Decimal | None = None
    maxoa: Decimal | None = None
    lominoa: Decimal | None = None
    lomaxoa: Decimal | None = None
    minov: Decimal | None = None
    maxov: Decimal | None = None
    at: str = "enabled"


class LongSymbolRow(Struct, rename="kebab", gc=False):
    """The same in /v1/common/symbols, which HTX calls deprecated."""

    symbol: str
    state: str
    base_currency: str
    quote_currency: str
    price_precision: int
    amount_precision: int
    value_precision: int | None = None
    min_order_amt: Decimal | None = None
    max_order_amt: Decimal | None = None
    limit_order_min_order_amt: Decimal | None = None
    limit_order_max_order_amt: Decimal | None = None
    min_order_value: Decimal | None = None
    max_order_value: Decimal | None = None
    api_trading: str = "enabled"


class _Rows(Struct):
    data: list[SymbolRow]


class _LongRows(Struct):
    data: list[LongSymbolRow]


_decode_rows = msgspec.json.Decoder(_Rows).decode
_decode_long_rows: Callable[[bytes], _LongRows] = msgspec.json.Decoder(_LongRows).decode


def read_symbols(body: bytes) -> list[SymbolRow]:
    """Every row, in whichever of its two spellings. Raises msgspec.DecodeError."""
    try:
        return _decode_rows(body).data
    except ValidationError as refusal:
        try:
            rows = _decode_long_rows(body).data
        except ValidationError:
            raise refusal from None
    return [_short(row) for row in rows]


def trading_rules(rows: list[SymbolRow], frame: int) -> list[TradingRule]:
    """Markets that are gone are left out. Raises ValueError for numbers that are none."""
    return [_trading_rule(row, frame) for row in rows if row.state != _GONE]


def _trading_rule(row: SymbolRow, frame: int) -> TradingRule:
    open_to_programs = row.at == "enabled"
    base, quote = row.bc.upper(), row.qc.upper()
    value_digits = row.ap if row.vp is None else min(row.ap, row.vp)
    return TradingRule(
        pair=f"{base}-{quote}",
        symbol=row.symbol,
        base=base,
        quote=quote,
        min_price_increment=_step(row.pp),
        min_base_amount_increment=_step(row.ap),
        # One reader rounds a market buy's value to the amount's digits, another to the value's: both take the fewer.
        min_quote_amount_increment=_step(value_digits),
        min_order_size=_limit(row.lominoa) or _limit(row.minoa) or Decimal(0),
        max_order_size=_limit(row.lomaxoa) or _limit(row.maxoa),
        min_notional_size=_limit(row.minov) or Decimal(0),
        max_notional_size=_limit(row.maxov),
        order_types=ORDER_TYPES,
        times_in_force=_TIMES,
        market_buy_by_quote=True,
        market_buy_by_base=False,
        status=_STATUS.get(row.state, MarketStatus.CLOSED) if open_to_programs else MarketStatus.CLOSED,
        venue_status=row.state if open_to_programs else f"{row.state}, closed to API trading",
        frame=frame,
    )


def _step(digits: int) -> Decimal:
    if digits not in _DIGITS:
        raise ValueError(f"{digits} decimals")
    return Decimal(1).scaleb(-digits)


def _limit(value: Decimal | None) -> Decimal | None:
    """None for a limit left out or zero."""
    return None if value is None or not checked(value) else value


def _short(row: LongSymbolRow) -> SymbolRow:
    return SymbolRow(
        symbol=row.symbol,
        state=row.state,
        bc=row.base_currency,
        qc=row.quote_currency,
        pp=row.price_precision,
        ap=row.amount_precision,
        vp=row.value_precision,
        minoa=row.min_order_amt,
        maxoa=row.max_order_amt,
        lominoa=row.limit_order_min_order_amt,
        lomaxoa=row.limit_order_max_order_amt,
        minov=row.min_order_value,
        maxov=row.max_order_value,
        at=row.api_trading,
    )
