"""Binance' WebSocket API /ws-api/v3: requests, sessions and the user data stream. What calls answer is elsewhere.

| what | rule | evidence |
|---|---|---|
| request | id, method (also with `v3/` before it), params; answer id, status, result or error, rateLimits | sheet 5.1 |
| connecting | costs 2 of weight | sheet 7 |
| session.logon | Ed25519 only; then apiKey and signature may be left out | sheet 5.1; -1002 for others unconfirmed |
| userDataStream.subscribe | in such a session; .signature: any key; one per account, -2035 | sheet 5.1 |
| unsubscribing, logging out | eventStreamTerminated for each subscription that ends | exchange's page |
| listen keys | 410 | sheet 5.1; code -1016 unconfirmed |
| limits | error.data.serverTime and .retryAfter | sheet 7 |
| unknown method, broken JSON | -1020, -1135 | unconfirmed |
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from app.paper.accounts import Account
from app.paper.desk import Desk
from app.paper.dialects.binance_auth import Gate, socket_text
from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_limits import Limits
from app.paper.dialects.binance_link import Link, LinkTimes, accept, address_of, wants_microseconds
from app.paper.dialects.binance_methods import Endpoint
from app.paper.dialects.binance_users import UserFeed
from app.paper.dialects.binance_wire import Json, Ms, encode

CONNECT_WEIGHT = 2
_SESSION_WEIGHT = 2
MOST_SUBSCRIPTIONS = 1000
_RETIRED = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})


class ApiSockets:
    """All connections to the WebSocket API."""

    def __init__(
        self, desk: Desk, gate: Gate, limits: Limits, users: UserFeed, endpoints: Mapping[str, Endpoint]
    ) -> None:
        self.desk, self.gate, self.limits, self.users, self.endpoints = desk, gate, limits, users, endpoints
        self.times = LinkTimes()
        self._open: dict[_ApiSession, None] = {}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        address = address_of(request)
        self.limits.connect(address)
        self.limits.charge(address, CONNECT_WEIGHT)
        microseconds = wants_microseconds(request)
        shows = request.query.get("returnRateLimits", "true").lower() != "false"
        socket = await accept(request)
        session = _ApiSession(self, Link(socket, self.times, self.desk.clock), address, microseconds, shows)
        self._open[session] = None
        try:
            await session.link.run(session, request)
        finally:
            del self._open[session]
        return socket

    def close(self) -> None:
        for session in self._open:
            session.link.outbox.close(1001, b"going away")


class _ApiSession:
    """One client of the WebSocket API."""

    def __init__(self, sockets: ApiSockets, link: Link, address: str, microseconds: bool, shows: bool) -> None:
        self.link = link
        self._sockets = sockets
        self._address = address
        self._microseconds = microseconds
        self._shows_limits = shows
        self._connected_ms = sockets.desk.venue.now_ms()
        self._api_key = ""
        self._authorized_ms = 0
        self._subscriptions: dict[int, tuple[str, bool]] = {}
        """Account, and whether the session's logon opened it."""
        self._next_subscription = 0

    def hear(self, account_id: str, event: Json) -> None:
        for number, (account, _) in self._subscriptions.items():
            if account == account_id:
                self._say({"subscriptionId": number, "event": event})

    def announce_shutdown(self) -> None:
        self._say({"event": {"e": "serverShutdown", "E": Ms(self._sockets.desk.venue.now_ms())}})

    def leave(self) -> None:
        for account, _ in self._subscriptions.values():
            self._sockets.users.leave(account, self)
        self._subscriptions.clear()

    async def on_text(self, data: bytes) -> None:
        request_id: object = None
        rows: list[dict[str, object]] = []
        shows = self._shows_limits
        try:
            message, params = _decoded(data)
            request_id = message.get("id")
            shows = params.get("returnRateLimits", str(shows)).lower() != "false"
            method = str(message.get("method", "")).removeprefix("v3/")
            answer: Json = {"id": request_id, "status": 200, "result": await self._obey(method, params, rows)}
        except ApiError as error:
            answer = {"id": request_id, "status": error.status, "error": self._error(error)}
        if shows:
            answer["rateLimits"] = [*rows, self._sockets.limits.weight_row(self._address)]
        self._sockets.desk.publish()
        self._say(answer)

    async def _obey(self, method: str, params: Mapping[str, str], rows: list[dict[str, object]]) -> object:
        sockets = self._sockets
        endpoint = sockets.endpoints.get(method)
        if endpoint is None:
            sockets.limits.charge(self._address, _SESSION_WEIGHT)
            return self._session_method(method, params)
        call = Call(params=params)
        weight = endpoint.weight_of(call)
        sockets.limits.charge(self._address, weight)
        if endpoint.signed:
            call.caller = self._signer(params)
            sockets.gate.check_change(params.get("apiKey", self._api_key), endpoint.verb)
        endpoint.check_names(call)
        try:
            found = endpoint.answer(call)
            if inspect.isawaitable(found):
                found = await found
            return found
        finally:
            if call.orders_placed:
                sockets.limits.refund(self._address, weight)
            sockets.desk.publish()
            if endpoint.places:
                rows += sockets.limits.order_rows(call.account.account_id)

    def _signer(self, params: Mapping[str, str]) -> Account:
        gate = self._sockets.gate
        if self._api_key and "apiKey" not in params and "signature" not in params:
            gate.check_time(params)
            return gate.account(self._api_key)
        gate.check_names(params, ("apiKey",))
        return gate.check_signed(params["apiKey"], socket_text(params), params)

    def _session_method(self, method: str, params: Mapping[str, str]) -> object:
        match method:
            case "session.logon":
                return self._log_on(params)
            case "session.status":
                return self._status()
            case "session.logout":
                self._end([n for n, (_, by_logon) in self._subscriptions.items() if by_logon])
                self._api_key, self._authorized_ms = "", 0
                return self._status()
            case "session.subscriptions":
                return [{"subscriptionId": number} for number in self._subscriptions]
            case "userDataStream.subscribe":
                if not self._api_key:
                    raise ApiError(-1002)
                return self._subscribe(self._sockets.gate.account(self._api_key), by_logon=True)
            case "userDataStream.subscribe.signature":
                self._sockets.gate.check_names(params, ("apiKey",))
                account = self._sockets.gate.check_signed(params["apiKey"], socket_text(params), params)
                return self._subscribe(account, by_logon=False)
            case "userDataStream.unsubscribe":
                return self._unsubscribe(params)
        if method in _RETIRED:
            raise ApiError(-1016, status=410)
        if not method:
            raise ApiError(-1102, "method")
        raise ApiError(-1020)

    def _log_on(self, params: Mapping[str, str]) -> Json:
        gate = self._sockets.gate
        gate.check_names(params, ("apiKey",))
        gate.check_signed(params["apiKey"], socket_text(params), params)
        if gate.kind(params["apiKey"]) != "ed25519":
            raise ApiError(-1002)
        self._api_key, self._authorized_ms = params["apiKey"], self._sockets.desk.venue.now_ms()
        return self._status()

    def _status(self) -> Json:
        return {
            "apiKey": self._api_key or None,
            "authorizedSince": Ms(self._authorized_ms) if self._api_key else None,
            "connectedSince": Ms(self._connected_ms),
            "returnRateLimits": self._shows_limits,
            "serverTime": Ms(self._sockets.desk.venue.now_ms()),
            "userDataStream": bool(self._subscriptions),
        }

    def _subscribe(self, account: Account, *, by_logon: bool) -> Json:
        if any(known == account.account_id for known, _ in self._subscriptions.values()):
            raise ApiError(-2035)
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1
        self._subscriptions[number] = (account.account_id, by_logon)
        self._sockets.users.listen(account.account_id, self)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Mapping[str, str]) -> Json:
        if "subscriptionId" in params:
            number = Call(params=params).whole("subscriptionId")
            if number not in self._subscriptions:
                raise ApiError(-2036)
            self._end([number])
        else:
            if not self._subscriptions:
                raise ApiError(-2036)
            self._end(list(self._subscriptions))
        return {}

    def _end(self, numbers: list[int]) -> None:
        now_ms = self._sockets.desk.venue.now_ms()
        for number in numbers:
            account, _ = self._subscriptions.pop(number)
            self._sockets.users.leave(account, self)
            event = {"e": "eventStreamTerminated", "E": Ms(now_ms)}
            self._say({"subscriptionId": number, "event": event})

    def _error(self, error: ApiError) -> Json:
        body: Json = dict(error.body())
        if error.retry_ms:
            limits = {"serverTime": Ms(self._sockets.desk.venue.now_ms()), "retryAfter": Ms(error.retry_ms)}
            body["data"] = limits | (error.data if isinstance(error.data, dict) else {})
        return body

    def _say(self, message: Json) -> None:
        self.link.outbox.send(encode(message, microseconds=self._microseconds))


def _decoded(data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The message, and its parameters as texts: numbers and booleans as they stand in the JSON."""
    try:
        message = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        fields = {name: msgspec.json.decode(raw) for name, raw in message.items() if name != "params"}
        raw_params = msgspec.json.decode(message.get("params", b"{}"), type=dict[str, msgspec.Raw])
        params = {name: _text(bytes(raw)) for name, raw in raw_params.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(-1135) from None
    return fields, params


def _text(raw: bytes) -> str:
    return str(msgspec.json.decode(raw)) if raw.startswith(b'"') else raw.decode()
