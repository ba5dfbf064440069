"""A desk in a process of its own: places one order, says its id, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from app.core.order_state import OrderState
from app.core.types import OrderType
from app.twin_process import read_twin_line
from tests.e2e.conftest import PAIR, open_desk
from tests.until import until


async def main(line: str, folder: str) -> None:
    workspace, exchange = await open_desk(read_twin_line(line), Path(folder))
    await until(lambda: exchange.ready)
    mid = exchange.order_books[PAIR].mid
    assert mid is not None
    key = exchange.buy(PAIR, Decimal("0.01"), OrderType.LIMIT, mid * Decimal("0.95"))
    await until(lambda: exchange.orders.get(key).state is OrderState.OPEN)  # type: ignore[union-attr]
    # Killed before this, the order would come back as UNKNOWN instead: also true, but another test.
    assert workspace.store is not None
    await workspace.store.flush()
    print(key, flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
