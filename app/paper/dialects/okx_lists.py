"""OKX' signed REST calls that only read: balances, fees, configuration, orders, history, own fills. Nothing changes.

| what | rule | evidence |
|---|---|---|
| unknown order | 51603 | sheet 5.2 |
| cancelled without a fill | gone after 2 hours, alone and in the history | sheet 5.2 (one source), docs |
| history, fills | 7 and 3 days, or 3 months in the archive and in fills-history | sheet 5.2 |
| begin, end | by cTime for orders, by ts for fills | the exchange's docs |
| `instType` | wanted for history and fees (50014), a known word (51000) | sheet 5.2; codes unconfirmed |
| asset/balances, asset/currencies | an empty funding account; the coins of the pairs | for client libraries that ask |
"""

from __future__ import annotations

from collections.abc import Iterable

from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_limits import ORDERS_PER_ACCOUNT, PER_INSTRUMENT, WindowLimits
from app.paper.dialects.okx_market import MarketData, check_type
from app.paper.dialects.okx_money import Money
from app.paper.dialects.okx_orders import state_word, type_word
from app.paper.dialects.okx_paging import page, whole_number
from app.paper.dialects.okx_request import Call
from app.paper.dialects.okx_rules import OrderRules, text
from app.paper.dialects.okx_trading import Trading
from app.paper.orders import Order

DAY_MS = 86_400_000
FORGOTTEN_MS = 2 * 3_600_000
_MONTHS_MS = 90 * DAY_MS


class AccountLists:
    def __init__(
        self, desk: Desk, rules: OrderRules, trading: Trading, market: MarketData, money: Money, limits: WindowLimits
    ) -> None:
        self._desk = desk
        self._rules = rules
        self._trading = trading
        self._market = market
        self._money = money
        self._limits = limits
        self.read_only_keys: frozenset[str] = frozenset()

    def balance(self, call: Call) -> list[wire.Json]:
        assets = [a for a in text(call.query, "ccy").split(",") if a]
        held = {a for a, balance in call.account.balances.items() if balance.total}
        if not assets:
            return [self._money.account(call.account)]
        row = self._money.account(call.account, [a for a in assets if a in held] or ["USDT"])
        return [row if held & set(assets) else row | {"details": []}]

    def config(self, call: Call) -> list[wire.Json]:
        account = call.account
        key = call.credentials.api_key if call.credentials else ""
        return [
            {
                "uid": str(account.user_id),
                "mainUid": str(account.user_id),
                "acctLv": "1",
                "acctStpMode": "cancel_maker",
                "posMode": "net_mode",
                "autoLoan": False,
                "level": "Lv1",
                "levelTmp": "",
                "kycLv": "3",
                "label": "paper",
                "roleType": "0",
                "ip": "",
                "perm": "read_only" if key in self.read_only_keys else "read_only,trade",
                "type": "0",
                "enableSpotBorrow": False,
            }
        ]

    def fees(self, call: Call) -> list[wire.Json]:
        check_type(call.query, required=True)
        if text(call.query, "instId"):
            self._rules.instrument(call.query)
        return [wire.fee_row(call.account.fees, self._desk.venue.now_ms())]

    def instruments(self, call: Call) -> list[wire.Json]:
        return self._market.instruments(call)

    def funding(self, call: Call) -> list[wire.Json]:
        return []

    def currencies(self, call: Call) -> list[wire.Json]:
        instruments = self._desk.venue.instruments.values()
        assets = dict.fromkeys(a for i in instruments for a in (i.base, i.quote))
        return [
            {"ccy": a, "name": a, "chain": f"{a}-Paper", "canDep": False, "canWd": False, "canInternal": False}
            | dict.fromkeys(("minWd", "maxWd", "minFee", "maxFee", "minDep", "wdTickSz"), "0")
            for a in assets
        ]

    def rate_limit(self, call: Call) -> list[wire.Json]:
        now = str(self._desk.venue.now_ms())
        rest = {"fillRatio": "", "mainFillRatio": "", "nextAccRateLimit": "", "ts": now}
        return [rest | {"accRateLimit": str(ORDERS_PER_ACCOUNT)}]

    def order(self, call: Call) -> list[wire.Json]:
        user, pair = call.account.account_id, text(call.query, "instId")
        if not self._limits.allow(user, f"get order {pair}", PER_INSTRUMENT["get order"]):
            raise ApiError("50011")
        found = self._trading.find(call.account, call.query, self._rules.instrument(call.query))
        if found is None or self._is_forgotten(found):
            raise ApiError("51603")
        return self._rows(call, [found])

    def open_orders(self, call: Call) -> list[wire.Json]:
        orders = self._desk.venue.ledger(call.account.account_id).open.values()
        return self._rows(call, page(call.query, self._matching(call, orders), _order_id))

    def history(self, call: Call) -> list[wire.Json]:
        return self._history(call, 7 * DAY_MS)

    def archive(self, call: Call) -> list[wire.Json]:
        return self._history(call, _MONTHS_MS)

    def fills(self, call: Call) -> list[wire.Json]:
        return self._fills(call, 3 * DAY_MS)

    def fills_history(self, call: Call) -> list[wire.Json]:
        check_type(call.query, required=True)
        return self._fills(call, _MONTHS_MS)

    def _history(self, call: Call, reach_ms: int) -> list[wire.Json]:
        check_type(call.query, required=True)
        since_ms = self._desk.venue.now_ms() - reach_ms
        begin_ms, end_ms = whole_number(call.query, "begin"), whole_number(call.query, "end")
        orders = [
            order
            for order in self._matching(call, self._desk.venue.ledger(call.account.account_id).orders.values())
            if not order.state.is_open
            and not self._is_forgotten(order)
            and order.updated_ms >= since_ms
            and order.created_ms >= begin_ms
            and (not end_ms or order.created_ms <= end_ms)
        ]
        return self._rows(call, page(call.query, orders, _order_id))

    def _matching(self, call: Call, orders: Iterable[Order]) -> list[Order]:
        kind, pair, state, ord_types = (text(call.query, n) for n in ("instType", "instId", "state", "ordType"))
        check_type(call.query)
        if kind not in ("", "SPOT"):
            return []
        return [
            order
            for order in orders
            if (not pair or order.pair == pair)
            and (not state or state_word(order.state) == state)
            and (not ord_types or type_word(order) in ord_types.split(","))
        ]

    def _fills(self, call: Call, reach_ms: int) -> list[wire.Json]:
        query = call.query
        check_type(query)
        if text(query, "instType") not in ("", "SPOT"):
            return []
        pair, order_id, kind = (text(query, name) for name in ("instId", "ordId", "subType"))
        begin_ms = whole_number(query, "begin") or self._desk.venue.now_ms() - reach_ms
        end_ms = whole_number(query, "end")
        fills = [
            fill
            for fill in self._desk.venue.ledger(call.account.account_id).fills
            if fill.time_ms >= begin_ms
            and (not end_ms or fill.time_ms <= end_ms)
            and (not pair or fill.order.pair == pair)
            and (not order_id or str(fill.order.order_id) == order_id)
        ]
        instruments, fees = self._desk.venue.instruments, call.account.fees
        rows = [wire.fill_row(f, instruments[f.order.pair], fees) for f in page(query, fills, lambda f: f.fill_id)]
        return [row for row in rows if kind in ("", row["subType"])]

    def _is_forgotten(self, order: Order) -> bool:
        done = not order.state.is_open and not order.filled_lots
        return done and order.updated_ms < self._desk.venue.now_ms() - FORGOTTEN_MS

    def _rows(self, call: Call, orders: list[Order]) -> list[wire.Json]:
        ledger = self._desk.venue.ledger(call.account.account_id)
        progress = {order.order_id: wire.Progress() for order in orders}
        for fill in ledger.fills:
            if fill.order.order_id in progress:
                progress[fill.order.order_id].add(fill)
        return [
            wire.order_row(
                order,
                ledger.stops.get(order.stop_id),
                self._desk.venue.instruments[order.pair],
                progress[order.order_id],
            )
            for order in orders
        ]


def _order_id(order: Order) -> int:
    return order.order_id
