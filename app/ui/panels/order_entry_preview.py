"""What the form is about to send, in words: rounding, value, fee, balances after. No widgets, no rules."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.core.account import TradeFee
from app.core.order_book import OrderBook
from app.core.trading_rule import OrderDraft, TradingRule, notional
from app.core.types import OrderType, Side
from app.ui.desk import ExchangeView
from app.ui.format import DASH, MINUS, basis_points, decimals_of, exact, rounded
from app.ui.models.orders_words import SIDE_WORDS, TYPE_WORDS


@dataclass(frozen=True)
class Preview:
    """Lines of the preview; an empty one has nothing to say. `headline` is the button's text."""

    headline: str
    sends: str
    rounding: str
    value: str
    fee: str
    fee_source: str
    quote_after: str
    base_after: str
    fills_at: str


def size_words(rule: TradingRule, draft: OrderDraft) -> str:
    """ "0.0500 BTC", or "for 3,350.00 USDT" where the order is sized in quote."""
    if draft.quote_amount is not None:
        return f"for {exact(draft.quote_amount, decimals_of(rule.min_quote_amount_increment))} {rule.quote}"
    if draft.amount is None:
        return rule.base
    return f"{exact(draft.amount, decimals_of(rule.min_base_amount_increment))} {rule.base}"


def price_words(rule: TradingRule, price: Decimal) -> str:
    return exact(price, decimals_of(rule.min_price_increment))


def terms_words(rule: TradingRule, draft: OrderDraft) -> str:
    """ "0.0500 BTC at 67,000.1 USDT"."""
    parts = [size_words(rule, draft)]
    if draft.price is not None:
        parts.append(f"at {price_words(rule, draft.price)} {rule.quote}")
    elif draft.type is OrderType.MARKET:
        parts.append("at market")
    if draft.stop_price is not None:
        parts.append(f"when {price_words(rule, draft.stop_price)} is reached")
    return " ".join(parts)


def type_words(draft: OrderDraft) -> str:
    return f"{TYPE_WORDS[draft.type]} {SIDE_WORDS[draft.side].lower()}, {draft.time_in_force}"


def headline(rule: TradingRule, draft: OrderDraft) -> str:
    """Verb, size and symbol."""
    return f"{SIDE_WORDS[draft.side]} {size_words(rule, draft)}"


def rounding_words(rule: TradingRule, asked: OrderDraft, sent: OrderDraft) -> str:
    """What was given up and to which step; empty when nothing was."""
    parts = []
    for word, typed, goes, step in (
        ("price", asked.price, sent.price, rule.min_price_increment),
        ("stop", asked.stop_price, sent.stop_price, rule.min_price_increment),
        ("amount", asked.amount, sent.amount, rule.min_base_amount_increment),
        ("total", asked.quote_amount, sent.quote_amount, rule.min_quote_amount_increment),
    ):
        if typed is not None and goes is not None and typed != goes:
            sign = "+" if goes > typed else MINUS
            parts.append(f"{word} {sign}{exact(abs(goes - typed))} to the step {exact(step)}")
    return "; ".join(parts)


def fee_words(fee: TradeFee, source: str) -> str:
    """Rate, kind and who told us."""
    return f"{exact(fee.rate * 100)}% {'maker' if fee.maker else 'taker'}, {source}"


def average_fill(book: OrderBook | None, draft: OrderDraft) -> str:
    """What a market order would get from the book as it is now."""
    if book is None or draft.type is not OrderType.MARKET or book.stale:
        return ""
    levels = book.asks if draft.side is Side.BUY else book.bids
    if not levels:
        return "the book has nothing on that side"
    base, quote = Decimal(0), Decimal(0)
    left = draft.quote_amount if draft.quote_amount is not None else draft.amount
    if not left:
        return ""
    for price_text, amount_text in levels:
        price, amount = Decimal(price_text), Decimal(amount_text)
        take = min(amount, left / price if draft.quote_amount is not None else left)
        base += take
        quote += take * price
        left -= take * price if draft.quote_amount is not None else take
        if left <= 0:
            break
    best = Decimal(levels[0][0])
    average = quote / base
    slip = abs(average - best) / best
    short = f", the book shown ends after {_some(base)}" if left > Decimal("1e-12") else ""
    return f"≈ {rounded(average, 2)} average, {basis_points(slip)} from the best{short}"


def preview(exchange: ExchangeView, rule: TradingRule, asked: OrderDraft, sent: OrderDraft) -> Preview:
    """Everything the form tells about a complete order."""
    book = exchange.order_books.get(rule.pair)
    market_price = touch(book, sent.side)
    value = notional(sent, market_price)
    estimate = "≈ " if sent.price is None and sent.quote_amount is None else ""
    fee = exchange.get_fee(sent)
    return Preview(
        headline=headline(rule, sent),
        sends=terms_words(rule, sent),
        rounding=rounding_words(rule, asked, sent),
        value=DASH if value is None else f"{estimate}{_money(value)} {rule.quote}",
        fee="not known" if fee is None else f"≈ {_some(fee.amount)} {fee.asset}",
        fee_source="" if fee is None else fee_words(fee, exchange.fees.source),
        quote_after=_after(exchange, rule.quote, _quote_change(rule, sent, value, fee)),
        base_after=_after(exchange, rule.base, _base_change(rule, sent, market_price, fee)),
        fills_at=average_fill(book, sent),
    )


def touch(book: OrderBook | None, side: Side) -> Decimal | None:
    """The best price that an order of that side would take."""
    best = None if book is None else (book.best_ask if side is Side.BUY else book.best_bid)
    return None if best is None else Decimal(best)


def _quote_change(rule: TradingRule, sent: OrderDraft, value: Decimal | None, fee: TradeFee | None) -> Decimal | None:
    if value is None:
        return None
    paid = fee.amount if fee is not None and fee.asset == rule.quote else Decimal(0)
    return (-value if sent.side is Side.BUY else value) - paid


def _base_change(
    rule: TradingRule, sent: OrderDraft, market_price: Decimal | None, fee: TradeFee | None
) -> Decimal | None:
    amount = sent.amount
    if amount is None and sent.quote_amount is not None and market_price:
        amount = sent.quote_amount / market_price
    if amount is None:
        return None
    paid = fee.amount if fee is not None and fee.asset == rule.base else Decimal(0)
    return (amount if sent.side is Side.BUY else -amount) - paid


def _after(exchange: ExchangeView, asset: str, change: Decimal | None) -> str:
    balance = exchange.account.balances.get(asset)
    if balance is None:
        return "no balance known"
    if change is None:
        return _some(balance.available)
    return f"{_some(balance.available)} → {_some(balance.available + change)}"


def _money(value: Decimal) -> str:
    return exact(value, 2) if len(f"{value:f}") < 14 else _some(value)


def _some(value: Decimal) -> str:
    """Up to eight decimals, without zeros that say nothing; looked at, never sent."""
    places = 2 if abs(value) >= 1000 else 8
    text = rounded(value, places)
    return text.rstrip("0").rstrip(".") if "." in text and places == 8 else text
