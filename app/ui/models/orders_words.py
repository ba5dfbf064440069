"""An order's state, flags and type in the words a trader reads, with their colours. No widgets, no decisions."""

from __future__ import annotations

from decimal import Decimal

from app.core.order_change import ChangeState
from app.core.order_state import OrderFlag, OrderState
from app.core.orders import InFlightOrder
from app.core.types import OrderType, Side
from app.ui.format import clean, exact, time
from app.ui.models.orders_table import Badge

TYPE_WORDS = {
    OrderType.LIMIT: "Limit",
    OrderType.MARKET: "Market",
    OrderType.LIMIT_MAKER: "Post-only",
    OrderType.STOP_MARKET: "Stop market",
    OrderType.STOP_LIMIT: "Stop limit",
    OrderType.TAKE_PROFIT: "Take profit",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit",
    OrderType.TRAILING_STOP: "Trailing stop",
    OrderType.TRAILING_STOP_LIMIT: "Trailing limit",
}
SIDE_WORDS = {Side.BUY: "Buy", Side.SELL: "Sell"}
_FLAG_TONES = {
    OrderFlag.EXTERNAL: "secondary",
    OrderFlag.LATE_EVIDENCE: "secondary",
    OrderFlag.FILLS_MISSING: "warning",
    OrderFlag.CANCEL_UNKNOWN: "warning",
    OrderFlag.CHANGE_UNKNOWN: "warning",
    OrderFlag.UNKNOWN_WORD: "warning",
    OrderFlag.LOST: "error",
    OrderFlag.OVERFILLED: "error",
    OrderFlag.ID_CONFLICT: "error",
}
_FLAG_HELP = {
    OrderFlag.EXTERNAL: "placed elsewhere: website, phone or another program",
    OrderFlag.LATE_EVIDENCE: "the exchange told more after the order had ended",
    OrderFlag.FILLS_MISSING: "the exchange reported more filled than its executions add up to",
    OrderFlag.CANCEL_UNKNOWN: "a cancel was sent and nobody confirmed it",
    OrderFlag.CHANGE_UNKNOWN: "a change was sent and nobody confirmed it; it is asked about and not sent again",
    OrderFlag.UNKNOWN_WORD: "the exchange used a state word that is not known here",
    OrderFlag.LOST: "the exchange does not know this order; it stays listed until that is explained",
    OrderFlag.OVERFILLED: "more was filled than was ordered",
    OrderFlag.ID_CONFLICT: "two reports contradict each other",
}
_CHANGEABLE = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
_RANK = {state: rank for rank, state in enumerate(OrderState)}


def filled_of(order: InFlightOrder) -> str:
    """ "0.4 of 1"; without a base amount only what is filled."""
    amount = order.terms.amount
    return exact(order.filled) if amount is None else f"{exact(order.filled)} of {exact(amount)}"


def state_words(order: InFlightOrder) -> tuple[str, str]:
    """The row's text and the name of its colour."""
    reason = clean(order.reason, 120)
    if order.put_away:
        return "Put away: the exchange does not know it", "secondary"
    if OrderFlag.UNKNOWN_WORD in order.flags and not order.is_done:
        return f"Exchange state: {clean(order.venue_word, 40)} (unknown)", "warning"
    if order.change is not None and order.change.is_open and order.state in _CHANGEABLE:
        if order.change.state is ChangeState.UNKNOWN:
            return "Change not confirmed", "warning"
        return "Changing", "secondary"
    match order.state:
        case OrderState.INTENT:
            return "Recorded", "secondary"
        case OrderState.SUBMITTING:
            return ("Sending, cancel queued", "warning") if order.cancel_requested else ("Sending", "secondary")
        case OrderState.UNKNOWN:
            return _unknown_words(order), "warning"
        case OrderState.OPEN:
            if OrderFlag.LOST in order.flags:
                return "Exchange does not know it", "error"
            return "Open", "text"
        case OrderState.PARTIALLY_FILLED:
            return f"Part filled {filled_of(order)}", "live"
        case OrderState.PENDING_CANCEL:
            if order.cancel_ambiguous and not order.cancel_refusal:
                return "Cancel not confirmed", "warning"
            if order.cancel_refusal:
                part = f"Part filled {filled_of(order)}" if order.filled else "Open"
                return f"{part}, cancel refused", "warning"
            return "Cancelling", "secondary"
        case OrderState.FILLED:
            if order.fills_missing > 0:
                return f"Filled, details missing {exact(order.fills_missing)}", "warning"
            if OrderFlag.OVERFILLED in order.flags:
                return f"Filled {filled_of(order)}", "error"
            return "Filled", "live"
        case OrderState.PARTIALLY_CANCELED:
            return f"{filled_of(order)} filled, rest cancelled", "text"
        case OrderState.CANCELED:
            return "Cancelled", "secondary"
        case OrderState.EXPIRED:
            return f"Expired, {filled_of(order)} filled" if order.filled else "Expired", "secondary"
        case OrderState.FAILED:
            return "Failed at the exchange", "error"
        case OrderState.REJECTED:
            return f"Rejected: {reason}" if reason else "Rejected", "error"
        case OrderState.NOT_PLACED:
            return f"Not placed: {reason}" if reason else "Not placed", "secondary"


def _unknown_words(order: InFlightOrder) -> str:
    """ "May be live. Check 3, proof by 14:03:22"."""
    asked = f"Check {order.questions}" if order.questions else "Checking"
    proof = f", proof by {time(order.proof_ms, milliseconds=False)}" if order.proof_ms else ""
    queued = ", cancel queued" if order.cancel_requested else ""
    return f"May be live. {asked}{proof}{queued}"


def state_tip(order: InFlightOrder) -> str:
    """The state's own name, the reason, and for an unknown outcome what is being done and until when."""
    lines = [order.state.value]
    if order.reason:
        lines.append(clean(order.reason))
    if order.venue_word:
        lines.append(f"exchange's word: {clean(order.venue_word, 60)}")
    change = order.change
    if change is not None:
        price = f" price {exact(change.price)}" if change.price is not None else ""
        amount = f" amount {exact(change.amount)}" if change.amount is not None else ""
        lines.append(f"change to{price}{amount}: {change.state.value} {clean(change.words, 160)}".rstrip())
    if order.state is OrderState.UNKNOWN:
        lines.append("It was sent and no answer came: it may be live. It is never sent again by itself.")
        if order.proof_ms:
            lines.append(f"If it cannot be found after {time(order.proof_ms, milliseconds=False)} UTC, it is not.")
    if order.cancel_refusal and not order.is_done:
        lines.append(f"cancel refused: {clean(order.cancel_refusal)}")
    return "\n".join(lines)


def state_rank(order: InFlightOrder) -> int:
    """Sorts states along an order's life."""
    return _RANK[order.state]


def flag_badges(order: InFlightOrder) -> tuple[Badge, ...]:
    return tuple(Badge(flag.value, _FLAG_TONES.get(flag, "warning")) for flag in OrderFlag if flag in order.flags)


def flag_tip(order: InFlightOrder) -> str:
    present = [flag for flag in OrderFlag if flag in order.flags]
    return "\n".join(f"{flag.value}: {_FLAG_HELP.get(flag, flag.value.lower())}" for flag in present)


def side_tone(side: Side) -> str:
    return "buy" if side is Side.BUY else "sell"


def share_filled(order: InFlightOrder) -> float | None:
    """0 to 1, for a bar only; None while the base amount is unknown."""
    amount = order.terms.amount
    return None if not amount else min(float(order.filled / amount), 1.0)


def average_incomplete(order: InFlightOrder) -> bool:
    """Whether the quote value of some of the filled amount is not known, so that an average would be wrong."""
    if order.fills_missing <= 0:
        return False
    told = sum((fill.amount * fill.price for fill in order.fills), Decimal(0))
    return order.cumulative_quote <= told


def average_tip(order: InFlightOrder) -> str:
    return "incomplete: execution details are missing" if average_incomplete(order) else ""


def places(value: Decimal | None, step_places: int) -> str:
    """All digits of a price or amount, or a dash where there is none."""
    return "–" if value is None else exact(value, step_places)
