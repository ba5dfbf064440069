"""HTX market data: reads the two public sockets and asks REST. No state but names and what was asked, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import ValidationError

from app.connectors.htx.books import BookFrame, Tick, decode_book_frame, decode_tick, read_levels
from app.connectors.htx.errors import OK, good_body
from app.connectors.htx.markets import markets_of
from app.connectors.htx.protocol import (
    BOOK_DEPTH,
    INTERVAL_OF_PERIOD,
    INTERVALS,
    QUESTIONS_PER_S,
    MarketEnvelope,
    inflate,
    read_market_frame,
    weights,
)
from app.connectors.htx.public_rows import (
    KlineList,
    KlineRow,
    RestBook,
    ServerTime,
    TickerList,
    TickerRow,
    TradeList,
    Trades,
    read_candle,
    read_ticker,
    read_trade,
    read_whole_book,
)
from app.connectors.htx.rules import read_symbols, trading_rules
from app.connectors.spec import Domain
from app.core.effects import NOTHING, Channel, Effect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.links import Link
from app.core.requests import Call, Priority, Request, Response
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Ticker, Trade

_decode_trades = msgspec.json.Decoder(Trades).decode
_decode_ticker = msgspec.json.Decoder(TickerRow).decode
_decode_kline = msgspec.json.Decoder(KlineRow).decode
_decode_tickers = msgspec.json.Decoder(TickerList).decode
_decode_klines = msgspec.json.Decoder(KlineList).decode
_decode_trade_list = msgspec.json.Decoder(TradeList).decode
_decode_book = msgspec.json.Decoder(RestBook).decode
_decode_time = msgspec.json.Decoder(ServerTime).decode

_BOOK = f"mbp.{BOOK_DEPTH}"
_CHANGES = b".mbp."
_WITHIN = 64
"""Where a topic stands that is named first; in any other spelling a frame is read all the same, only slower."""
_SUFFIXES = {Channel.BOOK: _BOOK, Channel.TRADES: "trade.detail", Channel.TICKER: "ticker"}
_CHANNELS = {suffix: channel for channel, suffix in _SUFFIXES.items()}
_WHOLE_BOOKS = ("depth.step", "mbp.refresh.")
_REST_DEPTHS = (5, 10, 20)
_MOST_BARS = 2_000
_TRADES_A_REPLY = 500
_REMEMBERED_REQUESTS = 1_000

Row = TypeVar("Row")


class HtxPublic:
    """Changes of books come over `feed`, all else over `public`; nearly every frame is compressed.

    A book is subscribed first and asked for when that is confirmed. Its changes say both which number they follow and
    from which on they hold: so they wait for the book, and afterwards each must follow the one before. Reading an old
    message again has no effect.
    """

    integrity: Integrity = Integrity.PREVIOUS_ID
    intervals: Sequence[str] = tuple(INTERVALS)

    def __init__(self, domain: Domain) -> None:
        self._public = Link(name="public", url=domain.sockets["public"])
        self._feed = Link(name="feed", url=domain.sockets["feed"], sends_per_s=QUESTIONS_PER_S)
        self._markets = markets_of(domain)
        self._asked: dict[str, Subscription] = {}
        self._number = 0

    # -- the sockets ---------------------------------------------------------------------------------------------------

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        text = inflate(data)
        try:
            if text.find(_CHANGES, 0, _WITHIN) > 0:
                try:
                    message = decode_book_frame(text)
                except ValidationError as refusal:
                    return self._rare(text, frame, refusal)
                return self._on_book(message, frame)
            return self._rare(text, frame, None)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def _on_book(self, message: BookFrame, frame: int) -> Iterable[Effect]:
        tick = message.tick
        symbol, suffix = _topic(message.ch)
        if tick.seq_num is None or tick.prev_seq_num is None or suffix != _BOOK:
            return self._whole_book(symbol, suffix, tick, message.ts, frame)
        return (
            BookDiff(
                pair=self._markets[symbol],
                bids=read_levels(tick.bids),
                asks=read_levels(tick.asks),
                last_id=tick.seq_num,
                prev_id=tick.prev_seq_num,
                first_id=tick.prev_seq_num + 1,
                exchange_ms=message.ts,
                frame=frame,
            ),
        )

    def _whole_book(self, symbol: str, suffix: str, tick: Tick, ts: int, frame: int) -> Iterable[Effect]:
        """Pictures of the whole book, which we do not subscribe but which recordings hold."""
        if not suffix.startswith(_WHOLE_BOOKS):
            return (Unknown(f"topic {suffix[:40]!r}"),)
        last_id = tick.version if tick.seq_num is None else tick.seq_num
        return (read_whole_book(tick, self._markets[symbol], 0, last_id, ts, frame),)

    def _rare(self, text: bytes, frame: int, refusal: ValidationError | None) -> Iterable[Effect]:
        message = read_market_frame(text)
        if message.ping is not None:
            return (Send(msgspec.json.encode({"pong": message.ping})),)
        if message.status and message.status != OK:
            return self._on_refusal(message)
        if message.subbed:
            return self._on_subscribed(message.subbed)
        if message.unsubbed:
            return NOTHING
        if message.rep:
            return self._on_answer(message, frame)
        if refusal is not None:
            raise refusal
        if not message.ch:
            return (Unknown("a message without a topic"),)
        return self._on_tick(message, frame)

    def _on_tick(self, message: MarketEnvelope, frame: int) -> Iterable[Effect]:
        symbol, suffix = _topic(message.ch)
        if suffix == "trade.detail":
            pair = self._markets[symbol]
            return [read_trade(row, pair, frame) for row in _decode_trades(message.tick).data]
        if suffix == "ticker":
            ticker = read_ticker(_decode_ticker(message.tick), self._markets[symbol], message.ts, frame)
            return NOTHING if ticker is None else (ticker,)
        if suffix.startswith("kline."):
            interval = INTERVAL_OF_PERIOD.get(suffix[6:])
            if interval is None:
                return (Unknown(f"topic {suffix[:40]!r}"),)
            return (read_candle(_decode_kline(message.tick), self._markets[symbol], interval, frame),)
        if suffix.startswith(("depth.", "mbp.")):
            return self._on_book(BookFrame(message.ch, decode_tick(message.tick), message.ts), frame)
        return (Unknown(f"topic {message.ch[:60]!r}"),)

    def _on_answer(self, message: MarketEnvelope, frame: int) -> Iterable[Effect]:
        symbol, suffix = _topic(message.rep)
        if suffix != _BOOK:
            return (Unknown(f"answer about {message.rep[:60]!r}"),)
        tick = decode_tick(message.data)
        if tick.seq_num is None:
            raise ValueError("a book without its number")
        return (read_whole_book(tick, self._markets[symbol], BOOK_DEPTH, tick.seq_num, message.ts, frame),)

    def _on_subscribed(self, topic: str) -> Iterable[Effect]:
        wanted = self._subscription(topic)
        if wanted is None:
            return (Unknown(f"confirmed topic {topic[:60]!r}"),)
        if topic.endswith(_BOOK):
            return Subscribed((wanted,)), self._say("req", wanted)
        return (Subscribed((wanted,)),)

    def _on_refusal(self, message: MarketEnvelope) -> Iterable[Effect]:
        """Only the number of our request tells what was refused."""
        wanted = self._asked.get(str(message.id))
        words = message.err_msg or str(message.err_code) or "no reason given"
        return (Refused(words, (wanted,) if wanted is not None else ()),)

    def link_for(self, subscription: Subscription) -> Link:
        return self._feed if subscription.channel is Channel.BOOK else self._public

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        """One topic a frame: there are no lists and no wildcards."""
        return [self._say("sub", wanted) for wanted in subscriptions]

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return [self._say("unsub", unwanted) for unwanted in subscriptions]

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """The stream goes on; only the whole book is asked for again."""
        return (self._say("req", subscription),)

    def heartbeat(self, now_ms: int) -> bytes:
        """Never sent: the exchange pings, we answer."""
        return b""

    # -- REST ----------------------------------------------------------------------------------------------------------

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        def parse(response: Response) -> list[TradingRule]:
            rows = read_symbols(good_body(response))
            self._markets.learn((row.symbol, row.bc, row.qc) for row in rows)
            return trading_rules(rows, response.frame)

        return Call(request=_ask("/v1/settings/common/market-symbols"), parse=parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        """Markets that never traded, and names that the market list leaves out, are left out."""

        def parse(response: Response) -> list[Ticker]:
            reply = _decode_tickers(good_body(response))
            tickers = []
            for row in reply.data:
                pair = self._markets.known(row.symbol)
                ticker = None if pair is None else read_ticker(row, pair, reply.ts, response.frame)
                if ticker is not None:
                    tickers.append(ticker)
            return tickers

        return Call(request=_ask("/market/tickers"), parse=parse)

    def get_server_time(self) -> Call[int]:
        return Call(request=_ask("/v1/common/timestamp"), parse=lambda response: _decode_time(good_body(response)).data)

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """Up to 150 levels a side. It has no number that could join it to the stream."""
        levels = next((size for size in _REST_DEPTHS if 0 < depth <= size), 0)
        params = (("symbol", self._markets.to_symbol(pair)), ("type", "step0"))

        def parse(response: Response) -> BookSnapshot:
            book = _decode_book(good_body(response))
            return read_whole_book(book.tick, pair, levels or BOOK_DEPTH, None, book.ts, response.frame)

        request = _ask("/market/depth", (*params, ("depth", str(levels))) if levels else params, Priority.SNAPSHOT)
        return Call(request=request, parse=parse)

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """The newest 500, oldest first. Rows of an unknown side are left out."""

        def parse(response: Response) -> list[Trade]:
            rows = [row for group in _decode_trade_list(good_body(response)).data for row in group.data]
            trades = [read_trade(row, pair, response.frame) for row in rows]
            return sorted((t for t in trades if isinstance(t, Trade)), key=lambda trade: trade.exchange_ms)

        params = (("symbol", self._markets.to_symbol(pair)), ("size", str(_TRADES_A_REPLY)))
        return Call(request=_ask("/market/history/trade", params), parse=parse)

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """The newest 2000 bars there are, oldest first, up to `end_ms`. Raises KeyError for an interval not offered."""
        period = INTERVALS[interval]

        def parse(response: Response) -> list[Candle]:
            rows = _decode_klines(good_body(response)).data
            bars = [read_candle(row, pair, interval, response.frame) for row in rows]
            wanted = [bar for bar in bars if end_ms is None or bar.start_ms <= end_ms]
            return sorted(wanted, key=lambda candle: candle.start_ms)

        symbol = self._markets.to_symbol(pair)
        params = (("symbol", symbol), ("period", period), ("size", str(_MOST_BARS)))
        return Call(request=_ask("/market/history/kline", params), parse=parse)

    # -- topics --------------------------------------------------------------------------------------------------------

    def _say(self, verb: str, wanted: Subscription) -> Send:
        symbol = self._markets.to_symbol(wanted.pair)
        suffix = _SUFFIXES.get(wanted.channel) or f"kline.{INTERVALS[wanted.interval]}"
        self._number += 1
        number = str(self._number)
        self._asked[number] = wanted
        if len(self._asked) > _REMEMBERED_REQUESTS:
            del self._asked[next(iter(self._asked))]
        return Send(msgspec.json.encode({verb: f"market.{symbol}.{suffix}", "id": number}))

    def _subscription(self, topic: str) -> Subscription | None:
        symbol, suffix = _topic(topic)
        interval = INTERVAL_OF_PERIOD.get(suffix[6:], "") if suffix.startswith("kline.") else ""
        channel = Channel.CANDLES if interval else _CHANNELS.get(suffix)
        if suffix.startswith(_WHOLE_BOOKS):
            channel = Channel.BOOK
        return Subscription(channel, self._markets[symbol], interval) if channel else None


def _topic(topic: str) -> tuple[str, str]:
    """`market.btcusdt.mbp.150` is (`btcusdt`, `mbp.150`). Raises ValueError for what is no topic of one market."""
    parts = topic.split(".", 2)
    if len(parts) != 3 or parts[0] != "market":
        raise ValueError(f"not a topic of a market: {topic[:60]!r}")
    return parts[1], parts[2]


def _ask(path: str, params: tuple[tuple[str, str], ...] = (), priority: Priority = Priority.INFO) -> Request:
    return Request(method="GET", path=path, params=params, weights=weights("other"), priority=priority)
