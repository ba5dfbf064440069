"""What lies over the bars: last price, own orders as lines, own fills as arrows, the figures of one bar. No mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.core.types import Candle, Fill, Side
from app.ui import format as show
from app.ui.format import Display
from app.ui.market_view import OwnOrder
from app.ui.panels.painted_candle_bars import CLOSE, OPEN
from app.ui.theme import Theme, mix

if TYPE_CHECKING:
    from app.ui.panels.painted_candles import CandleView


def side_colours(theme: Theme, trusted: bool) -> tuple[QColor, QColor]:
    """Of bars that rose and of bars that fell."""
    return (theme.buy, theme.sell) if trusted else (theme.stale, mix(theme.stale, theme.base, 0.6))


def paint_last(chart: CandleView, painter: QPainter, theme: Theme, trusted: bool) -> None:
    row, candle = chart.bars.table[-1], chart.bars.candles[-1]
    y = chart.y_pixel(row[CLOSE])
    up, down = side_colours(theme, trusted)
    colour = up if row[CLOSE] >= row[OPEN] else down
    if chart.plot.top() <= y <= chart.plot.bottom():
        pen = QPen(colour, 1)
        pen.setDashPattern([2, 3])
        painter.setPen(pen)
        painter.drawLine(chart.plot.left(), round(y), chart.plot.right(), round(y))
    ink = theme.on_side if trusted else theme.base
    ruler = chart.bold if trusted else chart.struck
    chart.paint_tag(painter, chart.y_tag_box(y), chart.price_text(candle.close), colour, ink, ruler)


def apart(wanted: Sequence[float], kept: float, high: float) -> list[float]:
    """Middles of tags `high` pixels high, as near to the wanted ones as none covers another, nor the one at `kept`."""
    placed = list(wanted)
    order = sorted(range(len(placed)), key=placed.__getitem__)
    edge = kept
    for at in (each for each in order if wanted[each] > kept):
        edge = placed[at] = max(wanted[at], edge + high)
    edge = kept
    for at in (each for each in reversed(order) if wanted[each] <= kept):
        edge = placed[at] = min(wanted[at], edge - high)
    return placed


def paint_own(chart: CandleView, painter: QPainter, theme: Theme, trusted: bool, own: Sequence[OwnOrder]) -> None:
    """Lines at the prices themselves; the tags give way to that of the last price and to each other."""
    plot = chart.plot
    seen = [(order, y) for order in own if plot.top() <= (y := chart.y_pixel(float(order.price))) <= plot.bottom()]
    last = chart.y_tag_box(chart.y_pixel(chart.bars.table[-1][CLOSE]))
    tags = apart([chart.y_tag_box(y).center().y() for _, y in seen], last.center().y(), last.height() + 1)
    for (order, y), middle in zip(seen, tags, strict=True):
        buy = order.side is Side.BUY
        colour = theme.side(buy) if trusted else theme.stale
        painter.fillRect(plot.left(), round(y), plot.width(), 1, mix(colour, theme.base, 0.75))
        price_box = chart.y_tag_box(middle)
        if abs(price_box.center().y() - middle) > 1:
            # No room is left at this edge.
            continue
        ground, ink = mix(colour, theme.base, 0.26), theme.text if trusted else theme.stale
        text = f"{'Buy' if buy else 'Sell'} {show.plain(order.remaining)}"
        wide, high = chart.small.width(text) + theme.px(12), theme.px(17)
        box = QRectF(plot.right() - wide - theme.px(6), round(middle) - high / 2, wide, high)
        chart.paint_tag(painter, box, text, ground, ink)
        chart.paint_tag(painter, price_box, chart.price_text(show.plain(order.price)), ground, ink)


def paint_fills(chart: CandleView, painter: QPainter, theme: Theme, trusted: bool, fills: Sequence[Fill]) -> None:
    size = theme.px(5)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for fill in fills:
        if not fill.exchange_ms:
            continue
        # A fill belongs to the bar in which it happened.
        x = chart.x_pixel(np.floor(chart.bars.x(fill.exchange_ms)))
        if not chart.plot.left() - size <= x <= chart.plot.right() + size:
            continue
        buy = fill.side is Side.BUY
        y, way = chart.y_pixel(float(fill.price)), 1 if buy else -1
        painter.setPen(QPen(theme.base, 1.2))
        painter.setBrush(mix(theme.text, theme.side(buy), 0.35) if trusted else theme.stale)
        tip = QPointF(x, y + way * 2)
        foot = y + way * (2 + 1.7 * size)
        painter.drawPolygon(QPolygonF([tip, QPointF(x - size, foot), QPointF(x + size, foot)]))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def paint_reading(chart: CandleView, painter: QPainter, theme: Theme, at: int) -> None:
    row = chart.bars.table[at]
    colour = theme.side(bool(row[CLOSE] >= row[OPEN]))
    left, base = float(theme.px(8)), chart.small.baseline(theme.px(5), theme.px(16))
    painter.setFont(chart.small.font)
    parts = chart.reading(at)
    wide = sum(chart.small.width(a) + chart.small.width(b) + theme.px(13) for a, b in parts)
    ground = QColor(theme.base)
    ground.setAlphaF(0.78)
    painter.fillRect(QRectF(theme.px(4), theme.px(4), wide, theme.px(18)), ground)
    for letter, figure in parts:
        if left + chart.small.width(letter) + chart.small.width(figure) > chart.plot.right():
            break
        painter.setPen(theme.secondary)
        painter.drawText(round(left), base, letter)
        left += chart.small.width(letter) + theme.px(3)
        painter.setPen(colour)
        painter.drawText(round(left), base, figure)
        left += chart.small.width(figure) + theme.px(10)


def bar_text(bar: Candle, display: Display) -> str:
    when = show.date_time(bar.start_ms, display.zone)
    return "\t".join((when, bar.open, bar.high, bar.low, bar.close, bar.volume))
