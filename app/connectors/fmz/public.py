"""Market data of one plug-in: everything is asked for again and again. No stream, no I/O.

It remembers only which market is next and how many decimals the books have shown: the protocol lists no markets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Raw

from app.connectors.fmz.errors import good_data, is_protocol
from app.connectors.fmz.private_rows import read_balances, read_one_order, read_orders
from app.connectors.fmz.protocol import (
    INTERVALS,
    MOST_DECIMALS,
    ONE_CALL,
    SIDES,
    DepthRow,
    TickerRow,
    TradeRow,
    encode_question,
    ms_of,
    number_of,
    plain,
    read_question,
    text_of,
    to_pair,
    to_symbol,
    unless_zero,
)
from app.connectors.fmz.service import PluginMarket, as_plugin
from app.connectors.spec import Domain
from app.core.effects import NOTHING, Channel, Effect, Subscription
from app.core.errors import ErrorKind
from app.core.links import Link
from app.core.requests import Call, Priority, Request, Response, VenueError
from app.core.trading_rule import TradingRule
from app.core.types import (
    BalanceDelta,
    BookSnapshot,
    Candle,
    Integrity,
    Level,
    OrderType,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)

T = TypeVar("T")

TRADES_EVERY_S = 2.0
TICKER_EVERY_S = 5.0
CANDLES_EVERY_S = 10.0
_DEPTH = 30
_CANDLES = 500
_UNKNOWN_DECIMALS = 8

_decode_ticker = msgspec.json.Decoder(TickerRow).decode
_decode_tickers = msgspec.json.Decoder(list[TickerRow]).decode
_decode_depth = msgspec.json.Decoder(DepthRow).decode
_decode_trades = msgspec.json.Decoder(list[TradeRow]).decode
_decode_candles = msgspec.json.Decoder(list[list[Raw]]).decode


class _MarketRow(msgspec.Struct):
    symbol: str


_decode_markets = msgspec.json.Decoder(list[_MarketRow] | dict[str, Raw]).decode


class FmzPublic:
    """`polls` says how each subscription is asked for; the methods of a stream have nothing to do."""

    integrity: Integrity = Integrity.NONE
    intervals: Sequence[str] = tuple(INTERVALS)

    def __init__(self, domain: Domain) -> None:
        self._domain = as_plugin(domain)
        self._markets: dict[str, PluginMarket] = {market.pair: market for market in self._domain.markets}
        self._guessed: dict[str, tuple[int, int]] = {}
        self._next = 0

    # -- polling

    def polls(self, subscription: Subscription) -> tuple[Call[Iterable[Effect]], float] | None:
        """What to ask for this subscription, and how many seconds after its answer to ask again."""
        pair, every_s = subscription.pair, self._domain.pace.every_s
        match subscription.channel:
            case Channel.BOOK:
                book = self.get_snapshot(pair)
                return Call(request=book.request, parse=lambda response: (book.parse(response),)), every_s
            case Channel.TRADES:
                return self._as_effects(self.get_trades(pair)), max(TRADES_EVERY_S, every_s)
            case Channel.CANDLES:
                candles = self.get_candles(pair, subscription.interval)
                return self._as_effects(candles), max(CANDLES_EVERY_S, every_s)
            case Channel.TICKER:
                return self._as_effects(self._ticker(pair)), max(TICKER_EVERY_S, every_s)
        return None

    def _as_effects(self, call: Call[list[T]]) -> Call[Iterable[Effect]]:
        return Call(request=call.request, parse=call.parse)  # type: ignore[arg-type]

    def link_for(self, subscription: Subscription) -> Link:
        """Names the polling of one pair; there is no websocket behind it."""
        return Link(name=f"poll {subscription.pair}", url=self._domain.rest[""] + self._domain.path)

    def on_open(self, link: Link, now_ms: int) -> Iterable[Effect]:
        return NOTHING

    def subscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return NOTHING

    def unsubscribe(self, subscriptions: Sequence[Subscription]) -> Iterable[Effect]:
        return NOTHING

    def resync(self, subscription: Subscription) -> Iterable[Effect]:
        """The next poll brings a whole book."""
        return NOTHING

    def heartbeat(self, now_ms: int) -> bytes:
        return b""

    def on_message(self, data: bytes, frame: int) -> Iterable[Effect]:
        raise ValueError("the protocol has no stream")

    def read_reply(self, asked: bytes, response: Response) -> Iterable[Effect]:
        """What a logged answer means; `asked` is the logged request, because only its body says what was asked.

        Raises VenueError and ValueError as the calls themselves do.
        """
        question = read_question(asked)
        pair = to_pair(str(question.params["symbol"])) if question.params.get("symbol") else ""
        match question.method:
            case "depth" if pair:
                return (self._read_book(pair, response),)
            case "ticker" if pair:
                return (_ticker(pair, _decode_ticker(bytes(good_data(response))), response.frame),)
            case "trades" if pair:
                return _trades(pair, response)
            case "records" if pair:
                minutes = int(question.params.get("period", 0))
                interval = next((name for name, length in INTERVALS.items() if length == minutes), "")
                return _candles(pair, interval, None, response)
            case "accounts" | "assets":
                return [BalanceDelta(asset=b.asset, reason="listed", balance=b) for b in read_balances(response)]
            case "orders" | "historyorders":
                return read_orders(response)
            case "order":
                return (read_one_order(response, pair),)
        return NOTHING

    # -- questions

    def get_server_time(self) -> Call[int]:
        """Our own time at the middle of the exchange: the protocol tells none and signs with none.

        It is asked without any key, so that a stranger at the plug-in's port shows itself before one is sent.
        Raises VenueError for an answer that no plug-in gives.
        """

        def parse(response: Response) -> int:
            if not is_protocol(response):
                words = f"the program at {self._domain.rest['']} is not a plug-in; no key was sent to it"
                raise VenueError(ErrorKind.UNAVAILABLE, "", words, response.status, response.frame)
            self._domain.listener.recognised_ms = response.received_ms
            return (response.sent_ms + response.received_ms) // 2

        request = Request(
            method="POST", path=self._domain.path, body=encode_question("ticker", {}), weights=ONE_CALL, timeout_s=5.0
        )
        return Call(request=request, parse=parse)

    def get_trading_rules(self) -> Call[list[TradingRule]]:
        """The user's markets, with steps as the user or, marked as guessed, the books tell them.

        Asks for one market's book each time, the next one at the next; or for `markets` where the plug-in has it.
        """
        if self._domain.has_markets:
            return self._ask("markets", {}, self._read_markets)
        pair = self._next_pair()

        def parse(response: Response) -> list[TradingRule]:
            self._read_book(pair, response)
            return self._rules(response.frame)

        return self._ask("depth", {"limit": str(_DEPTH), "symbol": to_symbol(pair)}, parse)

    def get_tickers(self) -> Call[list[Ticker]]:
        """One market's ticker each time, the next one at the next; all of them where the plug-in has `tickers`."""
        if self._domain.has_tickers:
            return self._ask(
                "tickers",
                {},
                lambda response: [
                    _ticker(to_pair(row.symbol), row, response.frame)
                    for row in _decode_tickers(bytes(good_data(response)))
                ],
            )
        if not self._markets:
            # Only `markets` can tell any, and it has not yet.
            return self._ask("markets", {}, self._no_tickers)
        return self._ticker(self._next_pair())

    def get_snapshot(self, pair: str, depth: int = 0) -> Call[BookSnapshot]:
        params: dict[str, str | int] = {"limit": str(depth or _DEPTH), "symbol": to_symbol(pair)}
        return self._ask("depth", params, lambda response: self._read_book(pair, response), Priority.SNAPSHOT)

    def get_trades(self, pair: str) -> Call[list[Trade]]:
        """Oldest first. Rows of an unknown side are left out; a row without an id is named after what it holds."""
        return self._ask("trades", {"symbol": to_symbol(pair)}, lambda response: _trades(pair, response))

    def get_candles(self, pair: str, interval: str, end_ms: int | None = None) -> Call[list[Candle]]:
        """The newest bars, oldest first; the protocol cannot be asked for older ones, so `end_ms` only cuts.

        Raises KeyError for an interval not offered.
        """
        params: dict[str, str | int] = {
            "limit": str(_CANDLES),
            "period": str(INTERVALS[interval]),
            "symbol": to_symbol(pair),
        }
        return self._ask("records", params, lambda response: _candles(pair, interval, end_ms, response))

    # -- small parts

    def _ask(
        self,
        method: str,
        params: dict[str, str | int],
        parse: Callable[[Response], T],
        priority: Priority = Priority.INFO,
    ) -> Call[T]:
        return Call(request=question(self._domain.path, method, params, priority), parse=parse)

    def _ticker(self, pair: str) -> Call[list[Ticker]]:
        return self._ask(
            "ticker",
            {"symbol": to_symbol(pair)},
            lambda response: [_ticker(pair, _decode_ticker(bytes(good_data(response))), response.frame)],
        )

    def _no_tickers(self, response: Response) -> list[Ticker]:
        self._read_markets(response)
        return []

    def _next_pair(self) -> str:
        pairs = list(self._markets)
        self._next += 1
        return pairs[self._next % len(pairs)]

    def _read_book(self, pair: str, response: Response) -> BookSnapshot:
        row = _decode_depth(bytes(good_data(response)))
        bids = sorted(_levels(row.bids), key=lambda level: Decimal(level[0]), reverse=True)
        asks = sorted(_levels(row.asks), key=lambda level: Decimal(level[0]))
        self._note_decimals(pair, (*bids, *asks))
        return BookSnapshot(pair=pair, bids=bids, asks=asks, exchange_ms=ms_of(row.time), frame=response.frame)

    def _note_decimals(self, pair: str, levels: Iterable[Level]) -> None:
        price, amount = self._guessed.get(pair, (0, 0))
        for level in levels:
            price, amount = max(price, _decimals(level[0])), max(amount, _decimals(level[1]))
        self._guessed[pair] = min(price, MOST_DECIMALS), min(amount, MOST_DECIMALS)

    def _read_markets(self, response: Response) -> list[TradingRule]:
        found = _decode_markets(bytes(good_data(response)))
        for symbol in found if isinstance(found, dict) else [row.symbol for row in found]:
            try:
                self._markets.setdefault(to_pair(symbol), PluginMarket(to_pair(symbol)))
            except ValueError:
                continue
        return self._rules(response.frame)

    def _rules(self, frame: int) -> list[TradingRule]:
        return [self._rule(market, frame) for market in self._markets.values()]

    def _rule(self, market: PluginMarket, frame: int) -> TradingRule:
        base, _, quote = market.pair.partition("-")
        seen = self._guessed.get(market.pair, (_UNKNOWN_DECIMALS, _UNKNOWN_DECIMALS))
        guessed = market.price_decimals is None or market.amount_decimals is None
        price = seen[0] if market.price_decimals is None else market.price_decimals
        amount = seen[1] if market.amount_decimals is None else market.amount_decimals
        sized, at_market = self._domain.market_orders, self._domain.market_orders != "off"
        return TradingRule(
            pair=market.pair,
            symbol=to_symbol(market.pair),
            base=base,
            quote=quote,
            min_price_increment=Decimal(1).scaleb(-price),
            min_base_amount_increment=Decimal(1).scaleb(-amount),
            order_types=frozenset({OrderType.LIMIT, *((OrderType.MARKET,) if at_market else ())}),
            times_in_force=frozenset({TimeInForce.GTC}),
            market_buy_by_quote=sized == "quote",
            market_buy_by_base=sized == "base",
            venue_status="steps guessed from the book" if guessed else "steps set by the user",
            frame=frame,
        )


def question(
    path: str,
    method: str,
    params: dict[str, str | int],
    priority: Priority,
    timeout_s: float = 10.0,
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    """A POST to the plug-in. `params` of the request are the extra headers; the keys are added when it is signed."""
    return Request(
        method="POST",
        path=path,
        params=headers,
        body=encode_question(method, params),
        signed=True,
        weights=ONE_CALL,
        priority=priority,
        timeout_s=timeout_s,
    )


def _levels(rows: list[list[Raw]]) -> list[Level]:
    levels: dict[str, str] = {}
    for row in rows:
        if len(row) < 2:
            raise ValueError("a level of the book without price and amount")
        price, amount = number_of(row[0]), number_of(row[1])
        if price <= 0 or amount < 0:
            raise ValueError("a level of the book that is no price and amount")
        if amount:
            levels[plain(price)] = plain(amount)
    return list(levels.items())


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def _ticker(pair: str, row: TickerRow, frame: int) -> Ticker:
    last, opened = number_of(row.last), unless_zero(row.open)
    return Ticker(
        pair=pair,
        last=last,
        bid=unless_zero(row.buy),
        ask=unless_zero(row.sell),
        open=opened,
        high=unless_zero(row.high),
        low=unless_zero(row.low),
        change=(last - opened) / opened if opened else None,
        base_volume=number_of(row.vol),
        quote_volume=None,
        exchange_ms=ms_of(row.time),
        frame=frame,
    )


def _trades(pair: str, response: Response) -> list[Trade]:
    rows = [(ms_of(row.time), row) for row in _decode_trades(bytes(good_data(response)))]
    trades: list[Trade] = []
    same: dict[str, int] = {}
    for time_ms, row in sorted(rows, key=lambda item: item[0]):
        side: Side | None = SIDES.get(row.type.lower())
        if side is None:
            continue
        price, amount = plain(number_of(row.price)), plain(number_of(row.amount))
        trade_id = text_of(row.id)
        if not trade_id:
            held = f"{time_ms}:{price}:{amount}:{side}"
            same[held] = same.get(held, 0) + 1
            trade_id = f"{held}:{same[held]}"
        trades.append(
            Trade(
                pair=pair,
                trade_id=trade_id,
                taker=side,
                price=price,
                amount=amount,
                exchange_ms=time_ms,
                frame=response.frame,
            )
        )
    return trades


def _candles(pair: str, interval: str, end_ms: int | None, response: Response) -> list[Candle]:
    bars = []
    for row in _decode_candles(bytes(good_data(response))):
        if len(row) < 6:
            raise ValueError(f"a bar of {len(row)} fields, not 6")
        opened, high, low, close, volume = (plain(number_of(cell)) for cell in row[1:6])
        bars.append(
            Candle(
                pair=pair,
                interval=interval,
                start_ms=ms_of(row[0]),
                open=opened,
                high=high,
                low=low,
                close=close,
                volume=volume,
                frame=response.frame,
            )
        )
    return sorted((bar for bar in bars if end_ms is None or bar.start_ms <= end_ms), key=lambda bar: bar.start_ms)
