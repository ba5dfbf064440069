"""The words with which a user accepts a key that can move money away."""

from __future__ import annotations

CONSENT = "this key may withdraw"
"""What the user types before a key that can move money away is kept or trades."""


def is_consent(typed: str) -> bool:
    return " ".join(typed.split()).casefold() == CONSENT
