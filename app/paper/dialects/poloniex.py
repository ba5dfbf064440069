"""The paper twin of Poloniex spot: routes, rate classes and signatures around one Desk. No matching, no sockets.

| what | rule | evidence |
|---|---|---|
| paths, methods, fields | see poloniex_market, _trading, _lists, _smart | sheet 2-6 |
| signature on every private call | see poloniex_auth | sheet 4 |
| errors | HTTP status other than 200 with code and message | sheet 7 |
| rate classes | 200/s, 10/s, 50/s, 10/s; HTTP 429 above | sheet 7; code in the body unconfirmed |
| `/trades/` with a slash, `/v3/market/allInstruments` | the SDK and ccxt ask for them | their sources |
| fees | 0.00145 maker, 0.00155 taker, from the received asset, exact | sheet 2; rounding unconfirmed (none here) |
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec
from aiohttp import web

from app.core.clock import Clock
from app.paper.accounts import Account, Fees
from app.paper.desk import Desk
from app.paper.dialects.poloniex_auth import authenticate
from app.paper.dialects.poloniex_errors import ApiError
from app.paper.dialects.poloniex_feed import Feed
from app.paper.dialects.poloniex_ids import Snowflakes, first_trade_id
from app.paper.dialects.poloniex_lists import AccountLists
from app.paper.dialects.poloniex_market import MarketData
from app.paper.dialects.poloniex_request import Call
from app.paper.dialects.poloniex_rules import OrderRules
from app.paper.dialects.poloniex_smart import SmartOrders
from app.paper.dialects.poloniex_sockets import Sockets
from app.paper.dialects.poloniex_trading import Trading
from app.paper.rate_limits import RateLimits

FEES = Fees(maker=Decimal("0.00145"), taker=Decimal("0.00155"))
RATES = {"cheap public": 200.0, "heavy public": 10.0, "cheap private": 50.0, "heavy private": 10.0}

Answer = Callable[[Call], object]
_log = logging.getLogger(__name__)


class PoloniexTwin:
    """One desk speaking Poloniex. `rules` and `sockets` hold what a test may want to change."""

    def __init__(self, desk: Desk, ids: Snowflakes) -> None:
        self.desk = desk
        self.rules = OrderRules(desk.venue)
        self.limits = RateLimits(RATES, desk.clock)
        self.feed = Feed(desk, ids)
        self._market = MarketData(desk, self.rules)
        self._trading = Trading(desk, self.rules)
        self._lists = AccountLists(desk, self._trading, self._market.currency_ids)
        self._smart = SmartOrders(desk, self.rules)
        self.sockets = Sockets(desk, self.feed, self._market, self.rules, self._trading)
        desk.listen(self.feed.show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}/ws/public",
            "ws_private": f"ws://{host}:{port}/ws/private",
        }

    def tick(self) -> None:
        self.feed.tick()

    def close(self) -> None:
        self.sockets.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_as_json_errors])
        app.router.add_get("/ws/public", self.sockets.public)
        app.router.add_get("/ws/private", self.sockets.private)
        self._add_public(app.router)
        self._add_orders(app.router)
        self._add_account(app.router)
        return app

    def _add_public(self, router: web.UrlDispatcher) -> None:
        market = self._market
        cheap, heavy = "cheap public", "heavy public"
        for path, answer, rate_class in (
            ("/timestamp", market.timestamp, cheap),
            ("/markets", market.markets, heavy),
            ("/markets/price", market.prices, cheap),
            ("/markets/ticker24h", market.tickers, heavy),
            ("/markets/{symbol}", market.market, heavy),
            ("/markets/{symbol}/price", market.price, cheap),
            ("/markets/{symbol}/ticker24h", market.ticker, heavy),
            ("/markets/{symbol}/orderBook", market.order_book, cheap),
            ("/markets/{symbol}/candles", market.candles, cheap),
            ("/markets/{symbol}/trades", market.trades, heavy),
            ("/v2/currencies", market.currencies, heavy),
            ("/v2/currencies/{currency}", market.currency, heavy),
            ("/v3/market/allInstruments", market.futures, cheap),
        ):
            router.add_get(path, self._route(answer, rate_class, signed=False))

    def _add_orders(self, router: web.UrlDispatcher) -> None:
        trading, lists, smart = self._trading, self._lists, self._smart
        cheap, heavy = "cheap private", "heavy private"
        for method, path, answer, rate_class in (
            ("POST", "/orders", trading.place, cheap),
            ("GET", "/orders", lists.open_orders, heavy),
            ("DELETE", "/orders", trading.cancel_all, heavy),
            ("POST", "/orders/batch", trading.place_batch, heavy),
            ("GET", "/orders/history", lists.history, heavy),
            ("DELETE", "/orders/cancelByIds", trading.cancel_by_ids, heavy),
            ("POST", "/orders/killSwitch", trading.set_kill_switch, cheap),
            ("GET", "/orders/killSwitchStatus", trading.kill_switch_status, cheap),
            ("GET", "/orders/{order_id}", lists.order, cheap),
            ("DELETE", "/orders/{order_id}", trading.cancel, cheap),
            ("PUT", "/orders/{order_id}", trading.replace, heavy),
            ("GET", "/orders/{order_id}/trades", lists.order_trades, cheap),
            ("POST", "/smartorders", smart.place, cheap),
            ("GET", "/smartorders", smart.waiting, heavy),
            ("DELETE", "/smartorders", smart.cancel_all, heavy),
            ("GET", "/smartorders/history", smart.history, heavy),
            ("DELETE", "/smartorders/cancelByIds", smart.cancel_by_ids, heavy),
            ("GET", "/smartorders/{order_id}", smart.one, cheap),
            ("DELETE", "/smartorders/{order_id}", smart.cancel, cheap),
            ("PUT", "/smartorders/{order_id}", smart.replace, heavy),
        ):
            router.add_route(method, path, self._route(answer, rate_class, signed=True))

    def _add_account(self, router: web.UrlDispatcher) -> None:
        lists = self._lists
        cheap, heavy = "cheap private", "heavy private"
        for path, answer, rate_class in (
            ("/accounts", lists.accounts, cheap),
            ("/accounts/balances", lists.balances, cheap),
            ("/feeinfo", lists.fee_info, heavy),
            ("/trades", lists.trades, heavy),
            ("/trades/", lists.trades, heavy),
        ):
            router.add_get(path, self._route(answer, rate_class, signed=True))

    def _route(
        self, answer: Answer, rate_class: str, *, signed: bool
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            caller = request.headers.get("key", "") if signed else ""
            if not self.limits.allow(caller or request.remote or "", rate_class):
                raise ApiError(429)
            body = await request.read()
            account = self._authenticate(request, body) if signed else None
            call = Call(path=request.match_info, query=request.query, body=_decoded(body), caller=account)
            try:
                found = answer(call)
                if inspect.isawaitable(found):
                    found = await found
            finally:
                self.desk.publish()
            return _json(200, found)

        return handle

    def _authenticate(self, request: web.Request, body: bytes) -> Account:
        return authenticate(
            self.desk.accounts,
            request.headers,
            request.method,
            request.raw_path.partition("?")[0],
            list(request.query.items()),
            body,
            self.desk.venue.now_ms(),
        )


def open_twin(seed: int, clock: Clock) -> PoloniexTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    ids = Snowflakes(clock)
    desk = Desk(
        exchange="poloniex",
        seed=seed,
        clock=clock,
        fees=FEES,
        next_order_id=ids.next,
        first_trade_id=first_trade_id(clock),
    )
    return PoloniexTwin(desk, ids)


def _decoded(body: bytes) -> object:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(601, "Invalid Parameter: body is not JSON") from None


def _json(status: int, value: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


@web.middleware
async def _as_json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _json(error.status, error.body())
    except web.HTTPException as error:
        return _json(error.status, {"code": error.status, "message": error.reason})
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _json(500, ApiError(500).body())
