"""Balances of all accounts as grouped table rows. What they are worth and what binds them is `balances_worth`'s."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from app.core.clock import NS_PER_S, Clock
from app.core.types import Balance
from app.ui.desk import Desk, ExchangeView
from app.ui.format import DASH, Display, clean, date_time, plain, rounded, time
from app.ui.models.balances_worth import Hold, Prices, Worth, amount_text, asset_text, hold_words, holds, worth
from app.ui.models.orders import exchange_cell, frame_cell
from app.ui.models.orders_table import Badge, Cell, Column, LiveTable

_ZERO = Decimal(0)
HIDDEN = "•••••"
_DUST_USD = Decimal(1)


class Grouping(StrEnum):
    ASSET = "By asset"
    ACCOUNT = "By account"


class BalanceRow(Struct, frozen=True, kw_only=True):
    """One balance, or the sum of a group (`balance` None). Amounts in the asset, value in the chosen currency."""

    group: Hashable
    head: bool
    asset: str
    exchange: ExchangeView | None
    total: Decimal | None
    available: Decimal | None
    worth: Worth | None
    unpriced: int
    stale: bool
    paper: bool
    mixed: bool
    """Paper and live accounts are both on the desk, so rows say which they are."""
    balance: Balance | None = None
    hold: Hold | None = None

    @property
    def key(self) -> Hashable:
        return self.exchange.key if self.exchange is not None else "", self.asset, self.paper, self.exchange is None

    @property
    def version(self) -> Hashable:
        """Everything that its cells are made of."""
        amounts = self.total, self.available, self.worth, self.unpriced, self.balance, self.hold
        return self.head, self.group, self.stale, self.mixed, amounts

    @property
    def held(self) -> Decimal | None:
        return None if self.total is None or self.available is None else self.total - self.available


class BalancesModel(LiveTable[BalanceRow]):
    """Grouped rows; a group stays together whatever column sorts it."""

    def __init__(self, desk: Desk, clock: Clock, display: Callable[[], Display]) -> None:
        super().__init__(self._columns(display), sort_by=4, descending=True)
        self.amounts_hidden = False
        self._desk = desk
        self._clock = clock
        self.grouping = Grouping.ASSET
        self.currency = "USD"
        self.hide_small = False
        self.left_out = 0
        """Rows hidden because they are zero or worth less than one US dollar."""
        self._loaded: tuple[object, ...] | None = None
        self._prices: Prices = {}

    def load(self) -> bool:
        """Read the accounts again if they or their orders changed, and prices once a second."""
        exchanges = [exchange for exchange in self._desk.exchanges.values() if exchange.has_account]
        seen = (
            tuple((e.key, id(e), e.account.version, e.orders.version, e.account_freshness().state) for e in exchanges),
            self.grouping,
            self.currency,
            self.hide_small,
            self._clock.wall_ns() // NS_PER_S,
        )
        if seen == self._loaded:
            return False
        self._loaded = seen
        self._prices = self._desk.prices_in_usd()
        self.feed(self._by_asset(exchanges) if self.grouping is Grouping.ASSET else self._by_account(exchanges))
        return True

    def hide_amounts(self, hidden: bool) -> None:
        """For sharing the screen: every amount and value becomes dots, also in tool tips and copies."""
        self.amounts_hidden = hidden
        self.forget_cells()

    def ordered(self, rows: list[BalanceRow]) -> list[BalanceRow]:
        groups: dict[Hashable, list[BalanceRow]] = {}
        for row in rows:
            groups.setdefault(row.group, []).append(row)
        heads = super().ordered([members[0] for members in groups.values()])
        result: list[BalanceRow] = []
        for head in heads:
            result.append(head)
            result += super().ordered(groups[head.group][1:])
        return result

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _by_asset(self, exchanges: list[ExchangeView]) -> list[BalanceRow]:
        self.left_out = 0
        mixed = len({exchange.paper for exchange in exchanges}) > 1
        groups: dict[tuple[bool, str], list[BalanceRow]] = {}
        for exchange in exchanges:
            bound, stale = holds(exchange), _is_stale(exchange)
            for balance in exchange.account.balances.values():
                group = (exchange.paper, balance.asset)
                row = self._row(exchange, balance, bound[balance.asset], group, mixed, stale)
                groups.setdefault(group, []).append(row)
        rows: list[BalanceRow] = []
        for group, members in groups.items():
            kept = self._without_small(members)
            if len(kept) == 1:
                rows.append(replace(kept[0], head=True))
            elif kept:
                rows += [self._asset_head(group, kept, mixed), *kept]
        return rows

    def _by_account(self, exchanges: list[ExchangeView]) -> list[BalanceRow]:
        self.left_out = 0
        mixed = len({exchange.paper for exchange in exchanges}) > 1
        rows: list[BalanceRow] = []
        for exchange in exchanges:
            bound, stale = holds(exchange), _is_stale(exchange)
            members = [
                self._row(exchange, balance, bound[balance.asset], exchange.key, mixed, stale)
                for balance in exchange.account.balances.values()
            ]
            priced = [row.worth.value for row in members if row.worth is not None]
            head = BalanceRow(
                group=exchange.key,
                head=True,
                asset="",
                exchange=exchange,
                total=None,
                available=None,
                worth=Worth(sum(priced, _ZERO), "sum of the assets below"),
                unpriced=sum(row.worth is None and bool(row.total) for row in members),
                stale=stale,
                paper=exchange.paper,
                mixed=mixed,
            )
            rows += [head, *self._without_small(members)]
        return rows

    def _row(
        self, exchange: ExchangeView, balance: Balance, hold: Hold, group: Hashable, mixed: bool, stale: bool
    ) -> BalanceRow:
        value = worth(self._prices, balance.asset, balance.total, self.currency)
        return BalanceRow(
            group=group,
            head=False,
            asset=balance.asset,
            exchange=exchange,
            total=balance.total,
            available=balance.available,
            worth=value,
            unpriced=int(value is None and bool(balance.total)),
            stale=stale,
            paper=exchange.paper,
            mixed=mixed,
            balance=balance,
            hold=hold,
        )

    def _asset_head(self, group: tuple[bool, str], members: list[BalanceRow], mixed: bool) -> BalanceRow:
        values = [row.worth for row in members if row.worth is not None]
        return BalanceRow(
            group=group,
            head=True,
            asset=group[1],
            exchange=None,
            total=sum((row.total for row in members if row.total is not None), _ZERO),
            available=sum((row.available for row in members if row.available is not None), _ZERO),
            worth=Worth(sum((value.value for value in values), _ZERO), values[0].source) if values else None,
            unpriced=sum(row.unpriced for row in members),
            stale=any(row.stale for row in members),
            paper=group[0],
            mixed=mixed,
        )

    def _without_small(self, rows: list[BalanceRow]) -> list[BalanceRow]:
        if not self.hide_small:
            return rows
        kept = [row for row in rows if not self._is_small(row)]
        self.left_out += len(rows) - len(kept)
        return kept

    def _is_small(self, row: BalanceRow) -> bool:
        if not row.total:
            return True
        value = worth(self._prices, row.asset, row.total, "USD")
        return value is not None and value.value < _DUST_USD

    # -- cells ---------------------------------------------------------------------------------------------------------

    def _columns(self, display: Callable[[], Display]) -> list[Column[BalanceRow]]:
        def as_of(row: BalanceRow) -> Cell:
            if row.balance is None:
                return Cell("")
            zone = display().zone
            words = time(row.balance.exchange_ms, zone, False)
            source = f" {row.balance.source}" if row.balance.source else ""
            return Cell(f"{words}{source}", "secondary", tip=date_time(row.balance.exchange_ms, zone, True))

        return [
            Column("Asset", self._asset_cell, lambda r: r.asset or (r.exchange.key if r.exchange else ""), 56),
            Column(
                "Total",
                lambda r: self._amount_cell(r, r.total),
                lambda r: r.total,
                78,
                right=True,
                plain=lambda r: self._plain(r.total),
            ),
            Column(
                "Available",
                lambda r: self._amount_cell(r, r.available, marked=True),
                lambda r: r.available,
                78,
                right=True,
                plain=lambda r: self._plain(r.available),
            ),
            Column("Held", self._held_cell, lambda r: r.held, 98, right=True, plain=lambda r: self._plain(r.held)),
            Column(
                "Value",
                self._value_cell,
                lambda r: r.worth.value if r.worth is not None else None,
                80,
                right=True,
                plain=lambda r: self._plain(r.worth.value if r.worth is not None else None),
            ),
            Column(
                "Account",
                lambda r: exchange_cell(r.exchange) if r.exchange is not None else Cell("all", "secondary"),
                lambda r: r.exchange.key if r.exchange is not None else "",
                120,
            ),
            Column(
                "Price from",
                lambda r: Cell(clean(r.worth.source, 80) if r.worth else "no price", "secondary"),
                lambda r: r.worth.source if r.worth else None,
                160,
            ),
            Column("As of", as_of, lambda r: r.balance.exchange_ms if r.balance else None, 118),
            Column(
                "Message",
                lambda r: frame_cell(r.balance.frame, r.balance.source) if r.balance else Cell(""),
                lambda r: r.balance.frame if r.balance else None,
                66,
            ),
        ]

    def _asset_cell(self, row: BalanceRow) -> Cell:
        badges = (Badge("PAPER", "paper"),) if row.mixed and row.head and row.paper else ()
        if row.head and not row.asset and row.exchange is not None:
            return exchange_cell(row.exchange)
        if row.head:
            return Cell(asset_text(row.asset), _tone(row), badges=badges, bold=True)
        if self.grouping is Grouping.ACCOUNT:
            return Cell(f"   {asset_text(row.asset)}", _tone(row))
        return Cell(f"   {clean(row.exchange.title if row.exchange else '', 20)}", "secondary")

    def _amount_cell(self, row: BalanceRow, value: Decimal | None, marked: bool = False) -> Cell:
        if value is None:
            return Cell("")
        if self.amounts_hidden:
            return Cell(HIDDEN, "secondary")
        broken = marked and row.hold is not None and not row.hold.explained
        tip = f"{plain(value)} {asset_text(row.asset)}"
        if row.hold is not None:
            tip = f"{tip}\n{hold_words(row.hold, asset_text(row.asset))}"
        tone = "secondary" if not value else "warning" if broken else _tone(row)
        return Cell(amount_text(value), tone, tip=tip)

    def _held_cell(self, row: BalanceRow) -> Cell:
        held = row.held
        if held is None:
            return Cell("")
        mark = (Badge("≠", "error" if held < 0 else "warning"),) if row.hold and not row.hold.explained else ()
        if self.amounts_hidden:
            return Cell(HIDDEN, "secondary", badges=mark)
        tip = hold_words(row.hold, asset_text(row.asset)) if row.hold else f"{plain(held)} {asset_text(row.asset)}"
        tone = "error" if held < 0 else "warning" if mark else "secondary" if not held else _tone(row)
        return Cell(amount_text(held) if held else DASH, tone, badges=mark, tip=tip)

    def _value_cell(self, row: BalanceRow) -> Cell:
        if row.worth is None:
            if row.total == 0:
                return Cell(DASH, "secondary", tip="no price; the balance is zero")
            return Cell("no price", "warning", tip="no market on the desk prices it; it is in no sum")
        if self.amounts_hidden:
            return Cell(HIDDEN, "secondary", tip=f"price from {clean(row.worth.source, 80)}")
        extra = f"\n{row.unpriced} without a price are not in it" if row.unpriced else ""
        places = 2 if self.currency in ("USD", "USDT", "USDC", "EUR") else 8
        text = rounded(row.worth.value, places)
        text = text.rstrip("0").rstrip(".") if places == 8 and "." in text else text
        tip = f"in {self.currency}, price from {clean(row.worth.source, 80)}{extra}"
        return Cell(text, _tone(row), tip=tip, bold=row.head and not row.asset)

    def _plain(self, value: Decimal | None) -> str:
        return "" if value is None else HIDDEN if self.amounts_hidden else plain(value)


def _tone(row: BalanceRow) -> str:
    return "stale" if row.stale else "text"


def _is_stale(exchange: ExchangeView) -> bool:
    return exchange.account_freshness().state != "live"
