"""Done orders of all accounts as table rows: the columns of open orders, the reason and the end. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal

from app.core.types import Side
from app.ui.desk import Desk
from app.ui.format import Display, clean, exact, rounded
from app.ui.models.orders import OrderLine, frame_cell, id_cell, order_columns, time_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.models.orders_words import SIDE_WORDS


def _ended_ms(line: OrderLine) -> int:
    """By the exchange's clock; by ours where the exchange never reported on the order."""
    order = line.order
    return order.updated_ms or (order.history[-1].wall_ms if order.history else 0)


def history_columns(display: Callable[[], Display]) -> list[Column[OrderLine]]:
    shared = [column for column in order_columns(display) if column.title != "Remaining"]
    return [
        Column("Ended", lambda r: time_cell(_ended_ms(r), display()), lambda r: _ended_ms(r) or None, 104),
        *shared,
        Column(
            "Reason",
            lambda r: Cell(clean(r.order.reason), "secondary", tip=clean(r.order.reason)),
            lambda r: r.order.reason.lower() or None,
            190,
        ),
        Column("Message", lambda r: frame_cell(r.order.frame, r.order.source), lambda r: r.order.frame or None, 92),
        Column("Order id", id_cell, lambda r: r.order.client_order_id or r.order.exchange_order_id, 200),
    ]


class HistoryModel(LiveTable[OrderLine]):
    """Every order that has ended; late evidence may bring one back to the open ones."""

    def __init__(self, desk: Desk, display: Callable[[], Display]) -> None:
        super().__init__(history_columns(display), sort_by=0, descending=True)
        self._desk = desk
        self._versions: tuple[tuple[Hashable, ...], ...] | None = None
        self._lines: dict[int, OrderLine] = {}
        self._heard = -1

    def load(self) -> bool:
        """Read the trackers again if any of them changed; returns whether it did."""
        exchanges = list(self._desk.exchanges.values())
        versions = tuple((e.key, id(e), e.orders.version, e.trading_rules_version) for e in exchanges)
        if versions == self._versions:
            return False
        new_rules = [v[3] for v in versions] != [v[3] for v in self._versions or ()]
        self._versions = versions
        lines = {}
        for exchange in exchanges:
            for order in exchange.orders:
                if order.is_done or order.put_away:
                    lines[id(order)] = self._lines.get(id(order)) or OrderLine(exchange, order)
        # Versions only rise: the same orders with the same sum have not changed, whatever the open ones did.
        heard = sum(line.order.version for line in lines.values())
        if heard == self._heard and lines.keys() == self._lines.keys() and not new_rules:
            return False
        self._lines, self._heard = lines, heard
        self.feed(lines.values())
        if new_rules:
            self.forget_cells()
        return True


def history_totals(lines: Iterable[OrderLine]) -> str:
    """What the selected orders filled, by side, in base and quote."""
    lines = list(lines)
    base: dict[tuple[Side, str], Decimal] = {}
    quote: dict[tuple[Side, str], Decimal] = {}
    for line in lines:
        order = line.order
        if order.filled:
            key = (order.side, line.base)
            base[key] = base.get(key, Decimal(0)) + order.filled
            worth = (order.side, line.quote)
            quote[worth] = quote.get(worth, Decimal(0)) + order.filled_quote
    parts = [f"{len(lines)} selected"]
    for side in Side:
        amounts = [f"{exact(amount)} {asset}" for (s, asset), amount in base.items() if s is side]
        values = [f"{rounded(value, 2)} {asset}" for (s, asset), value in quote.items() if s is side]
        if amounts:
            parts.append(f"{SIDE_WORDS[side]} filled {', '.join(amounts)} = {', '.join(values)}")
    return "  ·  ".join(parts)
