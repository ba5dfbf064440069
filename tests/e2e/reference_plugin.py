"""A plug-in of FMZ's custom protocol written from the published guide alone: one thread, HTTP/1.0, its own exchange.

Runs by itself: `python reference_plugin.py FOLDER [PORT]` prints its port. In FOLDER it writes every request it gets
(`heard.jsonl`) and obeys two files: while `lose` exists an order is taken and its answer lost, while `drop` exists an
order is neither taken nor answered.
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

ACCESS, SECRET = "REFERENCE-ACCESS-KEY", "REFERENCE-SECRET-KEY,REFERENCE-PASS"
BIDS = [["2920.5", "3"], ["2919", "5"], ["2915.25", "8"]]
ASKS = [["2921.5", "3"], ["2922", "5"], ["2926.75", "8"]]


class Book:
    """Two balances and the orders; what crosses the best price fills at once, everything else rests."""

    def __init__(self) -> None:
        self.free = {"USDT": 10_000.0, "ETH": 5.0}
        self.frozen = {"USDT": 0.0, "ETH": 0.0}
        self.orders: dict[str, dict[str, Any]] = {}

    def trade(self, symbol: str, side: str, price: float, amount: float) -> str:
        number = f"{symbol.replace('_', '-')},{7000 + len(self.orders)}"
        order = {"id": number, "symbol": symbol.replace("_", "-"), "amount": amount, "price": price, "type": side}
        order |= {"deal_amount": 0, "avg_price": 0, "state": "pending"}
        self.orders[number] = order
        asset, size = ("USDT", price * amount) if side == "buy" else ("ETH", amount)
        self.free[asset] -= size
        self.frozen[asset] += size
        best = float(ASKS[0][0] if side == "buy" else BIDS[0][0])
        if (side == "buy" and price >= best) or (side == "sell" and price <= best):
            self._release(order)
            self.free["ETH"] += amount if side == "buy" else -amount
            self.free["USDT"] += -best * amount if side == "buy" else best * amount
            order |= {"deal_amount": amount, "avg_price": str(best), "state": "filled"}
        return number

    def cancel(self, number: str) -> None:
        order = self.orders[number]
        if order["state"] != "pending":
            raise ValueError('{"sCode":"51402","sMsg":"Order already completed"}')
        self._release(order)
        order["state"] = "canceled"

    def _release(self, order: dict[str, Any]) -> None:
        asset, size = ("USDT", order["price"] * order["amount"]) if order["type"] == "buy" else ("ETH", order["amount"])
        self.frozen[asset] -= size
        self.free[asset] += size


BOOK = Book()
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time() * 1000)
    if method == "ticker":
        data = {
            "symbol": params["symbol"].upper(),
            "buy": BIDS[0][0],
            "sell": ASKS[0][0],
            "high": "2955",
            "low": "2775",
        }
        data |= {"open": "2800", "last": "2921.5", "vol": "249400.88", "time": str(now)}
        return {"data": data, "raw": {"data": [{"last": 2921.5, "askSz": "3", "instType": "SPOT"}]}}
    if method == "depth":
        numbers = [[[float(cell) for cell in row] for row in side] for side in (ASKS, BIDS)]
        return {"data": {"time": now, "asks": numbers[0], "bids": numbers[1]}, "raw": {"asks": ASKS, "bids": BIDS}}
    if method == "trades":
        return {"data": [{"id": 1, "time": now - 9_000, "price": 2921.5, "amount": 0.4, "type": "buy"}]}
    if method == "records":
        return {"data": [[now // 1000, 2920, 2925, 2915, 2921.5, 12]]}
    if method in ("accounts", "assets"):
        rows = [
            {"currency": name, "free": f"{BOOK.free[name]:.6f}", "frozen": f"{BOOK.frozen[name]:.6f}"}
            for name in BOOK.free
        ]
        return {"data": rows, "raw": {"details": [{"ccy": "USDT", "eqUsd": "10000.5", "uTime": str(now)}]}}
    if method == "trade":
        number = BOOK.trade(params["symbol"], params["type"], float(params["price"]), float(params["amount"]))
        return {"data": {"id": number}}
    if method == "orders":
        return {"data": [order for order in BOOK.orders.values() if order["state"] == "pending"]}
    if method == "historyorders":
        return {"data": [order for order in BOOK.orders.values() if order["state"] != "pending"]}
    if method == "order":
        return {"data": BOOK.orders[params["id"]]}
    if method == "cancel":
        BOOK.cancel(params["id"])
        return {"data": True}
    return {"error": f"invalid method: {method}"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with (FOLDER / "heard.jsonl").open("a") as file:
            file.write(json.dumps(body) + "\n")
        method = body.get("method", "")
        if method == "trade" and (FOLDER / "drop").exists():
            return
        try:
            reply = self._reply(body, method)
        except (ValueError, KeyError) as error:
            reply = {"error": str(error)}
        if method == "trade" and (FOLDER / "lose").exists():
            return
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reply(self, body: dict[str, Any], method: str) -> dict[str, Any]:
        if not all(name in body for name in ("access_key", "secret_key", "method", "params")):
            return {"error": "missing required parameters"}
        if (body["access_key"], body["secret_key"]) != (ACCESS, SECRET):
            return {"error": '{"msg":"Invalid OK-ACCESS-KEY","code":"50111"}'}
        return answer(method, body["params"])

    def log_message(self, format: str, *args: Any) -> None:
        return None


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
