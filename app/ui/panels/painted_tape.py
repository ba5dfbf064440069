"""The live part of the trade tape: rows newest first, holding still while aimed at, clicks and keys. No header."""

from __future__ import annotations

from decimal import Decimal
from statistics import median

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)

from app.core.clock import NS_PER_S, Clock
from app.core.freshness import Freshness
from app.core.types import Side
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_panel import Canvas
from app.ui.panels.painted_stale import NO_MARKET, is_trusted, paint_empty, paint_notice, paint_veil
from app.ui.panels.painted_tape_draw import TapeInk, TapePicture, paint_note, paint_rows, paint_titles
from app.ui.panels.painted_tape_rows import TapeRow, TapeRows
from app.ui.theme import Theme

AIM_NS = round(1.5 * NS_PER_S)
_SKIPPED_TOLD_NS = 10 * NS_PER_S
LARGE = 5


class TapeCanvas(Canvas):
    """Rows stand still while aimed at, pressed, scrolled away or paused; what came meanwhile is counted."""

    price_clicked = Signal(str)
    pause_changed = Signal(bool)
    menu_asked = Signal(QPoint, object)

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.view: MarketView | None = None
        self.fresh: Freshness = NO_MARKET
        self.display = Display()
        self.feed = TapeRows()
        self.paused = False
        self.waiting = 0
        self._skipped_ns = 0
        """Rows that came since the tape stands still."""
        self.shown: list[TapeRow] = []
        self._skip = 0
        self._aimed_ns: int | None = None
        self._pressed: TapeRow | None = None
        self._hover = -1
        self._selected: tuple[int, str] | None = None
        self._ink: TapeInk | None = None
        self._large = float("inf")
        self._trusted = True
        self._version = -1
        self._price_places = self._amount_places = 0

    def forget(self, view: MarketView | None) -> None:
        self.view = view
        self.feed.forget()
        self.waiting = self._skip = 0
        self._version = -1
        self._pressed = self._selected = None
        self._aimed_ns = None
        rule = view.rule if view is not None else None
        self._price_places = show.decimals_of(rule.min_price_increment) if rule else 0
        self._amount_places = show.decimals_of(rule.min_base_amount_increment) if rule else 0
        self._look()

    @property
    def still(self) -> bool:
        aimed = self._aimed_ns is not None and self.clock.mono_ns() - self._aimed_ns < AIM_NS
        return self.paused or aimed or self._pressed is not None

    def pull(self, view: MarketView, fresh: Freshness) -> None:
        trusted = is_trusted(fresh)
        self.fresh = fresh
        if view.tape.version != self._version:
            self._version = view.tape.version
            skipped = self.feed.skipped
            added = self.feed.pull(view.tape)
            if self.feed.skipped > skipped:
                self._skipped_ns = self.clock.mono_ns()
            elif skipped and self.clock.mono_ns() - self._skipped_ns > _SKIPPED_TOLD_NS:
                self.feed.skipped = 0
            if added is None:
                self._skip = self.waiting = 0
            elif self.still or self._skip:
                self._skip += added
                self.waiting += added
        elif trusted is self._trusted and (self.still or not self.waiting):
            return
        if self.waiting and not self.still and self._skip == self.waiting:
            self._skip = self.waiting = 0
        self._trusted = trusted
        self._look()

    def _look(self) -> None:
        """Take the rows in view and ask for painting."""
        ink = self._ink_now()
        count = max(0, (self.height() - ink.head) // ink.row + 1)
        self._skip = min(self._skip, max(0, len(self.feed.rows) - 1))
        self.shown = self.feed.window(self._skip, count)
        amounts = [float(row.amount) for row in self.shown]
        self._large = LARGE * median(amounts) if len(amounts) >= 5 else float("inf")
        self.update()

    def set_paused(self, paused: bool) -> None:
        if paused == self.paused:
            return
        self.paused = paused
        if not paused:
            self.to_newest()
        self.pause_changed.emit(paused)
        self.update()

    def to_newest(self) -> None:
        self._skip = self.waiting = 0
        self._aimed_ns = None
        self._look()

    def set_minimum(self, minimum: Decimal | None) -> None:
        self.feed.minimum = minimum
        self._again()

    def set_together(self, together: bool) -> None:
        self.feed.together = together
        self._again()

    def _again(self) -> None:
        self.feed.forget()
        self._version = -1
        self._skip = self.waiting = 0
        if self.view is not None:
            self.pull(self.view, self.fresh)
        self._look()

    # Painting.

    def sizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(330), theme.px(320))

    def minimumSizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(220), theme.px(110))

    def resizeEvent(self, event: QEvent) -> None:
        self._look()

    def _ink_now(self) -> TapeInk:
        theme, ink = look.current(), self._ink
        if ink is None or ink.theme is not theme or ink.width != self.width():
            ink = self._ink = TapeInk(theme, self.width())
        return ink

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, ink = look.current(), self._ink_now()
        painter.fillRect(self.rect(), theme.base)
        if not self.shown:
            self._paint_empty(painter, theme)
        else:
            picture = self._picture()
            paint_rows(painter, ink, picture)
            paint_titles(painter, ink, picture)
            if words := self.waiting_words():
                paint_note(painter, ink, words)
            if not self._trusted:
                body = self.rect().adjusted(0, ink.head, 0, 0)
                paint_veil(painter, body, theme)
                paint_notice(painter, body, theme, self.fresh)
        self.paint_focus(painter)

    def _picture(self) -> TapePicture:
        return TapePicture(
            rows=self.shown,
            trusted=self._trusted,
            pair=show.clean(self.view.pair, 24) if self.view is not None else "",
            price_places=self._price_places,
            amount_places=self._amount_places,
            large=self._large,
            display=self.display,
            hover=self._hover,
            pressed=self._pressed is not None,
            selected=self.selected_at(),
        )

    def _paint_empty(self, painter: QPainter, theme: Theme) -> None:
        if self.view is None:
            paint_empty(painter, self.rect(), theme, "No market", "Choose a market to see its trades.")
        elif len(self.view.tape) and self.feed.minimum is not None:
            least = show.plain(self.feed.minimum)
            paint_empty(painter, self.rect(), theme, "No trade is large enough", f"The filter shows {least} and more.")
        else:
            paint_empty(painter, self.rect(), theme, "No trades yet", "The next trade appears here.")

    def waiting_words(self) -> str:
        """Of the note above the rows: why they stand still, and what came meanwhile."""
        parts = ["Paused"] if self.paused else []
        if self.waiting:
            parts.append(f"{self.waiting:,} new")
        if self.feed.skipped:
            parts.append(f"{self.feed.skipped:,} trades skipped")
        return "  ·  ".join(parts)

    # Mouse and keys.

    def row_at(self, y: int) -> int:
        ink = self._ink_now()
        at = (y - ink.head) // ink.row
        return at if y >= ink.head and 0 <= at < len(self.shown) else -1

    def _in_note(self, point: QPoint) -> bool:
        theme = look.current()
        top = self._ink_now().head
        middle = abs(point.x() - self.width() / 2) < theme.px(70)
        return bool(self.waiting_words()) and middle and top <= point.y() <= top + theme.px(30)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._aimed_ns = self.clock.mono_ns()
        at = self.row_at(int(event.position().y()))
        if at != self._hover:
            self._hover = at
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._aimed_ns, self._hover = None, -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or self._in_note(event.position().toPoint()):
            return
        at = self.row_at(int(event.position().y()))
        self._hover = at
        self._pressed = self.shown[at] if at >= 0 else None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        pressed, self._pressed = self._pressed, None
        at = self.row_at(int(event.position().y()))
        if pressed is None:
            if self._in_note(event.position().toPoint()):
                self.set_paused(False)
                self.to_newest()
        elif at >= 0 and self.shown[at].key == pressed.key:
            self._selected = pressed.key
            self.price_clicked.emit(pressed.price)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.scroll_rows(-round(event.angleDelta().y() / 40))
        event.accept()

    def scroll_rows(self, by: int) -> None:
        """Positive shows older trades."""
        self._skip = max(0, self._skip + by)
        if not self._skip:
            self.waiting = 0
        self._look()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_keys = event.reason() is QContextMenuEvent.Reason.Keyboard
        at = self.selected_at() if by_keys else self.row_at(event.pos().y())
        self.menu_asked.emit(event.globalPos(), self.shown[at] if at >= 0 else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_row()
        elif key == Qt.Key.Key_Space:
            self.set_paused(not self.paused)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._select(-1 if key == Qt.Key.Key_Up else +1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.scroll_rows(-10 if key == Qt.Key.Key_PageUp else 10)
        elif key == Qt.Key.Key_Home:
            self.to_newest()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.selected_at() >= 0:
            self.price_clicked.emit(self.shown[self.selected_at()].price)
        elif key == Qt.Key.Key_Escape and self._selected is not None:
            self._selected = None
            self.update()
        else:
            super().keyPressEvent(event)

    def selected_at(self) -> int:
        return next((at for at, row in enumerate(self.shown) if row.key == self._selected), -1)

    def _select(self, by: int) -> None:
        if self.shown:
            now = self.selected_at()
            at = 0 if now < 0 else min(max(now + by, 0), len(self.shown) - 1)
            self._selected = self.shown[at].key
            self.update()

    def copy_row(self) -> str:
        """Puts time, side, price and size of the selected row on the clipboard, tab between; returns it."""
        at = self.selected_at()
        if at < 0:
            return ""
        text = row_text(self.shown[at], self.display)
        QGuiApplication.clipboard().setText(text)
        return text

    def words(self) -> str:
        if not self.shown:
            return "no trades yet"
        at = self.selected_at()
        row = self.shown[max(at, 0)]
        verb = "bought" if row.taker is Side.BUY else "sold"
        price = show.exact(row.price, self._price_places)
        state = f", {self.waiting_words()}" if self.waiting_words() else ""
        which = "selected" if at >= 0 else "last trade"
        return (
            f"{which} {show.plain(row.amount)} {verb} at {price}, {show.time(row.ms, self.display.zone, False)}{state}"
        )


def row_text(row: TapeRow, display: Display) -> str:
    side = "buy" if row.taker is Side.BUY else "sell"
    return "\t".join((show.date_time(row.ms, display.zone, True), side, row.price, show.plain(row.amount)))
