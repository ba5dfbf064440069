"""What a cancel asked for and what became of each order. No I/O."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class CancelOutcome(StrEnum):
    CANCELED = "canceled"
    ACCEPTED = "accepted"
    """The exchange took the request; the order's end is not confirmed yet."""
    FILLED_FIRST = "filled first"
    GONE = "already closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer: the order may still be open."""
    QUEUED = "queued"
    """The order itself is still on its way; the cancel follows it."""


class CancellationResult(Struct, frozen=True):
    """`key` is `InFlightOrder.key`; `words` are the exchange's own, foreign text."""

    key: str
    pair: str
    outcome: CancelOutcome
    words: str = ""

    @property
    def success(self) -> bool:
        return self.outcome in (CancelOutcome.CANCELED, CancelOutcome.ACCEPTED, CancelOutcome.GONE)


class CancellationReceipt(Struct, frozen=True):
    """One result for every order asked for, in that order."""

    results: tuple[CancellationResult, ...]

    @property
    def left_over(self) -> tuple[CancellationResult, ...]:
        """Those that may still be open against the trader's wish."""
        return tuple(r for r in self.results if r.outcome in (CancelOutcome.REFUSED, CancelOutcome.UNKNOWN))

    def words(self) -> str:
        counts = {outcome: sum(r.outcome is outcome for r in self.results) for outcome in CancelOutcome}
        parts = [f"{count} {outcome}" for outcome, count in counts.items() if count]
        return ", ".join(parts) or "nothing to cancel"
