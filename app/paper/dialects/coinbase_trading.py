"""Coinbase's signed calls that change orders: create, preview, edit, cancel. Lists and checks of terms are elsewhere.

| what | rule | evidence |
|---|---|---|
| a used client id | same terms: the first answer again; else DUPLICATE_CLIENT_ORDER_ID | sheet 5.2, 7; unconfirmed |
| success | fillers stand beside it (failure_reason, order_id) | sheet 6, trap 7 |
| cancel of a finished order | COMMANDER_REJECTED_CANCEL_ORDER | word in sheet 6; when: unconfirmed |
| cancel of something that is no UUID | INVALID_CANCEL_REQUEST | word in sheet 6; when: unconfirmed |
| edit | limit, stop-limit and bracket GTC; price and size; size with what is filled (unconfirmed) | sheet 6 |
| edit failure words | | sheet 6 (one); public SDK sources |
| edit of two things in the same moment | cannot happen here: edits are done at once | |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.core.types import Side
from app.paper.desk import Desk
from app.paper.dialects import coinbase_order_wire as order_wire
from app.paper.dialects.coinbase_catalog import seeded_uuid
from app.paper.dialects.coinbase_errors import NO_PREVIEW_REASON, NO_REASON, ApiError, OrderRefused
from app.paper.dialects.coinbase_records import BY_USER, Kind, Record, Records
from app.paper.dialects.coinbase_request import Call
from app.paper.dialects.coinbase_rules import EDITABLE, OrderRules, check_size, client_order_id, lots, required, ticks
from app.paper.dialects.coinbase_wire import Json
from app.paper.listings import Instrument
from app.paper.orders import OrderKind, StopKind, StopOrder
from app.paper.units import ATOM_SCALE, ratio_text, to_text
from app.paper.venue import Refusal, Refused

CANCEL_MAX = 100
NO_EDIT_REASON = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
NO_CANCEL_REASON = "UNKNOWN_CANCEL_FAILURE_REASON"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class _EditRefused(Exception):
    def __init__(self, edit_reason: str, preview_reason: str = NO_PREVIEW_REASON) -> None:
        super().__init__(edit_reason)
        self.row = {"edit_failure_reason": edit_reason, "preview_failure_reason": preview_reason}


class Trading:
    def __init__(self, desk: Desk, rules: OrderRules, records: Records, portfolio: str) -> None:
        self._desk = desk
        self._rules = rules
        self._records = records
        self._portfolio = portfolio

    def create(self, call: Call) -> Json:
        body = call.fields()
        client_id = client_order_id(body)
        try:
            first = self._records.find_client(call.account.account_id, client_id)
            record = first or self._place(call, client_id)
            if first is not None and not _asks_for(body, first):
                raise OrderRefused("DUPLICATE_CLIENT_ORDER_ID")
        except OrderRefused as refused:
            return refused.body(body.get("order_configuration"))
        return {
            "success": True,
            "failure_reason": NO_REASON,
            "order_id": record.order_id,
            "success_response": {
                "order_id": record.order_id,
                "product_id": record.product_id,
                "side": record.order.side.value,
                "client_order_id": client_id,
                "attached_order_id": "",
            },
            "order_configuration": record.configuration,
        }

    def preview(self, call: Call) -> Json:
        body = call.fields()
        errors: list[str] = []
        estimate = _nothing()
        try:
            record = self._rules.record(body, call.account, self._portfolio)
            estimate = self._estimate(record, call)
            if estimate["short"]:
                errors.append("PREVIEW_INSUFFICIENT_FUND")
        except OrderRefused as refused:
            errors.append(refused.preview)
        del estimate["short"]
        return {
            "errs": errors,
            "warning": [],
            "is_max": False,
            "leverage": "",
            "long_leverage": "",
            "short_leverage": "",
            "preview_id": seeded_uuid("preview", self._desk.venue.now_ms(), str(body)),
        } | estimate

    def cancel(self, call: Call) -> Json:
        order_ids = call.fields().get("order_ids")
        if not isinstance(order_ids, list) or not 1 <= len(order_ids) <= CANCEL_MAX:
            raise ApiError("INVALID_ARGUMENT", f"1 to {CANCEL_MAX} order_ids are allowed")
        rows: list[Json] = []
        seen: set[str] = set()
        for order_id in map(str, order_ids):
            reason = "DUPLICATE_CANCEL_REQUEST" if order_id in seen else self._cancel(call, order_id)
            seen.add(order_id)
            rows.append({"success": not reason, "failure_reason": reason or NO_CANCEL_REASON, "order_id": order_id})
        return {"results": rows}

    def edit(self, call: Call) -> Json:
        try:
            record, price_ticks, size_lots = self._edited(call)
            self._change(record, price_ticks, size_lots)
        except _EditRefused as refused:
            return {"success": False, "errors": [refused.row]}
        return {"success": True, "errors": []}

    def edit_preview(self, call: Call) -> Json:
        errors: list[Json] = []
        estimate = _nothing()
        try:
            record, price_ticks, size_lots = self._edited(call)
            estimate = self._numbers(record, price_ticks, size_lots, call)
        except _EditRefused as refused:
            errors.append(refused.row)
        del estimate["short"]
        return {"errors": errors} | estimate

    def _place(self, call: Call, client_id: str) -> Record:
        record = self._rules.record(call.fields(), call.account, self._portfolio)
        record.client_order_id = client_id
        record.asked = record.configuration
        order = record.order
        order.memo = record
        try:
            if record.kind is Kind.STOP_LIMIT:
                self._desk.venue.place_waiting(order, _stop_of(record))
            else:
                self._desk.venue.place(order)
        except Refused as refused:
            assert refused.refusal is Refusal.BALANCE
            raise OrderRefused("INSUFFICIENT_FUND") from None
        self._records.register(record)
        return record

    def _cancel(self, call: Call, order_id: str) -> str:
        """The reason why not, or nothing."""
        if not _UUID.fullmatch(order_id):
            return "INVALID_CANCEL_REQUEST"
        record = self._records.find(call.account.account_id, order_id)
        if record is None:
            return "UNKNOWN_CANCEL_ORDER"
        return "" if self._desk.venue.cancel(record.order, BY_USER) else "COMMANDER_REJECTED_CANCEL_ORDER"

    def _edited(self, call: Call) -> tuple[Record, int, int]:
        """The order, its new price in ticks and its new whole size in lots. Raises _EditRefused, ApiError."""
        body = call.fields()
        record = self._records.find(call.account.account_id, required(body, "order_id"))
        if record is None:
            raise _EditRefused("ORDER_NOT_FOUND")
        if next(iter(record.configuration)) not in EDITABLE:
            raise _EditRefused("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
        if not record.order.state.is_open:
            raise _EditRefused("ONLY_OPEN_ORDERS_CAN_BE_EDITED")
        instrument = self._desk.venue.instruments[record.product_id]
        terms = {name: body.get(name) or "0" for name in ("price", "size")}
        if _is_zero(terms["size"]):
            raise _EditRefused("INVALID_EDITED_SIZE")
        if _is_zero(terms["price"]):
            raise _EditRefused("INVALID_EDITED_PRICE")
        try:
            price_ticks, size_lots = ticks(terms, "price", instrument), lots(terms, "size", instrument)
            check_size(size_lots, price_ticks, instrument)
        except OrderRefused as refused:
            raise _EditRefused(NO_EDIT_REASON, refused.preview) from None
        if size_lots <= record.order.filled_lots:
            raise _EditRefused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
        if (price_ticks, size_lots) == (record.limit_ticks, record.order.lots):
            raise _EditRefused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST")
        if record.post_only and self._would_take(record, price_ticks):
            raise _EditRefused(NO_EDIT_REASON, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
        return record, price_ticks, size_lots

    def _change(self, record: Record, price_ticks: int, size_lots: int) -> None:
        try:
            self._desk.venue.amend(record.order, price_ticks, size_lots)
        except Refused:
            raise _EditRefused(NO_EDIT_REASON, "PREVIEW_INSUFFICIENT_FUND") from None
        instrument = self._desk.venue.instruments[record.product_id]
        record.limit_ticks = price_ticks
        price, size = to_text(price_ticks, instrument.price_scale), to_text(size_lots, instrument.quantity_scale)
        name, terms = next(iter(record.configuration.items()))
        record.configuration = {name: terms | {"base_size": size, "limit_price": price}}
        record.edits.append(order_wire.edit(price, size, self._desk.venue.now_ms()))

    def _would_take(self, record: Record, price_ticks: int) -> bool:
        book, buys = self._desk.venue.books[record.product_id], record.order.side is Side.BUY
        best = (book.asks if buys else book.bids).best()
        return best is not None and (price_ticks >= best if buys else price_ticks <= best)

    def _estimate(self, record: Record, call: Call) -> Json:
        return self._numbers(record, record.limit_ticks, record.order.lots, call)

    def _numbers(self, record: Record, price_ticks: int, size_lots: int, call: Call) -> Json:
        """What the order would cost or bring, at its own price or at the market's."""
        order, venue = record.order, self._desk.venue
        instrument, book = venue.instruments[order.pair], venue.books[order.pair]
        if order.kind is not OrderKind.MARKET:
            cells, base_lots = price_ticks * size_lots, size_lots
        elif order.cells:
            cells = order.cells
            base_lots = cells // (book.asks.best() or 1)
        else:
            cells, base_lots = book.cost_of(order.side, size_lots), size_lots
        value = cells * instrument.quote_atoms_per_cell
        fee = call.account.fees.atoms(value, maker=record.post_only)
        needed, asset = value + call.account.fees.reserve(value), instrument.quote
        if order.side is Side.SELL:
            needed, asset = base_lots * instrument.base_atoms_per_lot, instrument.base
        balance = call.account.balance(asset).available + order.held_atoms
        return {
            "order_total": to_text(value + fee if order.side is Side.BUY else value - fee, ATOM_SCALE),
            "commission_total": to_text(fee, ATOM_SCALE),
            "quote_size": to_text(value, ATOM_SCALE),
            "base_size": to_text(base_lots, instrument.quantity_scale),
            "best_bid": _price(book.bids.best(), instrument),
            "best_ask": _price(book.asks.best(), instrument),
            "average_filled_price": ratio_text(
                cells, base_lots * 10**instrument.price_scale, instrument.price_scale + 8
            ),
            "slippage": "0",
            "short": needed > balance,
        }


def _nothing() -> Json:
    names = "order_total commission_total quote_size base_size best_bid best_ask average_filled_price slippage".split()
    return dict.fromkeys(names, "0") | {"short": False}


def _price(best: int | None, instrument: Instrument) -> str:
    return "" if best is None else to_text(best, instrument.price_scale)


def _is_zero(text: object) -> bool:
    return isinstance(text, str) and not text.strip("0.")


def _stop_of(record: Record) -> StopOrder:
    terms: Mapping[str, Any] = next(iter(record.configuration.values()))
    order = record.order
    return StopOrder(
        order_id=0,
        owner=order.owner,
        pair=order.pair,
        side=order.side,
        kind=StopKind.STOP_LIMIT,
        stop_ticks=record.stop_ticks,
        rises=terms["stop_direction"] == "STOP_DIRECTION_STOP_UP",
        ticks=order.ticks,
        lots=order.lots,
    )


def _asks_for(body: Mapping[str, Any], record: Record) -> bool:
    """Whether the body repeats the order word for word."""
    same = (body.get("product_id"), body.get("side")) == (record.product_id, record.order.side.value)
    return same and body.get("order_configuration") == record.asked
