"""The strip above the panels: which market, its price now, and whether money is at stake. Sends nothing."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.core.key_standing import Mark
from app.core.types import Ticker
from app.ui import format as show
from app.ui import theme as look
from app.ui.desk import ExchangeView
from app.ui.panels.open_orders_frame import ToneLabel


class TopBar(QFrame):
    """Market button, last price, 24 hours, PAPER or LIVE, and the buttons given to it."""

    search_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("top-bar")
        self.setProperty("role", "top-bar")
        self._seen: tuple[object, ...] = ()
        self._market = QToolButton(self)
        self._market.setText("Choose a market")
        self._market.setAccessibleName("Market: choose another (Ctrl+K)")
        self._market.setToolTip("Choose a market (Ctrl+K)")
        self._market.setFont(look.current().font(12, bold=True))
        self._market.setObjectName("market-button")
        self._market.clicked.connect(self.search_asked)
        self._exchange = self._label("Exchange")
        self.badge = self._label("Market state")
        self.badge.hide()
        self._last = self._label("Last price")
        self._last.setFont(look.current().digits(14, bold=True))
        self._change = self._label("Change in 24 hours")
        self._figures = {name: _Figure(name, self) for name in ("24h high", "24h low", "24h volume")}
        self._kind = QLabel(self)
        self._kind.setTextFormat(Qt.TextFormat.PlainText)
        self._kind.setAccessibleName("Paper or live")
        self._kind.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 4)
        row.setSpacing(14)
        for widget in (self._market, self.badge, self._exchange, self._last, self._change, *self._figures.values()):
            row.addWidget(widget)
        row.addStretch(1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(4)
        row.addLayout(self._buttons)
        self._marks = QHBoxLayout()
        self._marks.setSpacing(4)
        self._marked: tuple[Mark, ...] = ()
        row.addLayout(self._marks)
        row.addWidget(self._kind)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add_button(self, button: QToolButton) -> None:
        self._buttons.addWidget(button)

    def set_compact(self, compact: bool) -> None:
        """On a narrow window the 24 hour figures give way."""
        for name, figure in self._figures.items():
            figure.setVisible(not compact or name == "24h volume")

    def restyle(self) -> None:
        """The theme changed: icons and colours are taken anew."""
        self._seen = ()
        for button in self.findChildren(QToolButton):
            name = button.property("icon_name")
            if name:
                button.setIcon(look.icon(name))

    def show_market(self, exchange: ExchangeView, pair: str) -> None:
        """Called by the frame clock; does nothing while nothing changed."""
        ticker = exchange.tickers.get(pair)
        rule = exchange.trading_rules.get(pair)
        last = exchange.tape(pair).last
        state = exchange.freshness(pair).state
        badge = rule.status_words if rule is not None else ""
        seen = (exchange.key, pair, exchange.tickers_version, last, state, rule is None, badge, id(look.current()))
        seen += (exchange.kind, exchange.marks)
        if seen == self._seen:
            return
        self._seen = seen
        theme = look.current()
        self._market.setText(f"{pair}  ▾")
        self._exchange.setText(exchange.title)
        self.badge.setText(badge)
        self.badge.setVisible(bool(badge))
        _dress(
            self.badge,
            f"color: {theme.warning.name()}; border: 1px solid {theme.warning.name()}; border-radius: 4px;"
            f"padding: 2px 8px; font-weight: 600;",
        )
        price = Decimal(last.price) if last is not None else ticker.last if ticker is not None else None
        places = show.decimals_of(rule.min_price_increment) if rule is not None else 8
        self._last.setText(show.DASH if not price else show.rounded(price, places))
        colour = theme.text if state == "live" else theme.stale
        struck = "" if state == "live" else "text-decoration: line-through;"
        _dress(self._last, f"color: {colour.name()};{struck}")
        self._show_ticker(ticker, places)
        self._show_marks(tuple(exchange.marks))
        self._kind.setText(exchange.kind)
        back = getattr(theme, exchange.kind.lower())
        _dress(
            self._kind,
            f"background: {back.name()}; color: {theme.on_side.name()}; border-radius: 4px;"
            f"padding: 3px 12px; font-weight: 700; letter-spacing: 1px;",
        )

    def marks(self) -> list[str]:
        """Words of warning about the account's key, as shown."""
        return [mark.word for mark in self._marked]

    def _show_marks(self, marks: tuple[Mark, ...]) -> None:
        if marks == self._marked:
            return
        self._marked = marks
        while item := self._marks.takeAt(0):
            item.widget().deleteLater()
        for mark in marks:
            label = ToneLabel(mark.word, mark.tone.value, badge=True)
            label.setAccessibleName(f"{mark.word}: {mark.tip}")
            label.setToolTip(mark.tip)
            self._marks.addWidget(label, 0, Qt.AlignmentFlag.AlignVCenter)

    def _show_ticker(self, ticker: Ticker | None, places: int) -> None:
        theme = look.current()
        change = ticker.change if ticker is not None else None
        if change is None:
            self._change.setText("")
        else:
            arrow = "▲" if change > 0 else "▼" if change < 0 else ""
            self._change.setText(f"{arrow} {show.percent(change)}".strip())
            _dress(self._change, f"color: {theme.side(change >= 0).name()};")
        values = (None, None, None) if ticker is None else (ticker.high, ticker.low, ticker.quote_volume)
        for (name, figure), value in zip(self._figures.items(), values, strict=True):
            volume = name == "24h volume"
            if value is None:
                figure.say(show.DASH)
            else:
                figure.say(show.compact(value) if volume else show.rounded(value, places))
        quote = ticker.pair.partition("-")[2] if ticker is not None else ""
        self._figures["24h volume"].setToolTip(f"Volume of the last 24 hours in {quote}")

    def _label(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAccessibleName(name)
        return label


def _dress(widget: QWidget, style: str) -> None:
    """Setting a style costs half a millisecond, also when it is the same."""
    if widget.styleSheet() != style:
        widget.setStyleSheet(style)


class _Figure(QWidget):
    """A small caption above a number."""

    def __init__(self, caption: str, parent: QWidget) -> None:
        super().__init__(parent)
        theme = look.current()
        title = QLabel(caption, self)
        title.setProperty("role", "secondary")
        title.setFont(theme.font(8))
        self._value = QLabel(show.DASH, self)
        self._value.setTextFormat(Qt.TextFormat.PlainText)
        self._value.setFont(theme.digits(9))
        self._value.setAccessibleName(caption)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(title)
        column.addWidget(self._value)

    def say(self, text: str) -> None:
        self._value.setText(text)
