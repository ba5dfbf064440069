"""Poloniex' signed REST calls that only read: balances, fees, open orders, history, own trades. Nothing changes here.

Sheet section 5. Unconfirmed: rows come newest first, `from` excludes the row it names, PRE (older) is its default
direction, open orders default to 100, history and trades accept a limit up to 1000 (ccxt's figure; the SDK says 100),
the trades of one order come oldest first, volume30D counts the USDT markets, `/accounts` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_request import Call
from app.paper.dialects.poloniex_trading import Trading
from app.paper.events import Fill
from app.paper.orders import Order
from app.paper.units import ATOM_SCALE, to_text, to_units

DAY_MS = 86_400_000
Row = TypeVar("Row")


class AccountLists:
    def __init__(self, desk: Desk, trading: Trading, currency_ids: dict[str, int]) -> None:
        self._desk = desk
        self._trading = trading
        self._currency_ids = currency_ids

    def fee_info(self, call: Call) -> wire.Json:
        fees = call.account.fees
        now_ms = self._desk.venue.now_ms()
        volume = sum(
            fill.ticks * fill.lots * self._desk.venue.instruments[fill.order.pair].quote_atoms_per_cell
            for fill in self._fills(call)
            if fill.time_ms > now_ms - 30 * DAY_MS and fill.order.pair.endswith("-USDT")
        )
        return {
            "trxDiscount": False,
            "makerRate": to_text(to_units(fees.maker, 6), 6),
            "takerRate": to_text(to_units(fees.taker, 6), 6),
            "volume30D": to_text(volume, ATOM_SCALE),
        }

    def accounts(self, call: Call) -> list[wire.Json]:
        return [{"accountId": call.account.account_id, "accountType": "SPOT", "accountState": "NORMAL"}]

    def balances(self, call: Call) -> list[wire.Json]:
        if call.query.get("accountType", "SPOT") != "SPOT":
            return []
        rows = [
            {
                "currencyId": str(self._currency_ids.get(asset, 0)),
                "currency": asset,
                "available": to_text(balance.available, ATOM_SCALE),
                "hold": to_text(balance.hold, ATOM_SCALE),
            }
            for asset, balance in call.account.balances.items()
            if balance.total
        ]
        return [{"accountId": call.account.account_id, "accountType": "SPOT", "balances": rows}]

    def order(self, call: Call) -> wire.Json:
        return self._order(self._trading.find(call.account, call.path["order_id"]))

    def open_orders(self, call: Call) -> list[wire.Json]:
        orders = self._matching(call, self._desk.venue.ledger(call.account.account_id).open.values())
        limit = _limit(call, 100, 2000)
        return [self._order(o) for o in _page(call, orders, lambda o: o.order_id, limit)]

    def history(self, call: Call) -> list[wire.Json]:
        start_ms, end_ms = self._window(call, 7)
        ledger = self._desk.venue.ledger(call.account.account_id)
        states = {s for s in call.query.get("states", "").split(",") if s}
        hide_canceled = call.query.get("hideCancel", "").lower() == "true"
        orders = []
        for order in self._matching(call, ledger.orders.values()):
            word = wire.state_word(order.state, order.filled_lots)
            hidden = hide_canceled and word == "CANCELED"
            if order.state.is_open or hidden or (states and word not in states):
                continue
            if start_ms <= order.updated_ms <= end_ms:
                orders.append(order)
        page = _page(call, orders, lambda o: o.order_id, _limit(call, 100, 1000))
        return [self._order(o) | {"orderSource": o.source} for o in page]

    def order_trades(self, call: Call) -> list[wire.Json]:
        order = self._trading.find(call.account, call.path["order_id"])
        return [self._fill(f) for f in self._fills(call) if f.order is order]

    def trades(self, call: Call) -> list[wire.Json]:
        start_ms, end_ms = self._window(call, 90)
        wanted = {wire.pair_of(s) for s in call.query.get("symbols", "").split(",") if s}
        if not wanted <= self._desk.venue.instruments.keys():
            raise ApiError(10040)
        fills = [
            f for f in self._fills(call) if (not wanted or f.order.pair in wanted) and start_ms <= f.time_ms <= end_ms
        ]
        return [self._fill(f) for f in _page(call, fills, lambda f: f.fill_id, _limit(call, 100, 1000))]

    def _matching(self, call: Call, orders: Iterable[Order]) -> list[Order]:
        symbol, side, kind = (call.query.get(name, "") for name in ("symbol", "side", "type"))
        if symbol and wire.pair_of(symbol) not in self._desk.venue.instruments:
            raise ApiError(10040)
        if side not in ("", "BUY", "SELL"):
            raise ApiError(21319)
        if kind not in ("", "MARKET", "LIMIT", "LIMIT_MAKER"):
            raise ApiError(21320)
        return [
            o
            for o in orders
            if (not symbol or o.pair == wire.pair_of(symbol))
            and (not side or o.side.value == side)
            and (not kind or wire.KINDS[o.kind] == kind)
        ]

    def _window(self, call: Call, days: int) -> tuple[int, int]:
        """startTime and endTime; where only one is given the other is a week away (SDK)."""
        now_ms = self._desk.venue.now_ms()
        start_ms, end_ms = call.whole_number("startTime", 0, 24105), call.whole_number("endTime", 0)
        if not start_ms and not end_ms:
            return 0, now_ms
        start_ms = start_ms or end_ms - 7 * DAY_MS
        end_ms = end_ms or start_ms + 7 * DAY_MS
        if start_ms > end_ms:
            raise ApiError(24105)
        if end_ms - start_ms > days * DAY_MS:
            raise ApiError(21355)
        return start_ms, end_ms

    def _fills(self, call: Call) -> Iterable[Fill]:
        return self._desk.venue.ledger(call.account.account_id).fills

    def _order(self, order: Order) -> wire.Json:
        return wire.order(order, self._desk.venue.instruments[order.pair])

    def _fill(self, fill: Fill) -> wire.Json:
        return wire.own_trade(fill, self._desk.venue.instruments[fill.order.pair])


def _limit(call: Call, default: int, largest: int) -> int:
    limit = call.whole_number("limit", default)
    if limit > largest:
        raise ApiError(21344)
    if limit <= 0:
        raise ApiError(21345)
    return limit


def _page(call: Call, rows: Iterable[Row], number: Callable[[Row], int], limit: int) -> list[Row]:
    """Newest first: the newest rows, those before (PRE) or the nearest ones after (NEXT) the row named by `from`."""
    ordered = sorted(rows, key=number, reverse=True)
    start = call.whole_number("from", 0, 21346)
    if not start:
        return ordered[:limit]
    if call.query.get("direction", "PRE") == "NEXT":
        return [row for row in ordered if number(row) > start][-limit:]
    return [row for row in ordered if number(row) < start][:limit]
