"""An account with more wallets than one page holds: the program against the twin, over real requests."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from app.paper.accounts import Balance
from app.paper.dialects.coinbase_errors import ApiError
from app.paper.dialects.coinbase_lists import AccountLists
from app.paper.dialects.coinbase_request import Call
from app.paper.dialects.coinbase_wire import Json
from app.twin_process import read_twin_line
from tests.connectors.contract import Venue
from tests.paper.coinbase_client import bench
from tests.until import until


def accounts_asked(venue: Venue) -> list[str]:
    """Queries of every question for wallets, oldest first."""
    frames = venue.workspace.log.since(0)
    asked = [frame.path.partition("?") for frame in frames if frame.method == "GET" and not frame.status]
    return [query for path, _, query in asked if path.endswith("/brokerage/accounts")]


@pytest.mark.asyncio
async def test_every_wallet_of_an_account_with_more_than_a_page_of_them(tmp_path: Path) -> None:
    async with bench() as twin:
        balances = twin.twin.desk.account.balances
        for number in range(600):
            balances[f"Z{number:03}"] = Balance(available=number + 1)
        venue = await Venue.open(read_twin_line(msgspec.json.encode(twin.first)), tmp_path)
        try:
            known = venue.exchange.account.balances
            assert len([asset for asset in known if asset.startswith("Z") and len(asset) == 4]) == 600
            assert known["Z599"].total == known["Z000"].total * 600
            assert known["USD"].available == Decimal(50_000)
            pages = accounts_asked(venue)[:3]
            assert pages[0] == "limit=250" and [page.partition("cursor=")[2] for page in pages] == ["", "250", "500"]
            assert not [item for item in venue.workspace.notices.items if "account not read" in item.text]
            shown = [
                frame for frame in venue.workspace.log.since(0) if frame.path.endswith("cursor=500") and frame.status
            ]
            assert any("Z599" in str(effect) for effect in venue.exchange.explain(shown[0]))
        finally:
            await venue.close()


@pytest.mark.asyncio
async def test_a_page_that_fails_leaves_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench() as twin:
        balances = twin.twin.desk.account.balances
        for number in range(300):
            balances[f"Z{number:03}"] = Balance(available=number + 1)
        venue = await Venue.open(read_twin_line(msgspec.json.encode(twin.first)), tmp_path)
        try:
            known = venue.exchange.account
            before, version = known.balances["Z299"], known.version
            wallets = AccountLists._wallets

            def first_page_only(lists: AccountLists, call: Call) -> list[Json]:
                if call.text("cursor"):
                    raise ApiError("INTERNAL")
                return wallets(lists, call)

            monkeypatch.setattr(AccountLists, "_wallets", first_page_only)
            venue.exchange.ask_account()
            notices = venue.workspace.notices
            await until(lambda: any("account not read" in item.text for item in notices.items), what="the notice")
            assert known.balances["Z299"] == before and known.version == version
        finally:
            await venue.close()
