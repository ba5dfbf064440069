"""The same market on two exchanges, prices aligned row by row, and what is between them after fees. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.core.types import Level
from app.ui import format as show
from app.ui import theme as look
from app.ui.desk import Desk, ExchangeView
from app.ui.panels.inspector_bar import header_bar, plain_label

_STEPS = (1, 2, 5)
_COLUMNS = ("bids", "asks", "price", "bids", "asks")

Market = tuple[str, str]


class TwoBooks(QWidget):
    """Call `refresh` per frame. Left and right may be any two watched markets of one base asset."""

    rests_behind = True
    """It reads two whole books and tells nothing to anyone while it lies behind another tab (`FrameClock`)."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._seen: tuple[object, ...] = ()
        self.header, row = header_bar("Two books")
        self.left = _chooser("Left market")
        self.right = _chooser("Right market")
        for chooser in (self.left, self.right):
            row.addWidget(chooser, 1)
            chooser.currentIndexChanged.connect(self._chosen)
        self.words = plain_label("", "secondary")
        self.words.setAccessibleName("Difference between the two books")
        self.words.setContentsMargins(8, 3, 8, 3)
        self.words.setWordWrap(True)
        self.ladder = _Aligned(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.header, self.words, self.ladder):
            column.addWidget(widget, 1 if widget is self.ladder else 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(260, 120)

    def choose(self, left: Market, right: Market) -> None:
        """Show these two markets."""
        self._offer()
        for chooser, market in ((self.left, left), (self.right, right)):
            at = chooser.findData("|".join(market))
            if at >= 0:
                chooser.setCurrentIndex(at)

    def refresh(self) -> None:
        self._offer()
        pair = self._market(self.left), self._market(self.right)
        state = tuple(_state(*market) for market in pair if market is not None)
        seen = (pair[0] and pair[0][1], pair[1] and pair[1][1], state, self.ladder.height(), id(look.current()))
        if seen == self._seen:
            return
        self._seen = seen
        if pair[0] is None or pair[1] is None:
            self.words.setText("Watch the same market on two exchanges to compare their books.")
            self.ladder.show_rows([], [], (), (True, True))
            return
        self._compare(pair[0], pair[1])

    def _compare(self, left: tuple[ExchangeView, str], right: tuple[ExchangeView, str]) -> None:
        books = [exchange.order_books[pair] for exchange, pair in (left, right)]
        fresh = tuple(exchange.freshness(pair).state == "live" for exchange, pair in (left, right))
        self.words.setText(between(left, right) if all(fresh) else self._stale_words(left, right))
        count = max(self.ladder.rows_that_fit(), 5)
        touches = [side[0][0] for book in books for side in (book.bids, book.asks) if side]
        prices, step = _rows(touches, count)
        columns = [
            gather(levels, step, rounding, set(prices))
            for book in books
            for levels, rounding in ((book.bids, ROUND_FLOOR), (book.asks, ROUND_CEILING))
        ]
        self.ladder.show_rows(prices, columns, (left[0].title, right[0].title), (fresh[0], fresh[1]))

    def _stale_words(self, *markets: tuple[ExchangeView, str]) -> str:
        words = [f"{exchange.title} {exchange.freshness(pair).words}" for exchange, pair in markets]
        return "No comparison: " + ", ".join(words)

    def _offer(self) -> None:
        markets = [(e.key, pair, e.title) for e in self._desk.exchanges.values() for pair in e.order_books]
        names = [f"{pair} · {title if key.count(':') == 0 else key}" for key, pair, title in markets]
        data = ["|".join((key, pair)) for key, pair, _ in markets]
        for number, chooser in enumerate((self.left, self.right)):
            if [chooser.itemData(at) for at in range(chooser.count())] == data:
                continue
            kept = chooser.currentData()
            chooser.blockSignals(True)
            chooser.clear()
            for name, value in zip(names, data, strict=True):
                chooser.addItem(name, value)
            chooser.setCurrentIndex(data.index(kept) if kept in data else _default(markets, number))
            chooser.blockSignals(False)

    def _market(self, chooser: QComboBox) -> tuple[ExchangeView, str] | None:
        key, _, pair = str(chooser.currentData() or "").partition("|")
        exchange = self._desk.exchanges.get(key)
        return (exchange, pair) if exchange is not None and pair in exchange.order_books else None

    def _chosen(self, _index: int) -> None:
        self._seen = ()


class _Aligned(QWidget):
    """Rows of prices with the sizes of both books beside them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Aligned books")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.prices: list[Decimal] = []
        self.columns: list[dict[Decimal, Decimal]] = []
        self._titles: tuple[str, ...] = ()
        self._fresh = (True, True)

    def rows_that_fit(self) -> int:
        return max((self.height() - 2 * look.current().row) // look.current().row, 0)

    def show_rows(
        self,
        prices: list[Decimal],
        columns: list[dict[Decimal, Decimal]],
        titles: tuple[str, ...],
        fresh: tuple[bool, bool],
    ) -> None:
        self.prices, self.columns, self._titles, self._fresh = prices, columns, titles, fresh
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = look.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.base)
        if not self._titles:
            return
        edges = [self.width() * share // 100 for share in (0, 19, 38, 62, 81, 100)]
        high = theme.row
        painter.setFont(theme.font(9, bold=True))
        painter.setPen(theme.text)
        for title, first, last in ((self._titles[0], 0, 2), (self._titles[1], 3, 5)):
            box = QRect(edges[first], 0, edges[last] - edges[first], high)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, show.clean(title, 24))
        painter.setFont(theme.font(8.5))
        painter.setPen(theme.secondary)
        for at, word in enumerate(_COLUMNS):
            painter.drawText(self._cell(edges, at, high, high), _aligned(at), word)
        painter.setFont(theme.digits(9))
        for row, price in enumerate(self.prices):
            top = (row + 2) * high
            painter.setPen(theme.secondary)
            painter.drawText(self._cell(edges, 2, top, high), _aligned(2), show.exact(price, _places(price)))
            for at, levels in zip((0, 1, 3, 4), self.columns, strict=True):
                size = levels.get(price)
                if size is None:
                    continue
                live = self._fresh[0 if at < 2 else 1]
                painter.setPen(theme.side(at in (0, 3)) if live else theme.stale)
                painter.drawText(self._cell(edges, at, top, high), _aligned(at), show.plain(size))

    def _cell(self, edges: list[int], at: int, top: int, high: int) -> QRect:
        return QRect(edges[at] + 6, top, edges[at + 1] - edges[at] - 12, high)


def between(left: tuple[ExchangeView, str], right: tuple[ExchangeView, str]) -> str:
    """The best way to buy on one and sell on the other, before and after both taker fees."""
    ways = []
    for (buy_at, buy_pair), (sell_at, sell_pair) in ((left, right), (right, left)):
        ask, bid = buy_at.order_books[buy_pair].best_ask, sell_at.order_books[sell_pair].best_bid
        if ask is None or bid is None:
            return "One of the books has no prices."
        gross = Decimal(bid) / Decimal(ask) - 1
        net = Decimal(bid) * (1 - sell_at.fees.taker) / (Decimal(ask) * (1 + buy_at.fees.taker)) - 1
        ways.append((gross, net, f"buy on {buy_at.title} at {ask}, sell on {sell_at.title} at {bid}"))
    gross, net, words = max(ways)
    return f"{words}: {show.percent(gross)} before fees, {show.percent(net)} after"


def gather(
    levels: Iterable[Level], step: Decimal, rounding: str, shown: Collection[Decimal] | None = None
) -> dict[Decimal, Decimal]:
    """Sizes by price row; bids round down and asks up, so that nothing looks better than it is.

    `levels` are best first: with `shown` (rows without a hole) they are read to the last of those rows only.
    """
    rows: dict[Decimal, Decimal] = {}
    reached = False
    for price, amount in levels:
        row = (Decimal(price) / step).to_integral_value(rounding=rounding) * step
        if shown is not None:
            if row in shown:
                reached = True
            elif reached:
                break
        rows[row] = rows.get(row, Decimal(0)) + Decimal(amount)
    return rows


def _rows(touches: list[str], count: int) -> tuple[list[Decimal], Decimal]:
    """Price rows, highest first, on the smallest round step that holds all touch prices in half of them."""
    if not touches:
        return [], Decimal(1)
    values = [Decimal(touch) for touch in touches]
    low, high = min(values), max(values)
    wanted = max((high - low) * 2 / count, high / 200_000)
    step = Decimal(1).scaleb(wanted.adjusted())
    step = next((step * times for times in (*_STEPS, 10) if step * times >= wanted), step)
    middle = ((low + high) / 2 / step).to_integral_value() * step
    top = middle + step * (count // 2)
    return [top - step * row for row in range(count)], step


def _state(exchange: ExchangeView, pair: str) -> tuple[object, ...]:
    return exchange.order_books[pair].version, exchange.freshness(pair).state


def _default(markets: list[tuple[str, str, str]], number: int) -> int:
    """Left: the first market. Right: the first of the same base on another exchange, else the second."""
    if number == 0 or not markets:
        return 0 if markets else -1
    base = markets[0][1].partition("-")[0]
    for at, (key, pair, _) in enumerate(markets):
        if key != markets[0][0] and pair.partition("-")[0] == base:
            return at
    return min(1, len(markets) - 1)


def _places(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _aligned(at: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignHCenter if at == 2 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _chooser(name: str) -> QComboBox:
    chooser = QComboBox()
    chooser.setAccessibleName(name)
    chooser.setToolTip(name)
    chooser.setMinimumContentsLength(10)
    chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return chooser
