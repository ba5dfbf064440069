"""Whether an order may leave now, and the reason in words. Pure; cancels never pass a gate."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class GateState(StrEnum):
    OPEN = "open"
    CONFIRM = "confirm"
    """Allowed after the trader has read the reason."""
    BLOCKED = "blocked"


class Gate(Struct, frozen=True):
    state: GateState
    reason: str = ""
    unknown: tuple[str, ...] = ()
    """Our ids of orders that may be live, when nothing else blocks: the trader may place another order all the same."""


OPEN = Gate(GateState.OPEN)
