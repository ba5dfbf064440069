"""Stream beside REST in the window: equal, different, and one click to believe REST."""

from __future__ import annotations

import json
from decimal import Decimal

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core import reports
from app.core.order_state import OrderState
from tests.lab.desk import Desk, rows
from tests.lab.faults import rewrite
from tests.lab.fixtures import Lab
from tests.until import until


def test_what_differs_is_shown_and_rest_can_be_believed(lab: Lab) -> None:
    reports.GRACE_MS, grace = 0, reports.GRACE_MS

    def row(desk: Desk, what: str) -> dict[str, str]:
        desk.window.reconciliation.refresh(now=True)
        return next((one for one in rows(desk.window.reconciliation.table) if one["What"].startswith(what)), {})

    def one_more(body: bytes) -> bytes:
        accounts = json.loads(body)
        for balance in accounts[0]["balances"]:
            if balance["currency"] == "USDT":
                balance["available"] = str(Decimal(balance["available"]) + 1)
        return json.dumps(accounts).encode()

    async def story(desk: Desk) -> None:
        desk.window.docks.bring_up("reconciliation")
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN, what="an open order")
        desk.exchange.ask_account()
        await until(lambda: row(desk, "USDT").get("Verdict") == "equal", what="equal balances")
        await until(lambda: row(desk, f"Order {order.key}").get("Verdict") == "equal", what="equal orders")
        held = next(one for one in rows(desk.window.reconciliation.held_table) if one["Asset"] == "USDT")
        assert held["Verdict"] == "explained" and held["Held by the exchange"] == held["In open orders"] != "0"
        desk.proxy.on_request(rewrite(one_more), path="/accounts/balances")
        before = desk.exchange.account.balances["USDT"].total
        QTest.mouseClick(desk.window.reconciliation.ask, Qt.MouseButton.LeftButton)
        await until(lambda: row(desk, "USDT").get("Verdict") == "different", what="the difference")
        assert rows(desk.window.reconciliation.table)[0]["What"] == "USDT", "what differs comes first"
        desk.window.reconciliation.table.selectRow(0)
        QTest.mouseClick(desk.window.reconciliation.take, Qt.MouseButton.LeftButton)
        await until(lambda: desk.exchange.account.balances["USDT"].total == before + 1, what="REST believed")
        desk.proxy.heal()
        await desk.cancel_shown()

    try:
        lab(story)
    finally:
        reports.GRACE_MS = grace
