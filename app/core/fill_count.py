"""Executions told in several numberings, counted once. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.core.types import Fill


def count_once(fills: Iterable[Fill]) -> list[Fill]:
    """One row per execution where two numberings name the same ones.

    Ids compare only within their space, so executions of equal price and amount are counted in the space that knows
    more of them: nothing is doubled, and what one space has not told yet shows as missing. Of two that know as many the
    one whose messages can be shown is taken.
    """
    alike: dict[tuple[Decimal, Decimal], dict[str, list[Fill]]] = {}
    for fill in fills:
        alike.setdefault((fill.price, fill.amount), {}).setdefault(fill.id_space, []).append(fill)
    counted = [fill for spaces in alike.values() for fill in max(spaces.values(), key=_knowledge)]
    return sorted(counted, key=by_age)


def _knowledge(fills: list[Fill]) -> tuple[int, bool]:
    return len(fills), all(fill.frame for fill in fills)


def by_age(fill: Fill) -> tuple[int, str]:
    return fill.exchange_ms, fill.trade_id
