"""Numbers are shown exactly, times to the millisecond, and foreign text without tricks."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import format as show
from app.ui.format import DASH, MINUS, THIN_SPACE, Separator

money = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=10)


def read(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace(THIN_SPACE, "").replace(MINUS, "-"))


@given(money, st.integers(0, 12), st.sampled_from(Separator))
def test_an_exact_number_reads_back_as_itself(value: Decimal, places: int, separator: Separator) -> None:
    text = show.exact(value, places, separator)
    assert read(text) == value
    assert "e" not in text.lower()
    assert len(text.partition(".")[2]) >= places


@given(st.from_regex(r"\A(0|[1-9][0-9]{0,9})(\.[0-9]{1,12})?\Z"), st.integers(0, 8))
def test_a_venue_string_reads_back_as_itself(text: str, places: int) -> None:
    assert read(show.exact(text, places)) == Decimal(text)


@given(money, st.integers(0, 8))
def test_rounding_is_off_by_at_most_half_a_step(value: Decimal, places: int) -> None:
    text = show.rounded(value, places)
    assert abs(read(text) - value) <= Decimal(1).scaleb(-places) / 2
    assert len(text.partition(".")[2]) == places


@given(money, st.integers(0, 6))
def test_a_sign_is_shown_only_where_digits_are(value: Decimal, places: int) -> None:
    text = show.signed(value, places)
    assert text.startswith("+") == (read(text) > 0)
    assert text.startswith(MINUS) == (read(text) < 0)


@pytest.mark.parametrize(
    ("value", "places", "separator", "shown"),
    [
        ("67000.1", 2, Separator.COMMA, "67,000.10"),
        ("67000.1", 1, Separator.THIN_SPACE, f"67{THIN_SPACE}000.1"),
        ("1234567", 0, Separator.NONE, "1234567"),
        ("0.000000010", 8, Separator.COMMA, "0.00000001"),
        (Decimal("1E-8"), 8, Separator.COMMA, "0.00000001"),
        ("6.7e4", 1, Separator.COMMA, "67,000.0"),
        ("1.23456", 2, Separator.COMMA, "1.23456"),
        (Decimal("-0.5"), 1, Separator.COMMA, f"{MINUS}0.5"),
        (Decimal("NaN"), 1, Separator.COMMA, DASH),
    ],
)
def test_digits_follow_the_tick_and_are_never_dropped(value, places, separator, shown) -> None:
    assert show.exact(value, places, separator) == shown


def test_a_tick_says_how_many_decimals_it_needs() -> None:
    assert [show.decimals_of(Decimal(step)) for step in ("0.01", "0.10", "0.5", "1", "100", "1E-8")] == [
        2,
        1,
        1,
        0,
        0,
        8,
    ]


def test_changes_and_distances() -> None:
    assert show.percent(Decimal("0.0124")) == "+1.24%"
    assert show.percent(Decimal("-0.5")) == f"{MINUS}50.00%"
    assert show.percent(Decimal("0.000001")) == "0.00%"
    assert show.basis_points(Decimal("0.00012")) == "1.2 bps"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.34, "340 ms"), (0.9999, "999 ms"), (7.9, "7 s"), (59.99, "59 s"), (200, "3 min"), (7300, "2 h"), (5e5, "5 d")],
)
def test_ages_round_down(seconds: float, shown: str) -> None:
    assert show.age(seconds) == shown


@given(st.integers(1, 4_000_000_000_000), st.integers(-12, 14))
def test_a_time_keeps_its_milliseconds_in_any_zone(ms: int, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    day = datetime.strptime(show.date_time(ms, zone, milliseconds=True), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=zone)
    assert (day - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == ms


def test_times_without_milliseconds_and_without_a_time() -> None:
    assert show.time(1_795_000_000_123, UTC) == "11:06:40.123"
    assert show.time(1_795_000_000_123, UTC, milliseconds=False) == "11:06:40"
    assert show.time(0) == DASH


def test_tiny_prices_count_their_zeros_only_on_charts() -> None:
    assert show.tiny("0.00000000123") == "0.0₈123"
    assert show.tiny("-0.00000000123") == f"{MINUS}0.0₈123"
    assert show.tiny("0.00123", 6) == "0.001230"


def test_large_sums_on_charts() -> None:
    assert [show.compact(n) for n in (0, 0.0123, 9.87, 999, 1234, 999_900, 45_600_000, -2e9)] == [
        "0",
        "0.012",
        "9.87",
        "999",
        "1.23K",
        "1M",
        "45.6M",
        f"{MINUS}2B",
    ]


@given(st.text(max_size=2000))
def test_foreign_text_comes_out_short_and_plain(text: str) -> None:
    shown = show.clean(text)
    assert len(shown) <= 200
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in shown)
    assert show.clean(shown) == shown


def test_foreign_text_cannot_reverse_or_hide_itself() -> None:
    assert show.clean("pay\u202e001\u202c\x07 \u200bnow\r\nplease") == "pay001 now please"
    assert show.clean("x" * 300) == "x" * 199 + "…"
