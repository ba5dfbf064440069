"""What an order is known to be, and what is odd about it. No facts: `core.orders` derives both from them."""

from __future__ import annotations

from enum import StrEnum


class OrderState(StrEnum):
    INTENT = "INTENT"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    """Sent, and nobody has told us what became of it. It may be live."""
    OPEN = "OPEN"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    PARTIALLY_CANCELED = "PARTIALLY_CANCELED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    NOT_PLACED = "NOT_PLACED"
    """Proved absent, or never sent."""

    @property
    def is_done(self) -> bool:
        return self in _DONE


_DONE = frozenset(
    {
        OrderState.FILLED,
        OrderState.PARTIALLY_CANCELED,
        OrderState.CANCELED,
        OrderState.EXPIRED,
        OrderState.FAILED,
        OrderState.REJECTED,
        OrderState.NOT_PLACED,
    }
)


class OrderFlag(StrEnum):
    EXTERNAL = "EXTERNAL"
    """Placed elsewhere: website, phone, another program."""
    LOST = "LOST"
    """Open here, but the exchange does not know it."""
    FILLS_MISSING = "FILLS-MISSING"
    OVERFILLED = "OVERFILLED"
    ID_CONFLICT = "ID-CONFLICT"
    LATE_EVIDENCE = "LATE-EVIDENCE"
    CANCEL_UNKNOWN = "CANCEL-UNKNOWN"
    CHANGE_UNKNOWN = "CHANGE-UNKNOWN"
    UNKNOWN_WORD = "UNKNOWN-ENUM"
    TOO_OLD = "TOO-OLD"
    """Unknown for so long that the exchange no longer tells: only the trader can."""
