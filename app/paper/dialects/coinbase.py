"""The paper twin of Coinbase Advanced Trade: routes, tokens and rate limits around one Desk. No matching, no sockets.

| what | rule | evidence |
|---|---|---|
| paths, fields, rules | see coinbase_market, _lists, _trading, _rules, _wire, _order_wire | sheet 1-6 |
| JWT on every private call | see coinbase_jwt; 401 is plain text | sheet 4, 7 |
| a key without the trade scope | 403 PERMISSION_DENIED, "Missing required scopes" | sheet 7 |
| limits | private 30/s per user, public 10/s per IP; headers on all answers | sheet 7; on all: unconfirmed |
| HTTP 200 for refused orders | | sheet 6, trap 7 |
| alias `/orders/historical/{id}` of an unknown order | 404 NOT_FOUND | sheet 7 |
| /v2 paths | only those that ccxt asks for | ccxt's source |
| sandbox, portfolios, convert, futures, payment methods | not here: unknown path | |
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from app.core.clock import Clock
from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects.coinbase_catalog import (
    ALIASES,
    FEES,
    LISTINGS,
    PRODUCTS,
    STARTING_BALANCES,
    Numbers,
    first_trade_id,
)
from app.paper.dialects.coinbase_depth import Depth
from app.paper.dialects.coinbase_errors import ApiError, Unauthorized
from app.paper.dialects.coinbase_feed import Feed
from app.paper.dialects.coinbase_jwt import HOST, bearer, check
from app.paper.dialects.coinbase_keys import Key, public_of, seeded_keys
from app.paper.dialects.coinbase_lists import AccountLists, user_ids
from app.paper.dialects.coinbase_market import MarketData
from app.paper.dialects.coinbase_records import Records
from app.paper.dialects.coinbase_request import Call
from app.paper.dialects.coinbase_rules import OrderRules
from app.paper.dialects.coinbase_sockets import Sockets
from app.paper.dialects.coinbase_trading import Trading
from app.paper.rate_limits import RateLimits

PREFIX = "/api/v3/brokerage"
RATES = {"private": 30.0, "public": 10.0, "connect": 8.0, "unauthenticated message": 8.0}

Answer = Callable[[Call], object]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class CoinbaseTwin:
    """One desk speaking Coinbase. `rules`, `limits` and `sockets` hold what a test may want to change."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.rules = OrderRules(desk.venue)
        self.records = Records(desk.venue, seed)
        self.limits = RateLimits(RATES, desk.clock)
        self.keys = {c.api_key: public_of(c, can_trade=kind != "view-only") for kind, c in desk.keys.items()}
        portfolio, user_id = user_ids(seed)
        depths = {pair: _depth(desk, pair, seed) for pair in desk.tapes}
        self.feed = Feed(desk, self.records, depths)
        self._market = MarketData(desk, self.rules, depths)
        self._trading = Trading(desk, self.rules, self.records, portfolio)
        self._lists = AccountLists(desk, self.records, portfolio, user_id)
        self.sockets = Sockets(desk, self.feed, self.keys, self.limits, user_id)
        desk.listen(self.feed.show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}",
            "ws_private": f"ws://{host}:{port}/user",
        }

    def tick(self) -> None:
        self.records.act_on_time()
        self.desk.publish()
        self.feed.tick()
        self.sockets.tick()

    def close(self) -> None:
        self.sockets.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_as_errors])
        app.router.add_get("/", self.sockets.market_data)
        app.router.add_get("/user", self.sockets.user_data)
        self._add_market(app.router)
        self._add_account(app.router)
        return app

    def _add_market(self, router: web.UrlDispatcher) -> None:
        market = self._market
        for path, answer in (
            ("/products", market.products),
            ("/products/{product_id}", market.product),
            ("/products/{product_id}/ticker", market.trades),
            ("/products/{product_id}/candles", market.candles),
            ("/product_book", market.book),
        ):
            router.add_get(f"{PREFIX}/market{path}", self._public(answer))
            router.add_get(f"{PREFIX}{path}", self._private(answer))
        router.add_get(f"{PREFIX}/best_bid_ask", self._private(market.best_bid_ask))
        for path, answer in (
            (f"{PREFIX}/time", market.time),
            ("/v2/time", market.v2_time),
            ("/v2/currencies", market.v2_fiat),
            ("/v2/currencies/crypto", market.v2_crypto),
            ("/v2/exchange-rates", market.v2_rates),
        ):
            router.add_get(path, self._public(answer))

    def _add_account(self, router: web.UrlDispatcher) -> None:
        lists, trading = self._lists, self._trading
        for path, answer in (
            ("/accounts", lists.accounts),
            ("/accounts/{account_uuid}", lists.account),
            ("/key_permissions", lists.key_permissions),
            ("/transaction_summary", lists.transaction_summary),
            ("/orders/historical/batch", lists.orders),
            ("/orders/historical/fills", lists.fills),
            ("/orders/historical/{order_id}", lists.order),
        ):
            router.add_get(f"{PREFIX}{path}", self._private(answer))
        router.add_get("/v2/accounts", self._private(lists.v2_accounts))
        for path, answer, needs_trade in (
            ("/orders", trading.create, True),
            ("/orders/preview", trading.preview, False),
            ("/orders/batch_cancel", trading.cancel, True),
            ("/orders/edit", trading.edit, True),
            ("/orders/edit_preview", trading.edit_preview, False),
        ):
            router.add_post(f"{PREFIX}{path}", self._private(answer, needs_trade=needs_trade))

    def _public(self, answer: Answer) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, answer, self.desk.account, None, request.remote or "", "public")

        return handle

    def _private(self, answer: Answer, *, needs_trade: bool = False) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            key = self._key(request)
            found = self.desk.accounts.by_key(key.name)
            if found is None:
                raise Unauthorized("unknown key")
            if needs_trade and not key.can_trade:
                raise ApiError("PERMISSION_DENIED", "Missing required scopes")
            account = found[1]
            return await self._answer(request, answer, account, key, account.account_id, "private")

        return handle

    def _key(self, request: web.Request) -> Key:
        path = request.raw_path.partition("?")[0]
        uris = {f"{request.method} {host}{path}" for host in (request.host, HOST)}
        token = bearer(request.headers.get("Authorization", ""))
        return check(token, self.keys, self.desk.venue.now_ms(), uris)

    async def _answer(
        self, request: web.Request, answer: Answer, account: Account, key: Key | None, caller: str, rate_class: str
    ) -> web.StreamResponse:
        allowed = self.limits.allow(caller, rate_class)
        headers = {
            "x-ratelimit-limit": str(int(RATES[rate_class])),
            "x-ratelimit-remaining": str(self.limits.remaining(caller, rate_class)),
            "x-ratelimit-reset": "1",
        }
        try:
            if not allowed:
                raise ApiError("rate_limit_exceeded")
            body = _decoded(await request.read())
            call = Call(path=request.match_info, query=request.query, account=account, key=key, body=body)
            found = answer(call)
            if inspect.isawaitable(found):
                found = await found
            response = _json(200, found)
        except ApiError as error:
            response = _json(error.status, error.body())
        finally:
            self.desk.publish()
        response.headers.update(headers)
        return response


def open_twin(seed: int, clock: Clock) -> CoinbaseTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    desk = Desk(
        exchange="coinbase",
        seed=seed,
        clock=clock,
        fees=FEES,
        next_order_id=Numbers(clock).next,
        first_trade_id=first_trade_id(clock),
        listings=LISTINGS,
        balances=STARTING_BALANCES,
        aliases=ALIASES,
        keys=seeded_keys(seed),
    )
    return CoinbaseTwin(desk, seed)


def _depth(desk: Desk, pair: str, seed: int) -> Depth:
    home = desk.venue.last_ticks[pair]
    far = PRODUCTS[pair].far_levels
    return Depth(desk.venue.instruments[pair], desk.venue.books[pair], far, home, f"coinbase/{seed}/{pair}/far")


def _decoded(body: bytes) -> object:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError("INVALID_ARGUMENT", "the body is not JSON") from None


def _json(status: int, value: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


@web.middleware
async def _as_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Unauthorized:
        return web.Response(status=401, text="Unauthorized\n")
    except ApiError as error:
        return _json(error.status, error.body())
    except web.HTTPException as error:
        return _json(error.status, {"errors": [{"id": "not_found", "message": error.reason}]})
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _json(500, ApiError("INTERNAL").body())
