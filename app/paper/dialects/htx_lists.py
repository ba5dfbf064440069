"""HTX' signed REST calls that only read: accounts, balances, fees, orders, history, own fills. Nothing changes.

| what | rule | evidence |
|---|---|---|
| accounts | a point account comes first; the spot account is the one to take | sheet 5; order ours |
| balance | several rows a currency: trade, frozen, and here empty lock and bank | sheet 5 |
| open orders | from (an order id, left out) and direct, size 1 to 500, default 100 | sheet 5; left out: unconfirmed |
| unknown order | base-record-invalid | sheet 7; which of its three: unconfirmed |
| cancelled without a fill, or finished and asked for by client id | not found after 2 hours | sheet 5 |
| orders, matchresults | start-time and end-time at most 48 hours apart, invalid-parameter | sheet 5; code ours |
| without times | the last 48 hours | docs of 2021 |
| matchresults `from` | a record id; with direct next (default) the older ones | sheet 5; left out: unconfirmed |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from app.paper.desk import Desk
from app.paper.dialects import htx_wire as wire
from app.paper.dialects.htx_books import Json
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_market import MarketData
from app.paper.dialects.htx_orders import state_word, type_word
from app.paper.dialects.htx_request import Call, Terms, check_account, required, spot_id, text, whole
from app.paper.dialects.htx_trading import Trading, side_filter
from app.paper.orders import Order
from app.paper.units import ATOM_SCALE, to_text, to_units

Row = TypeVar("Row")
WINDOW_MS = 48 * 3_600_000
OLDEST_MS = 180 * 86_400_000
STATES = frozenset(
    "created pre-submitted submitted partial-filled filled partial-canceled canceling canceled rejected".split()
)


class AccountLists:
    def __init__(self, desk: Desk, market: MarketData, trading: Trading) -> None:
        self._desk = desk
        self._market = market
        self._trading = trading

    def accounts(self, call: Call) -> object:
        number = spot_id(call.account.account_id)
        return [
            {"id": number + 50_000_000, "type": "point", "subtype": "", "state": "working"},
            {"id": number, "type": "spot", "subtype": "", "state": "working"},
        ]

    def balance(self, call: Call) -> object:
        check_account({"account-id": call.place}, call.account)
        rows = []
        sequence = str(self._desk.venue.now_ms())
        for asset, balance in call.account.balances.items():
            for kind, atoms in (("trade", balance.available), ("frozen", balance.hold), ("lock", 0), ("bank", 0)):
                row = {"currency": asset.lower(), "type": kind, "balance": to_text(atoms, ATOM_SCALE)}
                rows.append(row | {"seq-num": sequence})
        return {"id": spot_id(call.account.account_id), "type": "spot", "state": "working", "list": rows}

    def fees(self, call: Call) -> Json:
        names = required(call.query, "symbols").split(",")
        if len(names) > 10:
            raise ApiError("validation-format-error", "symbols")
        fees = call.account.fees
        maker, taker = (to_text(to_units(rate, 6), 6) for rate in (fees.maker, fees.taker))
        rows = []
        for name in names:
            self._market.instrument({"symbol": name})
            row = {"symbol": name, "makerFeeRate": maker, "takerFeeRate": taker}
            rows.append(row | {"actualMakerRate": maker, "actualTakerRate": taker})
        return {"data": rows, "success": True}

    def uid(self, call: Call) -> object:
        return call.account.user_id

    def open_orders(self, call: Call) -> object:
        check_account(call.query, call.account, needed=False)
        pair = self._market.instrument(call.query).pair if text(call.query, "symbol") else ""
        side = side_filter(call.query)
        orders = [
            order
            for order in self._desk.venue.ledger(call.account.account_id).open.values()
            if pair in ("", order.pair) and side in (None, order.side)
        ]
        return self._rows(call, _page(call.query, orders, lambda o: o.order_id, 500), is_open=True)

    def order(self, call: Call) -> object:
        return self._one(call, self._trading.find(call.account, call.place), by_client=False)

    def order_by_client_id(self, call: Call) -> object:
        found = self._trading.find_client(call.account, required(call.query, "clientOrderId"))
        return self._one(call, found, by_client=True)

    def orders(self, call: Call) -> object:
        instrument = self._market.instrument(call.query)
        states = set(required(call.query, "states").split(","))
        if not states <= STATES:
            raise ApiError("validation-format-error", "states")
        kinds = {kind for kind in text(call.query, "types").split(",") if kind}
        found = [
            order
            for order in self._between(call, self._all(call), "start-time", "end-time")
            if order.pair == instrument.pair
            and state_word(order.state, order.filled_lots, waits=order.waits and order.state.is_open) in states
            and (not kinds or type_word(order) in kinds)
        ]
        return self._rows(call, _page(call.query, found, lambda o: o.order_id, 100), is_open=False)

    def history(self, call: Call) -> object:
        """The last 48 hours, of every pair."""
        pair = self._market.instrument(call.query).pair if text(call.query, "symbol") else ""
        found = [o for o in self._between(call, self._all(call), "start-time", "end-time") if pair in ("", o.pair)]
        done = [order for order in found if not order.state.is_open]
        return self._rows(call, _page(call.query, done, lambda o: o.order_id, 1000), is_open=False)

    def fills_of_order(self, call: Call) -> object:
        order = self._trading.find(call.account, call.place)
        if order is None:
            raise ApiError("base-record-invalid")
        ledger = self._desk.venue.ledger(call.account.account_id)
        instrument = self._desk.venue.instruments[order.pair]
        fills = [fill for fill in ledger.fills if fill.order is order]
        return [wire.fill_row(fill, ledger.stops.get(order.stop_id), instrument) for fill in reversed(fills)]

    def fills(self, call: Call) -> object:
        pair = self._market.instrument(call.query).pair if text(call.query, "symbol") else ""
        first, last = self._window(call, "start-time", "end-time")
        ledger = self._desk.venue.ledger(call.account.account_id)
        kinds = {kind for kind in text(call.query, "types").split(",") if kind}
        found = [
            fill
            for fill in ledger.fills
            if first <= fill.time_ms <= last
            and pair in ("", fill.order.pair)
            and (not kinds or type_word(fill.order) in kinds)
        ]
        chosen = _page(call.query, found, lambda f: f.fill_id, 500)
        instruments = self._desk.venue.instruments
        return [wire.fill_row(f, ledger.stops.get(f.order.stop_id), instruments[f.order.pair]) for f in chosen]

    def _one(self, call: Call, found: Order | None, *, by_client: bool) -> object:
        if found is None or self._trading.is_forgotten(found, filled_too=by_client):
            raise ApiError("base-record-invalid")
        return self._rows(call, [found], is_open=False)[0]

    def _all(self, call: Call) -> list[Order]:
        orders = self._desk.venue.ledger(call.account.account_id).orders.values()
        return [order for order in orders if not self._trading.is_forgotten(order)]

    def _between(self, call: Call, orders: Iterable[Order], start: str, end: str) -> list[Order]:
        first, last = self._window(call, start, end)
        return [order for order in orders if first <= order.created_ms <= last]

    def _window(self, call: Call, start: str, end: str) -> tuple[int, int]:
        """Raises ApiError."""
        now_ms = self._desk.venue.now_ms()
        last = whole(call.query, end, 0)
        first = whole(call.query, start, 0) or (last or now_ms) - WINDOW_MS
        last = last or first + WINDOW_MS
        if last - first > WINDOW_MS or last < first:
            raise ApiError("invalid-parameter", end)
        if first < now_ms - OLDEST_MS:
            raise ApiError("base-date-limit-error")
        return first, last

    def _rows(self, call: Call, orders: list[Order], *, is_open: bool) -> list[Json]:
        ledger = self._desk.venue.ledger(call.account.account_id)
        fees = dict.fromkeys((order.order_id for order in orders), 0)
        for fill in ledger.fills:
            if fill.order.order_id in fees:
                fees[fill.order.order_id] += fill.fee_atoms
        instruments = self._desk.venue.instruments
        return [
            wire.order_row(o, ledger.stops.get(o.stop_id), instruments[o.pair], fees[o.order_id], is_open=is_open)
            for o in orders
        ]


def _page(query: Terms, rows: Iterable[Row], key: Callable[[Row], int], largest: int) -> list[Row]:
    """Newest first; `next` after `from` means older, `prev` newer. Raises ApiError."""
    size = whole(query, "size", 100, 1, largest)
    start = whole(query, "from", 0)
    direct = text(query, "direct") or "next"
    if direct not in ("next", "prev"):
        raise ApiError("validation-format-error", "direct")
    if start:
        rows = [row for row in rows if (key(row) < start if direct == "next" else key(row) > start)]
    ordered = sorted(rows, key=key, reverse=True)
    return ordered[-size:] if start and direct == "prev" else ordered[:size]
