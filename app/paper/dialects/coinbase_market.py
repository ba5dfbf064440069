"""Coinbase's REST calls about the market: products, books, trades, candles, time. No account is changed or shown.

| what | rule | evidence |
|---|---|---|
| public paths under /market, private twins without it | the same answers | sheet 1 and 3 |
| product list | limit, offset, product_ids, product_type; `pagination` beside it | sheet 2; recording |
| a product's best_bid_price | only for one product, privately | recording (empty); else unconfirmed |
| book | no sequence number | sheet 3.1, trap 5 |
| trades | newest first, `side` is the maker's; 100, at most 1000 | sheet 3.1; the maximum is ccxt's |
| candles | newest first; more than 350 in the span: INVALID_ARGUMENT | sheet 3.1; code unconfirmed |
| aliases | a -USDC product has its own row and the -USD book and trades | sheet 2 |
| /v2 calls | what ccxt asks for with its markets | ccxt's source |
"""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation

from app.paper.bars import Interval
from app.paper.desk import Desk
from app.paper.dialects import coinbase_wire as wire
from app.paper.dialects.coinbase_catalog import ALIASES, DELISTED, EMPTY_WALLETS, PRODUCTS, seeded_uuid
from app.paper.dialects.coinbase_depth import Depth
from app.paper.dialects.coinbase_errors import ApiError
from app.paper.dialects.coinbase_request import Call
from app.paper.dialects.coinbase_rules import OrderRules
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.tape import KEPT_TRADES
from app.paper.units import OffScale, ratio_text, to_text

INTERVALS = {
    "ONE_MINUTE": Interval.MINUTE_1,
    "FIVE_MINUTE": Interval.MINUTE_5,
    "FIFTEEN_MINUTE": Interval.MINUTE_15,
    "THIRTY_MINUTE": Interval.MINUTE_30,
    "ONE_HOUR": Interval.HOUR_1,
    "TWO_HOUR": Interval.HOUR_2,
    "SIX_HOUR": Interval.HOUR_6,
    "ONE_DAY": Interval.DAY_1,
}
CANDLES_MAX = 350


class MarketData:
    def __init__(self, desk: Desk, rules: OrderRules, depths: dict[str, Depth]) -> None:
        self._desk = desk
        self._rules = rules
        self._depths = depths

    def time(self, call: Call) -> wire.Json:
        now_ms = self._desk.venue.now_ms()
        return {
            "iso": wire.stamp(now_ms // 1000 * 1000),
            "epochSeconds": str(now_ms // 1000),
            "epochMillis": str(now_ms),
        }

    def products(self, call: Call) -> wire.Json:
        rows = [self._product(i) for i in self._desk.venue.instruments.values()]
        rows.append(wire.delisted(rows[0]))
        asked = call.texts("product_ids")
        if call.text("product_type") not in ("", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
            rows = []
        rows = [row for row in rows if not asked or row["product_id"] in asked]
        start = call.whole_number("offset", 0)
        limit = call.whole_number("limit", len(rows) or 1)
        more = start + limit < len(rows)
        return {
            "products": rows[start : start + limit],
            "num_products": len(rows),
            "pagination": {"prev_cursor": "", "next_cursor": "", "has_next": more, "has_prev": start > 0},
        }

    def product(self, call: Call) -> wire.Json:
        if call.path["product_id"] == DELISTED:
            return wire.delisted(self._product(self._desk.listings[0].instrument))
        return self._product(self._instrument(call.path["product_id"]), with_best=call.key is not None)

    def book(self, call: Call) -> wire.Json:
        instrument = self._instrument(call.text("product_id"))
        depth = self._depths[instrument.book or instrument.pair]
        limit = call.whole_number("limit", 0) or None
        step = _step(call.text("aggregation_price_increment"), instrument)
        bids, asks = (depth.bids(limit), depth.asks(limit)) if step == 1 else (depth.bids(), depth.asks())
        if step > 1:
            bids, asks = _grouped(bids, step, limit, up=False), _grouped(asks, step, limit, up=True)
        best_bid, best_ask = depth.best()
        middle, spread = best_bid[0] + best_ask[0], best_ask[0] - best_bid[0]
        scale = instrument.price_scale
        middle_text = ratio_text(middle, 2 * 10**scale, scale + 1)
        return {
            "pricebook": wire.price_book(instrument.pair, bids, asks, instrument, self._desk.venue.now_ms()),
            "last": middle_text,
            "mid_market": middle_text,
            "spread_bps": ratio_text(spread * 20_000, middle, 18),
            "spread_absolute": to_text(spread, scale),
        }

    def best_bid_ask(self, call: Call) -> wire.Json:
        pairs = call.texts("product_ids") or set(self._desk.venue.instruments)
        now_ms = self._desk.venue.now_ms()
        books = []
        for instrument in [self._instrument(pair) for pair in sorted(pairs)]:
            depth = self._depths[instrument.book or instrument.pair]
            books.append(wire.price_book(instrument.pair, depth.bids(1), depth.asks(1), instrument, now_ms))
        return {"pricebooks": books}

    def trades(self, call: Call) -> wire.Json:
        instrument = self._instrument(call.path["product_id"])
        limit = call.whole_number("limit", 100, KEPT_TRADES)
        start_ms, end_ms = call.whole_number("start", 0) * 1000, call.whole_number("end", 0) * 1000
        best_bid, best_ask = self._depths[instrument.book or instrument.pair].best()
        rows = [
            wire.public_trade(trade, instrument.pair, instrument)
            for trade in self._recent(instrument)
            if trade.time_ms >= start_ms and (not end_ms or trade.time_ms <= end_ms)
        ]
        return {
            "trades": rows[:limit],
            "best_bid": to_text(best_bid[0], instrument.price_scale),
            "best_ask": to_text(best_ask[0], instrument.price_scale),
        }

    async def candles(self, call: Call) -> wire.Json:
        instrument = self._instrument(call.path["product_id"])
        interval = INTERVALS.get(call.text("granularity"))
        start_s, end_s = call.whole_number("start", 0), call.whole_number("end", 0)
        if interval is None or not start_s or not end_s or start_s > end_s:
            raise ApiError("INVALID_ARGUMENT", "start, end and a known granularity are needed")
        if (end_s - start_s) // (interval.value * 60) > CANDLES_MAX:
            raise ApiError("INVALID_ARGUMENT", f"number of candles requested should be less than {CANDLES_MAX}")
        tape = self._desk.tapes[instrument.book or instrument.pair]
        for _ in tape.prepare(interval):
            await asyncio.sleep(0)
        bars = tape.bars(interval, self._desk.venue.now_ms())
        rows = [wire.candle(bar, instrument) for bar in bars if start_s * 1000 <= bar.start_ms <= end_s * 1000]
        return {"candles": rows[::-1][: call.whole_number("limit", CANDLES_MAX, CANDLES_MAX)]}

    def v2_time(self, call: Call) -> wire.Json:
        seconds = self._desk.venue.now_ms() // 1000
        return {"data": {"iso": wire.stamp(seconds * 1000), "epoch": seconds}}

    def v2_fiat(self, call: Call) -> wire.Json:
        return {"data": [{"id": "USD", "name": "United States Dollar", "min_size": "0.01"}]}

    def v2_crypto(self, call: Call) -> wire.Json:
        codes = dict.fromkeys(i.base for i in self._desk.venue.instruments.values())
        return {"data": [_coin(code, place) for place, code in enumerate([*codes, "USDC", *EMPTY_WALLETS])]}

    def v2_rates(self, call: Call) -> wire.Json:
        rates = {"USD": "1", "USDC": "1"}
        for listing in self._desk.listings:
            instrument = listing.instrument
            if instrument.quote == "USD":
                last = self._desk.venue.last_ticks[instrument.pair]
                rates[instrument.base] = ratio_text(10**instrument.price_scale, last, 16)
        return {"data": {"currency": "USD", "rates": rates}}

    def _product(self, instrument: Instrument, *, with_best: bool = False) -> wire.Json:
        pair = instrument.book or instrument.pair
        day = self._desk.tapes[pair].day(self._desk.venue.now_ms())
        other = [alias.pair for alias in ALIASES if alias.book == instrument.pair]
        best_bid, best_ask = self._depths[pair].best()
        best = (best_bid[0] or None, best_ask[0] or None) if with_best else (None, None)
        flags = self._rules.flags.get(instrument.pair, {})
        return wire.product(PRODUCTS[instrument.pair], instrument, day, flags, best, other)

    def _recent(self, instrument: Instrument) -> list[Execution]:
        return self._desk.tapes[instrument.book or instrument.pair].trades(KEPT_TRADES)

    def _instrument(self, product_id: str) -> Instrument:
        found = self._desk.venue.instruments.get(product_id)
        if found is None:
            raise ApiError("NOT_FOUND", "valid product_id is required")
        return found


def _step(text: str, instrument: Instrument) -> int:
    if not text:
        return 1
    try:
        step = instrument.ticks(Decimal(text))
    except (InvalidOperation, OffScale):
        step = 0
    if step < 1:
        raise ApiError("INVALID_ARGUMENT", "aggregation_price_increment")
    return step


def _grouped(levels: wire.Levels, step: int, limit: int | None, *, up: bool) -> wire.Levels:
    """Levels merged into multiples of `step` ticks, away from the middle."""
    merged: dict[int, int] = {}
    for ticks, lots in levels:
        group = (-(-ticks // step) if up else ticks // step) * step
        merged[group] = merged.get(group, 0) + lots
    return list(merged.items())[:limit]


def _coin(code: str, place: int) -> wire.Json:
    return {
        "asset_id": seeded_uuid("asset", code),
        "code": code,
        "name": code,
        "color": "#0433FF",
        "sort_index": place,
        "exponent": 8,
        "type": "crypto",
        "address_regex": "",
    }
