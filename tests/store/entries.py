"""Journal entries to write: one small order per number, and programs that write them in another process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

from app.core.journal import EntryKind, JournalEntry
from app.core.orders import OrderIntent
from app.core.types import Fill, OrderType, Side

PROJECT = Path(__file__).parents[2]


def key(number: int) -> str:
    return f"k{number:026d}"


def intent(number: int) -> JournalEntry:
    """A buy of 0.5 BTC at 21600."""
    terms = OrderIntent(
        client_order_id=key(number),
        pair="BTC-USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        price=Decimal("21600.00"),
        amount=Decimal("0.5"),
        created_ms=1_700_000_000_000,
        proof_ms=1_700_000_016_000,
    )
    return JournalEntry(kind=EntryKind.INTENT, key=key(number), wall_ms=1_700_000_000_000, intent=terms)


def note(kind: EntryKind, number: int, text: str = "") -> JournalEntry:
    return JournalEntry(kind=kind, key=key(number), wall_ms=1_700_000_000_500, text=text)


def execution(
    number: int, trade_id: str, id_space: str = "stream", price: str = "21600", at_ms: int = 1
) -> JournalEntry:
    """0.1 BTC of order `number`."""
    fill = Fill(
        pair="BTC-USDT",
        exchange_order_id=f"E{number}",
        trade_id=trade_id,
        side=Side.BUY,
        price=Decimal(price),
        amount=Decimal("0.1"),
        fee=Decimal("0.000145"),
        fee_asset="BTC",
        client_order_id=key(number),
        exchange_ms=at_ms,
        id_space=id_space,
    )
    return JournalEntry(kind=EntryKind.FILL, key=key(number), wall_ms=1_700_000_001_000, fill=fill)


def program(body: str) -> str:
    """A program that runs `body` in a coroutine, with the names of this module at hand."""
    return "import asyncio\nfrom tests.store.entries import *\nfrom app.core.journal import JournalError\n" + (
        "from app.store.database import Store\n\nasync def main():\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + "\n\nasyncio.run(main())\n"
    )


def run(body: str, *before: str) -> str:
    """Output of the program; `before` is the command that starts it in special surroundings."""
    command = [*before, sys.executable, "-c", program(body)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(body: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program(body)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
