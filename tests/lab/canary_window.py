"""The real window for `canary`, in a process of its own, worked by a script instead of a trader.

`python -m tests.lab.canary_window`; what to do comes as one JSON line on standard input, because it holds the password.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer

import app.ui.application as application
from app.__main__ import main as start
from app.connectors.exchange import Exchange
from app.core.order_state import OrderState
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.diagnostics import diagnostics
from app.ui.main_window import MainWindow
from tests.lab.vault_desk import VaultDesk
from tests.until import until

_STALL_S = 2.7


class _Script(VaultDesk):
    """What is done in that window."""

    def __init__(self, told: dict[str, Any], window: MainWindow) -> None:
        super().__init__(Path(told["profile"]))
        self.window, self.workspace, self.accounts = window, window.workspace, window.accounts.desk
        self._told = told
        self._out = Path(told["out"])

    async def run(self) -> None:
        told, orders = self._told, 0
        try:
            await until(lambda: self.window.accounts.bar.button("Unlock…") is not None, 20, "the strip")
            await self.unlock(told["password"])
            labels = [label for label in told["labels"] if label != "nobody"]
            await self.ready(*labels)
            for label in labels:
                orders += await self._trade(self.exchange(label))
            if "nobody" in told["labels"]:
                await until(lambda: self._said_of("nobody"), 20, "the refusal")
                await self._fail()
                await self._write_everything()
        except BaseException as error:
            # The parent waits for this file, and its words are shown.
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self.window.closed.emit()
            raise
        (self._out / f"done{told['run']}").write_text(str(orders))
        if not told["abort"]:
            self.window.closed.emit()

    def _said_of(self, label: str) -> bool:
        return any(label in notice.source or label in notice.text for notice in self.workspace.notices.items)

    async def _trade(self, exchange: Exchange) -> int:
        """One that rests and is cancelled, one that fills."""
        pair = next(iter(exchange.order_books))
        book, rule = exchange.order_books[pair], exchange.trading_rules[pair]
        await until(lambda: book.mid is not None, 20, f"a book of {exchange.key}")
        assert book.mid is not None
        size = max(rule.min_order_size, rule.min_notional_size / book.mid, rule.min_base_amount_increment) * 4
        for price, end in ((Decimal("0.9"), OrderState.CANCELED), (Decimal("1.02"), OrderState.FILLED)):
            draft = OrderDraft(pair=pair, side=Side.BUY, type=OrderType.LIMIT, price=book.mid * price, amount=size)
            key = exchange.submit(exchange.quantize(draft))
            order = exchange.orders.get(key)
            assert order is not None
            await until(lambda order=order: order.exchange_order_id, 20, "an accepted order")
            if end is OrderState.CANCELED:
                await exchange.cancel(key)
            await until(lambda order=order, end=end: order.state is end, 20, f"{end} instead of {order.state}")
        return 2

    async def _fail(self) -> None:
        """Faults of the program itself whose words hold a secret, and a loop that stands still."""
        secret = self._told["secret"]

        def fail() -> None:
            raise RuntimeError(f"cannot sign with {secret}")

        async def fail_later() -> None:
            fail()

        QTimer.singleShot(0, fail)
        self.workspace.spawn(fail_later(), "doomed")
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0.5)
        time.sleep(_STALL_S)
        await asyncio.sleep(0.5)

    async def _write_everything(self) -> None:
        out, said = self._out, list[str]()
        inspector = self.window.inspector
        self.window.docks.bring_up("inspector")
        inspector.exported.connect(said.append)
        inspector.export(out / "messages.jsonl")
        await until(lambda: said, 20, "the export")
        (out / "diagnostics.txt").write_text(diagnostics(self.workspace))
        (out / "notices.txt").write_text("\n".join(notice.text for notice in self.workspace.notices.items))
        assert self.workspace.store is not None
        await self.workspace.store.copy_to(out / "copy.db")
        self.window.memory.save()


def main() -> int:
    told = json.loads(sys.stdin.readline())
    made = application.MainWindow

    def window(*arguments: Any) -> MainWindow:
        shown = made(*arguments)
        shown.workspace.spawn(_Script(told, shown).run(), "script")
        return shown

    application.MainWindow = window  # type: ignore[assignment,misc]
    name = "crashed" if told["abort"] else "session"
    record = str(Path(told["out"]) / f"{name}.jsonl.zst")
    where = ["--profile", told["profile"], "--accounts", ",".join(told["labels"])]
    return start([*where, "--offscreen", "--record", record, "--summary", "--seconds", "90"])


if __name__ == "__main__":
    sys.exit(main())
