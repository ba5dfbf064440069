"""Coinbase's signed calls that only read: wallets, orders, fills, fees, key permissions. Nothing changes here.

| what | rule | evidence |
|---|---|---|
| accounts | 49 a page, at most 250, until has_next is false | sheet 5.2; the maximum is the sheet's example |
| orders | newest first; lists are repeated keys; `product_id` alone too | sheet 5.2; ccxt sends the single key |
| order_status=OPEN | alone only, at most 1000, no dates, no PENDING or QUEUED | sheet 5.2 |
| fills | newest first, 100 a page; an empty cursor ends | sheet 5.2 |
| cursors | opaque; here the number of the last row | ours |
| other page sizes, sort_by | orders 100 a page, at most 1000; sort_by is ignored | unconfirmed |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from app.paper.accounts import Balance
from app.paper.desk import Desk
from app.paper.dialects import coinbase_order_wire as order_wire
from app.paper.dialects import coinbase_wire as wire
from app.paper.dialects.coinbase_catalog import EMPTY_WALLETS, TIER, seeded_uuid
from app.paper.dialects.coinbase_errors import ApiError
from app.paper.dialects.coinbase_records import Record, Records
from app.paper.dialects.coinbase_request import Call
from app.paper.events import Fill
from app.paper.units import ATOM_SCALE, to_text

ACCOUNTS_PAGE, ACCOUNTS_MAX = 49, 250
ORDERS_PAGE, ORDERS_MAX = 100, 1000
FILLS_PAGE, FILLS_MAX = 100, 1000
STATUSES = frozenset(
    "PENDING OPEN FILLED CANCELLED EXPIRED FAILED QUEUED CANCEL_QUEUED EDIT_QUEUED UNKNOWN_ORDER_STATUS".split()
)
_MONTH_MS = 30 * 86_400_000
Row = TypeVar("Row")


class AccountLists:
    def __init__(self, desk: Desk, records: Records, portfolio: str, user_id: str) -> None:
        self._desk = desk
        self._records = records
        self._portfolio = portfolio
        self._user_id = user_id

    def accounts(self, call: Call) -> wire.Json:
        rows = self._wallets(call)
        limit = call.whole_number("limit", ACCOUNTS_PAGE, ACCOUNTS_MAX)
        start = call.whole_number("cursor", 0)
        page = rows[start : start + limit]
        more = start + limit < len(rows)
        return {"accounts": page, "has_next": more, "cursor": str(start + limit) if more else "", "size": len(page)}

    def v2_accounts(self, call: Call) -> wire.Json:
        """The App's older list, without holds; ccxt reads balances there unless told otherwise (fields: its source)."""
        rows = [
            {
                "id": wallet["uuid"],
                "name": wallet["name"],
                "primary": False,
                "type": "fiat" if wallet["type"] == "ACCOUNT_TYPE_FIAT" else "wallet",
                "currency": {"code": wallet["currency"]},
                "balance": {
                    "amount": to_text(call.account.balance(wallet["currency"]).total, ATOM_SCALE),
                    "currency": wallet["currency"],
                },
                "created_at": wallet["created_at"],
                "updated_at": wallet["updated_at"],
                "resource": "account",
                "resource_path": f"/v2/accounts/{wallet['uuid']}",
            }
            for wallet in self._wallets(call)
        ]
        return {"pagination": {"next_starting_after": None, "limit": len(rows), "next_uri": None}, "data": rows}

    def account(self, call: Call) -> wire.Json:
        for row in self._wallets(call):
            if row["uuid"] == call.path["account_uuid"]:
                return {"account": row}
        raise ApiError("NOT_FOUND", "account not found")

    def key_permissions(self, call: Call) -> wire.Json:
        return {
            "can_view": True,
            "can_trade": call.key is not None and call.key.can_trade,
            "can_transfer": False,
            "portfolio_uuid": self._portfolio,
            "portfolio_type": "DEFAULT",
        }

    def transaction_summary(self, call: Call) -> wire.Json:
        since_ms = self._desk.venue.now_ms() - _MONTH_MS
        volume = fees = 0
        for fill in self._desk.venue.ledger(call.account.account_id).fills:
            instrument = self._desk.venue.instruments[fill.order.pair]
            if fill.time_ms > since_ms and instrument.quote in ("USD", "USDC"):
                volume += fill.ticks * fill.lots * instrument.quote_atoms_per_cell
                fees += fill.fee_atoms
        volume_text, fees_text = (wire.number(to_text(atoms, ATOM_SCALE)) for atoms in (volume, fees))
        return {
            "total_volume": volume_text,
            "total_fees": fees_text,
            "fee_tier": {
                "pricing_tier": TIER,
                "usd_from": "0",
                "usd_to": "1000",
                "taker_fee_rate": format(call.account.fees.taker, "f"),
                "maker_fee_rate": format(call.account.fees.maker, "f"),
                "aop_from": "0",
                "aop_to": "10000",
            },
            "margin_rate": None,
            "goods_and_services_tax": None,
            "advanced_trade_only_volume": volume_text,
            "advanced_trade_only_fees": fees_text,
            "coinbase_pro_volume": 0,
            "coinbase_pro_fees": 0,
            "total_balance": to_text(call.account.balance("USD").total, ATOM_SCALE),
            "has_promo_fee": False,
        }

    def order(self, call: Call) -> wire.Json:
        record = self._records.find(call.account.account_id, call.path["order_id"])
        if record is None:
            raise ApiError("NOT_FOUND", "order with this orderID was not found")
        return {"order": self._order(record)}

    def orders(self, call: Call) -> wire.Json:
        statuses = call.texts("order_status")
        if not statuses <= STATUSES or ("OPEN" in statuses and len(statuses) > 1):
            raise ApiError("INVALID_ARGUMENT", "order_status: unknown, or OPEN together with others")
        found = [record for record in self._records.of(call.account.account_id) if self._wanted(record, call, statuses)]
        if statuses == {"OPEN"}:
            found = found[:ORDERS_MAX]
        limit = call.whole_number("limit", ORDERS_PAGE, ORDERS_MAX)
        page, cursor = _page(found, lambda record: record.order.order_id, limit, call.whole_number("cursor", 0))
        rows = [self._order(record) for record in page]
        return {"orders": rows, "sequence": "0", "has_next": bool(cursor), "cursor": cursor}

    def fills(self, call: Call) -> wire.Json:
        start_ms, end_ms = call.time_ms("start_sequence_timestamp"), call.time_ms("end_sequence_timestamp")
        order_ids, trade_ids = call.texts("order_ids", "order_id"), call.texts("trade_ids")
        pairs = call.texts("product_ids", "product_id")
        found: list[tuple[Fill, Record]] = []
        for fill in reversed(self._desk.venue.ledger(call.account.account_id).fills):
            record = fill.order.memo
            if not isinstance(record, Record) or (order_ids and record.order_id not in order_ids):
                continue
            if (pairs and record.product_id not in pairs) or (trade_ids and order_wire.trade_id(fill) not in trade_ids):
                continue
            if (start_ms is None or fill.time_ms >= start_ms) and (end_ms is None or fill.time_ms <= end_ms):
                found.append((fill, record))
        limit = call.whole_number("limit", FILLS_PAGE, FILLS_MAX)
        page, cursor = _page(found, lambda row: row[0].fill_id, limit, call.whole_number("cursor", 0))
        instruments = self._desk.venue.instruments
        rows = [order_wire.fill(f, record, instruments[f.order.pair], self._user_id) for f, record in page]
        return {"fills": rows, "cursor": cursor}

    def _wanted(self, record: Record, call: Call, statuses: set[str]) -> bool:
        order = record.order
        if statuses and record.status not in statuses:
            return False
        for names, value in (
            (("order_ids",), record.order_id),
            (("product_ids", "product_id"), record.product_id),
            (("order_types",), order_wire.type_of(record)),
            (("order_side",), order.side.value),
            (("time_in_forces",), order_wire.lasting_of(record)),
        ):
            asked = call.texts(*names)
            if asked and value not in asked:
                return False
        if call.text("product_type") not in ("", "SPOT", "UNKNOWN_PRODUCT_TYPE"):
            return False
        if call.text("retail_portfolio_id") not in ("", record.portfolio):
            return False
        if statuses == {"OPEN"}:
            return True
        start_ms, end_ms = call.time_ms("start_date"), call.time_ms("end_date")
        return (start_ms is None or order.created_ms >= start_ms) and (end_ms is None or order.created_ms < end_ms)

    def _wallets(self, call: Call) -> list[wire.Json]:
        """Sorted by asset, so that some that matter come after the first page."""
        if call.text("retail_portfolio_id") not in ("", self._portfolio):
            return []
        balances = {asset: Balance() for asset in EMPTY_WALLETS} | call.account.balances
        opened = self._desk.opened_ms
        return [wire.wallet(asset, balances[asset], self._portfolio, opened) for asset in sorted(balances)]

    def _order(self, record: Record) -> wire.Json:
        return order_wire.rest_order(record, self._desk.venue.instruments[record.product_id], self._user_id)


def user_ids(seed: int) -> tuple[str, str]:
    """Portfolio and user, the same for the same seed."""
    return seeded_uuid("coinbase", seed, "portfolio"), seeded_uuid("coinbase", seed, "user")


def _page(rows: Iterable[Row], number: Callable[[Row], int], limit: int, after: int) -> tuple[list[Row], str]:
    """The newest rows older than row `after` (0: the newest of all), and the cursor that goes on from there."""
    older = [row for row in rows if not after or number(row) < after]
    page = older[:limit]
    return page, str(number(page[-1])) if len(older) > limit else ""
