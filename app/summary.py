"""The state of the desk as one JSON object, printed at exit for scripts. Prices and amounts are strings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.connectors.exchange import Exchange
from app.core.frames import FrameLog
from app.core.order_book import OrderBook
from app.core.types import Trade

_TOP = 10


def program_version() -> str:
    try:
        return version("depthdesk")
    except PackageNotFoundError:
        return "0+source"


def summary(
    exchanges: Mapping[str, Exchange],
    log: FrameLog,
    seconds: float,
    ui: Mapping[str, float | None],
    trades: Mapping[str, list[Trade]] | None = None,
) -> dict[str, Any]:
    """`trades` is given after a replay: then every trade and the top of each book are told too."""
    return {
        "version": program_version(),
        "seconds": round(seconds, 3),
        "frames": log.last_seq,
        "exchanges": {
            key: _exchange(exchange, None if trades is None else trades.get(key, []))
            for key, exchange in exchanges.items()
        },
        "ui": dict(ui),
    }


def _exchange(exchange: Exchange, trades: list[Trade] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ready": exchange.ready,
        "messages": sum(link.messages for link in exchange.links),
        "unknown": sum(link.unknown for link in exchange.links),
        "gaps": sum(feed.gaps for feed in exchange.feeds.values()),
        "resyncs": sum(feed.resyncs for feed in exchange.feeds.values()),
        "orders_open": len(exchange.orders.open),
        "fills": len(exchange.fills),
        "balances": {
            asset: {"total": f"{balance.total:f}", "available": f"{balance.available:f}"}
            for asset, balance in sorted(exchange.account.balances.items())
        },
        "books": {pair: _book(book, trades is not None) for pair, book in sorted(exchange.order_books.items())},
    }
    if trades is not None:
        told["trades"] = [[trade.pair, trade.price, trade.amount, trade.taker.value] for trade in trades]
    return told


def _book(book: OrderBook, with_top: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "best_bid": book.best_bid,
        "best_ask": book.best_ask,
        "bids": len(book.bids),
        "asks": len(book.asks),
        "version": book.version,
        "stale": book.stale,
    }
    if with_top:
        bids, asks = book.top(_TOP)
        told["top"] = {"bids": [list(level) for level in bids], "asks": [list(level) for level in asks]}
    return told
