"""A measured figure with its goal, and how figures are printed and kept. Measures nothing."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct, to_builtins

OUTPUT = Path("build/bench.json")


class Figure(Struct, frozen=True):
    """`goal` is an upper bound, or a lower one when `more_is_better`; None where the figure is only told."""

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None or self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal


def report(figures: list[Figure]) -> None:
    """Print the table and write build/bench.json."""
    for figure in figures:
        value = "-" if figure.value is None else f"{figure.value:,.3f}"
        sign = "≥" if figure.more_is_better else "≤"
        goal = "" if figure.goal is None else f"{sign} {figure.goal:g}"
        met = {True: "met", False: "MISSED", None: ""}[figure.met]
        print(f"{figure.name:<58} {value:>10} {figure.unit:<7} {goal:>8}  {met:<6} {figure.note}")
    OUTPUT.parent.mkdir(exist_ok=True)
    rows = [to_builtins(figure) | {"met": figure.met} for figure in figures]
    OUTPUT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"written to {OUTPUT}")
