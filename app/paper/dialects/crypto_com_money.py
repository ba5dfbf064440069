"""Crypto.com's balance objects: the portfolio in USD with its coins, and the short list of user.position_balance.

Sheet section 6. Only coins that are not zero, or those that are asked for. Dollar values are those of the last prices.
No HTTP, no sockets.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import crypto_com_wire as wire
from app.paper.dialects.crypto_com_errors import Json
from app.paper.dialects.crypto_com_rules import OrderRules
from app.paper.units import ATOM_SCALE, to_decimal, to_text


class Money:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def portfolio(self, account: Account, assets: Iterable[str] = ()) -> Json:
        """The whole account in USD, with the rows of these coins or (none given) of all that are not zero."""
        held = [asset for asset, balance in account.balances.items() if balance.total]
        totals = {asset: self._usd(asset, account.balance(asset).total) for asset in held}
        available = sum((self._usd(asset, account.balance(asset).available) for asset in held), Decimal(0))
        chosen = list(assets) or held
        rows = [wire.balance_row(account, asset, totals.get(asset, Decimal(0))) for asset in chosen]
        return wire.portfolio_row(rows, available, sum(totals.values(), Decimal(0)))

    def positions(self, account: Account, assets: Iterable[str] = ()) -> Json:
        """`user.position_balance`: names and totals only; a spot account has no positions."""
        now_ms = self._desk.venue.now_ms()
        chosen = list(assets) or [asset for asset, balance in account.balances.items() if balance.total]
        rows = [
            {
                "instrument_name": asset,
                "quantity": to_text(account.balance(asset).total, ATOM_SCALE),
                "update_timestamp_ms": now_ms,
            }
            for asset in chosen
        ]
        return {"balances": rows, "positions": [], "isolated_positions": []}

    def _usd(self, asset: str, atoms: int) -> Decimal:
        return self._rules.usd_value(asset, to_decimal(atoms, ATOM_SCALE))
