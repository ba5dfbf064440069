"""Reads the Retry-After header (RFC 9110, 10.2.3). What to do about it is the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST_S = 3 * 86_400.0


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most three days; None without a readable header. Names in lower case.

    A date is read against the answer's own Date header, so our clock does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])).total_seconds()
        except (KeyError, TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_S) if seconds == seconds else None
