"""A pyqtgraph view with one plot, slim axes painted by hand and a crosshair: what both charts share. No market data."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QStyleOptionGraphicsItem, QWidget

from app.ui import theme as look
from app.ui.panels.painted_panel import paint_focus_ring
from app.ui.panels.painted_text import Ruler
from app.ui.theme import Theme, alpha, mix


class ChartItem(pg.GraphicsObject):
    """The one item in the plot: it paints in pixels of the view, inside the clip of the plot."""

    def __init__(self, chart: ChartView) -> None:
        super().__init__()
        self._chart = chart

    def boundingRect(self) -> QRectF:
        return self._chart.box.viewRect()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.save()
        painter.resetTransform()
        self._chart.paint_plot(painter)
        painter.restore()


class ChartView(pg.GraphicsView):
    """Subclasses paint the plot and the overlay; ranges live in `box`. Its own mouse menus and zooming are off."""

    def __init__(self) -> None:
        self.plot = QRect(0, 0, 1, 1)
        self.hover: QPoint | None = None
        self._theme: Theme | None = None
        self.box: Any = None
        super().__init__(background=None)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCacheMode(pg.GraphicsView.CacheModeFlag.CacheNone)  # pyqtgraph keeps the background as a picture
        # Every change here asks for a repaint itself; the scene would ask again a moment later, for each of them.
        self.setViewportUpdateMode(pg.GraphicsView.ViewportUpdateMode.NoViewportUpdate)
        self.box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0.0)
        self.box.disableAutoRange()
        self.scene().addItem(self.box)
        self.item = ChartItem(self)
        self.box.addItem(self.item, ignoreBounds=True)
        self.fonts()

    # Geometry.

    def right_margin(self) -> int:
        return look.current().px(64)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if self.box is not None:  # pyqtgraph resizes while it is being made
            self.lay_out()

    def lay_out(self) -> None:
        theme = look.current()
        wide = max(1, self.width() - self.right_margin())
        self.plot = QRect(0, 0, wide, max(1, self.height() - theme.px(22)))
        self.box.setGeometry(QRectF(self.plot))

    def sizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(640), theme.px(260))

    def minimumSizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(240), theme.px(120))

    def set_range(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.box.setRange(xRange=x, yRange=y, padding=0, disableAutoRange=True, update=True)

    def x_pixel(self, value: float) -> float:
        low, high = self.box.state["viewRange"][0]
        return self.plot.left() + (value - low) / (high - low) * self.plot.width()

    def x_value(self, pixel: float) -> float:
        low, high = self.box.state["viewRange"][0]
        return low + (pixel - self.plot.left()) / max(1, self.plot.width()) * (high - low)

    # Painting.

    def fonts(self) -> Theme:
        """Rulers for the current theme; cheap when it did not change."""
        theme = look.current()
        if theme is not self._theme:
            self._theme = theme
            self.small = Ruler(theme.digits(9))
            self.bold = Ruler(theme.digits(9, bold=True))
            struck = QFont(theme.digits(9))
            struck.setStrikeOut(True)
            self.struck = Ruler(struck)
        return theme

    def restyle(self) -> None:
        self._theme = None
        self.fonts()
        self.lay_out()
        self.viewport().update()

    def drawBackground(self, painter: QPainter, rect: Any) -> None:
        painter.fillRect(self.viewport().rect(), look.current().base)

    def drawForeground(self, painter: QPainter, rect: Any) -> None:
        painter.save()
        painter.resetTransform()
        self.fonts()
        self.paint_over(painter)
        if self.hasFocus() and self.property("by_keyboard"):
            paint_focus_ring(painter, self)
        painter.restore()

    def paint_plot(self, painter: QPainter) -> None:
        raise NotImplementedError

    def paint_over(self, painter: QPainter) -> None:
        raise NotImplementedError

    def paint_frame(self, painter: QPainter) -> None:
        """The ground and the lines of both axes."""
        theme = look.current()
        plot = self.plot
        painter.fillRect(plot.right() + 1, plot.top(), 1, plot.height() + 1, theme.hairline)
        painter.fillRect(plot.left(), plot.bottom() + 1, self.width(), 1, theme.hairline)

    def paint_x_label(self, painter: QPainter, at: float, text: str, ruler: Ruler, colour: QColor) -> None:
        """Centred below the plot; left out where the edge would cut it."""
        wide = ruler.width(text)
        left = round(at - wide / 2)
        if left < self.plot.left() + 2 or left + wide > self.plot.right():
            return
        top = self.plot.bottom() + 2
        painter.setFont(ruler.font)
        painter.setPen(colour)
        painter.drawText(left, ruler.baseline(top, self.height() - top), text)

    def paint_y_label(self, painter: QPainter, at: float, text: str, ruler: Ruler, colour: QColor) -> None:
        theme = look.current()
        if not self.plot.top() + ruler.height / 2 < at < self.plot.bottom() - ruler.height / 3:
            return
        painter.setFont(ruler.font)
        painter.setPen(colour)
        top = at - ruler.height / 2
        painter.drawText(self.plot.right() + theme.px(6), ruler.baseline(top, ruler.height), text)

    def paint_tag(
        self, painter: QPainter, box: QRectF, text: str, ground: QColor, ink: QColor, ruler: Ruler | None = None
    ) -> None:
        """A filled label on an axis."""
        theme = look.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, theme.px(3), theme.px(3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont((ruler or self.small).font)
        painter.setPen(ink)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def y_tag_box(self, at: float) -> QRectF:
        theme = look.current()
        high = theme.px(17)
        top = min(max(at - high / 2, self.plot.top()), self.plot.bottom() - high)
        return QRectF(self.plot.right() + 2, top, self.width() - self.plot.right() - 3, high)

    def x_tag_box(self, at: float, text: str) -> QRectF:
        theme = look.current()
        wide = self.small.width(text) + theme.px(12)
        left = min(max(at - wide / 2, 0), self.plot.right() - wide)
        return QRectF(left, self.plot.bottom() + 2, wide, self.height() - self.plot.bottom() - 4)

    def paint_columns(self, painter: QPainter, xs: list[float]) -> None:
        """Upright grid lines, to lie below the data: blending a tall thin line costs ten times a flat one."""
        theme, plot = look.current(), self.plot
        for x in xs:
            painter.fillRect(round(x), plot.top(), 1, plot.height(), theme.grid)

    def paint_rows(self, painter: QPainter, ys: list[float]) -> None:
        theme, plot = look.current(), self.plot
        ink = alpha(theme.text, 0.055)
        for y in ys:
            painter.fillRect(plot.left(), round(y), plot.width(), 1, ink)

    def crosshair_pen(self) -> QPen:
        theme = look.current()
        pen = QPen(mix(theme.text, theme.base, 0.45), 1)
        pen.setDashPattern([3, 3])
        return pen

    # Mouse: pyqtgraph's own handling is bypassed, hovering costs one repaint at most.

    def leaveEvent(self, event: QEvent) -> None:
        self.hover = None
        self.viewport().update()

    def wheelEvent(self, event: Any) -> None:
        event.accept()

    def hover_point(self, at: QPointF) -> QPoint | None:
        point = at.toPoint()
        return point if self.plot.contains(point) else None
