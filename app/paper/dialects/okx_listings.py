"""The markets of the OKX twin: the house's pairs on that exchange's ticks and lots, and their integer codes. No state.

Sheet section 2 for BTC-USDT (tick 0.1, lot 10^-8, minimum 10^-5). The steps of the other pairs are ours. There is no
least notional on this exchange, so the field of the house's instruments is zero.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from app.paper.listings import LISTINGS, Instrument, Listing

FIRST_CODE = 10_000
_STEPS = {
    "BTC-USDT": (1, 8, "0.00001"),
    "ETH-USDT": (2, 6, "0.0001"),
    "SOL-USDT": (2, 6, "0.001"),
    "ETH-BTC": (5, 6, "0.001"),
    "LTC-USDT": (2, 6, "0.001"),
    "DOGE-USDT": (5, 6, "1"),
    "SHIB-USDT": (9, 0, "1"),
}
"""Price scale, lot scale, least order in base units; a pair that is not here keeps the house's."""


def _listed(listing: Listing) -> Listing:
    house = listing.instrument
    steps = _STEPS.get(house.pair)
    if steps is None:
        return replace(listing, instrument=replace(house, min_amount=Decimal(0)))
    price_scale, lot_scale, minimum = steps
    shrink = 10.0 ** (price_scale - house.price_scale)
    instrument = replace(
        house,
        price_scale=price_scale,
        quantity_scale=lot_scale,
        min_quantity=Decimal(minimum),
        min_amount=Decimal(0),
    )
    return replace(
        listing,
        instrument=instrument,
        reference_price=listing.reference_price.quantize(Decimal(1).scaleb(-price_scale)),
        spread_ticks=max(1, round(listing.spread_ticks * shrink)),
        level_gap_ticks=max(1.0, listing.level_gap_ticks * shrink),
    )


OKX_LISTINGS = tuple(_listed(listing) for listing in LISTINGS)
CODES = {listing.instrument.pair: FIRST_CODE + n for n, listing in enumerate(OKX_LISTINGS)}
"""`instIdCode`: an integer that WebSocket orders name the instrument by."""
PAIRS_BY_CODE = {code: pair for pair, code in CODES.items()}


def lot_step(instrument: Instrument) -> str:
    return format(Decimal(1).scaleb(-instrument.quantity_scale), "f")


def price_step(instrument: Instrument) -> str:
    return format(Decimal(1).scaleb(-instrument.price_scale), "f")
