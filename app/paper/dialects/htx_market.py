"""HTX' public data, for REST and for pulls over the stream: symbols, books, trades, tickers, candles, time.

| what | rule | evidence |
|---|---|---|
| depth | type step0 to step5, depth 5, 10, 20 or all; carries `version` | sheet 3 |
| kline | newest first, size 1 to 2000, default 150; `id` the open time in seconds | sheet 3 |
| history/candles | the same with from and to in seconds, up to 1000 | an independent client (ccxt) only |
| trades | newest first; the field is `trade-id` here and `tradeId` on the stream | sheet 3 |
| symbols | two forms; values of settings as plain numbers | sheet 2 |
| reference/currencies | the coins of the pairs | for client libraries that ask |
| candles and 24 h | at most 600 bars back, the last 1000 trades | limit of this twin |
| unknown symbol, bad parameter | base-symbol-error, invalid-parameter | second unconfirmed |
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from app.core.types import Side
from app.paper.bars import Bar
from app.paper.desk import Desk
from app.paper.dialects.htx_books import Books, Json
from app.paper.dialects.htx_errors import ApiError
from app.paper.dialects.htx_listings import BARS, PAIRS, VALUE_SCALE, largest_amount, largest_value, symbol_of
from app.paper.dialects.htx_numbers import double, plain, public_trade_id
from app.paper.dialects.htx_request import Call, Terms, required, whole
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.tape import KEPT_TRADES

_LONG = (
    ("minoa", "limit-order-min-order-amt"),
    ("maxoa", "limit-order-max-order-amt"),
    ("lomaxba", "limit-order-max-buy-amt"),
    ("lomaxsa", "limit-order-max-sell-amt"),
    ("smminoa", "sell-market-min-order-amt"),
    ("smmaxoa", "sell-market-max-order-amt"),
    ("bmmaxov", "buy-market-max-order-value"),
    ("minov", "min-order-value"),
    ("pp", "price-precision"),
    ("ap", "amount-precision"),
    ("vp", "value-precision"),
    ("sp", "symbol-partition"),
    ("at", "api-trading"),
    ("tags", "tags"),
    ("state", "state"),
    ("symbol", "symbol"),
    ("bc", "base-currency"),
    ("qc", "quote-currency"),
)


class MarketData:
    """`states` holds instrument states other than online, `market_status` what /v2/market-status says."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self._desk = desk
        self._books = books
        self.states: dict[str, str] = {}
        self.market_status: Json = {"marketStatus": 1}

    def instrument(self, terms: Terms, name: str = "symbol") -> Instrument:
        """Raises ApiError."""
        pair = PAIRS.get(required(terms, name))
        if pair is None:
            raise ApiError("base-symbol-error")
        return self._desk.venue.instruments[pair]

    def time(self, call: Call) -> object:
        return self._desk.venue.now_ms()

    def status(self, call: Call) -> object:
        return self.market_status

    def symbols(self, call: Call) -> Json:
        rows = [self._short(instrument) for instrument in self._desk.venue.instruments.values()]
        return {"data": rows, "ts": str(self._desk.venue.now_ms()), "full": 1}

    def long_symbols(self, call: Call) -> object:
        rows = [self._short(instrument) for instrument in self._desk.venue.instruments.values()]
        return [{long: row[short] for short, long in _LONG} | {"min-order-amt": row["minoa"]} for row in rows]

    def display_symbols(self, call: Call) -> object:
        return [
            {
                "sc": symbol_of(i.pair),
                "dn": i.pair.replace("-", "/"),
                "bc": i.base.lower(),
                "bcdn": i.base,
                "qc": i.quote.lower(),
                "qcdn": i.quote,
                "state": self.states.get(i.pair, "online"),
                "te": self.states.get(i.pair, "online") == "online",
                "tpp": i.price_scale,
                "tap": i.quantity_scale,
            }
            for i in self._desk.venue.instruments.values()
        ]

    def currencies(self, call: Call) -> object:
        assets = dict.fromkeys(a for i in self._desk.venue.instruments.values() for a in (i.base, i.quote))
        row = {"depositStatus": "prohibited", "withdrawStatus": "prohibited", "withdrawPrecision": 8}
        return [
            {
                "currency": asset.lower(),
                "assetType": 1,
                "instStatus": "normal",
                "chains": [row | {"chain": asset.lower(), "displayName": asset}],
            }
            for asset in assets
        ]

    def depth(self, call: Call) -> Json:
        instrument = self.instrument(call.query)
        step = required(call.query, "type")
        depth = whole(call.query, "depth", 0)
        if step not in {f"step{n}" for n in range(6)} or depth not in (0, 5, 10, 20):
            raise ApiError("invalid-parameter", "type" if depth in (0, 5, 10, 20) else "depth")
        now_ms = self._desk.venue.now_ms()
        tick = self._books[instrument.pair].step(int(step[4:]), depth or None, now_ms)
        return {"ch": f"market.{symbol_of(instrument.pair)}.depth.{step}", "ts": now_ms, "tick": tick}

    async def klines(self, call: Call) -> Json:
        instrument = self.instrument(call.query)
        rows = await self.bars(instrument, required(call.query, "period"))
        size = whole(call.query, "size", 150, 1, 2000)
        return self._named(instrument, f"kline.{call.query['period']}", data=rows[::-1][:size])

    async def candles(self, call: Call) -> Json:
        instrument = self.instrument(call.query)
        rows = await self.bars(instrument, required(call.query, "period"))
        first, last = whole(call.query, "from", 0), whole(call.query, "to", 1 << 40)
        wanted = [row for row in rows if first <= row["id"] <= last]
        size = whole(call.query, "size", 150, 1, 1000)
        chosen = wanted[:size] if first else wanted[-size:]
        return self._named(instrument, f"candles.{call.query['period']}", data=chosen[::-1])

    def merged(self, call: Call) -> Json:
        instrument = self.instrument(call.query)
        row = self.day(instrument)
        book = self._books[instrument.pair].picture(1)
        row["version"] = row["id"]
        row |= {side: book[f"{side}s"][0] for side in ("bid", "ask") if book[f"{side}s"]}
        return self._named(instrument, "detail.merged", tick=row)

    def all_tickers(self, call: Call) -> Json:
        return {"data": self.ticker_rows(), "ts": self._desk.venue.now_ms()}

    def trades(self, call: Call) -> Json:
        instrument = self.instrument(call.query)
        size = whole(call.query, "size", 1, 1, 2000)
        rows = []
        for trade in self._desk.tapes[instrument.pair].trades(min(size, KEPT_TRADES)):
            inner = trade_row(trade, instrument)
            inner["trade-id"] = inner.pop("tradeId")
            rows.append({"id": trade.trade_id, "ts": trade.time_ms, "data": [inner]})
        return self._named(instrument, "trade.detail", data=rows)

    async def bars(self, instrument: Instrument, name: str) -> list[Json]:
        """Oldest first. Raises ApiError for an unknown period."""
        await self.prepare_bars(instrument, name)
        tape = self._desk.tapes[instrument.pair]
        return [bar_row(bar, instrument) for bar in tape.bars(BARS[name], self._desk.venue.now_ms())]

    async def prepare_bars(self, instrument: Instrument, name: str) -> None:
        """Do the slow work of one bar size in slices. Raises ApiError for an unknown one."""
        if name not in BARS:
            raise ApiError("invalid-parameter", "period")
        for _slice in self._desk.tapes[instrument.pair].prepare(BARS[name]):
            await asyncio.sleep(0)

    def bar(self, instrument: Instrument, name: str) -> Json:
        """The unfinished bar alone."""
        return bar_row(self._desk.tapes[instrument.pair].bar(BARS[name], self._desk.venue.now_ms()), instrument)

    def day(self, instrument: Instrument) -> Json:
        """The last 24 hours."""
        day = self._desk.tapes[instrument.pair].day(self._desk.venue.now_ms())
        scale = instrument.price_scale
        return {
            "id": self._books[instrument.pair].sequence,
            "open": double(day.open, scale),
            "close": double(day.close, scale),
            "low": double(day.low, scale),
            "high": double(day.high, scale),
            "amount": double(day.lots, instrument.quantity_scale),
            "vol": double(day.cells, instrument.cell_scale),
            "count": day.trades,
        }

    def ticker(self, instrument: Instrument) -> Json:
        """Topic `ticker`."""
        row = self.day(instrument)
        del row["id"]
        last = self._desk.tapes[instrument.pair].trades(1)
        row |= self.best(instrument)
        row["lastPrice"] = row["close"]
        row["lastSize"] = double(last[0].lots if last else 0, instrument.quantity_scale)
        return row

    def ticker_rows(self) -> list[Json]:
        rows = []
        for instrument in self._desk.venue.instruments.values():
            row = self.day(instrument) | self.best(instrument) | {"symbol": symbol_of(instrument.pair)}
            del row["id"]
            rows.append(row)
        return rows

    def best(self, instrument: Instrument) -> Json:
        book = self._desk.venue.books[instrument.pair]
        row: Json = {}
        for name, side in (("bid", book.bids), ("ask", book.asks)):
            ticks, lots = (side.top(1) or [(0, 0)])[0]
            row[name] = double(ticks, instrument.price_scale)
            row[f"{name}Size"] = double(lots, instrument.quantity_scale)
        return row

    def _named(self, instrument: Instrument, what: str, **more: Any) -> Json:
        channel = f"market.{symbol_of(instrument.pair)}.{what}"
        return {"ch": channel, "ts": self._desk.venue.now_ms()} | more

    def _short(self, instrument: Instrument) -> Json:
        largest = largest_amount(instrument)
        amounts = {
            "minoa": instrument.min_quantity,
            "maxoa": largest,
            "minov": instrument.min_amount,
            "lominoa": instrument.min_quantity,
            "lomaxoa": largest,
            "lomaxba": largest,
            "lomaxsa": largest,
            "smminoa": instrument.min_quantity,
            "smmaxoa": largest / 10,
            "bmmaxov": largest_value(instrument),
            "blmlt": Decimal("1.1"),
            "slmgt": Decimal("0.9"),
        }
        state = self.states.get(instrument.pair, "online")
        return {
            "symbol": symbol_of(instrument.pair),
            "state": state,
            "bc": instrument.base.lower(),
            "qc": instrument.quote.lower(),
            "pp": instrument.price_scale,
            "ap": instrument.quantity_scale,
            "vp": VALUE_SCALE,
            "sp": "main",
            "at": "enabled" if state == "online" else "disabled",
            "tags": "",
        } | {name: plain(format(value.normalize(), "f")) for name, value in amounts.items()}


def trade_row(trade: Execution, instrument: Instrument) -> Json:
    """As on the stream."""
    return {
        "id": public_trade_id(trade.trade_id),
        "ts": trade.time_ms,
        "tradeId": trade.trade_id,
        "amount": double(trade.lots, instrument.quantity_scale),
        "price": double(trade.ticks, instrument.price_scale),
        "direction": "buy" if trade.taker_side is Side.BUY else "sell",
    }


def bar_row(bar: Bar, instrument: Instrument) -> Json:
    scale = instrument.price_scale
    return {
        "id": bar.start_ms // 1000,
        "open": double(bar.open, scale),
        "close": double(bar.close, scale),
        "low": double(bar.low, scale),
        "high": double(bar.high, scale),
        "amount": double(bar.lots, instrument.quantity_scale),
        "vol": double(bar.cells, instrument.cell_scale),
        "count": bar.trades,
    }
