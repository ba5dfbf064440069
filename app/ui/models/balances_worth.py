"""What balances are worth and what binds them: values with their source, holds explained by open orders. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.core import holds as core_holds
from app.core.holds import Hold
from app.core.types import Balance
from app.ui.desk import Desk, ExchangeView
from app.ui.format import clean, exact, plain

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Worth:
    """Value of an amount in the chosen currency and where the price comes from."""

    value: Decimal
    source: str


Prices = Mapping[str, tuple[Decimal, str]]
"""As `Desk.prices_in_usd` tells them."""


def worth(prices: Prices, asset: str, amount: Decimal, currency: str) -> Worth | None:
    """None where no price is known: never zero. In USD, or converted from it by the currency's own price."""
    price = prices.get(asset)
    if price is None:
        return None
    if currency == "USD":
        return Worth(amount * price[0], price[1])
    if currency == asset:
        return Worth(amount, asset)
    unit = prices.get(currency)
    if unit is None or unit[0] <= 0:
        return None
    return Worth(amount * price[0] / unit[0], f"{price[1]}; {currency} by {unit[1]}")


def hold_words(hold: Hold, asset: str) -> str:
    """What is held, what binds it, and what does not fit."""
    lines = [f"held {exact(hold.held)} {asset}", f"open orders bind {exact(hold.bound)} {asset}"]
    if hold.uncertain:
        lines.append(f"of that, {exact(hold.uncertain)} by orders that may not exist")
    if hold.unpriced:
        lines.append("an open market order binds an amount that is not known here")
    if hold.held < 0:
        lines.append("available is above total: the two reports do not fit together")
    elif not hold.explained:
        difference = hold.held - hold.bound
        side = "more held than open orders explain" if difference > 0 else "open orders would bind more"
        lines.append(f"{exact(abs(difference))} {asset}: {side}")
    return "\n".join(lines)


def holds(exchange: ExchangeView) -> dict[str, Hold]:
    """For every asset of the account, what its open orders bind."""
    return core_holds.holds(exchange.orders.open, exchange.account.balances, exchange.fees)


@dataclass(frozen=True)
class Sum:
    """Worth of several accounts in one currency; paper money never adds to real money."""

    paper: bool
    value: Decimal
    unpriced: tuple[str, ...]
    left_out: int
    """Paper accounts that are not in this live sum."""
    silent: tuple[str, ...]
    """Accounts whose balances nobody has told yet: not the same as empty."""
    known: bool
    """Whether any of the accounts has told its balances."""


def grand_total(desk: Desk, currency: str) -> Sum | None:
    """All live accounts together; all paper accounts, marked so, where no live account is there; None without any."""
    accounts = [exchange for exchange in desk.exchanges.values() if exchange.has_account]
    if not accounts:
        return None
    prices = desk.prices_in_usd()
    live = [exchange for exchange in accounts if not exchange.paper]
    counted = live or accounts
    total, unpriced = _ZERO, []
    for balance in _all_balances(counted):
        if not balance.total:
            continue
        value = worth(prices, balance.asset, balance.total, currency)
        if value is None:
            unpriced.append(balance.asset)
        else:
            total += value.value
    silent = tuple(exchange.title for exchange in counted if not exchange.account.version)
    return Sum(
        paper=not live,
        value=total,
        unpriced=tuple(sorted(set(unpriced))),
        left_out=len(accounts) - len(counted),
        silent=silent,
        known=len(silent) < len(counted),
    )


def _all_balances(exchanges: Iterable[ExchangeView]) -> Iterable[Balance]:
    for exchange in exchanges:
        yield from exchange.account.balances.values()


def asset_text(asset: str) -> str:
    return clean(asset, 16)


def amount_text(value: Decimal) -> str:
    """Short enough for a narrow column and never more than there is: digits beyond are cut off, not rounded up."""
    size = abs(value)
    places = 0 if size >= 1_000_000 else 2 if size >= 1000 else 4 if size >= 100 else 6 if size >= 1 else 8
    whole, point, fraction = plain(value).partition(".")
    cut = Decimal(whole + point + fraction[:places])
    return exact(cut)
