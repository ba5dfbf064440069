"""What the exchange holds back must be explained by open orders, or the window says so."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.twin_process import TwinLine
from tests.faults.order_stories import tell
from tests.lab import faults
from tests.lab.desk import Desk
from tests.lab.fixtures import Lab
from tests.paper.poloniex_client import Trader
from tests.until import until


def test_a_hold_that_no_order_explains_is_a_banner_until_it_is_explained(
    lab: Lab, twin_line: TwinLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a patience of half a second instead of ten; `test_account_audit` has the ten."""
    monkeypatch.setattr("app.connectors.account_audit._PATIENCE_S", 0.5)

    def one_more_held(body: bytes) -> bytes:
        accounts = json.loads(body)
        for row in accounts[0]["balances"]:
            if row["currency"] == "SOL":
                row["available"] = f"{Decimal(row['available']) - 1:f}"
                row["hold"] = f"{Decimal(row['hold']) + 1:f}"
        return json.dumps(accounts).encode()

    async def story(desk: Desk, trader: Trader) -> None:
        tracker = desk.exchange.user_stream_tracker
        assert tracker is not None and desk.banners() == []
        wrong = desk.proxy.on_request(faults.rewrite(one_more_held), method="GET", path="/accounts/balances")
        asked = len(desk.proxy.asked("GET", "/accounts/balances"))
        tracker.ask_now()
        await until(lambda: desk.banners(), within_s=7, what="the banner, by the audit that comes early")
        (banner,) = desk.banners()
        assert "HOLD-MISMATCH" in banner and "SOL: 1 held, open orders explain 0" in banner
        assert len(desk.proxy.asked("GET", "/accounts/balances")) - asked <= 3
        wrong.end()
        tracker.ask_now()
        await until(lambda: desk.banners() == [], what="its end")

    tell(lab, twin_line, story)
