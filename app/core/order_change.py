"""A wish to change an open order, and what is known of it. No I/O."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct


class ChangeState(StrEnum):
    SENT = "sent"
    UNKNOWN = "not confirmed"
    """Sent, and nobody has told us what became of it. It is asked about and never sent again."""
    DONE = "done"
    REFUSED = "refused"


class OrderChange(Struct, frozen=True, kw_only=True):
    """The newest wish to change an open order: price (quote) and whole amount (base, what is filled included)."""

    price: Decimal | None
    amount: Decimal | None
    proof_ms: int
    """From this exchange time on, an order that shows its old terms was never changed."""
    state: ChangeState = ChangeState.SENT
    words: str = ""
    """Why it is refused or not confirmed; foreign text."""

    @property
    def is_open(self) -> bool:
        return self.state in (ChangeState.SENT, ChangeState.UNKNOWN)
