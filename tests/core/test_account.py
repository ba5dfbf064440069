"""Balances: the newest report wins by the exchange's time; fees are taken from what is received."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.account import AccountBook, FeeSchedule, TradeFee, estimate_fee
from app.core.types import Balance, BalanceDelta, OrderType, Side

D = Decimal


def balance(asset: str, total: str, available: str = "0", ms: int = 0, source: str = "stream") -> Balance:
    return Balance(asset=asset, total=D(total), available=D(available), exchange_ms=ms, source=source)


@pytest.fixture
def account() -> AccountBook:
    return AccountBook()


def totals(account: AccountBook) -> dict[str, Decimal]:
    return {asset: known.total for asset, known in account.balances.items()}


def test_held_is_what_is_not_available() -> None:
    assert balance("BTC", "3", "1.5").held == D("1.5")


def test_an_older_report_changes_nothing(account: AccountBook) -> None:
    assert account.apply(balance("BTC", "2", ms=20))
    version = account.version
    assert not account.apply(balance("BTC", "1", ms=10))
    assert (totals(account), account.version) == ({"BTC": D(2)}, version)
    assert account.apply(balance("BTC", "3", ms=20))


def test_a_report_without_a_time_is_taken(account: AccountBook) -> None:
    account.apply(balance("BTC", "2", ms=20))
    assert account.apply(balance("BTC", "5"))
    assert totals(account) == {"BTC": D(5)}


def test_reasons_of_changes_are_kept_newest_last(account: AccountBook) -> None:
    first = BalanceDelta(asset="BTC", reason="deposit", balance=balance("BTC", "2", ms=20))
    late = BalanceDelta(asset="BTC", reason="place_order", balance=balance("BTC", "1", ms=10))
    assert account.apply_delta(first)
    assert not account.apply_delta(late)
    assert list(account.changes) == [first]


def test_assets_left_out_of_a_whole_account_are_zero(account: AccountBook) -> None:
    account.apply_all([balance("BTC", "1", source="rest"), balance("ETH", "2", source="rest")], 7, 100)
    account.apply_all([balance("ETH", "2", source="rest")], 8, 200)
    assert totals(account) == {"BTC": D(0), "ETH": D(2)}
    assert (account.balances["BTC"].frame, account.complete_frame) == (8, 8)


def test_what_the_stream_said_after_the_question_is_not_overwritten_by_the_answer(account: AccountBook) -> None:
    account.apply(balance("BTC", "5", ms=150))
    account.apply(balance("ETH", "7", ms=150))
    account.apply(balance("XRP", "9", ms=50))
    account.apply_all([balance("BTC", "1", source="rest"), balance("XRP", "8", source="rest")], 8, asked_ms=100)
    assert totals(account) == {"BTC": D(5), "ETH": D(7), "XRP": D(8)}


SCHEDULE = FeeSchedule(maker=D("0.001"), taker=D("0.002"), source="account")


@pytest.mark.parametrize(
    ("type", "side", "is_maker", "fee"),
    [
        (OrderType.LIMIT, Side.BUY, None, TradeFee(D("0.002"), D("0.004"), "BTC", False)),
        (OrderType.LIMIT_MAKER, Side.BUY, None, TradeFee(D("0.001"), D("0.002"), "BTC", True)),
        (OrderType.LIMIT, Side.SELL, None, TradeFee(D("0.002"), D("0.4"), "USDT", False)),
        (OrderType.LIMIT, Side.SELL, True, TradeFee(D("0.001"), D("0.2"), "USDT", True)),
        (OrderType.LIMIT_MAKER, Side.SELL, False, TradeFee(D("0.002"), D("0.4"), "USDT", False)),
    ],
)
def test_fee_is_taken_from_what_is_received(type: OrderType, side: Side, is_maker: bool | None, fee: TradeFee) -> None:
    assert estimate_fee(SCHEDULE, "BTC", "USDT", type, side, D(2), D(100), is_maker) == fee
