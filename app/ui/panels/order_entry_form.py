"""What is typed into the order form, and the exact arithmetic that links its fields. No widgets, no venue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from enum import Enum

from app.core.orders import OrderIntent
from app.core.trading_rule import OrderDraft, TradingRule
from app.core.types import OrderType, Side, TimeInForce

_NUMBER = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_LONGEST = 40
_WIDEST_EXPONENT = 30
# Wide enough for every product of two values of `_LONGEST` digits: nothing is rounded unless asked for.
_EXACT = Context(prec=120)


class BadNumber(ValueError):
    """The text is no number we accept; the message says what to write instead."""


class Sizing(Enum):
    """Which of the two the trader set last; the other follows from the price."""

    AMOUNT = "amount"
    TOTAL = "total"


@dataclass
class FormState:
    """One market's form exactly as typed."""

    side: Side = Side.BUY
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    price: str = ""
    stop_price: str = ""
    amount: str = ""
    total: str = ""
    sizing: Sizing = Sizing.AMOUNT
    follow: bool = False


def read_number(text: str) -> Decimal | None:
    """The exact value, None for an empty field. Raises BadNumber; a comma is never guessed to be a point."""
    text = text.strip(" \t\u00a0\u2009\u202f")
    if not text:
        return None
    if "," in text:
        raise BadNumber("No commas: use a point for decimals, like 67000.1")
    if any(space in text for space in " \t\u00a0\u2009\u202f"):
        raise BadNumber("No spaces inside a number")
    if text[0] in "+-−":
        raise BadNumber("No sign: write a number above 0")
    if len(text) > _LONGEST:
        raise BadNumber(f"At most {_LONGEST} characters")
    if not _NUMBER.fullmatch(text):
        raise BadNumber("Only digits and one point, like 0.0125 or 1e-7")
    exponent = re.split("[eE]", text)[1:]
    if exponent and abs(int(exponent[0])) > _WIDEST_EXPONENT:
        raise BadNumber("That exponent is too large to be meant")
    return Decimal(text)


def plain_number(value: Decimal) -> str:
    """Without exponent and without zeros that carry nothing: what a field shows of a computed value."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """Down to a multiple of `step`; unchanged where there is no step."""
    if step <= 0:
        return value
    return _EXACT.multiply(_EXACT.divide(value, step).to_integral_value(rounding=ROUND_DOWN), step)


def stepped(value: Decimal, step: Decimal, count: int) -> Decimal:
    """`count` steps up or down, never below 0; a value between two steps first goes to the next one on its way."""
    if step <= 0:
        step = Decimal(1)
    below = round_down(value, step)
    if below == value:
        result = value + step * count
    else:
        result = below + step * (count if count > 0 else count + 1)
    return max(result, Decimal(0))


def total_of(amount: Decimal, price: Decimal) -> Decimal:
    """Quote value, exact."""
    return _EXACT.multiply(amount, price)


def amount_of(total: Decimal, price: Decimal, rule: TradingRule) -> Decimal:
    """The base amount that `total` (quote) buys, rounded down to the lot."""
    if price <= 0:
        return Decimal(0)
    return round_down(_EXACT.divide(total, price), rule.min_base_amount_increment)


def sized_in_quote(rule: TradingRule, type: OrderType, side: Side) -> bool:
    """Whether the exchange wants the quote total and no base amount."""
    return rule.market_buy_by_quote and type is OrderType.MARKET and side is Side.BUY


def spendable(free: Decimal, percent: int, fee_rate: Decimal) -> Decimal:
    """That share of a free balance; 100 % keeps back what the fee may take."""
    share = free * percent / 100
    return min(share, free / (1 + fee_rate)) if percent >= 100 else share


def form_of(terms: OrderIntent) -> FormState:
    """The form that would send these terms once more."""
    by_total = terms.amount is None and terms.quote_amount is not None
    return FormState(
        side=terms.side,
        type=terms.type,
        time_in_force=terms.time_in_force,
        price=_text(terms.price),
        stop_price=_text(terms.stop_price),
        amount=_text(terms.amount),
        total=_text(terms.quote_amount),
        sizing=Sizing.TOTAL if by_total else Sizing.AMOUNT,
    )


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain_number(value)


def draft_of(state: FormState, rule: TradingRule, market_price: Decimal | None) -> OrderDraft:
    """The order as typed, before any rounding to ticks. Raises BadNumber for text that is no number."""
    price = read_number(state.price) if state.type.has_price else None
    stop = read_number(state.stop_price) if state.type.has_stop_price else None
    amount, total = read_number(state.amount), read_number(state.total)
    quote_amount = None
    if sized_in_quote(rule, state.type, state.side):
        amount, quote_amount = None, total
    elif state.sizing is Sizing.TOTAL:
        reference = price if state.type.has_price else market_price
        amount = None if total is None or reference is None else amount_of(total, reference, rule)
    return OrderDraft(
        pair=rule.pair,
        side=state.side,
        type=state.type,
        time_in_force=state.time_in_force,
        price=price,
        stop_price=stop,
        amount=amount,
        quote_amount=quote_amount,
    )


def offered_types(rule: TradingRule) -> list[OrderType]:
    """Types of this market that the form can write; trailing stops need a distance that a draft does not carry."""
    return [type for type in OrderType if type in rule.order_types and "TRAILING" not in type.value]


def offered_times(rule: TradingRule, type: OrderType) -> list[TimeInForce]:
    """Market and post-only orders have no choice of their own."""
    known = [time for time in TimeInForce if time in rule.times_in_force]
    if type in (OrderType.MARKET, OrderType.LIMIT_MAKER):
        return known[:1]
    return known
