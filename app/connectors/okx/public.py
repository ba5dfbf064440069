"""OKX market data: reads the public and the business socket and asks REST. No I/O; state only of books that begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import ValidationError

from app.connectors.okx.book_start import BookStarts
from app.connectors.okx.errors import good_body
from app.connectors.okx.protocol import (
    BOOK_DEPTH,
    HEARTBEAT_S,
    INTERVAL_OF_CHANNEL,
    INTERVALS,
    PING,
    PONG,
    Arg,
    Envelope,
    PairOf,
    checked_pair,
    is_demo,
    operation,
    read_envelope,
    weights,
)
from app.connectors.okx.public_rows import (
    BookFrame,
    BookRow,
    InstrumentRow,
    Reply,
    RestBookRow,
    TickerRow,
    TimeRow,
    TradeRow,
    TradesFrame,
    book_checksum,
    read_candle,
    read_rest_book,
    read_rule,
    read_ticker,
    read_trade,
)
from app.connectors.okx.stream import on_event
from app.connectors.spec import Domain
from app.core.effects import NOTHING, BookChecksum, Channel, Effect, Pong, Send, Subscribed, Subscription, Unknown
from app.core.links import Link
from app.core.requests import Call, Priority, Request, Response
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Level, Ticker, Trade

_decode_book_frame = msgspec.json.Decoder(BookFrame).decode
_decode_trades_frame = msgspec.json.Decoder(TradesFrame).decode
_decode_books = msgspec.json.Decoder(list[BookRow]).decode
_decode_trades = msgspec.json.Decoder(list[TradeRow]).decode
_decode_tickers = msgspec.json.Decoder(list[TickerRow]).decode
_decode_candles = msgspec.json.Decoder(list[list[str]]).decode
_read_instruments = msgspec.json.Decoder(Reply[InstrumentRow]).decode
_read_tickers = msgspec.json.Decoder(Reply[TickerRow]).decode
_read_time = msgspec.json.Decoder(Reply[TimeRow]).decode
_read_book = msgspec.json.Decoder(Reply[RestBookRow]).decode
_read_trades = msgspec.json.Decoder(Reply[TradeRow]).decode
_read_candles = msgspec.json.Decoder(Reply[list[str]]).decode

_BOOKS = b'{"arg":{"channel":"books",'
_TRADES = b'{"arg":{"channel":"trades",'
"""How nearly every frame begins; in any other spelling it is read all the same, only slower."""
_CHANNELS = {Channel.BOOK: "books", Channel.TRADES: "trades", Channel.TICKER: "tickers"}
_CHANNEL_OF_NAME = {name: channel for channel, name in _CHANNELS.items()}
_TRADES_A_REPLY = 500
_CANDLES_A_REPLY = 300
_OLD_CANDLES_A_REPLY = 100

T = TypeVar("T")
Row = TypeVar("Row")


class OkxPublic:
    """Candles come over the business socket, all else over the public one.

    In demo trading public questions are signed as well: the header that tells demo from real data travels with the
    signature only.
    """

    integrity: Integrity = Integrity.PREVIOUS_ID
    intervals: Sequence[str] = tuple(INTERVALS)

    def __init__(self, domain: Domain) -> None:
        self._public = Link(name="public", url=domain.sockets["public"], heartbeat_s=HEARTBEAT_S)
        self._business = Link(name="business", url=domain.sockets["business"], heartbeat_s=HEARTBEAT_S)
        self._signed = is_demo(domain)
        self._pairs = PairOf()
        self._starts = BookStarts(self._book_to_join, _rest_book)
        self._starting = self._starts.stages

    # -- the sockets ---------------------------------------------------------------------------------------------------

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        try:
            if data.startswith(_BOOKS):
                message = _decode_book_frame(data)
                rows = message.data
                if message.action == "update" and len(rows) == 1 and not self._starting and not rows[0].checksum:
                    # Nearly every frame of the busiest channel: nothing is called that need not be.
                    row = rows[0]
                    return (
                        BookDiff(
                            pair=self._pairs[message.arg.inst_id],
                            bids=[(level.price, level.amount) for level in row.bids] if row.bids else [],
                            asks=[(level.price, level.amount) for level in row.asks] if row.asks else [],
                            last_id=row.seq_id,
                            prev_id=row.prev_seq_id,
                            exchange_ms=int(row.ts),
                            frame=frame,
                        ),
                    )
                return self._books(message.arg.inst_id, message.action, rows, frame)
            if data.startswith(_TRADES):
                return self._trades(_decode_trades_frame(data).data, frame)
        except ValidationError as refusal:
            return self._rare(data, frame, refusal)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return self._rare(data, frame, None)

    def _books(self, symbol: str, action: str, rows: list[BookRow], frame: int) -> Iterable[Effect]:
        pair = self._pairs[symbol]
        if action == "update":
            effects: list[Effect] = [
                BookDiff(
                    pair=pair,
                    bids=[(level.price, level.amount) for level in row.bids],
                    asks=[(level.price, level.amount) for level in row.asks],
                    last_id=row.seq_id,
                    prev_id=row.prev_seq_id,
                    exchange_ms=int(row.ts),
                    frame=frame,
                )
                for row in rows
            ]
            if not self._starting:
                return [*effects, *_checksums(rows, pair, frame)]
            starts = self._starts
            return [now for diff in effects if isinstance(diff, BookDiff) for now in starts.on_diff(diff)]
        if action != "snapshot":
            return (Unknown(f"book action {action[:40]!r}"),)
        self._starts.forget(pair)
        snapshots: list[Effect] = [
            BookSnapshot(
                pair=pair,
                bids=[(level.price, level.amount) for level in row.bids],
                asks=[(level.price, level.amount) for level in row.asks],
                last_id=row.seq_id,
                depth=BOOK_DEPTH,
                exchange_ms=int(row.ts),
                frame=frame,
            )
            for row in rows
        ]
        return [*snapshots, *_checksums(rows, pair, frame)]

    def _trades(self, rows: list[TradeRow], frame: int) -> list[Effect]:
        pairs = self._pairs
        return [read_trade(row, pairs[row.inst_id], frame) for row in rows]

    def _rare(self, data: bytes, frame: int, refusal: ValidationError | None) -> Iterable[Effect]:
        if data == PONG:
            return (Pong(),)
        message = read_envelope(data)
        if message.event:
            return self._on_event(message)
        if refusal is not None:
            raise refusal
        channel = message.arg.channel
        if channel == "books":
            return self._books(message.arg.inst_id, message.action, _decode_books(message.data), frame)
        if channel == "trades":
            return self._trades(_decode_trades(message.data), frame)
        if channel == "tickers":
            tickers = [read_ticker(row, frame) for row in _decode_tickers(message.data)]
            return [ticker for ticker in tickers if ticker is not None]
        if interval := INTERVAL_OF_CHANNEL.get(channel):
            pair = self._pairs[message.arg.inst_id]
            return [read_candle(row, pair, interval, frame) for row in _decode_candles(message.data)]
        return (Unknown(f"channel {channel[:40]!r}"),)

    def _on_event(self, message: Envelope) -> Iterable[Effect]:
        subscription = self._subscription(message.arg)
        if message.event != "subscribe":
            return on_event(message, (subscription,) if subscription else ())
        if subscription is None:
            return (Unknown(f"acknowledged channel {message.arg.channel[:40]!r}"),)
        if subscription.channel is Channel.BOOK:
            self._starts.acknowledged(subscription.pair)
        return (Subscribed((subscription,)),)

    def _subscription(self, arg: Arg) -> Subscription | None:
        interval = INTERVAL_OF_CHANNEL.get(arg.channel, "")
        channel = Channel.CANDLES if interval else _CHANNEL_OF_NAME.get(arg.channel)
        return Subscription(channel, self._pairs[arg.inst_id], interval) if channel else None

    def link_for(self, subscription: Subscription) -> Link:
        return self._business if subscription.channel is Channel.CANDLES else self._public

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        for wanted in subscriptions:
            if wanted.channel is Channel.BOOK:
                self._starts.asked(wanted.pair)
        return _messages("subscribe", subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        for unwanted in subscriptions:
            if unwanted.channel is Channel.BOOK:
                self._starts.forget(unwanted.pair)
        return _messages("unsubscribe", subscriptions)

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """Subscribing anew brings a fresh snapshot, or the first change from which REST is joined."""
        return [*self.unsubscribe([subscription]), *self.subscribe([subscription])]

    def book_checksum(self, bids: Sequence[Level], asks: Sequence[Level]) -> int:
        return book_checksum(bids, asks)

    def heartbeat(self, now_ms: int) -> bytes:
        return PING

    # -- REST ----------------------------------------------------------------------------------------------------------

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        def parse(response: Response) -> list[TradingRule]:
            return [read_rule(row, response.frame) for row in _read_instruments(good_body(response)).data]

        request = self._ask("/api/v5/public/instruments", (("instType", "SPOT"),), "instruments")
        return Call(request=request, parse=parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        """Markets that never traded are left out."""

        def parse(response: Response) -> list[Ticker]:
            tickers = [read_ticker(row, response.frame) for row in _read_tickers(good_body(response)).data]
            return [ticker for ticker in tickers if ticker is not None]

        return Call(request=self._ask("/api/v5/market/tickers", (("instType", "SPOT"),), "tickers"), parse=parse)

    def get_server_time(self) -> Call[int]:
        """Never signed: a signature needs the time that this asks for."""
        request = Request(method="GET", path="/api/v5/public/time", weights=weights("time"))
        return Call(request=request, parse=lambda response: int(_only(_read_time(good_body(response)).data).ts))

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """Up to 400 levels a side, with the number at which it joins the stream where the reply names one."""
        levels = min(depth, BOOK_DEPTH) if depth > 0 else BOOK_DEPTH
        params = (("instId", checked_pair(pair)), ("sz", str(levels)))
        request = self._ask("/api/v5/market/books", params, "books", Priority.SNAPSHOT)
        return Call(request=request, parse=lambda response: _rest_book(pair, response))

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """The newest 500, oldest first. Rows of an unknown side are left out."""

        def parse(response: Response) -> list[Trade]:
            rows = reversed(_read_trades(good_body(response)).data)
            trades = [read_trade(row, pair, response.frame) for row in rows]
            return [trade for trade in trades if isinstance(trade, Trade)]

        params = (("instId", checked_pair(pair)), ("limit", str(_TRADES_A_REPLY)))
        return Call(request=self._ask("/api/v5/market/trades", params, "trades"), parse=parse)

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """The newest 300 bars, or the 100 up to `end_ms`, oldest first. Raises KeyError for an interval not offered."""
        bar = INTERVALS[interval]

        def parse(response: Response) -> list[Candle]:
            bars = [read_candle(row, pair, interval, response.frame) for row in _read_candles(good_body(response)).data]
            return sorted(bars, key=lambda candle: candle.start_ms)

        params = (("instId", checked_pair(pair)), ("bar", bar))
        if end_ms is None:
            newest = (*params, ("limit", str(_CANDLES_A_REPLY)))
            return Call(request=self._ask("/api/v5/market/candles", newest, "candles"), parse=parse)
        # `after` leaves its own moment out.
        older = (*params, ("after", str(end_ms + 1)), ("limit", str(_OLD_CANDLES_A_REPLY)))
        return Call(request=self._ask("/api/v5/market/history-candles", older, "history-candles"), parse=parse)

    def _book_to_join(self, pair: str) -> Request:
        # `source` as in the changelog's example of this join.
        params = (("instId", pair), ("sz", str(BOOK_DEPTH)), ("source", "0"))
        return self._ask("/api/v5/market/books", params, "books", Priority.SNAPSHOT)

    def _ask(
        self, path: str, params: tuple[tuple[str, str], ...], bucket: str, priority: Priority = Priority.INFO
    ) -> Request:
        return Request(
            method="GET", path=path, params=params, signed=self._signed, weights=weights(bucket), priority=priority
        )


def _messages(op: str, subscriptions: Sequence[Subscription]) -> list[Send]:
    args = [
        {
            "channel": _CHANNELS.get(wanted.channel) or f"candle{INTERVALS[wanted.interval]}",
            "instId": checked_pair(wanted.pair),
        }
        for wanted in subscriptions
    ]
    return [Send(payload) for payload in operation(op, args)]


def _checksums(rows: list[BookRow], pair: str, frame: int) -> Iterable[Effect]:
    """Of the newest row only: the others told of books that are gone by now."""
    return (BookChecksum(pair, number, frame),) if rows and (number := rows[-1].checksum) else NOTHING


def _rest_book(pair: str, response: Response) -> BookSnapshot:
    return read_rest_book(_only(_read_book(good_body(response)).data), pair, response.frame)


def _only(rows: list[T]) -> T:
    if not rows:
        raise ValueError("a reply without the one row that was asked for")
    return rows[0]
