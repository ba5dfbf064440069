"""OKX' JSON shapes of the account, field by field: orders, fills, stop orders, balances. Nothing is looked up here.

Every number is a text, and an empty text means none (sheet, first paragraph). Fields: sheet sections 5.1 and 5.2; those
of stop orders and the difference between "" and "0" for an average price that does not exist yet (REST, channel) from
the exchange's docs of November 2025. Fees are negative when paid: `fillFee` for one fill, `fee` cumulative in orders
and for one fill in fills (sheet 5.1, trap 7). Unconfirmed: `feeCcy` before the first fill, `notionalUsd` values.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from app.core.types import Side
from app.paper.accounts import Account, Fees
from app.paper.dialects.okx_listings import CODES, lot_step, price_step
from app.paper.dialects.okx_orders import OkxOrder, OkxStop, cancel_source, state_word, type_word
from app.paper.events import Fill, OrderEvent, OrderEventKind
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderState, StopOrder
from app.paper.units import ATOM_SCALE, ratio_text, to_text, to_units

Json = dict[str, Any]


class Progress(Struct, kw_only=True):
    """What the fills of one order add up to."""

    last: Fill | None = None
    fee_atoms: int = 0

    def add(self, fill: Fill) -> None:
        self.last = fill
        self.fee_atoms += fill.fee_atoms


def instrument_row(instrument: Instrument, state: str, listed_ms: int) -> Json:
    empty = (
        "alias auctionEndTime contTdSwTime ctMult ctType ctVal ctValCcy expTime instFamily optType settleCcy stk uly"
    )
    return dict.fromkeys(empty.split(), "") | {
        "baseCcy": instrument.base,
        "category": "1",
        "futureSettlement": False,
        "groupId": "1",
        "instId": instrument.pair,
        "instIdCode": CODES[instrument.pair],
        "instType": "SPOT",
        "lever": "",
        "listTime": str(listed_ms),
        "lotSz": lot_step(instrument),
        "maxIcebergSz": "9999999999",
        "maxLmtAmt": "20000000",
        "maxLmtSz": "9999999999",
        "maxMktAmt": "1000000",
        "maxMktSz": "1000000",
        "maxStopSz": "1000000",
        "maxTriggerSz": "9999999999",
        "maxTwapSz": "9999999999",
        "minSz": format(instrument.min_quantity, "f"),
        "openType": "call_auction",
        "quoteCcy": instrument.quote,
        "tradeQuoteCcyList": [instrument.quote],
        "state": state,
        "ruleType": "normal",
        "tickSz": price_step(instrument),
        "upcChg": [],
    }


def fee_row(fees: Fees, now_ms: int) -> Json:
    maker, taker = (f"-{to_text(to_units(rate, 6), 6)}" for rate in (fees.maker, fees.taker))
    empty = "makerU takerU makerUSDC takerUSDC delivery exercise".split()
    row = {"category": "1", "instType": "SPOT", "level": "Lv1", "maker": maker, "taker": taker}
    return row | dict.fromkeys(empty, "") | {"fiat": [], "ruleType": "normal", "ts": str(now_ms)}


def order_row(order: Order, stop: StopOrder | None, instrument: Instrument, progress: Progress) -> Json:
    """REST form: fill fields are those of the last fill."""
    row = _terms(order, stop, instrument)
    last = progress.last
    row |= {
        "state": state_word(order.state),
        "accFillSz": to_text(order.filled_lots, instrument.quantity_scale),
        "avgPx": _average(order.filled_cells, order.filled_lots, instrument) if order.filled_lots else "",
        "fillPx": to_text(last.ticks, instrument.price_scale) if last else "",
        "fillSz": to_text(last.lots, instrument.quantity_scale) if last else "0",
        "fillTime": str(last.time_ms) if last else "",
        "tradeId": str(last.trade_id) if last else "",
        "cancelSource": cancel_source(order),
        "cancelSourceReason": order.closed_reason if order.state is OrderState.CANCELED else "",
        "uTime": str(order.updated_ms),
    }
    return row | _fees(order, instrument, progress.fee_atoms)


def order_event(
    event: OrderEvent, stop: StopOrder | None, instrument: Instrument, fee_atoms: int, last_ticks: int
) -> Json:
    """Form of the orders channel: fill fields are empty unless this very event is a fill."""
    order, fill = event.order, event.fill
    row = _terms(order, stop, instrument)
    row |= {
        "state": state_word(event.state),
        "accFillSz": to_text(event.filled_lots, instrument.quantity_scale),
        "avgPx": _average(event.filled_cells, event.filled_lots, instrument),
        "fillPx": "",
        "fillSz": "0",
        "fillTime": "",
        "tradeId": "",
        "execType": "",
        "fillFee": "0",
        "fillFeeCcy": "",
        "fillPnl": "0",
        "fillNotionalUsd": "",
        "notionalUsd": "",
        "lastPx": to_text(last_ticks, instrument.price_scale),
        "cancelSource": cancel_source(order) if event.kind is OrderEventKind.CLOSED else "",
        "amendSource": "",
        "amendResult": "",
        "reqId": "",
        "code": "0",
        "msg": "",
        "uTime": str(event.time_ms),
    }
    if event.kind is OrderEventKind.AMENDED and isinstance(order, OkxOrder):
        row |= {"amendSource": order.amend_source, "amendResult": order.amend_result, "reqId": order.req_id}
    if fill is not None:
        row |= {
            "fillPx": to_text(fill.ticks, instrument.price_scale),
            "fillSz": to_text(fill.lots, instrument.quantity_scale),
            "fillTime": str(fill.time_ms),
            "tradeId": str(fill.trade_id),
            "execType": "M" if fill.maker else "T",
            "fillFee": to_text(-fill.fee_atoms, ATOM_SCALE),
            "fillFeeCcy": fill.fee_asset,
        }
        if instrument.quote == "USDT":
            row["fillNotionalUsd"] = to_text(fill.ticks * fill.lots, instrument.cell_scale)
    return row | _fees(order, instrument, fee_atoms)


def fill_row(fill: Fill, instrument: Instrument, fees: Fees) -> Json:
    rate = fees.maker if fill.maker else fees.taker
    order = fill.order
    return {
        "instType": "SPOT",
        "instId": order.pair,
        "tradeId": str(fill.trade_id),
        "ordId": str(order.order_id),
        "clOrdId": order.client_order_id,
        "billId": str(fill.fill_id),
        "subType": "1" if order.side is Side.BUY else "2",
        "tag": order.tag if isinstance(order, OkxOrder) else "",
        "side": order.side.value.lower(),
        "posSide": "net",
        "fillPx": to_text(fill.ticks, instrument.price_scale),
        "fillSz": to_text(fill.lots, instrument.quantity_scale),
        "fillTime": str(fill.time_ms),
        "fillPnl": "0",
        "execType": "M" if fill.maker else "T",
        "fee": to_text(-fill.fee_atoms, ATOM_SCALE),
        "feeCcy": fill.fee_asset,
        "feeRate": f"-{to_text(to_units(rate, 6), 6)}",
        "tradeQuoteCcy": instrument.quote,
        "ts": str(fill.time_ms),
    }


def stop_row(stop: OkxStop, state: OrderState, instrument: Instrument) -> Json:
    scale = instrument.price_scale
    trigger = to_text(stop.stop_ticks, scale)
    price = to_text(stop.ticks, scale) if stop.ticks else "-1"
    row = dict.fromkeys("ccy ordId clOrdId posSide lever quickMgnType closeFraction ordPx triggerPx".split(), "")
    row |= dict.fromkeys("triggerPxType actualSz actualPx actualSide triggerTime reqId".split(), "")
    row |= dict.fromkeys((f"{leg}{name}" for leg in ("tp", "sl") for name in _LEG_FIELDS), "")
    if stop.ord_type == "trigger":
        row |= {"triggerPx": trigger, "triggerPxType": "last", "ordPx": price}
    else:
        leg = "tp" if stop.take_profit else "sl"
        row |= {f"{leg}TriggerPx": trigger, f"{leg}TriggerPxType": "last", f"{leg}OrdPx": price}
    released = state is OrderState.TRIGGERED
    if released:
        row |= {"ordId": str(stop.triggered_order_id), "actualSz": stop.size, "triggerTime": str(stop.updated_ms)}
        row["actualSide"] = "" if stop.ord_type == "trigger" else "tp" if stop.take_profit else "sl"
    return row | {
        "instType": "SPOT",
        "instId": stop.pair,
        "ordIdList": [str(stop.triggered_order_id)] if released else [],
        "algoId": str(stop.order_id),
        "algoClOrdId": stop.algo_client_id,
        "sz": stop.size,
        "ordType": stop.ord_type,
        "side": stop.side.value.lower(),
        "tdMode": stop.td_mode,
        "tgtCcy": stop.tgt_ccy,
        "state": state_word(state),
        "tag": stop.tag,
        "reduceOnly": "false",
        "last": to_text(stop.placed_at_ticks, scale),
        "failCode": "51008" if state is OrderState.FAILED else "",
        "attachAlgoOrds": [],
        "tradeQuoteCcy": instrument.quote,
        "cTime": str(stop.created_ms),
        "uTime": str(stop.updated_ms),
    }


def balance_row(account: Account, asset: str, usd_value: str, now_ms: int) -> Json:
    balance = account.balance(asset)
    total, available, held = (to_text(n, ATOM_SCALE) for n in (balance.total, balance.available, balance.hold))
    empty = (
        "availEq liab crossLiab isoLiab interest twap maxLoan mgnRatio upl uplLiab spotInUseAmt notionalLever".split()
    )
    return dict.fromkeys(empty, "") | {
        "ccy": asset,
        "cashBal": total,
        "eq": total,
        "availBal": available,
        "frozenBal": held,
        "ordFrozen": held,
        "eqUsd": usd_value,
        "disEq": usd_value,
        "isoEq": "",
        "stgyEq": "0",
        "coinUsdPrice": "",
        "uTime": str(now_ms),
    }


def account_row(details: list[Json], total_usd: str, now_ms: int) -> Json:
    empty = "adjEq availEq ordFroz imr mmr mgnRatio notionalUsd borrowFroz upl".split()
    return {"uTime": str(now_ms), "totalEq": total_usd, "isoEq": "0"} | dict.fromkeys(empty, "") | {"details": details}


_LEG_FIELDS = ("TriggerPx", "TriggerPxType", "OrdPx")


def _terms(order: Order, stop: StopOrder | None, instrument: Instrument) -> Json:
    """What an order was asked to be, in the words it came with where it has them."""
    own = order if isinstance(order, OkxOrder) else None
    algo = stop if isinstance(stop, OkxStop) else None
    size = own.size if own else algo.size if algo else ""
    tgt_ccy = own.tgt_ccy if own else algo.tgt_ccy if algo else ""
    source = "" if algo is None else "6" if algo.ord_type == "trigger" else "7"
    empty = "ccy posSide pxUsd pxVol pxType stpId attachAlgoClOrdId quickMgnType".split()
    empty += [f"{leg}{name}" for leg in ("tp", "sl") for name in _LEG_FIELDS]
    return dict.fromkeys(empty, "") | {
        "instType": "SPOT",
        "instId": order.pair,
        "ordId": str(order.order_id),
        "clOrdId": order.client_order_id,
        "tag": own.tag if own else algo.tag if algo else "",
        "tdMode": own.td_mode if own else "cash",
        "ordType": type_word(order),
        "side": order.side.value.lower(),
        "px": to_text(order.ticks, instrument.price_scale) if order.ticks else "",
        "sz": size,
        "tgtCcy": tgt_ccy,
        "pnl": "0",
        "category": "normal",
        "source": source,
        "reduceOnly": "false",
        "lever": "",
        "stpMode": own.stp_mode if own else "cancel_maker",
        "algoId": str(algo.order_id) if algo else "",
        "algoClOrdId": algo.algo_client_id if algo else "",
        "attachAlgoOrds": [],
        "isTpLimit": "false",
        "tradeQuoteCcy": instrument.quote,
        "cTime": str(order.created_ms),
    }


def _fees(order: Order, instrument: Instrument, fee_atoms: int) -> Json:
    received, other = instrument.base, instrument.quote
    if order.side is Side.SELL:
        received, other = other, received
    return {"fee": to_text(-fee_atoms, ATOM_SCALE), "feeCcy": received, "rebate": "0", "rebateCcy": other}


def _average(cells: int, lots: int, instrument: Instrument) -> str:
    return ratio_text(cells, lots * 10**instrument.price_scale, 10)
