"""Every fault of the catalogue has a test whose name begins with its id."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults.catalogue import CATALOGUE, ids_of


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


def test_every_fault_has_a_test_and_every_test_is_of_a_fault() -> None:
    assert ids_with_a_test() == set(CATALOGUE)
