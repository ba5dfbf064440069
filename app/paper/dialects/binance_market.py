"""Binance' public calls on books, trades and candles. Tickers, symbols and everything signed are elsewhere.

| what | rule | evidence |
|---|---|---|
| depth | limit 100 by default, beyond 5000 clamped; lastUpdateId is the book's sequence | sheet 3.1 |
| trades | oldest first | order unconfirmed for `trades`, exchange's page says chronological |
| aggTrades | one row per taker order and price; its id is that of its first trade | sheet 3.2; the id is ours |
| klines | oldest first, twelve values | sheet 3.2 |
| how far back | the last 1000 trades, 600 candles | ours |
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from app.core.types import Side
from app.paper.bars import Bar
from app.paper.desk import Desk
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_klines import INTERVALS, bars, close_ms, kline_interval, zone_offset_ms
from app.paper.dialects.binance_rules import OrderRules
from app.paper.dialects.binance_symbols import AVERAGE_MINUTES, Symbols
from app.paper.dialects.binance_wire import Json, Ms, fixed, symbol_of
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.matching import BookSide
from app.paper.tape import KEPT_TRADES, Tape

MOST_LEVELS = 5000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (MOST_LEVELS, 250))


class MarketData:
    def __init__(self, desk: Desk, symbols: Symbols, rules: OrderRules) -> None:
        self._desk = desk
        self._symbols = symbols
        self._rules = rules

    def ping(self, call: Call) -> Json:
        return {}

    def time(self, call: Call) -> Json:
        return {"serverTime": Ms(self._desk.venue.now_ms())}

    def depth(self, call: Call) -> Json:
        instrument = self._symbols.of(call)
        limit = call.limit(100, MOST_LEVELS)
        book = self._desk.venue.books[instrument.pair]
        return {
            "lastUpdateId": book.sequence,
            "bids": levels(book.bids, limit, instrument),
            "asks": levels(book.asks, limit, instrument),
        }

    def trades(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        found = self._tape(instrument).trades(call.limit())
        return [public_trade(trade, instrument) for trade in reversed(found)]

    def historical_trades(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        rows = self._tape(instrument).trades(KEPT_TRADES)[::-1]
        limit = call.limit()
        if call.has("fromId"):
            first = call.whole("fromId")
            rows = [trade for trade in rows if trade.trade_id >= first][:limit]
        return [public_trade(trade, instrument) for trade in rows[-limit:]]

    def aggregates(self, call: Call) -> list[Json]:
        instrument = self._symbols.of(call)
        rows = aggregated(reversed(self._tape(instrument).trades(KEPT_TRADES)))
        start_ms, end_ms, limit = call.time_ms("startTime"), call.time_ms("endTime"), call.limit()
        if call.has("fromId"):
            if start_ms is not None or end_ms is not None:
                raise ApiError(-1128)
            first = call.whole("fromId")
            rows = [row for row in rows if row[0].trade_id >= first][:limit]
        if start_ms is not None:
            rows = [row for row in rows if row[0].time_ms >= start_ms]
        if end_ms is not None:
            rows = [row for row in rows if row[0].time_ms <= end_ms]
        rows = rows[:limit] if start_ms is not None else rows[-limit:]
        return [aggregate(row, instrument) for row in rows]

    async def klines(self, call: Call) -> list[list[Any]]:
        instrument = self._symbols.of(call)
        name = call.text("interval")
        if name not in INTERVALS:
            raise ApiError(-1120)
        offset_ms = zone_offset_ms(call.optional("timeZone", "0"))
        start_ms, end_ms, limit = call.time_ms("startTime"), call.time_ms("endTime"), call.limit()
        tape = self._tape(instrument)
        await prepare(tape, name)
        rows = bars(tape, name, offset_ms, self._desk.venue.now_ms())
        if end_ms is not None:
            rows = [bar for bar in rows if bar.start_ms <= end_ms]
        if start_ms is not None:
            rows = [bar for bar in rows if bar.start_ms >= start_ms][:limit]
        return [_kline(bar, close_ms(bar.start_ms, name, offset_ms), instrument) for bar in rows[-limit:]]

    def average_price(self, call: Call) -> Json:
        instrument = self._symbols.of(call)
        return {
            "mins": AVERAGE_MINUTES,
            "price": fixed(self._rules.average_ticks(instrument), instrument.price_scale),
            "closeTime": Ms(self._tape(instrument).trades(1)[0].time_ms),
        }

    def _tape(self, instrument: Instrument) -> Tape:
        return self._desk.tapes[instrument.pair]


async def prepare(tape: Tape, name: str) -> None:
    """Build the seeded past of an interval without keeping the loop busy."""
    if name != "1s":
        for _slice in tape.prepare(kline_interval(name)):
            await asyncio.sleep(0)


def depth_weight(call: Call) -> int:
    text = call.params.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdigit() else 0
    return next((weight for most, weight in _DEPTH_WEIGHTS if limit <= most), 250)


def levels(side: BookSide, count: int, instrument: Instrument) -> list[list[str]]:
    prices, amounts = instrument.price_scale, instrument.quantity_scale
    return [[fixed(ticks, prices), fixed(lots, amounts)] for ticks, lots in side.top(count)]


def aggregated(trades: Iterable[Execution]) -> list[list[Execution]]:
    """Trades (oldest first) of one taker order at one price together."""
    rows: list[list[Execution]] = []
    for trade in trades:
        last = rows[-1][0] if rows else None
        same = last is not None and (last.pair, last.ticks) == (trade.pair, trade.ticks)
        if last is not None and same and last.taker_order_id == trade.taker_order_id != 0:
            rows[-1].append(trade)
        else:
            rows.append([trade])
    return rows


def aggregate(row: list[Execution], instrument: Instrument) -> Json:
    """The fields that REST and stream share."""
    return {
        "a": row[0].trade_id,
        "p": fixed(row[0].ticks, instrument.price_scale),
        "q": fixed(sum(trade.lots for trade in row), instrument.quantity_scale),
        "f": row[0].trade_id,
        "l": row[-1].trade_id,
        "T": Ms(row[0].time_ms),
        "m": row[0].taker_side is Side.SELL,
        "M": True,
    }


def public_trade(trade: Execution, instrument: Instrument) -> Json:
    return {
        "id": trade.trade_id,
        "price": fixed(trade.ticks, instrument.price_scale),
        "qty": fixed(trade.lots, instrument.quantity_scale),
        "quoteQty": fixed(trade.ticks * trade.lots, instrument.cell_scale),
        "time": Ms(trade.time_ms),
        "isBuyerMaker": trade.taker_side is Side.SELL,
        "isBestMatch": True,
    }


def streamed_trade(trade: Execution, instrument: Instrument, now_ms: int) -> Json:
    return {
        "e": "trade",
        "E": Ms(now_ms),
        "s": symbol_of(trade.pair),
        "t": trade.trade_id,
        "p": fixed(trade.ticks, instrument.price_scale),
        "q": fixed(trade.lots, instrument.quantity_scale),
        "T": Ms(trade.time_ms),
        "m": trade.taker_side is Side.SELL,
        "M": True,
    }


def streamed_kline(bar: Bar, name: str, offset_ms: int, instrument: Instrument, last_id: int, now_ms: int) -> Json:
    """`f` and `L` are counted back from the last trade; nothing keeps the ids of a candle."""
    end_ms = close_ms(bar.start_ms, name, offset_ms)
    symbol = symbol_of(instrument.pair)
    values = _kline(bar, end_ms, instrument)
    candle = {
        "t": Ms(bar.start_ms),
        "T": Ms(end_ms),
        "s": symbol,
        "i": name,
        "f": last_id - bar.trades + 1 if bar.trades else -1,
        "L": last_id if bar.trades else -1,
        "o": values[1],
        "c": values[4],
        "h": values[2],
        "l": values[3],
        "v": values[5],
        "n": bar.trades,
        "x": end_ms < now_ms,
        "q": values[7],
        "V": values[9],
        "Q": values[10],
        "B": "0",
    }
    return {"e": "kline", "E": Ms(now_ms), "s": symbol, "k": candle}


def _kline(bar: Bar, end_ms: int, instrument: Instrument) -> list[Any]:
    prices, amounts, quotes = instrument.price_scale, instrument.quantity_scale, instrument.cell_scale
    return [
        Ms(bar.start_ms),
        fixed(bar.open, prices),
        fixed(bar.high, prices),
        fixed(bar.low, prices),
        fixed(bar.close, prices),
        fixed(bar.lots, amounts),
        Ms(end_ms),
        fixed(bar.cells, quotes),
        bar.trades,
        fixed(bar.buy_lots, amounts),
        fixed(bar.buy_cells, quotes),
        "0",
    ]
