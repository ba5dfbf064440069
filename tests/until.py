"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

PATIENCE = 3.0 if "PYTEST_XDIST_WORKER" in os.environ else 1.0
"""Tests side by side take the computer from each other; `tests.lab` and the benchmark measure promised times."""


async def until(
    condition: Callable[[], object],
    within_s: float = 20.0,
    what: str = "",
    seen: Callable[[], object] | None = None,
) -> None:
    """Return as soon as the condition holds; fail when it does not in time, telling what is `seen` instead."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s * PATIENCE
    while not condition():
        if loop.time() > end:
            instead = f"; seen: {seen()}" if seen else ""
            raise AssertionError(f"not within {within_s:g} s: {what or condition}{instead}")
        await asyncio.sleep(0.01)
