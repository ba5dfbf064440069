"""The markets of the HTX twin: the house's pairs with that exchange's decimals, limits, names and bars. No state.

| what | rule | evidence |
|---|---|---|
| symbol | base and quote in lower case without separator | sheet 2 |
| btcusdt | pp 2, ap 6, vp 8, minoa 0.0001, minov 10 | sheet 2; the other pairs' figures are ours |
| bars | 1day begins at 00:00 of Singapore, UTC+8 | sheet 3 |
| 1week, 1mon, 1year | Mondays, calendar, UTC+8; ten months back | first unconfirmed; limit of this twin |
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from app.paper.bars import MINUTE_MS
from app.paper.listings import LISTINGS, Instrument, Listing

VALUE_SCALE = 8
"""`vp`: decimals of a market buy's value."""
MAJORS = frozenset({"BTC-USDT", "ETH-USDT", "LTC-USDT"})
"""Pairs with 5 and 20 levels tick by tick; which ones is ours."""
_RULES = {
    "BTC-USDT": (2, 6, "0.0001", "10", "1000"),
    "ETH-USDT": (2, 4, "0.001", "10", "10000"),
    "SOL-USDT": (4, 4, "0.01", "10", "100000"),
    "ETH-BTC": (6, 4, "0.001", "0.0001", "10000"),
    "TRX-USDT": (6, 2, "1", "10", "50000000"),
    "LTC-USDT": (2, 4, "0.001", "10", "30000"),
    "DOGE-USDT": (6, 2, "1", "10", "50000000"),
    "SHIB-USDT": (10, 2, "1000", "10", "800000000000"),
}
"""Price and amount decimals, least amount (base) and value (quote), largest amount (base)."""
_DAY = 1440
_DAY_MS = _DAY * MINUTE_MS
_SHIFT_MS = 8 * 3_600_000
_MONDAY_MS = 4 * _DAY_MS


def _listed(listing: Listing) -> Listing:
    house = listing.instrument
    price_scale, lot_scale, minimum, value, _ = _RULES[house.pair]
    shrink = 10.0 ** (price_scale - house.price_scale)
    instrument = replace(
        house,
        price_scale=price_scale,
        quantity_scale=lot_scale,
        min_quantity=Decimal(minimum),
        min_amount=Decimal(value),
    )
    return replace(
        listing,
        instrument=instrument,
        spread_ticks=max(1, round(listing.spread_ticks * shrink)),
        level_gap_ticks=max(1.0, listing.level_gap_ticks * shrink),
    )


HTX_LISTINGS = tuple(_listed(listing) for listing in LISTINGS)


def symbol_of(pair: str) -> str:
    return pair.replace("-", "").lower()


PAIRS = {symbol_of(listing.instrument.pair): listing.instrument.pair for listing in HTX_LISTINGS}


def largest_amount(instrument: Instrument) -> Decimal:
    """Of a limit order, in base units; a market sale may have a tenth of it."""
    return Decimal(_RULES[instrument.pair][4])


def largest_value(instrument: Instrument) -> Decimal:
    """Of a market buy, in quote units."""
    return Decimal(1000) if instrument.quote == "BTC" else Decimal(1_000_000)


class HtxBar(Struct, frozen=True, kw_only=True):
    """One bar size. `months` is zero except for those that follow the calendar."""

    name: str
    value: int
    """Minutes."""
    months: int = 0

    def start(self, time_ms: int) -> int:
        shift_ms = _SHIFT_MS if self.value >= _DAY else 0
        local_ms = time_ms + shift_ms
        if self.months:
            moment = datetime.fromtimestamp(local_ms // 1000, UTC)
            month = (moment.month - 1) // self.months * self.months + 1
            return int(datetime(moment.year, month, 1, tzinfo=UTC).timestamp()) * 1000 - shift_ms
        origin_ms = _MONDAY_MS if self.value == 7 * _DAY else 0
        length_ms = self.value * MINUTE_MS
        return (local_ms - origin_ms) // length_ms * length_ms + origin_ms - shift_ms

    def next_start(self, start_ms: int) -> int:
        if self.months:
            return self.start(start_ms + self.months * 31 * _DAY_MS + _DAY_MS)
        return start_ms + self.value * MINUTE_MS


BARS = {
    bar.name: bar
    for bar in (
        HtxBar(name="1min", value=1),
        HtxBar(name="5min", value=5),
        HtxBar(name="15min", value=15),
        HtxBar(name="30min", value=30),
        HtxBar(name="60min", value=60),
        HtxBar(name="4hour", value=240),
        HtxBar(name="1day", value=_DAY),
        HtxBar(name="1week", value=7 * _DAY),
        HtxBar(name="1mon", value=43_830, months=1),
        HtxBar(name="1year", value=525_960, months=12),
    )
}
