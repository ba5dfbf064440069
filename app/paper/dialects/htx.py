"""The paper twin of HTX spot: REST routes, limits, signatures and permissions around one Desk. No matching here.

| what | rule | evidence |
|---|---|---|
| paths, methods, fields | see htx_market, htx_lists, htx_trading, htx_algos | sheet 2 to 6 |
| version 1 | HTTP 200 with status ok or error | sheet 7 |
| version 2 | HTTP 200 with code 200 or another | sheet 7 |
| limits | n in a window, with headers | sheet 7; codes: see htx_limits, htx_errors |
| keys | HMAC only. A second, read-only key of the same account is refused on POST | sheet 4 and 7; code unconfirmed |
| fees | 0.002, from the received asset, exact | sheet 2, 5; rounding unconfirmed (none here) |
| order amendment, order preview | there is none | sheet 6 |
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.core.clock import Clock
from app.paper.accounts import Fees
from app.paper.desk import Desk, seeded_credentials
from app.paper.dialects.htx_algos import Algos
from app.paper.dialects.htx_auth import authenticate
from app.paper.dialects.htx_books import Json, PairBook
from app.paper.dialects.htx_errors import NO_PERMISSION, ApiError
from app.paper.dialects.htx_feed import Feed
from app.paper.dialects.htx_limits import CLASSES, WindowLimits
from app.paper.dialects.htx_listings import BARS, HTX_LISTINGS
from app.paper.dialects.htx_lists import AccountLists
from app.paper.dialects.htx_market import MarketData
from app.paper.dialects.htx_numbers import OrderNumbers, first_trade_id
from app.paper.dialects.htx_request import Call
from app.paper.dialects.htx_rules import OrderRules
from app.paper.dialects.htx_sockets import Sockets
from app.paper.dialects.htx_trading import Trading
from app.paper.dialects.htx_user_feed import UserFeed

FEES = Fees(maker=Decimal("0.002"), taker=Decimal("0.002"))

Answer = Callable[[Call], object]
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class HtxTwin:
    """One desk speaking HTX. `market`, `feed` and `sockets` hold what a test may want to change."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._read_only_keys = frozenset({desk.keys["read-only"].api_key})
        self.limits = WindowLimits(desk.clock)
        self.allowances = dict(CLASSES)
        self.books = {
            pair: PairBook(instrument, desk.venue.books[pair], desk.opened_ms)
            for pair, instrument in desk.venue.instruments.items()
        }
        self.market = MarketData(desk, self.books)
        rules = OrderRules(desk, self.market)
        self._trading = Trading(desk, rules)
        self._algos = Algos(desk, rules)
        self._lists = AccountLists(desk, self.market, self._trading)
        self.feed = Feed(desk, self.books, self.market)
        self.user_feed = UserFeed(desk)
        self.sockets = Sockets(desk, self.feed, self.user_feed, self._trading, self._read_only_keys)
        desk.listen(self._show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}/ws",
            "ws_private": f"ws://{host}:{port}/ws/v2",
        }

    def tick(self) -> None:
        self.feed.tick()
        self.user_feed.tick()
        self.sockets.tick()

    def close(self) -> None:
        self.sockets.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_as_json_errors])
        for path in ("/ws", "/feed", "/ws/v2", "/ws/trade"):
            app.router.add_get(path, self.sockets.serve)
        self._add_public(app.router)
        self._add_reads(app.router)
        self._add_changes(app.router)
        return app

    def _show(self, events: Any) -> int:
        self.user_feed.show(events)
        return self.feed.show(events)

    def _add_public(self, router: web.UrlDispatcher) -> None:
        market = self.market
        answers: dict[str, tuple[Answer, bool]] = {
            "/v1/settings/common/market-symbols": (market.symbols, True),
            "/v1/common/symbols": (market.long_symbols, False),
            "/v2/settings/common/symbols": (market.display_symbols, False),
            "/v1/common/timestamp": (market.time, False),
            "/v2/market-status": (market.status, False),
            "/v2/reference/currencies": (market.currencies, False),
            "/market/depth": (market.depth, True),
            "/market/history/kline": (market.klines, True),
            "/market/history/candles": (market.candles, True),
            "/market/detail/merged": (market.merged, True),
            "/market/tickers": (market.all_tickers, True),
            "/market/history/trade": (market.trades, True),
        }
        for path, (answer, whole) in answers.items():
            router.add_get(path, self._route(answer, "other", whole=whole, signed=False))

    def _add_reads(self, router: web.UrlDispatcher) -> None:
        lists, algos = self._lists, self._algos
        for path, answer, limit in (
            ("/v1/account/accounts", lists.accounts, "account"),
            ("/v1/account/accounts/{place}/balance", lists.balance, "account"),
            ("/v2/user/uid", lists.uid, "other"),
            ("/v1/order/openOrders", lists.open_orders, "order"),
            ("/v1/order/orders/getClientOrder", lists.order_by_client_id, "order"),
            ("/v1/order/orders/{place}/matchresults", lists.fills_of_order, "order"),
            ("/v1/order/orders/{place}", lists.order, "order"),
            ("/v1/order/orders", lists.orders, "order"),
            ("/v1/order/history", lists.history, "order"),
            ("/v1/order/matchresults", lists.fills, "fills"),
            ("/v2/algo-orders/opening", algos.opening, "other"),
            ("/v2/algo-orders/history", algos.history, "other"),
            ("/v2/algo-orders/specific", algos.specific, "other"),
        ):
            router.add_get(path, self._route(answer, limit))
        router.add_get("/v2/reference/transact-fee-rate", self._route(lists.fees, "other", whole=True))

    def _add_changes(self, router: web.UrlDispatcher) -> None:
        trading, algos = self._trading, self._algos
        for path, answer, limit in (
            ("/v1/order/orders/place", trading.place, "place"),
            ("/v1/order/orders/{place}/submitcancel", trading.cancel, "cancel"),
            ("/v1/order/orders/submitCancelClientOrder", trading.cancel_by_client_id, "cancel"),
            ("/v1/order/orders/batchcancel", trading.cancel_many, "cancel"),
            ("/v1/order/orders/batchCancelOpenOrders", trading.cancel_all, "cancel"),
            ("/v2/algo-orders", algos.place, "other"),
            ("/v2/algo-orders/cancellation", algos.cancel, "other"),
            ("/v2/algo-orders/cancel-all-after", algos.cancel_all_after, "other"),
        ):
            router.add_post(path, self._route(answer, limit))
        router.add_post("/v1/order/batch-orders", self._route(self._place_many, "place"))

    def _place_many(self, call: Call) -> object:
        return self._trading.place_many(call.account, call.body)

    def _route(self, answer: Answer, limit: str, *, whole: bool = False, signed: bool = True) -> Handle:
        """`whole` answers bring their own `data` or `tick`."""

        async def handle(request: web.Request) -> web.Response:
            headers: dict[str, str] = {}
            body = await request.read()
            try:
                call = self._call(request, body, limit, headers, signed=signed)
                found = answer(call)
                if inspect.isawaitable(found):
                    found = await found
            except ApiError as error:
                return _json(error.status, error.body(_version(request)), headers)
            finally:
                self.desk.publish()
            reply: Json = {"code": 200} if _version(request) == 2 else {"status": "ok"}
            if request.path == "/v2/market-status":
                reply["message"] = "success"
            return _json(200, reply | (found if whole and isinstance(found, dict) else {"data": found}), headers)

        return handle

    def _call(self, request: web.Request, body: bytes, limit: str, headers: dict[str, str], *, signed: bool) -> Call:
        """What the request asks for, once it may. Raises ApiError."""
        allowance = self.allowances[limit]
        place = request.match_info.get("place", "")
        account = None
        caller = request.remote or ""
        if signed:
            now_ms = self.desk.venue.now_ms()
            path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
            account, credentials = authenticate(self.desk.accounts, request.method, request.host, path, query, now_ms)
            if request.method == "POST" and credentials.api_key in self._read_only_keys:
                raise ApiError("api-signature-not-valid", NO_PERMISSION)
            caller = caller if allowance.per_address else account.account_id
        what = str(request.match_info.route.resource) if limit == "order" else limit
        allowed, left = self.limits.allow(caller, what, allowance)
        headers |= left
        if not allowed:
            raise ApiError("base-request-exceed-frequency-limit" if signed else "rate-too-many-requests")
        terms: Any = _decoded(body, request.path) if request.method == "POST" else {}
        return Call(query=request.query, body=terms, caller=account, place=place)


def open_twin(seed: int, clock: Clock) -> HtxTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    desk = Desk(
        exchange="htx",
        seed=seed,
        clock=clock,
        fees=FEES,
        next_order_id=OrderNumbers(clock).next,
        first_trade_id=first_trade_id(clock),
        listings=HTX_LISTINGS,
        keys={
            "hmac": seeded_credentials("htx", seed),
            "read-only": seeded_credentials("htx/read-only", seed),
        },
        intervals=tuple(BARS.values()),
    )
    return HtxTwin(desk)


def _version(request: web.Request) -> int:
    return 2 if request.path.startswith("/v2/") else 1


def _decoded(body: bytes, path: str) -> object:
    """Raises ApiError."""
    try:
        found = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError("invalid-parameter", "body") from None
    if not isinstance(found, list if path.endswith("batch-orders") else dict):
        raise ApiError("invalid-parameter", "body")
    return found


def _json(status: int, value: object, headers: dict[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


@web.middleware
async def _as_json_errors(request: web.Request, handler: Handle) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status, "invalid-parameter")
        return _json(error.status, ApiError(code, "request").body(_version(request)))
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _json(500, ApiError("base-system-error").body(_version(request)))
