"""OKX' calls that change ordinary orders, over REST and WebSocket alike: place, amend, cancel, and batches of those.

| what | rule | evidence |
|---|---|---|
| answer | one row an order with sCode and sMsg; top code 0, 1 (all failed) or 2 (some failed) | sheet 6 |
| top text | "All operations failed" | sheet 6; of a partial success: unconfirmed |
| accepted is not resting | a post-only order that would take is accepted, then canceled with source 31 | sheet 6 |
| clOrdId | unique among open orders (51016); look-ups find the latest | the exchange's docs |
| cancelling what is finished or unknown | 51400; the exchange's docs keep 51401 and 51402 for spreads | sheet 7, docs |
| amending | same id; newSz includes what is filled, and finishes the order when it is not more | sheet 6, docs |
| cxlOnFail | a refused amendment cancels the order | sheet 6; that the refusal is told at once: unconfirmed |
| amending a post-only order so that it would take | 51511 | docs; told at once: unconfirmed |
| expTime in the past | 50036 | sheet 4; code from the docs |
| a lack of funds | 51008, also for market orders (the real one may shrink them unless banAmend) | sheet 7 |
| batch | at most 20 | sheet 6; codes from the docs |
"""

from __future__ import annotations

from collections.abc import Callable

from app.core.types import Side
from app.paper.accounts import Account, spent_asset
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_limits import ORDERS_PER_ACCOUNT, PER_INSTRUMENT, WindowLimits
from app.paper.dialects.okx_listings import CODES
from app.paper.dialects.okx_orders import USER, OkxOrder
from app.paper.dialects.okx_rules import OrderRules, Terms, client_id, flag, lots, terms_of, text, ticks
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind
from app.paper.venue import Refusal, Refused

BATCH_MAX = 20
SINGLES = {"batch-orders": "order", "batch-cancel-orders": "cancel-order", "batch-amend-orders": "amend-order"}
_TOO_MANY = {"batch-orders": "51111", "batch-cancel-orders": "51406", "batch-amend-orders": "51501"}
_COUNTED = frozenset({"order", "batch-orders", "amend-order", "batch-amend-orders"})


class Trading:
    """`run` does one operation under the name that it has on the WebSocket."""

    def __init__(self, desk: Desk, rules: OrderRules, limits: WindowLimits) -> None:
        self._desk = desk
        self._rules = rules
        self._limits = limits
        self._doing: dict[str, Callable[[Account, Terms, bool], wire.Json]] = {
            "order": self._place,
            "cancel-order": self._cancel,
            "amend-order": self._amend,
        }

    def run(self, operation: str, account: Account, rows: list[object], *, by_code: bool = False) -> wire.Json:
        """Code, text and one row for each order. Raises ApiError for what is wrong with the call as a whole."""
        if operation in SINGLES and len(rows) > BATCH_MAX:
            raise ApiError(_TOO_MANY[operation], BATCH_MAX)
        if not rows:
            raise ApiError("50014", "args" if by_code else "body")
        bodies = [terms_of(row) for row in rows]
        self._count(operation, account, bodies, by_code)
        single = SINGLES.get(operation, operation)
        data = [self._row(single, account, body, by_code) for body in bodies]
        failed = sum(row["sCode"] != "0" for row in data)
        if failed == len(data):
            return {"code": "1", "msg": "All operations failed", "data": data}
        if failed:
            return {"code": "2", "msg": "Bulk operation partially succeeded", "data": data}
        return {"code": "0", "msg": "", "data": data}

    def find(self, account: Account, terms: Terms, instrument: Instrument) -> Order | None:
        """The order named by ordId or else by clOrdId. Raises ApiError when neither is there."""
        ledger = self._desk.venue.ledger(account.account_id)
        order_id, client_order_id = text(terms, "ordId"), text(terms, "clOrdId")
        found: object = None
        if order_id:
            found = ledger.orders.get(int(order_id)) if order_id.isascii() and order_id.isdigit() else None
        elif client_order_id:
            found = ledger.by_client_id.get(client_order_id)
        else:
            raise ApiError("51003")
        return found if isinstance(found, Order) and found.pair == instrument.pair else None

    def check_deadline(self, deadline_ms: str) -> None:
        """Raises ApiError when the request came too late, or with a deadline that is no number."""
        if not deadline_ms:
            return
        if not (deadline_ms.isascii() and deadline_ms.isdigit()):
            raise ApiError("51000", "expTime")
        if int(deadline_ms) < self._desk.venue.now_ms():
            raise ApiError("50036")

    def _count(self, operation: str, account: Account, bodies: list[Terms], by_code: bool) -> None:
        """Raises ApiError when the account was too busy on one of the instruments, or altogether."""
        user = account.account_id
        name = SINGLES.get(operation, operation) if len(bodies) == 1 else operation
        places = [str(body.get("instIdCode" if by_code else "instId")) for body in bodies]
        if not by_code:
            places = [self._code_of(place) for place in places]
        if name in _COUNTED and not self._limits.allow(user, "all orders", ORDERS_PER_ACCOUNT, len(bodies)):
            raise ApiError("50061")
        for place in dict.fromkeys(places):
            if not self._limits.allow(user, f"{name} {place}", PER_INSTRUMENT[name], places.count(place)):
                raise ApiError("50011")

    def _code_of(self, pair: str) -> str:
        return str(CODES.get(pair, pair))

    def _row(self, operation: str, account: Account, terms: Terms, by_code: bool) -> wire.Json:
        row: wire.Json = {"ordId": "", "clOrdId": _as_sent(terms, "clOrdId"), "tag": _as_sent(terms, "tag")}
        if operation == "amend-order":
            row = {"ordId": _as_sent(terms, "ordId"), "clOrdId": row["clOrdId"], "reqId": _as_sent(terms, "reqId")}
        elif operation == "cancel-order":
            row = {"ordId": _as_sent(terms, "ordId"), "clOrdId": row["clOrdId"]}
        row |= {"ts": str(self._desk.venue.now_ms()), "sCode": "0", "sMsg": "", "subCode": ""}
        try:
            row |= self._doing[operation](account, terms, by_code)
        except ApiError as error:
            row |= {"sCode": error.code, "sMsg": error.message}
        return row

    def _place(self, account: Account, terms: Terms, by_code: bool) -> wire.Json:
        order = self._rules.order(terms, account.account_id, by_code=by_code)
        try:
            self._desk.venue.place(order)
        except Refused as refused:
            raise self._refusal(refused, order, "51008") from None
        return {"ordId": str(order.order_id)}

    def _cancel(self, account: Account, terms: Terms, by_code: bool) -> wire.Json:
        order = self.find(account, terms, self._rules.instrument(terms, by_code=by_code))
        if order is None or not self._desk.venue.cancel(order, USER):
            raise ApiError("51400")
        return {"ordId": str(order.order_id), "clOrdId": order.client_order_id}

    def _amend(self, account: Account, terms: Terms, by_code: bool) -> wire.Json:
        instrument = self._rules.instrument(terms, by_code=by_code)
        order = self.find(account, terms, instrument)
        if order is None or not order.state.is_open:
            raise ApiError("51503")
        try:
            self._change(order, terms, instrument)
        except ApiError:
            if flag(terms, "cxlOnFail"):
                self._desk.venue.cancel(order, "amendment failed")
            raise
        return {"ordId": str(order.order_id), "clOrdId": order.client_order_id}

    def _change(self, order: Order, terms: Terms, instrument: Instrument) -> None:
        size, price = text(terms, "newSz"), text(terms, "newPx")
        if not size and not price:
            raise ApiError("51500")
        req_id = client_id(terms, "reqId")
        wanted_lots = lots(terms, "newSz", instrument) if size else order.lots
        wanted_ticks = order.ticks
        if price:
            wanted_ticks = self._rules.limit_ticks(ticks(terms, "newPx", instrument), order.side, instrument, terms)
        if order.kind is OrderKind.POST_ONLY and self._would_take(order, wanted_ticks):
            raise ApiError("51511")
        try:
            self._desk.venue.amend(order, wanted_ticks, wanted_lots)
        except Refused as refused:
            raise self._refusal(refused, order, "51502") from None
        if isinstance(order, OkxOrder):
            order.size = size or order.size
            order.req_id, order.amend_source, order.amend_result = req_id, "1", "0"

    def _would_take(self, order: Order, wanted_ticks: int) -> bool:
        book = self._desk.venue.books[order.pair]
        if order.side is Side.BUY:
            best = book.asks.best()
            return best is not None and wanted_ticks >= best
        best = book.bids.best()
        return best is not None and wanted_ticks <= best

    def _refusal(self, refused: Refused, order: Order, balance: str) -> ApiError:
        if refused.refusal is Refusal.DUPLICATE_ID:
            return ApiError("51016")
        return ApiError(balance, spent_asset(order, self._desk.venue.instruments[order.pair]))


def _as_sent(terms: Terms, name: str) -> str:
    value = terms.get(name)
    return value if isinstance(value, str) else ""
