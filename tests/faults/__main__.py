"""Runs every fault test and writes what was shown to docs/faults.md: `make faults`."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.faults.catalogue import CATALOGUE, ids_of

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / "docs" / "faults.md"


class _Results:
    """Outcome and seconds of each test, by the id in its name."""

    def __init__(self) -> None:
        self.by_id: dict[str, list[tuple[str, str, float]]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only tests of a fault; they live all over the project."""
        items[:] = [item for item in items if ids_of(item.name)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            test = report.nodeid.rpartition("::")[2].partition("[")[0]
            ids = ids_of(test)
            words = test.split("_")[1 + len(ids) :]
            for one in ids:
                self.by_id[one].append((" ".join(words), report.outcome, report.duration))


def main() -> int:
    results = _Results()
    code = pytest.main(["-q", str(TESTS), *sys.argv[1:]], plugins=[results])
    if not sys.argv[1:]:
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(table(results.by_id))
    shown = sum(1 for one in CATALOGUE if one in results.by_id)
    print(f"{shown} of {len(CATALOGUE)} faults have a test that ran")
    return int(code)


def table(by_id: dict[str, list[tuple[str, str, float]]]) -> str:
    """The catalogue with what each test showed. Times are not in it: they differ from run to run."""
    lines = [
        "# Faults and what the window shows",
        "",
        "Made by `make faults` from the results of `tests/faults`; edit `tests/faults/catalogue.py` instead.",
        "",
        "| Id | What must be seen | Shown by | Result |",
        "|---|---|---|---|",
    ]
    for one, words in CATALOGUE.items():
        tests = by_id.get(one, [])
        names = "; ".join(dict.fromkeys(name for name, _, _ in tests)) or "–"
        outcomes = {outcome for _, outcome, _ in tests}
        result = "not tested yet" if not tests else outcomes.pop() if len(outcomes) == 1 else "failed in part"
        lines.append(f"| {one} | {words} | {names} | {result} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
