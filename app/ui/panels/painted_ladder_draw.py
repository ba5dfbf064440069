"""Paints the lines of a ladder: columns, bars, own orders, flashes, the spread. No data access, no mouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.core.types import Side
from app.ui import format as show
from app.ui.format import Display
from app.ui.panels.painted_ladder_rows import BLANK, SPREAD, Line, Touch
from app.ui.panels.painted_text import Ruler
from app.ui.theme import Theme, alpha, mix

LARGE = 5
_FLASH_OPACITY = 0.30


@dataclass
class Picture:
    """Everything one painting of the ladder needs."""

    lines: list[Line] = field(default_factory=list)
    dom: bool = False
    trusted: bool = True
    touch: Touch = Touch(None, None, None, None)
    last_price: str = ""
    last_side: Side | None = None
    quote: str = ""
    base: str = ""
    price_places: int = 0
    amount_places: int = 0
    own: dict[tuple[Side, Decimal], Decimal] = field(default_factory=dict)
    display: Display = field(default_factory=Display)
    sizes: dict[tuple[Side, str], str] = field(default_factory=dict)
    """(side, price) → the size as text, made once per change of the book."""
    flashes: dict[tuple[Side, str], tuple[int, float]] = field(default_factory=dict)
    """(side, price) → first changed character of the size, and strength 1..0."""
    hover: int = -1
    pressed: bool = False
    selected: tuple[Side, str] | None = None
    held: int = -1
    """Prices not shown because the rows are held under the mouse; -1 while they are not held."""


class LadderInk:
    """Fonts, colours and column edges for one theme and one size."""

    def __init__(self, theme: Theme, width: int, height: int) -> None:
        self.theme, self.width, self.height = theme, width, height
        px = theme.px
        self.row = theme.row
        self.head = px(22)
        self.spread = px(30)
        self.digits = Ruler(theme.digits())
        self.heavy = Ruler(theme.digits(bold=True))
        self.base = self.digits.baseline(0, self.row)
        self.small = Ruler(theme.digits(9))
        self.large = Ruler(theme.digits(12.5, bold=True))
        struck = theme.digits()
        struck.setStrikeOut(True)
        self.struck = Ruler(struck)
        struck_large = theme.digits(12.5, bold=True)
        struck_large.setStrikeOut(True)
        self.struck_large = Ruler(struck_large)
        own = min(px(58), round(width * 0.155))
        rest = width - own - px(8)
        self.own = QRect(px(4), 0, own - px(6), self.row)
        self.price_edge = own + rest * 0.32
        self.size_edge = own + rest * 0.66
        self.total_edge = width - px(10)
        # The other form: own | bid size | price | ask size | own.
        self.dom_price = QRectF(width * 0.36, 0, width * 0.28, self.row)
        self.dom_own = round(width * 0.13)
        self.size_bar = {s: mix(theme.side(s is Side.BUY), theme.base, theme.bar_opacity) for s in Side}
        self.total_bar = {s: mix(theme.side(s is Side.BUY), theme.base, theme.bar_opacity * 0.45) for s in Side}
        self.stale_bar = mix(theme.stale, theme.base, 0.14)
        self.column = mix(theme.text, theme.base, 0.035)


def paint_ladder(painter: QPainter, ink: LadderInk, picture: Picture) -> None:
    theme = ink.theme
    painter.fillRect(0, 0, ink.width, ink.height, theme.base)
    amounts = [float(size) for line in picture.lines for size in (line.bid, line.ask) if size is not None]
    most = max(amounts, default=0.0)
    large = LARGE * median(amounts) if len(amounts) >= 5 else float("inf")
    if picture.dom:
        _dom(painter, ink, picture, most, large)
    else:
        _compact(painter, ink, picture, most, large)
    _column_titles(painter, ink, picture)


def row_tops(ink: LadderInk, picture: Picture) -> list[int]:
    """Upper edge of every line, and the lower edge of the last."""
    tops, top = [], ink.head
    for line in picture.lines:
        tops.append(top)
        top += ink.spread if line is SPREAD else ink.row
    tops.append(top)
    return tops


def _column_titles(painter: QPainter, ink: LadderInk, picture: Picture) -> None:
    theme = ink.theme
    painter.fillRect(0, 0, ink.width, ink.head, theme.panel)
    painter.fillRect(0, ink.head - 1, ink.width, 1, theme.hairline)
    painter.setFont(ink.small.font)
    painter.setPen(theme.secondary)
    base = ink.small.baseline(0, ink.head)
    if picture.dom:
        price = ink.dom_price
        painter.drawText(QPointF(theme.px(8), base), "Own")
        ink.small.right(painter, price.left() - theme.px(8), base, "Bid size")
        painter.drawText(QRectF(price.left(), 0, price.width(), ink.head), Qt.AlignmentFlag.AlignCenter, "Price")
        painter.drawText(QPointF(price.right() + theme.px(8), base), "Ask size")
        ink.small.right(painter, ink.width - theme.px(8), base, "Own")
        return
    painter.drawText(QPointF(theme.px(8), base), "Own")
    for edge, title, unit in (
        (ink.price_edge, "Price", picture.quote),
        (ink.size_edge, "Size", picture.base),
        (ink.total_edge, "Total", picture.base),
    ):
        full = f"{title} {unit}" if unit else title
        fits = ink.small.width(full) < (ink.size_edge - ink.price_edge) - theme.px(6)
        ink.small.right(painter, edge, base, full if fits else title)


def _compact(painter: QPainter, ink: LadderInk, picture: Picture, most: float, large: float) -> None:
    theme, lines = ink.theme, picture.lines
    tops = row_tops(ink, picture)
    totals = [float(line.total) for line in lines if line.total is not None]
    deepest = max(totals, default=0.0)
    whole = len(str(int(deepest)))
    total_places = max(0, min(picture.amount_places, 7 - whole))
    right = round(ink.total_edge) + theme.px(4)
    reach = right - ink.own.right() - theme.px(6)
    for at, line in enumerate(lines):
        if line.amount is None or line.side is None:
            continue
        top = tops[at]
        if deepest and line.total is not None:
            wide = int(reach * float(line.total) / deepest)
            bar = ink.total_bar[line.side] if picture.trusted else ink.stale_bar
            painter.fillRect(right - wide, top, wide, ink.row, bar)
        if most and picture.trusted:
            wide = int(reach * 0.6 * float(line.amount) / most)
            painter.fillRect(right - wide, top + 1, wide, ink.row - 2, ink.size_bar[line.side])
    _row_states(painter, ink, picture, tops)
    separator = picture.display.separator
    price_font = ink.digits if picture.trusted else ink.struck
    painter.setFont(price_font.font)
    for at, line in enumerate(lines):
        if line.side is not None:
            painter.setPen(theme.side(line.side is Side.BUY) if picture.trusted else theme.stale)
            text = show.exact(line.price, picture.price_places, separator)
            price_font.right(painter, ink.price_edge, tops[at] + ink.base, text)
    painter.setFont(ink.digits.font)
    painter.setPen(theme.text if picture.trusted else theme.stale)
    for at, line in enumerate(lines):
        if line.side is None:
            continue
        amount = line.amount
        if amount is None:
            ink.digits.right(painter, ink.size_edge, tops[at] + ink.base, show.DASH)
            continue
        text = picture.sizes.get((line.side, line.price)) or show.exact(amount, picture.amount_places, separator)
        _size(painter, ink, picture, line, text, ink.size_edge, tops[at], float(amount) >= large)
    painter.setPen(theme.secondary if picture.trusted else theme.stale)
    for at, line in enumerate(lines):
        if line.total is not None:
            text = show.rounded(line.total, total_places, separator)
            ink.digits.right(painter, ink.total_edge, tops[at] + ink.base, text)
    for at, line in enumerate(lines):
        if line is SPREAD:
            _spread(painter, ink, picture, tops[at])
        elif picture.own and line.side is not None:
            mine = picture.own.get((line.side, Decimal(line.price)))
            if mine is not None:
                _own_mark(painter, ink, picture, QRect(ink.own).translated(0, tops[at]), line.side, mine)
    _empty_sides(painter, ink, picture, tops)


def _size(
    painter: QPainter, ink: LadderInk, picture: Picture, line: Line, text: str, edge: float, top: int, bold: bool
) -> None:
    ruler = ink.heavy if bold else ink.digits
    left = round(edge - ruler.width(text))
    flash = picture.flashes.get((line.side, line.price)) if line.side is not None and picture.trusted else None
    if flash is not None and line.side is not None:
        first, strength = flash
        start = round(left + ruler.width(text[:first]))
        painter.fillRect(
            start - 1,
            top + 2,
            round(edge) - start + 2,
            ink.row - 4,
            alpha(ink.theme.side(line.side is Side.BUY), _FLASH_OPACITY * strength),
        )
    if bold:
        painter.setFont(ink.heavy.font)
    painter.drawText(left, top + ink.base, text)
    if bold:
        painter.setFont(ink.digits.font)


def _row_states(painter: QPainter, ink: LadderInk, picture: Picture, tops: list[int]) -> None:
    theme = ink.theme
    if 0 <= picture.hover < len(picture.lines) and picture.lines[picture.hover] not in (SPREAD, BLANK):
        top = tops[picture.hover]
        painter.fillRect(0, top, ink.width, ink.row, alpha(theme.text, 0.13 if picture.pressed else 0.07))
        painter.fillRect(0, top, theme.px(2), ink.row, theme.accent)
    if picture.selected is None:
        return
    for at, line in enumerate(picture.lines):
        if (line.side, line.price) == picture.selected:
            painter.setPen(QPen(theme.accent, 1))
            painter.setBrush(alpha(theme.accent, 0.14))
            painter.drawRect(QRectF(0.5, tops[at] + 0.5, ink.width - 1, ink.row - 1))


def _own_mark(painter: QPainter, ink: LadderInk, picture: Picture, box: QRect, side: Side, mine: Decimal) -> None:
    theme = ink.theme
    colour = theme.side(side is Side.BUY) if picture.trusted else theme.stale
    area = QRectF(box).adjusted(0.5, 2.5, -0.5, -2.5)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(mix(colour, theme.base, 0.22))
    painter.drawRoundedRect(area, theme.px(3), theme.px(3))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    text = show.exact(mine, 0, "")
    if ink.small.width(text) > box.width() - theme.px(6):
        text = show.compact(mine)
    painter.setFont(ink.small.font)
    painter.setPen(theme.text if picture.trusted else theme.stale)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, ink.small.elided(text, box.width() - 4))


def _spread(painter: QPainter, ink: LadderInk, picture: Picture, top: int) -> None:
    theme, px = ink.theme, ink.theme.px
    high = ink.spread
    painter.fillRect(0, top, ink.width, high, theme.panel)
    painter.fillRect(0, top, ink.width, 1, theme.hairline)
    painter.fillRect(0, top + high - 1, ink.width, 1, theme.hairline)
    colour = theme.text
    if not picture.trusted:
        colour = theme.stale
    elif picture.last_side is not None:
        colour = theme.side(picture.last_side is Side.BUY)
    left = float(px(8))
    if picture.last_price:
        ruler = ink.large if picture.trusted else ink.struck_large
        painter.setFont(ruler.font)
        painter.setPen(colour)
        arrow = "" if picture.last_side is None else "▲ " if picture.last_side is Side.BUY else "▼ "
        text = arrow + show.exact(picture.last_price, picture.price_places, picture.display.separator)
        painter.drawText(QPointF(left, ruler.baseline(top, high)), text)
        left += ruler.width(text) + px(10)
    words, warn = spread_words(picture)
    painter.setFont(ink.small.font)
    painter.setPen(theme.stale if not picture.trusted else theme.warning if warn else theme.secondary)
    edge = float(ink.total_edge)
    base = ink.small.baseline(top, high)
    if picture.held >= 0:
        chip = "held" if picture.held == 0 else f"held, {picture.held} new"
        wide = ink.small.width(chip) + px(10)
        box = QRectF(edge - wide, top + (high - px(16)) / 2, wide, px(16))
        painter.setBrush(mix(theme.accent, theme.panel, 0.18))
        painter.setPen(QPen(mix(theme.accent, theme.panel, 0.6), 1))
        painter.drawRect(box)
        painter.setPen(theme.text)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, chip)
        painter.setPen(theme.warning if warn else theme.secondary)
        edge -= wide + px(8)
    if ink.small.width(words) > edge - left:
        words = words.removeprefix("spread ")
    ink.small.right(painter, edge, base, ink.small.elided(words, edge - left))


def spread_words(picture: Picture) -> tuple[str, bool]:
    """Text of the spread row, and whether it is a warning."""
    touch = picture.touch
    if touch.spread is None or touch.share is None:
        return ("no bids and no asks" if touch.bid is touch.ask else "one side is empty"), False
    text = show.exact(touch.spread, picture.price_places, picture.display.separator)
    if touch.spread < 0:
        return f"CROSSED by {text.lstrip(show.MINUS)}", True
    if touch.spread == 0:
        return "LOCKED", True
    places = 1 if touch.share >= Decimal("0.0001") else 3
    return f"spread {text}  ·  {show.basis_points(touch.share, places)}", False


def _empty_sides(painter: QPainter, ink: LadderInk, picture: Picture, tops: list[int]) -> None:
    if SPREAD not in picture.lines:
        return
    middle = picture.lines.index(SPREAD)
    painter.setFont(ink.digits.font)
    painter.setPen(ink.theme.secondary)
    for missing, at, words in (
        (picture.touch.ask is None, middle - 1, "no asks"),
        (picture.touch.bid is None, middle + 1, "no bids"),
    ):
        if missing and 0 <= at < len(picture.lines):
            painter.drawText(QRectF(0, tops[at], ink.width, ink.row), Qt.AlignmentFlag.AlignCenter, words)


def _dom(painter: QPainter, ink: LadderInk, picture: Picture, most: float, large: float) -> None:
    theme, px = ink.theme, ink.theme.px
    tops = row_tops(ink, picture)
    price = ink.dom_price
    painter.fillRect(QRectF(price.left(), 0, price.width(), ink.height), ink.column)
    room = price.left() - ink.dom_own
    for at, line in enumerate(picture.lines):
        for side, size in ((Side.BUY, line.bid), (Side.SELL, line.ask)):
            if size is None or not most:
                continue
            wide = int(room * float(size) / most)
            left = round(price.left()) - wide if side is Side.BUY else round(price.right())
            bar = ink.size_bar[side] if picture.trusted else ink.stale_bar
            painter.fillRect(left, tops[at] + 1, wide, ink.row - 2, bar)
    _row_states(painter, ink, picture, tops)
    separator = picture.display.separator
    last = show.exact(picture.last_price, picture.price_places, separator) if picture.last_price else None
    for at, line in enumerate(picture.lines):
        if not line.price:
            continue
        top = tops[at]
        resting = line.side is not None
        painter.setPen(_dom_price_colour(theme, picture, line))
        ruler = ink.struck if resting and not picture.trusted else ink.digits
        text = show.exact(line.price, picture.price_places, separator)
        painter.setFont(ruler.font)
        middle = price.center().x() + ruler.width(text) / 2
        ruler.right(painter, middle, top + ink.base, text)
        if text == last:
            painter.fillRect(QRectF(price.left(), top, px(2), ink.row), theme.text)
            painter.fillRect(QRectF(price.right() - px(2), top, px(2), ink.row), theme.text)
        painter.setFont(ink.digits.font)
        painter.setPen(theme.text if picture.trusted else theme.stale)
        for side, size in ((Side.BUY, line.bid), (Side.SELL, line.ask)):
            if size is not None:
                text = show.exact(size, picture.amount_places, separator)
                bold = float(size) >= large
                wide = (ink.heavy if bold else ink.digits).width(text)
                edge = price.left() - px(8) if side is Side.BUY else price.right() + px(8) + wide
                _size(painter, ink, picture, line, text, edge, top, bold)
        if picture.own:
            for side, left in ((Side.BUY, px(3)), (Side.SELL, ink.width - ink.dom_own)):
                mine = picture.own.get((side, Decimal(line.price)))
                if mine is not None:
                    box = QRect(left, top, ink.dom_own - px(3), ink.row)
                    _own_mark(painter, ink, picture, box, side, mine)
    if not any(line.side for line in picture.lines):
        painter.setPen(theme.secondary)
        painter.setFont(ink.digits.font)
        painter.drawText(QRectF(0, ink.head, price.left(), ink.row * 2), Qt.AlignmentFlag.AlignCenter, "nothing here")


def _dom_price_colour(theme: Theme, picture: Picture, line: Line) -> QColor:
    if not picture.trusted:
        return theme.stale
    if line.side is None:
        return theme.secondary
    return theme.side(line.side is Side.BUY)
