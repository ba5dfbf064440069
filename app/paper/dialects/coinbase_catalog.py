"""What the Coinbase twin lists: products, their USDC aliases, wallets, fees and number series. No prices that move.

| what | rule | evidence |
|---|---|---|
| increments, sizes, names, aliases | as in a recorded product list of 2026-08 | recording; sheet 2 |
| USD and USDC share a book, not wallets | `Instrument.book` | sheet 2, trap 10 |
| REP-USD | delisted and still in the list | recording (eight such products) |
| fees | 0.006 maker, 0.012 taker (Intro 1), always in quote, not rounded | sheet 2; rounding unconfirmed |
| more than 49 wallets, most of them empty | one page is not enough | sheet 5.2 |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from app.core.clock import Clock
from app.paper.accounts import Fees
from app.paper.listings import Instrument, Listing

FEES = Fees(maker=Decimal("0.006"), taker=Decimal("0.012"), in_quote=True)
TIER = "Intro 1"


class Product(Struct, frozen=True, kw_only=True):
    """Limits beyond the scales; sizes in base units, notional in quote units."""

    pair: str
    base_name: str
    quote_name: str
    base_max_size: str
    quote_min_size: str = "1"
    quote_max_size: str = "150000000"
    alias: str = ""
    far_levels: int = 400
    """Price levels a side far from the market, so that snapshots are as big as the real ones."""


def _listing(
    pair: str,
    scales: tuple[int, int],
    price: str,
    notional: float,
    volatility: float,
    spread_ticks: int,
    gap: float,
    activity: float,
    min_amount: str = "1",
) -> Listing:
    base, quote = pair.split("-")
    instrument = Instrument(
        pair=pair,
        base=base,
        quote=quote,
        price_scale=scales[0],
        quantity_scale=scales[1],
        amount_scale=scales[0],
        min_quantity=Decimal(1).scaleb(-scales[1]),
        min_amount=Decimal(min_amount),
    )
    return Listing(
        instrument=instrument,
        reference_price=Decimal(price),
        typical_notional=notional,
        daily_volatility=volatility,
        spread_ticks=spread_ticks,
        level_gap_ticks=gap,
        activity=activity,
    )


LISTINGS: tuple[Listing, ...] = (
    _listing("BTC-USD", (2, 8), "98412.60", 9000, 0.016, 40, 900, 10),
    _listing("ETH-USD", (2, 8), "3652.18", 5000, 0.022, 6, 36, 7),
    _listing("SOL-USD", (2, 8), "171.93", 2600, 0.028, 2, 4, 5),
    _listing("ETH-BTC", (6, 8), "0.037111", 0.06, 0.006, 2, 4, 2, "0.00001"),
    _listing("XRP-USD", (4, 6), "2.3164", 1500, 0.026, 2, 4, 3),
    _listing("LTC-USD", (2, 8), "104.37", 1100, 0.024, 1, 2, 2),
    _listing("DOGE-USD", (5, 1), "0.17843", 1200, 0.03, 2, 3, 3),
    _listing("SHIB-USD", (8, 0), "0.00001168", 700, 0.03, 2, 3, 2),
)


def _alias_of(listing: Listing) -> Instrument:
    own = listing.instrument
    return Instrument(
        pair=f"{own.base}-USDC",
        base=own.base,
        quote="USDC",
        price_scale=own.price_scale,
        quantity_scale=own.quantity_scale,
        amount_scale=own.amount_scale,
        min_quantity=own.min_quantity,
        min_amount=own.min_amount,
        book=own.pair,
    )


ALIASES: tuple[Instrument, ...] = tuple(_alias_of(listing) for listing in LISTINGS if listing.instrument.quote == "USD")

_NAMES = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "XRP": "XRP",
    "LTC": "Litecoin",
    "DOGE": "Dogecoin",
    "SHIB": "SHIBA INU",
    "USD": "US Dollar",
    "USDC": "USDC",
}
_MOST = {
    "BTC": "3400",
    "ETH": "42000",
    "SOL": "1274000",
    "XRP": "11996772.8407292192545075",
    "LTC": "122300",
    "DOGE": "141834300",
    "SHIB": "970443076600",
}
_FAR_LEVELS = {"BTC-USD": 23_000, "ETH-USD": 3_000}
"""Enough for a BTC-USD snapshot of 5 MB, as recorded."""


def _product(instrument: Instrument) -> Product:
    in_bitcoin = instrument.quote == "BTC"
    return Product(
        pair=instrument.pair,
        base_name=_NAMES[instrument.base],
        quote_name=_NAMES[instrument.quote],
        base_max_size=_MOST[instrument.base],
        quote_min_size="0.00001" if in_bitcoin else "1",
        quote_max_size="200" if in_bitcoin else "150000000",
        alias=instrument.book,
        far_levels=_FAR_LEVELS.get(instrument.pair, 400),
    )


PRODUCTS: Mapping[str, Product] = {
    instrument.pair: _product(instrument) for instrument in (*(x.instrument for x in LISTINGS), *ALIASES)
}
DELISTED = "REP-USD"

STARTING_BALANCES: dict[str, Decimal] = {
    "USD": Decimal("50000"),
    "USDC": Decimal("20000"),
    "BTC": Decimal("1.5"),
    "ETH": Decimal("12"),
    "SOL": Decimal("150"),
    "XRP": Decimal("8000"),
    "LTC": Decimal("60"),
    "DOGE": Decimal("35000"),
    "SHIB": Decimal("250000000"),
}
EMPTY_WALLETS: tuple[str, ...] = tuple(
    "AAVE ADA ALGO APE APT ARB ATOM AVAX AXS BAT BCH BONK CHZ COMP CRO CRV DAI DOT EGLD ENS EOS ETC EUR FET FIL FLOW "
    "GRT HBAR ICP IMX INJ JASMY KAVA LDO LINK LRC MANA MATIC MINA MKR NEAR OP PEPE QNT RNDR SAND SNX STX SUI TIA UNI "
    "XLM XTZ".split()
)
FIAT = frozenset({"USD", "EUR"})


class Numbers:
    """Rising whole numbers that hold the time in microseconds, so a restarted twin never hands out an old one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, self._clock.wall_ns() // 1000)
        return self._last


def first_trade_id(clock: Clock) -> int:
    """Public trade ids are short; a hundred a second fit between two starts."""
    return clock.wall_ns() // 10_000_000 - 160_000_000_000


def seeded_uuid(*what: object) -> str:
    """The same words give the same UUID (version 4 by its marks)."""
    text = hashlib.sha256("/".join(map(str, what)).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"
