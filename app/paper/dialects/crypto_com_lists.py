"""Crypto.com's signed calls that only read: balances, fees, accounts, orders, own trades. Nothing changes here.

| what | rule | evidence |
|---|---|---|
| user-balance | the portfolio in USD and its coins | sheet 6 |
| get-fee-rate, get-instrument-fee-rate | basis points | sheet 3 |
| get-order-detail | the row itself; unknown 40401 with HTTP 200 | sheet 6 and 8 |
| get-open-orders | all of them, newest first | order unconfirmed |
| get-order-history | finished orders | unconfirmed |
| get-accounts, get-positions, get-currency-networks | one account, none, no networks | for client libraries that ask |
"""

from __future__ import annotations

from collections.abc import Iterable

from app.paper.desk import Desk
from app.paper.dialects import crypto_com_wire as wire
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_listings import MAKER_BPS, TAKER_BPS, symbol_of
from app.paper.dialects.crypto_com_money import Money
from app.paper.dialects.crypto_com_request import Call
from app.paper.dialects.crypto_com_rules import OrderRules
from app.paper.dialects.crypto_com_span import Span
from app.paper.dialects.crypto_com_trading import Trading, wants
from app.paper.orders import Order


class AccountLists:
    def __init__(self, desk: Desk, rules: OrderRules, trading: Trading, money: Money) -> None:
        self._desk = desk
        self._rules = rules
        self._trading = trading
        self._money = money

    def balance(self, call: Call) -> Json:
        return {"data": [self._money.portfolio(call.account)]}

    def fee_rate(self, call: Call) -> Json:
        return {
            "spot_tier": "3",
            "deriv_tier": "3",
            "effective_spot_maker_rate_bps": MAKER_BPS,
            "effective_spot_taker_rate_bps": TAKER_BPS,
            "effective_deriv_maker_rate_bps": "1.1",
            "effective_deriv_taker_rate_bps": "3",
        }

    def instrument_fee_rate(self, call: Call) -> Json:
        name = symbol_of(self._rules.instrument(call.terms).pair)
        return {"instrument_name": name, "effective_maker_rate_bps": MAKER_BPS, "effective_taker_rate_bps": TAKER_BPS}

    def accounts(self, call: Call) -> Json:
        row = {
            "uuid": wire.uuid_of(call.account.account_id),
            "user_uuid": wire.uuid_of(call.account.account_id, "user"),
            "enabled": True,
            "tradable": True,
            "label": "paper",
            "margin_access": "DISABLED",
            "derivatives_access": "DISABLED",
            "create_time": self._desk.opened_ms,
            "update_time": self._desk.opened_ms,
        }
        return {"master_account": row, "sub_account_list": []}

    def positions(self, call: Call) -> Json:
        return {"data": []}

    def currencies(self, call: Call) -> Json:
        assets = dict.fromkeys(a for i in self._desk.venue.instruments.values() for a in (i.base, i.quote))
        coins: Json = {a: {"full_name": a, "default_network": None, "network_list": []} for a in assets}
        return {"update_time": self._desk.opened_ms, "currency_map": coins}

    def order(self, call: Call) -> Json:
        found = self._trading.find(call.account, call.terms)
        if found is None:
            raise ApiError(40401)
        return self._rows(call, [found])[0]

    def open_orders(self, call: Call) -> Json:
        orders = self._desk.venue.ledger(call.account.account_id).open.values()
        mine = [order for order in orders if wants(call.terms, order.pair)]
        return {"data": self._rows(call, mine[::-1])}

    def history(self, call: Call) -> Json:
        span = Span.of(call.terms, self._desk.venue.now_ms())
        orders = self._desk.venue.ledger(call.account.account_id).orders.values()
        done = [order for order in orders if not order.state.is_open and wants(call.terms, order.pair)]
        return {"data": self._rows(call, span.newest(done, lambda o: (o.order_id, o.created_ms)))}

    def trades(self, call: Call) -> Json:
        span = Span.of(call.terms, self._desk.venue.now_ms())
        fills = [f for f in self._desk.venue.ledger(call.account.account_id).fills if wants(call.terms, f.order.pair)]
        instruments = self._desk.venue.instruments
        chosen = span.newest(fills, lambda f: (f.fill_id, f.time_ms))
        return {"data": [wire.trade_row(fill, instruments[fill.order.pair]) for fill in chosen]}

    def _rows(self, call: Call, orders: Iterable[Order]) -> list[Json]:
        orders = list(orders)
        fees = {order.order_id: 0 for order in orders}
        for fill in self._desk.venue.ledger(call.account.account_id).fills:
            if fill.order.order_id in fees:
                fees[fill.order.order_id] += fill.fee_atoms
        instruments = self._desk.venue.instruments
        return [
            wire.order_row(o, instruments[o.pair], call.account.fees, wire.progress_now(o, fees[o.order_id]))
            for o in orders
        ]
