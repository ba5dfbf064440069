"""An exchange's own timer that cancels everything unless it is asked again in time: its state here. No I/O."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from app.core.timestamps import utc_time


class KillSwitchState(StrEnum):
    OFF = "off"
    ARMING = "arming"
    ARMED = "armed"
    DISARMING = "disarming"
    """Asked to stop and not confirmed: it may still fire."""
    EXPIRED = "expired"


class Expiry(Struct, frozen=True):
    """The timer fired at this exchange time, and these orders (keys) were found cancelled by it."""

    at_ms: int
    keys: tuple[str, ...]

    @property
    def words(self) -> str:
        count = len(self.keys)
        return (
            f"Exchange cancelled {count} order{'s' * (count != 1)}: safety timer expired at {utc_time(self.at_ms)} UTC"
        )
