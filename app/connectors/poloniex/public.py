"""Poloniex market data: reads the public socket and asks REST. No state but a cache of names, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import ValidationError

from app.connectors.poloniex.errors import good_body
from app.connectors.poloniex.protocol import (
    BOOK_DEPTHS,
    HEARTBEAT_S,
    INTERVAL_OF_CHANNEL,
    INTERVALS,
    PING,
    PUBLIC_CHEAP,
    PUBLIC_HEAVY,
    BookFrame,
    BookRow,
    CandleRow,
    ChangeFrame,
    Envelope,
    FlatBook,
    MarketRow,
    PairOf,
    PublicTradeRow,
    ServerTime,
    TickerRow,
    TradesFrame,
    read_envelope,
    subscription_message,
    to_pair,
    to_symbol,
)
from app.connectors.spec import Domain, Reader, Teller, as_told
from app.connectors.wire_numbers import number, required, unless_zero
from app.core.effects import NOTHING, Channel, Effect, Pong, Refused, Send, Subscribed, Subscription, Unknown
from app.core.links import Link
from app.core.order_book import Lane, OrderBook
from app.core.requests import Call, Priority, Request, Response, Weight
from app.core.trading_rule import TradingRule
from app.core.types import (
    BookDiff,
    BookSnapshot,
    Candle,
    Integrity,
    Level,
    MarketStatus,
    OrderType,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)

_decode_flood = msgspec.json.Decoder(ChangeFrame | TradesFrame).decode
_decode_books = msgspec.json.Decoder(BookFrame).decode
_decode_tickers = msgspec.json.Decoder(list[TickerRow]).decode
_decode_candles = msgspec.json.Decoder(list[CandleRow]).decode
_decode_candle_rows = msgspec.json.Decoder(list[list[str | int]]).decode
_decode_markets = msgspec.json.Decoder(list[MarketRow]).decode
_decode_trades = msgspec.json.Decoder(list[PublicTradeRow]).decode
_decode_book = msgspec.json.Decoder(FlatBook).decode
_decode_time = msgspec.json.Decoder(ServerTime).decode

_SIDES = {"buy": Side.BUY, "sell": Side.SELL, "BUY": Side.BUY, "SELL": Side.SELL}
_CHANNELS = {Channel.BOOK: "book_lv2", Channel.TRADES: "trades", Channel.TICKER: "ticker"}
_CHANNEL_OF_NAME = {name: channel for channel, name in _CHANNELS.items()}
_STATUS = {
    "NORMAL": MarketStatus.TRADING,
    "POST_ONLY": MarketStatus.POST_ONLY,
    "PAUSE": MarketStatus.HALTED,
}
_ORDER_TYPES = frozenset(
    {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET, OrderType.STOP_MARKET, OrderType.STOP_LIMIT}
)
_CANDLES_A_REPLY = 500
_MOST_DECIMALS = 30

T = TypeVar("T")


class PoloniexPublic:
    """Every method is pure: reading an old message again has no effect."""

    integrity: Integrity = Integrity.PREVIOUS_ID
    intervals: Sequence[str] = tuple(INTERVALS)

    def __init__(self, domain: Domain) -> None:
        self._link = Link(name="public", url=domain.sockets["public"], heartbeat_s=HEARTBEAT_S)
        self._pairs = PairOf()
        self.on_message = self.reader(Lane({}), as_told)

    # -- the socket ----------------------------------------------------------------------------------------------------

    def reader(self, lane: Lane, tell: Teller) -> Reader:
        pairs, met = self._pairs, lane.met

        def read(data: bytes, frame: int) -> Iterable[Effect]:
            try:
                message = _decode_flood(data)
            except ValidationError as refusal:
                return tell(self._rare(data, frame, refusal))
            except RecursionError:
                raise ValueError("nested too deeply") from None
            if type(message) is not ChangeFrame:
                return tell(self._trades(message, frame))
            (row,) = message.data
            # Here `get` would cost a thirtieth of the whole way.
            try:
                book: OrderBook | None = met[row.symbol]
            except KeyError:
                book = lane.meet(row.symbol, pairs[row.symbol])
            if book is not None and book.follow(row, row.prev_id, frame):
                return NOTHING
            return tell((self._change(row, frame),))

        return read

    def _change(self, row: BookRow, frame: int) -> BookDiff:
        return BookDiff(
            pair=self._pairs[row.symbol],
            bids=row.bids,
            asks=row.asks,
            last_id=row.last_id,
            prev_id=row.prev_id,
            exchange_ms=row.exchange_ms,
            frame=frame,
        )

    def _books(self, message: BookFrame, frame: int) -> Iterable[Effect]:
        if message.action == "update":
            return [self._change(row, frame) for row in message.data]
        if message.action != "snapshot":
            return (Unknown(f"book action {message.action[:40]!r}"),)
        return [
            BookSnapshot(
                pair=self._pairs[row.symbol],
                bids=row.bids,
                asks=row.asks,
                last_id=row.last_id,
                exchange_ms=row.exchange_ms,
                frame=frame,
            )
            for row in message.data
        ]

    def _trades(self, message: TradesFrame, frame: int) -> Iterable[Effect]:
        return [
            Trade(
                pair=self._pairs[trade.symbol],
                trade_id=trade.id,
                taker=side,
                price=trade.price,
                amount=trade.quantity,
                exchange_ms=trade.create_time,
                frame=frame,
            )
            if (side := _SIDES.get(trade.taker_side))
            else Unknown(f"taker side {trade.taker_side[:40]!r}")
            for trade in message.data
        ]

    def _rare(self, data: bytes, frame: int, refusal: ValidationError) -> Iterable[Effect]:
        message = read_envelope(data)
        if message.event:
            return self._on_event(message)
        channel = message.channel
        if channel == "book_lv2":
            return self._books(_decode_books(data), frame)
        if channel == "ticker":
            return [self._ticker(row, frame) for row in _decode_tickers(message.data)]
        if interval := INTERVAL_OF_CHANNEL.get(channel):
            return [self._candle(row, interval, frame) for row in _decode_candles(message.data)]
        if channel in _CHANNEL_OF_NAME:
            raise refusal
        return (Unknown(f"channel {channel[:40]!r}"),)

    def _on_event(self, message: Envelope) -> Iterable[Effect]:
        match message.event:
            case "pong":
                return (Pong(),)
            case "error":
                return (Refused(message.message or "no reason given"),)
            case "subscribe":
                return self._acknowledged(message)
            case "unsubscribe" | "unsubscribe_all":
                return NOTHING
        return (Unknown(f"event {message.event[:40]!r}"),)

    def _acknowledged(self, message: Envelope) -> Iterable[Effect]:
        interval = INTERVAL_OF_CHANNEL.get(message.channel, "")
        channel = Channel.CANDLES if interval else _CHANNEL_OF_NAME.get(message.channel)
        if channel is None:
            return (Unknown(f"acknowledged channel {message.channel[:40]!r}"),)
        pairs = ["" if symbol == "all" else self._pairs[symbol] for symbol in message.symbols]
        return (Subscribed(tuple(Subscription(channel, pair, interval) for pair in pairs)),)

    def _ticker(self, row: TickerRow, frame: int) -> Ticker:
        return Ticker(
            pair=self._pairs[row.symbol],
            last=required(row.close),
            bid=unless_zero(row.bid),
            ask=unless_zero(row.ask),
            open=number(row.open),
            high=number(row.high),
            low=number(row.low),
            change=number(row.daily_change),
            base_volume=number(row.quantity),
            quote_volume=number(row.amount),
            exchange_ms=row.ts,
            frame=frame,
        )

    def _candle(self, row: CandleRow, interval: str, frame: int) -> Candle:
        return Candle(
            pair=self._pairs[row.symbol],
            interval=interval,
            start_ms=row.start_time,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.quantity,
            frame=frame,
        )

    def link_for(self, subscription: Subscription) -> Link:
        return self._link

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return _messages("subscribe", subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return _messages("unsubscribe", subscriptions)

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """Subscribing anew is the only repair: a book over REST has no id."""
        return [*self.unsubscribe([subscription]), *self.subscribe([subscription])]

    def heartbeat(self, now_ms: int) -> bytes:
        return PING

    # -- REST ----------------------------------------------------------------------------------------------------------

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        def parse(response: Response) -> list[TradingRule]:
            return [_trading_rule(row, response.frame) for row in _decode_markets(good_body(response))]

        return Call(request=Request(method="GET", path="/markets", weights=PUBLIC_HEAVY), parse=parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        def parse(response: Response) -> list[Ticker]:
            return [self._ticker(row, response.frame) for row in _decode_tickers(good_body(response))]

        return Call(request=Request(method="GET", path="/markets/ticker24h", weights=PUBLIC_HEAVY), parse=parse)

    def get_server_time(self) -> Call[int]:
        return Call(
            request=Request(method="GET", path="/timestamp", weights=PUBLIC_CHEAP),
            parse=lambda response: _decode_time(good_body(response)).server_time,
        )

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """A picture of up to 150 levels a side without an id: it can never start or repair the streamed book."""
        limit = next((step for step in BOOK_DEPTHS if step >= depth), BOOK_DEPTHS[-1])

        def parse(response: Response) -> BookSnapshot:
            book = _decode_book(good_body(response))
            return BookSnapshot(
                pair=pair,
                bids=_levels(book.bids),
                asks=_levels(book.asks),
                exchange_ms=book.ts,
                frame=response.frame,
            )

        return _of_market(
            pair, "orderBook", parse, (("limit", str(limit)),) if depth else (), PUBLIC_CHEAP, Priority.SNAPSHOT
        )

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """The newest 500, oldest first. Rows of an unknown side are left out."""

        def parse(response: Response) -> list[Trade]:
            return [
                Trade(
                    pair=pair,
                    trade_id=row.id,
                    taker=side,
                    price=row.price,
                    amount=row.quantity,
                    exchange_ms=row.create_time,
                    frame=response.frame,
                )
                for row in reversed(_decode_trades(good_body(response)))
                if (side := _SIDES.get(row.taker_side))
            ]

        return _of_market(pair, "trades", parse, (), PUBLIC_HEAVY)

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """The 500 bars up to `end_ms` (default now), oldest first. Raises KeyError for an interval not offered."""
        params = [("interval", INTERVALS[interval]), ("limit", str(_CANDLES_A_REPLY))]
        if end_ms is not None:
            params.append(("endTime", str(end_ms)))
        return _of_market(pair, "candles", partial(_candles, pair, interval), tuple(params), PUBLIC_CHEAP)


def _messages(event: str, subscriptions: Sequence[Subscription]) -> list[Send]:
    symbols: dict[str, list[str]] = {}
    for wish in subscriptions:
        channel = _CHANNELS.get(wish.channel) or f"candles_{INTERVALS[wish.interval].lower()}"
        symbols.setdefault(channel, []).append(to_symbol(wish.pair))
    return [Send(subscription_message(event, channel, names)) for channel, names in symbols.items()]


def _of_market(
    pair: str,
    what: str,
    parse: Callable[[Response], T],
    params: tuple[tuple[str, str], ...],
    weights: tuple[Weight, ...],
    priority: Priority = Priority.INFO,
) -> Call[T]:
    path = f"/markets/{to_symbol(pair)}/{what}"
    request = Request(method="GET", path=path, params=params, weights=weights, priority=priority)
    return Call(request=request, parse=parse)


def _candles(pair: str, interval: str, response: Response) -> list[Candle]:
    bars = []
    for row in _decode_candle_rows(good_body(response)):
        if len(row) < 13:
            raise ValueError(f"a candle of {len(row)} fields, not 14")
        low, high, opened, close, base = (str(row[index]) for index in (0, 1, 2, 3, 5))
        bars.append(
            Candle(
                pair=pair,
                interval=interval,
                start_ms=int(row[12]),
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=base,
                frame=response.frame,
            )
        )
    return sorted(bars, key=lambda bar: bar.start_ms)


def _trading_rule(row: MarketRow, frame: int) -> TradingRule:
    limit = row.symbol_trade_limit
    return TradingRule(
        pair=to_pair(row.symbol),
        symbol=row.symbol,
        base=row.base_currency_name,
        quote=row.quote_currency_name,
        min_price_increment=_step(limit.price_scale),
        min_base_amount_increment=_step(limit.quantity_scale),
        min_quote_amount_increment=_step(limit.amount_scale),
        min_order_size=required(limit.min_quantity),
        max_order_size=unless_zero(limit.max_quantity),
        min_notional_size=required(limit.min_amount),
        max_notional_size=unless_zero(limit.max_amount),
        max_buy_price=unless_zero(limit.highest_bid),
        min_sell_price=unless_zero(limit.lowest_ask),
        order_types=_ORDER_TYPES,
        times_in_force=frozenset(TimeInForce),
        market_buy_by_quote=True,
        market_buy_by_base=False,
        status=_STATUS.get(row.state, MarketStatus.CLOSED),
        venue_status=row.state,
        frame=frame,
    )


def _step(decimals: int) -> Decimal:
    """Raises ValueError for more decimals than any market has."""
    if abs(decimals) > _MOST_DECIMALS:
        raise ValueError(f"{decimals} decimals")
    return Decimal(1).scaleb(-decimals)


def _levels(flat: list[str]) -> list[Level]:
    return list(zip(flat[::2], flat[1::2], strict=True))
