"""Binance' limits: request weight and connections per address, bans, unfilled orders per account. No HTTP.

| what | rule | evidence |
|---|---|---|
| weight | 6000 a minute per address, clock-aligned | sheet 2, 7 |
| raw requests | 300,000 in five minutes | sheet 2 |
| orders | 50 in 10 s and 160,000 a day per account, clock-aligned | sheet 2, 7 |
| a first fill | takes one off the order count as taker, five as maker | exchange's order count page |
| an order call that succeeded | weighs nothing | sheet 6, 8 |
| going on after 429 | 418, two minutes first, then longer, three days at most | sheet 7; doubling, patience ours |
| connections | 300 in five minutes per address | sheet 3.3; HTTP 429 unconfirmed |
"""

from __future__ import annotations

from app.core.clock import NS_PER_MS, Clock
from app.paper.dialects.binance_errors import BANNED, ApiError

MINUTE_MS, DAY_MS = 60_000, 86_400_000
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * DAY_MS
_PATIENCE = 10


class _Window:
    """A count that starts again whenever the clock passes a multiple of its length."""

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self._counts: dict[str, int] = {}
        self._slot = -1

    def count(self, who: str, now_ms: int) -> int:
        self._turn(now_ms)
        return self._counts.get(who, 0)

    def add(self, who: str, amount: int, now_ms: int) -> None:
        self._turn(now_ms)
        self._counts[who] = max(0, self._counts.get(who, 0) + amount)

    def ends_ms(self, now_ms: int) -> int:
        return (now_ms // self.length_ms + 1) * self.length_ms

    def _turn(self, now_ms: int) -> None:
        slot = now_ms // self.length_ms
        if slot != self._slot:
            self._slot = slot
            self._counts.clear()


class Limits:
    """Counts of one exchange. The limits may be changed by tests."""

    def __init__(self, clock: Clock) -> None:
        self.weight_a_minute = 6000
        self.raw_in_5_minutes = 300_000
        self.orders_in_10_s = 50
        self.orders_a_day = 160_000
        self.connections_in_5_minutes = 300
        self._clock = clock
        self._weight = _Window(MINUTE_MS)
        self._raw = _Window(5 * MINUTE_MS)
        self._refusals = _Window(MINUTE_MS)
        self._connections = _Window(5 * MINUTE_MS)
        self._orders = {"SECOND": _Window(10_000), "DAY": _Window(DAY_MS)}
        self._banned_until: dict[str, int] = {}
        self._bans: dict[str, int] = {}

    def charge(self, address: str, weight: int) -> None:
        """Take weight for a request. Raises ApiError when there is none left or the address is banned."""
        now_ms = self._now_ms()
        self.check_ban(address)
        self._raw.add(address, 1, now_ms)
        if self._raw.count(address, now_ms) > self.raw_in_5_minutes:
            self._refuse(address, self._raw, self.raw_in_5_minutes, "5 MINUTE", now_ms)
        if self._weight.count(address, now_ms) + weight > self.weight_a_minute:
            self._refuse(address, self._weight, self.weight_a_minute, "1 MINUTE", now_ms)
        self._weight.add(address, weight, now_ms)

    def refund(self, address: str, weight: int) -> None:
        self._weight.add(address, -weight, self._now_ms())

    def used_weight(self, address: str) -> int:
        return self._weight.count(address, self._now_ms())

    def check_ban(self, address: str) -> None:
        """Raises ApiError while the address is banned."""
        until_ms = self._banned_until.get(address, 0)
        if until_ms > self._now_ms():
            raise ApiError(-1003, until_ms, message=BANNED, status=418, retry_ms=until_ms)

    def connect(self, address: str) -> None:
        """Count an attempt to open a WebSocket. Raises ApiError."""
        self.check_ban(address)
        now_ms = self._now_ms()
        self._connections.add(address, 1, now_ms)
        if self._connections.count(address, now_ms) > self.connections_in_5_minutes:
            retry_ms = self._connections.ends_ms(now_ms)
            raise ApiError(-1034, self.connections_in_5_minutes, "5 MINUTE", retry_ms=retry_ms)

    def check_orders(self, account_id: str) -> None:
        """Raises ApiError when the account has too many unfilled orders to place another."""
        now_ms = self._now_ms()
        for name, limit, words in (
            ("SECOND", self.orders_in_10_s, "10 SECOND"),
            ("DAY", self.orders_a_day, "1 DAY"),
        ):
            window = self._orders[name]
            if window.count(account_id, now_ms) >= limit:
                raise ApiError(-1015, limit, words, retry_ms=window.ends_ms(now_ms))

    def count_order(self, account_id: str, amount: int = 1) -> None:
        """Add placed orders, or (negative) take filled ones off."""
        for window in self._orders.values():
            window.add(account_id, amount, self._now_ms())

    def order_counts(self, account_id: str) -> tuple[int, int]:
        """Unfilled orders of these ten seconds and of this day."""
        now_ms = self._now_ms()
        return self._orders["SECOND"].count(account_id, now_ms), self._orders["DAY"].count(account_id, now_ms)

    def order_rows(self, account_id: str) -> list[dict[str, object]]:
        """The counts as `rateLimits` shows them."""
        in_10_s, a_day = self.order_counts(account_id)
        return [
            _row("ORDERS", "SECOND", 10, self.orders_in_10_s) | {"count": in_10_s},
            _row("ORDERS", "DAY", 1, self.orders_a_day) | {"count": a_day},
        ]

    def weight_row(self, address: str) -> dict[str, object]:
        return _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight_a_minute) | {"count": self.used_weight(address)}

    def rows(self) -> list[dict[str, object]]:
        """The limits as `exchangeInfo` shows them."""
        return [
            _row("REQUEST_WEIGHT", "MINUTE", 1, self.weight_a_minute),
            _row("ORDERS", "SECOND", 10, self.orders_in_10_s),
            _row("ORDERS", "DAY", 1, self.orders_a_day),
            _row("RAW_REQUESTS", "MINUTE", 5, self.raw_in_5_minutes),
        ]

    def _refuse(self, address: str, window: _Window, limit: int, words: str, now_ms: int) -> None:
        self._refusals.add(address, 1, now_ms)
        if self._refusals.count(address, now_ms) > _PATIENCE:
            earlier = self._bans[address] = self._bans.get(address, 0) + 1
            self._banned_until[address] = now_ms + min(LONGEST_BAN_MS, FIRST_BAN_MS << min(earlier - 1, 20))
            self.check_ban(address)
        raise ApiError(-1003, limit, words, retry_ms=window.ends_ms(now_ms))

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // NS_PER_MS


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
