"""Poloniex' public REST calls: markets, books, trades, tickers, candles, currencies. No account is looked at here.

Sheet section 3. Unconfirmed: candles come oldest first, a `limit` beyond 1000 trades gives 601, `scale` groups prices
by that step, `/markets/price` fields. `/v3/market/allInstruments` is empty: there are no futures here, but ccxt asks.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any

from app.paper.bars import Interval
from app.paper.desk import Desk
from app.paper.dialects import poloniex_wire as wire
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_request import Call
from app.paper.dialects.poloniex_rules import OrderRules
from app.paper.listings import Instrument
from app.paper.matching import BookSide
from app.paper.units import OffScale, to_text

BOOK_LIMITS = (5, 10, 20, 50, 100, 150)
FIRST_CURRENCY_ID = 200


class MarketData:
    def __init__(self, desk: Desk, rules: OrderRules) -> None:
        self._desk = desk
        self._rules = rules
        assets = dict.fromkeys(a for i in desk.venue.instruments.values() for a in (i.base, i.quote))
        self.currency_ids = {asset: FIRST_CURRENCY_ID + n for n, asset in enumerate(assets)}

    def timestamp(self, call: Call) -> wire.Json:
        return {"serverTime": self._desk.venue.now_ms()}

    def markets(self, call: Call) -> list[wire.Json]:
        return [self.market_of(i) for i in self._desk.venue.instruments.values()]

    def market(self, call: Call) -> list[wire.Json]:
        return [self.market_of(self._instrument(call))]

    def market_of(self, instrument: Instrument) -> wire.Json:
        listed_ms = self._desk.opened_ms // 86_400_000 * 86_400_000 - 400 * 86_400_000
        return wire.market(instrument, self._rules.state(instrument.pair), listed_ms)

    def currencies(self, call: Call) -> list[wire.Json]:
        return [wire.currency(number, coin) for coin, number in self.currency_ids.items()]

    def currency(self, call: Call) -> wire.Json:
        coin = call.path["currency"]
        if coin not in self.currency_ids:
            raise ApiError(10020)
        return wire.currency(self.currency_ids[coin], coin)

    def futures(self, call: Call) -> wire.Json:
        return {"code": 200, "msg": "Success", "data": []}

    def order_book(self, call: Call) -> wire.Json:
        instrument = self._instrument(call)
        limit = call.whole_number("limit", 10, 24106)
        if limit not in BOOK_LIMITS:
            raise ApiError(24106)
        step = _step(call.query.get("scale"), instrument)
        book = self._desk.venue.books[instrument.pair]
        now_ms = self._desk.venue.now_ms()
        return {
            "time": now_ms,
            "scale": call.query.get("scale", "-1") if step > 1 else "-1",
            "asks": _flat(_grouped(book.asks, step, limit), instrument),
            "bids": _flat(_grouped(book.bids, step, limit), instrument),
            "ts": now_ms,
        }

    def trades(self, call: Call) -> list[wire.Json]:
        instrument = self._instrument(call)
        limit = call.whole_number("limit", 500)
        if not 1 <= limit <= 1000:
            raise ApiError(601, "Invalid Parameter: limit")
        return [wire.public_trade(t, instrument) for t in self._desk.tapes[instrument.pair].trades(limit)]

    def ticker(self, call: Call) -> wire.Json:
        return self._ticker(self._instrument(call))

    def tickers(self, call: Call) -> list[wire.Json]:
        return [self._ticker(i) for i in self._desk.venue.instruments.values()]

    def price(self, call: Call) -> wire.Json:
        return self._price(self._instrument(call))

    def prices(self, call: Call) -> list[wire.Json]:
        return [self._price(i) for i in self._desk.venue.instruments.values()]

    async def candles(self, call: Call) -> list[list[Any]]:
        instrument = self._instrument(call)
        try:
            interval = Interval[call.query.get("interval", "")]
        except KeyError:
            raise ApiError(24102) from None
        limit = call.whole_number("limit", 100, 24104)
        if not 1 <= limit <= 500:
            raise ApiError(24104)
        now_ms = self._desk.venue.now_ms()
        start_ms = call.whole_number("startTime", 0, 24105)
        end_ms = call.whole_number("endTime", now_ms, 24105)
        if start_ms > end_ms:
            raise ApiError(24105)
        tape = self._desk.tapes[instrument.pair]
        for _ in tape.prepare(interval):
            await asyncio.sleep(0)
        bars = [b for b in tape.bars(interval, now_ms) if start_ms <= b.start_ms <= end_ms]
        bars = bars[:limit] if start_ms else bars[-limit:]
        return [wire.candle_row(b, interval, instrument, now_ms) for b in bars]

    def _ticker(self, instrument: Instrument) -> wire.Json:
        now_ms = self._desk.venue.now_ms()
        row = wire.day(self._desk.tapes[instrument.pair].day(now_ms), instrument, now_ms)
        row["displayName"] = f"{instrument.base}/{instrument.quote}"
        book = self._desk.venue.books[instrument.pair]
        for name, side in (("bid", book.bids), ("ask", book.asks)):
            for ticks, lots in side.top(1) or [(0, 0)]:
                row[name] = to_text(ticks, instrument.price_scale)
                row[f"{name}Quantity"] = to_text(lots, instrument.quantity_scale)
        return row

    def _price(self, instrument: Instrument) -> wire.Json:
        now_ms = self._desk.venue.now_ms()
        row = wire.day(self._desk.tapes[instrument.pair].day(now_ms), instrument, now_ms)
        return {
            "symbol": row["symbol"],
            "price": row["close"],
            "time": now_ms,
            "dailyChange": row["dailyChange"],
            "ts": now_ms,
        }

    def _instrument(self, call: Call) -> Instrument:
        found = self._desk.venue.instruments.get(wire.pair_of(call.path["symbol"]))
        if found is None or "-" in call.path["symbol"]:
            raise ApiError(24101)
        return found


def _step(scale: str | None, instrument: Instrument) -> int:
    if scale is None or scale == "-1":
        return 1
    try:
        step = instrument.ticks(Decimal(scale))
    except (InvalidOperation, OffScale):
        raise ApiError(601, "Invalid Parameter: scale") from None
    if step < 1:
        raise ApiError(601, "Invalid Parameter: scale")
    return step


def _grouped(side: BookSide, step: int, limit: int) -> list[tuple[int, int]]:
    """Levels merged into multiples of `step` ticks: bids downwards, asks upwards."""
    if step == 1:
        return side.top(limit)
    merged: dict[int, int] = {}
    for ticks, lots in side.top(len(side)):
        group = (ticks // step if side.sign < 0 else -(-ticks // step)) * step
        merged[group] = merged.get(group, 0) + lots
        if len(merged) > limit:
            break
    return list(merged.items())[:limit]


def _flat(levels: list[tuple[int, int]], instrument: Instrument) -> list[str]:
    texts: list[str] = []
    for ticks, lots in levels:
        texts += (to_text(ticks, instrument.price_scale), to_text(lots, instrument.quantity_scale))
    return texts
