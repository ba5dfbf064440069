"""What all market panels share: header, badges, pulling by version, words for a screen reader. No market drawing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QIcon, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.core.clock import NS_PER_S, Clock, SystemClock
from app.core.freshness import Freshness
from app.core.trading_rule import TradingRule
from app.ui import format as show
from app.ui import theme as look
from app.ui.format import Display
from app.ui.market_view import MarketView
from app.ui.panels.painted_stale import NO_MARKET, badge_colour, freshness_of, is_trusted, paint_badge_mark
from app.ui.theme import mix

_REASON = Qt.FocusReason


class Badge(QWidget):
    """A small pill with a mark and words. It takes no focus and no room while it has no words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ""
        self._state = ""
        self._brief = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def words(self) -> str:
        return self._words

    def set_brief(self, brief: bool) -> None:
        """Where room is short the live badge is a mark without words; the others never lose theirs."""
        if brief != self._brief:
            self._brief = brief
            self.updateGeometry()
            self.update()

    @property
    def _only_mark(self) -> bool:
        return self._brief and self._state == "live" and not self._words.startswith("polled")

    def show_state(self, state: str, words: str) -> None:
        if (state, words) == (self._state, self._words):
            return
        longer = len(words) != len(self._words) or state != self._state
        self._state, self._words = state, words
        self.setAccessibleName(words)
        if longer:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = look.current()
        if not self._words:
            return QSize(0, theme.px(18))
        if self._only_mark:
            return QSize(theme.px(20), theme.px(18))
        wide = QFontMetricsF(theme.font(9, bold=True)).horizontalAdvance(self._words)
        return QSize(round(wide) + theme.px(12 if self._state == "paper" else 26), theme.px(18))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._words:
            return
        theme = look.current()
        paper = self._state == "paper"
        colour = theme.paper if paper else badge_colour(theme, self._state)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self._state != "live":
            painter.setPen(QPen(mix(colour, theme.panel, 0.7), 1))
            painter.setBrush(mix(colour, theme.panel, 0.13))
            painter.drawRoundedRect(box, theme.px(4), theme.px(4))
        if not paper:
            paint_badge_mark(painter, QPointF(theme.px(11), box.center().y()), theme.px(12), self._state, colour)
            box.setLeft(theme.px(17))
        if self._only_mark:
            return
        painter.setFont(theme.font(9, bold=self._state != "live"))
        painter.setPen(theme.secondary if self._state == "live" else colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._words)


class PanelHeader(QWidget):
    """Title and market at the left, the panel's own controls and the badges at the right."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._market = ""
        self._row = QHBoxLayout(self)
        self._row.addStretch(1)
        self._controls = 0
        self.paper = Badge(self)
        self.freshness = Badge(self)
        self._row.addWidget(self.paper)
        self._row.addWidget(self.freshness)
        self.restyle()

    def restyle(self) -> None:
        theme = look.current()
        self._row.setContentsMargins(theme.px(8), 0, theme.px(6), 1)
        self._row.setSpacing(theme.px(4))
        self.setFixedHeight(theme.px(28) + 1)

    def add(self, control: QWidget) -> None:
        """Controls stand left of the badges, in the order they are added."""
        self._row.insertWidget(1 + self._controls, control)
        self._controls += 1

    def add_first(self, control: QWidget) -> None:
        """Left of all other controls."""
        self._row.insertWidget(1, control)
        self._controls += 1

    def forget(self, control: QWidget) -> None:
        """The control goes; others may follow at its place."""
        self._row.removeWidget(control)
        self._controls -= 1

    def set_title(self, title: str) -> None:
        self._title = title
        self.update()

    def show_market(self, words: str) -> None:
        if words != self._market:
            self._market = words
            self.update()

    def event(self, event: QEvent) -> bool:
        # Title and market end where the controls begin, so they are painted anew when those move.
        if event.type() == QEvent.Type.LayoutRequest:
            self.update()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        narrow = self.width() < look.current().px(400)
        self.freshness.set_brief(narrow)
        # The window and the order form say it too; here the title is worth more.
        self.paper.setVisible(not narrow)

    def minimumSizeHint(self) -> QSize:
        return QSize(look.current().px(60) + self._row.minimumSize().width(), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = look.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.panel)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.hairline)
        right = min((c.x() for c in self.children() if isinstance(c, QWidget) and c.isVisible()), default=self.width())
        left, high = theme.px(10), self.height() - 1
        for text, font, colour in (
            (self._title, theme.font(9.5, bold=True), theme.text),
            (self._market, theme.font(9.5), theme.secondary),
        ):
            if not text:
                continue
            room = right - left - theme.px(4)
            if room < theme.px(24):
                break
            metrics = QFontMetricsF(font)
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.setFont(font)
            painter.setPen(colour)
            painter.drawText(QRectF(left, 0, room, high), Qt.AlignmentFlag.AlignVCenter, text)
            left += round(metrics.horizontalAdvance(text)) + theme.px(8)


def header_button(text: str, name: str, tip: str, icon: str = "") -> QToolButton:
    """A flat button for a header row; `name` is what a screen reader says."""
    button = QToolButton()
    button.setText(text)
    button.setProperty("drawing", icon)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAutoRaise(True)
    dress_button(button)
    return button


def dress_button(button: QToolButton) -> None:
    theme = look.current()
    if drawing := button.property("drawing"):
        button.setIcon(look.icon(drawing, theme.secondary))
        button.setIconSize(QSize(theme.px(16), theme.px(16)))
    else:
        button.setIcon(QIcon())


class Canvas(QWidget):
    """The painted part of a panel: opaque, focusable, with a visible ring."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def paint_focus(self, painter: QPainter) -> None:
        paint_focus_ring(painter, self)


def paint_focus_ring(painter: QPainter, widget: QWidget) -> None:
    # Only for the keyboard user's sake; a click does not need to be told where it was.
    if widget.hasFocus() and widget.property("by_keyboard"):
        theme = look.current()
        line, wide, high = max(2, theme.px(2)), widget.width(), widget.height()
        for x, y, w, h in (
            (0, 0, wide, line),
            (0, high - line, wide, line),
            (0, 0, line, high),
            (wide - line, 0, line, high),
        ):
            painter.fillRect(x, y, w, h, theme.focus)


class MarketPanel(QWidget):
    """A view of one market that looks at its data when the frame clock says so.

    Subclasses set `self.body`, and write `_pull` (take what changed, schedule painting), `_forget` (the market changed)
    and `_words` (one line for a screen reader).
    """

    price_clicked = Signal(str)
    """Plain decimal price the user picked."""
    frame_requested = Signal(int)
    """Number of the message the user wants to see."""

    leisurely = False
    """Whether the frame clock may let this panel take turns with others (`FrameClock`)."""

    body: QWidget

    def __init__(self, title: str, clock: Clock | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.clock = clock or SystemClock()
        self.view: MarketView | None = None
        self.display = Display()
        self.fresh: Freshness = NO_MARKET
        self._rule: TradingRule | None = None
        self._told_ns: int | None = None
        self.header = PanelHeader(title, self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.header)

    def _name(self, name: str) -> None:
        self.setAccessibleName(name)
        self.body.setAccessibleName(name)
        if isinstance(self.body, QAbstractScrollArea):
            self.body.viewport().setAccessibleName(name)

    def set_body(self, body: QWidget) -> None:
        self.body = body
        self._column.addWidget(body, 1)
        self.setFocusProxy(body)
        body.installEventFilter(self)
        self._name(self.title)

    def set_market(self, view: MarketView | None) -> None:
        """Show another market, or none. What was shown of the one before is gone at once."""
        self.view = view
        self.fresh = freshness_of(view) if view else NO_MARKET
        self._told_ns = None
        where = f"{show.clean(view.pair, 24)} · {show.clean(view.exchange, 24)}" if view else ""
        self.header.show_market(where)
        name = f"{self.title} {view.pair} on {view.exchange}" if view else f"{self.title}, no market"
        self._name(show.clean(name))
        self._rule = view.rule if view else None
        self._show_badges()
        self._forget()
        self.refresh()
        self.body.update()

    def set_display(self, display: Display) -> None:
        self.display = display
        self._forget()
        self.refresh()
        self.body.update()

    @property
    def trusted(self) -> bool:
        return is_trusted(self.fresh)

    def refresh(self) -> None:
        """Called by the frame clock; costs a few comparisons when nothing changed."""
        view = self.view
        if view is None:
            return
        if view.rule is not self._rule and view.rule != self._rule:
            # Decimals and steps follow the rule, which may come after the first prices.
            self._rule = view.rule
            self._forget()
        fresh = freshness_of(view)
        if fresh != self.fresh:
            looks_alike = (fresh.state, fresh.words) == (self.fresh.state, self.fresh.words)
            self.fresh = fresh
            if not looks_alike:
                self._show_badges()
                self.update_body()
        self._pull(view)
        now = self.clock.mono_ns()
        if self._told_ns is None or now - self._told_ns >= NS_PER_S:
            self._tell(now)

    def update_body(self) -> None:
        self.body.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.restyle()

    def restyle(self) -> None:
        """The theme changed: sizes and colours are taken anew."""
        if hasattr(self, "header"):
            self.header.restyle()
            for button in self.header.findChildren(QToolButton):
                dress_button(button)
        if hasattr(self, "body"):
            self.update_body()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.gotFocus() and watched is self.body:
            if event.reason() not in (_REASON.ActiveWindowFocusReason, _REASON.PopupFocusReason):
                self.body.setProperty("by_keyboard", event.reason() is not _REASON.MouseFocusReason)
            self.update_body()
        elif event.type() == QEvent.Type.FocusOut and watched is self.body:
            self.update_body()
        return False

    def _show_badges(self) -> None:
        view = self.view
        self.header.paper.show_state("paper", view.kind if view is not None and view.paper else "")
        self.header.freshness.show_state(self.fresh.state, show.clean(self.fresh.words, 32) if view else "")

    def _tell(self, now: int) -> None:
        words = self._words()
        if not self.trusted:
            words = f"{self.fresh.words}: {words}"
        words = show.clean(words)
        self._told_ns = now
        if words != self.body.accessibleDescription():
            self.body.setAccessibleDescription(words)
            self.setAccessibleDescription(words)

    def _pull(self, view: MarketView) -> None:
        raise NotImplementedError

    def _forget(self) -> None:
        raise NotImplementedError

    def _words(self) -> str:
        raise NotImplementedError
