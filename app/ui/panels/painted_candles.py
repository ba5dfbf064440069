"""The live part of the candle chart: bars, last price, own orders and fills, crosshair, scrolling. No header."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPixmap,
    QWheelEvent,
)

from app.core.freshness import Freshness
from app.core.types import Fill
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView, OwnOrder
from app.ui.panels.axis_chart import ChartView
from app.ui.panels.axis_ticks import linear_ticks, step_decimals, time_ticks
from app.ui.panels.painted_candle_bars import CLOSE, Bars, Boxes, Scale, boxes, price_span, volume_top
from app.ui.panels.painted_candle_marks import (
    bar_text,
    paint_fills,
    paint_last,
    paint_own,
    paint_reading,
    side_colours,
)
from app.ui.panels.painted_stale import NO_MARKET, is_trusted, paint_empty, paint_notice, paint_veil
from app.ui.theme import Theme, mix

FEWEST, MOST, USUAL = 12, 5_000, 140
_VOLUME_SHARE = 0.17
_PRICE_TOP, _PRICE_BOTTOM = 0.06, 0.23
_FILLS = 500


class _Key(NamedTuple):
    """What the picture of the closed bars depends on."""

    x: tuple[float, float]
    y: tuple[float, float]
    size: tuple[int, int, int]
    ratio: float
    version: int
    most: float
    theme: int
    trusted: bool
    display: Display


class CandleView(ChartView):
    """Closed bars are kept as a picture, so that a price change repaints one bar. `count` bars fit into the width."""

    followed = Signal(bool)
    """Whether the newest bar is kept in view."""

    def __init__(self) -> None:
        super().__init__()
        self.view: MarketView | None = None
        self.fresh: Freshness = NO_MARKET
        self.display = Display()
        self.interval = ""
        self.bars = Bars()
        self.count = float(USUAL)
        self.follow = True
        self._right = 0.0
        self._span: tuple[float, float] | None = None
        self._seen: tuple[object, ...] = ()
        self._own: Sequence[OwnOrder] = ()
        self._fills: Sequence[Fill] = ()
        self._places = self._amount_places = 0
        self._picture: QPixmap | None = None
        self._key: _Key | None = None
        self._drag: tuple[float, float] | None = None
        self._cursor = -1

    # Data.

    def forget(self, view: MarketView | None, interval: str) -> None:
        self.view, self.interval = view, interval
        self.bars.forget()
        self._seen = ()
        self._own, self._fills = (), ()
        self._span = None
        self._picture = self._key = None
        self._cursor = -1
        self.set_follow(True)
        rule = view.rule if view is not None else None
        self._places = show.decimals_of(rule.min_price_increment) if rule else 0
        self._amount_places = show.decimals_of(rule.min_base_amount_increment) if rule else 0
        self.viewport().update()

    def pull(self, view: MarketView, fresh: Freshness) -> None:
        self.fresh = fresh
        changed = self.bars.take(view.candles(self.interval)) if self.interval else False
        fills = view.own_fills()
        seen = (view.own_orders_version, len(fills), is_trusted(fresh))
        if not changed and seen == self._seen:
            return
        self._seen = seen
        self._own, self._fills = view.own_orders(), fills[-_FILLS:]
        self.arrange()

    def arrange(self) -> None:
        """Choose what part is in view, fit the prices of it, and ask for painting."""
        bars = self.bars
        if len(bars):
            if self.right_margin() != self.width() - self.plot.width():
                self.lay_out()
            last = bars.x(bars.table[-1, 0])
            pad = max(2.0, self.count * 0.035)
            if self.follow:
                self._right = last + pad
            self._right = min(max(self._right, FEWEST * 0.5), last + self.count * 0.5)
            left = self._right - self.count
            first, end = bars.between(left, self._right)
            low, high = price_span(bars.table, first, end)
            self._span = self._steady(low, high)
            low, high = self._span
            tall = (high - low) / (1 - _PRICE_TOP - _PRICE_BOTTOM)
            self.set_range((left, self._right), (low - tall * _PRICE_BOTTOM, high + tall * _PRICE_TOP))
        self.viewport().update()

    def _steady(self, low: float, high: float) -> tuple[float, float]:
        """Keep the price range while the bars fit it well, so that the picture need not be made anew at each trade."""
        span = self._span
        if span is not None and span[0] <= low and high <= span[1] and (high - low) > 0.8 * (span[1] - span[0]):
            return span
        margin = (high - low) * 0.02
        return low - margin, high + margin

    def set_follow(self, follow: bool) -> None:
        if follow != self.follow:
            self.follow = follow
            self.followed.emit(follow)
        if follow:
            self.arrange()

    def show_bars(self, count: float, anchor: float | None = None) -> None:
        """Fit so many bars into the width; the place `anchor` (in bars) keeps its pixel, else the right edge does."""
        count = min(max(count, FEWEST), MOST)
        if anchor is not None and not self.follow:
            share = (self._right - anchor) / self.count
            self._right = anchor + share * count
        self.count = count
        self._span = None
        self.arrange()

    def pan(self, bars: float) -> None:
        """Positive shows newer bars; at the newest bar the chart follows again."""
        if not len(self.bars):
            return
        newest = self.bars.x(self.bars.table[-1, 0]) + max(2.0, self.count * 0.035)
        self._right += bars
        self.set_follow(self._right >= newest)
        self.arrange()

    # Painting.

    @property
    def _shown(self) -> bool:
        return self.view is not None and len(self.bars) > 0

    def right_margin(self) -> int:
        theme = self.fonts()
        longest = 0.0
        if len(self.bars):
            longest = self.small.width(show.exact(self.bars.candles[-1].close, self._places, self.display.separator))
        return max(theme.px(60), round(longest) + theme.px(16))

    def y_pixel(self, price: float) -> float:
        low, high = self.box.state["viewRange"][1]
        return self.plot.bottom() + 1 - (price - low) / (high - low) * self.plot.height()

    def y_value(self, pixel: float) -> float:
        low, high = self.box.state["viewRange"][1]
        return low + (self.plot.bottom() + 1 - pixel) / max(1, self.plot.height()) * (high - low)

    def _scale(self, most: float) -> Scale:
        plot = self.plot
        (left, right), (low, high) = self.box.state["viewRange"]
        per_bar, per_price = plot.width() / (right - left), plot.height() / (high - low)
        floor = plot.bottom() + 1
        return Scale(
            plot.left() - left * per_bar,
            per_bar,
            floor + low * per_price,
            per_price,
            floor,
            plot.height() * _VOLUME_SHARE / most if most else 0.0,
        )

    def paint_plot(self, painter: QPainter) -> None:
        bars = self.bars
        first, end = bars.between(*self.box.state["viewRange"][0])
        if self._shown and end == len(bars):
            last = boxes(bars.table[-1:], bars.xs()[-1:], self._scale(volume_top(bars.table, first, end)))
            self._paint_boxes(painter, look.current(), last)

    def drawBackground(self, painter: QPainter, rect: object) -> None:
        if not self._shown:
            super().drawBackground(painter, rect)
            return
        bars = self.bars
        first, end = bars.between(*self.box.state["viewRange"][0])
        most = volume_top(bars.table, first, end)
        painter.save()
        painter.resetTransform()
        painter.drawPixmap(0, 0, self._closed(look.current(), first, min(end, len(bars) - 1), most))
        painter.restore()

    def _closed(self, theme: Theme, first: int, end: int, most: float) -> QPixmap:
        """All that a price change leaves alone: grid, axes and closed bars."""
        ratio = self.devicePixelRatioF()
        x, y = self.box.state["viewRange"]
        key = _Key(
            x=(x[0], x[1]),
            y=(y[0], y[1]),
            size=(self.width(), self.height(), self.plot.width()),
            ratio=ratio,
            version=self.bars.closed_version,
            most=most,
            theme=id(theme),
            trusted=is_trusted(self.fresh),
            display=self.display,
        )
        if self._picture is None or key != self._key:
            self._key = key
            picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
            picture.setDevicePixelRatio(ratio)
            picture.fill(theme.base)
            painter = QPainter(picture)
            self.paint_frame(painter)
            self._paint_axes(painter, theme, key.trusted)
            painter.setClipRect(self.plot)
            self.paint_columns(painter, [self.x_pixel(self.bars.x(ms)) for ms, _ in self._times()])
            for value in self._prices():
                painter.fillRect(0, round(self.y_pixel(value)), self.plot.width(), 1, theme.grid)
            closed = boxes(self.bars.table[first:end], self.bars.xs()[first:end], self._scale(most))
            self._paint_boxes(painter, theme, closed)
            painter.end()
            self._picture = picture
        return self._picture

    def _paint_boxes(self, painter: QPainter, theme: Theme, drawn: Boxes) -> None:
        up, down = side_colours(theme, is_trusted(self.fresh))
        painter.setPen(Qt.PenStyle.NoPen)
        for colour, some in (
            (mix(up, theme.base, 0.30), drawn.volume_up),
            (mix(down, theme.base, 0.30), drawn.volume_down),
            (up, drawn.up),
            (down, drawn.down),
        ):
            if some:
                painter.setBrush(colour)
                painter.drawRects([QRect(*box) for box in some])

    def _times(self) -> list[tuple[int, str]]:
        left, right = self.box.state["viewRange"][0]
        many = max(2, self.plot.width() // look.current().px(90))
        return time_ticks(round(self.bars.ms(left)), round(self.bars.ms(right)), many, self.display.zone)

    def _prices(self) -> list[float]:
        low, high = self.box.state["viewRange"][1]
        many = max(2, self.plot.height() // look.current().px(46))
        bottom = low + (high - low) * (_PRICE_BOTTOM - 0.03)
        return [value for value in linear_ticks(low, high, many) if value >= bottom]

    def price_text(self, value: float | str) -> str:
        """An axis label with the tick's decimals; very small prices count their zeros."""
        text = value if isinstance(value, str) else f"{value:.{self._places}f}"
        if 0 < abs(float(value)) < 1e-6:
            return show.tiny(f"{float(value):.12f}")
        return show.exact(text, self._places, self.display.separator)

    def paint_over(self, painter: QPainter) -> None:
        theme, whole = look.current(), self.viewport().rect()
        if not self._shown:
            if self.view is None:
                paint_empty(painter, whole, theme, "No market", "Choose a market to see its chart.")
            elif not self.interval:
                paint_empty(painter, whole, theme, "No chart", "This exchange offers no bars for this market.")
            else:
                paint_empty(painter, whole, theme, "No bars yet", f"Waiting for the {self.interval} bars.")
            return
        trusted = is_trusted(self.fresh)
        painter.save()
        painter.setClipRect(self.plot)
        paint_fills(self, painter, theme, trusted, self._fills)
        painter.restore()
        paint_own(self, painter, theme, trusted, self._own)
        paint_last(self, painter, theme, trusted)
        if not trusted:
            paint_veil(painter, self.plot, theme)
            paint_notice(painter, self.plot, theme, self.fresh)
            return
        at = self.bar_at()
        if self.hover is not None or self._cursor >= 0:
            self._paint_crosshair(painter, theme, at)
        paint_reading(self, painter, theme, at if at >= 0 else len(self.bars) - 1)

    def _paint_axes(self, painter: QPainter, theme: Theme, trusted: bool) -> None:
        ruler = self.small if trusted else self.struck
        ink = theme.secondary if trusted else theme.stale
        for ms, text in self._times():
            self.paint_x_label(painter, self.x_pixel(self.bars.x(ms)), text, self.small, theme.secondary)
        values = self._prices()
        places = min(max(step_decimals(values), 0), max(self._places, 0)) if self._places else step_decimals(values)
        for value in values:
            tiny = 0 < abs(value) < 1e-6
            text = self.price_text(value) if tiny else f"{value:,.{places}f}".replace(",", self.display.separator)
            self.paint_y_label(painter, self.y_pixel(value), text, ruler, ink)
        painter.setFont(self.small.font)
        painter.setPen(theme.secondary)
        top = self.plot.bottom() + 2
        zone = show.zone_name(self.display.zone)
        painter.drawText(self.plot.right() + theme.px(6), self.small.baseline(top, self.height() - top), zone)

    # Crosshair.

    def bar_at(self) -> int:
        """The bar under the mouse or chosen by the keys; -1 for none."""
        if self.hover is not None:
            return self.bars.nearest(self.x_value(self.hover.x()))
        return self._cursor if self._cursor < len(self.bars) else -1

    def _paint_crosshair(self, painter: QPainter, theme: Theme, at: int) -> None:
        plot = self.plot
        painter.setPen(self.crosshair_pen())
        if at >= 0:
            x = round(self.x_pixel(self.bars.xs()[at]))
            painter.drawLine(x, plot.top(), x, plot.bottom())
            text = show.date_time(self.bars.candles[at].start_ms, self.display.zone)
            text = text[:-3] if self.bars.step_ms >= 60_000 else text
            self.paint_tag(painter, self.x_tag_box(x, text), text, theme.hover, theme.text)
        y = self.hover.y() if self.hover is not None else round(self.y_pixel(self.bars.table[at, CLOSE]))
        painter.setPen(self.crosshair_pen())
        painter.drawLine(plot.left(), y, plot.right(), y)
        self.paint_tag(painter, self.y_tag_box(y), self.price_text(self.y_value(y)), theme.hover, theme.text)

    def reading(self, at: int) -> list[tuple[str, str]]:
        """Letter and figure of O, H, L, C, V and the change of one bar."""
        bar = self.bars.candles[at]
        prices = [("O", bar.open), ("H", bar.high), ("L", bar.low), ("C", bar.close)]
        read = [(letter, show.exact(price, self._places, self.display.separator)) for letter, price in prices]
        read.append(("V", show.rounded(Decimal(bar.volume), min(self._amount_places, 4), self.display.separator)))
        before = Decimal(bar.open)
        if before:
            read.append(("", show.percent((Decimal(bar.close) - before) / before)))
        return read

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.hover = self.hover_point(event.position())
        self._cursor = -1
        if self._drag is not None:
            start, right = self._drag
            self.pan(right - (event.position().x() - start) * self.count / max(1, self.plot.width()) - self._right)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._drag = event.position().x(), self._right
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        self.viewport().unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.count = float(USUAL)
        self.set_follow(True)
        self.arrange()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        if abs(delta.x()) > abs(delta.y()):
            self.pan(-delta.x() / 120 * self.count * 0.1)
        elif delta.y():
            self.show_bars(self.count * 0.85 ** (delta.y() / 120), self.x_value(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_bar()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move_cursor(-1 if key == Qt.Key.Key_Left else +1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.pan(self.count * (-0.5 if key == Qt.Key.Key_PageUp else 0.5))
        elif key == Qt.Key.Key_Home and len(self.bars):
            self.pan(-self._right + self.count)
        elif key in (Qt.Key.Key_End, Qt.Key.Key_C):
            self.set_follow(True)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.show_bars(self.count * 0.8)
        elif key == Qt.Key.Key_Minus:
            self.show_bars(self.count * 1.25)
        elif key == Qt.Key.Key_Escape and self._cursor >= 0:
            self._cursor = -1
            self.viewport().update()
        else:
            event.ignore()

    def _move_cursor(self, by: int) -> None:
        if not len(self.bars):
            return
        now = self.bar_at()
        self.hover = None
        self._cursor = min(max((now if now >= 0 else len(self.bars) - 1 + (by < 0)) + by, 0), len(self.bars) - 1)
        x = self.bars.xs()[self._cursor]
        left, right = self.box.state["viewRange"][0]
        if not left <= x <= right:
            self.pan(x - left if x < left else x - right)
        self.viewport().update()

    def copy_bar(self) -> str:
        """Puts time, open, high, low, close and volume of the chosen bar on the clipboard, tab between; returns it."""
        at = self.bar_at()
        if at < 0:
            return ""
        text = bar_text(self.bars.candles[at], self.display)
        QGuiApplication.clipboard().setText(text)
        return text

    def words(self) -> str:
        if not self._shown:
            return "no bars yet"
        at = self.bar_at()
        bar = self.bars.candles[at]
        when = show.date_time(bar.start_ms, self.display.zone)
        figures = ", ".join(f"{letter} {figure}".strip() for letter, figure in self.reading(at))
        return f"{self.interval}, {'bar of' if at >= 0 else 'newest bar'} {when}: {figures}"
