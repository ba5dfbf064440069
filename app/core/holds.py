"""What an exchange holds back of each asset, against what open orders explain. Pure; no words for the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.core.account import FeeSchedule
from app.core.order_state import OrderState
from app.core.order_tracker import reserved
from app.core.orders import InFlightOrder
from app.core.types import Balance

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Hold:
    """`held` as reported, `bound` as this account's open orders explain it (base or quote units of one asset)."""

    held: Decimal
    bound: Decimal
    uncertain: Decimal
    """Part of `bound` that belongs to orders whose existence is unknown."""
    unpriced: bool
    """An open order of this account binds an amount that nobody can compute (a market order)."""
    fee_rate: Decimal

    @property
    def explained(self) -> bool:
        """Exchanges may hold the fee on top; an order that may not exist may be held or not."""
        lowest = self.bound - self.uncertain
        highest = self.bound * (1 + self.fee_rate)
        return self.unpriced or lowest <= self.held <= highest


def holds(orders: Iterable[InFlightOrder], balances: Mapping[str, Balance], fees: FeeSchedule) -> dict[str, Hold]:
    """For every asset of the account, what its open orders bind."""
    by_pair: dict[str, list[InFlightOrder]] = {}
    for order in orders:
        by_pair.setdefault(order.pair, []).append(order)
    bound: dict[str, Decimal] = {}
    uncertain: dict[str, Decimal] = {}
    unpriced: set[str] = set()
    for pair, of_pair in by_pair.items():
        base, _, quote = pair.partition("-")
        _add(bound, reserved(of_pair, base, quote))
        doubtful = [order for order in of_pair if order.state in (OrderState.UNKNOWN, OrderState.SUBMITTING)]
        _add(uncertain, reserved(doubtful, base, quote))
        if any(order.terms.price is None and order.terms.quote_amount is None for order in of_pair):
            unpriced.add(quote)
        if any(order.terms.amount is None for order in of_pair):
            unpriced |= {base, quote}
    return {
        asset: Hold(
            held=balance.held,
            bound=bound.get(asset, _ZERO),
            uncertain=uncertain.get(asset, _ZERO),
            unpriced=asset in unpriced,
            fee_rate=max(fees.taker, fees.maker),
        )
        for asset, balance in balances.items()
    }


def _add(to: dict[str, Decimal], more: dict[str, Decimal]) -> None:
    for asset, amount in more.items():
        to[asset] = to.get(asset, _ZERO) + amount
