"""OKX' balance objects: the REST answer, the account channel and the smaller balance_and_position. No HTTP, no sockets.

Sheet section 5.1: only what is not zero, or what has changed. `availEq` is empty because this account is in spot mode.
Dollar values are those of the last USDT prices; the real exchange uses index prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_rules import OrderRules
from app.paper.units import ATOM_SCALE, to_decimal, to_text


class Money:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules

    def account(self, account: Account, assets: Iterable[str] = ()) -> wire.Json:
        """The whole account, with the details of these assets or (none given) of all that are not zero."""
        now_ms = self._desk.venue.now_ms()
        values = {asset: self._usd(account, asset) for asset, balance in account.balances.items() if balance.total}
        chosen = list(assets) or list(values)
        details = [wire.balance_row(account, a, _dollars(values.get(a, Decimal(0))), now_ms) for a in chosen]
        return wire.account_row(details, _dollars(sum(values.values(), Decimal(0))), now_ms)

    def small(self, account: Account, assets: Iterable[str], event_type: str) -> wire.Json:
        """`balance_and_position`: the same with names and totals only."""
        now = str(self._desk.venue.now_ms())
        chosen = list(assets) or [asset for asset, balance in account.balances.items() if balance.total]
        rows = [{"ccy": a, "cashBal": to_text(account.balance(a).total, ATOM_SCALE), "uTime": now} for a in chosen]
        return {"pTime": now, "eventType": event_type, "balData": rows, "posData": [], "trades": []}

    def _usd(self, account: Account, asset: str) -> Decimal:
        return self._rules.usd_value(asset, to_decimal(account.balance(asset).total, ATOM_SCALE))


def _dollars(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.00000001"), "ROUND_DOWN").normalize(), "f")
