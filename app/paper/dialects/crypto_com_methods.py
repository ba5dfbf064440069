"""Crypto.com's method names and what answers them: public over REST, private over REST and partly the user socket.

| what | rule | evidence |
|---|---|---|
| unknown method, or one that is not for this place | 40002 | code by name |
| over the user socket | create, amend, cancel, lists, cancel all, advanced; no reading | API reference of 2026-08 |
| `params` | an object, needed even when empty (40004) | sheet 5; code unconfirmed |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.paper.desk import Desk
from app.paper.dialects.crypto_com_auth import whole_text
from app.paper.dialects.crypto_com_errors import ApiError, Json
from app.paper.dialects.crypto_com_listings import OrderNumbers
from app.paper.dialects.crypto_com_lists import AccountLists
from app.paper.dialects.crypto_com_market import MarketData
from app.paper.dialects.crypto_com_money import Money
from app.paper.dialects.crypto_com_request import Call
from app.paper.dialects.crypto_com_rules import OrderRules
from app.paper.dialects.crypto_com_trading import Trading
from app.paper.dialects.crypto_com_triggers import Triggers

Result = Json | list[Json] | None
PublicAnswer = Callable[[Mapping[str, str]], Json | Awaitable[Json]]
PrivateAnswer = Callable[[Call], Result]
_STRATEGIES = [f"{what}-{name}" for name in ("oco", "oto", "otoco", "order-list") for what in ("create", "cancel")]


class Methods:
    """`public` and `private` by their full names; `on_sockets` are those of the user socket."""

    def __init__(self, desk: Desk, rules: OrderRules, market: MarketData, money: Money, numbers: OrderNumbers) -> None:
        trading = Trading(desk, rules, numbers)
        triggers = Triggers(desk, rules, trading)
        lists = AccountLists(desk, rules, trading, money)
        self.public: dict[str, PublicAnswer] = {
            "public/get-instruments": market.instruments,
            "public/get-book": market.book,
            "public/get-trades": market.trades,
            "public/get-tickers": market.tickers,
            "public/get-candlestick": market.candles,
        }
        refused: dict[str, PrivateAnswer]
        refused = {f"private/advanced/{name}": triggers.refuse for name in ("amend-order", *_STRATEGIES)}
        self.on_sockets: dict[str, PrivateAnswer] = refused | {
            "private/create-order": trading.create,
            "private/amend-order": trading.amend,
            "private/cancel-order": trading.cancel,
            "private/cancel-all-orders": trading.cancel_all,
            "private/create-order-list": trading.create_list,
            "private/cancel-order-list": trading.cancel_list,
            "private/advanced/create-order": triggers.create,
            "private/advanced/cancel-order": triggers.cancel,
            "private/advanced/cancel-all-orders": triggers.cancel_all,
        }
        self.private: dict[str, PrivateAnswer] = self.on_sockets | {
            "private/user-balance": lists.balance,
            "private/get-fee-rate": lists.fee_rate,
            "private/get-instrument-fee-rate": lists.instrument_fee_rate,
            "private/get-accounts": lists.accounts,
            "private/get-positions": lists.positions,
            "private/get-currency-networks": lists.currencies,
            "private/get-open-orders": lists.open_orders,
            "private/get-order-detail": lists.order,
            "private/get-order-history": lists.history,
            "private/get-trades": lists.trades,
            "private/advanced/get-open-orders": triggers.open_orders,
            "private/advanced/get-order-history": triggers.history,
            "private/advanced/get-order-detail": triggers.detail,
        }


def request_id_of(message: Mapping[str, Any]) -> int:
    """-1 when there is none that could be repeated."""
    text = whole_text(message.get("id"))
    return int(text) if text else -1


def params_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ApiError."""
    params = message.get("params")
    if not isinstance(params, dict):
        raise ApiError(40004)
    return params


def answer(request_id: int, method: str, result: Result) -> Json:
    """What success looks like."""
    body: Json = {"id": request_id, "method": method, "code": 0}
    return body | ({"result": result} if result is not None else {})
