"""The paper twin of Crypto.com Exchange v1 spot: REST routes, limits and signatures around one Desk. No matching here.

| what | rule | evidence |
|---|---|---|
| paths | GET /exchange/v1/public/..., POST /exchange/v1/private/... | sheet 1 and 2 |
| sockets | /exchange/v1/market and /exchange/v1/user | sheet 1 |
| success | code 0; id as an integer, -1 for public calls | sheet 2 and 3 |
| failures | HTTP status by the code (40401: 200); the code in the body counts | sheet 8 |
| body: not JSON, method other than the path's, no id | 40003 | code by name |
| limits | 42901 with HTTP 429, no headers | sheet 8 |
| the same signed create request twice | 40006 | rule unconfirmed |
| keys | HMAC only, one key | sheet 5 |
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from app.core.clock import Clock
from app.paper.desk import Desk
from app.paper.dialects.crypto_com_auth import authenticate
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_feed import Feed
from app.paper.dialects.crypto_com_limits import RestLimits
from app.paper.dialects.crypto_com_listings import BALANCES, CRYPTO_COM_LISTINGS, FEES, OrderNumbers, first_trade_id
from app.paper.dialects.crypto_com_market import INTERVALS, MarketData
from app.paper.dialects.crypto_com_methods import Methods, answer, params_of, request_id_of
from app.paper.dialects.crypto_com_money import Money
from app.paper.dialects.crypto_com_request import Call
from app.paper.dialects.crypto_com_rules import OrderRules
from app.paper.dialects.crypto_com_sockets import Sockets

PREFIX = "/exchange/v1/"
_KEPT_SIGNATURES = 2000
_log = logging.getLogger(__name__)


class CryptoComTwin:
    """One desk speaking Crypto.com. `rules`, `feed`, `limits` and `sockets` hold what a test may want to change."""

    def __init__(self, desk: Desk, numbers: OrderNumbers) -> None:
        self.desk = desk
        self.rules = OrderRules(desk.venue)
        self.limits = RestLimits(desk.clock)
        market = MarketData(desk, self.rules)
        money = Money(desk, self.rules)
        self.feed = Feed(desk, market, money)
        self._methods = Methods(desk, self.rules, market, money, numbers)
        self.sockets = Sockets(desk, self.feed, self._methods)
        self._seen_signatures: OrderedDict[str, None] = OrderedDict()
        desk.listen(self.feed.show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}{PREFIX}market",
            "ws_private": f"ws://{host}:{port}{PREFIX}user",
        }

    def tick(self) -> None:
        self.feed.tick()
        self.sockets.tick()

    def close(self) -> None:
        self.sockets.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_as_json_errors])
        app.router.add_get(f"{PREFIX}market", self.sockets.market)
        app.router.add_get(f"{PREFIX}user", self.sockets.user)
        app.router.add_get(PREFIX + "{method:public/.+}", self._public)
        app.router.add_post(PREFIX + "{method:private/.+}", self._private)
        return app

    async def _public(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        answering = self._methods.public.get(method)
        if answering is None:
            return _refused(ApiError(40002), -1, method)
        if not self.limits.allow(request.remote or "", method):
            return _refused(ApiError(42901), -1, method)
        try:
            found = answering(request.query)
            result: Json = await found if inspect.isawaitable(found) else found
        except ApiError as error:
            return _refused(error, -1, method)
        return _json(200, answer(-1, method, result))

    async def _private(self, request: web.Request) -> web.Response:
        method, request_id = request.match_info["method"], -1
        body = await request.read()
        try:
            message = _decoded(body)
            request_id = request_id_of(message)
            result = self._answer(method, request_id, message)
        except ApiError as error:
            return _refused(error, request_id, method)
        finally:
            self.desk.publish()
        return _json(200, answer(request_id, method, result))

    def _answer(self, method: str, request_id: int, message: dict[str, Any]) -> Any:
        """Raises ApiError."""
        doing = self._methods.private.get(method)
        if doing is None:
            raise ApiError(40002)
        if message.get("method") != method or request_id < 0:
            raise ApiError(40003)
        params = params_of(message)
        account = authenticate(self.desk.accounts, message, self.desk.venue.now_ms())
        if not self.limits.allow(message["api_key"], method):
            raise ApiError(42901)
        if "/create-" in method:
            self._check_new(message["sig"])
        return doing(Call(method=method, request_id=request_id, params=params, account=account))

    def _check_new(self, signature: str) -> None:
        """Raises ApiError when exactly this request was seen before."""
        if signature in self._seen_signatures:
            raise ApiError(40006)
        self._seen_signatures[signature] = None
        if len(self._seen_signatures) > _KEPT_SIGNATURES:
            self._seen_signatures.popitem(last=False)


def open_twin(seed: int, clock: Clock) -> CryptoComTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    numbers = OrderNumbers(clock)
    desk = Desk(
        exchange="crypto_com",
        seed=seed,
        clock=clock,
        fees=FEES,
        next_order_id=numbers.next,
        first_trade_id=first_trade_id(clock),
        listings=CRYPTO_COM_LISTINGS,
        balances=BALANCES,
        intervals=tuple(INTERVALS.values()),
    )
    return CryptoComTwin(desk, numbers)


def _decoded(body: bytes) -> dict[str, Any]:
    """Raises ApiError."""
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(40003) from None
    if not isinstance(message, dict):
        raise ApiError(40003)
    return message


def _refused(error: ApiError, request_id: int, method: str) -> web.Response:
    return _json(error.status, error.body(request_id, method))


def _json(status: int, value: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


@web.middleware
async def _as_json_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _json(error.status, ApiError(40002).body(-1, request.path.removeprefix(PREFIX)))
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _json(500, ApiError(50001).body(-1, request.path.removeprefix(PREFIX)))
