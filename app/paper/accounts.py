"""Balances of the venue's accounts in exact integer atoms: holds, fees, settlement and API keys. No order logic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct, field

from app.core.types import Side
from app.paper.listings import Instrument
from app.paper.orders import Order, OrderKind
from app.paper.units import ATOM_SCALE, to_units

_PPM = 1_000_000


class InsufficientBalance(Exception):
    """The account does not have that much available."""


class Balance(Struct):
    """Atoms of one asset. total = available + hold."""

    available: int = 0
    hold: int = 0

    @property
    def total(self) -> int:
        return self.available + self.hold


class Fees(Struct, frozen=True, kw_only=True):
    """Fractions of the received asset."""

    maker: Decimal
    taker: Decimal
    places: int = ATOM_SCALE
    """Decimals that a fee has at most; the rest is cut off."""
    in_quote: bool = False
    """Always taken from the quote asset; a buyer then holds the taker fee on top of the price."""

    def atoms(self, received: int, *, maker: bool) -> int:
        """Fee on `received` atoms; exact as long as received atoms are whole millionths and `places` allow it."""
        fee = received * to_units(self.maker if maker else self.taker, 6) // _PPM
        return fee - fee % int(10 ** (ATOM_SCALE - self.places))

    def reserve(self, quote_atoms: int) -> int:
        """What a buyer holds beyond the price itself."""
        return self.atoms(quote_atoms, maker=False) if self.in_quote else 0


class Credentials(Struct, frozen=True, kw_only=True):
    """What a client signs with. The secret never appears in repr."""

    api_key: str
    secret_key: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}…)"


class Account(Struct, kw_only=True, eq=False):
    """One user's money. Only the venue writes it."""

    account_id: str
    user_id: int
    fees: Fees
    balances: dict[str, Balance] = field(default_factory=dict)

    def balance(self, asset: str) -> Balance:
        """The live balance; created empty on first use."""
        found = self.balances.get(asset)
        if found is None:
            found = self.balances[asset] = Balance()
        return found

    def deposit(self, asset: str, amount: Decimal) -> None:
        self.balance(asset).available += to_units(amount, ATOM_SCALE)

    def place_hold(self, order: Order, asset: str, atoms: int) -> None:
        """Move `atoms` from available to hold for the order. Raises InsufficientBalance and changes nothing."""
        balance = self.balance(asset)
        if atoms > balance.available:
            raise InsufficientBalance(asset)
        balance.available -= atoms
        balance.hold += atoms
        order.held_atoms += atoms

    def release_hold(self, order: Order, asset: str) -> int:
        """Give back whatever the order still holds; returns the atoms."""
        balance = self.balance(asset)
        atoms, order.held_atoms = order.held_atoms, 0
        balance.hold -= atoms
        balance.available += atoms
        return atoms

    def settle(self, order: Order, instrument: Instrument, ticks: int, lots: int, *, maker: bool) -> tuple[int, str]:
        """Exchange the assets of one fill and take the fee; returns fee atoms and asset."""
        base_atoms = lots * instrument.base_atoms_per_lot
        quote_atoms = ticks * lots * instrument.quote_atoms_per_cell
        if order.side is Side.BUY:
            spent, spent_asset, received, received_asset = quote_atoms, instrument.quote, base_atoms, instrument.base
            held = quote_atoms
            if order.kind is not OrderKind.MARKET:
                held = order.ticks * lots * instrument.quote_atoms_per_cell
            held += self.fees.reserve(held)
        else:
            spent, spent_asset, received, received_asset = base_atoms, instrument.base, quote_atoms, instrument.quote
            held = base_atoms
        fee, fee_asset = self.fees.atoms(received, maker=maker), received_asset
        if self.fees.in_quote and order.side is Side.BUY:
            fee, fee_asset = self.fees.atoms(spent, maker=maker), spent_asset
            spent += fee
        paying = self.balance(spent_asset)
        paying.hold -= held
        paying.available += held - spent
        order.held_atoms -= held
        self.balance(received_asset).available += received - (fee if fee_asset == received_asset else 0)
        return fee, fee_asset


def spent_asset(order: Order, instrument: Instrument) -> str:
    """The asset that an order holds and pays with."""
    return instrument.quote if order.side is Side.BUY else instrument.base


class AccountBook:
    """All accounts and the API keys that open them."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, tuple[Credentials, str]] = {}

    def open(
        self, account_id: str, user_id: int, fees: Fees, credentials: Credentials, balances: Mapping[str, Decimal]
    ) -> Account:
        account = Account(account_id=account_id, user_id=user_id, fees=fees)
        for asset, amount in balances.items():
            account.deposit(asset, amount)
        self._accounts[account_id] = account
        self._keys[credentials.api_key] = (credentials, account_id)
        return account

    def add_key(self, credentials: Credentials, account_id: str) -> None:
        """Another key of an account that is open already."""
        self._keys[credentials.api_key] = (credentials, account_id)

    def get(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)

    def by_key(self, api_key: str) -> tuple[Credentials, Account] | None:
        """The secret to verify with, and the account it opens."""
        found = self._keys.get(api_key)
        return (found[0], self._accounts[found[1]]) if found else None

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())
