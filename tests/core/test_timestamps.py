"""Times in whatever unit an exchange sends them."""

from __future__ import annotations

import pytest

from app.core.timestamps import TimeUnit, as_ms, in_ms, unit_of, utc_time
from app.core.types import Side, Trade

MS = 1_795_233_899_820


@pytest.mark.parametrize(
    ("time", "ms", "unit"),
    [
        (MS, MS, TimeUnit.MILLISECONDS),
        (MS * 1_000 + 7, MS, TimeUnit.MICROSECONDS),
        (MS * 1_000_000 + 7, MS, TimeUnit.NANOSECONDS),
        (MS // 1_000, MS // 1_000 * 1_000, TimeUnit.SECONDS),
    ],
)
def test_the_size_tells_the_unit(time: int, ms: int, unit: TimeUnit) -> None:
    assert (as_ms(time), unit_of(time)) == (ms, unit)


@pytest.mark.parametrize("time", [0, 1, 2, 999_999_999])
def test_what_is_no_time_stays_as_it_is(time: int) -> None:
    assert as_ms(time) == time


def test_a_fact_in_ms_is_the_same_fact() -> None:
    trade = Trade(pair="BTC-USDT", trade_id="1", taker=Side.BUY, price="1", amount="1", exchange_ms=MS)
    assert in_ms(trade) is trade
    finer = Trade(pair="BTC-USDT", trade_id="1", taker=Side.BUY, price="1", amount="1", exchange_ms=MS * 1_000)
    assert in_ms(finer) == trade


def test_utc_time() -> None:
    assert utc_time(MS) == "04:04:59"
