"""Executions of all accounts as table rows, rows for details that never arrived, sums and CSV columns. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal

from app.core.order_state import OrderFlag
from app.core.order_tracker import FillRecord
from app.core.orders import InFlightOrder
from app.core.types import Fill, Side
from app.ui.csv_export import Value, iso_time
from app.ui.desk import Desk, ExchangeView
from app.ui.format import DASH, Display, clean, decimals_of, exact, plain, rounded
from app.ui.models.orders import exchange_cell, frame_cell, time_cell
from app.ui.models.orders_table import Cell, Column, LiveTable
from app.ui.models.orders_words import SIDE_WORDS, side_tone

_ZERO = Decimal(0)


class FillLine:
    """One execution, or (without `fill`) the part of an order whose executions the exchange has not told."""

    __slots__ = ("exchange", "order", "fill", "amount", "value", "base", "quote", "key", "version", "recovered")

    def __init__(
        self, exchange: ExchangeView, order: InFlightOrder, fill: Fill | None, recovered: bool = False
    ) -> None:
        self.recovered = recovered
        self.exchange = exchange
        self.order = order
        self.fill = fill
        self.base, _, self.quote = order.pair.partition("-")
        self.amount = fill.amount if fill is not None else order.fills_missing
        # Quote, exact; nothing is invented for what was not told.
        self.value = None if fill is None else fill.amount * fill.price
        self.key: Hashable = (id(order),) if fill is None else (id(order), fill.id_space, fill.trade_id)
        self.version: Hashable = order.version if fill is None else order.key

    @property
    def when_ms(self) -> int:
        return self.fill.exchange_ms if self.fill is not None else self.order.updated_ms

    def price_text(self, price: Decimal) -> str:
        rule = self.exchange.trading_rules.get(self.order.pair)
        return exact(price, decimals_of(rule.min_price_increment) if rule else 0)

    def amount_text(self) -> str:
        rule = self.exchange.trading_rules.get(self.order.pair)
        return exact(self.amount, decimals_of(rule.min_base_amount_increment) if rule else 0)

    def matches(self, text: str) -> bool:
        order = self.order
        words = f"{order.pair} {self.exchange.title} {self.exchange.key} {SIDE_WORDS[order.side]} "
        words += f"{order.client_order_id} {order.exchange_order_id} "
        words += self.fill.trade_id if self.fill is not None else "details missing"
        return text in words.lower()


def _price_cell(line: FillLine) -> Cell:
    return Cell(line.price_text(line.fill.price)) if line.fill is not None else Cell(DASH, "warning")


def _fee_cell(line: FillLine) -> Cell:
    fill = line.fill
    if fill is None:
        return Cell(DASH, "warning")
    if fill.fee is None:
        return Cell("not told", "secondary", tip="the exchange gave no fee for this execution")
    return Cell(exact(fill.fee), tip=f"{plain(fill.fee)} {fill.fee_asset}")


def _trade_cell(line: FillLine) -> Cell:
    if line.fill is None:
        words = f"details missing for {exact(line.amount)} {line.base}"
        return Cell(words, "warning", bold=True, tip="reported as filled; its executions have not arrived yet")
    numbered = f"numbered by: {line.fill.id_space or DASH}"
    if line.recovered:
        told = f"the account's stream missed it; found by asking; {numbered}"
        return Cell(f"recovered  {clean(line.fill.trade_id, 48)}", "warning", tip=told)
    return Cell(clean(line.fill.trade_id, 48), "secondary", tip=numbered)


def fill_columns(display: Callable[[], Display]) -> list[Column[FillLine]]:
    return [
        Column("Time", lambda r: time_cell(r.when_ms, display()), lambda r: r.when_ms or None, 104),
        Column("Account", lambda r: exchange_cell(r.exchange), lambda r: r.exchange.key, 122),
        Column("Market", lambda r: Cell(r.order.pair, bold=True), lambda r: r.order.pair, 86),
        Column(
            "Side",
            lambda r: Cell(SIDE_WORDS[r.order.side], side_tone(r.order.side), bold=True),
            lambda r: r.order.side.value,
            44,
        ),
        Column(
            "Price",
            _price_cell,
            lambda r: r.fill.price if r.fill else None,
            88,
            right=True,
            tip="quote currency",
            plain=lambda r: plain(r.fill.price) if r.fill else "",
        ),
        Column(
            "Amount",
            lambda r: Cell(r.amount_text(), "text" if r.fill else "warning"),
            lambda r: r.amount,
            88,
            right=True,
            tip="base currency",
            plain=lambda r: plain(r.amount),
        ),
        Column(
            "Value",
            lambda r: Cell(
                DASH if r.value is None else rounded(r.value, 2), tip="" if r.value is None else plain(r.value)
            ),
            lambda r: r.value,
            92,
            right=True,
            tip="price times amount, quote currency",
            plain=lambda r: "" if r.value is None else plain(r.value),
        ),
        Column(
            "Fee",
            _fee_cell,
            lambda r: r.fill.fee if r.fill else None,
            92,
            right=True,
            plain=lambda r: plain(r.fill.fee) if r.fill and r.fill.fee is not None else "",
        ),
        Column(
            "Fee in",
            lambda r: Cell(clean(r.fill.fee_asset, 12) if r.fill else "", "secondary"),
            lambda r: r.fill.fee_asset if r.fill else None,
            56,
        ),
        Column(
            "Liquidity",
            lambda r: Cell({True: "maker", False: "taker"}.get(r.fill.maker, DASH) if r.fill else DASH, "secondary"),
            lambda r: str(r.fill.maker) if r.fill else None,
            72,
        ),
        Column("Trade id", _trade_cell, lambda r: r.fill.trade_id if r.fill else None, 210),
        Column(
            "Order id",
            lambda r: Cell(clean(r.order.client_order_id or r.order.exchange_order_id, 48), "secondary"),
            lambda r: r.order.key,
            170,
        ),
        Column(
            "Message",
            lambda r: frame_cell(*((r.fill.frame, r.fill.source) if r.fill else (r.order.frame, r.order.source))),
            lambda r: (r.fill.frame if r.fill else r.order.frame) or None,
            92,
        ),
    ]


class FillsModel(LiveTable[FillLine]):
    """Every execution once, and one row for each order whose executions are not complete."""

    def __init__(self, desk: Desk, display: Callable[[], Display]) -> None:
        super().__init__(fill_columns(display), sort_by=0, descending=True)
        self._desk = desk
        self._versions: tuple[tuple[Hashable, ...], ...] | None = None
        self._lines: dict[int, FillLine] = {}

    def load(self) -> bool:
        """Read fills again if any tracker changed; returns whether it did."""
        exchanges = list(self._desk.exchanges.values())
        versions = tuple((e.key, id(e), e.orders.version, len(e.fills), e.trading_rules_version) for e in exchanges)
        if versions == self._versions:
            return False
        new_rules = [v[4] for v in versions] != [v[4] for v in self._versions or ()]
        self._versions = versions
        known, lines = self._lines, []
        self._lines = {}
        for exchange in exchanges:
            for record in exchange.fills:
                line = known.get(id(record.fill)) or self._line(exchange, record)
                self._lines[id(record.fill)] = line
                lines.append(line)
            lines += [FillLine(exchange, order, None) for order in exchange.orders if _incomplete(order)]
        self.feed(lines)
        if new_rules:
            self.forget_cells()
        return True

    @staticmethod
    def _line(exchange: ExchangeView, record: FillRecord) -> FillLine:
        return FillLine(exchange, record.order, record.fill, record.recovered)


def _incomplete(order: InFlightOrder) -> bool:
    return OrderFlag.FILLS_MISSING in order.flags


def fill_totals(lines: Iterable[FillLine], word: str) -> str:
    """Bought, sold and fees by asset; paper and live apart, because their sum would mean nothing."""
    lines = list(lines)
    base: dict[tuple[bool, Side], dict[str, Decimal]] = {}
    quote: dict[tuple[bool, Side], dict[str, Decimal]] = {}
    fees: dict[bool, dict[str, Decimal]] = {}
    missing: dict[str, Decimal] = {}
    for line in lines:
        fill, paper = line.fill, line.exchange.paper
        if fill is None or line.value is None:
            _add(missing, line.base, line.amount)
            continue
        which = (paper, fill.side)
        _add(base.setdefault(which, {}), line.base, line.amount)
        _add(quote.setdefault(which, {}), line.quote, line.value)
        if fill.fee is not None:
            _add(fees.setdefault(paper, {}), fill.fee_asset, fill.fee)
    both = len({line.exchange.paper for line in lines}) > 1
    parts = [f"{len(lines)} {word}"]
    for paper in (False, True):
        kind = ("PAPER " if paper else "LIVE ") if both else ""
        for side, verb in ((Side.BUY, "bought"), (Side.SELL, "sold")):
            if (paper, side) in base:
                parts.append(f"{kind}{verb} {_sum(base[paper, side])} for {_sum(quote[paper, side], 2)}")
        if paper in fees:
            parts.append(f"{kind}fees {_sum(fees[paper])}")
    if missing:
        parts.append(f"details missing for {_sum(missing)}")
    return "  ·  ".join(parts)


def _add(sums: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    sums[asset] = sums.get(asset, _ZERO) + amount


def _sum(by_asset: dict[str, Decimal], places: int | None = None) -> str:
    shown = [
        f"{exact(value) if places is None else rounded(value, places)} {clean(asset, 12)}"
        for asset, value in by_asset.items()
    ]
    return ", ".join(shown)


CSV_HEADER = (
    "time (UTC)",
    "account",
    "paper or live",
    "market",
    "side",
    "price (quote)",
    "amount (base)",
    "base asset",
    "value (quote)",
    "quote asset",
    "fee (fee asset)",
    "fee asset",
    "liquidity",
    "trade id",
    "exchange order id",
    "client order id",
    "message number",
    "note",
)


def csv_row(line: FillLine) -> tuple[Value, ...]:
    """All digits; a row for missing details says so and holds no invented price."""
    fill, order = line.fill, line.order
    return (
        iso_time(line.when_ms),
        line.exchange.key,
        "paper" if line.exchange.paper else "live",
        order.pair,
        order.side.value,
        fill.price if fill else None,
        line.amount,
        line.base,
        line.value,
        line.quote,
        fill.fee if fill else None,
        fill.fee_asset if fill else "",
        {True: "maker", False: "taker"}.get(fill.maker, "") if fill else "",
        fill.trade_id if fill else "",
        order.exchange_order_id,
        order.client_order_id,
        fill.frame if fill else order.frame,
        "" if fill else "details missing",
    )
