"""Every fault of the catalogue has a test, or is named here as one that has none yet."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults.catalogue import CATALOGUE, ids_of

NOT_YET: frozenset[str] = frozenset(CATALOGUE) - set(
    "T1 T2 S1 S2 S3 S4 S5 S6 S7 S8 S10 L7 X1 X2 X3 X4 X5 X6 X7 X12 X13 X14 X15 X16 X17 X18".split()
)
"""Faults without a test. It only ever gets shorter."""


def ids_with_a_test() -> set[str]:
    """Ids that a test of this project starts with."""
    found: set[str] = set()
    for file in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.update(ids_of(node.name))
    return found


def test_there_are_103_faults() -> None:
    assert len(CATALOGUE) == 103


def test_every_fault_has_a_test_or_is_owed_one() -> None:
    assert ids_with_a_test() - set(CATALOGUE) == set(), "tests of faults that nobody knows"
    assert set(CATALOGUE) - ids_with_a_test() == NOT_YET
