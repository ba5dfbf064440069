"""Placing and cancelling on HTX: what is sent and how answers read. No checks of trading rules, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct, field

from app.connectors.htx.errors import good_body, refusal_of, state_words
from app.connectors.htx.markets import Markets
from app.connectors.htx.private_rows import GREATER, LESS, SPOT_SOURCE, text_id
from app.connectors.htx.protocol import weights
from app.connectors.spec import CancelAnswer, PlaceAccepted
from app.core.errors import ErrorKind
from app.core.order_state import OrderFlag
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Priority, Request, Response, VenueError
from app.core.types import OrderType, Side, TimeInForce

ORDERS = "/v1/order/orders"
ALGO_ORDERS = "/v2/algo-orders"
AT_MARKET_STOPS = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT})
"""Kept beside the book as conditional orders, which have no number until they go off."""
_TAKE_PROFITS = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
_LIMITS = {TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "limit-fok"}
_STOP_LIMITS = {TimeInForce.GTC: "stop-limit", TimeInForce.FOK: "stop-limit-fok"}
_PLAIN = {OrderType.LIMIT_MAKER: "limit-maker", OrderType.MARKET: "market"}
_MOST_CANCELS = 50
_MOST_OF_ALL = 100
_LEAST_TIMER_S = 5
_TIMEOUT_S = 5.0
_TAKEN_STATES = frozenset({"5", "7", "10"})
"""Being cancelled, or cancelled already: the end is told elsewhere."""


NoteAlgo = Callable[[str, str], None]


class _Placed(Struct):
    data: str | int


class _CancelledByOurs(Struct):
    data: int | str


class _AlgoId(Struct, rename="camel"):
    client_order_id: str = ""


class _AlgoPlaced(Struct):
    data: _AlgoId


class _FailedRow(Struct, rename="kebab"):
    order_id: str | int | None = ""
    client_order_id: str | None = ""
    err_code: str | int | None = ""
    err_msg: str | None = ""
    order_state: str | int | None = None


class _Many(Struct):
    success: list[str | int] = []
    failed: list[_FailedRow] = []


class _ManyCancelled(Struct):
    data: _Many


class _AlgoMany(Struct):
    rejected: list[str] = []


class _AlgoCancelled(Struct):
    data: _AlgoMany = field(default_factory=_AlgoMany)


class _Timer(Struct, rename="camel"):
    trigger_time: int | str | None = None


class _TimerSet(Struct):
    data: _Timer | None = None


_decode_placed = msgspec.json.Decoder(_Placed).decode
_decode_algo_placed = msgspec.json.Decoder(_AlgoPlaced).decode
_decode_by_ours = msgspec.json.Decoder(_CancelledByOurs).decode
_decode_many = msgspec.json.Decoder(_ManyCancelled).decode
_decode_algo_cancelled = msgspec.json.Decoder(_AlgoCancelled).decode
_decode_timer = msgspec.json.Decoder(_TimerSet).decode


def is_waiting_algo(order: InFlightOrder) -> bool:
    """A conditional order that has not gone off. Stop-limits of ours are ordinary orders with a number of their own."""
    if order.exchange_order_id:
        return False
    kind = order.terms.type
    found_here = OrderFlag.EXTERNAL in order.flags
    return kind in AT_MARKET_STOPS or (found_here and (kind.has_stop_price or kind.value.startswith("TRAILING")))


def place(intent: OrderIntent, account_id: str, markets: Markets, note_algo: NoteAlgo) -> Call[PlaceAccepted]:
    """`note_algo` is told of a conditional order that was taken: its client id and pair.

    Raises ValueError for an intent that this exchange has no form for; nothing is sent then."""
    if not account_id:
        raise ValueError("the number of the spot account is not known yet")
    if intent.type in AT_MARKET_STOPS:
        request = _send(ALGO_ORDERS, _algo_order(intent, account_id, markets), "other", Priority.PLACE)

        def parse(response: Response) -> PlaceAccepted:
            """It waits under our id; a number comes when it goes off."""
            _decode_algo_placed(good_body(response))
            note_algo(intent.client_order_id, intent.pair)
            return PlaceAccepted("", response.frame)

        return Call(request=request, parse=parse)
    request = _send(f"{ORDERS}/place", _order(intent, account_id, markets), "place", Priority.PLACE)
    return Call(request=request, parse=_accepted)


def cancel(order: InFlightOrder) -> Call[CancelAnswer]:
    """By the exchange's number where it is known, else by ours. A refusal raises its VenueError."""
    if is_waiting_algo(order):
        return _first(cancel_algos([_ours(order)]))
    if order.live_order_id:
        path = f"{ORDERS}/{order.live_order_id}/submitcancel"
        return Call(request=_send(path, {}, "cancel", Priority.CANCEL), parse=lambda reply: _taken(order, reply))

    def parse(response: Response) -> CancelAnswer:
        state = str(_decode_by_ours(good_body(response)).data)
        if state not in _TAKEN_STATES:
            kind = ErrorKind.NOT_FOUND if state == "0" else ErrorKind.ALREADY_DONE
            words = "no such order" if state == "0" else f"the order is {state_words(state)}"
            raise VenueError(kind, state, words, response.status, response.frame)
        return _answer(order.exchange_order_id, order.client_order_id, response)

    body = {"client-order-id": _ours(order)}
    return Call(request=_send(f"{ORDERS}/submitCancelClientOrder", body, "cancel", Priority.CANCEL), parse=parse)


def cancel_these(orders: Sequence[InFlightOrder]) -> list[Call[list[CancelAnswer]]]:
    """Fifty a call: those with a number, those known by our id only, and conditional ones apart."""
    algos = [_ours(order) for order in orders if is_waiting_algo(order)]
    in_book = [order for order in orders if not is_waiting_algo(order)]
    theirs = [order.live_order_id for order in in_book if order.live_order_id]
    ours = [_ours(order) for order in in_book if not order.live_order_id]
    calls = [_cancel_some("order-ids", part) for part in _parts(theirs)]
    calls += [_cancel_some("client-order-ids", part) for part in _parts(ours)]
    return calls + cancel_algos_in_parts(algos)


def cancel_algos_in_parts(client_order_ids: list[str]) -> list[Call[list[CancelAnswer]]]:
    return [cancel_algos(part) for part in _parts(client_order_ids)]


def cancel_algos(client_order_ids: list[str]) -> Call[list[CancelAnswer]]:
    """Conditional orders by their client ids, which are the only ones they have."""

    def parse(response: Response) -> list[CancelAnswer]:
        refused = set(_decode_algo_cancelled(good_body(response)).data.rejected)
        error = VenueError(ErrorKind.ALREADY_DONE, "", "cancel refused", response.status, response.frame)
        return [_answer("", name, response, error if name in refused else None) for name in client_order_ids]

    body = {"clientOrderIds": client_order_ids}
    return Call(request=_send(f"{ALGO_ORDERS}/cancellation", body, "other", Priority.CANCEL), parse=parse)


def cancel_everything(account_id: str, symbol: str, open_orders: int) -> list[Call[list[CancelAnswer]]]:
    """All orders in the book, of one market or of the account, a hundred a call. Names none of those it ends."""
    if not account_id:
        raise ValueError("the number of the spot account is not known yet")
    body = {"account-id": account_id, "size": str(_MOST_OF_ALL), **({"symbol": symbol} if symbol else {})}
    request = _send(f"{ORDERS}/batchCancelOpenOrders", body, "cancel", Priority.CANCEL)

    def parse(response: Response) -> list[CancelAnswer]:
        good_body(response)
        return []

    return [Call(request=request, parse=parse)] * (1 + open_orders // _MOST_OF_ALL)


def kill_switch(seconds: int | None) -> Call[int]:
    """Raises ValueError below 5 seconds."""
    if seconds is not None and seconds < _LEAST_TIMER_S:
        raise ValueError(f"the safety timer takes {_LEAST_TIMER_S} seconds or more, not {seconds}")

    def parse(response: Response) -> int:
        timer = _decode_timer(good_body(response)).data
        if seconds is None:
            return 0
        told = int(timer.trigger_time or 0) if timer is not None else 0
        return told or response.received_ms + seconds * 1000

    body = {"timeout": str(seconds or 0)}
    return Call(request=_send(f"{ALGO_ORDERS}/cancel-all-after", body, "other", Priority.CANCEL), parse=parse)


# -- forms -------------------------------------------------------------------------------------------------------------


def _order(intent: OrderIntent, account_id: str, markets: Markets) -> dict[str, str]:
    order = {
        "account-id": account_id,
        "symbol": markets.to_symbol(intent.pair),
        "type": f"{intent.side.value.lower()}-{_word(intent)}",
        "amount": _size(intent),
        "source": SPOT_SOURCE,
    }
    if intent.type.has_price:
        order["price"] = _text(intent.price, "price")
    if intent.type.has_stop_price:
        # A stop waits for the price to run away, a take-profit for it to come.
        waits_above = (intent.side is Side.BUY) is not (intent.type in _TAKE_PROFITS)
        order |= {"stop-price": _text(intent.stop_price, "stop price"), "operator": GREATER if waits_above else LESS}
    if intent.client_order_id:
        order["client-order-id"] = intent.client_order_id
    return order


def _algo_order(intent: OrderIntent, account_id: str, markets: Markets) -> dict[str, str | int]:
    if intent.time_in_force is not TimeInForce.GTC:
        raise ValueError(f"{intent.type} orders have no {intent.time_in_force} here")
    size = "orderValue" if intent.side is Side.BUY else "orderSize"
    return {
        "accountId": int(account_id),
        "symbol": markets.to_symbol(intent.pair),
        "orderSide": intent.side.value.lower(),
        "orderType": "market",
        size: _size(intent),
        "stopPrice": _text(intent.stop_price, "stop price"),
        "clientOrderId": intent.client_order_id,
    }


def _word(intent: OrderIntent) -> str:
    kind, time_in_force = intent.type, intent.time_in_force
    if kind is OrderType.LIMIT:
        return _LIMITS[time_in_force]
    if kind in (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT) and time_in_force in _STOP_LIMITS:
        return _STOP_LIMITS[time_in_force]
    if kind in _PLAIN and time_in_force is TimeInForce.GTC:
        return _PLAIN[kind]
    raise ValueError(f"{kind} {time_in_force} orders cannot be placed here")


def _size(intent: OrderIntent) -> str:
    """A buy at market is sized in quote, anything else in base."""
    at_market = intent.type is OrderType.MARKET or intent.type in AT_MARKET_STOPS
    if at_market and intent.side is Side.BUY:
        return _text(intent.quote_amount, "total")
    return _text(intent.amount, "amount")


def _text(number: Decimal | None, name: str) -> str:
    if number is None:
        raise ValueError(f"an order of this type needs a {name}")
    return format(number, "f")


def _ours(order: InFlightOrder) -> str:
    if not order.client_order_id:
        raise ValueError("an order without any id cannot be named")
    return order.client_order_id


def _parts(names: list[str]) -> list[list[str]]:
    return [names[first : first + _MOST_CANCELS] for first in range(0, len(names), _MOST_CANCELS)]


def _cancel_some(name: str, ids: list[str]) -> Call[list[CancelAnswer]]:
    by_ours = name == "client-order-ids"

    def parse(response: Response) -> list[CancelAnswer]:
        reply = _decode_many(good_body(response)).data
        taken = [
            _answer("", str(one), response) if by_ours else _answer(str(one), "", response) for one in reply.success
        ]
        return taken + [_failed(row, response) for row in reply.failed]

    return Call(request=_send(f"{ORDERS}/batchcancel", {name: ids}, "cancel", Priority.CANCEL), parse=parse)


# -- answers -----------------------------------------------------------------------------------------------------------


def _accepted(response: Response) -> PlaceAccepted:
    order_id = text_id(_decode_placed(good_body(response)).data)
    if not order_id:
        raise ValueError("the reply to an order holds no order id")
    return PlaceAccepted(order_id, response.frame)


def _taken(order: InFlightOrder, response: Response) -> CancelAnswer:
    good_body(response)
    return _answer(order.live_order_id, order.client_order_id, response)


def _failed(row: _FailedRow, response: Response) -> CancelAnswer:
    if str(row.order_state) == "10":
        return _answer(text_id(row.order_id), row.client_order_id or "", response)
    words = row.err_msg or ""
    if row.order_state is not None:
        words = f"{words} (order is {state_words(row.order_state)})".strip()
    error = refusal_of(row.err_code, words, response)
    return _answer(text_id(row.order_id), row.client_order_id or "", response, error)


def _answer(
    exchange_order_id: str, client_order_id: str, response: Response, error: VenueError | None = None
) -> CancelAnswer:
    """Taken is not cancelled: the stream or a query tells the end, so `final` stays empty."""
    return CancelAnswer(
        exchange_order_id=exchange_order_id,
        client_order_id=client_order_id,
        accepted=error is None,
        words=error.words if error else "",
        error=error,
        frame=response.frame,
    )


def _first(call: Call[list[CancelAnswer]]) -> Call[CancelAnswer]:
    def parse(response: Response) -> CancelAnswer:
        answers = call.parse(response)
        if len(answers) != 1:
            raise ValueError(f"{len(answers)} answers to one order")
        if answers[0].error is not None:
            raise answers[0].error
        return answers[0]

    return Call(request=call.request, parse=parse)


def _send(path: str, body: object, bucket: str, priority: Priority) -> Request:
    return Request(
        method="POST",
        path=path,
        body=msgspec.json.encode(body),
        signed=True,
        weights=weights(bucket),
        priority=priority,
        timeout_s=_TIMEOUT_S,
    )
