"""Binance' calls that change orders: place, test, cancel, cancel all, cancel-replace, amend. Lists are elsewhere.

| what | rule | evidence |
|---|---|---|
| answer | ACK, RESULT or FULL; FULL by default for LIMIT and MARKET, else ACK | sheet 6 |
| client id | unique among open orders; made up when none is sent | sheet 6; form of made-up ids ours |
| orderId and origClientOrderId | found by id, then the client id compared: -2039 | sheet 7 (code), exchange's page |
| cancel all | of one symbol; nothing open: -2011 | sheet 6 |
| cancel-replace | both checked first; 409 half done, 400 both failed | sheet 6 |
| amend | smaller only, ten times, the client id changes | sheet 6 |
| order lists, SOR | refused: exchangeInfo does not offer them | ours |
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import (
    BALANCE,
    DUPLICATE,
    EITHER,
    INCREASE,
    NO_CHANGE,
    NO_LISTS,
    RESTRICTED,
    ApiError,
    rejected,
)
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_orders_wire import amended, canceled, placed
from app.paper.dialects.binance_rules import OrderRules, Wanted
from app.paper.dialects.binance_symbols import MAX_AMENDS, Symbols
from app.paper.dialects.binance_wire import Json, Ms, fixed, symbol_of, terms_of
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderState
from app.paper.venue import Refusal, Refused

_ANSWERS = frozenset({"ACK", "RESULT", "FULL"})
_RESTRICTIONS = {"ONLY_NEW": OrderState.OPEN, "ONLY_PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED}


class Trading:
    def __init__(
        self, desk: Desk, symbols: Symbols, rules: OrderRules, limits: Limits, next_id: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._symbols = symbols
        self._rules = rules
        self._limits = limits
        self._next_id = next_id
        """Numbers of executions; also what made-up client ids are made of."""

    def place(self, call: Call) -> Json:
        self._limits.check_orders(call.account.account_id)
        kind = _answer_kind(call)
        return self._answer(self._enter(call, self._rules.order(call)), kind)

    def test(self, call: Call) -> Json:
        self._rules.order(call)
        if not call.flag("computeCommissionRates"):
            return {}
        fees = self._symbols.commission(call)
        rates = {"maker": fees["standardCommission"]["maker"], "taker": fees["standardCommission"]["taker"]}
        none = {"maker": fixed(0, 8), "taker": fixed(0, 8)}
        return {
            "standardCommissionForOrder": rates,
            "specialCommissionForOrder": none,
            "taxCommissionForOrder": none,
            "discount": fees["discount"],
        }

    def cancel(self, call: Call) -> Json:
        instrument = self._symbols.of(call)
        order = self.find(call, instrument, "orderId", "origClientOrderId", ApiError(-2011))
        return self._cancel(call, order, call.client_id("newClientOrderId"))

    def cancel_all(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        ledger = self._desk.venue.ledger(call.account.account_id)
        orders = [order for order in ledger.open.values() if order.pair == instrument.pair]
        if not orders:
            raise ApiError(-2011)
        closing_id = self._made_up_id()
        for order in orders:
            terms_of(order).closing_id = closing_id
            self._desk.venue.cancel(order)
        return [canceled(order, instrument) for order in orders]

    def cancel_replace(self, call: Call) -> Json:
        """Raises ApiError whose data tells what was done, when not everything was."""
        instrument = self._symbols.of(call)
        mode = call.text("cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise ApiError(-1130, "cancelReplaceMode")
        if not call.has("cancelOrderId") and not call.has("cancelOrigClientOrderId"):
            raise ApiError(-1102, "cancelOrigClientOrderId", "cancelOrderId", message=EITHER)
        exceeded = call.choice("orderRateLimitExceededMode", frozenset({"DO_NOTHING", "CANCEL_ONLY"}), "DO_NOTHING")
        kind = _answer_kind(call)
        over_limit: ApiError | None = None
        try:
            self._limits.check_orders(call.account.account_id)
        except ApiError as error:
            if exceeded == "DO_NOTHING":
                raise
            over_limit = error
        wanted = None
        try:
            wanted = self._rules.order(call)
        except ApiError as error:
            if error.code != -2010:
                raise
            refused_early: ApiError | None = error
        else:
            refused_early = over_limit
        cancelled = self._try(lambda: self._cancel_for_replace(call, instrument))
        if isinstance(cancelled, ApiError) and mode == "STOP_ON_FAILURE":
            self._limits.count_order(call.account.account_id)
            raise _half(-2022, cancelled, None, over_limit)
        new: Json | ApiError
        if refused_early is not None or wanted is None:
            new = refused_early or rejected(BALANCE)
        else:
            entered = wanted
            new = self._try(lambda: self._answer(self._enter(call, entered), kind))
        failures = isinstance(cancelled, ApiError) + isinstance(new, ApiError)
        if failures:
            raise _half(-2022 if failures == 2 else -2021, cancelled, new, over_limit)
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": new,
        }

    def amend(self, call: Call) -> Json:
        instrument = self._symbols.of(call)
        order = self.find(
            call, instrument, "orderId", "origClientOrderId", ApiError(-2038, message="Unknown order sent.")
        )
        new_id = call.client_id("newClientOrderId")
        lots = self._rules.lots(call, "newQty", instrument)
        if not order.state.is_open:
            raise ApiError(-2038, message="Unknown order sent.")
        if lots == order.lots:
            raise ApiError(-2038, message=NO_CHANGE)
        if lots > order.lots or lots <= order.filled_lots or order.cells:
            raise ApiError(-2038, message=INCREASE)
        terms = terms_of(order)
        if len(terms.amendments) >= MAX_AMENDS:
            raise ApiError(-2038)
        ledger = self._desk.venue.ledger(order.owner)
        if new_id != order.client_order_id and ledger.uses(new_id, open_only=True):
            raise ApiError(-2038, message=DUPLICATE)
        terms.former_id, old_lots = order.client_order_id, order.lots
        terms.closing_id = new_id or self._made_up_id()
        ledger.rename(order, terms.closing_id)
        self._desk.venue.amend(order, order.ticks, lots)
        execution_id = self._next_id()
        terms.amendments.append(
            {
                "symbol": symbol_of(order.pair),
                "orderId": order.order_id,
                "executionId": execution_id,
                "origClientOrderId": terms.former_id,
                "newClientOrderId": order.client_order_id,
                "origQty": fixed(old_lots, instrument.quantity_scale),
                "newQty": fixed(lots, instrument.quantity_scale),
                "time": Ms(order.updated_ms),
            }
        )
        self._desk.publish()
        terms.closing_id = ""
        return {
            "transactTime": Ms(order.updated_ms),
            "executionId": execution_id,
            "amendedOrder": amended(order, instrument),
        }

    def order_list(self, call: Call) -> Json:
        self._symbols.of(call)
        raise ApiError(-1013, message=NO_LISTS)

    def find(self, call: Call, instrument: Instrument, number: str, client_id: str, missing: ApiError) -> Order:
        """The order named by its id, its client id (the latest that had it) or both. Raises ApiError."""
        if not call.has(number) and not call.has(client_id):
            raise ApiError(-1102, client_id, number, message=EITHER)
        ledger = self._desk.venue.ledger(call.account.account_id)
        if call.has(number):
            order = ledger.orders.get(call.whole(number))
            if order is not None and call.has(client_id) and order.client_order_id != call.text(client_id):
                raise ApiError(-2039)
        else:
            found = ledger.by_client_id.get(call.text(client_id))
            order = found if isinstance(found, Order) else None
        if order is None or order.pair != instrument.pair:
            raise missing
        return order

    def _enter(self, call: Call, wanted: Wanted) -> Order:
        order, stop = wanted
        if not order.client_order_id:
            order.client_order_id = self._made_up_id()
        try:
            if stop is None:
                self._desk.venue.place(order)
            else:
                self._desk.venue.place_waiting(order, stop)
        except Refused as refused:
            raise rejected(BALANCE if refused.refusal is Refusal.BALANCE else DUPLICATE) from None
        self._limits.count_order(order.owner)
        call.orders_placed += 1
        self._desk.publish()
        return order

    def _answer(self, order: Order, kind: str) -> Json:
        instrument = self._desk.venue.instruments[order.pair]
        fills = []
        for fill in reversed(self._desk.venue.ledger(order.owner).fills):
            if fill.order is not order:
                break
            fills.append(fill)
        return placed(order, instrument, fills[::-1], kind)

    def _cancel(self, call: Call, order: Order, closing_id: str) -> Json:
        restriction = call.optional("cancelRestrictions")
        if restriction and restriction not in _RESTRICTIONS:
            raise ApiError(-1145)
        if not order.state.is_open:
            raise ApiError(-2011)
        if restriction and order.state is not _RESTRICTIONS[restriction]:
            raise ApiError(-2011, message=RESTRICTED)
        terms_of(order).closing_id = closing_id or self._made_up_id()
        self._desk.venue.cancel(order)
        return canceled(order, self._desk.venue.instruments[order.pair])

    def _cancel_for_replace(self, call: Call, instrument: Instrument) -> Json:
        order = self.find(call, instrument, "cancelOrderId", "cancelOrigClientOrderId", ApiError(-2011))
        return self._cancel(call, order, call.client_id("cancelNewClientOrderId"))

    @staticmethod
    def _try(act: Callable[[], Json]) -> Json | ApiError:
        try:
            return act()
        except ApiError as error:
            return error

    def _made_up_id(self) -> str:
        digest = hashlib.sha256(f"{self._desk.opened_ms}/{self._next_id()}".encode()).digest()
        return base64.b32encode(digest).decode()[:22]


def _answer_kind(call: Call) -> str:
    default = "FULL" if call.params.get("type") in ("LIMIT", "MARKET") else "ACK"
    return call.choice("newOrderRespType", _ANSWERS, default)


def _half(code: int, cancelled: Json | ApiError, new: Json | ApiError | None, over_limit: ApiError | None) -> ApiError:
    """What was done of a cancel-replace, and what was not."""
    data = {
        "cancelResult": "FAILURE" if isinstance(cancelled, ApiError) else "SUCCESS",
        "newOrderResult": "NOT_ATTEMPTED" if new is None else "FAILURE" if isinstance(new, ApiError) else "SUCCESS",
        "cancelResponse": cancelled.body() if isinstance(cancelled, ApiError) else cancelled,
        "newOrderResponse": new.body() if isinstance(new, ApiError) else new,
    }
    if over_limit is not None:
        return ApiError(code, data=data, status=429, retry_ms=over_limit.retry_ms)
    return ApiError(code, data=data)
