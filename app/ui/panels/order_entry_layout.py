"""The order form's widgets and how they are dressed: 280 px wide. When low, the fields scroll above the button.

No order is made here.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.gate import Gate, GateState
from app.ui import theme
from app.ui.format import clean
from app.ui.panels.open_orders_frame import ElidedLabel, EmptyState, Line, PanelHeader, PlainLabel, ToneLabel
from app.ui.panels.order_entry_fields import FieldRow
from app.ui.panels.order_entry_preview import Preview


class OrderEntryLayout(QWidget):
    """Fields from top to bottom: side, type, price, stop, amount, share of balance, total, preview, button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.setAccessibleName("Order entry")
        self.header = PanelHeader("Order")
        self.market_label = ElidedLabel(role="secondary")
        self.header.row.addWidget(self.market_label, 1)
        self.badge = ToneLabel("", "paper", badge=True)
        self.header.add(self.badge)
        self.body = QWidget()
        column = QVBoxLayout(self.body)
        column.setContentsMargins(now.px(10), now.px(8), now.px(10), now.px(6))
        column.setSpacing(now.px(6))
        column.addLayout(self._build_side(now))
        column.addLayout(self._build_type(now))
        self.price = FieldRow("Price", "Price")
        self.follow = QToolButton()
        self.follow.setText("Follow")
        self.follow.setCheckable(True)
        self.follow.setAccessibleName("Let the price follow the best price of this side")
        self.follow.setToolTip("Off: the price stays as typed.\nOn: it follows the best bid (buy) or ask (sell).")
        self.follow.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.price.unit.hide()
        self.price.side.addWidget(self.follow)
        self.stop = FieldRow("Stop", "Stop price")
        self.amount = FieldRow("Amount", "Amount")
        self.total = FieldRow("Total", "Total")
        self.rows = {"price": self.price, "stop": self.stop, "amount": self.amount, "total": self.total}
        column.addWidget(self.price)
        column.addWidget(self.stop)
        column.addWidget(self.amount)
        column.addLayout(self._build_shares(now))
        column.addWidget(self.total)
        self.general = ToneLabel("", "error")
        self.general.setWordWrap(True)
        self.general.hide()
        column.addWidget(self.general)
        column.addWidget(self._build_preview(now))
        self.area = _Fields(self.body)
        self.foot = self._build_foot(now)
        self.empty = EmptyState()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.header)
        outer.addWidget(Line())
        outer.addWidget(self.area)
        outer.addWidget(self.foot)
        outer.addWidget(self.empty, 1)
        outer.addStretch()

    def sizeHint(self) -> QSize:
        now = theme.current()
        return QSize(now.px(280), now.px(480))

    def minimumSizeHint(self) -> QSize:
        now = theme.current()
        return QSize(now.px(240), now.px(260))

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show_account(self, title: str, pair: str, kind: str) -> None:
        self.market_label.say(clean(f"{pair}  {title}".strip(), 60))
        self.badge.setVisible(bool(kind))
        if kind:
            self.badge.say(kind)
            self.badge.tone(kind.lower())

    def show_units(self, base: str, quote: str) -> None:
        """What the numbers of the fields and of the preview are counted in."""
        for row, unit in ((self.price, quote), (self.stop, quote), (self.amount, base), (self.total, quote)):
            row.unit.say(unit)
        self.preview_names["quote_after"].say(quote)
        self.preview_names["base_after"].say(base)

    def show_missing(self, words: str) -> None:
        """Why there is no form; empty words bring it back."""
        self.area.setVisible(not words)
        self.foot.setVisible(not words)
        self.empty.setVisible(bool(words))
        self.empty.say(words)

    def show_side(self, side: str) -> None:
        """The form takes the colour of its side."""
        if self.submit.property("role") != side:
            self.submit.setProperty("role", side)
            self.submit.style().unpolish(self.submit)
            self.submit.style().polish(self.submit)
        self._dress_sides()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "fate"):
            self._dress_sides()

    def _dress_sides(self) -> None:
        """Tinted, not filled: the only filled button is the one that goes on to send."""
        now = theme.current()
        for button, colour in ((self.buy, now.buy), (self.sell, now.sell)):
            ink = colour.name()
            back = theme.mix(colour, now.panel, 0.16).name()
            style = (
                f"QPushButton {{ color: {now.secondary.name()}; font-weight: 600; background: transparent;"
                f" border-color: {now.hairline.name()}; }}"
                f" QPushButton:hover {{ color: {ink}; }}"
                f" QPushButton:checked {{ color: {ink}; background: {back}; border-color: {ink}; }}"
            )
            if style != button.styleSheet():
                button.setStyleSheet(style)

    def show_told(self, told: Preview | None) -> None:
        """The preview lines; dashes while the order is not complete."""
        for name, label in self.preview.items():
            nothing = "" if name == "fee_source" else "–"
            label.say((getattr(told, name) or nothing) if told is not None else nothing)
        rounding = told.rounding if told is not None else ""
        self.rounding.say(f"Rounded: {rounding}" if rounding else "")
        self.rounding.setVisible(bool(rounding))
        fills = told.fills_at if told is not None else ""
        self.fills_at.say(f"Fills at {fills}" if fills else "")
        self.fills_at.setVisible(bool(fills))

    def show_general(self, words: str) -> None:
        self.general.say(words)
        self.general.setVisible(bool(words))

    def show_gate(self, gate: Gate) -> None:
        words = ""
        if gate.state is GateState.BLOCKED:
            words = f"Blocked: {clean(gate.reason)}"
            if gate.unknown:
                words += ". The button shows what can be done"
        elif gate.state is GateState.CONFIRM:
            words = f"Will ask: {clean(gate.reason)}"
        self.gate_words.tone("error" if gate.state is GateState.BLOCKED else "warning")
        self.gate_words.say(words)
        self.gate_words.setVisible(bool(words))

    def show_fate(self, words: str, tone: str, tip: str = "") -> None:
        """What became of the order sent last."""
        self.fate.tone(tone)
        self.fate.say(words)
        self.fate.setToolTip(tip)

    def offer_again(self, on: bool) -> None:
        """Whether the order sent last may be placed once more, as a new one. It takes the place of the dry run."""
        self.again.setVisible(on)
        self.dry.setVisible(not on)

    def show_following(self, on: bool, side: str, live: bool) -> None:
        """Whether the price moves by itself is said on the button and below the price."""
        words = ("Following" if live else "Waiting") if on else "Follow"
        if self.follow.text() != words:
            self.follow.setText(words)
        note = f"follows the best {side}" if live else "the book is not live: price not moved"
        self.following_note = note if on else ""

    following_note = ""

    # -- building ------------------------------------------------------------------------------------------------------

    def _build_side(self, now: theme.Theme) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(now.px(6))
        self.buy = QPushButton("Buy")
        self.sell = QPushButton("Sell")
        group = QButtonGroup(self)
        for button in (self.buy, self.sell):
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setAccessibleName(f"Side: {button.text()}")
            group.addButton(button)
            row.addWidget(button, 1)
        self.buy.setChecked(True)
        return row

    def _build_type(self, now: theme.Theme) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(now.px(6))
        self.type = QComboBox()
        self.type.setAccessibleName("Order type")
        self.times = QComboBox()
        self.times.setAccessibleName("Time in force")
        self.times.setToolTip("GTC rests until cancelled, IOC takes what is there, FOK takes all or nothing")
        row.addWidget(self.type, 3)
        row.addWidget(self.times, 2)
        return row

    def _build_shares(self, now: theme.Theme) -> QVBoxLayout:
        self.shares: dict[int, QToolButton] = {}
        buttons = QHBoxLayout()
        buttons.setSpacing(now.px(3))
        for percent in (25, 50, 75, 100):
            button = QToolButton()
            button.setText(f"{percent}%")
            button.setAccessibleName(f"Use {percent} percent of the free balance")
            button.setToolTip(
                "All of the free balance less what the fee may take, rounded down"
                if percent == 100
                else f"{percent}% of the free balance, rounded down"
            )
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.shares[percent] = button
            buttons.addWidget(button, 1)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setMinimumHeight(now.px(24))
        self.slider.setAccessibleName("Share of the free balance in percent")
        column = QVBoxLayout()
        column.setSpacing(0)
        column.setContentsMargins(now.px(58), 0, 0, 0)
        column.addWidget(self.slider)
        column.addLayout(buttons)
        return column

    def _build_preview(self, now: theme.Theme) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        grid = QGridLayout(card)
        grid.setContentsMargins(now.px(9), now.px(6), now.px(9), now.px(6))
        grid.setHorizontalSpacing(now.px(8))
        grid.setVerticalSpacing(now.px(2))
        grid.setColumnStretch(1, 1)
        self.preview: dict[str, ElidedLabel] = {}
        self.preview_names: dict[str, PlainLabel] = {}
        for at, (name, words) in enumerate(
            (
                ("sends", "Sends"),
                ("value", "Value"),
                ("fee", "Fee"),
                ("fee_source", ""),
                ("quote_after", "Quote"),
                ("base_after", "Base"),
            )
        ):
            label = PlainLabel(words, "secondary")
            label.setFont(now.font(8.5))
            value = ElidedLabel("–")
            value.setFont(now.digits(8.5))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(label, at, 0)
            grid.addWidget(value, at, 1)
            self.preview[name] = value
            self.preview_names[name] = label
        self.rounding = ToneLabel("", "warning")
        self.fills_at = ToneLabel("", "secondary")
        for at, label in enumerate((self.rounding, self.fills_at), 6):
            label.setWordWrap(True)
            label.setFont(now.font(8.5))
            label.hide()
            grid.addWidget(label, at, 0, 1, 2)
        return card

    def _build_foot(self, now: theme.Theme) -> QWidget:
        """Never scrolled away: what may be sent, and what became of it."""
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(now.px(10), 0, now.px(10), now.px(8))
        column.setSpacing(now.px(6))
        self.gate_words = ToneLabel("", "warning")
        self.gate_words.setWordWrap(True)
        self.gate_words.hide()
        column.addWidget(self.gate_words)
        self.submit = QPushButton("Buy")
        self.submit.setProperty("role", "buy")
        self.submit.setAutoDefault(False)
        self.submit.setMinimumHeight(now.px(34))
        self.submit.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.dry = QPushButton("Dry run…")
        self.dry.setProperty("role", "flat")
        self.dry.setAutoDefault(False)
        self.dry.setAccessibleName("Dry run: show the request without sending it")
        self.dry.setToolTip("Shows the signed request exactly as it would leave; sends nothing")
        self.fate = ToneLabel("", "secondary")
        self.fate.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(now.px(6))
        row.addWidget(self.fate, 1)
        row.addWidget(self.dry, 0, Qt.AlignmentFlag.AlignTop)
        self.again = QPushButton("Place again…")
        self.again.setAutoDefault(False)
        self.again.setAccessibleName("Place that order again, as a new one: opens the confirmation")
        self.again.hide()
        column.addWidget(self.submit)
        row.addWidget(self.again, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        return foot


class _Fields(QScrollArea):
    """As high as its content when there is room, so that what stands below follows it closely."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(content)
        content.installEventFilter(self)

    def sizeHint(self) -> QSize:
        content = self.widget()
        hint = content.sizeHint()
        return QSize(hint.width(), max(hint.height(), content.heightForWidth(self.viewport().width())))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()
