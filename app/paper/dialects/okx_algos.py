"""OKX' stop orders over REST: trigger, take-profit and stop-loss. When they trigger is the venue's part.

| what | rule | evidence |
|---|---|---|
| trigger | triggerPx, orderPx (-1: at market); waits on its side of the last price | sheet 6; side: docs |
| conditional | tpTriggerPx with tpOrdPx, or slTriggerPx with slOrdPx; of both only the loss counts | sheet 6, docs |
| wrong side of the last price | 51277 to 51280 | the exchange's docs |
| size | base; a conditional market buy counts quote unless tgtCcy says otherwise | docs; trigger unconfirmed |
| algoClOrdId | unique among waiting ones (51068) | docs; code unconfirmed for spot |
| funds | held on triggering; without them order_failed, 51008 | docs |
| oco, move_order_stop, twap, iceberg, chase | 51000 ordType | limit of this twin |
"""

from __future__ import annotations

from collections.abc import Iterable

from app.core.types import Side
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_limits import PER_INSTRUMENT, WindowLimits
from app.paper.dialects.okx_orders import OkxStop
from app.paper.dialects.okx_paging import page
from app.paper.dialects.okx_request import Call
from app.paper.dialects.okx_rules import (
    SIDES,
    OrderRules,
    Terms,
    choice,
    client_id,
    lots,
    number,
    required,
    tag,
    terms_of,
    text,
    ticks,
    trade_mode,
)
from app.paper.listings import Instrument
from app.paper.orders import OrderKind, OrderState, StopKind
from app.paper.units import OffScale

CANCEL_MAX = 10
_TYPES = {"trigger": "trigger", "conditional": "conditional"}
_STATES = {
    "effective": OrderState.TRIGGERED,
    "canceled": OrderState.CANCELED,
    "order_failed": OrderState.FAILED,
}


class Algos:
    def __init__(self, desk: Desk, rules: OrderRules, limits: WindowLimits) -> None:
        self._desk = desk
        self._rules = rules
        self._limits = limits

    def place(self, call: Call) -> wire.Json:
        terms = call.fields()
        self._count(call, "order-algo", text(terms, "instId"))
        row = {"algoId": "", "clOrdId": "", "algoClOrdId": text(terms, "algoClOrdId"), "tag": text(terms, "tag")}
        row |= {"sCode": "0", "sMsg": ""}
        try:
            stop = self._stop(terms, call.account.account_id)
            self._desk.venue.place_stop(stop)
            row["algoId"] = str(stop.order_id)
        except ApiError as error:
            row |= {"sCode": error.code, "sMsg": error.message}
        return _answer([row])

    def cancel(self, call: Call) -> wire.Json:
        bodies = [terms_of(body) for body in call.rows()]
        if len(bodies) > CANCEL_MAX:
            raise ApiError("51406", CANCEL_MAX)
        for pair in dict.fromkeys(str(body.get("instId")) for body in bodies):
            self._count(call, "cancel-algos", pair)
        return _answer([self._cancel_row(call, body) for body in bodies])

    def one(self, call: Call) -> wire.Json:
        stop = self._find(call, call.query)
        if stop is None:
            raise ApiError("51603")
        return _listed([self._row(stop)])

    def waiting(self, call: Call) -> wire.Json:
        kinds = required(call.query, "ordType").split(",")
        return self._list(call, kinds, {OrderState.PENDING})

    def history(self, call: Call) -> wire.Json:
        kinds = required(call.query, "ordType").split(",")
        if text(call.query, "algoId"):
            return self._list(call, kinds, set(_STATES.values()))
        if not text(call.query, "state"):
            raise ApiError("50015", "state", "algoId")
        return self._list(call, kinds, {choice(call.query, "state", _STATES)})

    def _list(self, call: Call, kinds: Iterable[str], states: set[OrderState]) -> wire.Json:
        if not set(kinds) <= _TYPES.keys() | {"oco", "move_order_stop", "iceberg", "twap", "chase"}:
            raise ApiError("51000", "ordType")
        pair, algo_id = text(call.query, "instId"), text(call.query, "algoId")
        stops = [
            stop
            for stop in self._stops(call)
            if stop.ord_type in kinds
            and stop.state in states
            and (not pair or stop.pair == pair)
            and (not algo_id or str(stop.order_id) == algo_id)
        ]
        return _listed([self._row(stop) for stop in page(call.query, stops, lambda stop: stop.order_id)])

    def _stop(self, terms: Terms, owner: str) -> OkxStop:
        instrument = self._rules.instrument(terms)
        side = choice(terms, "side", SIDES)
        ord_type = choice(terms, "ordType", _TYPES)
        self._rules.check_tradable(instrument.pair, OrderKind.LIMIT, owner)
        last = self._desk.venue.last_ticks[instrument.pair]
        stop = OkxStop(
            order_id=0,
            owner=owner,
            pair=instrument.pair,
            side=side,
            kind=StopKind.STOP_LIMIT,
            ord_type=ord_type,
            algo_client_id=self._algo_client_id(terms, owner),
            size=required(terms, "sz"),
            tag=tag(terms),
            td_mode=trade_mode(terms),
            placed_at_ticks=last,
        )
        if ord_type == "trigger":
            self._set_prices(stop, terms, "triggerPx", "orderPx", instrument)
            stop.rises = stop.stop_ticks >= last
        else:
            stop.take_profit = not text(terms, "slTriggerPx")
            leg = "tp" if stop.take_profit else "sl"
            self._set_prices(stop, terms, f"{leg}TriggerPx", f"{leg}OrdPx", instrument)
            stop.rises = (side is Side.SELL) == stop.take_profit
            _check_side(stop, last)
        self._set_size(stop, terms, instrument)
        return stop

    def _set_prices(self, stop: OkxStop, terms: Terms, trigger: str, price: str, instrument: Instrument) -> None:
        stop.stop_ticks = ticks(terms, trigger, instrument)
        if text(terms, f"{trigger}Type") not in ("", "last"):
            raise ApiError("51000", f"{trigger}Type")
        if required(terms, price) == "-1":
            stop.kind = StopKind.STOP
        else:
            stop.ticks = ticks(terms, price, instrument)

    def _set_size(self, stop: OkxStop, terms: Terms, instrument: Instrument) -> None:
        by_quote = stop.kind is StopKind.STOP and stop.side is Side.BUY and stop.ord_type == "conditional"
        if stop.kind is StopKind.STOP and stop.ord_type == "conditional":
            stop.tgt_ccy = text(terms, "tgtCcy") or ("quote_ccy" if by_quote else "base_ccy")
        if by_quote and stop.tgt_ccy == "quote_ccy":
            try:
                stop.cells = instrument.cells(number(terms, "sz"))
            except OffScale:
                raise ApiError("51121") from None
        else:
            stop.lots = lots(terms, "sz", instrument)

    def _algo_client_id(self, terms: Terms, owner: str) -> str:
        found = client_id(terms, "algoClOrdId")
        if found and any(s.algo_client_id == found for s in self._waiting(owner)):
            raise ApiError("51068", found)
        return found

    def _cancel_row(self, call: Call, terms: Terms) -> wire.Json:
        row = {"algoId": text(terms, "algoId"), "clOrdId": "", "algoClOrdId": text(terms, "algoClOrdId"), "tag": ""}
        row |= {"sCode": "0", "sMsg": ""}
        try:
            instrument = self._rules.instrument(terms)
            stop = self._find(call, terms)
            if stop is None or stop.pair != instrument.pair or not self._desk.venue.cancel_stop(stop):
                raise ApiError("51400")
            row |= {"algoId": str(stop.order_id), "algoClOrdId": stop.algo_client_id}
        except ApiError as error:
            row |= {"sCode": error.code, "sMsg": error.message}
        return row

    def _find(self, call: Call, terms: Terms) -> OkxStop | None:
        algo_id, client_name = text(terms, "algoId"), text(terms, "algoClOrdId")
        if not algo_id and not client_name:
            raise ApiError("50015", "algoId", "algoClOrdId")
        for stop in self._stops(call):
            if str(stop.order_id) == algo_id or (not algo_id and stop.algo_client_id == client_name):
                return stop
        return None

    def _stops(self, call: Call) -> list[OkxStop]:
        """Newest first."""
        stops = reversed(self._desk.venue.ledger(call.account.account_id).stops.values())
        return [stop for stop in stops if isinstance(stop, OkxStop)]

    def _waiting(self, owner: str) -> Iterable[OkxStop]:
        stops = self._desk.venue.ledger(owner).stops.values()
        return (s for s in stops if isinstance(s, OkxStop) and s.state is OrderState.PENDING)

    def _row(self, stop: OkxStop) -> wire.Json:
        return wire.stop_row(stop, stop.state, self._desk.venue.instruments[stop.pair])

    def _count(self, call: Call, what: str, pair: str) -> None:
        if not self._limits.allow(call.account.account_id, f"{what} {pair}", PER_INSTRUMENT[what]):
            raise ApiError("50011")


def _check_side(stop: OkxStop, last: int) -> None:
    """A price that the market has passed already is refused."""
    if stop.rises and stop.stop_ticks < last:
        raise ApiError("51279" if stop.take_profit else "51278")
    if not stop.rises and stop.stop_ticks > last:
        raise ApiError("51277" if stop.take_profit else "51280")


def _answer(rows: list[wire.Json]) -> wire.Json:
    failed = sum(row["sCode"] != "0" for row in rows)
    code = "0" if not failed else "1" if failed == len(rows) else "2"
    return {"code": code, "msg": "", "data": rows}


def _listed(rows: list[wire.Json]) -> wire.Json:
    return {"code": "0", "msg": "", "data": rows}
