"""HTX' conditional orders of version 2 over REST, and its dead man's switch. When they trigger is the venue's part.

| what | rule | evidence |
|---|---|---|
| fields | orderPrice, orderSize or orderValue, timeInForce, orderType, stopPrice ... | sheet 6 |
| trigger | waits on its side of the last price | docs of 2021 |
| trailingRate | 0.001 to 0.05 from the extreme after stopPrice | docs of 2021 |
| boc | 2002: this twin's conditional orders cannot be post-only | limit of this twin |
| funds | held on triggering; without them orders# says rejected | sheet 5; errCode ours |
| cancellation | accepted and rejected client ids | docs of 2021 |
| opening, history, specific | newest first | sheet 6; fields from docs |
| cancel-all-after | timeout in seconds, 0 off, at least 5; reaches conditional orders too | sheet 6; last unconfirmed |
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from app.core.types import Side, TimeInForce
from app.paper.desk import Desk
from app.paper.dialects import htx_wire as wire
from app.paper.dialects.htx_books import Json
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_orders import HtxStop
from app.paper.dialects.htx_request import Call, check_account, number, required, text, texts, whole
from app.paper.dialects.htx_rules import OrderRules, client_id, price_ticks
from app.paper.orders import OrderState, StopKind
from app.paper.venue import Refused

CANCEL_MAX = 50
_FORCES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_STATES = {"canceled": OrderState.CANCELED, "rejected": OrderState.FAILED, "triggered": OrderState.TRIGGERED}


class Algos:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def place(self, call: Call) -> object:
        stop = self._stop(call)
        try:
            self._desk.venue.place_stop(stop)
        except Refused:
            raise ApiError("invalid.client.order.id") from None
        return {"clientOrderId": stop.client_order_id}

    def cancel(self, call: Call) -> object:
        accepted: list[str] = []
        rejected: list[str] = []
        for name in texts(call.body, "clientOrderIds", CANCEL_MAX):
            stop = self._find(call, name)
            done = stop is not None and self._desk.venue.cancel_stop(stop)
            (accepted if done else rejected).append(name)
        return {"accepted": accepted, "rejected": rejected}

    def opening(self, call: Call) -> object:
        check_account(call.query, call.account, "accountId", needed=False)
        return self._rows(call, {OrderState.PENDING})

    def history(self, call: Call) -> object:
        self._rules.market.instrument(call.query)
        word = required(call.query, "orderStatus")
        if word not in _STATES:
            raise ApiError("validation-format-error", "orderStatus")
        return self._rows(call, {_STATES[word]})

    def specific(self, call: Call) -> object:
        stop = self._find(call, required(call.query, "clientOrderId"))
        if stop is None:
            raise ApiError("base-not-found")
        return self._row(stop)

    def cancel_all_after(self, call: Call) -> object:
        seconds = whole(call.body, "timeout", -1)
        if seconds != 0 and seconds < 5:
            raise ApiError("validation-format-error", "timeout")
        now_ms = self._desk.venue.now_ms()
        if seconds == 0:
            self._desk.kill_switches.disarm(call.account.account_id)
            return {"currentTime": now_ms, "triggerTime": 0}
        armed = self._desk.kill_switches.arm(call.account.account_id, seconds)
        return {"currentTime": now_ms, "triggerTime": armed.cancels_ms}

    def _stop(self, call: Call) -> HtxStop:
        terms = call.body
        check_account(terms, call.account, "accountId")
        instrument = self._rules.market.instrument(terms)
        self._rules.check_tradable(instrument)
        side, order_type = required(terms, "orderSide"), required(terms, "orderType")
        force = text(terms, "timeInForce") or ("gtc" if order_type == "limit" else "ioc")
        if side not in ("buy", "sell"):
            raise ApiError("validation-format-error", "orderSide")
        if order_type not in ("limit", "market"):
            raise ApiError("validation-format-error", "orderType")
        if force not in _FORCES:
            raise ApiError("validation-format-error", "timeInForce")
        if not client_id(terms, "clientOrderId"):
            raise ApiError("validation-constraints-required", "clientOrderId")
        at_market = order_type == "market"
        size = "orderValue" if at_market and side == "buy" else "orderSize"
        stop_ticks = price_ticks(number(terms, "stopPrice"), instrument)
        stop = HtxStop(
            order_id=0,
            owner=call.account.account_id,
            pair=instrument.pair,
            side=Side.BUY if side == "buy" else Side.SELL,
            kind=StopKind.STOP if at_market else StopKind.STOP_LIMIT,
            time_in_force=_FORCES[force],
            stop_ticks=stop_ticks,
            rises=stop_ticks >= self._desk.venue.last_ticks[instrument.pair],
            client_order_id=required(terms, "clientOrderId"),
            order_type=order_type,
            force=force,
            size=required(terms, size),
            stop_price=text(terms, "stopPrice"),
            trailing_rate=text(terms, "trailingRate"),
        )
        self._rules.set_terms(stop, instrument, terms, "orderPrice", size, market=at_market)
        if stop.trailing_rate:
            self._trail(stop, at_market)
        return stop

    def _trail(self, stop: HtxStop, at_market: bool) -> None:
        try:
            rate = Decimal(stop.trailing_rate)
        except InvalidOperation:
            raise ApiError("validation-format-error", "trailingRate") from None
        if not at_market or not Decimal("0.001") <= rate <= Decimal("0.05"):
            raise ApiError("validation-format-error", "trailingRate")
        stop.kind, stop.trail_ppm = StopKind.TRAILING_STOP, int(rate * 1_000_000)

    def _rows(self, call: Call, states: set[OrderState]) -> list[Json]:
        pair = self._rules.market.instrument(call.query).pair if text(call.query, "symbol") else ""
        side = text(call.query, "orderSide")
        limit = whole(call.query, "limit", 100, 1, 500)
        stops = reversed(self._desk.venue.ledger(call.account.account_id).stops.values())
        found = [
            stop
            for stop in stops
            if isinstance(stop, HtxStop)
            and stop.state in states
            and pair in ("", stop.pair)
            and side in ("", stop.side.value.lower())
        ]
        return [self._row(stop) for stop in found[:limit]]

    def _row(self, stop: HtxStop) -> Json:
        return wire.stop_row(stop, self._desk.venue.instruments[stop.pair])

    def _find(self, call: Call, name: str) -> HtxStop | None:
        for stop in self._desk.venue.ledger(call.account.account_id).stops.values():
            if isinstance(stop, HtxStop) and stop.client_order_id == name:
                return stop
        return None
