"""The live part of the ladder: what is in view and what stays put under the mouse; clicks and keys. No header."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)

from app.core.clock import NS_PER_MS, Clock
from app.core.freshness import Freshness
from app.core.order_book import BookState, OrderBook
from app.core.types import Side
from app.ui import format as show
from app.ui import theme as look
from app.ui.market_view import MarketView
from app.ui.panels.painted_ladder_draw import LadderInk, Picture, paint_ladder, row_tops, spread_words
from app.ui.panels.painted_ladder_rows import (
    BLANK,
    SPREAD,
    Grouping,
    Line,
    book_lines,
    dom_lines,
    held_lines,
    tick_of,
    touch_of,
)
from app.ui.panels.painted_panel import Canvas
from app.ui.panels.painted_stale import NO_MARKET, is_trusted, paint_empty, paint_notice, paint_veil

FLASH_MS = 250
FLASH_EVERY_MS = 334
SETTLE_MS = 500
_NOBODY = "Choose a market to see its order book."


class LadderCanvas(Canvas):
    """Rows never change price under the mouse: while it is over the ladder, only sizes are brought up to date."""

    price_clicked = Signal(str)
    step_asked = Signal(int)
    """+1 or -1: a coarser or finer price step is wanted."""
    menu_asked = Signal(QPoint, object)

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.view: MarketView | None = None
        self.fresh: Freshness = NO_MARKET
        self.picture = Picture()
        self.factor = 1
        self.grouping: Grouping | None = None
        self._offset = 0
        self._top: int | None = None
        self._hovered = False
        self._pressed: Line | None = None
        self._moved_ns: int | None = None
        self._seen: tuple[object, ...] = ()
        self._own_seen = -1
        self._sizes: dict[tuple[Side, str], str] = {}
        self._flashes: dict[tuple[Side, str], tuple[int, int]] = {}
        self._ink: LadderInk | None = None

    # What is in view.

    def forget(self, view: MarketView | None, factor: int) -> None:
        """Another market, step or form: nothing that was on screen holds any more."""
        self.view, self.factor = view, factor
        dom, display = self.picture.dom, self.picture.display
        self.picture = Picture(dom=dom, display=display)
        self.grouping = None
        self._offset, self._top, self._pressed = 0, None, None
        self._seen, self._own_seen = (), -1
        self._sizes.clear()
        self._flashes.clear()
        if view is not None:
            rule = view.rule
            tick = tick_of(rule, view.book)
            step = tick * factor
            self.grouping = Grouping(step) if factor > 1 or dom else None
            base, _, quote = show.clean(view.pair, 24).partition("-")
            self.picture.base, self.picture.quote = base, quote
            self.picture.price_places = show.decimals_of(step)
            self.picture.amount_places = show.decimals_of(rule.min_base_amount_increment) if rule else 0
        self.update()

    @property
    def held(self) -> bool:
        return self._hovered or self._pressed is not None

    def pull(self, view: MarketView, fresh: Freshness) -> None:
        """Take what changed since the last call, and ask for painting if anything did."""
        book = view.book
        own = view.own_orders_version
        last = view.tape.last
        seen = (book.version if book else -1, last, is_trusted(fresh))
        changed = seen != self._seen
        if changed or own != self._own_seen:
            self._seen, self._own_seen, self.fresh = seen, own, fresh
            self.picture.trusted = is_trusted(fresh)
            if last is not None:
                self.picture.last_price, self.picture.last_side = last.price, last.taker
            self._take_own(view)
            self._rebuild()
        elif self._flashes:
            self._fade()
            self.update()
        elif fresh.words != self.fresh.words and not is_trusted(fresh):
            self.fresh = fresh
            self.update()

    def _take_own(self, view: MarketView) -> None:
        own: dict[tuple[Side, Decimal], Decimal] = {}
        for order in view.own_orders():
            price = order.price
            if self.grouping is not None:
                price = self.grouping.step * self.grouping.index(show.plain(price), order.side)
            own[order.side, price] = own.get((order.side, price), Decimal(0)) + order.remaining
        self.picture.own = own

    def _rebuild(self, follow: bool = False) -> None:
        """Lines from the book; held rows keep their prices unless the user moved them (`follow`)."""
        book = self.view.book if self.view is not None else None
        if book is None:
            self.picture.lines = []
            self.update()
            return
        picture = self.picture
        picture.touch = touch_of(book)
        before = picture.lines
        fresh_lines = self._lines_of(book, follow)
        # A pointer that rested here before the first book holds nothing: there was no price under it.
        if self.held and not follow and any(line.side is not None for line in before):
            picture.lines = held_lines(book, self.grouping, before)
            shown = {(line.side, line.price) for line in before}
            picture.held = sum(line.side is not None and (line.side, line.price) not in shown for line in fresh_lines)
        else:
            picture.lines = fresh_lines
            picture.held = 0 if self.held else -1
        self._note_flashes()
        self.update()

    def _lines_of(self, book: OrderBook, follow: bool) -> list[Line]:
        ink = self._ink_now()
        room = self.height() - ink.head
        if self.picture.dom and self.grouping is not None:
            count = max(1, room // ink.row)
            if not self.held or follow or self._top is None:
                self._centre_dom(book, count)
            return [] if self._top is None else dom_lines(book, self.grouping, self._top, count)
        rows = max(2, (room - ink.spread) // ink.row)
        above = rows // 2
        return book_lines(book, self.grouping, above, rows - above, self._offset)

    def _centre_dom(self, book: OrderBook, count: int) -> None:
        mid, grouping = book.mid, self.grouping
        if grouping is None:
            return
        if mid is None:
            best = book.best_bid or book.best_ask
            if best is None:
                return
            mid = Decimal(best)
        at = int(mid / grouping.step)
        if self._top is None:
            self._top = at + count // 2
        elif self._offset == 0 and not (count / 3 <= self._top - at <= 2 * count / 3):
            self._top = at + count // 2
            self._moved_ns = self.clock.mono_ns()

    def centre(self) -> None:
        """Best prices to the middle, also under the mouse: it was asked for. A click right after it does not count."""
        self._offset, self._top = 0, None
        self._moved_ns = self.clock.mono_ns()
        self._rebuild(follow=True)

    def scroll_rows(self, rows: int) -> None:
        """Positive shows higher prices."""
        book = self.view.book if self.view is not None else None
        if book is None or not rows:
            return
        if self.picture.dom:
            self._top = None if self._top is None else max(1, self._top + rows)
            self._offset = 1  # no automatic centring until asked
        else:
            # Grouped sides have fewer lines than levels; blank rows beyond the end are harmless.
            self._offset = min(max(self._offset + rows, -len(book.bids)), len(book.asks))
        self._rebuild(follow=True)

    # Flashes.

    def _note_flashes(self) -> None:
        picture = self.picture
        now = self.clock.mono_ns()
        sizes: dict[tuple[Side, str], str] = {}
        flash = look.current().flash and picture.trusted
        for line in picture.lines:
            amount = line.amount
            if line.side is None or amount is None:
                continue
            key = (line.side, line.price)
            text = show.exact(amount, picture.amount_places, picture.display.separator)
            sizes[key] = text
            old = self._sizes.get(key)
            if flash and old is not None and old != text:
                running = self._flashes.get(key)
                if running is None or now - running[0] >= FLASH_EVERY_MS * NS_PER_MS:
                    self._flashes[key] = (now, first_difference(old, text))
        self._sizes = picture.sizes = sizes
        self._fade()

    def _fade(self) -> None:
        now = self.clock.mono_ns()
        keep = FLASH_EVERY_MS * NS_PER_MS
        self._flashes = {key: flash for key, flash in self._flashes.items() if now - flash[0] < keep}
        self.picture.flashes = {
            key: (first, 1 - (now - start) / (FLASH_MS * NS_PER_MS))
            for key, (start, first) in self._flashes.items()
            if now - start < FLASH_MS * NS_PER_MS
        }

    # Painting.

    def sizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(330), theme.px(520))

    def minimumSizeHint(self) -> QSize:
        theme = look.current()
        return QSize(theme.px(240), theme.px(160))

    def _ink_now(self) -> LadderInk:
        theme = look.current()
        ink = self._ink
        if ink is None or ink.theme is not theme or (ink.width, ink.height) != (self.width(), self.height()):
            ink = self._ink = LadderInk(theme, self.width(), self.height())
        return ink

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._top = None
        self._rebuild(follow=True)

    def restyle(self) -> None:
        self._ink = None
        self._rebuild(follow=True)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, view = look.current(), self.view
        book = view.book if view is not None else None
        if view is None or book is None or book.state is BookState.WAITING:
            painter.fillRect(self.rect(), theme.base)
            if view is None:
                paint_empty(painter, self.rect(), theme, "No market", _NOBODY)
            else:
                reason = show.clean(book.reason) if book is not None else "The exchange is not connected."
                paint_empty(painter, self.rect(), theme, "Waiting for the order book", reason)
        else:
            ink = self._ink_now()
            paint_ladder(painter, ink, self.picture)
            if not self.picture.trusted:
                body = self.rect().adjusted(0, ink.head, 0, 0)
                paint_veil(painter, body, theme)
                paint_notice(painter, body, theme, self.fresh, book.reason)
        self.paint_focus(painter)

    # Mouse and keys.

    def line_at(self, y: int) -> tuple[int, Line]:
        tops = row_tops(self._ink_now(), self.picture)
        for at, line in enumerate(self.picture.lines):
            if tops[at] <= y < tops[at + 1]:
                return at, line
        return -1, BLANK

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.picture.held = 0
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        self.picture.hover = -1
        self.picture.held = -1
        self._seen = ()
        self._rebuild()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hovered = self.rect().contains(event.position().toPoint())
        at, _ = self.line_at(int(event.position().y()))
        if at != self.picture.hover:
            self.picture.hover = at
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        _, line = self.line_at(int(event.position().y()))
        just_moved = self._moved_ns is not None and self.clock.mono_ns() - self._moved_ns < SETTLE_MS * NS_PER_MS
        self._pressed = None if just_moved or not line.price or line is SPREAD else line
        self.picture.pressed = self._pressed is not None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        pressed, self._pressed = self._pressed, None
        self.picture.pressed = False
        _, line = self.line_at(int(event.position().y()))
        if pressed is not None and line.price == pressed.price and line.side is pressed.side:
            if line.side is not None:
                self.picture.selected = (line.side, line.price)
            self.price_clicked.emit(line.price)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 40
        self.scroll_rows(round(steps) or (1 if steps > 0 else -1 if steps < 0 else 0))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            at = self._selected_at()
            line = self.picture.lines[at] if at >= 0 else BLANK
            where = self.mapToGlobal(QPoint(20, row_tops(self._ink_now(), self.picture)[at] if at >= 0 else 20))
        else:
            _, line = self.line_at(event.pos().y())
            where = event.globalPos()
        self.menu_asked.emit(where, line)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_row()
        elif key == Qt.Key.Key_C and not event.modifiers():
            self.centre()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.step_asked.emit(+1)
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.step_asked.emit(-1)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._select(-1 if key == Qt.Key.Key_Up else +1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.scroll_rows(10 if key == Qt.Key.Key_PageUp else -10)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.picture.selected:
            self.price_clicked.emit(self.picture.selected[1])
        elif key == Qt.Key.Key_Escape and self.picture.selected:
            self.picture.selected = None
            self.update()
        else:
            super().keyPressEvent(event)

    def copy_row(self) -> str:
        """Puts side, price, size and cumulated size of the selected row on the clipboard, tab between; returns it."""
        at = self._selected_at()
        if at < 0:
            return ""
        text = row_text(self.picture.lines[at])
        QGuiApplication.clipboard().setText(text)
        return text

    def _selected_at(self) -> int:
        for at, line in enumerate(self.picture.lines):
            if line.side is not None and (line.side, line.price) == self.picture.selected:
                return at
        return -1

    def _select(self, by: int) -> None:
        rows = [at for at, line in enumerate(self.picture.lines) if line.side is not None]
        if not rows:
            return
        now = self._selected_at()
        if now < 0:
            bids = [at for at in rows if self.picture.lines[at].side is Side.BUY]
            asks = [at for at in rows if self.picture.lines[at].side is Side.SELL]
            at = (bids[0] if bids else rows[-1]) if by > 0 else (asks[-1] if asks else rows[0])
        else:
            place = rows.index(now) + by
            if not 0 <= place < len(rows):
                self.scroll_rows(-by)
                self.update()
                return
            at = rows[place]
        line = self.picture.lines[at]
        assert line.side is not None
        self.picture.selected = (line.side, line.price)
        self.update()

    def words(self) -> str:
        """One line for a screen reader."""
        picture, separator = self.picture, ","
        touch = picture.touch
        parts = [
            f"best bid {show.exact(touch.bid, picture.price_places, separator)}" if touch.bid else "no bids",
            f"best ask {show.exact(touch.ask, picture.price_places, separator)}" if touch.ask else "no asks",
        ]
        if touch.spread is not None:
            parts.append(spread_words(picture)[0].replace("  ·  ", ", "))
        if picture.selected is not None:
            at = self._selected_at()
            side, price = picture.selected
            size = picture.lines[at].amount if at >= 0 else None
            word = "bid" if side is Side.BUY else "ask"
            parts.append(f"selected {word} {price}, size {show.plain(size) if size is not None else 'gone'}")
        return ", ".join(parts)


def row_text(line: Line) -> str:
    side = {Side.BUY: "bid", Side.SELL: "ask", None: ""}[line.side]
    size = show.plain(line.amount) if line.amount is not None else ""
    return "\t".join((side, line.price, size, show.plain(line.total) if line.total is not None else ""))


def first_difference(old: str, new: str) -> int:
    """Where the digits begin to differ, counted from the left of `new`; 0 when the lengths differ."""
    if len(old) != len(new):
        return 0
    return next((at for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b), 0)
