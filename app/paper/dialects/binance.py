"""The paper twin of Binance spot: REST routes, headers and limits around one Desk. No matching, no socket talk.

| what | rule | evidence |
|---|---|---|
| paths | /api/v3/..., /ws, /stream, /ws-api/v3 on one port | sheet 1 |
| GET parameters in the query, others also form-encoded in the body; the query wins | | sheet 4, exchange's page |
| one parameter twice | -1101 | text of the errors page |
| X-MBX-USED-WEIGHT-1M on every answer, X-MBX-ORDER-COUNT-10S and -1D on orders, Retry-After | | sheet 7 |
| /api/v3/userDataStream | 410 | sheet 5.1; body unconfirmed |
| /sapi | does not exist, as on the testnet | sheet 1 |
| /fapi/v1/exchangeInfo, /dapi/v1/exchangeInfo | no futures here; ccxt asks on those hosts | its source |
| keys | hmac (the default), read-only, withdraw, ed25519, rsa: all open the one account | sheet 4 |
| a read-only key that changes something | -2015 | sheet 7 |
| /sapi/v1/account/apiRestrictions | signed as the others; no weight counted | wallet pages; weight unconfirmed |
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from urllib.parse import parse_qsl

from aiohttp import web

from app.core.clock import Clock
from app.paper.accounts import Account, Credentials
from app.paper.desk import Desk, UnknownKey
from app.paper.dialects.binance_auth import Gate, is_encoded, rest_text
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_feed import Feed
from app.paper.dialects.binance_keys import KeyRing
from app.paper.dialects.binance_klines import NATIVE
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_link import address_of, is_microseconds
from app.paper.dialects.binance_lists import AccountLists
from app.paper.dialects.binance_market import MarketData
from app.paper.dialects.binance_methods import Endpoint, endpoints
from app.paper.dialects.binance_rules import OrderRules
from app.paper.dialects.binance_streams import StreamSockets
from app.paper.dialects.binance_symbols import FEES, Symbols, listings
from app.paper.dialects.binance_tickers import Tickers
from app.paper.dialects.binance_trading import Trading
from app.paper.dialects.binance_users import UserFeed
from app.paper.dialects.binance_wire import encode
from app.paper.dialects.binance_ws_api import ApiSockets
from app.paper.events import Event

FIRST_ORDER_ID = 4_293_001
FIRST_TRADE_ID = 77_000_001
_log = logging.getLogger(__name__)


class BinanceDesk(Desk):
    """A desk whose costly keys are made only when somebody asks for them."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.ring = KeyRing(seed)
        numbers = count(FIRST_ORDER_ID)
        super().__init__(
            exchange="binance",
            seed=seed,
            clock=clock,
            fees=FEES,
            next_order_id=lambda: next(numbers),
            first_trade_id=FIRST_TRADE_ID,
            listings=listings(),
            intervals=NATIVE,
            client_ids_reusable=True,
            keys={"hmac": self.ring.credentials("hmac")},
        )
        for api_key in self.ring.kinds:
            self.accounts.add_key(Credentials(api_key=api_key, secret_key=""), self.account.account_id)

    def choose_key(self, kind: str) -> None:
        if kind not in self.ring.kinds.values():
            raise UnknownKey(f"no {kind!r} key; the account has: {', '.join(self.ring.kinds.values())}")
        self.credentials = self.ring.credentials(kind)


class BinanceTwin:
    """One desk speaking Binance. `limits`, `symbols`, `streams` and `api` hold what a test may want to change."""

    def __init__(self, desk: BinanceDesk) -> None:
        self.desk: Desk = desk
        self.keys = desk.ring
        self.limits = Limits(desk.clock)
        self.symbols = Symbols(desk, self.limits)
        executions = count(8_641_001)
        rules = OrderRules(desk, self.symbols)
        tickers = Tickers(desk, self.symbols)
        trading = Trading(desk, self.symbols, rules, self.limits, lambda: next(executions))
        lists = AccountLists(desk, self.symbols, trading, self.limits)
        self.feed = Feed(desk, tickers, rules)
        self.users = UserFeed(desk, self.limits, lambda: next(executions))
        lists.prevented = self.users.prevented
        self._gate = Gate(desk.accounts, desk.ring, desk.clock)
        self._endpoints = endpoints(MarketData(desk, self.symbols, rules), tickers, self.symbols, lists, trading)
        self.streams = StreamSockets(desk, self.feed, self.limits)
        by_method = {endpoint.method: endpoint for endpoint in self._endpoints}
        self.api = ApiSockets(desk, self._gate, self.limits, self.users, by_method)
        desk.listen(self._show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}/ws",
            "ws_private": f"ws://{host}:{port}/ws-api/v3",
        }

    def tick(self) -> None:
        self.feed.tick()

    def close(self) -> None:
        self.streams.close()
        self.api.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._as_json_errors])
        router = app.router
        for path in ("/ws", "/ws/{names:.*}"):
            router.add_get(path, self.streams.raw)
        for path in ("/stream", "/stream/{names:.*}"):
            router.add_get(path, self.streams.combined)
        router.add_get("/ws-api/v3", self.api.serve)
        for endpoint in self._endpoints:
            router.add_route(endpoint.verb, f"/api/v3/{endpoint.path}", self._route(endpoint))
        router.add_get("/sapi/v1/account/apiRestrictions", self._restrictions)
        for verb in ("POST", "PUT", "DELETE"):
            router.add_route(verb, "/api/v3/userDataStream", _retired)
        for path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
            router.add_get(path, _no_futures)
        return app

    def _show(self, events: Sequence[Event]) -> int:
        made = self.feed.show(events)
        self.users.show(events)
        return made

    def _route(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            microseconds = is_microseconds(request.headers.get("X-MBX-TIME-UNIT"))
            body = await request.read()
            call = Call(params=_params(request, body))
            address = address_of(request)
            weight = endpoint.weight_of(call)
            self.limits.charge(address, weight)
            if endpoint.signed:
                call.caller = self._signer(request, body, call)
                self._gate.check_change(request.headers["X-MBX-APIKEY"], endpoint.verb)
            endpoint.check_names(call)
            try:
                found = endpoint.answer(call)
                if inspect.isawaitable(found):
                    found = await found
            finally:
                if call.orders_placed:
                    self.limits.refund(address, weight)
                self.desk.publish()
            reply = _json(200, encode(found, microseconds=microseconds))
            if endpoint.places:
                in_10_s, a_day = self.limits.order_counts(call.account.account_id)
                reply.headers["X-MBX-ORDER-COUNT-10S"] = str(in_10_s)
                reply.headers["X-MBX-ORDER-COUNT-1D"] = str(a_day)
            return reply

        return handle

    async def _restrictions(self, request: web.Request) -> web.Response:
        self._signer(request, b"", Call(params=_params(request, b"")))
        return _json(200, encode(self._gate.restrictions(request.headers["X-MBX-APIKEY"])))

    def _signer(self, request: web.Request, body: bytes, call: Call) -> Account:
        api_key = request.headers.get("X-MBX-APIKEY", "")
        query = request.raw_path.partition("?")[2]
        text, _ = rest_text(query, body)
        if not is_encoded(text):
            self._gate.account(api_key)
            raise ApiError(-1022)
        return self._gate.check_signed(api_key, text, call.params)

    @web.middleware
    async def _as_json_errors(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            reply = await handler(request)
        except ApiError as error:
            reply = _json(error.status, encode(error.body()))
            if error.retry_ms:
                left_ms = error.retry_ms - self.desk.venue.now_ms()
                reply.headers["Retry-After"] = str(max(1, -(-left_ms // 1000)))
        except web.HTTPException as error:
            reply = web.Response(status=error.status, text=error.reason)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            reply = _json(500, encode(ApiError(-1000).body()))
        if not reply.prepared:
            reply.headers["X-MBX-USED-WEIGHT-1M"] = str(self.limits.used_weight(address_of(request)))
        return reply


def open_twin(seed: int, clock: Clock) -> BinanceTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    return BinanceTwin(BinanceDesk(seed, clock))


def _params(request: web.Request, body: bytes) -> dict[str, str]:
    """Raises ApiError for a name that stands twice in one place."""
    params: dict[str, str] = {}
    form = body if request.content_type == "application/x-www-form-urlencoded" and request.method != "GET" else b""
    for text in (form.decode("latin-1"), request.raw_path.partition("?")[2]):
        pairs = parse_qsl(text, keep_blank_values=True)
        if len({name for name, _ in pairs}) < len(pairs):
            raise ApiError(-1101, message="Duplicate values for a parameter detected.")
        params.update(pairs)
    return params


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")


async def _retired(request: web.Request) -> web.Response:
    raise ApiError(-1016, status=410)


async def _no_futures(request: web.Request) -> web.Response:
    return _json(200, encode({"timezone": "UTC", "symbols": []}))
