"""Short ways to say what an exchange reports: levels, orders, executions. Prices and amounts as text."""

from __future__ import annotations

from decimal import Decimal

from app.core.orders import InFlightOrder, OrderIntent
from app.core.types import BookDiff, BookSnapshot, Fill, Level, OrderType, OrderUpdate, Side, Trade, VenueState

PAIR = "BTC-USDT"


def snapshot(bids: list[Level], asks: list[Level], id: int | None = None, frame: int = 1) -> BookSnapshot:
    return BookSnapshot(pair=PAIR, bids=bids, asks=asks, last_id=id, frame=frame)


def diff(
    bids: list[Level] | None = None,
    asks: list[Level] | None = None,
    *,
    id: int | None = None,
    prev: int | None = None,
    first: int | None = None,
    frame: int = 2,
) -> BookDiff:
    return BookDiff(pair=PAIR, bids=bids or [], asks=asks or [], last_id=id, prev_id=prev, first_id=first, frame=frame)


def terms(client_order_id: str = "k1", amount: str | None = "1", price: str | None = "100") -> OrderIntent:
    return OrderIntent(
        client_order_id=client_order_id,
        pair=PAIR,
        side=Side.BUY,
        type=OrderType.LIMIT,
        price=None if price is None else Decimal(price),
        amount=None if amount is None else Decimal(amount),
        created_ms=1,
        proof_ms=16_000,
    )


def order(amount: str | None = "1") -> InFlightOrder:
    return InFlightOrder(terms(amount=amount))


def report(
    state: VenueState = VenueState.OPEN,
    filled: str | None = None,
    *,
    client: str = "k1",
    id: str = "E1",
    ms: int = 0,
    pair: str = PAIR,
    amount: str | None = None,
    price: str | None = None,
    reason: str = "",
    side: Side | None = None,
    frame: int = 0,
) -> OrderUpdate:
    return OrderUpdate(
        pair=pair,
        state=state,
        venue_word=state.value.upper(),
        exchange_order_id=id,
        client_order_id=client,
        side=side,
        filled=None if filled is None else Decimal(filled),
        amount=None if amount is None else Decimal(amount),
        price=None if price is None else Decimal(price),
        exchange_ms=ms,
        reason=reason,
        frame=frame,
    )


def fill(
    trade_id: str,
    amount: str = "0.1",
    price: str = "100",
    *,
    client: str = "",
    id: str = "E1",
    ms: int = 0,
    space: str = "",
    pair: str = PAIR,
) -> Fill:
    return Fill(
        pair=pair,
        exchange_order_id=id,
        trade_id=trade_id,
        side=Side.BUY,
        price=Decimal(price),
        amount=Decimal(amount),
        client_order_id=client,
        exchange_ms=ms,
        id_space=space,
    )


def trade(trade_id: str, ms: int = 0, price: str = "100") -> Trade:
    return Trade(pair=PAIR, trade_id=trade_id, taker=Side.BUY, price=price, amount="1", exchange_ms=ms)
