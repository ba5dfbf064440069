"""Whether an account with real money may place orders now. It starts safe; cancels never need it. No clock, no I/O."""

from __future__ import annotations

SAFE_WORDS = "SAFE: trading with this account is not armed"


class Arming:
    """`needed` is False where no money is at stake: paper, a laboratory, a program without a window that was asked to
    trade. Readers compare `version`."""

    def __init__(self, needed: bool) -> None:
        self.needed = needed
        self.version = 0
        self._armed = False

    @property
    def armed(self) -> bool:
        """Armed by the trader, and not made safe since."""
        return self.needed and self._armed

    @property
    def refusal(self) -> str:
        """Why no order may be placed or changed, or empty."""
        return SAFE_WORDS if self.needed and not self._armed else ""

    def arm(self) -> None:
        self._set(True)

    def disarm(self) -> None:
        self._set(False)

    def _set(self, armed: bool) -> None:
        if armed is not self._armed:
            self._armed = armed
            self.version += 1
