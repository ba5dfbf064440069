"""The methods of the FMZ custom protocol, answered by one connected exchange. No HTTP, no keys.

Live books, balances and orders are read where they are kept true; the exchange is asked where they are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from app.connectors.exchange import Exchange
from app.connectors.fmz.protocol import OUTCOME_UNKNOWN, RAW_PREFIX, REFUSED, to_pair
from app.connectors.spec import PrivateSource
from app.connectors.trading import OrderRefused
from app.core.cancellation import CancelOutcome
from app.core.errors import ErrorKind
from app.core.order_book import BookState
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder, OrderIntent
from app.core.requests import Call, NoAnswer, NotSent, Priority, Request, Response, VenueError
from app.core.trading_rule import OrderDraft, TradingRule
from app.core.types import OrderType, Side, Ticker
from app.net.waiting import happens
from app.services.fmz_rows import (
    BadParams,
    amount_param,
    balance_row,
    candle_row,
    count_param,
    depth_row,
    order_id,
    order_row,
    pair_param,
    text_param,
    ticker_row,
    trade_row,
)
from app.services.pairing import Permissions

_PLACED_WITHIN_S = 10.0
_HISTORY_MS = 24 * 3_600_000
_MARKET = Decimal(-1)
_MINUTES = {"m": 1, "h": 60, "d": 1_440, "w": 10_080}
_LARGEST_RAW = 16 << 10


class Refusal(Exception):
    """The client is told these words."""


class Answer(Struct, frozen=True):
    """`raw`: the exchange's own message, as JSON, or empty."""

    data: Any
    raw: bytes = b""


class FmzMethods:
    """Raises Refusal with words for the client; nothing else leaves it."""

    def __init__(self, exchange: Exchange, permissions: Permissions, *, undocumented: bool = False) -> None:
        self._exchange = exchange
        self._permissions = permissions
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "ticker": self._ticker,
            "depth": self._depth,
            "trades": self._trades,
            "records": self._records,
            "accounts": self._accounts,
            "assets": self._accounts,
            "trade": self._trade,
            "orders": self._orders,
            "order": self._order,
            "historyorders": self._history_orders,
            "cancel": self._cancel,
        }
        if undocumented:
            self._methods |= {"tickers": self._tickers, "markets": self._markets}

    async def call(self, method: str, params: dict[str, Any], verb: str) -> Answer:
        """`verb` is the header Http-Method of a raw call, else unused."""
        try:
            if method.startswith(RAW_PREFIX):
                return await self._raw(verb.upper(), method.removeprefix(RAW_PREFIX), params)
            answer = self._methods.get(method)
            if answer is None:
                known = method in ("markets", "tickers", "positions")
                raise Refusal("not support" if known else f"invalid method: {method[:40]}")
            return await answer(params)
        except BadParams as error:
            raise Refusal(f"{REFUSED}{error}") from None
        except NotSent as error:
            raise Refusal(f"{REFUSED}not sent: {error}") from None
        except NoAnswer as error:
            raise Refusal(f"{OUTCOME_UNKNOWN}{error}") from None
        except VenueError as error:
            raise Refusal("no such order" if error.kind is ErrorKind.NOT_FOUND else str(error)) from None

    # -- market data

    async def _ticker(self, params: dict[str, Any]) -> Answer:
        rule = self._rule(params)
        ticker = self._exchange.tickers.get(rule.pair)
        if ticker is None:
            raise Refusal(f"no ticker of {rule.pair} yet")
        bid, ask = self._touch(ticker)
        if bid is None and ask is None:
            book = await self._exchange.order_book_tracker.data_source.get_snapshot(rule.pair)
            bid = Decimal(book.bids[0][0]) if book.bids else None
            ask = Decimal(book.asks[0][0]) if book.asks else None
        return Answer(ticker_row(ticker, bid, ask, self._exchange.venue.wall_ms()), self._raw_of(ticker.frame))

    async def _tickers(self, params: dict[str, Any]) -> Answer:
        now = self._exchange.venue.wall_ms()
        return Answer([ticker_row(each, *self._touch(each), now) for each in self._exchange.tickers.values()])

    async def _markets(self, params: dict[str, Any]) -> Answer:
        return Answer([{"symbol": pair.replace("-", "_")} for pair in self._exchange.trading_rules])

    async def _depth(self, params: dict[str, Any]) -> Answer:
        pair, limit = self._rule(params).pair, count_param(params, "limit", 30, 500)
        book = self._exchange.order_books.get(pair)
        now = self._exchange.venue.wall_ms()
        fresh = self._exchange.freshness(pair).state in ("live", "aging")
        if book is not None and book.state is BookState.LIVE and fresh and len(book.bids) >= min(limit, 20):
            bids, asks = book.top(limit)
            return Answer(depth_row(bids, asks, book.exchange_ms or now))
        asked = await self._exchange.order_book_tracker.data_source.get_snapshot(pair, limit)
        row = depth_row(asked.bids[:limit], asked.asks[:limit], asked.exchange_ms or now)
        return Answer(row, self._raw_of(asked.frame))

    async def _trades(self, params: dict[str, Any]) -> Answer:
        pair = self._rule(params).pair
        tape = self._exchange.order_book_tracker.tapes.get(pair)
        if tape is not None and len(tape) and self._exchange.freshness(pair).state == "live":
            trades = list(tape)[-500:]
        else:
            source = self._exchange.order_book_tracker.data_source.source
            trades = await self._exchange.venue.perform(source.get_trades(pair))
        return Answer([trade_row(trade) for trade in trades])

    async def _records(self, params: dict[str, Any]) -> Answer:
        """Oldest first."""
        pair, limit = self._rule(params).pair, count_param(params, "limit", 500, 1_000)
        minutes = count_param(params, "period", 60, 1 << 30)
        intervals = {_minutes(interval): interval for interval in self._exchange.intervals}
        if minutes not in intervals:
            offered = ", ".join(str(known) for known in sorted(intervals) if known)
            raise BadParams(f"no period of {minutes} minutes; there are {offered}")
        source = self._exchange.order_book_tracker.data_source.source
        candles = await self._exchange.venue.perform(source.get_candles(pair, intervals[minutes]))
        return Answer([candle_row(candle) for candle in candles[-limit:]])

    # -- account

    async def _accounts(self, params: dict[str, Any]) -> Answer:
        source = self._source()
        if self._exchange.account.complete_frame and self._exchange.account_freshness().state == "live":
            balances = list(self._exchange.account.balances.values())
        else:
            balances = await self._exchange.venue.all_pages(source.get_balances())
        return Answer([balance_row(balance) for balance in balances])

    async def _orders(self, params: dict[str, Any]) -> Answer:
        pair = self._rule(params).pair if params.get("symbol") else None
        self._source()
        tracker = self._exchange.user_stream_tracker
        if tracker is None or not tracker.reconciled:
            raise Refusal("the open orders are not known yet")
        found = [order for order in self._exchange.orders.open if order.exchange_order_id]
        return Answer([self._row(order) for order in found if pair is None or order.pair == pair])

    async def _order(self, params: dict[str, Any]) -> Answer:
        order = await self._find(params)
        return Answer(self._row(order), self._raw_of(order.frame))

    async def _history_orders(self, params: dict[str, Any]) -> Answer:
        """Of the last 24 h unless told otherwise; newest first, 100 unless told otherwise."""
        pair = self._rule(params).pair if params.get("symbol") else None
        limit = count_param(params, "limit", 100, 1_000)
        since_ms = count_param(params, "since", 0, 1 << 53) or self._exchange.venue.estimate_ms() - _HISTORY_MS
        self._source()
        tracker = self._exchange.user_stream_tracker
        assert tracker is not None
        await tracker.load_history(since_ms)
        done = [
            order
            for order in self._exchange.orders
            if order.is_done
            and order.exchange_order_id
            and order.updated_ms >= since_ms
            and (pair is None or order.pair == pair)
        ]
        newest = sorted(done, key=lambda order: order.updated_ms, reverse=True)[:limit]
        return Answer([self._row(order) for order in newest])

    # -- order entry

    async def _trade(self, params: dict[str, Any]) -> Answer:
        self._may_trade()
        draft = self._draft(params)
        try:
            key = self._exchange.submit(draft)
        except OrderRefused as error:
            raise Refusal(f"{REFUSED}{error}") from None
        order = self._exchange.orders.get(key)
        assert order is not None
        self._exchange.venue.notices.info(
            self._exchange.key, f"plug-in service: {draft.side} order on {draft.pair} placed as {key}"
        )
        await self._told(order)
        if order.exchange_order_id:
            return Answer({"id": order_id(order, self._native(order.pair))}, self._raw_of(order.frame))
        if order.is_done:
            raise Refusal(f"{REFUSED}{order.reason or order.state}")
        raise Refusal(f"{OUTCOME_UNKNOWN}the order {key} may be live; do not send it again")

    async def _cancel(self, params: dict[str, Any]) -> Answer:
        self._may_trade()
        order = await self._find(params)
        receipt = await self._exchange.cancel(order.key)
        result = receipt.results[0]
        words = f" ({result.words})" if result.words else ""
        self._exchange.venue.notices.info(
            self._exchange.key, f"plug-in service: cancel of {order.key}: {result.outcome}"
        )
        if result.outcome is CancelOutcome.UNKNOWN:
            raise Refusal(f"{OUTCOME_UNKNOWN}the cancel was not answered{words}")
        if result.outcome is CancelOutcome.FILLED_FIRST:
            raise Refusal(f"{REFUSED}the order was filled first")
        if not result.success:
            raise Refusal(f"{REFUSED}not cancelled{words}")
        return Answer(True)

    # -- raw calls

    async def _raw(self, verb: str, path: str, params: dict[str, Any]) -> Answer:
        if not self._permissions.allows_raw(verb, unquote(path)) or unquote(path) != path:
            raise Refusal(f"{REFUSED}raw calls of {verb or 'no verb'} to this path are not allowed here")
        self._source()
        if verb != "GET" and self._exchange.no_orders:
            raise Refusal(f"{REFUSED}{self._exchange.no_orders}")
        if not all(isinstance(value, str | int) for value in params.values()):
            raise BadParams("the parameters of a raw call are texts and numbers")
        texts = tuple((name, str(value)) for name, value in params.items())
        reading = verb == "GET"
        request = Request(
            method=verb,
            path=path,
            params=texts if reading else (),
            body=b"" if reading else msgspec.json.encode(params),
            signed=True,
            priority=Priority.INFO,
        )
        body = await self._exchange.venue.perform(Call(request=request, parse=_json_of))
        return Answer(msgspec.Raw(body))

    # -- small parts

    def _rule(self, params: dict[str, Any]) -> TradingRule:
        pair = pair_param(params)
        rule = self._exchange.trading_rules.get(pair)
        if rule is None:
            raise BadParams(f"{pair} is not a market of {self._exchange.title} that is known here")
        return rule

    def _native(self, pair: str) -> str:
        rule = self._exchange.trading_rules.get(pair)
        return rule.symbol if rule is not None else pair

    def _row(self, order: InFlightOrder) -> dict[str, Any]:
        return order_row(order, self._native(order.pair))

    def _source(self) -> PrivateSource:
        tracker = self._exchange.user_stream_tracker
        if tracker is None:
            raise Refusal(f"{REFUSED}no account of {self._exchange.title} is signed in here")
        return tracker.data_source.source

    def _may_trade(self) -> None:
        if not self._permissions.trade:
            raise Refusal(f"{REFUSED}this service was started for reading only")
        self._source()

    def _touch(self, ticker: Ticker) -> tuple[Decimal | None, Decimal | None]:
        book = self._exchange.order_books.get(ticker.pair)
        if book is not None and not book.stale and book.best_bid and book.best_ask:
            return Decimal(book.best_bid), Decimal(book.best_ask)
        return ticker.bid, ticker.ask

    def _draft(self, params: dict[str, Any]) -> OrderDraft:
        rule = self._rule(params)
        side = {"buy": Side.BUY, "sell": Side.SELL}.get(text_param(params, "type").lower())
        if side is None:
            raise BadParams("type is buy or sell")
        amount, price = amount_param(params, "amount"), amount_param(params, "price")
        if amount <= 0 or (price <= 0 and price != _MARKET):
            raise BadParams("amount and price are above 0; a price of -1 is a market order")
        if price != _MARKET:
            return OrderDraft(pair=rule.pair, side=side, type=OrderType.LIMIT, price=price, amount=amount)
        by_quote = side is Side.BUY and rule.market_buy_by_quote
        return OrderDraft(
            pair=rule.pair,
            side=side,
            type=OrderType.MARKET,
            amount=None if by_quote else amount,
            quote_amount=amount if by_quote else None,
        )

    async def _told(self, order: InFlightOrder) -> None:
        """Wait until the exchange has said what became of it, or nobody knows."""
        news = asyncio.Event()

        def told() -> bool:
            return bool(order.exchange_order_id) or order.is_done or order.state is OrderState.UNKNOWN

        disconnect = self._exchange.orders.changed.connect(lambda changed: news.set() if told() else None)
        try:
            if not told():
                await happens(news, _PLACED_WITHIN_S)
        finally:
            disconnect()

    async def _find(self, params: dict[str, Any]) -> InFlightOrder:
        """By an id such as `BTC_USDT,123456`, whose first part alone may name the market."""
        native, comma, exchange_order_id = text_param(params, "id").partition(",")
        if not comma or not exchange_order_id:
            raise BadParams("an id is made of the market, a comma and the exchange's number")
        source = self._source()
        pair = self._pair_of(native)
        order = self._known(exchange_order_id, pair)
        if order is None or not order.is_done:
            asked = order or _foreign(exchange_order_id, pair)
            update = await self._exchange.venue.perform(source.get_order(asked))
            self._exchange.ledger.update(update, self._exchange.venue.wall_ms())
            order = self._known(exchange_order_id, pair)
        if order is None:
            raise Refusal("no such order")
        return order

    def _known(self, exchange_order_id: str, pair: str) -> InFlightOrder | None:
        matching = (
            o for o in self._exchange.orders if exchange_order_id in (o.exchange_order_id, o.triggered_order_id)
        )
        return next((order for order in matching if order.pair == pair), None)

    def _pair_of(self, native: str) -> str:
        for rule in self._exchange.trading_rules.values():
            if rule.symbol == native:
                return rule.pair
        try:
            pair = to_pair(native)
        except ValueError as error:
            raise BadParams(str(error)) from None
        if pair not in self._exchange.trading_rules:
            raise BadParams(f"{pair} is not a market of {self._exchange.title} that is known here")
        return pair

    def _raw_of(self, frame: int) -> bytes:
        """The exchange's own message, redacted as it was logged; empty when it is large or has left memory."""
        found = self._exchange.venue.log.get(frame)
        if found is None or len(found.payload) > _LARGEST_RAW:
            return b""
        try:
            msgspec.json.decode(found.payload)
        except (ValueError, RecursionError):
            return b""
        return found.payload


def _foreign(exchange_order_id: str, pair: str) -> InFlightOrder:
    terms = OrderIntent(client_order_id="", pair=pair, side=Side.BUY, type=OrderType.LIMIT)
    order = InFlightOrder(terms, external=True)
    order.exchange_order_id = exchange_order_id
    return order


def _minutes(interval: str) -> int:
    """0 for an interval that is no number of minutes, such as a month."""
    return int(interval[:-1]) * _MINUTES.get(interval[-1], 0)


def _json_of(response: Response) -> bytes:
    msgspec.json.decode(response.body)
    return response.body
