"""A desk in a process of its own that places one order and is killed: at the moment it was told, or from outside.

`python -m tests.lab.doomed_desk TWIN_LINE FOLDER MOMENT`; it prints the order's id before anything is sent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from app.config import Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.journal import EntryKind
from app.core.order_state import OrderFlag, OrderState
from app.core.types import OrderType
from app.store.database import Store
from app.twin_process import read_twin_line
from app.workspace import Workspace
from tests.until import until

INTENT_WRITTEN = "intent written"
ANSWER_READ = "answer read"
FROM_OUTSIDE = "from outside"
SHORT_GRACE_MS = 0
"""The twin's engine takes no time, so the proof of absence need not wait for one."""


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(exchange: Exchange, moment: str) -> None:
    journal = exchange.ledger.journal
    if moment == INTENT_WRITTEN:
        commit = journal.commit

        async def commit_and_die(entry: Any) -> None:
            await commit(entry)
            _die()

        journal.commit = commit_and_die  # type: ignore[method-assign]
    elif moment == ANSWER_READ:
        append = journal.append

        def die_at_the_answer(entry: Any) -> None:
            """The stream may be quicker than the answer."""
            order = exchange.orders.get(entry.key)
            ours = order is not None and OrderFlag.EXTERNAL not in order.flags
            _die() if ours and entry.kind in (EntryKind.ACCEPTED, EntryKind.UPDATE) else append(entry)

        journal.append = die_at_the_answer  # type: ignore[method-assign]


async def main(line: str, folder: str, moment: str) -> None:
    twin = read_twin_line(line)
    workspace = Workspace(Paths(Path(folder)), store=Store.open(Paths(Path(folder)).journal_file))
    workspace.start()
    spec = replace(exchange_spec(twin.exchange), engine_grace_ms=SHORT_GRACE_MS)
    exchange = await workspace.open_exchange(spec, twin.domain(), twin.credentials(), pairs=[spec.default_pair])
    await until(lambda: exchange.ready)
    mid = exchange.order_books[spec.default_pair].mid
    assert mid is not None and workspace.store is not None
    _arm(exchange, moment)
    key = exchange.buy(spec.default_pair, Decimal("0.01"), OrderType.LIMIT, mid * Decimal("0.95"))
    print(key, flush=True)
    await until(lambda: exchange.orders.get(key).state is OrderState.OPEN)  # type: ignore[union-attr]
    await workspace.store.flush()
    print("open", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
