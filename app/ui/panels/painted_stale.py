"""How numbers that may not be trusted look, the same on every panel: grey, hatched, named. No freshness rules."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF

from app.core.freshness import Freshness
from app.core.order_book import BookState
from app.ui import format as show
from app.ui.market_view import MarketView
from app.ui.theme import Theme, alpha, mix

NO_MARKET = Freshness("none", "", 0.0)
_TILE = 12


def freshness_of(view: MarketView) -> Freshness:
    """What the view says, unless its book knows of a gap the stream has not noticed: then the book is believed."""
    fresh = view.freshness()
    book = view.book
    if book is not None and book.state is BookState.STALE and fresh.state in ("live", "aging"):
        return Freshness("resync", "RESYNC", fresh.age_s)
    return fresh


def is_trusted(fresh: Freshness) -> bool:
    """Whether numbers may be shown in full colour. Aging ones may, beside their yellow badge."""
    return fresh.state in ("live", "aging", "none")


def badge_colour(theme: Theme, state: str) -> QColor:
    return {"live": theme.live, "aging": theme.warning}.get(state, theme.error)


def paint_badge_mark(painter: QPainter, centre: QPointF, size: float, state: str, colour: QColor) -> None:
    """A shape for each state, so that colour is not the only sign: disc, clock, or a barred circle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if state == "live":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(centre, size * 0.3, size * 0.3)
    else:
        painter.setPen(QPen(colour, max(1.4, size * 0.12)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, size * 0.42, size * 0.42)
        if state == "aging":
            up, right = QPointF(centre.x(), centre.y() - size * 0.26), QPointF(centre.x() + size * 0.2, centre.y())
            painter.drawPolyline(QPolygonF([up, centre, right]))
        else:
            reach = size * 0.29
            painter.drawLine(centre + QPointF(-reach, reach), centre + QPointF(reach, -reach))
    painter.restore()


def paint_veil(painter: QPainter, rect: QRect, theme: Theme) -> None:
    """Half of the colour goes, and hatching comes, over numbers that were already painted."""
    painter.fillRect(rect, alpha(theme.base, 0.35))
    painter.fillRect(rect, QBrush(_hatch(theme)))


def paint_notice(painter: QPainter, rect: QRect, theme: Theme, fresh: Freshness, reason: str = "") -> None:
    """The words of the state in the middle of what they are about, on a ground that hides what is below."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    head, small = theme.font(11, bold=True), theme.font(9)
    words, why = show.clean(fresh.words, 40), show.clean(reason, 120)
    pad = theme.px(12)
    limit = max(40, rect.width() - 4 * pad)
    why = QFontMetricsF(small).elidedText(why, Qt.TextElideMode.ElideRight, limit)
    head_high, small_high = QFontMetricsF(head).height(), QFontMetricsF(small).height() if why else 0
    mark = head_high
    head_wide = QFontMetricsF(head).horizontalAdvance(words) + mark
    wide = max(head_wide, QFontMetricsF(small).horizontalAdvance(why)) + 2 * pad
    high = head_high + small_high + pad * 1.2
    centre = QPointF(rect.center())
    box = QRectF(centre.x() - wide / 2, centre.y() - high / 2, wide, high)
    colour = badge_colour(theme, fresh.state)
    painter.setPen(QPen(colour, 1.2))
    painter.setBrush(mix(colour, theme.raised, 0.10))
    painter.drawRoundedRect(box, theme.px(6), theme.px(6))
    line = QRectF(box.left(), box.top() + pad * 0.6, wide, head_high)
    left = line.center().x() - head_wide / 2
    paint_badge_mark(painter, QPointF(left + mark * 0.4, line.center().y()), mark * 0.8, fresh.state, colour)
    painter.setFont(head)
    painter.setPen(colour)
    painter.drawText(line.adjusted(mark, 0, 0, 0), Qt.AlignmentFlag.AlignCenter, words)
    if why:
        painter.setFont(small)
        painter.setPen(theme.text)
        painter.drawText(line.translated(0, head_high), Qt.AlignmentFlag.AlignCenter, why)
    painter.restore()


def paint_empty(painter: QPainter, rect: QRect, theme: Theme, words: str, hint: str = "") -> None:
    """What is missing, and below it what to do about it."""
    head, small = theme.font(10.5, bold=True), theme.font(9.5)
    line = round(QFontMetricsF(head).height() * 1.25)
    area = rect.adjusted(theme.px(12), 0, -theme.px(12), 0)
    centre = area.center().y()
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    painter.setFont(head)
    painter.setPen(theme.secondary)
    painter.drawText(QRect(area.left(), centre - line, area.width(), line), flags, words)
    painter.setFont(small)
    painter.setPen(theme.secondary)
    painter.drawText(QRect(area.left(), centre + theme.px(4), area.width(), line * 3), flags, hint)


def _hatch(theme: Theme) -> QPixmap:
    tile = QPixmap(_TILE, _TILE)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(alpha(theme.stale, 0.30), 1.4))
    for shift in (-_TILE, 0, _TILE):
        painter.drawLine(shift, _TILE, shift + _TILE, 0)
    painter.end()
    return tile
