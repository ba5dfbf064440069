"""Binance market data: reads the combined stream and asks REST. No state but names and what was asked, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import ValidationError

from app.connectors.binance.errors import good_body
from app.connectors.binance.markets import markets_of
from app.connectors.binance.protocol import (
    BOOK_LEVELS,
    EVENT_NAMES,
    INTERVALS,
    LIFETIME_S,
    AggTradeEvent,
    Combined,
    DepthUpdate,
    Envelope,
    EventName,
    KlineEvent,
    KlineRow,
    ServerTime,
    StreamEvent,
    TickerEvent,
    TickerRow,
    TradeEvent,
    depth_weight,
    is_padded,
    padded,
    stream_request,
    weigh,
)
from app.connectors.binance.public_rows import (
    fraction,
    read_candles,
    read_snapshot,
    read_ticker,
    read_trades,
    taker_side,
)
from app.connectors.binance.rules import ExchangeInfo, trading_rules
from app.connectors.spec import Domain, Reader, Teller, as_told
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.effects import (
    NOTHING,
    Channel,
    Effect,
    Perform,
    Reconnect,
    Refused,
    Send,
    Subscribed,
    Subscription,
    Unknown,
)
from app.core.links import Link
from app.core.order_book import Lane
from app.core.requests import Call, Priority, Request, Response, Weight
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Ticker, Trade

_decode_combined = msgspec.json.Decoder(Combined).decode
_decode_event = msgspec.json.Decoder(StreamEvent).decode
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_name = msgspec.json.Decoder(EventName).decode
_decode_info = msgspec.json.Decoder(ExchangeInfo).decode
_decode_tickers = msgspec.json.Decoder(list[TickerRow]).decode
_decode_time = msgspec.json.Decoder(ServerTime).decode

_STREAMS = {Channel.BOOK: "depth@100ms", Channel.TRADES: "trade", Channel.TICKER: "ticker"}
_ROWS_A_REPLY = 1_000
_REMEMBERED_REQUESTS = 1_000

T = TypeVar("T")


class BinancePublic:
    """Reading an old message again has no effect.

    A book begins when its stream is confirmed: then every change from that moment on will come, and the snapshot that
    is asked for now cannot be older than the first of them.
    """

    integrity: Integrity = Integrity.SEQUENCE
    intervals: Sequence[str] = INTERVALS

    def __init__(self, domain: Domain) -> None:
        self._link = Link(name="public", url=domain.sockets["public"], lifetime_s=LIFETIME_S, sends_per_s=4)
        self._markets = markets_of(domain)
        self.on_message = self.reader(Lane({}), as_told)
        self._asked: dict[int, tuple[str, tuple[Subscription, ...]]] = {}
        self._begun: set[str] = set()
        """Pairs whose book began on this connection: their stream is confirmed."""

    # -- the socket ----------------------------------------------------------------------------------------------------

    def reader(self, lane: Lane, tell: Teller) -> Reader:
        markets, met = self._markets, lane.met

        def read(data: bytes, frame: int) -> Iterable[Effect]:
            try:
                event = _decode_combined(data).data
            except ValidationError as refusal:
                return tell(self._rare(data, frame, refusal))
            except RecursionError:
                raise ValueError("nested too deeply") from None
            if type(event) is DepthUpdate and is_padded(event.bids) and is_padded(event.asks):
                # Nearly every change begins with the number after the last one.
                symbol, first = event.symbol, event.first_id
                book = met.get(symbol) or lane.meet(symbol, markets[symbol])
                if book is not None and first <= event.last_id and book.follow(event, first - 1, frame):
                    return NOTHING
            return tell(self._on_event(event, frame))

        return read

    def _on_event(self, event: StreamEvent, frame: int) -> Iterable[Effect]:
        if type(event) is DepthUpdate:
            bids, asks = event.bids, event.asks
            if not is_padded(bids) or not is_padded(asks):
                bids, asks = padded(bids), padded(asks)
            return (
                BookDiff(
                    pair=self._markets[event.symbol],
                    bids=bids,
                    asks=asks,
                    last_id=event.last_id,
                    first_id=event.first_id,
                    exchange_ms=event.exchange_ms,
                    frame=frame,
                ),
            )
        match event:
            case TradeEvent():
                return (self._trade(event, str(event.trade_id), frame),)
            case AggTradeEvent():
                return (self._trade(event, f"a{event.trade_id}", frame),)
            case KlineEvent():
                return (self._candle(event.kline, frame),)
            case TickerEvent():
                return (self._ticker(event, frame),)
        return NOTHING

    def _trade(self, event: TradeEvent | AggTradeEvent, trade_id: str, frame: int) -> Trade:
        return Trade(
            pair=self._markets[event.symbol],
            trade_id=trade_id,
            taker=taker_side(event.buyer_is_maker),
            price=event.price,
            amount=event.amount,
            exchange_ms=event.trade_ms,
            frame=frame,
        )

    def _candle(self, row: KlineRow, frame: int) -> Candle:
        return Candle(
            pair=self._markets[row.symbol],
            interval=row.interval,
            start_ms=row.start_ms,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.base_volume,
            frame=frame,
        )

    def _ticker(self, event: TickerEvent, frame: int) -> Ticker:
        return Ticker(
            pair=self._markets[event.symbol],
            last=required(event.last),
            bid=unless_zero(event.bid),
            ask=unless_zero(event.ask),
            open=number(event.open),
            high=number(event.high),
            low=number(event.low),
            change=fraction(event.change_percent),
            base_volume=number(event.base_volume),
            quote_volume=number(event.quote_volume),
            exchange_ms=event.event_ms,
            frame=frame,
        )

    def _rare(self, data: bytes, frame: int, refusal: ValidationError) -> Iterable[Effect]:
        try:
            message = _decode_envelope(data)
            inner = bytes(message.data)
            name = message.event or (_decode_name(inner).event if inner[:1] == b"{" else "")
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if name == "serverShutdown":
            return (Reconnect("the exchange announced its end", planned=True),)
        if name in EVENT_NAMES:
            if inner:
                raise refusal
            return self._on_event(_decode_event(data), frame)
        if inner or name:
            return (Unknown(f"stream {message.stream[:40]!r}, event {name[:40]!r}"),)
        return self._on_answer(message)

    def _on_answer(self, message: Envelope) -> Iterable[Effect]:
        method, wishes = self._asked.get(message.id, ("", ())) if isinstance(message.id, int) else ("", ())
        if message.error is not None or message.code is not None:
            words = message.error.msg if message.error is not None else message.msg
            return (Refused(words or f"error {message.code}", wishes if method == "SUBSCRIBE" else ()),)
        if message.result is msgspec.UNSET:
            return (Unknown("a message without stream, event and result"),)
        if method != "SUBSCRIBE":
            return NOTHING
        books = [Perform(self._first_book(wish.pair)) for wish in wishes if wish.channel is Channel.BOOK]
        return (Subscribed(wishes), *books)

    def link_for(self, subscription: Subscription) -> Link:
        return self._link

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        self._begun = set()
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return self._ask_stream("SUBSCRIBE", subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        self._begun.difference_update(wish.pair for wish in subscriptions if wish.channel is Channel.BOOK)
        return self._ask_stream("UNSUBSCRIBE", subscriptions)

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """A new snapshot over REST; the stream itself is asked for again only where it was never confirmed."""
        if subscription.pair in self._begun:
            return (Perform(self._first_book(subscription.pair)),)
        return self.subscribe([subscription])

    def heartbeat(self, now_ms: int) -> bytes:
        """Never sent: answering the exchange's pings is the library's work."""
        return b""

    def _ask_stream(self, method: str, wishes: Sequence[Subscription]) -> Iterable[Effect]:
        """All of them in one message: five a second are taken."""
        if not wishes:
            return NOTHING
        request_id, payload = stream_request(method, [self._stream(wish) for wish in wishes])
        self._asked.pop(request_id, None)
        self._asked[request_id] = (method, tuple(wishes))
        if len(self._asked) > _REMEMBERED_REQUESTS:
            del self._asked[next(iter(self._asked))]
        return (Send(payload),)

    def _stream(self, wish: Subscription) -> str:
        kind = f"kline_{wish.interval}" if wish.channel is Channel.CANDLES else _STREAMS[wish.channel]
        return f"{self._markets.to_symbol(wish.pair).lower()}@{kind}"

    # -- REST ----------------------------------------------------------------------------------------------------------

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        def parse(response: Response) -> list[TradingRule]:
            rows = _decode_info(good_body(response)).symbols
            self._markets.learn((row.symbol, row.base_asset, row.quote_asset) for row in rows)
            return trading_rules(rows, response.frame)

        # Permission sets are most of the reply's megabytes.
        params = (("showPermissionSets", "false"),)
        return Call(request=_ask("/api/v3/exchangeInfo", params, weigh(20)), parse=parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        """Of every market whose pair is known."""

        def parse(response: Response) -> list[Ticker]:
            rows = _decode_tickers(good_body(response))
            markets = self._markets
            return [read_ticker(row, pair, response.frame) for row in rows if (pair := markets.known(row.symbol))]

        return Call(request=_ask("/api/v3/ticker/24hr", (), weigh(80)), parse=parse)

    def get_server_time(self) -> Call[int]:
        return Call(
            request=_ask("/api/v3/time", (), weigh(1)),
            parse=lambda response: _decode_time(good_body(response)).server_time,
        )

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """Up to 5,000 levels a side, by default 100. Its id joins the streamed book."""
        limit = min(depth, 5_000)
        params = (("symbol", self._markets.to_symbol(pair)), *((("limit", str(limit)),) if limit else ()))
        weights = (*weigh(depth_weight(limit)), Weight("book-snapshots", depth_weight(limit)))
        request = _ask("/api/v3/depth", params, weights, Priority.SNAPSHOT)
        return Call(request=request, parse=partial(read_snapshot, pair))

    def _first_book(self, pair: str) -> Call[Iterable[Effect]]:
        call, begun = self.get_snapshot(pair, BOOK_LEVELS), self._begun

        def parse(response: Response) -> Iterable[Effect]:
            snapshot = call.parse(response)
            if begun is not self._begun:
                # Asked for on a connection that is gone: the next one asks for itself.
                return NOTHING
            begun.add(pair)
            return (snapshot,)

        return Call(request=call.request, parse=parse)

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """The newest 1,000, oldest first."""
        return self._of_market("/api/v3/trades", pair, partial(read_trades, pair), (("limit", str(_ROWS_A_REPLY)),), 25)

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """The 1,000 bars up to `end_ms` (default now), oldest first. Raises ValueError for an interval not offered."""
        if interval not in INTERVALS:
            raise ValueError(f"no such interval: {interval[:40]!r}")
        params = [("interval", interval), ("limit", str(_ROWS_A_REPLY))]
        if end_ms is not None:
            params.append(("endTime", str(end_ms)))
        return self._of_market("/api/v3/klines", pair, partial(read_candles, pair, interval), tuple(params), 2)

    def _of_market(
        self, path: str, pair: str, parse: Callable[[Response], T], params: tuple[tuple[str, str], ...], weight: int
    ) -> Call[T]:
        request = _ask(path, (("symbol", self._markets.to_symbol(pair)), *params), weigh(weight))
        return Call(request=request, parse=parse)


def _ask(
    path: str,
    params: tuple[tuple[str, str], ...],
    weights: tuple[Weight, ...],
    priority: Priority = Priority.INFO,
) -> Request:
    return Request(method="GET", path=path, params=params, weights=weights, priority=priority)
