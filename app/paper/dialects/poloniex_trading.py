"""Poloniex' signed REST calls that change orders: place, batch, cancel, replace, kill switch. Lists are elsewhere.

Sheet section 6. Unconfirmed: a post-only order that would take is accepted, then reported `canceled`; the same happens
to FOK orders that cannot fill and to what is left of IOC and market orders. Replacing cancels first, so a lack of funds
for the new order is found with the old one gone. The answer to disarming the kill switch holds two zeros.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_request import Call
from app.paper.dialects.poloniex_rules import OrderRules
from app.paper.orders import Order, OrderState
from app.paper.venue import Refusal, Refused

BATCH_MAX = 20


class Trading:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def place(self, call: Call) -> wire.Json:
        order = self.place_for(call.account, call.body)
        return {"id": str(order.order_id), "clientOrderId": order.client_order_id}

    def place_for(self, account: Account, body: object) -> Order:
        """Raises ApiError."""
        order = self._rules.order(body, account.account_id)
        try:
            return self._desk.venue.place(order)
        except Refused as refused:
            raise refusal(refused) from None

    def place_batch(self, call: Call) -> list[wire.Json]:
        if not isinstance(call.body, list) or not 1 <= len(call.body) <= BATCH_MAX:
            raise ApiError(601, "Invalid Parameter: 1 to 20 orders are allowed")
        rows: list[wire.Json] = []
        for body in call.body:
            try:
                order = self.place_for(call.account, body)
                rows.append({"id": str(order.order_id), "clientOrderId": order.client_order_id})
            except ApiError as error:
                client_id = str(body.get("clientOrderId") or "") if isinstance(body, dict) else ""
                rows.append(error.body() | {"clientOrderId": client_id})
        return rows

    def cancel(self, call: Call) -> wire.Json:
        order = self.find(call.account, call.path["order_id"])
        self.cancel_found(order)
        return cancel_row(order)

    def cancel_found(self, order: Order) -> None:
        """Raises ApiError for an order that is not open any more."""
        if not self._desk.venue.cancel(order):
            raise ApiError(21304 if order.state is OrderState.FILLED else 21305)

    def cancel_by_ids(self, call: Call) -> list[wire.Json]:
        fields = call.fields()
        rows = []
        for reference in references(fields.get("orderIds"), fields.get("clientOrderIds")):
            try:
                order = self.find(call.account, reference)
                self.cancel_found(order)
                rows.append(cancel_row(order))
            except ApiError as error:
                rows.append(failed_cancel_row(reference, error))
        return rows

    def cancel_all(self, call: Call) -> list[wire.Json]:
        fields = call.fields()
        if not account_types_match(fields.get("accountTypes")):
            return []
        pairs = [self._rules.instrument({"symbol": s}).pair for s in _texts(fields.get("symbols"))]
        return [cancel_row(o) for o in self._desk.venue.cancel_all(call.account.account_id, pairs)]

    def replace(self, call: Call) -> wire.Json:
        old = self.find(call.account, call.path["order_id"])
        changes = dict(call.fields())
        instrument = self._desk.venue.instruments[old.pair]
        terms = {k: v for k, v in wire.order(old, instrument).items() if k in _KEPT_TERMS and v != "0"}
        terms |= {k: v for k, v in changes.items() if k in _AMENDABLE}
        new = self._rules.order(terms, call.account.account_id)
        proceed = str(changes.get("proceedOnFailure", "")).lower() == "true"
        try:
            placed = self._desk.venue.replace(old, new, proceed_on_failure=proceed)
        except Refused as refused:
            raise refusal(refused) from None
        if placed is None:
            raise ApiError(21304 if old.state is OrderState.FILLED else 21305)
        return {"id": str(placed.order_id), "clientOrderId": placed.client_order_id}

    def set_kill_switch(self, call: Call) -> wire.Json:
        try:
            timeout_s = int(str(call.fields().get("timeout", "")))
        except ValueError:
            raise ApiError(601, "Invalid Parameter: timeout") from None
        account_id = call.account.account_id
        if timeout_s == -1:
            self._desk.kill_switches.disarm(account_id)
            return {"startTime": 0, "cancellationTime": 0}
        if not 10 <= timeout_s <= 600:
            raise ApiError(601, "Invalid Parameter: timeout must be -1 or 10 to 600")
        armed = self._desk.kill_switches.arm(account_id, timeout_s)
        return {"startTime": armed.started_ms, "cancellationTime": armed.cancels_ms}

    def kill_switch_status(self, call: Call) -> wire.Json:
        armed = self._desk.kill_switches.status(call.account.account_id)
        if armed is None:
            raise ApiError(25020)
        return {"startTime": armed.started_ms, "cancellationTime": armed.cancels_ms}

    def find(self, account: Account, reference: str) -> Order:
        """The order named by its id or by `cid:` and its client id. Raises ApiError."""
        ledger = self._desk.venue.ledger(account.account_id)
        if reference.startswith("cid:"):
            found = ledger.by_client_id.get(reference[4:])
            if isinstance(found, Order):
                return found
        else:
            order = ledger.orders.get(order_number(reference))
            if order is not None:
                return order
        raise ApiError(21301)


_KEPT_TERMS = frozenset({"symbol", "side", "type", "timeInForce", "price", "quantity", "amount"})
_AMENDABLE = frozenset({"clientOrderId", "price", "quantity", "amount", "type", "timeInForce", "allowBorrow"})


def refusal(refused: Refused, *, duplicate: int = 21312, balance: int = 21709) -> ApiError:
    return ApiError(balance if refused.refusal is Refusal.BALANCE else duplicate)


def order_number(text: str) -> int:
    """Raises ApiError."""
    try:
        return int(text)
    except ValueError:
        raise ApiError(21346) from None


def references(order_ids: object, client_order_ids: object) -> Iterable[str]:
    """Orders named in a body, client ids marked with `cid:`. Raises ApiError."""
    yield from _texts(order_ids)
    for client_id in _texts(client_order_ids):
        yield client_id if client_id.startswith("cid:") else f"cid:{client_id}"


def account_types_match(account_types: object) -> bool:
    wanted = _texts(account_types)
    return not wanted or "SPOT" in wanted


def cancel_row(order: Order) -> wire.Json:
    return {
        "orderId": str(order.order_id),
        "clientOrderId": order.client_order_id,
        "state": "PENDING_CANCEL",
        "code": 200,
        "message": "",
    }


def failed_cancel_row(reference: str, error: ApiError) -> wire.Json:
    by_client_id = reference.startswith("cid:")
    return {
        "orderId": "" if by_client_id else reference,
        "clientOrderId": reference[4:] if by_client_id else "",
        "state": "",
        **error.body(),
    }


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(601, "Invalid Parameter: a list is expected")
    return [str(v) for v in value]
