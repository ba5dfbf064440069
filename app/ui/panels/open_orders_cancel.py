"""One cancel command over several accounts, and what became of every order it named. No widgets, no sockets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.core.cancellation import CancelOutcome
from app.core.kill_switch import Expiry
from app.core.orders import InFlightOrder
from app.core.signal import Signal
from app.core.timestamps import utc_time
from app.core.types import Side
from app.ui.desk import Desk, ExchangeView


@dataclass
class CancelLine:
    """One order that was asked for. `outcome` is None until its exchange has answered."""

    exchange: ExchangeView
    order_key: str
    pair: str
    order: InFlightOrder | None
    outcome: CancelOutcome | None = None
    words: str = ""

    @property
    def left_over(self) -> bool:
        """Whether it may still be open against the trader's wish."""
        if self.outcome not in (CancelOutcome.REFUSED, CancelOutcome.UNKNOWN):
            return False
        return self.order is None or not self.order.is_done


@dataclass
class CancelScope:
    """Which orders of one account: `keys` names them, or else market and side restrict them; nothing means all."""

    exchange: ExchangeView
    pair: str | None = None
    side: Side | None = None
    keys: tuple[str, ...] | None = None


def scopes_of(orders: Iterable[tuple[ExchangeView, str]]) -> list[CancelScope]:
    """Exactly these orders, by account and key."""
    by_account: dict[str, tuple[ExchangeView, list[str]]] = {}
    for exchange, key in orders:
        by_account.setdefault(exchange.key, (exchange, []))[1].append(key)
    return [CancelScope(exchange, keys=tuple(keys)) for exchange, keys in by_account.values()]


@dataclass
class CancelJob:
    """`changed` tells each answer; `finished` is true when every account has answered."""

    title: str
    lines: list[CancelLine] = field(default_factory=list)
    waiting_for: list[str] = field(default_factory=list)
    changed: Signal[None] = field(default_factory=Signal)

    @property
    def finished(self) -> bool:
        return not self.waiting_for

    @property
    def left_over(self) -> list[CancelLine]:
        return [line for line in self.lines if line.left_over]

    def count(self, outcome: CancelOutcome | None) -> int:
        return sum(line.outcome is outcome for line in self.lines)

    def words(self) -> str:
        """ "12 asked · 9 canceled · 3 refused"."""
        parts = [f"{len(self.lines)} asked"]
        parts += [f"{self.count(outcome)} {_WORDS[outcome]}" for outcome in CancelOutcome if self.count(outcome)]
        if self.waiting_for:
            parts.append(f"waiting for {', '.join(self.waiting_for)}")
        return "  ·  ".join(parts)


_WORDS = {
    CancelOutcome.CANCELED: "cancelled",
    CancelOutcome.ACCEPTED: "accepted, end not confirmed yet",
    CancelOutcome.FILLED_FIRST: "filled before the cancel",
    CancelOutcome.GONE: "already closed",
    CancelOutcome.REFUSED: "refused",
    CancelOutcome.UNKNOWN: "unknown, may still be open",
    CancelOutcome.QUEUED: "queued behind the order itself",
}


def outcome_words(outcome: CancelOutcome | None) -> str:
    return "Waiting for the answer" if outcome is None else _WORDS[outcome].capitalize()


def start_cancel(desk: Desk, title: str, scopes: Sequence[CancelScope]) -> CancelJob:
    """Ask every account at once; one that hangs does not keep the others waiting."""
    job = CancelJob(title)
    for scope in scopes:
        job.lines += [
            CancelLine(scope.exchange, order.key, order.pair, order)
            for order in scope.exchange.orders.open
            if _within(scope, order)
        ]
        job.waiting_for.append(scope.exchange.title)
    for scope in scopes:
        desk.spawn(_run(job, scope), f"cancel on {scope.exchange.key}")
    return job


def expiry_job(exchange: ExchangeView, expiry: Expiry) -> CancelJob:
    """What the exchange's own timer did, in the form of a receipt."""
    job = CancelJob(expiry.words)
    for key in expiry.keys:
        order = exchange.orders.get(key)
        words = f"safety timer at {utc_time(expiry.at_ms)} UTC"
        job.lines.append(CancelLine(exchange, key, order.pair if order else "", order, CancelOutcome.CANCELED, words))
    return job


def _within(scope: CancelScope, order: InFlightOrder) -> bool:
    if scope.keys is not None:
        return order.key in scope.keys
    return scope.pair in (None, order.pair) and scope.side in (None, order.side)


async def _run(job: CancelJob, scope: CancelScope) -> None:
    mine = [line for line in job.lines if line.exchange is scope.exchange]
    try:
        receipt = await scope.exchange.cancel_all(pair=scope.pair, side=scope.side, keys=scope.keys)
    except BaseException as error:
        for line in mine:
            _note(line, CancelOutcome.UNKNOWN, f"{type(error).__name__}: {error}")
        raise
    else:
        known = {line.order_key: line for line in mine}
        for result in receipt.results:
            line = known.pop(result.key, None)
            if line is None:
                order = scope.exchange.orders.get(result.key)
                line = CancelLine(scope.exchange, result.key, result.pair, order)
                job.lines.append(line)
            _note(line, result.outcome, result.words)
        for line in known.values():
            _note(line, CancelOutcome.UNKNOWN, "the answer does not mention this order")
    finally:
        job.waiting_for.remove(scope.exchange.title)
        job.changed.emit(None)


def _note(line: CancelLine, outcome: CancelOutcome, words: str) -> None:
    if line.outcome is None:
        line.outcome, line.words = outcome, words
