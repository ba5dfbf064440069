"""Candles: calendar edges, one truth across all intervals, live trades on top of the seeded past."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.core.types import Side
from app.paper.bars import MINUTE_MS, Bar, Interval, SeededPast, roll_up
from app.paper.events import Execution
from app.paper.listings import LISTINGS
from app.paper.tape import Tape

OPENED = int(datetime(2026, 11, 18, 10, 41, 33, tzinfo=UTC).timestamp()) * 1000
ANCHOR = 9_800_000


@pytest.fixture(scope="module")
def past() -> SeededPast:
    """Shared: reading never changes what was drawn."""
    return SeededPast(LISTINGS[0], "seed", OPENED, ANCHOR)


@pytest.fixture
def tape(past: SeededPast) -> Tape:
    return Tape("BTC-USDT", past, "seed", OPENED, 500)


def trade(ticks: int, lots: int, time_ms: int, side: Side = Side.BUY) -> Execution:
    return Execution(
        pair="BTC-USDT",
        trade_id=1,
        taker_side=side,
        ticks=ticks,
        lots=lots,
        maker_order_id=1,
        taker_order_id=2,
        time_ms=time_ms,
    )


@pytest.mark.parametrize(
    ("interval", "start", "following"),
    [
        (Interval.MINUTE_5, "2026-11-18 10:40", "2026-11-18 10:45"),
        (Interval.HOUR_6, "2026-11-18 06:00", "2026-11-18 12:00"),
        (Interval.DAY_1, "2026-11-18 00:00", "2026-11-19 00:00"),
        (Interval.WEEK_1, "2026-11-16 00:00", "2026-11-23 00:00"),
        (Interval.MONTH_1, "2026-11-01 00:00", "2026-12-01 00:00"),
    ],
)
def test_bars_start_where_the_calendar_says(interval: Interval, start: str, following: str) -> None:
    def ms(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000

    assert interval.start(OPENED) == ms(start)
    assert interval.next_start(ms(start)) == ms(following)


@pytest.mark.parametrize("interval", list(Interval))
def test_five_hundred_sound_bars_in_every_interval(past: SeededPast, interval: Interval) -> None:
    bars = past.bars(interval)
    assert len(bars) >= 500
    assert bars[-1].close == ANCHOR
    for before, bar in zip(bars, bars[1:], strict=False):
        assert bar.start_ms == interval.next_start(before.start_ms)
        assert bar.open == before.close
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.lots * bar.low <= bar.cells <= bar.lots * bar.high
        assert 0 <= bar.buy_lots <= bar.lots and bar.trades > 0


def test_longer_bars_are_made_of_the_shorter_ones(past: SeededPast) -> None:
    minutes = {bar.start_ms: bar for bar in past.bars(Interval.MINUTE_5)}
    for hour in past.bars(Interval.HOUR_1)[-20:-1]:
        parts = [minutes[hour.start_ms + n * 5 * MINUTE_MS] for n in range(12)]
        assert hour.high == max(b.high for b in parts) and hour.low == min(b.low for b in parts)
        assert hour.lots == sum(b.lots for b in parts) and hour.trades == sum(b.trades for b in parts)


def test_the_past_does_not_depend_on_the_order_of_questions(past: SeededPast) -> None:
    other = SeededPast(LISTINGS[0], "seed", OPENED, ANCHOR)
    forward = {i: past.bars(i) for i in Interval}
    assert {i: other.bars(i) for i in reversed(Interval)} == forward


def test_live_trades_continue_the_seeded_bar(tape: Tape) -> None:
    before = tape.bars(Interval.HOUR_1, OPENED)[-1]
    tape.record(trade(ANCHOR + 500_000, 10, OPENED + 1000))
    tape.record(trade(ANCHOR - 7, 4, OPENED + 2000, Side.SELL))
    after = tape.bars(Interval.HOUR_1, OPENED + 3000)[-1]
    assert (after.start_ms, after.open) == (before.start_ms, before.open)
    assert (after.high, after.close) == (ANCHOR + 500_000, ANCHOR - 7)
    assert (after.lots, after.buy_lots, after.trades) == (before.lots + 14, before.buy_lots + 10, before.trades + 2)
    assert after.cells - before.cells == (ANCHOR + 500_000) * 10 + (ANCHOR - 7) * 4
    assert tape.bar(Interval.HOUR_1, OPENED + 3000) == after


def test_a_quiet_hour_gives_flat_bars(tape: Tape) -> None:
    tape.record(trade(ANCHOR + 5, 1, OPENED))
    bars = tape.bars(Interval.MINUTE_15, OPENED + 60 * MINUTE_MS)
    assert [(b.open, b.close, b.lots) for b in bars[-4:]] == [(ANCHOR + 5, ANCHOR + 5, 0)] * 4
    assert bars[-1].start_ms == Interval.MINUTE_15.start(OPENED + 60 * MINUTE_MS)


def test_the_day_forgets_what_is_older_than_a_day(tape: Tape) -> None:
    tape.record(trade(ANCHOR * 3, 1, OPENED))
    assert tape.day(OPENED).high == ANCHOR * 3
    later = tape.day(OPENED + 24 * 60 * MINUTE_MS)
    assert later.high == later.low == later.open == ANCHOR * 3
    assert (later.lots, later.trades) == (0, 0)


def test_roll_up_adds_and_spans() -> None:
    minutes = [Bar(n * MINUTE_MS, 10 + n, 20 + n, 5 - n, 11 + n, 2, 20, 1, 10, 3) for n in range(5)]
    assert roll_up(minutes, Interval.MINUTE_5) == [Bar(0, 10, 24, 1, 15, 10, 100, 5, 50, 15)]
