"""Paints the rows of a trade tape, their titles and the note of what came meanwhile. No data access, no mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app.core.types import Side
from app.ui import format as show
from app.ui.format import Display
from app.ui.panels.painted_tape_rows import TapeRow
from app.ui.panels.painted_text import Ruler
from app.ui.theme import Theme, alpha, mix


class TapeInk:
    """Fonts and column edges for one theme and width."""

    def __init__(self, theme: Theme, width: int) -> None:
        self.theme, self.width = theme, width
        self.digits = Ruler(theme.digits())
        self.heavy = Ruler(theme.digits(bold=True))
        self.small = Ruler(theme.digits(9))
        struck = theme.digits()
        struck.setStrikeOut(True)
        self.struck = Ruler(struck)
        self.row, self.head = theme.row, theme.px(22)
        self.base = self.digits.baseline(0, self.row)
        self.time_left = theme.px(10)
        self.price_edge = round(width * 0.66)
        self.size_edge = width - theme.px(10)
        self.bars = {side: mix(theme.side(side is Side.BUY), theme.base, theme.bar_opacity) for side in Side}


@dataclass
class TapePicture:
    """Everything one painting of the tape needs; `large` is the base amount from which sizes are bold."""

    rows: Sequence[TapeRow] = field(default_factory=list)
    trusted: bool = True
    pair: str = ""
    price_places: int = 0
    amount_places: int = 0
    large: float = float("inf")
    display: Display = field(default_factory=Display)
    hover: int = -1
    pressed: bool = False
    selected: int = -1


def paint_titles(painter: QPainter, ink: TapeInk, picture: TapePicture) -> None:
    theme = ink.theme
    painter.fillRect(0, 0, ink.width, ink.head, theme.panel)
    painter.fillRect(0, ink.head - 1, ink.width, 1, theme.hairline)
    painter.setFont(ink.small.font)
    painter.setPen(theme.secondary)
    base = ink.small.baseline(0, ink.head)
    unit, _, quote = picture.pair.partition("-")
    painter.drawText(ink.time_left, base, f"Time {show.zone_name(picture.display.zone)}")
    ink.small.right(painter, ink.price_edge, base, f"Price {quote}")
    ink.small.right(painter, ink.size_edge, base, f"Size {unit}")


def paint_rows(painter: QPainter, ink: TapeInk, picture: TapePicture) -> None:
    """One pass per column, so that pens and fonts change rarely."""
    theme, row, rows = ink.theme, ink.row, picture.rows
    trusted, display = picture.trusted, picture.display
    if 0 <= picture.hover < len(rows):
        ground = alpha(theme.text, 0.13 if picture.pressed else 0.07)
        painter.fillRect(0, ink.head + picture.hover * row, ink.width, row, ground)
    if trusted:
        most = max((float(one.amount) for one in rows), default=0.0) or 1.0
        room = ink.width - ink.price_edge - theme.px(8)
        for at, one in enumerate(rows):
            wide = int(room * (float(one.amount) / most) ** 0.5)
            painter.fillRect(ink.width - wide, ink.head + at * row + 1, wide, row - 2, ink.bars[one.taker])
    base = ink.head + ink.base
    ruler = ink.digits if trusted else ink.struck
    painter.setFont(ruler.font)
    for taker in Side:
        buy = taker is Side.BUY
        painter.setPen(theme.side(buy) if trusted else theme.stale)
        for at, one in enumerate(rows):
            if one.taker is taker:
                text = show.exact(one.price, picture.price_places, display.separator)
                left = ruler.right(painter, ink.price_edge, base + at * row, text)
                painter.drawText(left - theme.px(15), base + at * row, "▲" if buy else "▼")
    painter.setFont(ink.small.font)
    painter.setPen(theme.secondary if trusted else theme.stale)
    for at, one in enumerate(rows):
        painter.drawText(ink.time_left, base + at * row, show.time(one.ms, display.zone, display.milliseconds))
        if one.trades > 1:
            painter.drawText(ink.price_edge + theme.px(8), base + at * row, f"×{one.trades}")
    painter.setPen(theme.text if trusted else theme.stale)
    for heavy, ruler in ((False, ink.digits), (True, ink.heavy)):
        painter.setFont(ruler.font)
        for at, one in enumerate(rows):
            if (float(one.amount) >= picture.large) is heavy:
                text = show.exact(one.amount, picture.amount_places, display.separator)
                ruler.right(painter, ink.size_edge, base + at * row, text)
    if picture.selected >= 0:
        painter.setPen(QPen(theme.accent, 1))
        painter.setBrush(alpha(theme.accent, 0.14))
        painter.drawRect(QRectF(0.5, ink.head + picture.selected * row + 0.5, ink.width - 1, row - 1))


def paint_note(painter: QPainter, ink: TapeInk, words: str) -> None:
    """A pill over the first rows: they stand still, and this came meanwhile."""
    theme, px = ink.theme, ink.theme.px
    wide = ink.small.width(words) + px(20)
    box = QRectF((ink.width - wide) / 2, ink.head + px(6), wide, px(22))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.accent, 1))
    painter.setBrush(mix(theme.accent, theme.raised, 0.16))
    painter.drawRoundedRect(box, px(11), px(11))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setFont(ink.small.font)
    painter.setPen(theme.text)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
