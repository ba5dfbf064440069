"""Signed reading: balances, fees, history and own trades with their day, their pages and both units of time."""

from __future__ import annotations

import pytest

from .crypto_com_client import Running, running


def unlimited(here: Running) -> None:
    here.twin.limits._windows.clear()


@pytest.mark.asyncio
async def test_balances_and_fees() -> None:
    async with running() as here:
        (data,) = (await here.trader.result("user-balance"))["data"]
        coins = {row["instrument_name"]: row for row in data["position_balances"]}
        assert data["instrument_name"] == "USD" and coins["USD"]["quantity"] == "20000"
        assert (coins["BTC"]["quantity"], coins["BTC"]["reserved_qty"]) == ("1.5", "0")
        assert data["isolated_positions"] == [] and data["is_liquidating"] is False
        fees = await here.trader.result("get-instrument-fee-rate", instrument_name="BTC_USDT")
        assert (fees["effective_maker_rate_bps"], fees["effective_taker_rate_bps"]) == ("6.5", "6.9")
        assert (await here.trader.result("get-fee-rate"))["effective_spot_taker_rate_bps"] == "6.9"
        assert (await here.trader.result("get-positions"))["data"] == []
        assert (await here.trader.result("get-accounts"))["master_account"]["tradable"] is True


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["get-order-history", "get-trades"])
async def test_paging_by_moving_the_end(name: str) -> None:
    async with running() as here:
        placed = [await here.trader.order("BTC_USDT", "BUY", "MARKET", notional="50") for _ in range(5)]
        seen: list[str] = []
        end: dict[str, str] = {}
        while True:
            unlimited(here)
            rows = (await here.trader.result(name, instrument_name="BTC_USDT", limit="2", **end))["data"]
            if not rows:
                break
            seen += [row["order_id"] for row in rows]
            end = {"end_time": rows[-1]["create_time_ns"]}
        assert seen == placed[::-1]


@pytest.mark.asyncio
async def test_history_has_no_open_orders_and_reaches_back_a_day() -> None:
    async with running() as here:
        await here.trader.order("BTC_USDT", "BUY", "LIMIT", price="90000", quantity="0.01")
        gone = await here.trader.order("ETH_USDT", "BUY", "LIMIT", price="3000", quantity="0.1")
        await here.trader.result("cancel-order", order_id=gone)
        (row,) = (await here.trader.result("get-order-history"))["data"]
        assert (row["order_id"], row["status"]) == (gone, "CANCELED")
        now = here.trader.now_ms()
        for query, found in (
            ({"start_time": str(now - 60_000), "end_time": str(now + 60_000)}, 1),
            ({"start_time": f"{now - 60_000}000000", "end_time": f"{now + 60_000}000000"}, 1),
            ({"start_time": now - 60_000}, 1),
            ({"end_time": str(now - 60_000)}, 0),
            ({"start_time": str(now - 9 * 86_400_000), "end_time": str(now + 86_400_000 + 60_000)}, 0),
            ({"instrument_name": "BTC_USDT"}, 0),
        ):
            unlimited(here)
            assert len((await here.trader.result("get-order-history", **query))["data"]) == found, query
        for query in ({"start_time": "yesterday"}, {"start_time": str(now), "end_time": str(now - 1)}):
            unlimited(here)
            assert (await here.trader.ask("get-order-history", **query))["code"] == 40005
        unlimited(here)
        assert (await here.trader.ask("get-trades", limit="0"))["code"] == 40004
