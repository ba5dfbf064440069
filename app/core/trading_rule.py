"""What a market accepts, and how a wish is rounded to it: always to the safe side, and the difference is told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from msgspec import Struct

from app.core.types import MarketStatus, OrderType, Side, TimeInForce

_ZERO = Decimal(0)
_STATUS_WORDS = {
    MarketStatus.TRADING: "",
    MarketStatus.POST_ONLY: "Post-only",
    MarketStatus.CANCEL_ONLY: "Cancel-only",
    MarketStatus.HALTED: "Trading halted",
    MarketStatus.CLOSED: "Not trading",
    MarketStatus.DELISTED: "Delisted",
}
# Wide enough that no number a person can type is rounded before it is quantized.
_EXACT = Context(prec=200)
_Say = Callable[[str, str], None]


class TradingRule(Struct, frozen=True, kw_only=True):
    """Limits of one market. Prices in quote, amounts in base, notional in quote; None means no limit is stated."""

    pair: str
    symbol: str
    base: str
    quote: str
    min_price_increment: Decimal
    min_base_amount_increment: Decimal
    min_quote_amount_increment: Decimal = Decimal("0.00000001")
    """Step of a quote-sized market buy."""
    min_order_size: Decimal = _ZERO
    max_order_size: Decimal | None = None
    min_notional_size: Decimal = _ZERO
    max_notional_size: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    max_buy_price: Decimal | None = None
    min_sell_price: Decimal | None = None
    order_types: frozenset[OrderType] = frozenset({OrderType.LIMIT, OrderType.MARKET})
    times_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC})
    market_buy_by_quote: bool = False
    """Whether a market buy may be sized in quote currency."""
    market_buy_by_base: bool = True
    """Whether a market buy may be sized in base currency."""
    status: MarketStatus = MarketStatus.TRADING
    venue_status: str = ""
    frame: int = 0

    @property
    def is_open(self) -> bool:
        """Whether any new order may be placed now."""
        return self.status in (MarketStatus.TRADING, MarketStatus.POST_ONLY)

    @property
    def status_words(self) -> str:
        """For a badge; empty while the market trades."""
        return _STATUS_WORDS[self.status]


class Quantized(Struct, frozen=True):
    """A value the market accepts and what was given up for it: `value + difference` is what was asked."""

    value: Decimal
    difference: Decimal


class OrderDraft(Struct, frozen=True, kw_only=True):
    """What the trader asked for, before any rounding. `amount` is base; `quote_amount` sizes a market buy in quote."""

    pair: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    stop_price: Decimal | None = None


class Problem(Struct, frozen=True):
    """Why an order cannot be sent as it is: the field's name on screen and the reason in the trader's words."""

    field: str
    reason: str


def _round(value: Decimal, step: Decimal, rounding: str) -> Quantized:
    if step <= 0:
        return Quantized(value, _ZERO)
    steps = _EXACT.divide(value, step).to_integral_value(rounding=rounding)
    rounded = _EXACT.multiply(steps, step)
    return Quantized(rounded, _EXACT.subtract(value, rounded))


def quantize_order_price(rule: TradingRule, price: Decimal, side: Side) -> Quantized:
    """Round to the tick: a buy never pays more and a sell never asks less than was typed."""
    return _round(price, rule.min_price_increment, ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)


def quantize_order_amount(rule: TradingRule, amount: Decimal) -> Quantized:
    """Round the base amount down to the lot."""
    return _round(amount, rule.min_base_amount_increment, ROUND_FLOOR)


def quantize_quote_amount(rule: TradingRule, quote_amount: Decimal) -> Quantized:
    """Round the quote amount of a market buy down to its step."""
    return _round(quote_amount, rule.min_quote_amount_increment, ROUND_FLOOR)


def quantize(rule: TradingRule, draft: OrderDraft) -> OrderDraft:
    """The order as it would be sent: every number on its step, each to the safe side."""
    price, stop, amount, quote = draft.price, draft.stop_price, draft.amount, draft.quote_amount
    return OrderDraft(
        pair=draft.pair,
        side=draft.side,
        type=draft.type,
        time_in_force=draft.time_in_force,
        price=None if price is None else quantize_order_price(rule, price, draft.side).value,
        stop_price=None if stop is None else quantize_order_price(rule, stop, draft.side).value,
        amount=None if amount is None else quantize_order_amount(rule, amount).value,
        quote_amount=None if quote is None else quantize_quote_amount(rule, quote).value,
    )


def notional(draft: OrderDraft, market_price: Decimal | None) -> Decimal | None:
    """Quote value of the order: at its own price, or at `market_price` where it has none."""
    if draft.quote_amount is not None:
        return draft.quote_amount
    price = draft.price if draft.price is not None else market_price
    return None if price is None or draft.amount is None else price * draft.amount


def check(rule: TradingRule, draft: OrderDraft, market_price: Decimal | None = None) -> list[Problem]:
    """Every known reason why the exchange would refuse this (quantized) order, in the trader's words."""
    problems: list[Problem] = []

    def say(field: str, reason: str) -> None:
        problems.append(Problem(field, reason))

    if rule.status is MarketStatus.POST_ONLY and draft.type is not OrderType.LIMIT_MAKER:
        say("type", f"{rule.pair} takes only post-only orders now")
    elif rule.status not in (MarketStatus.TRADING, MarketStatus.POST_ONLY):
        say("pair", f"{rule.pair} is not open for trading: {rule.venue_status or rule.status}")
    if draft.type not in rule.order_types:
        say("type", f"{rule.pair} has no {draft.type} orders")
    if draft.time_in_force not in rule.times_in_force:
        say("time in force", f"{rule.pair} does not know {draft.time_in_force}")
    _check_price(rule, draft, say)
    _check_size(rule, draft, market_price, say)
    return problems


def _check_price(rule: TradingRule, draft: OrderDraft, say: _Say) -> None:
    if draft.type.has_stop_price and (draft.stop_price is None or draft.stop_price <= 0):
        say("stop price", "a stop price above 0 is needed")
    if not draft.type.has_price:
        return
    if draft.price is None or draft.price <= 0:
        say("price", f"a price above 0 is needed (the tick is {rule.min_price_increment:f})")
        return
    if rule.max_buy_price is not None and draft.side is Side.BUY and draft.price > rule.max_buy_price:
        say("price", f"{draft.price:f} is above the highest price taken for buys, {rule.max_buy_price:f} {rule.quote}")
    if rule.min_sell_price is not None and draft.side is Side.SELL and draft.price < rule.min_sell_price:
        say("price", f"{draft.price:f} is below the lowest price taken for sells, {rule.min_sell_price:f} {rule.quote}")
    if rule.min_price is not None and draft.price < rule.min_price:
        say("price", f"{draft.price:f} is below the lowest price taken, {rule.min_price:f} {rule.quote}")
    if rule.max_price is not None and draft.price > rule.max_price:
        say("price", f"{draft.price:f} is above the highest price taken, {rule.max_price:f} {rule.quote}")


def _check_size(rule: TradingRule, draft: OrderDraft, market_price: Decimal | None, say: _Say) -> None:
    at_market = draft.type in (OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT)
    market_buy = at_market and draft.side is Side.BUY
    by_quote = market_buy and rule.market_buy_by_quote and draft.amount is None
    if market_buy and not by_quote and not rule.market_buy_by_base:
        say("total", f"a market buy is sized in {rule.quote}: a total above 0 is needed")
        return
    if by_quote:
        if draft.quote_amount is None or draft.quote_amount <= 0:
            say("total", f"a market buy is sized in {rule.quote}: a total above 0 is needed")
            return
    elif draft.amount is None or draft.amount <= 0:
        say("amount", f"an amount above 0 is needed (the lot is {rule.min_base_amount_increment:f} {rule.base})")
        return
    if draft.amount is not None:
        if draft.amount < rule.min_order_size:
            say("amount", f"{draft.amount:f} is below the smallest order, {rule.min_order_size:f} {rule.base}")
        if rule.max_order_size is not None and draft.amount > rule.max_order_size:
            say("amount", f"{draft.amount:f} is above the largest order, {rule.max_order_size:f} {rule.base}")
    value = notional(draft, market_price)
    if value is not None and 0 < value < rule.min_notional_size:
        say("total", f"{value:f} is below the smallest value, {rule.min_notional_size:f} {rule.quote}")
    if value is not None and rule.max_notional_size is not None and value > rule.max_notional_size:
        say("total", f"{value:f} is above the largest value, {rule.max_notional_size:f} {rule.quote}")
