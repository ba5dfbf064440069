"""Every fault of the catalogue has a test, or is named here as one that has none yet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.faults.catalogue import CATALOGUE

NOT_YET: frozenset[str] = frozenset(CATALOGUE) - {
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
    "C6",
    "C7",
    "T1",
    "T10",
    "T11",
    "T12",
    "T13",
    "T14",
    "T15",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "T7",
    "T8",
    "T9",
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
