"""A plug-in as a user may have one, written from the protocol's guide alone, with the guide's own oddities."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

ACCESS, SECRET = "ACCESS-KEY-OF-THE-USER", "SECRET-KEY-OF-THE-USER,PASS,simulate"


class Plugin:
    """`requests` are the bodies that came; `lost` are methods that are carried out but never answered."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.lost: set[str] = set()
        self.errors: dict[str, Any] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.bids: list[list[float]] = [[2920.5, 0.25], [2919, 1.5]]
        self.asks: list[list[float]] = [[2921.25, 0.5], [2922, 3]]
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> Plugin:
        app = web.Application()
        app.router.add_post("/OKX", self._post)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def methods(self) -> list[str]:
        return [request.get("method", "") for request in self.requests]

    def last(self, method: str) -> dict[str, Any]:
        return next(request for request in reversed(self.requests) if request.get("method") == method)

    def fill(self, order_id: str, deal: float, average: str, state: str) -> None:
        self.orders[order_id] |= {"deal_amount": deal, "avg_price": average, "state": state}

    async def _post(self, request: web.Request) -> web.Response:
        assert request.content_length is not None, "this server cannot read chunks"
        body = json.loads(await request.read())
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        reply = self._reply(body, request.headers.get("Http-Method", ""))
        if body.get("method") in self.lost:
            assert request.transport is not None
            request.transport.close()
        return web.Response(text=json.dumps(reply), content_type="application/json", charset="utf-8")

    def _reply(self, body: dict[str, Any], verb: str) -> dict[str, Any]:
        if not all(name in body for name in ("access_key", "secret_key", "method", "params")):
            return {"error": "missing required parameters"}
        if (body["access_key"], body["secret_key"]) != (ACCESS, SECRET):
            return {"error": '{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}'}
        method, params = body["method"], body["params"]
        if method in self.errors:
            return {"error": self.errors[method]}
        if method.startswith("__api_"):
            return {"data": {"path": method[6:], "verb": verb, "query": params}}
        answer = getattr(self, f"_{method}", None)
        return answer(params) if answer else {"error": f"invalid method: {method}"}

    def _ticker(self, params: dict[str, Any]) -> dict[str, Any]:
        data = {"symbol": params["symbol"], "buy": "2920.5", "sell": "2921.25", "high": "2955", "low": "2775.15"}
        data |= {"open": "2800", "last": "2914", "vol": "249400.888156", "time": "1731028903911"}
        return {"data": data, "raw": {"data": [{"askSz": "0.5", "last": "2914"}]}}

    def _depth(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"time": 1731028903911, "asks": self.asks, "bids": self.bids}}

    def _trades(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"id": 12232154, "time": 1731028903950, "price": 2921.25, "amount": 0.5, "type": "bid"},
            {"id": "12232153", "time": 1731028903900, "price": "2920.5", "amount": "0.25", "type": "sell"},
        ]
        same = {"time": 1731028903960, "price": 2921.25, "amount": 0.1, "type": "buy"}
        return {"data": [*rows, same, same]}

    def _records(self, params: dict[str, Any]) -> dict[str, Any]:
        newest_first = [[1731028860, 2, 4, 1, 3, 5.5], [1731025260000, "1.1", "2.2", "1.0", "2", "4.4"]]
        return {"data": newest_first}

    def _accounts(self, params: dict[str, Any]) -> dict[str, Any]:
        return {
            "data": [
                {"currency": "USDT", "free": "9000", "frozen": 1000},
                {"currency": "ETH", "free": "", "frozen": None},
            ]
        }

    _assets = _accounts

    def _trade(self, params: dict[str, Any]) -> dict[str, Any]:
        order_id = f"{params['symbol'].replace('_', '-')},{1000 + len(self.orders)}"
        self.orders[order_id] = {
            "id": order_id,
            "symbol": params["symbol"].replace("_", "-"),
            "amount": float(params["amount"]),
            "price": float(params["price"]),
            "deal_amount": 0,
            "avg_price": 0,
            "type": params["type"],
            "state": "pending",
        }
        return {"data": {"id": order_id}}

    def _orders(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"data": [order for order in self.orders.values() if order["state"] in ("pending", "partial-filled")]}

    def _order(self, params: dict[str, Any]) -> dict[str, Any]:
        order = self.orders.get(params["id"])
        return {"data": order} if order else {"error": {"code": "51603", "msg": "Order does not exist"}}

    def _historyorders(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"data": [order for order in self.orders.values() if order["state"] in ("filled", "canceled")]}

    def _cancel(self, params: dict[str, Any]) -> dict[str, Any]:
        self.orders[params["id"]]["state"] = "canceled"
        return {"data": True}
