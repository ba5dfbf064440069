"""What a spreadsheet gets to read: exact numbers, UTC times, no formulas."""

from __future__ import annotations

import csv
import io
import stat
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.csv_export import field, iso_time, write_csv


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("-0.50"), "-0.50"),
        (Decimal("12345678901234567890.000000000001"), "12345678901234567890.000000000001"),
        (None, ""),
        (7, "7"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-2", "'-2"),
        ("@sum", "'@sum"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ("  =1", "'  =1"),
        ("a\nb", "ab"),
    ],
)
def test_fields(value, written):
    assert field(value) == written


@given(st.text(max_size=30))
def test_no_text_begins_like_a_formula(text):
    assert not field(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_times_are_utc_with_milliseconds():
    assert iso_time(1_760_000_000_007) == "2025-10-09T08:53:20.007Z"
    assert iso_time(0) == ""


def test_the_file_is_whole_private_and_quoted(tmp_path):
    path = tmp_path / "out.csv"
    assert write_csv(path, ("a", "b"), [('x,"y"', Decimal("1.10"))]) == 1
    assert list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")))) == [["a", "b"], ['x,"y"', "1.10"]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")

    def rows():
        yield ("1",)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_csv(path, ("a",), rows())
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]
