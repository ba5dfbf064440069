"""Coinbase's JSON shapes of orders and fills, for REST and the `user` channel. Values only: nothing is decided here.

Field names: sheet section 5. Two spellings of the same facts: REST says filled_size, LIMIT and booleans, the stream
cumulative_quantity, Limit and the text "true". Unconfirmed: completion percentage of an untouched order ("0"), fields
of `edit_history`, that fills of orders sized in quote are sized in quote too (there is a field for that), trade ids of
fills as UUIDs unlike the public ones, texts of `cancel_message` (ours).
"""

from __future__ import annotations

from typing import Any

from app.paper.dialects.coinbase_catalog import seeded_uuid
from app.paper.dialects.coinbase_records import Kind, Record
from app.paper.dialects.coinbase_wire import Json, stamp
from app.paper.events import Fill
from app.paper.listings import Instrument
from app.paper.units import ATOM_SCALE, ratio_text, to_text

NO_TIME = "0001-01-01T00:00:00Z"
_TYPES = {
    Kind.MARKET: ("MARKET", "Market"),
    Kind.LIMIT: ("LIMIT", "Limit"),
    Kind.STOP_LIMIT: ("STOP_LIMIT", "Stop Limit"),
    Kind.BRACKET: ("BRACKET", "Bracket"),
}
_LASTING = {
    "gtc": "GOOD_UNTIL_CANCELLED",
    "gtd": "GOOD_UNTIL_DATE_TIME",
    "ioc": "IMMEDIATE_OR_CANCEL",
    "fok": "FILL_OR_KILL",
}


def rest_order(record: Record, instrument: Instrument, user_id: str) -> Json:
    """REST form."""
    order = record.order
    done = record.status in ("FILLED", "CANCELLED", "EXPIRED", "FAILED")
    return {
        "order_id": record.order_id,
        "product_id": record.product_id,
        "user_id": user_id,
        "order_configuration": record.configuration,
        "side": order.side.value,
        "client_order_id": record.client_order_id,
        "status": record.status,
        "time_in_force": _LASTING[record.lasting],
        "created_time": stamp(order.created_ms),
        "completion_percentage": completion(record),
        "filled_size": to_text(record.lots, instrument.quantity_scale),
        "average_filled_price": average(record, instrument),
        "fee": "",
        "number_of_fills": str(record.fills),
        "filled_value": to_text(record.cells, instrument.cell_scale),
        "pending_cancel": False,
        "size_in_quote": bool(record.quote_cells),
        "total_fees": to_text(record.fee_atoms, ATOM_SCALE),
        "size_inclusive_of_fees": bool(record.quote_cells),
        "total_value_after_fees": value_after_fees(record, instrument),
        "trigger_status": record.trigger_status,
        "order_type": _TYPES[record.kind][0],
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": done,
        "product_type": "SPOT",
        "reject_message": record.reject_message,
        "cancel_message": record.cancel_message,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": to_text(order.held_atoms, ATOM_SCALE),
        "is_liquidation": False,
        "last_fill_time": stamp(record.last_fill_ms) if record.last_fill_ms else None,
        "edit_history": record.edits,
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": record.portfolio,
        "originating_order_id": "",
        "attached_order_id": "",
        "attached_order_configuration": None,
    }


def streamed_order(record: Record, instrument: Instrument) -> Json:
    """Form of the `user` channel."""
    order, scale = record.order, instrument.price_scale
    gone = record.status in ("CANCELLED", "EXPIRED", "FAILED", "FILLED")
    left = 0 if gone or record.quote_cells else order.lots - record.lots
    return {
        "avg_price": average(record, instrument),
        "cancel_reason": record.cancel_message,
        "client_order_id": record.client_order_id,
        "completion_percentage": completion(record),
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "creation_time": stamp(order.created_ms),
        "cumulative_quantity": to_text(record.lots, instrument.quantity_scale),
        "end_time": stamp(record.end_ms) if record.end_ms else NO_TIME,
        "filled_value": to_text(record.cells, instrument.cell_scale),
        "leaves_quantity": to_text(left, instrument.quantity_scale),
        "limit_price": to_text(record.limit_ticks, scale) if record.limit_ticks else "",
        "number_of_fills": str(record.fills),
        "order_id": record.order_id,
        "order_side": order.side.value,
        "order_type": _TYPES[record.kind][1],
        "outstanding_hold_amount": "0" if gone else to_text(order.held_atoms, ATOM_SCALE),
        "post_only": "true" if record.post_only else "false",
        "product_id": record.product_id,
        "product_type": "SPOT",
        "reject_reason": record.reject_message,
        "retail_portfolio_id": record.portfolio,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "start_time": NO_TIME,
        "status": record.status,
        "stop_price": to_text(record.stop_ticks, scale) if record.stop_ticks else "",
        "time_in_force": _LASTING[record.lasting],
        "total_fees": to_text(record.fee_atoms, ATOM_SCALE),
        "total_value_after_fees": value_after_fees(record, instrument),
        "trigger_status": record.trigger_status,
    }


def fill(fill: Fill, record: Record, instrument: Instrument, user_id: str) -> Json:
    """REST form; the stream has no fills."""
    in_quote = bool(record.quote_cells)
    size = to_text(fill.lots, instrument.quantity_scale)
    if in_quote:
        size = to_text(fill.ticks * fill.lots, instrument.cell_scale)
    return {
        "entry_id": entry_id(fill),
        "trade_id": trade_id(fill),
        "order_id": record.order_id,
        "trade_time": stamp(fill.time_ms),
        "trade_type": "FILL",
        "price": to_text(fill.ticks, instrument.price_scale),
        "size": size,
        "commission": to_text(fill.fee_atoms, ATOM_SCALE),
        "product_id": record.product_id,
        "sequence_timestamp": stamp(fill.time_ms),
        "liquidity_indicator": "MAKER" if fill.maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": user_id,
        "side": fill.order.side.value,
        "retail_portfolio_id": record.portfolio,
    }


def entry_id(fill: Fill) -> str:
    return seeded_uuid("entry", fill.fill_id).replace("-", "") + "00"


def trade_id(fill: Fill) -> str:
    return seeded_uuid("trade", fill.trade_id)


def edit(price: str, size: str, now_ms: int) -> dict[str, Any]:
    return {"price": price, "size": size, "replace_accept_timestamp": stamp(now_ms)}


def average(record: Record, instrument: Instrument) -> str:
    return ratio_text(record.cells, record.lots * 10**instrument.price_scale, instrument.price_scale + 14)


def completion(record: Record) -> str:
    wanted, got = (record.net_cells, record.cells) if record.quote_cells else (record.order.lots, record.lots)
    if record.status == "FILLED":
        return "100.00"
    hundredths = got * 10_000 // wanted if wanted else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}" if hundredths else "0"


def value_after_fees(record: Record, instrument: Instrument) -> str:
    """What the order cost with fees, or brought without them; for one that rests, at its own price."""
    cells = record.cells
    if not cells and record.limit_ticks:
        cells = record.limit_ticks * record.order.lots
    value = cells * instrument.quote_atoms_per_cell
    fee = record.fee_atoms
    return to_text(value + fee if record.order.side.value == "BUY" else value - fee, ATOM_SCALE)


def type_of(record: Record) -> str:
    """REST word of the order's type."""
    return _TYPES[record.kind][0]


def lasting_of(record: Record) -> str:
    """The time in force in its long form."""
    return _LASTING[record.lasting]
