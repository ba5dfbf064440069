"""Every fault of the catalogue has a test, or is named here as one that has none yet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.faults.catalogue import CATALOGUE

NOT_YET: frozenset[str] = frozenset(CATALOGUE) - {
    "O1",
    "O10",
    "O11",
    "O12",
    "O13",
    "O14",
    "O15",
    "O16",
    "O17",
    "O18",
    "O19",
    "O2",
    "O20",
    "O21",
    "O22",
    "O23",
    "O24",
    "O26",
    "O3",
    "O4",
    "O5",
    "O6",
    "O7",
    "O8",
    "O9",
    "T1",
    "T2",
}
"""Faults without a test. It only ever gets shorter."""


def ids_with_a_test() -> set[str]:
    """Ids that a test of this folder starts with."""
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if hit := re.match(r"test_([a-z])(\d+)_", node.name):
                    found.add(f"{hit[1].upper()}{hit[2]}")
    return found


def test_there_are_103_faults() -> None:
    assert len(CATALOGUE) == 103


def test_every_fault_has_a_test_or_is_owed_one() -> None:
    assert ids_with_a_test() - set(CATALOGUE) == set(), "tests of faults that nobody knows"
    assert set(CATALOGUE) - ids_with_a_test() == NOT_YET
