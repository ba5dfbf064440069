"""Balances and orders as a plug-in tells them, as our facts. No requests."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.connectors.fmz.errors import good_data
from app.connectors.fmz.protocol import SIDES, BalanceRow, OrderRow, number_of, plain, state_of, text_of, to_pair
from app.core.orders import InFlightOrder
from app.core.requests import Response
from app.core.types import Balance, Fill, OrderType, OrderUpdate

REST = "rest"
DERIVED = "derived"
"""`Fill.id_space` of fills that we worked out: the protocol tells none."""

_decode_order = msgspec.json.Decoder(OrderRow).decode
_decode_orders = msgspec.json.Decoder(list[OrderRow]).decode
_decode_balances = msgspec.json.Decoder(list[BalanceRow]).decode


def read_balances(response: Response) -> list[Balance]:
    """The reply tells no time."""
    found = []
    for row in _decode_balances(bytes(good_data(response))):
        free, frozen = number_of(row.free), number_of(row.frozen)
        found.append(
            Balance(asset=row.currency, total=free + frozen, available=free, frame=response.frame, source=REST)
        )
    return found


def read_order(row: OrderRow, response: Response, pair: str = "") -> OrderUpdate:
    """The time is ours, of the answer: the protocol tells none. `pair` stands in where the row names no market.

    Raises ValueError for a row without id, without market, or with a type that is neither buy nor sell.
    """
    order_id, side = text_of(row.id), SIDES.get(row.type.lower())
    if not order_id or side is None:
        raise ValueError(f"an order without {'a side' if order_id else 'an id'}")
    price = number_of(row.price)
    filled, average = number_of(row.deal_amount), number_of(row.avg_price)
    amount = number_of(row.amount) or None
    return OrderUpdate(
        pair=pair or to_pair(row.symbol),
        state=state_of(row, amount, filled),
        venue_word=row.status or row.state,
        exchange_order_id=order_id,
        side=side,
        type=OrderType.LIMIT if price > 0 else OrderType.MARKET,
        price=price if price > 0 else None,
        amount=amount if price > 0 else None,
        filled=filled,
        filled_quote=filled * average if average > 0 else None,
        exchange_ms=response.received_ms,
        frame=response.frame,
        source=REST,
    )


def read_one_order(response: Response, pair: str) -> OrderUpdate:
    return read_order(_decode_order(bytes(good_data(response))), response, pair)


def read_orders(response: Response) -> list[OrderUpdate]:
    return [read_order(row, response) for row in _decode_orders(bytes(good_data(response)))]


def fills_since(order: InFlightOrder, update: OrderUpdate, response: Response) -> list[Fill]:
    """What was filled beyond the fills known; empty where no price can be told."""
    counted = sum((fill.amount for fill in order.fills), Decimal(0))
    paid = sum((fill.amount * fill.price for fill in order.fills), Decimal(0))
    filled = update.filled or Decimal(0)
    news = filled - counted
    if news <= 0:
        return []
    price = order.terms.price or update.price
    if update.filled_quote is not None:
        change = (update.filled_quote - paid) / news
        price = change if change > 0 else update.filled_quote / filled
    if price is None:
        return []
    return [
        Fill(
            pair=order.pair,
            exchange_order_id=order.exchange_order_id,
            trade_id=f"{order.exchange_order_id}:{plain(filled)}",
            side=order.side,
            price=price,
            amount=news,
            exchange_ms=response.received_ms,
            id_space=DERIVED,
            frame=response.frame,
        )
    ]
