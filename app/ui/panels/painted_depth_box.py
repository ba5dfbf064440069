"""What lies over the depth curves: own orders, and the box with the cost of walking each side. No mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QPainter, QPen, QPolygonF

from app.core.types import Side
from app.ui import format as show
from app.ui.market_view import OwnOrder
from app.ui.panels.painted_depth_curve import Reach
from app.ui.panels.painted_text import Ruler
from app.ui.theme import Theme, alpha


def box_rows(
    pair: str, places: tuple[int, int], separator: str, bids: Reach | None, asks: Reach | None
) -> list[tuple[str, str, str]]:
    """Label and the figures of both sides; `places` are the decimals of prices and of amounts."""
    base, _, quote = pair.partition("-")
    price_places, amount_places = places

    def both(label: str, words: Callable[[Reach], str]) -> tuple[str, str, str]:
        return label, words(bids) if bids else show.DASH, words(asks) if asks else show.DASH

    return [
        both("Down to / up to", lambda r: show.exact(r.price, price_places, separator)),
        both("From mid", lambda r: show.percent(r.distance, 3)),
        both(f"Size {base}", lambda r: show.rounded(r.base, amount_places, separator)),
        both(f"Value {quote}", lambda r: show.rounded(r.quote, 2, separator)),
        both("Average fill", lambda r: show.rounded(r.average, price_places + 2, separator)),
        both("Slippage", lambda r: show.basis_points(r.slippage, 2)),
    ]


def paint_box(painter: QPainter, theme: Theme, ruler: Ruler, plot: QRect, figures: list[tuple[str, str, str]]) -> None:
    """A table of two columns in the valley between the curves."""
    px = theme.px
    rows = [("", "Sell into bids", "Buy from asks"), *figures]
    gap, line = px(14), px(18)
    wides = [max(ruler.width(row[column]) for row in rows) for column in range(3)]
    wide, high = sum(wides) + 2 * gap + px(20), line * len(rows) + px(12)
    left = (plot.width() - wide) / 2
    box = QRectF(round(max(left, 2)), plot.top() + px(8), round(wide), high)
    painter.setPen(QPen(theme.hairline, 1))
    painter.setBrush(alpha(theme.raised, 0.96))
    painter.drawRoundedRect(box, px(5), px(5))
    edges = [box.left() + px(10) + wides[0] + gap + wides[1], box.right() - px(10)]
    top = box.top() + px(6)
    painter.setFont(ruler.font)
    for at, (label, one, two) in enumerate(rows):
        base = ruler.baseline(top + at * line, line)
        painter.setPen(theme.secondary)
        painter.drawText(round(box.left() + px(10)), base, label)
        painter.setPen(theme.text if at else theme.buy)
        ruler.right(painter, edges[0], base, one)
        painter.setPen(theme.text if at else theme.sell)
        ruler.right(painter, edges[1], base, two)


def paint_own(
    painter: QPainter,
    theme: Theme,
    ruler: Ruler,
    plot: QRect,
    own: Sequence[OwnOrder],
    x_of: Callable[[float], float],
    trusted: bool,
) -> None:
    """A pin at each own order; its size stands on the side away from the mid, where the next pin leaves room."""
    size, top = theme.px(4), plot.bottom() - plot.height() // 4
    for side in Side:
        buy = side is Side.BUY
        colour = theme.side(buy) if trusted else theme.stale
        # Nearest to the mid first: those sizes matter most.
        pins = sorted((o for o in own if o.side is side), key=lambda order: order.price, reverse=buy)
        free = None
        for order in pins:
            at = round(x_of(float(order.price)))
            if not plot.left() <= at <= plot.right():
                continue
            painter.setPen(QPen(colour, 1))
            painter.drawLine(at, top, at, plot.bottom())
            painter.setBrush(theme.base)
            corners = ((at, top - size), (at + size, top), (at, top + size), (at - size, top))
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
            text = show.plain(order.remaining)
            wide = ruler.width(text) + size + theme.px(4)
            if free is None or (at <= free if buy else at >= free):
                painter.setFont(ruler.font)
                painter.setPen(theme.text if trusted else theme.stale)
                left = at - wide if buy else at + size + theme.px(4)
                painter.drawText(round(left), ruler.baseline(top - ruler.height / 2, ruler.height), text)
                free = at - wide - size if buy else at + wide + size
