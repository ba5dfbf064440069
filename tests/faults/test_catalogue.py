"""Every fault of the catalogue has a test, or is named here as one that has none yet."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.faults.catalogue import CATALOGUE

NOT_YET: frozenset[str] = frozenset(CATALOGUE) - {
    "L1",
    "L2",
    "L3",
    "L4",
    "L5",
    "L6",
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P7",
    "P8",
    "P9",
    "P10",
    "P11",
    "P12",
    "P13",
    "P14",
    "P15",
    "P16",
    "P17",
    "P18",
    "P19",
    "P20",
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
