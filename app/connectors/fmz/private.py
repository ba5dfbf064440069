"""An account behind a plug-in: asks about orders and balances, places and cancels. No stream, no I/O.

The protocol carries no id of ours, no fills and no fees: fills are worked out from what an order had filled before, and
an order whose answer was lost stays unknown until the trader picks it (`candidates.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from app.connectors.fmz.errors import good_data
from app.connectors.fmz.private_rows import fills_since, read_balances, read_one_order, read_orders
from app.connectors.fmz.protocol import RAW_PREFIX, PlacedRow, plain, text_of, to_symbol
from app.connectors.fmz.public import question
from app.connectors.fmz.service import as_plugin
from app.connectors.spec import Auth, CancelAnswer, Domain, PlaceAccepted
from app.core.effects import NOTHING, Effect
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, Page, Priority, Response, VenueError
from app.core.types import Balance, Fill, OrderType, OrderUpdate, Side

T = TypeVar("T")

NOT_BY_OUR_ID = "this exchange cannot be asked by our id"
_PLACE_WITHIN_S = 10.0
_AT_MARKET = "-1"

_decode_placed = msgspec.json.Decoder(PlacedRow).decode


class FmzPrivate:
    """Every method is pure."""

    link: Link | None = None
    streams_balances = True
    """Nothing streams: the account is polled as a whole, balances with it."""
    asks_by_our_id = False
    """An order whose answer was lost cannot be looked for by us."""

    def __init__(self, domain: Domain, auth: Auth) -> None:
        self._domain = as_plugin(domain)

    # -- there is no stream

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        return NOTHING

    def on_logged_in(self) -> Iterable[Effect]:
        return NOTHING

    def heartbeat(self, now_ms: int) -> bytes:
        return b""

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        raise ValueError("the protocol has no stream")

    # -- questions

    def get_balances(self) -> Call[Page[Balance]]:
        return self._ask("accounts", {}, lambda response: Page(read_balances(response)), Priority.RECONCILE)

    def get_assets(self) -> Call[list[Balance]]:
        """Everything owned, which may include what is borrowed."""
        return self._ask("assets", {}, read_balances)

    def get_open_orders(self) -> Call[Page[OrderUpdate]]:
        return self._ask("orders", {"symbol": ""}, lambda response: Page(read_orders(response)), Priority.RECONCILE)

    def get_order(self, order: InFlightOrder) -> Call[OrderUpdate]:
        """By the exchange's id. Without one the answer is a VenueError that says so: it is never NOT_FOUND."""
        if not order.exchange_order_id:
            return self._cannot_be_asked(order)

        pair = order.pair
        return self._ask("order", _named(order), lambda response: read_one_order(response, pair), Priority.ORDER_QUERY)

    def get_order_fills(self, order: InFlightOrder) -> Call[Page[Fill]]:
        """One fill for all that was filled since those known: price by the change of the average, fee not told."""
        if not order.exchange_order_id:
            return self._cannot_be_asked(order)

        def parse(response: Response) -> Page[Fill]:
            return Page(fills_since(order, read_one_order(response, order.pair), response))

        return self._ask("order", _named(order), parse, Priority.RECONCILE)

    def get_order_history(self, since_ms: int) -> Call[Page[OrderUpdate]]:
        """Orders that ended, one market after the other."""
        return self._history([market.pair for market in self._domain.markets], since_ms)

    def get_fills(self, since_ms: int) -> Call[Page[Fill]]:
        """None is ever told: what was filled is learned order by order. The cheapest question stands in for it."""
        return self._ask("accounts", {}, lambda response: _nothing_but(good_data(response)), Priority.RECONCILE)

    def get_fees(self) -> None:
        return None

    def call_raw(self, verb: str, path: str, query: str) -> Call[bytes]:
        """The exchange's own REST through the plug-in; returns its answer as JSON. Raises ValueError for a bad verb."""
        if verb not in ("GET", "POST", "PUT", "DELETE") or not path.startswith("/"):
            raise ValueError("a raw call needs a verb such as GET and a path that begins with a slash")
        asked = question(
            self._domain.path,
            RAW_PREFIX + path,
            dict(parse_qsl(query, keep_blank_values=True)),
            Priority.INFO,
            headers=(("Http-Method", verb),),
        )
        return Call(request=asked, parse=lambda response: bytes(good_data(response)))

    # -- order entry

    def place_order(self, intent: OrderIntent) -> Call[PlaceAccepted]:
        amount, price = self._size(intent)
        params: dict[str, str | int] = {
            "amount": plain(amount),
            "price": price,
            "symbol": to_symbol(intent.pair),
            "type": "buy" if intent.side is Side.BUY else "sell",
        }

        def parse(response: Response) -> PlaceAccepted:
            order_id = text_of(_decode_placed(bytes(good_data(response))).id)
            if not order_id:
                raise ValueError("the reply to an order holds no order id")
            return PlaceAccepted(order_id, response.frame)

        return self._ask("trade", params, parse, Priority.PLACE, _PLACE_WITHIN_S)

    def preview_order(self, intent: OrderIntent) -> None:
        return None

    def amend_order(self, order: InFlightOrder, price: Decimal | None, amount: Decimal | None) -> None:
        return None

    def cancel_order(self, order: InFlightOrder) -> Call[CancelAnswer]:
        """Taken is not cancelled: the order is asked for next."""
        if not order.exchange_order_id:
            return self._cannot_be_asked(order)

        def parse(response: Response) -> CancelAnswer:
            good_data(response)
            return CancelAnswer(
                exchange_order_id=order.exchange_order_id,
                client_order_id=order.client_order_id,
                accepted=True,
                frame=response.frame,
            )

        return self._ask("cancel", _named(order), parse, Priority.CANCEL)

    def cancel_orders(self, orders: Sequence[InFlightOrder]) -> Sequence[Call[list[CancelAnswer]]]:
        """One call for each order; a refusal of one must not stand for the others."""
        return [_as_answers(self.cancel_order(order), order) for order in orders]

    def cancel_all(self, pair: str | None) -> Sequence[Call[list[CancelAnswer]]]:
        return ()

    def kill_switch(self, seconds: int | None) -> None:
        return None

    def get_permissions(self) -> None:
        """A plug-in tells nothing of the key behind it."""
        return None

    # -- small parts

    def _ask(
        self,
        method: str,
        params: dict[str, str | int],
        parse: Callable[[Response], T],
        priority: Priority = Priority.INFO,
        timeout_s: float = 10.0,
    ) -> Call[T]:
        return Call(request=question(self._domain.path, method, params, priority, timeout_s), parse=parse)

    def _cannot_be_asked(self, order: InFlightOrder) -> Call[T]:
        """Asks for the open orders, among which the trader may find it, and raises UNAVAILABLE: nothing is proved."""

        def parse(response: Response) -> T:
            good_data(response)
            raise VenueError(ErrorKind.UNAVAILABLE, "", NOT_BY_OUR_ID, response.status, response.frame)

        return self._ask("orders", {"symbol": to_symbol(order.pair)}, parse, Priority.ORDER_QUERY)

    def _history(self, pairs: list[str], since_ms: int) -> Call[Page[OrderUpdate]]:
        def parse(response: Response) -> Page[OrderUpdate]:
            return Page(read_orders(response), self._history(pairs[1:], since_ms) if len(pairs) > 1 else None)

        params: dict[str, str | int] = {
            "limit": 0,
            "since": since_ms,
            "symbol": to_symbol(pairs[0]) if pairs else "",
        }
        return self._ask("historyorders", params, parse)

    def _size(self, intent: OrderIntent) -> tuple[Decimal, str]:
        if intent.type is OrderType.LIMIT and intent.price is not None and intent.amount is not None:
            return intent.amount, plain(intent.price)
        sized = self._domain.market_orders
        if intent.type is not OrderType.MARKET or sized == "off":
            raise ValueError(f"{intent.type} orders cannot be placed through this plug-in")
        by_quote = intent.side is Side.BUY and sized == "quote"
        amount = intent.quote_amount if by_quote else intent.amount
        if amount is None:
            raise ValueError(f"a market order of this plug-in is sized in {'quote' if by_quote else 'base'}")
        return amount, _AT_MARKET


def _named(order: InFlightOrder) -> dict[str, str | int]:
    return {"id": order.exchange_order_id, "symbol": to_symbol(order.pair)}


def _nothing_but(data: object) -> Page[Fill]:
    return Page([])


def _as_answers(call: Call[CancelAnswer], order: InFlightOrder) -> Call[list[CancelAnswer]]:
    def parse(response: Response) -> list[CancelAnswer]:
        try:
            return [call.parse(response)]
        except VenueError as error:
            refused = CancelAnswer(
                exchange_order_id=order.exchange_order_id,
                client_order_id=order.client_order_id,
                accepted=False,
                words=error.words,
                error=error,
                frame=response.frame,
            )
            return [refused]

    return Call(request=call.request, parse=parse)
