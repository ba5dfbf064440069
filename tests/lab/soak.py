"""Runs the goals (`goals.py`) one after the other: `python -m tests.lab.soak [--only F3 F5] [--hours H]`, `make soak`.

Each run has a process of its own. Its figures go to build/soak.json and, with those of earlier runs, to
docs/goals.json, from which docs/goals.md is made: a run of some goals changes their rows only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from tests.lab.goals import GOALS, Goal

_ROOT = Path(__file__).parents[2]
RESULTS = _ROOT / "docs" / "goals.json"
TABLE = _ROOT / "docs" / "goals.md"
BUILD = _ROOT / "build" / "soak.json"


class Record(Struct, kw_only=True):
    """One run. `told` is what its figures say, each with whether the goal is met in it; `figures` are all of them."""

    date: str
    units: int
    size: str
    seconds: int = 0
    told: list[tuple[str, bool]]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        return all(met for _, met in self.told)


class Row(Struct, kw_only=True):
    """The newest run, and an older one where that was larger."""

    last: Record
    larger: Record | None = None

    def with_run(self, run: Record) -> Row:
        known = max((each for each in (self.last, self.larger) if each is not None), key=lambda each: each.units)
        return Row(last=run, larger=known if known.units > run.units else None)


def run(goal: Goal, units: int) -> Record:
    began = time.monotonic()
    # Some change the program that they measure, and some need a window: each has a process of its own.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        figures = pool.submit(goal.run, units).result()
    return Record(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        units=units,
        size=goal.size_words(units),
        seconds=round(time.monotonic() - began),
        told=list(goal.tell(figures)),
        figures=figures,
    )


def load(path: Path) -> dict[str, Row]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Row]) if path.exists() else {}


def save(path: Path, rows: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")


def table(rows: dict[str, Row]) -> str:
    lines = [
        "# Goals and what was measured",
        "",
        "Made by `make soak` from `docs/goals.json`; edit `tests/lab/goals.py` instead. Times depend on the computer",
        "and on what else it does: these runs shared two cores with other work. Where the size wanted was not reached,",
        "the figures say no more than that nothing worse was found in the size that was run.",
        "",
        "| Goal | Promise | Size wanted | Met | Newest run | Larger run before |",
        "|---|---|---|---|---|---|",
    ]
    for name, goal in GOALS.items():
        row = rows.get(name)
        wanted = goal.wanted or goal.size_words(goal.whole)
        cells = [f"{name} {goal.title}", goal.promise, wanted, _verdict(goal, row)]
        cells += [_words(goal, row.last), _words(goal, row.larger)] if row is not None else ["not run yet", ""]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Commands", ""]
    for name, goal in GOALS.items():
        lines.append(f"- {name}: `{goal.command_words(goal.whole)}`, or `make soak ARGS='--only {name} --hours H'`")
    return "\n".join(lines) + "\n"


def _verdict(goal: Goal, row: Row | None) -> str:
    if row is None:
        return "–"
    runs = [run for run in (row.last, row.larger) if run is not None]
    if any(not run.met for run in runs):
        return "no"
    if goal.wanted or all(run.units < goal.whole for run in runs):
        return "so far: size not reached"
    return "yes"


def _words(goal: Goal, record: Record | None) -> str:
    if record is None:
        return ""
    told = "; ".join(words if met else f"**missed: {words}**" for words, met in record.told)
    by_hand = "" if record.figures else " (written down by hand from that run)"
    return f"{record.date}, {record.size}{by_hand}: {told}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.soak", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GOALS, default=list(GOALS), metavar="GOAL")
    parser.add_argument("--hours", type=float, default=0.5, help="for all goals together; each gets its share")
    parser.add_argument("--table", action="store_true", help="only make the table anew")
    asked = parser.parse_args(arguments)
    rows, runs, broken = load(RESULTS), dict[str, Record](), False
    for name in () if asked.table else asked.only:
        goal = GOALS[name]
        units = goal.units(asked.hours)
        print(f"{name} {goal.title}: {goal.size_words(units)} …", flush=True)
        try:
            record = runs[name] = run(goal, units)
        except Exception as error:
            # The others are worth running all the same; the row keeps what was measured before.
            print(f"  BROKEN {type(error).__name__}: {error}", flush=True)
            broken = True
            continue
        for words, met in record.told:
            print(f"  {'ok    ' if met else 'MISSED'} {words}", flush=True)
        rows[name] = rows[name].with_run(record) if name in rows else Row(last=record)
        # After each one: what was measured is kept whatever happens to the next.
        save(BUILD, runs)
        save(RESULTS, dict(sorted(rows.items(), key=lambda row: list(GOALS).index(row[0]))))
        TABLE.write_text(table(rows))
    TABLE.write_text(table(rows))
    return 1 if broken or not all(record.met for record in runs.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
