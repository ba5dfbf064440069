"""What is traded here: scales, minimums, and the character of each market. No prices that move, no wire names."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from app.paper.units import ATOM_SCALE, to_decimal, to_units


class Instrument(Struct, frozen=True, kw_only=True):
    """Trading rules of one pair. Inside, price is ticks, base amount is lots and quote amount is cells (tick x lot)."""

    pair: str
    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    amount_scale: int
    min_quantity: Decimal
    """Base units."""
    min_amount: Decimal
    """Quote units."""
    book: str = ""
    """The pair whose book this one shares, with the same scales; empty for a book of its own."""

    @property
    def cell_scale(self) -> int:
        return self.price_scale + self.quantity_scale

    @property
    def base_atoms_per_lot(self) -> int:
        return int(10 ** (ATOM_SCALE - self.quantity_scale))

    @property
    def quote_atoms_per_cell(self) -> int:
        return int(10 ** (ATOM_SCALE - self.cell_scale))

    def ticks(self, price: Decimal) -> int:
        """Raises OffScale."""
        return to_units(price, self.price_scale)

    def lots(self, amount: Decimal) -> int:
        """Base units to lots; raises OffScale."""
        return to_units(amount, self.quantity_scale)

    def cells(self, quote_amount: Decimal) -> int:
        """Quote units to cells; raises OffScale."""
        return to_units(quote_amount, self.cell_scale)

    def price(self, ticks: int) -> Decimal:
        return to_decimal(ticks, self.price_scale)

    def amount(self, lots: int) -> Decimal:
        return to_decimal(lots, self.quantity_scale)

    def quote_amount(self, cells: int) -> Decimal:
        return to_decimal(cells, self.cell_scale)


class Listing(Struct, frozen=True, kw_only=True):
    """An instrument and how its seeded market behaves."""

    instrument: Instrument
    reference_price: Decimal
    typical_notional: float
    """Median size of a resting order, in quote units."""
    daily_volatility: float
    """Standard deviation of a day's return, as a fraction."""
    spread_ticks: int
    level_gap_ticks: float
    """Mean distance between neighbouring price levels."""
    activity: float
    """Share of the messages, relative to the other listings."""


def _listing(
    pair: str,
    scales: tuple[int, int, int],
    minimum: str,
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
        amount_scale=scales[2],
        min_quantity=Decimal(minimum),
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
    _listing("BTC-USDT", (2, 6, 2), "0.000001", "98412.60", 9000, 0.016, 40, 900, 10),
    _listing("ETH-USDT", (2, 5, 2), "0.00001", "3652.18", 5000, 0.022, 6, 36, 7),
    _listing("SOL-USDT", (3, 3, 3), "0.001", "171.934", 2600, 0.028, 6, 18, 5),
    _listing("ETH-BTC", (6, 4, 8), "0.0001", "0.037111", 0.06, 0.006, 2, 4, 2, "0.00001"),
    _listing("TRX-USDT", (5, 1, 5), "0.1", "0.31162", 900, 0.016, 2, 4, 3),
    _listing("LTC-USDT", (2, 4, 2), "0.0001", "104.37", 1100, 0.024, 1, 2, 2),
    _listing("DOGE-USDT", (5, 0, 4), "1", "0.17843", 1200, 0.03, 2, 3, 3),
    _listing("SHIB-USDT", (9, 0, 4), "1", "0.000011684", 700, 0.03, 2, 3, 2),
)

STARTING_BALANCES: dict[str, Decimal] = {
    "USDT": Decimal("50000"),
    "BTC": Decimal("1.5"),
    "ETH": Decimal("12"),
    "SOL": Decimal("150"),
    "TRX": Decimal("40000"),
    "LTC": Decimal("60"),
    "DOGE": Decimal("35000"),
    "SHIB": Decimal("250000000"),
}
