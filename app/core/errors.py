"""How to treat an exchange's error, one vocabulary for all venues. No code tables: those are each connector's data."""

from enum import StrEnum


class ErrorKind(StrEnum):
    REJECTED = "rejected"
    """The exchange said no, definitely."""
    NOT_FOUND = "not found"
    DUPLICATE_ID = "duplicate client order id"
    """Proof that the order exists: ask for it."""
    ALREADY_DONE = "already done"
    """Filled or closed before the cancel: reconcile."""
    AUTH = "authentication"
    CLOCK = "clock"
    SLOW_DOWN = "slow down"
    BANNED = "banned"
    MARKET_CLOSED = "market closed"
    RULES_CHANGED = "trading rules changed"
    UNAVAILABLE = "unavailable"
    """Busy or broken over there; for an order this leaves the outcome unknown."""
    UNKNOWN = "unknown"
    """A code we have no example of: for an order this leaves the outcome unknown."""

    @property
    def is_definite(self) -> bool:
        """Whether an order refused with this error certainly does not exist because of this request."""
        return self in _DEFINITE

    @property
    def advice(self) -> str:
        """What the trader can check, or nothing."""
        return _ADVICE.get(self, "")


_ADVICE = {
    ErrorKind.AUTH: "check three things: the API key, the IP address it is bound to, and its right to trade",
    ErrorKind.CLOCK: "clock: the exchange found our timestamp too old or too new",
}
_DEFINITE = frozenset(
    {
        ErrorKind.REJECTED,
        ErrorKind.AUTH,
        ErrorKind.CLOCK,
        ErrorKind.SLOW_DOWN,
        ErrorKind.BANNED,
        ErrorKind.MARKET_CLOSED,
        ErrorKind.RULES_CHANGED,
    }
)
