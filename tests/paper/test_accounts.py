"""Holds, fees and settlement to the last atom."""

from decimal import Decimal

import pytest

from app.core.types import Side
from app.paper.accounts import Account, AccountBook, Credentials, Fees, InsufficientBalance
from app.paper.listings import LISTINGS
from app.paper.orders import Order, OrderKind

FEES = Fees(maker=Decimal("0.00145"), taker=Decimal("0.00155"))
BTC = LISTINGS[0].instrument
ATOM = 10**18


def limit(side: Side, price: str, amount: str) -> Order:
    return Order(
        order_id=1,
        owner="a",
        pair=BTC.pair,
        side=side,
        kind=OrderKind.LIMIT,
        ticks=BTC.ticks(Decimal(price)),
        lots=BTC.lots(Decimal(amount)),
    )


@pytest.fixture
def account() -> Account:
    account = Account(account_id="a", user_id=1, fees=FEES)
    account.deposit("USDT", Decimal("1000"))
    account.deposit("BTC", Decimal("0.5"))
    return account


def test_a_hold_moves_available_funds_and_comes_back_whole(account: Account) -> None:
    order = limit(Side.BUY, "50000", "0.01")
    account.place_hold(order, "USDT", 500 * ATOM)
    assert (account.balance("USDT").available, account.balance("USDT").hold) == (500 * ATOM, 500 * ATOM)
    assert account.release_hold(order, "USDT") == 500 * ATOM
    assert account.balance("USDT").available == 1000 * ATOM
    assert account.release_hold(order, "USDT") == 0


def test_more_than_available_is_refused_and_changes_nothing(account: Account) -> None:
    order = limit(Side.BUY, "50000", "1")
    with pytest.raises(InsufficientBalance):
        account.place_hold(order, "USDT", 1000 * ATOM + 1)
    assert account.balance("USDT").available == 1000 * ATOM
    assert order.held_atoms == 0


def test_a_fill_below_the_limit_gives_the_difference_back_at_once(account: Account) -> None:
    order = limit(Side.BUY, "50000", "0.01")
    account.place_hold(order, "USDT", 500 * ATOM)
    fee, asset = account.settle(order, BTC, BTC.ticks(Decimal("49000")), BTC.lots(Decimal("0.004")), maker=False)
    assert (fee, asset) == (int(Decimal("0.0000062") * ATOM), "BTC")
    assert account.balance("USDT").hold == 300 * ATOM
    assert account.balance("USDT").available == 504 * ATOM
    assert account.balance("BTC").total == int(Decimal("0.5039938") * ATOM)


def test_a_sale_pays_the_maker_fee_in_quote(account: Account) -> None:
    order = limit(Side.SELL, "50000", "0.01")
    account.place_hold(order, "BTC", ATOM // 100)
    fee, asset = account.settle(order, BTC, order.ticks, order.lots, maker=True)
    assert (fee, asset) == (int(Decimal("0.725") * ATOM), "USDT")
    assert account.balance("USDT").available == int(Decimal("1499.275") * ATOM)
    assert account.balance("BTC").hold == 0


def test_fees_of_every_listing_are_exact() -> None:
    for listing in LISTINGS:
        instrument = listing.instrument
        for atoms in (instrument.base_atoms_per_lot, instrument.quote_atoms_per_cell):
            assert Decimal(FEES.atoms(atoms, maker=True)) == atoms * FEES.maker


def test_api_keys_open_their_own_account() -> None:
    book = AccountBook()
    for name in ("one", "two"):
        keys = Credentials(api_key=name.upper(), secret_key=f"secret of {name}")
        book.open(name, 1, FEES, keys, {"BTC": Decimal(1)})
    found = book.by_key("TWO")
    assert found is not None and found[1].account_id == "two"
    assert book.by_key("THREE") is None
    assert [a.account_id for a in book] == ["one", "two"]


def test_a_secret_never_shows_in_repr() -> None:
    assert "topsecret" not in repr(Credentials(api_key="KEYKEY", secret_key="topsecret", passphrase="topsecret"))
