"""Crypto.com's trigger orders (private/advanced/...): create, find, cancel. When they trigger is the venue's part.

| what | rule | evidence |
|---|---|---|
| STOP_LOSS, TAKE_PROFIT send a market order; *_LIMIT a limit order at `price` | - | sheet 7 |
| ref_price | below the market for SELL STOP_*, BUY TAKE_*; above it for others (229) | docs; code by name |
| ref_price_type | MARK_PRICE unless told (230); all are the last price here | sheet 7; limit of this twin |
| funds | held on triggering; without them REJECTED with 306 | unconfirmed |
| lists | never in get-open-orders or user.order | sheet 7 |
| statuses | PENDING, then FILLED with exchange_order_id, CANCELED, REJECTED | sheet 6; use unconfirmed |
| cancel: unknown or finished | 316; detail 40401 | as for other orders; unconfirmed |
| create-oco, -oto, -otoco, amend-order, lists | 130008 | limit of this twin |
"""

from __future__ import annotations

from app.core.types import Side
from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import crypto_com_wire as wire
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_orders import CryptoComStop
from app.paper.dialects.crypto_com_request import Call
from app.paper.dialects.crypto_com_rules import (
    SIDES,
    TIMES,
    OrderRules,
    Terms,
    cells,
    choice,
    client_id,
    lots,
    text,
    ticks,
)
from app.paper.dialects.crypto_com_span import Span
from app.paper.dialects.crypto_com_trading import Trading, names_of, numbered, wants
from app.paper.listings import Instrument
from app.paper.orders import OrderState, StopKind
from app.paper.venue import Refused

_KINDS = {name: name for name in ("STOP_LOSS", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")}
_REFERENCES = {name: name for name in ("MARK_PRICE", "INDEX_PRICE", "LAST_PRICE")}


class Triggers:
    def __init__(self, desk: Desk, rules: OrderRules, trading: Trading) -> None:
        self._desk = desk
        self._rules = rules
        self._trading = trading

    def create(self, call: Call) -> Json:
        default_oid = str(call.request_id)
        try:
            stop = self._stop(call.terms, call.account)
            self._trading.name(stop, default_oid)
            try:
                self._desk.venue.place_stop(stop)
            except Refused as refused:
                raise self._trading.refusal(refused) from None
        except ApiError as error:
            raise self._trading.failed(error, call.terms, default_oid) from None
        return names_of(stop)

    def cancel(self, call: Call) -> Json:
        stop = self._find(call)
        if stop is None or not self._desk.venue.cancel_stop(stop):
            raise ApiError(316)
        return names_of(stop)

    def cancel_all(self, call: Call) -> None:
        named = text(call.terms, "instrument_name")
        pairs = [self._rules.instrument(call.terms).pair] if named else []
        self._trading.cancel_stops(call.account.account_id, pairs)

    def open_orders(self, call: Call) -> Json:
        return {"data": [self._row(s, call) for s in self._mine(call) if s.state is OrderState.PENDING]}

    def history(self, call: Call) -> Json:
        span = Span.of(call.terms, self._desk.venue.now_ms())
        done = [stop for stop in self._mine(call) if stop.state is not OrderState.PENDING]
        return {"data": [self._row(stop, call) for stop in span.newest(done, lambda s: (s.order_id, s.created_ms))]}

    def detail(self, call: Call) -> Json:
        stop = self._find(call)
        if stop is None:
            raise ApiError(40401)
        return self._row(stop, call)

    def refuse(self, call: Call) -> None:
        raise ApiError(130008)

    def _mine(self, call: Call) -> list[CryptoComStop]:
        stops = self._desk.venue.ledger(call.account.account_id).stops.values()
        return [stop for stop in stops if isinstance(stop, CryptoComStop) and wants(call.terms, stop.pair)]

    def _row(self, stop: CryptoComStop, call: Call) -> Json:
        return wire.stop_row(stop, self._desk.venue.instruments[stop.pair], call.account.fees, stop.state)

    def _find(self, call: Call) -> CryptoComStop | None:
        ledger = self._desk.venue.ledger(call.account.account_id)
        order_id = numbered(call.terms, "order_id")
        if order_id is None and not text(call.terms, "client_oid"):
            raise ApiError(40004)
        found = (
            ledger.stops.get(order_id) if order_id is not None else ledger.by_client_id.get(call.params["client_oid"])
        )
        return found if isinstance(found, CryptoComStop) else None

    def _stop(self, terms: Terms, account: Account) -> CryptoComStop:
        instrument = self._rules.tradable(terms, account.account_id)
        side = choice(terms, "side", SIDES, 220)
        order_type = choice(terms, "type", _KINDS, 218)
        reference = choice({"ref_price_type": "MARK_PRICE"} | dict(terms), "ref_price_type", _REFERENCES, 230)
        at = ticks(terms, "ref_price", instrument)
        rises = order_type.startswith("STOP") == (side is Side.BUY)
        last = self._desk.venue.last_ticks[instrument.pair]
        if at == last or (at > last) != rises:
            raise ApiError(229)
        self._rules.check_account_words(terms, side, instrument)
        stop = CryptoComStop(
            order_id=0,
            owner=account.account_id,
            pair=instrument.pair,
            side=side,
            kind=StopKind.STOP_LIMIT if order_type.endswith("LIMIT") else StopKind.STOP,
            time_in_force=choice({"time_in_force": "GOOD_TILL_CANCEL"} | dict(terms), "time_in_force", TIMES, 221),
            stop_ticks=at,
            rises=rises,
            client_order_id=client_id(terms, "client_oid"),
            order_type=order_type,
            ref_price_type=reference,
        )
        self._size(stop, terms, instrument)
        return stop

    def _size(self, stop: CryptoComStop, terms: Terms, instrument: Instrument) -> None:
        if stop.kind is StopKind.STOP_LIMIT:
            stop.ticks = ticks(terms, "price", instrument)
        if stop.side is Side.BUY and stop.kind is StopKind.STOP and text(terms, "notional"):
            stop.cells, stop.notional = cells(terms, "notional", instrument), text(terms, "notional")
        else:
            stop.lots = lots(terms, "quantity", instrument)
