"""Every fault of the catalogue has a test, or is named here as one that has none yet."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults.catalogue import CATALOGUE, ids_of

NOT_YET = frozenset({"S9", "X11"})
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
