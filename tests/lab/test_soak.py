"""The table of goals: what a run leaves in it, and that it is what its results say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.lab import soak
from tests.lab.goals import GOALS
from tests.lab.soak import Record, Row, table

ABSOLUTE_PATH = re.compile(r"(?<![\w.<])/\w+/")


def record(units: int, *, met: bool = True, size: str = "some") -> Record:
    return Record(date="2026-11-21", units=units, size=size, told=[("3 counted", True), ("0 lost", met)])


def line_of(name: str, rows: dict[str, Row]) -> str:
    (line,) = [line for line in table(rows).splitlines() if line.startswith(f"| {name} ")]
    return line


def test_the_table_is_made_from_the_results_beside_it() -> None:
    rows = soak.load(soak.RESULTS)
    assert soak.TABLE.read_text() == table(rows), "make it anew: python -m tests.lab.soak --table"
    assert list(rows) == list(GOALS)
    assert not ABSOLUTE_PATH.search(soak.TABLE.read_text() + soak.RESULTS.read_text())


def test_a_goal_is_met_only_at_its_whole_size() -> None:
    whole = GOALS["F2"].whole
    assert "| – | not run yet |" in line_of("F2", {})
    assert "| so far: size not reached |" in line_of("F2", {"F2": Row(last=record(whole - 1))})
    assert "| yes |" in line_of("F2", {"F2": Row(last=record(whole))})
    missed = line_of("F2", {"F2": Row(last=record(whole, met=False))})
    assert "| no |" in missed and "**missed: 0 lost**" in missed
    # Its whole run here is less than what the goal asks for.
    assert "| so far: size not reached |" in line_of("F3", {"F3": Row(last=record(GOALS["F3"].whole))})


def test_a_larger_run_of_before_stays_beside_a_smaller_new_one() -> None:
    row = Row(last=record(100, size="hundred")).with_run(record(10, size="ten"))
    assert (row.last.size, row.larger and row.larger.size) == ("ten", "hundred")
    row = row.with_run(record(50, size="fifty"))
    assert (row.last.size, row.larger and row.larger.size) == ("fifty", "hundred")
    row = row.with_run(record(200, size="more"))
    assert (row.last.size, row.larger) == ("more", None)


def test_a_partial_run_changes_its_row_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "TABLE", "BUILD"):
        monkeypatch.setattr(soak, name, tmp_path / "new" / name.lower())
    kept = {"F1": Row(last=record(5)), "F2": Row(last=record(GOALS["F2"].whole, size="all of them"))}
    soak.save(soak.RESULTS, kept)
    small = replace(GOALS["F2"], least=1, unit_s=3_600.0)
    monkeypatch.setitem(GOALS, "F2", small)
    assert soak.main(["--only", "F2", "--hours", "0.01"]) == 0
    rows = soak.load(soak.RESULTS)
    assert rows["F1"].last == kept["F1"].last
    assert rows["F2"].last.figures["lists"] >= 1 and rows["F2"].last.told[1][0].startswith("0 ended another way")
    assert rows["F2"].larger is not None and rows["F2"].larger.size == "all of them"
    assert list(msgspec.json.decode(soak.BUILD.read_bytes())) == ["F2"]
    assert soak.TABLE.read_text() == table(rows)


def test_a_missed_goal_and_a_broken_run_end_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "TABLE", "BUILD"):
        monkeypatch.setattr(soak, name, tmp_path / name.lower())

    def run(goal: Any, units: int) -> Record:
        return record(units, met=goal is not GOALS["F9"])

    monkeypatch.setattr(soak, "run", run)
    assert soak.main(["--only", "F8", "--hours", "9"]) == 0
    assert soak.main(["--only", "F8", "F9"]) == 1

    def fail(goal: Any, units: int) -> Record:
        raise AssertionError("no window")

    before = soak.load(soak.RESULTS)
    monkeypatch.setattr(soak, "run", fail)
    assert soak.main(["--only", "F8"]) == 1 and soak.load(soak.RESULTS) == before


@pytest.mark.parametrize("name", GOALS)
def test_more_hours_make_larger_runs_up_to_the_whole(name: str) -> None:
    goal = GOALS[name]
    assert goal.least <= goal.units(0.01) <= goal.units(1.0) <= goal.units(1e9) == goal.whole
    assert "{" not in goal.size_words(7) + goal.command_words(7)


def test_the_parts_of_the_time_are_no_more_than_all_of_it() -> None:
    assert 0.85 < sum(goal.share for goal in GOALS.values()) <= 1.0
