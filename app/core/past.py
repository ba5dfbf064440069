"""How far the loading of an account's past has come. No I/O."""

from __future__ import annotations

from enum import StrEnum


class HistoryState(StrEnum):
    WAITING = "waiting"
    """For the account and the first book."""
    LOADING = "loading"
    LOADED = "loaded"
    REFUSED = "refused"
    OFF = "off"
    """The settings want none at the start; it can be asked for."""
