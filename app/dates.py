"""Dates for the user's eyes."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_date(ms: int) -> str:
    """yyyy-mm-dd"""
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d}"
