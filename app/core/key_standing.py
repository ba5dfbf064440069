"""What follows from a key's rights: whether orders may leave with it, and the words that warn of it. Pure."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from app.core.permissions import KeyPermissions


class Tone(StrEnum):
    """How loudly a mark is shown; also the name of a colour of the theme."""

    WARNING = "warning"
    ERROR = "error"


class Mark(Struct, frozen=True):
    """A word shown wherever the account is shown, and the sentence behind it."""

    word: str
    tone: Tone
    tip: str


class KeyStanding(Struct, frozen=True, kw_only=True):
    """The key of one account as last told. Times in ms of the wall clock, 0 for never."""

    permissions: KeyPermissions = KeyPermissions()
    checked_ms: int = 0
    consent_ms: int = 0
    """When the user accepted that this key can move money away."""
    refused: str = ""
    """The exchange's words, when it refused the key the last time it was asked."""

    @property
    def needs_consent(self) -> bool:
        return self.permissions.can_move_money_away and not self.consent_ms

    @property
    def no_orders(self) -> str:
        """Why no order may leave with this key, or empty."""
        if self.permissions.trade is False:
            return "READ ONLY: this key may not trade"
        if self.needs_consent:
            return "This key can move money away: accept that first, under Accounts"
        return ""

    @property
    def marks(self) -> tuple[Mark, ...]:
        rights = self.permissions
        found = []
        if self.refused:
            found.append(Mark("KEY REFUSED", Tone.ERROR, f"the exchange refused this key: {self.refused}"))
        if rights.trade is False:
            found.append(Mark("READ ONLY", Tone.WARNING, "this key may not trade: no order can be sent"))
        if rights.withdraw:
            found.append(Mark("CAN WITHDRAW", Tone.ERROR, "whoever has this key can withdraw money"))
        elif rights.transfer:
            found.append(Mark("CAN TRANSFER", Tone.ERROR, "whoever has this key can transfer money away"))
        if rights.ip_bound is False and rights.trade is not False:
            found.append(Mark("ANY IP", Tone.WARNING, "any IP may trade with this key"))
        return tuple(found)
