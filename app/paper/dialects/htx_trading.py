"""HTX' version-1 calls that change orders: place, batch, cancel by id, client id, list or condition. No HTTP here.

| what | rule | evidence |
|---|---|---|
| place | the id as text; a limit-maker that would take is then canceled | sheet 6; its end state unconfirmed |
| client-order-id | a second use is refused for good (sheet: for 8 hours): invalid.client.order.id | sheet 6 |
| cancel | the id back; closed already: order-orderstate-error with order-state | sheet 6 |
| cancel an unknown id | base-record-invalid | sheet 7; which of its three: unconfirmed |
| by client id | a number, ok even when there is none | sheet 6 |
| closed long ago | after 2 hours -1 | sheet 5, 6 |
| batch 10, batchcancel 50, all: 100 an answer, 10 symbols | beyond: validation-format-error | sheet 6 |
| insufficient funds | account-frozen-balance-insufficient-error | sheet 7 |
| stop-limit | the same id before and after; holds its funds from the start | sheet 5; the hold unconfirmed |
"""

from __future__ import annotations

from app.core.types import Side
from app.paper.accounts import Account, spent_asset
from app.paper.desk import Desk
from app.paper.dialects.htx_books import Json
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_orders import CANCELING, CLOSED_LONG_AGO, STATE_NUMBERS, state_word
from app.paper.dialects.htx_request import Call, Terms, check_account, required, text, texts, whole
from app.paper.dialects.htx_rules import OrderRules
from app.paper.orders import Order
from app.paper.units import ATOM_SCALE, to_text
from app.paper.venue import Refusal, Refused

BATCH_MAX = 10
CANCEL_MAX = 50
CANCEL_ALL_MAX = 100
FORGOTTEN_MS = 2 * 3_600_000


class Trading:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def place(self, call: Call) -> object:
        return str(self._place(call.account, call.body).order_id)

    def place_many(self, account: Account, bodies: object) -> list[Json]:
        """Raises ApiError for what is wrong with the call as a whole."""
        if not isinstance(bodies, list) or not 1 <= len(bodies) <= BATCH_MAX:
            raise ApiError("validation-format-error", "orders")
        rows = []
        for body in bodies:
            terms: Terms = body if isinstance(body, dict) else {}
            row: Json = {"client-order-id": str(terms.get("client-order-id", ""))}
            try:
                row["order-id"] = self._place(account, terms).order_id
            except ApiError as error:
                row |= {"err-code": error.code, "err-msg": error.message}
            rows.append(row)
        return rows

    def cancel(self, call: Call) -> object:
        order = self.find(call.account, call.place)
        if order is None:
            raise ApiError("base-record-invalid")
        self._cancel(order)
        return str(order.order_id)

    def cancel_by_client_id(self, call: Call) -> object:
        order = self.find_client(call.account, required(call.body, "client-order-id"))
        if order is None:
            return 0
        try:
            self._cancel(order)
        except ApiError as error:
            if error.state is None:
                raise
            return error.state
        return CANCELING

    def cancel_many(self, call: Call) -> object:
        order_ids = texts(call.body, "order-ids", CANCEL_MAX)
        client_ids = texts(call.body, "client-order-ids", CANCEL_MAX)
        if bool(order_ids) == bool(client_ids):
            raise ApiError("validation-constraints-required", "order-ids")
        success: list[str] = []
        failed: list[Json] = []
        for name in order_ids or client_ids:
            find = self.find if order_ids else self.find_client
            row: Json = {"order-id": name if order_ids else "", "client-order-id": "" if order_ids else name}
            try:
                order = find(call.account, name)
                if order is None:
                    raise ApiError("base-not-found", state=CLOSED_LONG_AGO)
                self._cancel(order)
                success.append(name)
            except ApiError as error:
                row |= {"err-code": error.code, "err-msg": error.message}
                failed.append(row | ({} if error.state is None else {"order-state": error.state}))
        return {"success": success, "failed": failed}

    def cancel_all(self, call: Call) -> object:
        terms, account = call.body, call.account
        check_account(terms, account, needed=False)
        names = [name for name in text(terms, "symbol").split(",") if name]
        if len(names) > 10:
            raise ApiError("validation-format-error", "symbol")
        pairs = {self._rules.market.instrument({"symbol": name}).pair for name in names}
        side = side_filter(terms)
        size = whole(terms, "size", CANCEL_ALL_MAX, 1, CANCEL_ALL_MAX)
        self._rules.check_cancellable()
        wanted = [
            order
            for order in self._desk.venue.ledger(account.account_id).open.values()
            if (not pairs or order.pair in pairs) and side in (None, order.side)
        ]
        for order in wanted[:size]:
            self._desk.venue.cancel(order)
        next_id = wanted[size].order_id if len(wanted) > size else -1
        return {"success-count": min(size, len(wanted)), "failed-count": 0, "next-id": next_id}

    def find(self, account: Account, order_id: str) -> Order | None:
        if not (order_id.isascii() and order_id.isdigit()):
            raise ApiError("validation-format-error", "order-id")
        return self._desk.venue.ledger(account.account_id).orders.get(int(order_id))

    def find_client(self, account: Account, client_order_id: str) -> Order | None:
        found = self._desk.venue.ledger(account.account_id).by_client_id.get(client_order_id)
        return found if isinstance(found, Order) else None

    def is_forgotten(self, order: Order, *, filled_too: bool = False) -> bool:
        """Whether it ended so long ago that look-ups do not find it any more."""
        done = not order.state.is_open and (filled_too or not order.filled_lots)
        return done and order.updated_ms < self._desk.venue.now_ms() - FORGOTTEN_MS

    def _place(self, account: Account, terms: Terms) -> Order:
        order, stop = self._rules.order(terms, account.account_id)
        try:
            if stop is None:
                return self._desk.venue.place(order)
            return self._desk.venue.place_waiting(order, stop)
        except Refused as refused:
            if refused.refusal is Refusal.DUPLICATE_ID:
                raise ApiError("invalid.client.order.id") from None
            asset = spent_asset(order, self._desk.venue.instruments[order.pair])
            left = to_text(account.balance(asset).available, ATOM_SCALE)
            raise ApiError("account-frozen-balance-insufficient-error", left) from None

    def _cancel(self, order: Order) -> None:
        self._rules.check_cancellable()
        if not self._desk.venue.cancel(order):
            word = state_word(order.state, order.filled_lots)
            gone = self.is_forgotten(order, filled_too=True)
            raise ApiError("order-orderstate-error", state=CLOSED_LONG_AGO if gone else STATE_NUMBERS[word])


def side_filter(terms: Terms) -> Side | None:
    """Raises ApiError."""
    side = text(terms, "side")
    if side not in ("", "buy", "sell"):
        raise ApiError("validation-format-error", "side")
    return None if not side else Side.BUY if side == "buy" else Side.SELL
