"""OKX' request limits: so many in two seconds, counted per address, per user, or per user and instrument. No HTTP.

Figures: sheet sections 2 to 6; those marked (docs) from the exchange's pages of November 2025. Unconfirmed: how its
windows lie in time (here each begins with the first request after the one before), and whether spot orders count
towards the 1000 of a sub-account (the sheet says so, the docs exempt them).
"""

from __future__ import annotations

from collections import OrderedDict

from app.core.clock import NS_PER_S, Clock

WINDOW_S = 2
_KEPT = 2000

PER_ADDRESS = {
    "public/instruments": 20,
    "public/time": 10,
    "public/price-limit": 20,  # (docs)
    "system/status": 1,  # (docs: one in 5 s)
    "market/books": 40,
    "market/books-full": 10,  # (docs)
    "market/ticker": 20,
    "market/tickers": 20,
    "market/trades": 100,
    "market/history-trades": 20,  # (docs)
    "market/candles": 40,
    "market/history-candles": 20,
}
PER_USER = {
    "account/instruments": 20,
    "account/balance": 10,
    "account/config": 5,
    "account/trade-fee": 5,
    "asset/currencies": 12,  # (docs: 6 a second)
    "asset/balances": 12,  # (docs: 6 a second)
    "trade/orders-pending": 60,
    "trade/orders-history": 40,
    "trade/orders-history-archive": 20,  # (docs)
    "trade/fills": 60,
    "trade/fills-history": 10,  # (docs)
    "trade/order-algo": 20,
    "trade/orders-algo-pending": 20,
    "trade/orders-algo-history": 20,
    "trade/cancel-all-after": 2,  # (docs: one a second)
    "trade/account-rate-limit": 2,  # (docs: one a second)
    "trade/order-precheck": 5,  # (docs)
    "trade/mass-cancel": 5,  # (docs)
}
PER_INSTRUMENT = {
    "order": 60,
    "get order": 60,
    "cancel-order": 60,
    "amend-order": 60,
    "order-algo": 20,
    "cancel-algos": 20,
    "amend-algos": 20,
    "batch-orders": 300,
    "batch-cancel-orders": 300,
    "batch-amend-orders": 300,
}
"""Orders over REST and WebSocket share these. A batch of one counts as a single (docs)."""
ORDERS_PER_ACCOUNT = 1000


class WindowLimits:
    """Counts in windows of `seconds`; a refusal counts nothing."""

    def __init__(self, clock: Clock, seconds: float = WINDOW_S) -> None:
        self._clock = clock
        self._length_ns = int(seconds * NS_PER_S)
        self._windows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def allow(self, caller: str, what: str, most: int, count: int = 1) -> bool:
        """Count towards what this caller may do; False, and nothing counted, beyond `most`."""
        now_ns = self._clock.mono_ns()
        began_ns, used = self._windows.pop((caller, what), (now_ns, 0))
        if now_ns - began_ns >= self._length_ns:
            began_ns, used = now_ns, 0
        allowed = used + count <= most
        self._windows[caller, what] = (began_ns, used + count if allowed else used)
        if len(self._windows) > _KEPT:
            self._windows.popitem(last=False)
        return allowed
