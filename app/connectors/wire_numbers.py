"""Numbers as exchanges spell them, read exactly and with care. No protocol of any exchange."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_MOST_DIGITS = 60
"""Beyond any price or amount: a number of this size is a fault, or an attack."""


def number(text: str | None) -> Decimal | None:
    """None for "" and None. Raises ValueError for what is no finite number of sensible size."""
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not a number: {text[:40]!r}") from None
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        raise ValueError(f"not a finite number of sensible size: {text[:40]!r}")
    return value


def required(text: str | None) -> Decimal:
    """As `number`, where there must be one."""
    value = number(text)
    if value is None:
        raise ValueError("a number is missing")
    return value


def unless_zero(text: str | None) -> Decimal | None:
    """None for "" and for any zero, where zero means "does not apply"."""
    return number(text) or None
