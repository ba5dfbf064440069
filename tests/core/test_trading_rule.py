"""Rounding to the safe side with the difference told, and every problem in the trader's words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.trading_rule import (
    OrderDraft,
    Problem,
    TradingRule,
    check,
    notional,
    quantize,
    quantize_order_amount,
    quantize_order_price,
    quantize_quote_amount,
)
from app.core.types import MarketStatus, OrderType, Side, TimeInForce

D = Decimal


def rule(**changes: Any) -> TradingRule:
    facts: dict[str, Any] = {
        "pair": "BTC-USDT",
        "symbol": "BTC_USDT",
        "base": "BTC",
        "quote": "USDT",
        "min_price_increment": D("0.01"),
        "min_base_amount_increment": D("0.001"),
        "min_quote_amount_increment": D("0.1"),
        "min_order_size": D("0.002"),
        "max_order_size": D("5"),
        "min_notional_size": D("10"),
        "max_notional_size": D("100000"),
        "min_price": D("1"),
        "max_price": D("50000"),
        "order_types": frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT}),
        "times_in_force": frozenset({TimeInForce.GTC, TimeInForce.IOC}),
    }
    return TradingRule(**(facts | changes))


def draft(**changes: Any) -> OrderDraft:
    wish: dict[str, Any] = {
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "price": D("20000"),
        "amount": D("0.5"),
    }
    return OrderDraft(**(wish | changes))


# -- rounding


@pytest.mark.parametrize(
    ("side", "typed", "sent", "difference"),
    [
        (Side.BUY, "100.019", "100.01", "0.009"),
        (Side.SELL, "100.011", "100.02", "-0.009"),
        (Side.BUY, "100.01", "100.01", "0"),
        (Side.SELL, "100.01", "100.01", "0"),
        (Side.BUY, "0.009", "0", "0.009"),
    ],
)
def test_price_is_rounded_to_the_safe_side(side: Side, typed: str, sent: str, difference: str) -> None:
    quantized = quantize_order_price(rule(), D(typed), side)
    assert (quantized.value, quantized.difference) == (D(sent), D(difference))


def test_amounts_are_rounded_down() -> None:
    assert quantize_order_amount(rule(), D("1.2349")).value == D("1.234")
    assert quantize_quote_amount(rule(), D("99.99")).value == D("99.9")


def test_a_step_need_not_be_a_power_of_ten() -> None:
    assert quantize_order_price(rule(min_price_increment=D("0.05")), D("7.12"), Side.BUY).value == D("7.10")
    assert quantize_order_price(rule(min_price_increment=D("0.3")), D("1"), Side.SELL).value == D("1.2")


def test_no_step_means_no_rounding() -> None:
    assert quantize_order_price(rule(min_price_increment=D(0)), D("1.23456"), Side.BUY).value == D("1.23456")


def test_more_digits_than_usual_are_still_rounded_down() -> None:
    typed = D("0." + "9" * 60)
    quantized = quantize_order_amount(rule(), typed)
    assert quantized.value == D("0.999")
    assert quantized.difference == D("0.000" + "9" * 57)


def test_whole_order_is_quantized_and_nothing_else_changes() -> None:
    wish = draft(
        side=Side.SELL,
        type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.IOC,
        price=D("100.001"),
        stop_price=D("99.999"),
        amount=D("0.12345"),
        quote_amount=D("7.77"),
    )
    assert quantize(rule(), wish) == draft(
        side=Side.SELL,
        type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.IOC,
        price=D("100.01"),
        stop_price=D("100.00"),
        amount=D("0.123"),
        quote_amount=D("7.7"),
    )
    assert quantize(rule(), draft(price=None, amount=None)) == draft(price=None, amount=None)


numbers = st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=12)
steps = st.sampled_from([D(step) for step in ("1e-8", "0.00000001", "0.01", "0.25", "0.3", "1", "7", "1e-12", "100")])


@settings(max_examples=200, deadline=None)
@given(numbers, steps, st.sampled_from(Side))
def test_rounding_is_safe_exact_and_less_than_a_step(typed: Decimal, step: Decimal, side: Side) -> None:
    facts = rule(min_price_increment=step, min_base_amount_increment=step)
    price, amount = quantize_order_price(facts, typed, side), quantize_order_amount(facts, typed)
    assert price.value <= typed if side is Side.BUY else price.value >= typed
    assert amount.value <= typed
    for quantized in (price, amount):
        assert quantized.value % step == 0
        assert abs(quantized.difference) < step
        assert quantized.value + quantized.difference == typed
    assert quantize_order_price(facts, price.value, side).difference == 0


# -- value


@pytest.mark.parametrize(
    ("changes", "market_price", "value"),
    [
        ({}, None, "10000"),
        ({"price": None}, "30000", "15000"),
        ({"price": None}, None, None),
        ({"amount": None}, "30000", None),
        ({"amount": None, "quote_amount": D("12")}, None, "12"),
    ],
)
def test_notional(changes: dict[str, Any], market_price: str | None, value: str | None) -> None:
    price = None if market_price is None else D(market_price)
    assert notional(draft(**changes), price) == (None if value is None else D(value))


# -- problems


def test_a_good_order_has_no_problem() -> None:
    assert check(rule(), draft()) == []
    assert check(rule(), draft(type=OrderType.MARKET, price=None), D("20000")) == []


@pytest.mark.parametrize(
    ("facts", "wish", "problem"),
    [
        (
            {"status": MarketStatus.HALTED, "venue_status": "BREAK"},
            {},
            ("pair", "BTC-USDT is not open for trading: BREAK"),
        ),
        ({"status": MarketStatus.CLOSED}, {}, ("pair", "BTC-USDT is not open for trading: closed")),
        ({"status": MarketStatus.CANCEL_ONLY}, {}, ("pair", "BTC-USDT is not open for trading: cancel-only")),
        ({"status": MarketStatus.POST_ONLY}, {}, ("type", "BTC-USDT takes only post-only orders now")),
        ({}, {"type": OrderType.TRAILING_STOP}, ("type", "BTC-USDT has no TRAILING_STOP orders")),
        ({}, {"time_in_force": TimeInForce.FOK}, ("time in force", "BTC-USDT does not know FOK")),
        ({}, {"price": None}, ("price", "a price above 0 is needed (the tick is 0.01)")),
        ({}, {"price": D(0)}, ("price", "a price above 0 is needed (the tick is 0.01)")),
        ({"min_notional_size": D(0)}, {"price": D("0.99")}, ("price", "0.99 is below the lowest price taken, 1 USDT")),
        ({}, {"price": D("50000.01")}, ("price", "50000.01 is above the highest price taken, 50000 USDT")),
        ({}, {"type": OrderType.STOP_LIMIT}, ("stop price", "a stop price above 0 is needed")),
        ({}, {"amount": None}, ("amount", "an amount above 0 is needed (the lot is 0.001 BTC)")),
        ({}, {"amount": D(-1)}, ("amount", "an amount above 0 is needed (the lot is 0.001 BTC)")),
        ({}, {"amount": D("0.001")}, ("amount", "0.001 is below the smallest order, 0.002 BTC")),
        ({"max_notional_size": None}, {"amount": D(6)}, ("amount", "6 is above the largest order, 5 BTC")),
        ({}, {"price": D(100), "amount": D("0.01")}, ("total", "1.00 is below the smallest value, 10 USDT")),
        ({}, {"price": D(40000), "amount": D(3)}, ("total", "120000 is above the largest value, 100000 USDT")),
        (
            {"market_buy_by_quote": True, "market_buy_by_base": False},
            {"type": OrderType.MARKET, "price": None},
            ("total", "a market buy is sized in USDT: a total above 0 is needed"),
        ),
        (
            {"market_buy_by_quote": True, "market_buy_by_base": False},
            {"type": OrderType.MARKET, "price": None, "amount": None, "quote_amount": D(5)},
            ("total", "5 is below the smallest value, 10 USDT"),
        ),
    ],
)
def test_each_problem_is_told_in_words(facts: dict[str, Any], wish: dict[str, Any], problem: tuple[str, str]) -> None:
    assert check(rule(**facts), draft(**wish)) == [Problem(*problem)]


def test_post_only_orders_pass_a_post_only_market() -> None:
    assert check(rule(status=MarketStatus.POST_ONLY), draft(type=OrderType.LIMIT_MAKER)) == []


def test_a_quote_sized_market_sells_by_amount() -> None:
    facts = rule(market_buy_by_quote=True, market_buy_by_base=False)
    sell = draft(side=Side.SELL, type=OrderType.MARKET, price=None)
    assert check(facts, sell, D("20000")) == []
    by_total = draft(type=OrderType.MARKET, price=None, amount=None, quote_amount=D("50"))
    assert check(facts, by_total) == []


def test_all_problems_come_at_once() -> None:
    problems = check(rule(status=MarketStatus.CLOSED), draft(price=None, amount=None, time_in_force=TimeInForce.FOK))
    assert [problem.field for problem in problems] == ["pair", "time in force", "price", "amount"]


def test_tiny_numbers_are_written_without_exponents() -> None:
    facts = rule(min_base_amount_increment=D("1e-8"), min_order_size=D("1e-7"))
    (problem,) = check(facts, draft(amount=D("2e-8"), price=D("50000")), None)[:1]
    assert problem.reason == "0.00000002 is below the smallest order, 0.0000001 BTC"
