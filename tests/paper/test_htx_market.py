"""Public REST data of the HTX twin: symbols in all forms, books, candles, trades, tickers, time and their errors."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.paper.dialects.htx_listings import BARS
from app.paper.dialects.htx_numbers import double

from .htx_client import running


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (71000, 2, b"710.0"),
        (5164, 5, b"0.05164"),
        (345, 6, b"3.45E-4"),
        (912, 9, b"9.12E-7"),
        (50, 8, b"5.0E-7"),
        (126936964043, 4, b"1.26936964043E7"),
        (999999999, 2, b"9999999.99"),
        (1, 3, b"0.001"),
        (0, 4, b"0.0"),
    ],
)
def test_numbers_look_like_the_recorded_ones(units: int, scale: int, text: bytes) -> None:
    assert bytes(double(units, scale)) == text


def test_days_begin_in_singapore() -> None:
    noon_utc = 1_700_049_600_000
    assert BARS["1day"].start(noon_utc) % 86_400_000 == 16 * 3_600_000
    assert BARS["60min"].start(noon_utc + 5) == noon_utc


@pytest.mark.asyncio
async def test_symbols_in_three_forms() -> None:
    async with running() as here:
        trader = here.trader
        short = await trader.public("/v1/settings/common/market-symbols")
        rows = {row["symbol"]: row for row in short["data"]}
        btc = rows["btcusdt"]
        expected = {"state": "online", "bc": "btc", "qc": "usdt", "pp": 2, "ap": 6, "vp": 8, "at": "enabled"}
        assert btc.items() >= (expected | {"minoa": Decimal("0.0001"), "minov": 10, "blmlt": Decimal("1.1")}).items()
        assert (short["status"], len(rows)) == ("ok", 8)
        long = (await trader.public("/v1/common/symbols"))["data"]
        assert {row["symbol"]: row["min-order-value"] for row in long}["ethbtc"] == Decimal("0.0001")
        shown = await trader.public("/v2/settings/common/symbols")
        assert shown["code"] == 200 and shown["data"][0]["bcdn"] == "BTC"
        here.twin.market.states["BTC-USDT"] = "suspend"
        again = (await trader.public("/v1/settings/common/market-symbols"))["data"]
        assert {(r["state"], r["at"]) for r in again} == {("online", "enabled"), ("suspend", "disabled")}


@pytest.mark.asyncio
async def test_status_time_and_what_is_wrong() -> None:
    async with running() as here:
        trader = here.trader
        status = await trader.public("/v2/market-status")
        assert status == {"code": 200, "message": "success", "data": {"marketStatus": 1}}
        assert (await trader.public("/v1/common/timestamp"))["data"] > 1.6e12
        refused = await trader.public("/market/depth", symbol="nosuch", type="step0")
        assert (refused["status"], refused["err-code"], refused["data"]) == ("error", "base-symbol-error", None)
        assert (await trader.public("/market/depth", symbol="btcusdt", type="step9"))["err-code"] == "invalid-parameter"
        assert (await trader.public("/market/history/kline", symbol="btcusdt"))["err-code"].startswith("validation")
        assert (await trader.public("/nowhere"))["status"] == "error" and trader.status == 404


@pytest.mark.asyncio
async def test_depth_has_a_version_of_its_own() -> None:
    async with running() as here:
        trader = here.trader
        reply = await trader.public("/market/depth", symbol="btcusdt", type="step0", depth=20)
        tick = reply["tick"]
        assert reply["ch"] == "market.btcusdt.depth.step0" and len(tick["bids"]) == 20
        assert tick["bids"][0][0] < tick["asks"][0][0] and tick["version"] != here.twin.books["BTC-USDT"].sequence
        whole = (await trader.public("/market/depth", symbol="btcusdt", type="step0"))["tick"]
        assert len(whole["bids"]) > 20
        round_tick = (await trader.public("/market/depth", symbol="btcusdt", type="step5"))["tick"]
        assert all(price % 1000 == 0 for price, _ in round_tick["bids"] + round_tick["asks"])
        assert sum(a for _, a in round_tick["bids"]) == sum(a for _, a in whole["bids"])


@pytest.mark.asyncio
async def test_candles_trades_and_tickers() -> None:
    async with running() as here:
        trader = here.trader
        bars = (await trader.public("/market/history/kline", symbol="ethusdt", period="60min", size=30))["data"]
        assert len(bars) == 30 and bars[0]["id"] - bars[1]["id"] == 3600
        assert all(bar["low"] <= bar["open"] <= bar["high"] for bar in bars)
        some = await trader.public(
            "/market/history/candles", symbol="ethusdt", period="60min", **{"from": bars[9]["id"], "size": 3}
        )
        assert [bar["id"] for bar in some["data"]] == [bars[7]["id"], bars[8]["id"], bars[9]["id"]]
        trades = (await trader.public("/market/history/trade", symbol="ethusdt", size=5))["data"]
        (first,) = trades[0]["data"]
        assert len(trades) == 5 and len(str(first["id"])) == 27 and len(str(first["trade-id"])) == 12
        assert first["direction"] in ("buy", "sell") and trades[0]["ts"] >= trades[1]["ts"]
        tick = (await trader.public("/market/detail/merged", symbol="ethusdt"))["tick"]
        assert tick["bid"][0] < tick["ask"][0] and tick["low"] <= tick["close"] <= tick["high"]
        tickers = (await trader.public("/market/tickers"))["data"]
        shib = next(row for row in tickers if row["symbol"] == "shibusdt")
        assert 0 < shib["bid"] < shib["ask"] < Decimal("0.0001")
