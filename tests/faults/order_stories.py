"""What stories about orders share: placing without the form, reading rows and badges, and the truth at the twin."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.twin_process import TwinLine
from tests.lab import faults
from tests.lab.desk import PAIR, Desk, placed_since
from tests.lab.elsewhere import elsewhere
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until

SYMBOL = "BTC_USDT"
ORDER_MESSAGES = '"channel":"orders"'
OrderStory = Callable[[Desk, Trader], Awaitable[None]]


def tell(lab: Lab, line: TwinLine, story: OrderStory, **options: Any) -> None:
    """Run the story on an account without open orders, beside a client that shows what the twin really has."""

    async def whole(desk: Desk) -> None:
        async with elsewhere(line) as trader:
            await trader.delete("/orders", {"symbols": [], "accountTypes": ["SPOT"]})
            await until(lambda: not desk.exchange.orders.open, what="an account without open orders")
            try:
                await story(desk, trader)
            finally:
                desk.proxy.heal()
                await trader.delete("/orders", {"symbols": [], "accountTypes": ["SPOT"]})

    lab(whole, line, **options)


def far_price(desk: Desk, side: Side = Side.BUY) -> Decimal:
    """So far from the market that nothing meets it."""
    mid = desk.exchange.order_books[PAIR].mid
    assert mid is not None
    price = mid * Decimal("0.9") if side is Side.BUY else mid / Decimal("0.9")
    draft = OrderDraft(pair=PAIR, side=side, type=OrderType.LIMIT, price=price, amount=Decimal("0.01"))
    return desk.exchange.quantize(draft).price or Decimal(0)


def taking_price(desk: Desk) -> Decimal:
    """A buy at this price trades at once."""
    return Decimal(desk.exchange.order_books[PAIR].asks[4][0])


def buy(desk: Desk, price: Decimal, amount: str = "0.01") -> InFlightOrder:
    key = desk.exchange.buy(PAIR, Decimal(amount), OrderType.LIMIT, price)
    return the(desk, key)


def the(desk: Desk, key: str) -> InFlightOrder:
    order = desk.exchange.orders.get(key)
    assert order is not None
    return order


async def resting(desk: Desk, amount: str = "0.01") -> InFlightOrder:
    """An order that is open on both sides."""
    order = buy(desk, far_price(desk), amount)
    await until(lambda: order.state is OrderState.OPEN and order.exchange_order_id, what="an open order")
    await until(lambda: state(desk, order) == "Open", what="its row")
    return order


def hasten(desk: Desk) -> None:
    """As with an exchange whose engine is known to be done at once: proof time is the signing window and 1 s."""
    desk.exchange.venue.spec = replace(desk.exchange.venue.spec, engine_grace_ms=0)


def silent_stream(desk: Desk) -> None:
    """Pings are answered, orders are not told any more."""
    desk.proxy.on_message(faults.drop, containing=ORDER_MESSAGES)


# -- what is seen


def cell(desk: Desk, order: InFlightOrder, title: str) -> Any:
    """The cell of the order's row, among the open orders or in the history; None where it has no row."""
    for panel in (desk.window.open_orders, desk.window.history):
        panel.refresh()
        titles = [column.title for column in panel.model.columns]
        for line in panel.model.shown:
            if line.order is order:
                return panel.model.cell(line, titles.index(title))
    return None


def state(desk: Desk, order: InFlightOrder) -> str:
    found = cell(desk, order, "State")
    return found.text if found is not None else ""


def badges(desk: Desk, order: InFlightOrder) -> list[str]:
    found = cell(desk, order, "Flags")
    return [badge.text for badge in found.badges]


def is_listed(desk: Desk, order: InFlightOrder) -> bool:
    """Whether the order stands among the open ones."""
    desk.window.open_orders.refresh()
    return any(line.order is order for line in desk.window.open_orders.model.shown)


# -- what is done


def write_order(desk: Desk, price: Decimal, amount: str = "0.01") -> None:
    """Type price and amount into the form."""
    entry = desk.window.entry
    for edit, text in ((entry.price.edit, f"{price:f}"), (entry.amount.edit, amount)):
        edit.setFocus()
        edit.selectAll()
        QTest.keyClicks(edit, text)


def press(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


async def confirm(desk: Desk) -> InFlightOrder:
    """Send what the confirmation on screen asks about."""
    known = {order.key for order in desk.exchange.orders}
    entry = desk.window.entry
    await until(lambda: entry.confirmation is not None, what="the confirmation")
    dialog = entry.confirmation
    assert dialog is not None
    await until(dialog.send.isEnabled, what="the sending button")
    press(dialog.send)
    return await placed_since(known, desk.exchange)


def posts(desk: Desk) -> int:
    """How many orders left the desk."""
    return sum(one.path == "/orders" for one in desk.proxy.asked("POST", "/orders"))


# -- the truth


async def at_twin(trader: Trader, order: InFlightOrder) -> dict[str, Any]:
    """The order as the twin has it; empty when it has none."""
    status, found = await trader.get(f"/orders/cid:{order.client_order_id}")
    return found if status == 200 else {}


async def open_at_twin(trader: Trader) -> list[dict[str, Any]]:
    status, found = await trader.get("/orders")
    assert status == 200
    return list(found)


def altered(**changes: Any) -> Callable[[bytes], bytes]:
    """Another value for some fields of a JSON object, or of every row of a list."""

    def change(body: bytes) -> bytes:
        decoded = json.loads(body)
        rows = decoded if isinstance(decoded, list) else [decoded]
        for row in rows:
            row.update({name: value for name, value in changes.items() if name in row})
        return json.dumps(decoded).encode()

    return change


def event(message: str | bytes, **changes: Any) -> str:
    """A message of the orders channel with other values in its rows."""
    decoded = json.loads(message)
    for row in decoded["data"]:
        row.update(changes)
    return json.dumps(decoded)
