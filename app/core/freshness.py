"""How far a number can be trusted now. Values only."""

from __future__ import annotations

from msgspec import Struct


class Freshness(Struct, frozen=True):
    """`state` is "live", "aging", "stale" or "resync"; `words` is short text for a badge ("STALE 7 s"), `age_s` seconds
    since the last message of the stream. Anything but "live" must look different: "aging" a yellow badge, the others
    grey and hatched.
    """

    state: str
    words: str
    age_s: float
