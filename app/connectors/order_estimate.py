"""What an order would cost now, its price at the market and its fee, and why it would be refused. Pure."""

from __future__ import annotations

from decimal import Decimal

from app.core.account import AccountBook, FeeSchedule, TradeFee, estimate_fee
from app.core.order_book import OrderBook
from app.core.trading_rule import OrderDraft, Problem, TradingRule, check, notional
from app.core.types import OrderType, Side, Ticker


def market_price(draft: OrderDraft, book: OrderBook | None, ticker: Ticker | None) -> Decimal | None:
    """What the order would pay or get per base unit now (quote); None while nobody knows."""
    if book is not None and not book.stale:
        if draft.amount:
            filled, quote = book.walk(draft.side, draft.amount)
            if filled:
                return quote / filled
        touch = _touch(book, draft.side)
        if touch is not None:
            return Decimal(touch)
    return ticker.last or None if ticker is not None else None


def order_fee(
    draft: OrderDraft,
    rule: TradingRule,
    fees: FeeSchedule,
    at_market: Decimal,
    book: OrderBook | None,
    in_quote: bool,
) -> TradeFee:
    """The fee of the order at its own price, else at `at_market`; maker where it would rest in the book."""
    price = draft.price if draft.price is not None else at_market
    amount = draft.amount if draft.amount is not None else (draft.quote_amount or Decimal(0)) / price
    maker = draft.type is OrderType.LIMIT_MAKER
    if draft.type is OrderType.LIMIT and draft.price is not None and book is not None:
        touch = _touch(book, draft.side)
        maker = touch is None or not _takes(draft.side, draft.price, Decimal(touch))
    return estimate_fee(fees, rule.base, rule.quote, draft.type, draft.side, amount, price, maker, in_quote)


def _touch(book: OrderBook, side: Side) -> str | None:
    return book.best_ask if side is Side.BUY else book.best_bid


def _takes(side: Side, price: Decimal, touch: Decimal) -> bool:
    return price >= touch if side is Side.BUY else price <= touch


def order_problems(
    rule: TradingRule, draft: OrderDraft, price: Decimal | None, account: AccountBook | None
) -> list[Problem]:
    """Why the exchange would refuse this quantized order: its market's rules, then the free balance."""
    problems = check(rule, draft, price)
    if account is None:
        return [*problems, Problem("account", "not signed in: add an account to trade")]
    needed, asset = notional(draft, price), rule.quote
    if draft.side is Side.SELL:
        needed, asset = draft.amount, rule.base
    balance = account.balances.get(asset)
    free = balance.available if balance is not None else Decimal(0)
    if needed is not None and needed > free and account.complete_frame:
        problems.append(Problem("balance", f"needs {needed:f} {asset}, {free:f} is free"))
    return problems
