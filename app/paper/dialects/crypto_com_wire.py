"""Crypto.com's JSON shapes, field by field: instruments, orders, own trades, trigger orders, balances. No look-ups.

Fields: sheet sections 3 and 6. Times in ms and `code` are JSON integers, ids and decimals are texts (live frames mix
both, sheet 2). `fees` of a trade is negative when paid, `cumulative_fee` of an order is positive (the latter
unconfirmed). `taker_side` holds the role. Unconfirmed: `limit_price` "0" for MARKET, `quantity` "0" for an order by
notional, `match_count` and `match_index`, and every field of trigger orders beyond the exchange's sample of 2026-08.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from app.core.types import Side
from app.paper.accounts import Account, Fees
from app.paper.dialects.crypto_com_errors import Json
from app.paper.dialects.crypto_com_listings import nanoseconds, quote_decimals, step, symbol_of
from app.paper.dialects.crypto_com_orders import (
    CryptoComOrder,
    CryptoComStop,
    client_oid,
    status_and_reason,
    time_word,
    type_word,
)
from app.paper.events import Fill, OrderEvent
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderState
from app.paper.units import ATOM_SCALE, ratio_text, to_text


class Progress(Struct, frozen=True, kw_only=True):
    """How far an order had come at some moment."""

    state: OrderState
    filled_lots: int
    filled_cells: int
    fee_atoms: int
    closed_reason: str
    updated_ms: int


def progress_now(order: Order, fee_atoms: int) -> Progress:
    return Progress(
        state=order.state,
        filled_lots=order.filled_lots,
        filled_cells=order.filled_cells,
        fee_atoms=fee_atoms,
        closed_reason=order.closed_reason,
        updated_ms=order.updated_ms,
    )


def progress_at(event: OrderEvent, fee_atoms: int) -> Progress:
    return Progress(
        state=event.state,
        filled_lots=event.filled_lots,
        filled_cells=event.filled_cells,
        fee_atoms=fee_atoms,
        closed_reason=event.reason,
        updated_ms=event.time_ms,
    )


def uuid_of(account_id: str, what: str = "account") -> str:
    digest = hashlib.sha256(f"depthdesk/crypto_com/{what}/{account_id}".encode()).digest()
    return str(UUID(bytes=digest[:16]))


def instrument_row(instrument: Instrument, tradable: bool) -> Json:
    return {
        "symbol": symbol_of(instrument.pair),
        "inst_type": "CCY_PAIR",
        "display_name": f"{instrument.base}/{instrument.quote}",
        "base_ccy": instrument.base,
        "quote_ccy": instrument.quote,
        "quote_decimals": quote_decimals(instrument),
        "quantity_decimals": instrument.quantity_scale,
        "price_tick_size": step(instrument.price_scale),
        "qty_tick_size": step(instrument.quantity_scale),
        "max_leverage": "50",
        "tradable": tradable,
        "expiry_timestamp_ms": 0,
        "beta_product": False,
        "margin_buy_enabled": False,
        "margin_sell_enabled": False,
        "product_type": "DIGITAL_CURRENCIES",
    }


def order_row(order: Order, instrument: Instrument, fees: Fees, at: Progress) -> Json:
    status, reason = status_and_reason(at.state, at.closed_reason)
    own = order if isinstance(order, CryptoComOrder) else None
    received = instrument.base if order.side is Side.BUY else instrument.quote
    value = to_text(order.ticks * order.lots, instrument.cell_scale)
    stamp = nanoseconds(order.order_id, order.created_ms)
    return {
        "account_id": uuid_of(order.owner),
        "order_id": str(order.order_id),
        "client_oid": client_oid(order),
        "order_type": type_word(order),
        "time_in_force": time_word(order),
        "side": order.side.value,
        "exec_inst": list(own.exec_inst) if own else [],
        "quantity": to_text(order.lots, instrument.quantity_scale),
        "limit_price": to_text(order.ticks, instrument.price_scale),
        "order_value": own.notional if own and own.notional else value,
        "maker_fee_rate": str(fees.maker),
        "taker_fee_rate": str(fees.taker),
        "avg_price": ratio_text(at.filled_cells, at.filled_lots * 10**instrument.price_scale, 10),
        "cumulative_quantity": to_text(at.filled_lots, instrument.quantity_scale),
        "cumulative_value": to_text(at.filled_cells, instrument.cell_scale),
        "cumulative_fee": to_text(at.fee_atoms, ATOM_SCALE),
        "status": status,
        "update_user_id": uuid_of(order.owner, "user"),
        "order_date": _day(order.created_ms),
        "instrument_name": symbol_of(order.pair),
        "fee_instrument_name": received,
        "reason": reason,
        "create_time": order.created_ms,
        "create_time_ns": str(stamp),
        "update_time": at.updated_ms,
        "transaction_time_ns": str(max(stamp, at.updated_ms * 1_000_000)),
    }


def trade_row(fill: Fill, instrument: Instrument) -> Json:
    order = fill.order
    stamp = str(nanoseconds(fill.fill_id, fill.time_ms))
    return {
        "account_id": uuid_of(order.owner),
        "event_date": _day(fill.time_ms),
        "journal_type": "TRADING",
        "traded_quantity": to_text(fill.lots, instrument.quantity_scale),
        "traded_price": to_text(fill.ticks, instrument.price_scale),
        "fees": to_text(-fill.fee_atoms, ATOM_SCALE),
        "fee_credits": "0",
        "order_id": str(order.order_id),
        "trade_id": str(fill.fill_id),
        "trade_match_id": str(fill.trade_id),
        "client_oid": client_oid(order),
        "taker_side": "MAKER" if fill.maker else "TAKER",
        "side": order.side.value,
        "instrument_name": symbol_of(order.pair),
        "fee_instrument_name": fill.fee_asset,
        "create_time": fill.time_ms,
        "create_time_ns": stamp,
        "transact_time_ns": stamp,
        "match_count": "1",
        "match_index": "0",
    }


def stop_row(stop: CryptoComStop, instrument: Instrument, fees: Fees, state: OrderState) -> Json:
    status, _ = status_and_reason(state, "")
    released = stop.triggered_order_id
    return {
        "account_id": uuid_of(stop.owner),
        "order_id": str(stop.order_id),
        "client_oid": client_oid(stop),
        "exchange_order_id": str(released) if released else "",
        "order_type": stop.order_type,
        "time_in_force": time_word(stop),
        "side": stop.side.value,
        "exec_inst": [],
        "quantity": to_text(stop.lots, instrument.quantity_scale),
        "limit_price": to_text(stop.ticks, instrument.price_scale),
        "order_value": stop.notional or to_text(stop.ticks * stop.lots, instrument.cell_scale),
        "ref_price": to_text(stop.stop_ticks, instrument.price_scale),
        "ref_price_type": stop.ref_price_type,
        "maker_fee_rate": str(fees.maker),
        "taker_fee_rate": str(fees.taker),
        "avg_price": "0",
        "cumulative_quantity": "0",
        "cumulative_value": "0",
        "cumulative_fee": "0",
        "status": status,
        "reject_reason": "306" if state is OrderState.FAILED else "",
        "update_user_id": uuid_of(stop.owner, "user"),
        "order_date": _day(stop.created_ms),
        "instrument_name": symbol_of(stop.pair),
        "fee_instrument_name": instrument.base if stop.side is Side.BUY else instrument.quote,
        "create_time": stop.created_ms,
        "create_time_ns": str(nanoseconds(stop.order_id, stop.created_ms)),
        "update_time": stop.updated_ms,
    }


def balance_row(account: Account, asset: str, usd: Decimal) -> Json:
    balance = account.balance(asset)
    total = to_text(balance.total, ATOM_SCALE)
    return {
        "instrument_name": asset,
        "quantity": total,
        "market_value": dollars(usd),
        "collateral_eligible": True,
        "haircut": "0",
        "collateral_amount": dollars(usd),
        "max_withdrawal_balance": to_text(balance.available, ATOM_SCALE),
        "reserved_qty": to_text(balance.hold, ATOM_SCALE),
    }


def portfolio_row(rows: list[Json], available_usd: Decimal, total_usd: Decimal) -> Json:
    zeros = (
        "total_initial_margin total_position_im total_haircut total_maintenance_margin total_position_cost "
        "total_session_unrealized_pnl total_session_realized_pnl total_effective_leverage used_position_limit "
        "total_isolated_cash_balance"
    )
    return dict.fromkeys(zeros.split(), "0") | {
        "total_available_balance": dollars(available_usd),
        "total_margin_balance": dollars(total_usd),
        "total_cash_balance": dollars(total_usd),
        "total_collateral_value": dollars(total_usd),
        "instrument_name": "USD",
        "is_liquidating": False,
        "position_limit": "3000000",
        "isolated_positions": [],
        "position_balances": rows,
    }


CENT = Decimal("0.01")


def dollars(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.00000001"), "ROUND_DOWN").normalize(), "f")


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d")
