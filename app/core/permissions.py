"""What an API key may do, as far as its exchange tells. Pure: nobody is asked here."""

from __future__ import annotations

from msgspec import Struct


class KeyPermissions(Struct, frozen=True, kw_only=True):
    """None means that the exchange does not report it. `ip_bound`: the key works from listed addresses only."""

    read: bool | None = None
    trade: bool | None = None
    transfer: bool | None = None
    withdraw: bool | None = None
    ip_bound: bool | None = None

    @property
    def can_move_money_away(self) -> bool:
        """Whether the exchange says so; a transfer may leave the account as well as a withdrawal."""
        return bool(self.withdraw or self.transfer)

    @property
    def reported(self) -> bool:
        return any(each is not None for each in (self.read, self.trade, self.transfer, self.withdraw, self.ip_bound))

    def words(self) -> str:
        """One line, such as "read yes, trade yes, transfer not reported, withdraw no, IP-bound no"."""
        if not self.reported:
            return "rights not reported"
        named = (
            ("read", self.read),
            ("trade", self.trade),
            ("transfer", self.transfer),
            ("withdraw", self.withdraw),
            ("IP-bound", self.ip_bound),
        )
        return ", ".join(f"{name} {yes_no(value)}" for name, value in named)


def yes_no(value: bool | None) -> str:
    return "not reported" if value is None else "yes" if value else "no"
