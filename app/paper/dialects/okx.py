"""The paper twin of OKX spot: REST routes, limits, signatures and permissions around one Desk. No matching here.

| what | rule | evidence |
|---|---|---|
| paths, methods, fields | see okx_market, okx_lists, okx_trading, okx_algos | sheet 2 to 6 |
| success | HTTP 200 with code "0"; orders: the row's sCode counts | sheet 6 |
| other failures | code, msg and an empty data; HTTP status by the exchange's error table | sheet 7, docs |
| limits | n in 2 s: 50011 with HTTP 429; no headers tell them | sheet 7 |
| keys | HMAC only. A second, read-only key of the same account is refused 50120 on POST | sheet 4 and 7 |
| order-precheck, mass-cancel | 51010 and 51411: not for spot mode | sheet 6; codes from docs |
| Cancel All After | account level only; it reaches stop orders too | sheet 6; the last unconfirmed |
| fees | 0.0008 maker, 0.001 taker, from the received asset, exact | sheet 2; rounding unconfirmed (none here) |
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
from app.paper.accounts import Fees
from app.paper.desk import Desk, seeded_credentials
from app.paper.dialects import okx_wire as wire
from app.paper.dialects.okx_algos import Algos
from app.paper.dialects.okx_auth import authenticate
from app.paper.dialects.okx_books import BookView
from app.paper.dialects.okx_candles import BARS
from app.paper.dialects.okx_errors import ApiError
from app.paper.dialects.okx_feed import Feed
from app.paper.dialects.okx_ids import OrderNumbers, first_trade_id
from app.paper.dialects.okx_limits import PER_ADDRESS, PER_USER, WindowLimits
from app.paper.dialects.okx_listings import OKX_LISTINGS
from app.paper.dialects.okx_lists import AccountLists
from app.paper.dialects.okx_market import MarketData
from app.paper.dialects.okx_money import Money
from app.paper.dialects.okx_request import Call
from app.paper.dialects.okx_rules import OrderRules, required
from app.paper.dialects.okx_sockets import Sockets
from app.paper.dialects.okx_trading import Trading

FEES = Fees(maker=Decimal("0.0008"), taker=Decimal("0.001"))
PREFIX = "/api/v5/"

Answer = Callable[[Call], object]
_log = logging.getLogger(__name__)


class OkxTwin:
    """One desk speaking OKX. `rules`, `feed` and `sockets` hold what a test may want to change."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._read_only_keys = frozenset({desk.keys["read-only"].api_key})
        self.rules = OrderRules(desk.venue)
        self.limits = WindowLimits(desk.clock)
        self.books = {
            pair: BookView(instrument, desk.venue.books[pair], desk.opened_ms, desk.opened_ms)
            for pair, instrument in desk.venue.instruments.items()
        }
        money = Money(desk, self.rules)
        self._market = MarketData(desk, self.rules, self.books)
        self.feed = Feed(desk, self.books, self._market, money)
        self._trading = Trading(desk, self.rules, self.limits)
        self._algos = Algos(desk, self.rules, self.limits)
        self._lists = AccountLists(desk, self.rules, self._trading, self._market, money, self.limits)
        self._lists.read_only_keys = self._read_only_keys
        self.sockets = Sockets(desk, self.feed, self._trading, self._read_only_keys)
        desk.listen(self.feed.show)

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        return {
            "rest": f"http://{host}:{port}",
            "ws_public": f"ws://{host}:{port}/ws/v5/public",
            "ws_private": f"ws://{host}:{port}/ws/v5/private",
        }

    def tick(self) -> None:
        self.feed.tick()
        self.sockets.tick()

    def close(self) -> None:
        self.sockets.close()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_as_json_errors])
        for kind in ("public", "private", "business"):
            app.router.add_get(f"/ws/v5/{kind}", getattr(self.sockets, kind))
        self._add_reads(app.router)
        self._add_changes(app.router)
        return app

    def _add_reads(self, router: web.UrlDispatcher) -> None:
        market, lists, algos = self._market, self._lists, self._algos
        answers: dict[str, Answer] = {
            "public/instruments": market.instruments,
            "public/time": market.time,
            "public/price-limit": market.price_limit,
            "system/status": market.status,
            "market/books": market.books,
            "market/books-full": market.full_book,
            "market/ticker": market.ticker,
            "market/tickers": market.tickers,
            "market/trades": market.trades,
            "market/history-trades": market.older_trades,
            "market/candles": market.candles,
            "market/history-candles": market.candles,
            "account/instruments": lists.instruments,
            "account/balance": lists.balance,
            "account/config": lists.config,
            "account/trade-fee": lists.fees,
            "asset/balances": lists.funding,
            "asset/currencies": lists.currencies,
            "trade/account-rate-limit": lists.rate_limit,
            "trade/order": lists.order,
            "trade/orders-pending": lists.open_orders,
            "trade/orders-history": lists.history,
            "trade/orders-history-archive": lists.archive,
            "trade/fills": lists.fills,
            "trade/fills-history": lists.fills_history,
        }
        for path, answer in answers.items():
            router.add_get(PREFIX + path, self._route(path, _listed(answer)))
        for path, found in (
            ("trade/order-algo", algos.one),
            ("trade/orders-algo-pending", algos.waiting),
            ("trade/orders-algo-history", algos.history),
        ):
            router.add_get(PREFIX + path, self._route(path, found))

    def _add_changes(self, router: web.UrlDispatcher) -> None:
        for path, operation in (
            ("trade/order", "order"),
            ("trade/cancel-order", "cancel-order"),
            ("trade/amend-order", "amend-order"),
            ("trade/batch-orders", "batch-orders"),
            ("trade/cancel-batch-orders", "batch-cancel-orders"),
            ("trade/amend-batch-orders", "batch-amend-orders"),
        ):
            router.add_post(PREFIX + path, self._route(path, self._changing(operation)))
        for path, answer in (
            ("trade/order-algo", self._algos.place),
            ("trade/cancel-algos", self._algos.cancel),
            ("trade/cancel-all-after", self._cancel_all_after),
            ("trade/order-precheck", _refusing("51010")),
            ("trade/mass-cancel", _refusing("51411")),
        ):
            router.add_post(PREFIX + path, self._route(path, answer))

    def _changing(self, operation: str) -> Answer:
        single = not operation.startswith("batch")

        def run(call: Call) -> wire.Json:
            if "cancel" not in operation:
                self._trading.check_deadline(call.deadline_ms)
            rows: list[object] = [call.fields()] if single else call.rows()
            return self._trading.run(operation, call.account, rows)

        return run

    def _cancel_all_after(self, call: Call) -> wire.Json:
        fields = call.fields()
        seconds = required(fields, "timeOut")
        if not (seconds.isascii() and seconds.isdigit()) or not (seconds == "0" or 10 <= int(seconds) <= 120):
            raise ApiError("51000", "timeOut")
        if fields.get("tag"):
            raise ApiError("51000", "tag")
        account_id = call.account.account_id
        trigger_ms = 0
        if seconds == "0":
            self.desk.kill_switches.disarm(account_id)
        else:
            trigger_ms = self.desk.kill_switches.arm(account_id, int(seconds)).cancels_ms
        row = {"triggerTime": str(trigger_ms), "tag": "", "ts": str(self.desk.venue.now_ms())}
        return {"code": "0", "msg": "", "data": [row]}

    def _route(self, path: str, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            arrived_ms = self.desk.venue.now_ms()
            body = await request.read()
            call = self._call(path, request, body)
            try:
                found = answer(call)
                if inspect.isawaitable(found):
                    found = await found
            finally:
                self.desk.publish()
            assert isinstance(found, dict)
            if request.method == "POST":
                found |= {"inTime": f"{arrived_ms}000", "outTime": f"{self.desk.venue.now_ms()}000"}
            return _json(200, found)

        return handle

    def _call(self, path: str, request: web.Request, body: bytes) -> Call:
        """What the request asks for, once it may. Raises ApiError."""
        address = request.remote or ""
        if path in PER_ADDRESS:
            what = f"{path} {request.query.get('instType', '')}" if path.endswith("instruments") else path
            if not self.limits.allow(address, what, PER_ADDRESS[path]):
                raise ApiError("50011")
            return Call(query=request.query, address=address)
        now_ms = self.desk.venue.now_ms()
        account, credentials = authenticate(
            self.desk.accounts, request.headers, request.method, request.raw_path, body, now_ms
        )
        if path in PER_USER and not self.limits.allow(account.account_id, path, PER_USER[path]):
            raise ApiError("50011")
        if request.method == "POST" and credentials.api_key in self._read_only_keys:
            raise ApiError("50120")
        return Call(
            query=request.query,
            address=address,
            body=_decoded(body, request.content_type) if request.method == "POST" else None,
            caller=account,
            credentials=credentials,
            deadline_ms=request.headers.get("expTime", ""),
        )


def open_twin(seed: int, clock: Clock) -> OkxTwin:
    """A fresh desk; the same seed gives the same keys, market and starting balances."""
    desk = Desk(
        exchange="okx",
        seed=seed,
        clock=clock,
        fees=FEES,
        next_order_id=OrderNumbers(clock).next,
        first_trade_id=first_trade_id(clock),
        listings=OKX_LISTINGS,
        keys={
            "hmac": seeded_credentials("okx", seed, f"paper{seed}"),
            "read-only": seeded_credentials("okx/read-only", seed, f"paper{seed}"),
        },
        intervals=tuple(BARS.values()),
        client_ids_reusable=True,
    )
    return OkxTwin(desk)


def _listed(answer: Answer) -> Answer:
    async def wrapped(call: Call) -> wire.Json:
        found = answer(call)
        if inspect.isawaitable(found):
            found = await found
        return {"code": "0", "msg": "", "data": found}

    return wrapped


def _refusing(code: str) -> Answer:
    def refuse(call: Call) -> wire.Json:
        raise ApiError(code)

    return refuse


def _decoded(body: bytes, content_type: str) -> object:
    """Raises ApiError."""
    if not body:
        raise ApiError("50000")
    if content_type != "application/json":
        raise ApiError("50006")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError("50002") from None


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
    except web.HTTPMethodNotAllowed:
        return _json(405, ApiError("50115").body())
    except web.HTTPException as error:
        return _json(error.status, ApiError("404").body() if error.status == 404 else {"code": str(error.status)})
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return _json(500, ApiError("50026").body())
