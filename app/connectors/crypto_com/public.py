"""Crypto.com market data: reads the market socket and asks REST. No I/O; no books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import ValidationError

from app.connectors.crypto_com.errors import good_body, meaning
from app.connectors.crypto_com.protocol import (
    BOOK_DEPTH,
    BOOK_EVERY_MS,
    HEARTBEAT,
    INTERVAL_OF_WORD,
    INTERVALS,
    PREFIX,
    SENDS_PER_S,
    Envelope,
    PairOf,
    Push,
    Reply,
    decoder,
    heartbeat_answer,
    operation,
    read_envelope,
    read_push,
    to_symbol,
    weights,
    whole,
)
from app.connectors.crypto_com.public_rows import (
    BookRow,
    CandleRow,
    InstrumentRow,
    LooseUpdate,
    TickerRow,
    TradeRow,
    UpdateFrame,
    read_book,
    read_candle,
    read_rule,
    read_ticker,
    read_trades,
    read_update,
)
from app.connectors.spec import Domain
from app.core.effects import NOTHING, Channel, Effect, Reconnect, Refused, Send, Subscribed, Subscription, Unknown
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.requests import Call, Priority, Request, Response
from app.core.trading_rule import TradingRule
from app.core.types import BookDiff, BookSnapshot, Candle, Integrity, Ticker, Trade

_decode_update = msgspec.json.Decoder(UpdateFrame, strict=False).decode
_read_updates = decoder(list[LooseUpdate])
_read_books = decoder(list[BookRow])
_read_trades = decoder(list[TradeRow])
_read_tickers = decoder(list[TickerRow])
_read_candles = decoder(list[CandleRow])
_reply_of_instruments = decoder(Reply[InstrumentRow])
_reply_of_tickers = decoder(Reply[TickerRow])
_reply_of_books = decoder(Reply[BookRow])
_reply_of_trades = decoder(Reply[TradeRow])
_reply_of_candles = decoder(Reply[CandleRow])

_UPDATE = b'"channel":"book.update"'
_HEAD = 300
"""Where nearly every frame of a book names its channel; in any other spelling it is read all the same, only slower."""
_WORDS = {Channel.TRADES: "trade", Channel.TICKER: "ticker"}
_PASSING = frozenset({ErrorKind.SLOW_DOWN, ErrorKind.UNAVAILABLE, ErrorKind.CLOCK})
"""A fresh connection, some time later, may fare better."""
_CHANNELS_A_FRAME = 50
_REMEMBERED_REQUESTS = 1_000
_TRADES_A_REPLY = 100
_CANDLES_A_REPLY = 300
_DAY_MS = 86_400_000
_CLOCK_PAIR = "BTC_USDT"
"""Its ticker is asked for the time that comes with it."""


class CryptoComPublic:
    """Reading an old message again has no effect: what is remembered of requests and of the time only grows."""

    integrity: Integrity = Integrity.PREVIOUS_ID
    intervals: Sequence[str] = tuple(INTERVALS)

    def __init__(self, domain: Domain) -> None:
        self._link = Link(name="public", url=domain.sockets["public"], sends_per_s=SENDS_PER_S, settle_s=1.0)
        self._pairs = PairOf()
        self._requests = 0
        self._asked: dict[int, tuple[Subscription, ...]] = {}
        self._now_ms = 0

    # -- the socket ----------------------------------------------------------------------------------------------------

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        if _UPDATE in data[:_HEAD]:
            try:
                result = _decode_update(data).result
            except ValidationError:
                return self._rare(data, frame)
            except RecursionError:
                raise ValueError("nested too deeply") from None
            pair, rows = self._pairs[result.instrument_name], result.data
            if len(rows) == 1:
                # Nearly every frame of the busiest channel: nothing is called that need not be.
                row = rows[0]
                bids, asks = row.update.bids, row.update.asks
                return (
                    BookDiff(
                        pair=pair,
                        bids=[(level.price, level.amount) for level in bids] if bids else [],
                        asks=[(level.price, level.amount) for level in asks] if asks else [],
                        last_id=row.u,
                        prev_id=row.pu,
                        exchange_ms=row.t,
                        frame=frame,
                    ),
                )
        return self._rare(data, frame)

    def _rare(self, data: bytes, frame: int) -> Iterable[Effect]:
        message = read_envelope(data)
        if message.method == HEARTBEAT:
            self._note_time(message.id or 0)
            return (Send(heartbeat_answer(message)),)
        if message.code:
            return self._on_refusal(message)
        effects: list[Effect] = []
        if message.method == "subscribe" and (wanted := self._asked.get(message.id or 0)):
            effects.append(Subscribed(wanted))
        pushed = message.pushed
        if pushed is not None:
            effects += self._on_push(read_push(pushed), frame)
        elif message.method not in ("subscribe", "unsubscribe"):
            effects.append(Unknown(f"method {message.method[:40]!r}"))
        return effects

    def _on_push(self, push: Push, frame: int) -> Iterable[Effect]:
        name, word = push.subscription.split(".", 1)[0], push.channel or push.subscription.split(".", 1)[0]
        match word:
            case "book.update":
                pair = self._pairs[push.instrument_name]
                return [read_update(row, pair, frame) for row in _read_updates(push.data)]
            case "book":
                pair = self._pairs[push.instrument_name]
                return [read_book(row, pair, frame, joins=True) for row in _read_books(push.data)]
            case "trade":
                return read_trades(_read_trades(push.data), self._pairs[push.instrument_name], frame)
            case "ticker":
                symbol = push.instrument_name
                tickers = [read_ticker(row, frame, symbol) for row in _read_tickers(push.data)]
                return [ticker for ticker in tickers if ticker is not None]
            case "candlestick" if name == "candlestick" and push.subscription.count(".") >= 2:
                _, timeframe, symbol = push.subscription.split(".", 2)
                interval = INTERVAL_OF_WORD.get(timeframe)
                if interval is not None:
                    pair = self._pairs[push.instrument_name or symbol]
                    return [read_candle(row, pair, interval, frame) for row in _read_candles(push.data)]
        return (Unknown(f"channel {word[:40]!r} {push.subscription[:40]!r}"),)

    def _on_refusal(self, message: Envelope) -> Iterable[Effect]:
        kind, our_words = meaning(message.code)
        words = message.message or our_words or f"error {message.code}"
        if kind in _PASSING:
            return (Reconnect(words),)
        if message.method == "unsubscribe":
            return (Unknown(f"unsubscribe refused: {words[:80]}"),)
        wanted = self._asked.get(message.id or 0, ())
        if len(wanted) > 1:
            # One bad channel refuses its whole frame: the good ones are asked for on their own.
            return [send for each in wanted for send in self._ask("subscribe", (each,))]
        return (Refused(words, wanted),)

    def link_for(self, subscription: Subscription) -> Link:
        return self._link

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        self._now_ms = max(self._now_ms, now_ms)
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return self._ask("subscribe", subscriptions)

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return self._ask("unsubscribe", subscriptions)

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """Subscribing anew brings a fresh snapshot."""
        return [*self.unsubscribe([subscription]), *self.subscribe([subscription])]

    def heartbeat(self, now_ms: int) -> bytes:
        """Never asked for: it is the server that beats."""
        return b""

    def _ask(self, method: str, subscriptions: Sequence[Subscription]) -> list[Send]:
        """Few frames, for what is left of the first second pays for them; books apart, for their parameters."""
        books = [wanted for wanted in subscriptions if wanted.channel is Channel.BOOK]
        others = [wanted for wanted in subscriptions if wanted.channel is not Channel.BOOK]
        how = {"book_subscription_type": "SNAPSHOT_AND_UPDATE", "book_update_frequency": BOOK_EVERY_MS}
        sends = []
        for group, params in ((books, how if method == "subscribe" else {}), (others, {})):
            for first in range(0, len(group), _CHANNELS_A_FRAME):
                some = group[first : first + _CHANNELS_A_FRAME]
                self._requests += 1
                self._asked[self._requests] = tuple(some)
                self._asked.pop(self._requests - _REMEMBERED_REQUESTS, None)
                channels = [_channel(wanted) for wanted in some]
                sends.append(Send(operation(self._requests, method, channels, self._now_ms, **params)))
        return sends

    def _note_time(self, server_ms: int) -> None:
        """Heartbeats bear the time; it keeps the nonce of subscriptions near it."""
        if 0 < server_ms - self._now_ms < _DAY_MS:
            self._now_ms = server_ms

    # -- REST ----------------------------------------------------------------------------------------------------------

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        """Spot markets only; the list holds every product."""

        def parse(response: Response) -> list[TradingRule]:
            rows = _reply_of_instruments(good_body(response)).result.data
            rules = [read_rule(row, response.frame) for row in rows]
            return [rule for rule in rules if rule is not None]

        return Call(request=_get("get-instruments"), parse=parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        """Spot markets that ever traded."""

        def parse(response: Response) -> list[Ticker]:
            tickers = [read_ticker(row, response.frame) for row in _reply_of_tickers(good_body(response)).result.data]
            return [ticker for ticker in tickers if ticker is not None]

        return Call(request=_get("get-tickers"), parse=parse)

    def get_server_time(self) -> Call[int]:
        """No method tells it: the `Date` of a reply, cut to seconds, or the time of its ticker where that is later."""

        def parse(response: Response) -> int:
            rows = _reply_of_tickers(good_body(response)).result.data
            newest = max((whole(row.t) for row in rows), default=0)
            date = response.headers.get("date", "")
            cut = round(parsedate_to_datetime(date).timestamp() * 1000) if date else 0
            if not (newest or cut):
                raise ValueError("a reply without any time")
            return max(newest, cut)

        return Call(request=_get("get-tickers", ("instrument_name", _CLOCK_PAIR)), parse=parse)

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        """Up to 50 levels a side, without a number that joins the stream."""

        def parse(response: Response) -> BookSnapshot:
            rows = _reply_of_books(good_body(response)).result.data
            if not rows:
                raise ValueError("a reply without the book that was asked for")
            return read_book(rows[0], pair, response.frame, joins=False)

        levels = min(depth, BOOK_DEPTH) if depth > 0 else BOOK_DEPTH
        request = _get("get-book", ("instrument_name", to_symbol(pair)), ("depth", str(levels)), urgent=True)
        return Call(request=request, parse=parse)

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """The newest, oldest first. Rows of an unknown side are left out."""

        def parse(response: Response) -> list[Trade]:
            rows = _reply_of_trades(good_body(response)).result.data
            return [trade for trade in read_trades(rows, pair, response.frame) if isinstance(trade, Trade)]

        params = ("instrument_name", to_symbol(pair)), ("count", str(_TRADES_A_REPLY))
        return Call(request=_get("get-trades", *params), parse=parse)

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """Up to 300 bars, the newest or those up to `end_ms`, oldest first. Raises KeyError for other intervals."""
        word = INTERVALS[interval]

        def parse(response: Response) -> list[Candle]:
            rows = _reply_of_candles(good_body(response)).result.data
            bars = [read_candle(row, pair, interval, response.frame) for row in rows]
            return sorted(bars, key=lambda candle: candle.start_ms)

        params = [("instrument_name", to_symbol(pair)), ("timeframe", word), ("count", str(_CANDLES_A_REPLY))]
        if end_ms is not None:
            params.append(("end_ts", str(end_ms)))
        return Call(request=_get("get-candlestick", *params), parse=parse)


def _channel(wanted: Subscription) -> str:
    symbol = to_symbol(wanted.pair)
    if wanted.channel is Channel.BOOK:
        return f"book.{symbol}.{BOOK_DEPTH}"
    if wanted.channel is Channel.CANDLES:
        return f"candlestick.{INTERVALS[wanted.interval]}.{symbol}"
    return f"{_WORDS[wanted.channel]}.{symbol}"


def _get(method: str, *params: tuple[str, str], urgent: bool = False) -> Request:
    return Request(
        method="GET",
        path=f"{PREFIX}public/{method}",
        params=params,
        weights=weights("public"),
        priority=Priority.SNAPSHOT if urgent else Priority.INFO,
    )
