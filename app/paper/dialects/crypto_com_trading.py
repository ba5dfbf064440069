"""Crypto.com's calls that change ordinary orders: create, amend, cancel, lists of those, cancel all.

| what | rule | evidence |
|---|---|---|
| answer | client_oid and order_id: the request was received; what became of it comes on user.order | sheet 7 |
| a post-only order that would take | code 0, then REJECTED with reason 43005 | sheet 6 to 8; status unconfirmed |
| 306, 314, 315, 415 | carry client_oid and an order_id as `result` | ccxt's samples |
| no client_oid | the request's id (and _index in a list) comes back | the exchange's samples |
| client_oid already used, ever | 204 | sheet 7; "ever" unconfirmed |
| the same signed create request twice | 40006 | code sheet 8; rule unconfirmed |
| cancel, amend: no id; not a number | 40004; 212 | sheet 8; which code when: unconfirmed |
| cancel, amend: unknown or finished | 316 | sheet 8 |
| amend | both new values; same order_id; less quantity keeps the place | sheet 7; the id from the exchange's sample |
| cancel-all-orders | no result; type LIMIT, TRIGGER, or ALL unless told | sheet 7; the default unconfirmed |
| lists | contingency_type LIST, at most 10; each row has index and code as texts | sheet 7; ccxt has seen integers |
| a list with failures | code 0 at the top | ccxt's sample |
"""

from __future__ import annotations

from collections.abc import Callable

from app.core.types import Side
from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_listings import OrderNumbers, symbol_of
from app.paper.dialects.crypto_com_orders import USER, CryptoComOrder, CryptoComStop, client_oid
from app.paper.dialects.crypto_com_request import Call
from app.paper.dialects.crypto_com_rules import OrderRules, Terms, client_id, lots, text, ticks
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind, StopOrder
from app.paper.venue import Refusal, Refused

MOST_IN_A_LIST = 10
_WITH_RESULT = frozenset({306, 314, 315, 415})


class Trading:
    def __init__(self, desk: Desk, rules: OrderRules, numbers: OrderNumbers) -> None:
        self._desk = desk
        self._rules = rules
        self._numbers = numbers

    def create(self, call: Call) -> Json:
        return self._create(call.terms, call.account, str(call.request_id))

    def amend(self, call: Call) -> Json:
        account, terms = call.account, call.terms
        order = self.find(account, terms, "orig_client_oid")
        if order is None or not order.state.is_open:
            raise ApiError(316)
        instrument = self._desk.venue.instruments[order.pair]
        renamed = client_id(terms, "client_oid")
        self._change(order, ticks(terms, "new_price", instrument), lots(terms, "new_quantity", instrument), instrument)
        if renamed:
            self._desk.venue.ledger(account.account_id).rename(order, renamed)
        return names_of(order)

    def cancel(self, call: Call) -> Json:
        return self._cancel(call.terms, call.account)

    def cancel_all(self, call: Call) -> None:
        account_id, kind = call.account.account_id, text(call.terms, "type") or "ALL"
        if kind not in ("LIMIT", "TRIGGER", "ALL"):
            raise ApiError(40004)
        pairs = [self._rules.instrument(call.terms).pair] if text(call.terms, "instrument_name") else []
        if kind != "TRIGGER":
            self._desk.venue.cancel_all(account_id, pairs, USER)
        if kind != "LIMIT":
            self.cancel_stops(account_id, pairs)

    def cancel_stops(self, account_id: str, pairs: list[str]) -> None:
        """Every waiting trigger order, of these pairs or (none given) of all."""
        for stop in list(self._desk.venue.ledger(account_id).stops.values()):
            if not pairs or stop.pair in pairs:
                self._desk.venue.cancel_stop(stop)

    def create_list(self, call: Call) -> list[Json]:
        def place(terms: Terms, index: int) -> Json:
            return self._create(terms, call.account, f"{call.request_id}_{index}")

        return self._each(call.terms, place)

    def cancel_list(self, call: Call) -> list[Json]:
        def cancel(terms: Terms, index: int) -> Json:
            self._rules.instrument(terms)
            self._cancel(terms, call.account)
            return {}

        return self._each(call.terms, cancel)

    def find(self, account: Account, terms: Terms, oid_name: str = "client_oid") -> Order | None:
        """The order named by order_id or else by its client id. Raises ApiError when there is neither."""
        ledger = self._desk.venue.ledger(account.account_id)
        order_id = numbered(terms, "order_id")
        if order_id is not None:
            return ledger.orders.get(order_id)
        named = text(terms, oid_name)
        if not named:
            raise ApiError(40004)
        found = ledger.by_client_id.get(named)
        return found if isinstance(found, Order) else None

    def refusal(self, refused: Refused) -> ApiError:
        return ApiError(204 if refused.refusal is Refusal.DUPLICATE_ID else 306)

    def failed(self, error: ApiError, terms: Terms, default_oid: str) -> ApiError:
        """The error as create calls answer it."""
        if error.code not in _WITH_RESULT:
            return error
        oid = text(terms, "client_oid") or default_oid
        return ApiError(error.code, result={"client_oid": oid, "order_id": str(self._numbers.next())})

    def name(self, order: CryptoComOrder | CryptoComStop, default_oid: str) -> None:
        """Give it the request's id for a client id, findable unless that is used already."""
        if order.client_order_id:
            return
        if self._desk.venue.ledger(order.owner).uses(default_oid):
            order.shown_client_oid = default_oid
        else:
            order.client_order_id = default_oid

    def _create(self, terms: Terms, account: Account, default_oid: str) -> Json:
        try:
            order = self._rules.order(terms, account.account_id)
            self.name(order, default_oid)
            try:
                self._desk.venue.place(order)
            except Refused as refused:
                raise self.refusal(refused) from None
        except ApiError as error:
            raise self.failed(error, terms, default_oid) from None
        return names_of(order)

    def _cancel(self, terms: Terms, account: Account) -> Json:
        order = self.find(account, terms)
        if order is None or not self._desk.venue.cancel(order, USER):
            raise ApiError(316)
        return names_of(order)

    def _change(self, order: Order, wanted_ticks: int, wanted_lots: int, instrument: Instrument) -> None:
        probe = CryptoComOrder(
            order_id=0, owner=order.owner, pair=order.pair, side=order.side, kind=order.kind, ticks=wanted_ticks
        )
        probe.lots = wanted_lots
        self._rules.check_limit(probe, instrument)
        if order.kind is OrderKind.POST_ONLY and self._would_take(order, wanted_ticks):
            raise ApiError(43005)
        try:
            self._desk.venue.amend(order, wanted_ticks, wanted_lots)
        except Refused as refused:
            raise self.refusal(refused) from None

    def _would_take(self, order: Order, wanted_ticks: int) -> bool:
        book = self._desk.venue.books[order.pair]
        if order.side is Side.BUY:
            best = book.asks.best()
            return best is not None and wanted_ticks >= best
        best = book.bids.best()
        return best is not None and wanted_ticks <= best

    def _each(self, terms: Terms, act: Callable[[Terms, int], Json]) -> list[Json]:
        rows = terms.get("order_list")
        if text(terms, "contingency_type") != "LIST" or not isinstance(rows, list):
            raise ApiError(40004)
        if not 1 <= len(rows) <= MOST_IN_A_LIST or not all(isinstance(row, dict) for row in rows):
            raise ApiError(40004)
        answers: list[Json] = []
        for index, row in enumerate(rows):
            answer: Json = {"index": str(index), "code": "0"}
            try:
                answer |= act(row, index)
            except ApiError as error:
                answer |= {"code": str(error.code), "message": error.message}
                named = {name: row[name] for name in ("client_oid", "order_id") if isinstance(row.get(name), str)}
                answer |= named | (error.result or {})
            answers.append(answer)
        return answers


def names_of(order: Order | StopOrder) -> Json:
    return {"client_oid": client_oid(order), "order_id": str(order.order_id)}


def numbered(terms: Terms, name: str) -> int | None:
    """An id, or None when there is none. Raises ApiError for what is no number."""
    value = text(terms, name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise ApiError(212)
    return int(value)


def wants(terms: Terms, pair: str) -> bool:
    """Whether a list is about this pair."""
    named = text(terms, "instrument_name")
    return not named or named == symbol_of(pair)
