"""Poloniex' smart orders over REST: stop, stop-limit and trailing kinds. When they trigger is the venue's part.

Sheet section 6, SDK for `triggeredOrder`. Unconfirmed: the word CANCELED in the answer to a single cancel, and that the
private stream says nothing of a smart order until it triggers (the order it releases then appears with source SMART).
"""

from __future__ import annotations

from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_request import Call
from app.paper.dialects.poloniex_rules import OrderRules
from app.paper.dialects.poloniex_trading import (
    account_types_match,
    failed_cancel_row,
    order_number,
    references,
    refusal,
)
from app.paper.orders import OrderState, StopOrder
from app.paper.venue import Refused

_FIXED = frozenset({"symbol", "side"})
_AMENDABLE = frozenset("type timeInForce price quantity amount stopPrice trailingOffset limitOffset operator".split())


class SmartOrders:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def place(self, call: Call) -> wire.Json:
        return self._place(self._rules.stop(call.body, call.account.account_id))

    def waiting(self, call: Call) -> list[wire.Json]:
        limit = call.whole_number("limit", 100)
        symbol = call.query.get("symbol", "")
        rows = [s for s in self._stops(call) if s.state is OrderState.PENDING]
        return [self._row(s) for s in rows if not symbol or wire.symbol_of(s.pair) == symbol][:limit]

    def one(self, call: Call) -> list[wire.Json]:
        stop = self._find(call, call.path["order_id"])
        row = self._row(stop)
        order = self._desk.venue.ledger(stop.owner).orders.get(stop.triggered_order_id)
        if order is not None:
            row["triggeredOrder"] = wire.order(order, self._desk.venue.instruments[order.pair])
        return [row]

    def history(self, call: Call) -> list[wire.Json]:
        limit = call.whole_number("limit", 100)
        rows = [s for s in self._stops(call) if s.state is not OrderState.PENDING]
        return [self._row(s) for s in rows][:limit]

    def cancel(self, call: Call) -> wire.Json:
        stop = self._find(call, call.path["order_id"])
        if not self._desk.venue.cancel_stop(stop):
            raise ApiError(25014)
        return _cancel_row(stop, "CANCELED")

    def cancel_by_ids(self, call: Call) -> list[wire.Json]:
        fields = call.fields()
        rows = []
        for reference in references(fields.get("orderIds"), fields.get("clientOrderIds")):
            try:
                stop = self._find(call, reference)
                if not self._desk.venue.cancel_stop(stop):
                    raise ApiError(25014)
                rows.append(_cancel_row(stop, "PENDING_CANCEL"))
            except ApiError as error:
                rows.append(failed_cancel_row(reference, error))
        return rows

    def cancel_all(self, call: Call) -> list[wire.Json]:
        fields = call.fields()
        if not account_types_match(fields.get("accountTypes")):
            return []
        symbols = fields.get("symbols") or []
        if not isinstance(symbols, list):
            raise ApiError(601, "Invalid Parameter: symbols")
        pairs = {self._rules.instrument({"symbol": s}).pair for s in symbols}
        rows = [s for s in self._stops(call) if not pairs or s.pair in pairs]
        return [_cancel_row(s, "PENDING_CANCEL") for s in rows if self._desk.venue.cancel_stop(s)]

    def replace(self, call: Call) -> wire.Json:
        old = self._find(call, call.path["order_id"])
        changes = dict(call.fields())
        terms = {k: v for k, v in self._row(old).items() if (k in _FIXED or k in _AMENDABLE) and v != "0"}
        terms |= {k: v for k, v in changes.items() if k in _AMENDABLE or k == "clientOrderId"}
        new = self._rules.stop(terms, call.account.account_id)
        proceed = str(changes.get("proceedOnFailure", "")).lower() == "true"
        if not self._desk.venue.cancel_stop(old) and not proceed:
            raise ApiError(25014)
        return self._place(new)

    def _place(self, stop: StopOrder) -> wire.Json:
        try:
            self._desk.venue.place_stop(stop)
        except Refused as refused:
            raise refusal(refused, duplicate=25004) from None
        return {"id": str(stop.order_id), "clientOrderId": stop.client_order_id}

    def _find(self, call: Call, reference: str) -> StopOrder:
        stops = self._desk.venue.ledger(call.account.account_id).stops
        if reference.startswith("cid:"):
            for stop in reversed(stops.values()):
                if stop.client_order_id == reference[4:]:
                    return stop
            raise ApiError(25014)
        found = stops.get(order_number(reference))
        if found is None:
            raise ApiError(25014)
        return found

    def _stops(self, call: Call) -> list[StopOrder]:
        """Newest first."""
        return list(reversed(self._desk.venue.ledger(call.account.account_id).stops.values()))

    def _row(self, stop: StopOrder) -> wire.Json:
        return wire.stop_order(stop, self._desk.venue.instruments[stop.pair])


def _cancel_row(stop: StopOrder, state: str) -> wire.Json:
    return {
        "orderId": str(stop.order_id),
        "clientOrderId": stop.client_order_id,
        "state": state,
        "code": 200,
        "message": "",
    }
