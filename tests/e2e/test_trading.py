"""The founding guide's list, each against a twin's real sockets: states and balances are asserted, not calls."""

from __future__ import annotations

import asyncio
import signal
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from app.connectors.exchange import Exchange
from app.connectors.trading import OrderRefused
from app.core.cancellation import CancelOutcome
from app.core.journal import EntryKind
from app.core.order_state import OrderFlag, OrderState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.store.database import Store
from app.twin_process import TwinLine
from tests.e2e.conftest import PAIR, open_desk
from tests.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAR = Decimal("0.97")


def balance(exchange: Exchange, asset: str) -> tuple[Decimal, Decimal]:
    found = exchange.account.balances[asset]
    return found.total, found.available


def resting_price(exchange: Exchange, side: Side) -> Decimal:
    mid = exchange.order_books[PAIR].mid
    assert mid is not None
    price = mid * FAR if side is Side.BUY else mid / FAR
    return exchange.quantize(
        OrderDraft(pair=PAIR, side=side, type=OrderType.LIMIT, price=price, amount=Decimal("0.01"))
    ).price or Decimal(0)


async def placed(exchange: Exchange, key: str, state: OrderState) -> None:
    order = exchange.orders.get(key)
    assert order is not None
    try:
        await until(lambda: order.state is state)
    except AssertionError:
        raise AssertionError(f"{key} is {order.state}, not {state}: {order.history}") from None


async def test_get_fee(exchange: Exchange) -> None:
    await until(lambda: exchange.fees.source == "account", what="the account's own fee rates")
    price = resting_price(exchange, Side.BUY)
    draft = OrderDraft(pair=PAIR, side=Side.BUY, type=OrderType.LIMIT_MAKER, price=price, amount=Decimal("0.5"))
    fee = exchange.get_fee(draft)
    assert fee is not None
    assert (fee.rate, fee.amount, fee.asset, fee.maker) == (
        Decimal("0.00145"),
        Decimal("0.5") * Decimal("0.00145"),
        "BTC",
        True,
    )


async def test_limit_buy(exchange: Exchange) -> None:
    total, available = balance(exchange, "USDT")
    price = resting_price(exchange, Side.BUY)
    key = exchange.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, price)
    assert exchange.orders.get(key) is not None, "the row is there before anything is sent"
    await placed(exchange, key, OrderState.OPEN)
    await until(lambda: balance(exchange, "USDT") == (total, available - price * Decimal("0.01")), what="the hold")
    assert [order.key for order in exchange.limit_orders] == [key]


async def test_limit_sell(exchange: Exchange) -> None:
    total, available = balance(exchange, "BTC")
    key = exchange.sell(PAIR, Decimal("0.02"), OrderType.LIMIT, resting_price(exchange, Side.SELL))
    await placed(exchange, key, OrderState.OPEN)
    await until(lambda: balance(exchange, "BTC") == (total, available - Decimal("0.02")), what="the hold")


async def test_market_buy(exchange: Exchange) -> None:
    usdt, _ = balance(exchange, "USDT")
    btc, _ = balance(exchange, "BTC")
    key = exchange.buy(PAIR, Decimal("250"), OrderType.MARKET)
    await placed(exchange, key, OrderState.FILLED)
    order = exchange.orders.get(key)
    assert order is not None
    await until(lambda: not order.fills_missing, what="every execution")
    bought = sum(fill.amount - (fill.fee or Decimal(0)) for fill in order.fills)
    paid = sum(fill.amount * fill.price for fill in order.fills)
    assert Decimal("240") < paid <= Decimal("250")
    await until(lambda: balance(exchange, "BTC") == (btc + bought, btc + bought), what="the bitcoin less its fee")
    await until(lambda: balance(exchange, "USDT")[0] == usdt - paid, what="the dollars paid")


async def test_market_sell(exchange: Exchange) -> None:
    usdt, _ = balance(exchange, "USDT")
    btc, _ = balance(exchange, "BTC")
    key = exchange.sell(PAIR, Decimal("0.003"), OrderType.MARKET)
    await placed(exchange, key, OrderState.FILLED)
    order = exchange.orders.get(key)
    assert order is not None and order.filled == Decimal("0.003")
    await until(lambda: not order.fills_missing, what="every execution")
    earned = sum(fill.amount * fill.price - (fill.fee or Decimal(0)) for fill in order.fills)
    await until(lambda: balance(exchange, "USDT")[0] == usdt + earned, what="the dollars less their fee")
    assert balance(exchange, "BTC")[0] == btc - Decimal("0.003")


async def test_cancel_order(exchange: Exchange) -> None:
    before = balance(exchange, "USDT")
    key = exchange.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, resting_price(exchange, Side.BUY))
    await placed(exchange, key, OrderState.OPEN)
    receipt = await exchange.cancel(key)
    assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
    assert exchange.orders.get(key).state is OrderState.CANCELED  # type: ignore[union-attr]
    await until(lambda: balance(exchange, "USDT") == before, what="the hold to be released")


async def test_cancel_all(exchange: Exchange) -> None:
    price = resting_price(exchange, Side.BUY)
    keys = [exchange.buy(PAIR, Decimal("0.001"), OrderType.LIMIT, price - n) for n in range(3)]
    keys.append(exchange.sell(PAIR, Decimal("0.001"), OrderType.LIMIT, resting_price(exchange, Side.SELL)))
    for key in keys:
        await placed(exchange, key, OrderState.OPEN)
    buys = await exchange.cancel_all(PAIR, side=Side.BUY)
    assert [result.outcome for result in buys.results] == [CancelOutcome.CANCELED] * 3
    assert [order.key for order in exchange.orders.open] == [keys[3]]
    rest = await exchange.cancel_all()
    assert {result.key: result.outcome for result in rest.results} == {keys[3]: CancelOutcome.CANCELED}
    assert rest.left_over == ()
    assert exchange.orders.open == []


async def test_list_orders(exchange: Exchange) -> None:
    key = exchange.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, resting_price(exchange, Side.BUY))
    await placed(exchange, key, OrderState.OPEN)
    order = await exchange.get_order(key)
    assert order is not None and order.venue_word == "NEW"
    assert order.source == "stream" and exchange.venue.log.get(order.frame) is not None
    (listed,) = exchange.limit_orders
    assert (listed.key, listed.side, listed.terms.amount) == (key, Side.BUY, Decimal("0.01"))


async def test_order_fill_record(exchange: Exchange, tmp_path: Path) -> None:
    ask = Decimal(exchange.order_books[PAIR].asks[3][0])
    key = exchange.buy(PAIR, Decimal("0.002"), OrderType.LIMIT, ask)
    await placed(exchange, key, OrderState.FILLED)
    order = exchange.orders.get(key)
    assert order is not None
    await until(lambda: not order.fills_missing, what="every execution")
    seen = [(fill.trade_id, fill.price, fill.amount) for fill in order.fills]
    assert sum(amount for _, _, amount in seen) == Decimal("0.002")
    assert all(price <= ask for _, price, _ in seen)
    for fill in order.fills:
        frame = exchange.venue.log.get(fill.frame)
        assert frame is not None and fill.trade_id.encode() in frame.payload
    assert [record.fill for record in exchange.fills if record.order is order] == order.fills


async def test_order_saving_and_restoration(twin: TwinLine, tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.e2e.place_and_wait",
        msgspec.json.encode(twin).decode(),
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    key = (await asyncio.wait_for(child.stdout.readline(), 20)).decode().strip()
    child.send_signal(signal.SIGKILL)
    await child.wait()

    workspace, exchange = await open_desk(twin, tmp_path)
    try:
        order = exchange.orders.get(key)
        assert order is not None and order.state is OrderState.OPEN, "known before the network answers"
        assert key in exchange.tracking_states
        await until(lambda: exchange.ready, what="the desk to be ready")
        assert order.state is OrderState.OPEN and OrderFlag.LOST not in order.flags
        receipt = await exchange.cancel(key)
        assert [result.outcome for result in receipt.results] == [CancelOutcome.CANCELED]
        saved = exchange.tracking_states
        assert saved == {}
    finally:
        await workspace.close()
    store = Store.open(tmp_path / "orders.db")
    kinds = [entry.kind for entry in await _entries(store, twin) if entry.key == key]
    await store.close()
    assert kinds[:3] == [EntryKind.INTENT, EntryKind.SENT, EntryKind.ACCEPTED]
    assert kinds.count(EntryKind.CANCEL_REQUESTED) == 1


async def _entries(store: Store, twin: TwinLine) -> list:  # type: ignore[type-arg]
    from app.workspace import account_key

    return await store.entries(account_key("poloniex", twin.domain(), twin.credentials()))


async def test_tracking_states_come_back_from_plain_values(exchange: Exchange, twin: TwinLine, tmp_path: Path) -> None:
    key = exchange.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, resting_price(exchange, Side.BUY))
    await placed(exchange, key, OrderState.OPEN)
    saved = msgspec.json.decode(msgspec.json.encode(exchange.tracking_states))
    workspace, second = await open_desk(twin, tmp_path / "second")
    try:
        second.restore_tracking_states(saved)
        order = second.orders.get(key)
        assert order is not None
        assert (order.state, order.terms.amount, order.exchange_order_id) == (
            OrderState.OPEN,
            Decimal("0.01"),
            exchange.orders.get(key).exchange_order_id,  # type: ignore[union-attr]
        )
    finally:
        await workspace.close()


async def test_an_order_that_breaks_a_rule_is_refused_in_words_and_not_sent(exchange: Exchange) -> None:
    sent = exchange.venue.log.last_seq
    with pytest.raises(OrderRefused, match="amount: an amount above 0 is needed"):
        exchange.buy(PAIR, Decimal("0.0000001"), OrderType.LIMIT, Decimal("50000"))
    with pytest.raises(OrderRefused, match=r"balance: needs [\d.]+ USDT"):
        exchange.buy(PAIR, Decimal("5000"), OrderType.LIMIT, resting_price(exchange, Side.BUY))
    posts = [frame for frame in exchange.venue.log.since(sent) if frame.method == "POST"]
    assert posts == [] and exchange.orders.open == []
