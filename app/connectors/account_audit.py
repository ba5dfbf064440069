"""Looks at an account that was just asked about: holds that no open order explains."""

from __future__ import annotations

from collections.abc import Mapping

from app.connectors.venue import Venue
from app.core.clock import NS_PER_S
from app.core.holds import Hold

HOLD_MISMATCH = "HOLD-MISMATCH"
_PATIENCE_S = 10.0
"""Balances and orders are told one after the other; they may differ for a moment."""


class HoldWatch:
    """An asset whose hold differs from its open orders for more than 10 s is an alarm until it is explained."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._since_ns: dict[str, int] = {}
        self._told = ""

    def look(self, holds: Mapping[str, Hold]) -> bool:
        """Returns whether something is unexplained that was not for long, so that asking again soon is worth it."""
        now_ns, notices, key = self._venue.clock.mono_ns(), self._venue.notices, self._venue.key
        broken = {asset: hold for asset, hold in holds.items() if not hold.explained}
        self._since_ns = {asset: self._since_ns.get(asset, now_ns) for asset in broken}
        old = [asset for asset, since_ns in self._since_ns.items() if now_ns - since_ns >= _PATIENCE_S * NS_PER_S]
        if old:
            words = "; ".join(f"{asset}: {_words(broken[asset])}" for asset in old)
            # What the trader has put away comes back only when it says something new.
            if words != self._told:
                notices.raise_alarm(HOLD_MISMATCH, key, words)
                self._told = words
        elif self._told:
            notices.end_alarm(HOLD_MISMATCH, key, "open orders explain what is held")
            self._told = ""
        return len(broken) > len(old)


def _words(hold: Hold) -> str:
    return f"{hold.held:f} held, open orders explain {hold.bound:f}"
