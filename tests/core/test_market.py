"""The tape takes a trade once and in order of time after a backfill; bars are one per start."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.market import CandleSeries, TradeTape
from app.core.types import Candle
from tests.core.facts import PAIR, trade


def ids(tape: TradeTape) -> list[str]:
    return [each.trade_id for each in tape]


def test_a_trade_id_is_taken_once() -> None:
    tape = TradeTape(PAIR)
    assert [tape.add(trade(id)) for id in ("1", "2", "1", "2", "3")] == [True, True, False, False, True]
    assert (ids(tape), tape.total, tape.repeated, tape.version) == (["1", "2", "3"], 3, 2, 3)
    assert tape.last == trade("3")


def test_trades_without_an_id_are_all_taken() -> None:
    tape = TradeTape(PAIR)
    assert tape.add(trade("")) and tape.add(trade(""))
    assert len(tape) == 2


def test_newest_comes_first_and_never_more_than_there_is() -> None:
    tape = TradeTape(PAIR)
    assert (tape.last, tape.newest(3)) == (None, [])
    for id in ("1", "2", "3"):
        tape.add(trade(id))
    assert [each.trade_id for each in tape.newest(2)] == ["3", "2"]
    assert [each.trade_id for each in tape.newest(9)] == ["3", "2", "1"]


def test_old_trades_leave_but_still_count() -> None:
    tape = TradeTape(PAIR, keep=3)
    for number in range(10):
        tape.add(trade(str(number)))
    assert (ids(tape), tape.total) == (["7", "8", "9"], 10)
    assert not tape.add(trade("8"))


def test_backfill_puts_older_trades_before_and_doubles_none() -> None:
    tape = TradeTape(PAIR)
    tape.add(trade("5", ms=50))
    tape.add(trade("6", ms=60))
    tape.backfill([trade("6", ms=60), trade("4", ms=40), trade("3", ms=30), trade("4", ms=40)])
    assert ids(tape) == ["3", "4", "5", "6"]
    assert tape.total == 4
    assert not tape.add(trade("3", ms=30))


def test_backfill_larger_than_the_tape_keeps_the_newest() -> None:
    tape = TradeTape(PAIR, keep=3)
    tape.add(trade("9", ms=90))
    tape.backfill([trade(str(number), ms=number * 10) for number in range(1, 9)])
    assert ids(tape) == ["7", "8", "9"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(1, 30), min_size=1, max_size=8)), max_size=8))
def test_stream_and_backfill_together_show_each_trade_once(parts: list[tuple[bool, list[int]]]) -> None:
    tape = TradeTape(PAIR)
    told: set[str] = set()
    for backfill, numbers in parts:
        trades = [trade(str(number), ms=number) for number in numbers]
        told |= {each.trade_id for each in trades}
        if backfill:
            tape.backfill(trades)
        else:
            for each in trades:
                tape.add(each)
    assert sorted(ids(tape)) == sorted(told)
    assert tape.total == len(told)


# -- bars


def bar(start_ms: int, close: str = "1") -> Candle:
    return Candle(
        pair=PAIR, interval="1m", start_ms=start_ms, open="1", high="2", low="0.5", close=close, volume="3", frame=0
    )


def closes(series: CandleSeries) -> list[tuple[int, str]]:
    return [(each.start_ms, each.close) for each in series.candles]


def test_the_forming_bar_is_replaced() -> None:
    series = CandleSeries(PAIR, "1m")
    for each in (bar(0), bar(60_000), bar(60_000, "1.5")):
        series.add(each)
    assert closes(series) == [(0, "1"), (60_000, "1.5")]
    assert series.version == 3


def test_a_late_bar_finds_its_place() -> None:
    series = CandleSeries(PAIR, "1m")
    for start in (120_000, 0, 60_000):
        series.add(bar(start))
    assert [start for start, _ in closes(series)] == [0, 60_000, 120_000]


def test_backfill_does_not_overwrite_what_the_stream_set() -> None:
    series = CandleSeries(PAIR, "1m")
    series.add(bar(60_000, "stream"))
    series.backfill([bar(60_000, "rest"), bar(0, "rest")])
    assert closes(series) == [(0, "rest"), (60_000, "stream")]


def test_only_the_newest_bars_are_kept() -> None:
    series = CandleSeries(PAIR, "1m", keep=3)
    for start in range(5):
        series.add(bar(start))
    series.backfill([bar(start) for start in range(-5, 3)])
    assert [start for start, _ in closes(series)] == [2, 3, 4]
