"""How many, the middle, the worst of a hundred, and the worst: what a laboratory run reports."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def spread(values: Sequence[float]) -> dict[str, float]:
    """Count, p50, p99 and max; p99 is the smallest value that 99 % do not exceed."""
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    at = [ordered[max(ceil(share * len(ordered)) - 1, 0)] for share in (0.5, 0.99)]
    return {"count": len(ordered), "p50": round(at[0], 1), "p99": round(at[1], 1), "max": round(ordered[-1], 1)}
