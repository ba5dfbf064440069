"""What a key may do, as five lamps: each a shape, a word and a colour. It asks nobody."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from app.core.permissions import KeyPermissions
from app.ui import theme
from app.ui.panels.open_orders_frame import PlainLabel, ToneLabel


class Shape(Enum):
    YES = "a tick in a disc"
    NO = "a bar in a ring"
    WARNING = "a triangle"
    UNKNOWN = "a dotted ring"


_ASKED_NOT = "not asked"
_UNREPORTED = "not reported"


class Lamp(QWidget):
    """The shape alone; the word beside it says the same."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shape = Shape.UNKNOWN
        self.tone = "secondary"
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        side = theme.current().px(16)
        return QSize(side, side)

    def show_as(self, shape: Shape, tone: str) -> None:
        self.shape, self.tone = shape, tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        colour: QColor = getattr(now, self.tone)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = float(self.width())
        box = QRectF(1, 1, side - 2, side - 2)
        mid = side / 2
        width = max(1.4, side / 10)
        if self.shape is Shape.YES:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(box)
            painter.setPen(QPen(now.panel, width, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
            points = ((0.29, 0.53), (0.44, 0.68), (0.72, 0.36))
            painter.drawPolyline(QPolygonF([QPointF(x * side, y * side) for x, y in points]))
        elif self.shape is Shape.WARNING:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawPolygon(QPolygonF([QPointF(mid, 1), QPointF(side - 0.5, side - 1), QPointF(0.5, side - 1)]))
            painter.setPen(QPen(now.panel, width, c=Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(mid, side * 0.40), QPointF(mid, side * 0.63))
            painter.drawPoint(QPointF(mid, side * 0.79))
        else:
            pen = QPen(colour, width)
            if self.shape is Shape.UNKNOWN:
                pen.setDashPattern([1.6, 1.6])
            painter.setPen(pen)
            painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
            if self.shape is Shape.NO:
                painter.drawLine(QPointF(side * 0.31, mid), QPointF(side * 0.69, mid))


class RightsLamps(QFrame):
    """Read, trade, transfer, withdraw, and whether the key is bound to addresses."""

    TITLES = ("Read", "Trade", "Transfer", "Withdraw", "IP-bound")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        now = theme.current()
        grid = QGridLayout(self)
        grid.setContentsMargins(now.px(12), now.px(7), now.px(12), now.px(7))
        grid.setHorizontalSpacing(now.px(6))
        grid.setVerticalSpacing(now.px(1))
        self.lamps: dict[str, Lamp] = {}
        self.words: dict[str, ToneLabel] = {}
        for at, title in enumerate(self.TITLES):
            self.lamps[title], self.words[title] = Lamp(), ToneLabel(_ASKED_NOT, "secondary")
            grid.addWidget(self.lamps[title], 0, at * 2, 2, 1, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(PlainLabel(title), 0, at * 2 + 1)
            grid.addWidget(self.words[title], 1, at * 2 + 1)
            grid.setColumnStretch(at * 2 + 1, 1)

    def clear(self) -> None:
        for title in self.TITLES:
            self._set(title, Shape.UNKNOWN, "secondary", _ASKED_NOT)

    def show_rights(self, rights: KeyPermissions) -> None:
        self._right("Read", rights.read, no=(Shape.WARNING, "error"))
        self._right("Trade", rights.trade)
        for title, right in (("Transfer", rights.transfer), ("Withdraw", rights.withdraw)):
            self._right(title, right, yes=(Shape.WARNING, "error"), no=(Shape.NO, "live"))
        self._right("IP-bound", rights.ip_bound, no=(Shape.WARNING, "warning"), no_word="any address")

    def text(self) -> str:
        """As read aloud."""
        return ", ".join(f"{title}: {self.words[title].text()}" for title in self.TITLES)

    def _right(
        self,
        title: str,
        right: bool | None,
        yes: tuple[Shape, str] = (Shape.YES, "live"),
        no: tuple[Shape, str] = (Shape.NO, "secondary"),
        no_word: str = "no",
    ) -> None:
        if right is None:
            self._set(title, Shape.UNKNOWN, "secondary", _UNREPORTED)
        else:
            self._set(title, *(yes if right else no), "yes" if right else no_word)

    def _set(self, title: str, shape: Shape, tone: str, word: str) -> None:
        self.lamps[title].show_as(shape, tone)
        self.lamps[title].setAccessibleName(f"{title}: {word}")
        self.words[title].tone(tone)
        self.words[title].say(word)
