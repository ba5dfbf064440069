"""How two sources agree: equal, late, different, or only one has spoken."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.reports import GRACE_MS, REST, STREAM, Reports, Told, Verdict, verdict
from app.core.types import Balance, OrderUpdate, VenueState

NOW = 1_000_000


def told(total: str, available: str | None = "1", wall_ms: int = NOW) -> Told:
    return Told(total, None if available is None else Decimal(available), wall_ms, 7)


@pytest.mark.parametrize(
    ("stream", "rest", "expected"),
    [
        (told("5"), told("5"), Verdict.EQUAL),
        (told("5", "1.0"), told("5", "1"), Verdict.EQUAL),
        (told("5", None), told("5", "1"), Verdict.EQUAL),
        (told("5"), None, Verdict.ONE_SIDED),
        (None, told("5"), Verdict.ONE_SIDED),
        (told("6", wall_ms=NOW), told("5", wall_ms=NOW - 60_000), Verdict.LATE),
        (told("6", wall_ms=NOW - 60_000), told("5", wall_ms=NOW - GRACE_MS + 1), Verdict.LATE),
        (told("6", wall_ms=NOW - 60_000), told("5", wall_ms=NOW - GRACE_MS), Verdict.DIFFERENT),
        (told("5", "2", NOW - 60_000), told("5", "1", NOW - 30_000), Verdict.DIFFERENT),
    ],
)
def test_verdicts(stream: Told | None, rest: Told | None, expected: Verdict) -> None:
    assert verdict(stream, rest, NOW) is expected


def balance(asset: str, total: str, available: str) -> Balance:
    return Balance(asset=asset, total=Decimal(total), available=Decimal(available), frame=9)


def update(state: VenueState, filled: str | None = None) -> OrderUpdate:
    return OrderUpdate(
        pair="BTC-USDT", state=state, filled=None if filled is None else Decimal(filled), exchange_order_id="1"
    )


def test_what_differs_comes_first_and_trailing_zeros_are_no_difference() -> None:
    reports = Reports()
    reports.note_balance(balance("BTC", "1.500", "1"), STREAM, NOW - 60_000)
    reports.note_balance(balance("BTC", "1.5", "1.0"), REST, NOW - 30_000)
    reports.note_balance(balance("USDT", "10", "10"), STREAM, NOW - 60_000)
    reports.note_balance(balance("USDT", "9", "9"), REST, NOW - 30_000)
    reports.note_order("k1", update(VenueState.OPEN, "0"), REST, NOW)
    found = reports.compare(NOW)
    assert [(row.kind, row.key, row.verdict.value) for row in found] == [
        ("balance", "USDT", "different"),
        ("balance", "BTC", "equal"),
        ("order", "k1", "one side"),
    ]
    assert found[2].about == "BTC-USDT"


def test_a_report_without_a_filled_amount_keeps_the_one_before() -> None:
    reports = Reports()
    reports.note_order("k1", update(VenueState.OPEN, "0.4"), STREAM, NOW - 9_000)
    reports.note_order("k1", update(VenueState.CANCELED), STREAM, NOW - 8_000)
    reports.note_order("k1", update(VenueState.CANCELED, "0.4"), REST, NOW - 7_000)
    assert [row.verdict for row in reports.compare(NOW)] == [Verdict.EQUAL]


def test_ended_orders_are_forgotten_oldest_first_and_open_ones_stay() -> None:
    reports = Reports()
    reports.note_order("open", update(VenueState.OPEN), REST, NOW)
    for number in range(300):
        reports.note_order(f"k{number}", update(VenueState.FILLED), REST, NOW)
    keys = {row.key for row in reports.compare(NOW)}
    assert len(keys) == 201 and "open" in keys and "k299" in keys and "k99" not in keys
