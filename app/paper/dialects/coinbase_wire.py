"""Coinbase's JSON shapes of market data and accounts. Orders are coinbase_order_wire's; nothing is looked up here.

Field names and order: sheet sections 2, 3 and 5 and the recording of 2026-08. Prices and sizes are strings without
trailing zeros; times are RFC 3339 with as many decimals as are needed. `side` of a public trade is the maker's: the
documentation says so of REST, and the recording shows it of the stream (SELL at the ask). Invented: `low_52_w` and
`high_52_w` (a fixed band around the opening day), `volume_percentage_change_24h` (0).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from app.core.types import Side
from app.paper.accounts import Balance
from app.paper.bars import Bar
from app.paper.dialects.coinbase_catalog import DELISTED, FIAT, Product, seeded_uuid
from app.paper.events import Execution
from app.paper.listings import Instrument
from app.paper.tape import DaySummary
from app.paper.units import ATOM_SCALE, ratio_text, to_text

Json = dict[str, Any]
Levels = list[tuple[int, int]]

SIDES = {Side.BUY: "bid", Side.SELL: "offer"}
"""How level2 names the side of a resting order."""
_LISTED = "2023-01-01T00:00:00Z"


def stamp(time_ms: int) -> str:
    """RFC 3339, UTC."""
    return stamp_ns(time_ms * 1_000_000)


def stamp_ns(time_ns: int) -> str:
    """RFC 3339, UTC, trailing zeros left out as Go does."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def milliseconds(text: str) -> int:
    """An RFC 3339 time as wall clock. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time zone is missing")
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def number(text: str) -> msgspec.Raw:
    """A JSON number with exactly these digits."""
    return msgspec.Raw(text.encode())


def step(scale: int) -> str:
    return to_text(1, scale)


def product(
    listed: Product,
    instrument: Instrument,
    day: DaySummary,
    flags: Json,
    best: tuple[int | None, int | None],
    other: list[str],
) -> Json:
    """One product. `best` is shown only to those who asked for one product's private twin; usually it is empty."""
    scale = instrument.price_scale
    return {
        "product_id": listed.pair,
        "price": to_text(day.close, scale),
        "price_percentage_change_24h": percent(day),
        "volume_24h": to_text(day.lots, instrument.quantity_scale),
        "volume_percentage_change_24h": "0",
        "base_increment": step(instrument.quantity_scale),
        "quote_increment": step(instrument.amount_scale),
        "quote_min_size": listed.quote_min_size,
        "quote_max_size": listed.quote_max_size,
        "base_min_size": format(instrument.min_quantity, "f"),
        "base_max_size": listed.base_max_size,
        "base_name": listed.base_name,
        "quote_name": listed.quote_name,
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": instrument.quote,
        "base_currency_id": instrument.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": listed.alias,
        "alias_to": other,
        "base_display_symbol": instrument.base,
        "quote_display_symbol": "USD" if instrument.quote == "USDC" else instrument.quote,
        "view_only": False,
        "price_increment": step(scale),
        "display_name": listed.pair,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": to_text(day.cells // 10 ** (instrument.cell_scale - 2), 2),
        "new_at": _LISTED,
        "best_bid_price": "" if best[0] is None else to_text(best[0], scale),
        "best_ask_price": "" if best[1] is None else to_text(best[1], scale),
        "high_24h": to_text(day.high, scale),
        "low_24h": to_text(day.low, scale),
    } | flags


def delisted(model: Json) -> Json:
    """A product that nobody can trade any more; its numbers are empty."""
    gone = dict(model)
    base, quote = DELISTED.split("-")
    empty = (
        "price",
        "price_percentage_change_24h",
        "volume_24h",
        "volume_percentage_change_24h",
        "high_24h",
        "low_24h",
    )
    gone |= dict.fromkeys((*empty, "approximate_quote_24h_volume", "best_bid_price", "best_ask_price"), "")
    gone |= {"product_id": DELISTED, "display_name": DELISTED, "base_name": "Augur", "alias": "", "alias_to": []}
    gone |= {
        "base_currency_id": base,
        "base_display_symbol": base,
        "quote_currency_id": quote,
        "quote_name": "US Dollar",
    }
    gone |= {"status": "delisted", "trading_disabled": True, "base_increment": "0.000001", "base_min_size": "0.001"}
    return gone


def percent(day: DaySummary) -> str:
    return ratio_text((day.close - day.open) * 100, day.open, 14)


def level(ticks: int, lots: int, instrument: Instrument) -> Json:
    return {"price": to_text(ticks, instrument.price_scale), "size": to_text(lots, instrument.quantity_scale)}


def price_book(pair: str, bids: Levels, asks: Levels, instrument: Instrument, now_ms: int) -> Json:
    return {
        "product_id": pair,
        "bids": [level(*row, instrument) for row in bids],
        "asks": [level(*row, instrument) for row in asks],
        "time": stamp(now_ms),
    }


def public_trade(trade: Execution, pair: str, instrument: Instrument) -> Json:
    """REST form; `side` is the maker's."""
    return {
        "trade_id": str(trade.trade_id),
        "product_id": pair,
        "price": to_text(trade.ticks, instrument.price_scale),
        "size": to_text(trade.lots, instrument.quantity_scale),
        "time": stamp(trade.time_ms),
        "side": trade.taker_side.opposite.value,
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def streamed_trade(trade: Execution, instrument: Instrument) -> Json:
    """WebSocket form; `side` is the maker's."""
    return {
        "product_id": trade.pair,
        "trade_id": str(trade.trade_id),
        "price": to_text(trade.ticks, instrument.price_scale),
        "size": to_text(trade.lots, instrument.quantity_scale),
        "time": stamp(trade.time_ms),
        "side": trade.taker_side.opposite.value,
    }


def candle(bar: Bar, instrument: Instrument) -> Json:
    scale = instrument.price_scale
    return {
        "start": str(bar.start_ms // 1000),
        "high": to_text(bar.high, scale),
        "low": to_text(bar.low, scale),
        "open": to_text(bar.open, scale),
        "close": to_text(bar.close, scale),
        "volume": to_text(bar.lots, instrument.quantity_scale),
    }


def ticker(pair: str, day: DaySummary, band: tuple[int, int], instrument: Instrument) -> Json:
    """What `ticker` and `ticker_batch` share. `band` is the lowest and highest price of the year."""
    scale = instrument.price_scale
    return {
        "type": "ticker",
        "product_id": pair,
        "price": to_text(day.close, scale),
        "volume_24_h": to_text(day.lots, instrument.quantity_scale),
        "low_24_h": to_text(day.low, scale),
        "high_24_h": to_text(day.high, scale),
        "low_52_w": to_text(min(band[0], day.low), scale),
        "high_52_w": to_text(max(band[1], day.high), scale),
        "price_percent_chg_24_h": percent(day),
    }


def best_quotes(bid: tuple[int, int], ask: tuple[int, int], instrument: Instrument) -> Json:
    """The four fields that only `ticker` has."""
    prices, sizes = instrument.price_scale, instrument.quantity_scale
    return {
        "best_bid": to_text(bid[0], prices),
        "best_ask": to_text(ask[0], prices),
        "best_bid_quantity": to_text(bid[1], sizes),
        "best_ask_quantity": to_text(ask[1], sizes),
    }


def status_row(listed: Product, instrument: Instrument) -> Json:
    return {
        "product_type": "SPOT",
        "id": listed.pair,
        "base_currency": instrument.base,
        "quote_currency": instrument.quote,
        "base_increment": step(instrument.quantity_scale),
        "quote_increment": step(instrument.amount_scale),
        "display_name": listed.pair.replace("-", "/"),
        "status": "online",
        "status_message": "",
        "min_market_funds": listed.quote_min_size,
    }


def wallet(asset: str, balance: Balance, portfolio: str, opened_ms: int) -> Json:
    fiat = asset in FIAT
    return {
        "uuid": seeded_uuid("wallet", portfolio, asset),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": to_text(balance.available, ATOM_SCALE), "currency": asset},
        "default": True,
        "active": True,
        "created_at": _LISTED,
        "updated_at": stamp(opened_ms),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if fiat else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": to_text(balance.hold, ATOM_SCALE), "currency": asset},
        "retail_portfolio_id": portfolio,
    }
