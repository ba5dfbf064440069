"""Binance' symbols: scales, filters, states and fees of the twin's pairs, and `exchangeInfo`. No order is checked here.

| what | rule | evidence |
|---|---|---|
| exchangeInfo | fields, filters, parameters | sheet 2 |
| order lists, pegs, permissions other than SPOT | not offered: the flags in exchangeInfo say so | ours |
| scales, minimums, multipliers | plausible values of ours; TRXUSDT has the older MIN_NOTIONAL filter | forms sheet 2 |
| stepSize "0" in MARKET_LOT_SIZE | switches that rule off | sheet 2 |
| symbol and symbols, permissions and symbolStatus together | -1128 | combination sheet 2, code unconfirmed |
| fees | 0.001, from what is received, cut to eight decimals | sheet 2; the cutting unconfirmed |
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from app.paper.accounts import Fees
from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_wire import PLACES, STP, Json, Ms, fixed, symbol_of
from app.paper.listings import LISTINGS, Instrument, Listing

FEES = Fees(maker=Decimal("0.001"), taker=Decimal("0.001"), places=PLACES)
ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
STATES = frozenset({"TRADING", "HALT", "BREAK"})
DEFAULT_STP = "EXPIRE_MAKER"
LARGEST_LOTS = 9_000_000_000
MARKET_SHARE = 75
"""A market order may be one part in so many of the largest limit order."""
MULTIPLIER_UP, MULTIPLIER_DOWN = 5, Decimal("0.2")
MAX_NOTIONAL = Decimal("9000000")
MAX_ORDERS, MAX_ALGO_ORDERS, MAX_AMENDS, MAX_ICEBERG_PARTS = 200, 5, 10, 100
MIN_TRAILING, MAX_TRAILING = 10, 2000
AVERAGE_MINUTES = 5
_OLD_MINIMUM = frozenset({"TRX-USDT"})

_SCALES = {"BTC-USDT": (2, 5), "ETH-BTC": (5, 3), "SHIB-USDT": (8, 0)}


def listings() -> list[Listing]:
    """The usual pairs with scales of which price times amount never has more than eight decimals."""
    return [_adapted(listing) for listing in LISTINGS]


def _adapted(listing: Listing) -> Listing:
    old = listing.instrument
    price_scale, quantity_scale = _SCALES.get(old.pair, (old.price_scale, old.quantity_scale))
    coarser = 10 ** (old.price_scale - price_scale)
    instrument = replace(
        old,
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        amount_scale=PLACES,
        min_quantity=Decimal(1).scaleb(-quantity_scale),
        min_amount=Decimal("5") if old.quote == "USDT" else Decimal("0.0001"),
    )
    return replace(
        listing,
        instrument=instrument,
        reference_price=round(listing.reference_price, price_scale),
        spread_ticks=max(1, listing.spread_ticks // coarser),
        level_gap_ticks=max(1.0, listing.level_gap_ticks / coarser),
    )


def min_notional_filter(instrument: Instrument) -> str:
    return "MIN_NOTIONAL" if instrument.pair in _OLD_MINIMUM else "NOTIONAL"


class Symbols:
    """What is listed. `states` holds the status of pairs that are not TRADING."""

    def __init__(self, desk: Desk, limits: Limits) -> None:
        self._desk = desk
        self._limits = limits
        self.states: dict[str, str] = {}
        self._by_symbol = {symbol_of(i.pair): i for i in desk.venue.instruments.values()}

    def status(self, instrument: Instrument) -> str:
        return self.states.get(instrument.pair, "TRADING")

    def find(self, symbol: str) -> Instrument:
        """Raises ApiError."""
        found = self._by_symbol.get(symbol)
        if found is None:
            raise ApiError(-1121)
        return found

    def known(self, symbol: str) -> Instrument | None:
        return self._by_symbol.get(symbol)

    def of(self, call: Call) -> Instrument:
        """The instrument of the mandatory `symbol`, in the asked state. Raises ApiError."""
        instrument = self.find(call.text("symbol"))
        wanted = self._wanted_status(call)
        if wanted and self.status(instrument) != wanted:
            raise ApiError(-1220)
        return instrument

    def chosen(self, call: Call) -> list[Instrument]:
        """The instruments of `symbol`, `symbols` or neither (all). Raises ApiError."""
        if call.has("symbol") and call.has("symbols"):
            raise ApiError(-1128)
        if call.has("symbol"):
            return [self.of(call)]
        wanted = self._wanted_status(call)
        if call.has("symbols"):
            names = call.listed("symbols")
            if len(set(names)) < len(names):
                raise ApiError(-1151)
            chosen: Iterable[Instrument] = [self.find(name) for name in names]
        else:
            chosen = self._by_symbol.values()
        return [i for i in chosen if not wanted or self.status(i) == wanted]

    def count(self, call: Call) -> int:
        """How many symbols a request asks for, as far as its weight is concerned; 0 means all."""
        if call.has("symbol"):
            return 1
        return call.params["symbols"].count(",") + 1 if call.has("symbols") else 0

    def exchange_info(self, call: Call) -> Json:
        if call.has("symbol") + call.has("symbols") and call.has("permissions") + call.has("symbolStatus"):
            raise ApiError(-1128)
        instruments = self.chosen(call)
        if call.has("permissions") and "SPOT" not in call.text("permissions"):
            instruments = []
        shown = call.flag("showPermissionSets", True)
        return {
            "timezone": "UTC",
            "serverTime": Ms(self._desk.venue.now_ms()),
            "rateLimits": self._limits.rows(),
            "exchangeFilters": [],
            "symbols": [self._row(i, shown) for i in instruments],
        }

    def execution_rules(self, call: Call) -> Json:
        return {"symbolRules": [{"symbol": symbol_of(i.pair), "rules": []} for i in self.chosen(call)]}

    def reference_price(self, call: Call) -> Json:
        self.of(call)
        raise ApiError(-2043)

    def my_filters(self, call: Call) -> Json:
        filters = filters_of(self.of(call))
        return {"exchangeFilters": [], "symbolFilters": filters, "assetFilters": []}

    def commission(self, call: Call) -> Json:
        fees = call.account.fees
        none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
        return {
            "symbol": symbol_of(self.of(call).pair),
            "standardCommission": none | {"maker": format(fees.maker, ".8f"), "taker": format(fees.taker, ".8f")},
            "specialCommission": none,
            "taxCommission": none,
            "discount": {
                "enabledForAccount": False,
                "enabledForSymbol": False,
                "discountAsset": "BNB",
                "discount": "0.75000000",
            },
        }

    def _wanted_status(self, call: Call) -> str:
        wanted = call.optional("symbolStatus")
        if wanted and wanted not in STATES:
            raise ApiError(-1122)
        return wanted

    def _row(self, instrument: Instrument, shown: bool) -> Json:
        return {
            "symbol": symbol_of(instrument.pair),
            "status": self.status(instrument),
            "baseAsset": instrument.base,
            "baseAssetPrecision": PLACES,
            "quoteAsset": instrument.quote,
            "quotePrecision": PLACES,
            "quoteAssetPrecision": PLACES,
            "baseCommissionPrecision": PLACES,
            "quoteCommissionPrecision": PLACES,
            "orderTypes": ORDER_TYPES,
            "icebergAllowed": True,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters_of(instrument),
            "permissions": [],
            "permissionSets": [["SPOT"]] if shown else [],
            "defaultSelfTradePreventionMode": DEFAULT_STP,
            "allowedSelfTradePreventionModes": list(STP),
        }


def max_lots(instrument: Instrument, *, market: bool = False) -> int:
    """The largest order; a market order must be smaller."""
    return LARGEST_LOTS // (MARKET_SHARE if market else 1)


def filters_of(instrument: Instrument) -> list[Json]:
    tick = fixed(1, instrument.price_scale)
    step = fixed(1, instrument.quantity_scale)
    minimum = format(instrument.min_amount, ".8f")
    rows: list[Json] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": "1000000.00000000",
            "tickSize": tick,
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": format(instrument.min_quantity, ".8f"),
            "maxQty": fixed(max_lots(instrument), instrument.quantity_scale),
            "stepSize": step,
        },
        {"filterType": "ICEBERG_PARTS", "limit": MAX_ICEBERG_PARTS},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": fixed(max_lots(instrument, market=True), instrument.quantity_scale),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": MIN_TRAILING,
            "maxTrailingAboveDelta": MAX_TRAILING,
            "minTrailingBelowDelta": MIN_TRAILING,
            "maxTrailingBelowDelta": MAX_TRAILING,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": str(MULTIPLIER_UP),
            "bidMultiplierDown": str(MULTIPLIER_DOWN),
            "askMultiplierUp": str(MULTIPLIER_UP),
            "askMultiplierDown": str(MULTIPLIER_DOWN),
            "avgPriceMins": AVERAGE_MINUTES,
        },
    ]
    if min_notional_filter(instrument) == "MIN_NOTIONAL":
        rows.append(
            {
                "filterType": "MIN_NOTIONAL",
                "minNotional": minimum,
                "applyToMarket": True,
                "avgPriceMins": AVERAGE_MINUTES,
            }
        )
    else:
        rows.append(
            {
                "filterType": "NOTIONAL",
                "minNotional": minimum,
                "applyMinToMarket": True,
                "maxNotional": format(MAX_NOTIONAL, ".8f"),
                "applyMaxToMarket": False,
                "avgPriceMins": AVERAGE_MINUTES,
            }
        )
    return rows + [
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_ALGO_ORDERS},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MAX_AMENDS},
    ]
