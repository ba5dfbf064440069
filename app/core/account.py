"""Balances and fees of one account. One writer; no I/O."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from msgspec import Struct

from app.core.types import Balance, BalanceDelta, OrderType, Side


class FeeSchedule(Struct, frozen=True, kw_only=True):
    """Fee rates as fractions (0.00145 is 0.145 %). `source` says who told us: the account or a public table."""

    maker: Decimal
    taker: Decimal
    source: str
    frame: int = 0


class TradeFee(Struct, frozen=True):
    """An estimate: `rate` as a fraction, `amount` in `asset`."""

    rate: Decimal
    amount: Decimal
    asset: str
    maker: bool


def estimate_fee(
    schedule: FeeSchedule,
    base: str,
    quote: str,
    type: OrderType,
    side: Side,
    amount: Decimal,
    price: Decimal,
    is_maker: bool | None = None,
    in_quote: bool = False,
) -> TradeFee:
    """Fee on `amount` (base) at `price` (quote), taken from what is received: base when buying, quote when selling."""
    maker = type is OrderType.LIMIT_MAKER if is_maker is None else is_maker
    rate = schedule.maker if maker else schedule.taker
    if side is Side.BUY and not in_quote:
        return TradeFee(rate, amount * rate, base, maker)
    return TradeFee(rate, amount * price * rate, quote, maker)


class AccountBook:
    """Balances by asset. The newest report wins, by the exchange's own time where it gives one."""

    def __init__(self) -> None:
        self.balances: dict[str, Balance] = {}
        self.version = 0
        self.complete_frame = 0
        """The last reply that listed the whole account; 0 before the first."""
        self.changes: deque[BalanceDelta] = deque(maxlen=1_000)

    def apply(self, balance: Balance) -> bool:
        """Returns whether the report was news; a report older than what is known changes nothing."""
        known = self.balances.get(balance.asset)
        if known is not None and balance.exchange_ms and balance.exchange_ms < known.exchange_ms:
            return False
        self.balances[balance.asset] = balance
        self.version += 1
        return True

    def take(self, balance: Balance) -> None:
        """Believe this report, whatever is known: the trader has said so."""
        self.balances[balance.asset] = balance
        self.version += 1

    def apply_delta(self, delta: BalanceDelta) -> bool:
        if not self.apply(delta.balance):
            return False
        self.changes.append(delta)
        return True

    def apply_all(self, balances: list[Balance], frame: int, asked_ms: int) -> None:
        """A whole account over REST: assets it leaves out are zero, unless the stream spoke since it was asked."""
        listed = {balance.asset for balance in balances}
        for balance in balances:
            known = self.balances.get(balance.asset)
            if known is None or known.source != "stream" or known.exchange_ms < asked_ms:
                self.balances[balance.asset] = balance
        for asset, known in list(self.balances.items()):
            if asset not in listed and known.exchange_ms < asked_ms and known.total:
                self.balances[asset] = Balance(
                    asset=asset,
                    total=Decimal(0),
                    available=Decimal(0),
                    exchange_ms=asked_ms,
                    frame=frame,
                    source="rest",
                )
        self.complete_frame = frame
        self.version += 1
