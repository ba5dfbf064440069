"""The live part of the depth chart: curves, axes, mirrored crosshair, own orders, wheel and clicks. No header."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import log10

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QLinearGradient, QMouseEvent, QPainter, QPen, QWheelEvent

from app.core.clock import Clock
from app.core.freshness import Freshness
from app.core.order_book import BookState
from app.core.types import Level, Side
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView, OwnOrder
from app.ui.panels.axis_chart import ChartView
from app.ui.panels.axis_ticks import linear_ticks, log_ticks, step_decimals
from app.ui.panels.painted_depth_box import box_rows, paint_box, paint_own
from app.ui.panels.painted_depth_curve import Curve, Floats, Held, Reach, curve, reach, steps
from app.ui.panels.painted_stale import NO_MARKET, is_trusted, paint_empty, paint_notice, paint_veil
from app.ui.theme import Theme, alpha, mix

RANGES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.10)
NARROWEST, WIDEST = 0.00002, 0.5
FITTED, FITTED_LEVELS = 0.05, 20
"""Some exchanges tell the whole book, orders at a hundredth of the price included: that much of it is fitted."""
_NOTHING = Curve(np.empty(0), np.empty(0), True)


class DepthView(ChartView):
    """Base amounts cumulated from the mid outwards; `span` is the share of the mid shown to each side, None fits
    the known book: the best `FITTED_LEVELS`, and what more of it is within `FITTED`."""

    price_clicked = Signal(str)
    span_changed = Signal()

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.view: MarketView | None = None
        self.fresh: Freshness = NO_MARKET
        self.display = Display()
        self.span: float | None = None
        self.log = False
        self._seen: tuple[object, ...] = ()
        self._peak, self._width = Held(), Held()
        self._bids: Sequence[Level] = ()
        self._asks: Sequence[Level] = ()
        self._own: Sequence[OwnOrder] = ()
        self.bid_curve, self.ask_curve = _NOTHING, _NOTHING
        self.mid: Decimal | None = None
        self._shown_span = 0.01
        self._top = 1.0
        self._low = 0.1
        self._price_places = self._amount_places = 0
        self._pressed: str | None = None
        self._cursor: tuple[Side, int] | None = None

    # Data.

    def forget(self, view: MarketView | None) -> None:
        self.view = view
        self._seen = ()
        self._bids = self._asks = ()
        self._own = ()
        self.bid_curve = self.ask_curve = _NOTHING
        self.mid = None
        self._cursor = self._pressed = None
        self._peak.clear()
        self._width.clear()
        self.viewport().update()

    def pull(self, view: MarketView, fresh: Freshness) -> None:
        book = view.book
        self.fresh = fresh
        seen = (book.version if book else -1, view.own_orders_version, is_trusted(fresh), self.span, self.log)
        if seen == self._seen:
            return
        self._seen = seen
        if book is None:
            return
        self._bids, self._asks = book.bids, book.asks
        self._own = view.own_orders()
        rule = view.rule
        if rule is not None:
            self._price_places = show.decimals_of(rule.min_price_increment)
            self._amount_places = show.decimals_of(rule.min_base_amount_increment)
        self.mid = book.mid
        best = self._bids or self._asks
        centre = float(self.mid) if self.mid is not None else float(best[0][0]) if best else 0.0
        if centre > 0:
            self._measure(centre)
        self.viewport().update()

    def _measure(self, centre: float) -> None:
        now = self.clock.mono_ns()
        if self.span is None:
            ends = [_fitted(side, centre) for side in (self._bids, self._asks) if side]
            span = self._width.add(now, max(ends, default=0.01) * 1.04)
        else:
            span = self.span
        span = self._shown_span = min(max(span, NARROWEST), WIDEST)
        low, high = centre * (1 - span), centre * (1 + span)
        self.bid_curve = curve(self._bids, low, buy=True)
        self.ask_curve = curve(self._asks, high, buy=False)
        totals = [side.totals for side in (self.bid_curve, self.ask_curve) if side]
        self._top = self._peak.add(now, max((float(t[-1]) for t in totals), default=1.0) * 1.12) or 1.0
        self._low = max(min((float(t[0]) for t in totals if t[0] > 0), default=0.1) / 2, self._top / 1e6)
        self.set_range((low, high), (log10(self._low), log10(self._top)) if self.log else (0.0, self._top))

    def zoom(self, factor: float) -> None:
        """Less than 1 looks closer."""
        self.span = min(max(self._shown_span * factor, NARROWEST), WIDEST)
        self._again()
        self.span_changed.emit()

    def set_span(self, span: float | None) -> None:
        self.span = span
        self._width.clear()
        self._again()
        self.span_changed.emit()

    def set_log(self, log: bool) -> None:
        self.log = log
        self._again()

    def _again(self) -> None:
        self._peak.clear()
        if self.view is not None:
            self.pull(self.view, self.fresh)

    # Painting.

    def y_pixel(self, totals: Floats | float) -> Floats:
        plot = self.plot
        if self.log:
            share = np.log10(np.maximum(totals, self._low) / self._low) / log10(self._top / self._low)
        else:
            share = np.asarray(totals) / self._top
        return plot.bottom() + 1 - np.clip(share, 0, 1.1) * plot.height()

    def x_pixels(self, prices: Floats) -> Floats:
        low, high = self.box.state["viewRange"][0]
        return self.plot.left() + (prices - low) * (self.plot.width() / (high - low))

    @property
    def _shown(self) -> bool:
        book = self.view.book if self.view is not None else None
        return book is not None and book.state is not BookState.WAITING and bool(self._bids or self._asks)

    def paint_plot(self, painter: QPainter) -> None:
        if not self._shown:
            return
        theme = look.current()
        trusted = is_trusted(self.fresh)
        self.paint_columns(painter, [self.x_pixel(value) for value in self._x_ticks()])
        for side, depth in ((Side.BUY, self.bid_curve), (Side.SELL, self.ask_curve)):
            if depth:
                colour = theme.side(side is Side.BUY) if trusted else theme.stale
                self._paint_side(painter, theme, depth, colour, side is Side.BUY)
        paint_own(painter, theme, self.small, self.plot, self._own, self.x_pixel, trusted)

    def _paint_side(self, painter: QPainter, theme: Theme, depth: Curve, colour: QColor, buy: bool) -> None:
        plot = self.plot
        floor = plot.bottom() + 1.0
        edge = None if depth.ends else (plot.left() - 2.0 if buy else plot.right() + 2.0)
        x, y = steps(self.x_pixels(depth.prices), self.y_pixel(depth.totals), edge, floor)
        shape = pg.functions.arrayToQPolygonF(x, y)
        ground = QLinearGradient(0, plot.top(), 0, floor)
        ground.setColorAt(0, mix(colour, theme.base, 0.42))
        ground.setColorAt(1, mix(colour, theme.base, 0.10))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawPolygon(shape)
        painter.setPen(QPen(colour, 2 if theme.scale >= 1.5 else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(pg.functions.arrayToQPolygonF(x[:-1], y[:-1]))
        if depth.ends and len(depth.prices):
            self._paint_end(painter, theme, float(x[-1]), buy)

    def _paint_end(self, painter: QPainter, theme: Theme, x: float, buy: bool) -> None:
        plot = self.plot
        room = x - plot.left() if buy else plot.right() - x
        pen = QPen(theme.secondary, 1)
        pen.setDashPattern([2, 4])
        painter.setPen(pen)
        painter.drawLine(round(x), plot.top(), round(x), plot.bottom())
        words = "book ends here"
        wide = self.small.width(words)
        if room < wide + theme.px(12):
            return
        painter.setFont(self.small.font)
        painter.setPen(theme.secondary)
        left = x - wide - theme.px(6) if buy else x + theme.px(6)
        painter.drawText(round(left), plot.bottom() - theme.px(6), words)

    def paint_over(self, painter: QPainter) -> None:
        theme = look.current()
        whole = self.viewport().rect()
        if not self._shown:
            if self.view is None:
                paint_empty(painter, whole, theme, "No market", "Choose a market to see its depth.")
            else:
                book = self.view.book
                reason = show.clean(book.reason) if book is not None else "The exchange is not connected."
                paint_empty(painter, whole, theme, "Waiting for the order book", reason)
            return
        trusted = is_trusted(self.fresh)
        self.paint_frame(painter)
        self._paint_axes(painter, theme, trusted)
        if not trusted:
            paint_veil(painter, self.plot, theme)
            book = self.view.book if self.view is not None else None
            paint_notice(painter, self.plot, theme, self.fresh, book.reason if book else "")
        elif (reaches := self.reaches()) is not None:
            self._paint_crosshair(painter, theme, *reaches)

    def _x_ticks(self) -> list[float]:
        low, high = self.box.state["viewRange"][0]
        return linear_ticks(low, high, max(2, self.plot.width() // look.current().px(84)))

    def _paint_axes(self, painter: QPainter, theme: Theme, trusted: bool) -> None:
        plot = self.plot
        ruler = self.small if trusted else self.struck
        ink = theme.secondary if trusted else theme.stale
        xs = self._x_ticks()
        places = max(step_decimals(xs), 0)
        many = max(2, plot.height() // theme.px(42))
        ys = log_ticks(self._low, self._top, many) if self.log else linear_ticks(0.0, self._top, many)[1:]
        heights = [float(self.y_pixel(value)) for value in ys]
        self.paint_rows(painter, heights)
        for value in xs:
            text = f"{value:,.{places}f}" if value >= 1e-6 or value == 0 else show.tiny(str(value))
            self.paint_x_label(painter, self.x_pixel(value), text.replace(",", self.display.separator), ruler, ink)
        for value, y in zip(ys, heights, strict=True):
            self.paint_y_label(painter, y, show.compact(value), ruler, ink)
        if self.mid is not None:
            x = round(self.x_pixel(float(self.mid)))
            painter.fillRect(x, plot.top(), 1, plot.height(), alpha(theme.text, 0.16))

    # Crosshair.

    def at(self) -> tuple[Side, int] | None:
        """The level under the mouse, or chosen by the keys: side and place from the best."""
        if self.hover is None:
            return self._cursor
        if self.mid is None:
            return None
        price = self.x_value(self.hover.x())
        buy = price < float(self.mid)
        depth = self.bid_curve if buy else self.ask_curve
        if not depth:
            return None
        return (Side.BUY if buy else Side.SELL), self._place(depth, price, buy)

    @staticmethod
    def _place(depth: Curve, price: float, buy: bool) -> int:
        sign = -1.0 if buy else 1.0
        return max(0, int(np.searchsorted(sign * depth.prices, sign * price, side="right")) - 1)

    def reaches(self) -> tuple[Side, Reach | None, Reach | None] | None:
        """Exact figures of the level at the crosshair and of its mirror image: (side, bids, asks)."""
        chosen = self.at()
        if chosen is None or self.mid is None:
            return None
        side, place = chosen
        levels, depth = (self._bids, self.bid_curve) if side is Side.BUY else (self._asks, self.ask_curve)
        if not depth:
            return None
        place = min(place, len(depth.prices) - 1)
        here = reach(levels, place + 1, self.mid)
        mirror = 2 * float(self.mid) - float(depth.prices[place])
        across, far = (self._asks, self.ask_curve) if side is Side.BUY else (self._bids, self.bid_curve)
        there = reach(across, self._place(far, mirror, side is Side.SELL) + 1, self.mid) if far else None
        return (side, here, there) if side is Side.BUY else (side, there, here)

    def _paint_crosshair(
        self, painter: QPainter, theme: Theme, side: Side, bids: Reach | None, asks: Reach | None
    ) -> None:
        plot = self.plot
        chosen = bids if side is Side.BUY else asks
        for found, buy in ((bids, True), (asks, False)):
            if found is None:
                continue
            x, y = round(self.x_pixel(float(found.price))), round(float(self.y_pixel(float(found.base))))
            painter.setPen(self.crosshair_pen())
            painter.drawLine(x, plot.top(), x, plot.bottom())
            painter.drawLine(*((x, y, plot.left(), y) if buy else (x, y, plot.right(), y)))
            painter.setPen(QPen(theme.base, 2))
            painter.setBrush(theme.side(buy))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawEllipse(QPointF(x, y), theme.px(4), theme.px(4))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            text = show.exact(found.price, self._price_places, self.display.separator)
            ground, ink = (theme.side(buy), theme.on_side) if found is chosen else (theme.hover, theme.text)
            self.paint_tag(painter, self.x_tag_box(x, text), text, ground, ink)
        paint_box(painter, theme, self.small, self.plot, self.figures(bids, asks))

    def figures(self, bids: Reach | None, asks: Reach | None) -> list[tuple[str, str, str]]:
        """Label and the figures of both sides, as the box shows them."""
        pair = show.clean(self.view.pair, 24) if self.view is not None else ""
        return box_rows(pair, (self._price_places, self._amount_places), self.display.separator, bids, asks)

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hover = self.hover_point(event.position())
        self._cursor = None
        self.viewport().update()

    def price_at_crosshair(self) -> str | None:
        chosen = self.at()
        if chosen is None or not self._shown:
            return None
        side, place = chosen
        levels = self._bids if side is Side.BUY else self._asks
        return levels[place][0] if place < len(levels) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.hover = self.hover_point(event.position())
            self._pressed = self.price_at_crosshair() if self.hover is not None else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if event.button() is Qt.MouseButton.LeftButton and pressed is not None:
            self.hover = self.hover_point(event.position())
            # The curve moves by itself: what was pressed counts, if it is still what is under the mouse or near it.
            if self.hover is not None and abs(self.x_pixel(float(pressed)) - self.hover.x()) <= look.current().px(24):
                self.price_clicked.emit(pressed)

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom(0.8**steps)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(0.8)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1.25)
        elif key == Qt.Key.Key_C:
            self.set_span(None)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move_cursor(-1 if key == Qt.Key.Key_Left else +1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (price := self.price_at_crosshair()):
            self.price_clicked.emit(price)
        elif key == Qt.Key.Key_Escape and self._cursor is not None:
            self._cursor = None
            self.viewport().update()
        else:
            event.ignore()

    def _move_cursor(self, by: int) -> None:
        chosen = self.at()
        self.hover = None
        if chosen is None:
            chosen = (Side.BUY, -1) if by < 0 else (Side.SELL, -1)
        side, place = chosen
        place += -by if side is Side.BUY else by
        if place < 0:
            side, place = side.opposite, 0
        depth = self.bid_curve if side is Side.BUY else self.ask_curve
        if depth:
            self._cursor = side, min(place, len(depth.prices) - 1)
        self.viewport().update()

    def words(self) -> str:
        if not self._shown:
            return "no depth yet"
        parts = []
        for name, depth in (("bids", self.bid_curve), ("asks", self.ask_curve)):
            parts.append(f"{show.compact(float(depth.totals[-1]))} in {name}" if depth else f"no {name}")
        parts.append(f"within {show.percent(Decimal(str(round(self._shown_span, 5))), 2).lstrip('+')} of the mid")
        if (found := self.reaches()) is not None:
            side, bids, asks = found
            here = bids if side is Side.BUY else asks
            if here is not None:
                average = show.rounded(here.average, self._price_places)
                parts.append(f"at {here.price}: {show.plain(here.base)} cumulated, average {average}")
        return ", ".join(parts)


def _fitted(side: Sequence[Level], centre: float) -> float:
    """How far from the middle the part of a side that is worth fitting ends, as a share of the middle."""
    near, far = (
        abs(float(side[min(count, len(side)) - 1][0]) - centre) / centre for count in (FITTED_LEVELS, len(side))
    )
    return max(near, min(far, FITTED))
