"""The markets of the Crypto.com twin, their names and steps, its ids and nanosecond stamps. No prices that move.

| what | rule | evidence |
|---|---|---|
| symbol | BASE_QUOTE | sheet 3 |
| BTC_USD beside BTC_USDT | two instruments with books of their own | sheet 3 |
| BTC_USDT | tick 0.01, lot 0.00001 | sheet 3; the steps of the others are ours |
| quote_decimals | says nothing about the tick: some are larger here | sheet 3 (the tick is price_tick_size) |
| least order | one lot; a least value exists, is not published, and answers 415 | sheet 3; 1 USD is ours |
| a perpetual in the list | only listed: this twin is spot | sheet 3; limit of this twin |
| fees | 6.5 and 6.9 basis points, from the received asset, exact | sheet 3; asset from ccxt's samples |
| order ids | 19 digits | sheet 7 |
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from app.core.clock import NS_PER_MS, Clock
from app.paper.accounts import Fees
from app.paper.listings import LISTINGS, STARTING_BALANCES, Instrument, Listing
from app.paper.units import to_decimal

FEES = Fees(maker=Decimal("0.00065"), taker=Decimal("0.00069"))
MAKER_BPS, TAKER_BPS = "6.5", "6.9"
BALANCES = STARTING_BALANCES | {"USD": Decimal("20000"), "CRO": Decimal("24422.72")}
_LOT_SCALES = {"BTC-USDT": 5, "ETH-USDT": 4, "ETH-BTC": 4, "LTC-USDT": 3}
_EXTRA_QUOTE_DECIMALS = {"ETH-BTC": 2, "TRX-USDT": 1}
_EPOCH_MS = 1_420_041_600_000
_SEQUENCE_BITS = 22

PERPETUAL = {
    "symbol": "BTCUSD-PERP",
    "inst_type": "PERPETUAL_SWAP",
    "display_name": "BTCUSD Perpetual",
    "base_ccy": "BTC",
    "quote_ccy": "USD",
    "quote_decimals": 1,
    "quantity_decimals": 4,
    "price_tick_size": "0.1",
    "qty_tick_size": "0.0001",
    "max_leverage": "50",
    "tradable": True,
    "expiry_timestamp_ms": 0,
    "beta_product": False,
    "underlying_symbol": "BTCUSD-INDEX",
    "contract_size": "1",
    "margin_buy_enabled": False,
    "margin_sell_enabled": False,
    "product_type": "DIGITAL_CURRENCIES",
}


def _listed(listing: Listing) -> Listing:
    house = listing.instrument
    scale = min(_LOT_SCALES.get(house.pair, house.quantity_scale), house.quantity_scale)
    least = Decimal(1).scaleb(-scale)
    return replace(listing, instrument=replace(house, quantity_scale=scale, min_quantity=least))


def _in_dollars(listing: Listing) -> Listing:
    instrument = replace(listing.instrument, pair="BTC-USD", quote="USD")
    return replace(listing, instrument=instrument, typical_notional=4000, spread_ticks=90, activity=3)


_HOUSE = tuple(_listed(listing) for listing in LISTINGS)
CRYPTO_COM_LISTINGS = (*_HOUSE, _in_dollars(_HOUSE[0]))


def symbol_of(pair: str) -> str:
    return pair.replace("-", "_")


def pair_of(symbol: str) -> str:
    """The pair that this would name; empty for what is no spot symbol."""
    return symbol.replace("_", "-") if "-" not in symbol else ""


def step(scale: int) -> str:
    return format(Decimal(1).scaleb(-scale), "f")


@lru_cache(maxsize=16_384)
def padded(units: int, scale: int) -> str:
    """Decimal text with all decimals of the scale, as this exchange prints book levels."""
    return format(to_decimal(units, scale), "f")


def quote_decimals(instrument: Instrument) -> int:
    return instrument.price_scale + _EXTRA_QUOTE_DECIMALS.get(instrument.pair, 0)


class OrderNumbers:
    """Rising 19-digit numbers that hold the time, so that a restarted twin repeats none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        stamp = (self._clock.wall_ns() // NS_PER_MS - _EPOCH_MS) << _SEQUENCE_BITS
        self._last = max(self._last + 1, stamp)
        return self._last


def nanoseconds(number: int, time_ms: int) -> int:
    """A time stamp that no other order (or fill) of the same millisecond has."""
    within = number - ((time_ms - _EPOCH_MS) << _SEQUENCE_BITS)
    return time_ms * NS_PER_MS + max(0, min(within, NS_PER_MS - 1))


def first_trade_id(clock: Clock) -> int:
    """Nineteen digits; a thousand trades a millisecond fit between two starts."""
    return 4_611_686_018_000_000_000 + (clock.wall_ns() // NS_PER_MS - _EPOCH_MS) * 1000
