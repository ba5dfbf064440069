"""OKX' public REST calls: instruments, books, trades, tickers, candles, time, status. No account is looked at here.

| what | rule | evidence |
|---|---|---|
| books | levels [px, sz, "0", orders], `sz` 1 to 400, default 1; carries `seqId` | sheet 3.1; seqId (one source) |
| books-full | three-element levels, up to 5000 | the exchange's docs |
| trades | newest first, up to 500; history-trades by tradeId, up to 100 | sheet 3.1; paging from docs |
| candles | newest first, up to 300; after is older, before newer than that ts | sheet 3.1 |
| unknown instId | 51001; unknown bar 51000 | sheet 7 |
| instruments of other types | none; an unknown type 51000 | unconfirmed |
| volCcy24h | quote | sheet 3.4 |
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.core.types import Side
from app.paper.desk import Desk
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_books import Books, levels
from app.paper.dialects.okx_candles import BARS, SECOND_MS, SECONDS, candle_row, second_bars
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_paging import limit_of, page
from app.paper.dialects.okx_request import Call
from app.paper.dialects.okx_rules import OrderRules, text
from app.paper.dialects.okx_rules import required as required_text
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.tape import KEPT_TRADES
from app.paper.units import to_text

TYPES = frozenset({"SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"})
_DAY_MS = 86_400_000
_SHANGHAI_MS = 8 * 3_600_000


class MarketData:
    def __init__(self, desk: Desk, rules: OrderRules, books: Books) -> None:
        self._desk = desk
        self._rules = rules
        self._books = books

    def time(self, call: Call) -> list[wire.Json]:
        return [{"ts": str(self._desk.venue.now_ms())}]

    def status(self, call: Call) -> list[wire.Json]:
        return []

    def instruments(self, call: Call) -> list[wire.Json]:
        check_type(call.query, required=True)
        if call.query["instType"] != "SPOT":
            return []
        if text(call.query, "instId"):
            return [self.instrument_row(self._rules.instrument(call.query))]
        return [self.instrument_row(i) for i in self._desk.venue.instruments.values()]

    def instrument_row(self, instrument: Instrument) -> wire.Json:
        listed_ms = self._desk.opened_ms // _DAY_MS * _DAY_MS - 400 * _DAY_MS
        return wire.instrument_row(instrument, self._rules.state(instrument.pair), listed_ms)

    def price_limit(self, call: Call) -> list[wire.Json]:
        instrument = self._rules.instrument(call.query)
        highest, lowest = (to_text(t, instrument.price_scale) for t in self._rules.price_limits(instrument))
        now = str(self._desk.venue.now_ms())
        row = {"instType": "SPOT", "instId": instrument.pair, "buyLmt": highest, "sellLmt": lowest, "ts": now}
        return [row | {"enabled": True}]

    def books(self, call: Call) -> list[wire.Json]:
        instrument = self._rules.instrument(call.query)
        book = self._desk.venue.books[instrument.pair]
        depth = limit_of(call.query, 1, 400, "sz")
        asks, bids = (levels(side, depth, instrument) for side in (book.asks, book.bids))
        seq = self._books[instrument.pair].sequence
        return [{"asks": asks, "bids": bids, "ts": str(self._desk.venue.now_ms()), "seqId": seq}]

    def full_book(self, call: Call) -> list[wire.Json]:
        instrument = self._rules.instrument(call.query)
        book = self._desk.venue.books[instrument.pair]
        depth = limit_of(call.query, 1, 5000, "sz")
        asks, bids = (levels(side, depth, instrument) for side in (book.asks, book.bids))
        short = [[[px, sz, count] for px, sz, _, count in side] for side in (asks, bids)]
        return [{"asks": short[0], "bids": short[1], "ts": str(self._desk.venue.now_ms())}]

    def trades(self, call: Call) -> list[wire.Json]:
        instrument = self._rules.instrument(call.query)
        limit = limit_of(call.query, 100, 500)
        return [trade_row(t, instrument) for t in self._desk.tapes[instrument.pair].trades(limit)]

    def older_trades(self, call: Call) -> list[wire.Json]:
        instrument = self._rules.instrument(call.query)
        if text(call.query, "type") not in ("", "1"):
            raise ApiError("51000", "type")
        known = self._desk.tapes[instrument.pair].trades(KEPT_TRADES)
        return [trade_row(t, instrument) for t in page(call.query, known, lambda t: t.trade_id)]

    def ticker(self, call: Call) -> list[wire.Json]:
        return [self.ticker_row(self._rules.instrument(call.query))]

    def tickers(self, call: Call) -> list[wire.Json]:
        check_type(call.query, required=True)
        if call.query["instType"] != "SPOT":
            return []
        return [self.ticker_row(i) for i in self._desk.venue.instruments.values()]

    def ticker_row(self, instrument: Instrument) -> wire.Json:
        now_ms = self._desk.venue.now_ms()
        tape, book = self._desk.tapes[instrument.pair], self._desk.venue.books[instrument.pair]
        day, scale = tape.day(now_ms), instrument.price_scale
        last = tape.trades(1)
        row = {
            "instType": "SPOT",
            "instId": instrument.pair,
            "last": to_text(day.close, scale),
            "lastSz": to_text(last[0].lots if last else 0, instrument.quantity_scale),
            "open24h": to_text(day.open, scale),
            "high24h": to_text(day.high, scale),
            "low24h": to_text(day.low, scale),
            "volCcy24h": to_text(day.cells, instrument.cell_scale),
            "vol24h": to_text(day.lots, instrument.quantity_scale),
            "ts": str(now_ms),
        }
        for name, side in (("ask", book.asks), ("bid", book.bids)):
            best = side.top(1)
            row[f"{name}Px"] = to_text(best[0][0], scale) if best else ""
            row[f"{name}Sz"] = to_text(best[0][1], instrument.quantity_scale) if best else ""
        for name, shift_ms in (("sodUtc0", 0), ("sodUtc8", _SHANGHAI_MS)):
            start_ms = (now_ms + shift_ms) // _DAY_MS * _DAY_MS - shift_ms
            row[name] = to_text(tape.open_of(start_ms, now_ms), scale)
        return row

    async def candles(self, call: Call) -> list[list[str]]:
        instrument = self._rules.instrument(call.query)
        name = text(call.query, "bar") or "1m"
        await self.prepare_bars(instrument, name)
        now_ms = self._desk.venue.now_ms()
        tape = self._desk.tapes[instrument.pair]
        if name == SECONDS:
            pairs = [(b, b.start_ms + SECOND_MS) for b in second_bars(tape.trades(KEPT_TRADES), now_ms)]
        else:
            pairs = [(b, BARS[name].next_start(b.start_ms)) for b in tape.bars(BARS[name], now_ms)]
        chosen = page(call.query, pairs, lambda pair: pair[0].start_ms, 100, 300)
        return [candle_row(bar, end_ms, instrument, now_ms) for bar, end_ms in chosen]

    async def prepare_bars(self, instrument: Instrument, name: str) -> None:
        """Do the slow work of one bar size in slices. Raises ApiError for an unknown one."""
        if name == SECONDS:
            return
        if name not in BARS:
            raise ApiError("51000", "bar")
        for _slice in self._desk.tapes[instrument.pair].prepare(BARS[name]):
            await asyncio.sleep(0)

    def candle(self, instrument: Instrument, name: str) -> list[str]:
        """The unfinished bar alone."""
        now_ms = self._desk.venue.now_ms()
        tape = self._desk.tapes[instrument.pair]
        if name == SECONDS:
            bar = second_bars(tape.trades(KEPT_TRADES), now_ms)[-1]
            return candle_row(bar, bar.start_ms + SECOND_MS, instrument, now_ms)
        bar = tape.bar(BARS[name], now_ms)
        return candle_row(bar, BARS[name].next_start(bar.start_ms), instrument, now_ms)


def check_type(query: Mapping[str, str], *, required: bool = False) -> None:
    """Raises ApiError for a missing or unknown instType."""
    kind = required_text(query, "instType") if required else text(query, "instType")
    if kind and kind not in TYPES:
        raise ApiError("51000", "instType")


def trade_row(trade: Execution, instrument: Instrument) -> wire.Json:
    return {
        "instId": instrument.pair,
        "side": "buy" if trade.taker_side is Side.BUY else "sell",
        "sz": to_text(trade.lots, instrument.quantity_scale),
        "px": to_text(trade.ticks, instrument.price_scale),
        "source": "0",
        "tradeId": str(trade.trade_id),
        "ts": str(trade.time_ms),
    }
