"""The engine on Crypto.com's wire: beats, gaps, a login, and an order whose fate only the stream tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from app.connectors.crypto_com import SPEC
from app.core.order_book import BookState
from app.core.order_state import OrderState
from app.core.orders import OrderIntent
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from tests.connectors import fake_link
from tests.connectors.crypto_com.test_crypto_com_book import SNAPSHOT, snapshot, update
from tests.connectors.crypto_com.test_crypto_com_public import INSTRUMENT, TICK
from tests.connectors.crypto_com.test_crypto_com_stream import CRO, ORDER, PORTFOLIO, TRADE, push
from tests.until import until

pytestmark = pytest.mark.asyncio
METHODS = "/exchange/v1/"


@pytest_asyncio.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[fake_link.Desk]:
    monkeypatch.setattr(fake_link, "exchange_spec", lambda name: SPEC)
    desk = fake_link.Desk(with_account=True)
    answers: dict[str, Any] = {
        "private/user-balance": [PORTFOLIO],
        "private/get-open-orders": [],
        "private/advanced/get-open-orders": [],
        "private/get-trades": [],
    }
    for method, rows in answers.items():
        desk.rest.answers["POST", METHODS + method] = {"id": 1, "method": method, "code": 0, "result": {"data": rows}}
    for method, row in (("public/get-instruments", INSTRUMENT), ("public/get-tickers", TICK)):
        desk.rest.answers["GET", METHODS + method] = {"id": -1, "method": method, "code": 0, "result": {"data": [row]}}
    desk.exchange.watch("BTC-USDT")
    desk.exchange.start_network()
    await until(lambda: {"public", "private"} <= set(desk.transport.sockets) and len(desk.socket().sent) == 2)
    yield desk
    await desk.exchange.stop_network()


async def test_a_gap_asks_for_one_book_again(desk: fake_link.Desk) -> None:
    book, socket = desk.exchange.order_books["BTC-USDT"], desk.socket()
    socket.receives({"id": 1, "method": "subscribe", "code": 0}, SNAPSHOT)
    await until(lambda: book.state is BookState.LIVE)
    socket.receives(update(78795598162081, 78795598162999, [["1", "1", "1"]]))
    await until(lambda: len(socket.sent) == 4)
    assert book.stale and book.best_bid == "43737.46"
    assert [(sent["method"], sent["params"]["channels"]) for sent in socket.sent[2:]] == [
        ("unsubscribe", ["book.BTC_USDT.50"]),
        ("subscribe", ["book.BTC_USDT.50"]),
    ]
    socket.receives(snapshot(10, [["50", "1", "1"]]), update(10, 90, [["51", "1", "1"]]))
    await until(lambda: not book.stale and book.best_bid == "51")


async def test_both_sockets_answer_the_servers_beat(desk: fake_link.Desk) -> None:
    for name in ("public", "private"):
        desk.socket(name).receives({"id": 1587523073344, "method": "public/heartbeat", "code": 0})
    answer = {"id": 1587523073344, "method": "public/respond-heartbeat"}
    await until(lambda: all(answer in desk.socket(name).sent for name in ("public", "private")))


async def test_an_order_is_received_rejected_filled_as_the_stream_tells(desk: fake_link.Desk) -> None:
    socket = desk.socket("private")
    socket.receives({"id": 1, "method": "public/auth", "code": 0}, {"id": 2, "method": "subscribe", "code": 0})
    await until(lambda: bool(desk.exchange.account.complete_frame) and bool(desk.exchange.trading_rules))
    await until(lambda: [sent["method"] for sent in socket.sent] == ["public/auth", "subscribe", "subscribe"])
    assert desk.exchange.balances["CRO"].available == Decimal(24400)
    desk.rest.answers["POST", METHODS + "private/create-order"] = {"code": 0, "result": {"order_id": "19848525"}}
    draft = OrderDraft(
        pair="BTC-USDT", side=Side.BUY, type=OrderType.LIMIT, price=Decimal(50000), amount=Decimal("0.01")
    )
    usdt = {**CRO, "instrument_name": "USDT", "quantity": "9000", "reserved_qty": "0"}
    socket.receives(push("user.balance", {**PORTFOLIO, "position_balances": [usdt]}))
    desk.socket().receives(SNAPSHOT)
    await until(lambda: not desk.exchange.order_books["BTC-USDT"].stale and "USDT" in desk.exchange.balances)
    assert desk.exchange.balances["CRO"].total == Decimal("24422.72"), "a push may tell of some coins only"

    entry = desk.exchange.ledger.begin(_intent("first", draft), 0)
    sender = desk.exchange.trading._sender
    assert sender is not None
    await sender.place(entry)
    order = desk.exchange.orders.get("first")
    assert order is not None and order.state is OrderState.OPEN and order.exchange_order_id == "19848525"
    socket.receives(push("user.order", {**ORDER, "client_oid": "first", "status": "REJECTED", "reason": "43005"}))
    await until(lambda: order.state is OrderState.FAILED)
    assert order.reason == "post-only, and would have taken"

    desk.rest.answers["POST", METHODS + "private/create-order"] = {"code": 0, "result": {"order_id": "77"}}
    await sender.place(desk.exchange.ledger.begin(_intent("second", draft), 0))
    other = desk.exchange.orders.get("second")
    assert other is not None
    ids = {"client_oid": "second", "order_id": "77"}
    socket.receives(push("user.trade", {**TRADE, **ids, "traded_quantity": "0.01", "traded_price": "50000"}))
    filled = {"status": "FILLED", "cumulative_quantity": "0.01", "cumulative_value": "500"}
    socket.receives(push("user.order", {**ORDER, **ids, **filled}))
    await until(lambda: other.state is OrderState.FILLED)
    assert (len(other.fills), other.average_price, other.fills_missing) == (1, Decimal(50000), Decimal(0))


def _intent(client_order_id: str, draft: OrderDraft) -> OrderIntent:
    return OrderIntent(
        client_order_id=client_order_id,
        pair=draft.pair,
        side=draft.side,
        type=draft.type,
        price=draft.price,
        amount=draft.amount,
    )
