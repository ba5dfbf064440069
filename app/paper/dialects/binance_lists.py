"""Binance' signed calls that only read: account, orders, own trades, counts, amendments. Nothing changes here.

| what | rule | evidence |
|---|---|---|
| order of rows | by id, oldest first; without a start the most recent ones | sheet 5.3; exchange's page |
| startTime and endTime | at most 24 h apart, -1127 | sheet 5.3 |
| fromId with times | -1128 | "does not combine" sheet 5.3; code unconfirmed |
| canceled without a fill for 90 days | -2026 is never answered: the twin is not that old | sheet 7 |
| prevented matches | one row per prevented taker or maker | exchange's page |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_limits import DAY_MS, Limits
from app.paper.dialects.binance_orders_wire import own_trade, queried
from app.paper.dialects.binance_symbols import Symbols
from app.paper.dialects.binance_trading import Trading
from app.paper.dialects.binance_wire import Json, Ms, atoms, terms_of
from app.paper.orders import Order

Row = TypeVar("Row")


class AccountLists:
    def __init__(self, desk: Desk, symbols: Symbols, trading: Trading, limits: Limits) -> None:
        self._desk = desk
        self._symbols = symbols
        self._trading = trading
        self._limits = limits
        self.prevented: list[Json] = []
        """Rows of prevented matches, oldest first."""

    def account(self, call: Call) -> Json:
        account = call.account
        hidden = call.flag("omitZeroBalances")
        rates = {"maker": format(account.fees.maker, ".8f"), "taker": format(account.fees.taker, ".8f")}
        return {
            "makerCommission": int(account.fees.maker * 10_000),
            "takerCommission": int(account.fees.taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates | {"buyer": "0.00000000", "seller": "0.00000000"},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": Ms(self._updated_ms(account.account_id)),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": atoms(balance.available), "locked": atoms(balance.hold)}
                for asset, balance in account.balances.items()
                if balance.total or not hidden
            ],
            "permissions": ["SPOT"],
            "uid": account.user_id,
        }

    def order(self, call: Call) -> Json:
        instrument = self._symbols.of(call)
        return self._queried(self._trading.find(call, instrument, "orderId", "origClientOrderId", ApiError(-2013)))

    def open_orders(self, call: Call) -> list[Json]:
        pair = self._symbols.of(call).pair if call.has("symbol") else ""
        ledger = self._desk.venue.ledger(call.account.account_id)
        return [self._queried(o) for o in ledger.open.values() if not pair or o.pair == pair]

    def all_orders(self, call: Call) -> list[Json]:
        pair = self._symbols.of(call).pair
        orders = sorted(
            (o for o in self._desk.venue.ledger(call.account.account_id).orders.values() if o.pair == pair),
            key=lambda o: o.order_id,
        )
        start_ms, end_ms = _window(call)
        if call.has("orderId"):
            first = call.whole("orderId")
            orders = [o for o in orders if o.order_id >= first]
        rows = _page(call, orders, lambda o: o.created_ms, start_ms, end_ms, call.has("orderId"))
        return [self._queried(order) for order in rows]

    def my_trades(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        start_ms, end_ms = _window(call)
        if call.has("fromId") and (start_ms is not None or end_ms is not None):
            raise ApiError(-1128)
        fills = [f for f in self._desk.venue.ledger(call.account.account_id).fills if f.order.pair == instrument.pair]
        fills.sort(key=lambda f: f.trade_id)
        if call.has("orderId"):
            wanted = call.whole("orderId")
            fills = [f for f in fills if f.order.order_id == wanted]
        if call.has("fromId"):
            first = call.whole("fromId")
            fills = [f for f in fills if f.trade_id >= first]
        rows = _page(call, fills, lambda f: f.time_ms, start_ms, end_ms, call.has("fromId"))
        return [own_trade(fill, instrument) for fill in rows]

    def order_counts(self, call: Call) -> list[dict[str, object]]:
        return self._limits.order_rows(call.account.account_id)

    def amendments(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        call.whole("orderId")
        order = self._trading.find(call, instrument, "orderId", "origClientOrderId", ApiError(-2013))
        first = call.whole("fromExecutionId", 0)
        return [row for row in terms_of(order).amendments if row["executionId"] >= first][: call.limit()]

    def prevented_matches(self, call: Call) -> list[Json]:
        self._symbols.of(call)
        if not call.has("preventedMatchId") and not call.has("orderId"):
            raise ApiError(-1128)
        rows = [r for r in self.prevented if r["symbol"] == call.text("symbol")]
        if call.has("preventedMatchId"):
            rows = [r for r in rows if r["preventedMatchId"] == call.whole("preventedMatchId")]
        if call.has("orderId"):
            number = call.whole("orderId")
            rows = [r for r in rows if number in (r["takerOrderId"], r["makerOrderId"])]
        first = call.whole("fromPreventedMatchId", 0)
        return [r for r in rows if r["preventedMatchId"] >= first][: call.limit()]

    def _queried(self, order: Order) -> Json:
        return queried(order, self._desk.venue.instruments[order.pair])

    def _updated_ms(self, account_id: str) -> int:
        times = [order.updated_ms for order in self._desk.venue.ledger(account_id).orders.values()]
        return max(times, default=self._desk.opened_ms)


def _window(call: Call) -> tuple[int | None, int | None]:
    start_ms, end_ms = call.time_ms("startTime"), call.time_ms("endTime")
    if start_ms is not None and end_ms is not None:
        if end_ms - start_ms > DAY_MS:
            raise ApiError(-1127, 24)
        if end_ms < start_ms:
            raise ApiError(-1128)
    return start_ms, end_ms


def _page(
    call: Call,
    rows: Sequence[Row],
    time_ms: Callable[[Row], int],
    start_ms: int | None,
    end_ms: int | None,
    from_start: bool,
) -> Sequence[Row]:
    """The oldest rows from a start on, or the most recent ones before an end."""
    limit = call.limit()
    if start_ms is not None and end_ms is None:
        end_ms = start_ms + DAY_MS
    elif end_ms is not None and start_ms is None:
        start_ms, from_start = end_ms - DAY_MS, False
        rows = [row for row in rows if start_ms <= time_ms(row) <= end_ms]
        return rows[-limit:]
    if start_ms is not None and end_ms is not None:
        rows = [row for row in rows if start_ms <= time_ms(row) <= end_ms]
        from_start = True
    return rows[:limit] if from_start else rows[-limit:]
