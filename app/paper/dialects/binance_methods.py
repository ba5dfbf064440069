"""The table of Binance' calls: their REST path, WebSocket method, weight, security and parameters. Answers nothing.

Weights and parameters: sheet 2, 3.1, 5.3, 6, 7 and the exchange's pages. Unconfirmed: which of -1101 and -1104 names an
unknown parameter (here -1101 on public, -1104 on signed calls), and weights of calls that the sheet does not list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from app.paper.dialects.binance_call import Call
from app.paper.dialects.binance_errors import ApiError
from app.paper.dialects.binance_lists import AccountLists
from app.paper.dialects.binance_market import MarketData, depth_weight
from app.paper.dialects.binance_symbols import Symbols
from app.paper.dialects.binance_tickers import Tickers
from app.paper.dialects.binance_trading import Trading

Answer = Callable[[Call], object]
Weight = int | Callable[[Call], int]

SECURITY = frozenset({"timestamp", "signature", "recvWindow", "apiKey", "returnRateLimits"})
_ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType"
)
_REPLACE = (
    " cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)
_LISTS = ("oco", "oto", "otoco", "opo", "opoco")


class Endpoint(NamedTuple):
    """`params` empty and `open_ended` set: anything goes. `places` marks calls that count as orders."""

    method: str
    verb: str
    path: str
    answer: Answer
    weight: Weight
    params: frozenset[str]
    signed: bool = False
    places: bool = False
    open_ended: bool = False

    def weight_of(self, call: Call) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(call)

    def check_names(self, call: Call) -> None:
        """Raises ApiError for parameters that the call does not have."""
        if self.open_ended:
            return
        sent = call.params.keys() - SECURITY
        if sent <= self.params:
            return
        if self.signed:
            read = len(call.params) - len(sent - self.params)
            raise ApiError(-1104, read, len(call.params))
        raise ApiError(-1101, len(self.params), len(sent))


def endpoints(
    market: MarketData, tickers: Tickers, symbols: Symbols, lists: AccountLists, trading: Trading
) -> list[Endpoint]:
    """Every call, once."""
    table = [
        _public("ping", "ping", market.ping, 1, ""),
        _public("time", "time", market.time, 1, ""),
        _public(
            "exchangeInfo",
            "exchangeInfo",
            symbols.exchange_info,
            20,
            "symbol symbols permissions showPermissionSets symbolStatus",
        ),
        _public("executionRules", "executionRules", symbols.execution_rules, 40, "symbol symbols symbolStatus"),
        _public("referencePrice", "referencePrice", symbols.reference_price, 2, "symbol symbolStatus"),
        _public(
            "referencePrice.calculation",
            "referencePrice/calculation",
            symbols.reference_price,
            2,
            "symbol symbolStatus",
        ),
        _public("depth", "depth", market.depth, depth_weight, "symbol limit symbolStatus"),
        _public("trades.recent", "trades", market.trades, 25, "symbol limit"),
        _public("trades.historical", "historicalTrades", market.historical_trades, 25, "symbol limit fromId"),
        _public("trades.aggregate", "aggTrades", market.aggregates, 4, "symbol fromId startTime endTime limit"),
        _public("klines", "klines", market.klines, 2, "symbol interval startTime endTime timeZone limit"),
        _public("uiKlines", "uiKlines", market.klines, 2, "symbol interval startTime endTime timeZone limit"),
        _public("avgPrice", "avgPrice", market.average_price, 2, "symbol"),
        _public("ticker.24hr", "ticker/24hr", tickers.day, _day_weight(symbols), "symbol symbols type symbolStatus"),
        _public(
            "ticker.tradingDay",
            "ticker/tradingDay",
            tickers.trading_day,
            _each_weight(symbols),
            "symbol symbols timeZone type symbolStatus",
        ),
        _public(
            "ticker", "ticker", tickers.window, _each_weight(symbols), "symbol symbols windowSize type symbolStatus"
        ),
        _public("ticker.price", "ticker/price", tickers.price, _one_or_many(2, 4), "symbol symbols symbolStatus"),
        _public("ticker.book", "ticker/bookTicker", tickers.best, _one_or_many(2, 4), "symbol symbols symbolStatus"),
        _signed("order.place", "POST", "order", trading.place, 1, _ORDER, places=True),
        _signed("order.test", "POST", "order/test", trading.test, _test_weight, _ORDER + " computeCommissionRates"),
        _signed("order.status", "GET", "order", lists.order, 4, "symbol orderId origClientOrderId"),
        _signed(
            "order.cancel",
            "DELETE",
            "order",
            trading.cancel,
            1,
            "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
        ),
        _signed(
            "order.cancelReplace",
            "POST",
            "order/cancelReplace",
            trading.cancel_replace,
            1,
            _ORDER + _REPLACE,
            places=True,
        ),
        _signed(
            "order.amend.keepPriority",
            "PUT",
            "order/amend/keepPriority",
            trading.amend,
            4,
            "symbol orderId origClientOrderId newClientOrderId newQty",
        ),
        _signed(
            "order.amendments", "GET", "order/amendments", lists.amendments, 4, "symbol orderId fromExecutionId limit"
        ),
        _signed("openOrders.status", "GET", "openOrders", lists.open_orders, _one_or_many(6, 80), "symbol"),
        _signed("openOrders.cancelAll", "DELETE", "openOrders", trading.cancel_all, 1, "symbol"),
        _signed("allOrders", "GET", "allOrders", lists.all_orders, 20, "symbol orderId startTime endTime limit"),
        _signed(
            "myTrades",
            "GET",
            "myTrades",
            lists.my_trades,
            lambda call: 5 if call.has("orderId") else 20,
            "symbol orderId startTime endTime fromId limit",
        ),
        _signed("account.status", "GET", "account", lists.account, 20, "omitZeroBalances"),
        _signed("account.commission", "GET", "account/commission", symbols.commission, 20, "symbol"),
        _signed("account.rateLimits.orders", "GET", "rateLimit/order", lists.order_counts, 40, ""),
        _signed("myFilters", "GET", "myFilters", symbols.my_filters, 40, "symbol"),
        _signed(
            "myPreventedMatches",
            "GET",
            "myPreventedMatches",
            lists.prevented_matches,
            lambda call: 2 if call.has("preventedMatchId") else 20,
            "symbol preventedMatchId orderId fromPreventedMatchId limit",
        ),
    ]
    for name in _LISTS:
        refused = _signed(f"orderList.place.{name}", "POST", f"orderList/{name}", trading.order_list, 1, "")
        table.append(refused._replace(open_ended=True))
    return table


def _public(method: str, path: str, answer: Answer, weight: Weight, params: str) -> Endpoint:
    return Endpoint(method, "GET", path, answer, weight, frozenset(params.split()))


def _signed(
    method: str, verb: str, path: str, answer: Answer, weight: Weight, params: str, *, places: bool = False
) -> Endpoint:
    return Endpoint(method, verb, path, answer, weight, frozenset(params.split()), signed=True, places=places)


def _one_or_many(one: int, many: int) -> Weight:
    return lambda call: one if call.has("symbol") else many


def _day_weight(symbols: Symbols) -> Weight:
    def weight(call: Call) -> int:
        count = symbols.count(call)
        return 80 if count == 0 or count > 100 else 40 if count > 20 else 2

    return weight


def _each_weight(symbols: Symbols) -> Weight:
    return lambda call: min(200, 4 * max(1, symbols.count(call)))


def _test_weight(call: Call) -> int:
    return 20 if call.params.get("computeCommissionRates", "").lower() == "true" else 1
