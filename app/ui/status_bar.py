"""The line at the foot of a window: connections, load, clock, limits, and whether real money can move. No actions."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLayout, QToolButton, QWidget

from app.core.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from app.core.links import LinkStatus
from app.process_memory import resident_bytes
from app.ui import format as words
from app.ui import theme
from app.ui.desk import Desk, ExchangeView
from app.ui.models.connections_figures import (
    Health,
    RateMeter,
    ban_words,
    milliseconds,
    offset_words,
    state_words,
    worst,
)
from app.ui.models.connections_table import health_colour, health_icon
from app.ui.panels.inspector_bar import plain_label, set_role

_TICK_NS = 240_000_000
_SKEW_WARNING_MS = 500
_SKEW_ERROR_MS = 1_000
_LAG_WORDS_S = 0.25
_ROOMY = 1500
_NARROW = 1100


class StatusBar(QWidget):
    """`refresh` may be called at any rate and acts at most four times a second.

    Frame times, recording and arming are told by their owners through the setters.
    """

    connections_requested = Signal(str)
    """Key of the exchange whose dot was pressed."""
    stream_requested = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._clock = clock or SystemClock()
        self._meter = RateMeter()
        self._ticked_ns = 0
        self._dots: dict[str, QToolButton] = {}
        self._arming = ("", False)
        look = theme.current()
        self.setFixedHeight(look.px(24))
        self.setAccessibleName("Status")

        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(look.px(6), 0, look.px(8), 0)
        self._row.setSpacing(look.px(4))
        # The words of a wide window must not keep it from becoming narrow.
        self._row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        self._exchanges = QHBoxLayout()
        self._exchanges.setSpacing(0)
        self._row.addLayout(self._exchanges)
        self.nothing = plain_label("No exchange open", "secondary")
        self._row.addWidget(self.nothing)
        self._row.addStretch(1)
        self.load = _cell("Messages per second in")
        self.memory = _cell("Messages kept and dropped, and memory of this program")
        self.frames = _cell("Time per screen frame and frames per second")
        self.skew = _cell("Offset of the exchange's clock")
        self.limits = _cell("Request limit in use")
        self.time = _cell("Time, UTC")
        self.serving = _cell("The plug-in service of this program")
        self.recording = _cell("Recording")
        self.mode = _cell("Paper or live accounts")
        self.armed = _cell("Whether orders can be sent with one click")
        cells = (self.load, self.memory, self.frames, self.skew, self.limits, self.time)
        for cell in (*cells, self.serving, self.recording, self.mode, self.armed):
            self._row.addWidget(cell)
        for cell in (self.serving, self.recording, self.mode, self.armed):
            cell.hide()
        self.refresh(now=True)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, theme.current().px(24))

    # -- told by others ------------------------------------------------------------------------------------------------

    def set_frame_stats(self, text: str) -> None:
        """Words of the frame clock, such as "3.9 ms 30 Hz"; slowed ones are shown in the warning colour."""
        _show(self.frames, text, "warning" if "slowed" in text else "secondary")

    def set_recording(self, text: str) -> None:
        """What is being recorded; empty when nothing is."""
        _show(self.recording, f"● REC {text}" if text else "", "error")

    def set_serving(self, text: str) -> None:
        """Where the plug-in service listens and whether its client may trade; empty while it is off."""
        _show(self.serving, f"⇄ {text}" if text else "", "warning")

    def set_armed(self, text: str, armed: bool = False) -> None:
        """SAFE or ARMED, with what belongs to it; armed is framed so that it cannot be overlooked."""
        self._arming = (text, armed)
        _show(self.armed, text, "")
        look = theme.current()
        ink, rim = (look.error, look.error) if armed else (look.secondary, look.hairline)
        style = (
            f"QLabel {{ color: {ink.name()}; border: 1px solid {rim.name()}; border-radius: 3px; font-weight: 600; }}"
        )
        if self.armed.styleSheet() != style:
            self.armed.setStyleSheet(style)

    # -- read from the desk --------------------------------------------------------------------------------------------

    def refresh(self, *, now: bool = False) -> None:
        at = self._clock.mono_ns()
        if not now and at - self._ticked_ns < _TICK_NS:
            return
        self._ticked_ns = at
        exchanges = list(self._desk.exchanges.values())
        roomy = self.width() >= theme.current().px(_ROOMY)
        self._show_exchanges(exchanges, at, roomy)
        self._show_log(at, roomy)
        self._show_skew(exchanges, roomy)
        self._show_limits(exchanges, roomy)
        clock = words.time(self._clock.wall_ns() // NS_PER_MS, milliseconds=False)
        _show(self.time, f"{clock} UTC")
        self._show_mode(exchanges)

    def _show_exchanges(self, exchanges: list[ExchangeView], at: int, roomy: bool) -> None:
        keys = [exchange.key for exchange in exchanges]
        if keys != list(self._dots):
            while item := self._exchanges.takeAt(0):
                gone = item.widget()
                gone.setParent(None)
                gone.deleteLater()
            self._dots = {key: self._dot(key) for key in keys}
            self.nothing.setVisible(not keys)
        crowded = len(exchanges) > (5 if roomy else 3)
        for exchange in exchanges:
            dot = self._dots[exchange.key]
            links = list(exchange.links)
            health = worst(links)
            trips = [link.round_trip_ms for link in links if link.round_trip_ms is not None]
            title = words.clean(exchange.title, 24)
            name = title[:3] if crowded and not roomy else title
            trip = milliseconds(max(trips)) if trips else ""
            lag_s = self._desk.loop_lag_s
            text = f"{name} lag {lag_s:.1f} s" if lag_s > _LAG_WORDS_S else f"{name} {trip}".strip()
            if links and health is not Health.GOOD:
                text = f"{name} {_trouble(links, at)}"
            if exchange.banned_until_ns:
                # A ban concerns every request, whatever still flows over connections that are open.
                health = Health.BAD
                left_s = max(0, -(-(exchange.banned_until_ns - self._clock.wall_ns()) // NS_PER_S))
                text = f"{name} {ban_words(exchange.banned_until_ns, left_s)}"
            issuers = tuple(link.issuer for link in links)
            if dot.text() != text or dot.property("health") != int(health) or dot.property("issuers") != issuers:
                dot.setText(text)
                dot.setIcon(health_icon(health))
                dot.setProperty("health", int(health))
                dot.setProperty("issuers", issuers)
                dot.setStyleSheet(_dot_style(health))
                told = "; ".join(_link_words(link, at) for link in links)
                if exchange.via:
                    told = f"{told}; requests and streams {exchange.via}"
                dot.setToolTip(told)
                dot.setAccessibleName(f"{title}: {health.name.lower()}. {told}")

    def _dot(self, key: str) -> QToolButton:
        dot = QToolButton()
        dot.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        dot.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        dot.setIconSize(QSize(14, 14))
        dot.setProperty("exchange", key)
        dot.clicked.connect(self._pressed)
        self._exchanges.addWidget(dot)
        return dot

    def _pressed(self) -> None:
        self.connections_requested.emit(self.sender().property("exchange"))

    def _show_log(self, at: int, roomy: bool) -> None:
        log = self._desk.log
        rate = self._meter.take("in", at, log.received).messages
        unit = " msg/s in" if roomy else "/s"
        _show(self.load, f"{rate:,.0f}{unit}" if roomy or rate < 1000 else f"{words.compact(rate)}{unit}")
        kept = f"{len(log):,} kept" if roomy else f"{words.compact(len(log))} kept"
        lost = f", {log.dropped if roomy else words.compact(log.dropped)} dropped" if log.dropped else ""
        _show(self.memory, f"{kept}{lost} · {resident_bytes() / 1e6:,.0f} MB")
        # On narrow windows the connections need the room more.
        narrow = self.width() < theme.current().px(_NARROW)
        self.memory.setVisible(not narrow)
        self.frames.setVisible(not narrow and bool(self.frames.text()))

    def _show_skew(self, exchanges: list[ExchangeView], roomy: bool) -> None:
        known = [exchange for exchange in exchanges if exchange.clock_offset_ms is not None]
        if not known:
            _show(self.skew, "clock –" if exchanges else "")
            return
        far = max(known, key=lambda exchange: abs(exchange.clock_offset_ms or 0.0))
        size = abs(far.clock_offset_ms or 0.0)
        role = "error" if size > _SKEW_ERROR_MS else "warning" if size > _SKEW_WARNING_MS else "secondary"
        offsets = [exchange.clock_offset_ms or 0.0 for exchange in known]
        if max(offsets) - min(offsets) < _SKEW_WARNING_MS < size:
            self._show_wrong_clock(known, far, role)
            return
        offset = offset_words(far.clock_offset_ms, far.clock_bound_ms if roomy else None)
        _show(self.skew, f"clock {offset}" if roomy or role != "secondary" else offset, role)
        self.skew.setToolTip(f"Clock of {far.key} against this computer's: {offset}")

    def _show_wrong_clock(self, exchanges: list[ExchangeView], far: ExchangeView, role: str) -> None:
        """All exchanges agree that it is this computer's."""
        offset_ms = far.clock_offset_ms or 0.0
        way = "behind" if offset_ms > 0 else "ahead"
        _show(self.skew, f"PC clock is {abs(offset_ms) / 1e3:.1f} s {way}", role)
        told = "; ".join(f"{one.key} {offset_words(one.clock_offset_ms, one.clock_bound_ms)}" for one in exchanges)
        self.skew.setToolTip(f"Against the exchanges' clocks: {told}. Requests are signed with the exchange's time.")

    def _show_limits(self, exchanges: list[ExchangeView], roomy: bool) -> None:
        shares = [
            (share, name, exchange.key) for exchange in exchanges for name, share in exchange.rate_usage().items()
        ]
        if not shares:
            _show(self.limits, "")
            return
        share, name, key = max(shares)
        role = "error" if share >= 0.9 else "warning" if share >= 0.7 else "secondary"
        _show(self.limits, f"limit {share:.0%}", role)
        self.limits.setToolTip(f"Request budget most in use: {key}, {name}")

    def _show_mode(self, exchanges: list[ExchangeView]) -> None:
        accounts = [exchange for exchange in exchanges if exchange.has_account]
        kinds = {exchange.kind for exchange in accounts}
        live = bool(kinds - {"PAPER"})
        text = " + ".join(word for word in ("LIVE", "LAB", "PAPER") if word in kinds)
        look = theme.current()
        _show(self.mode, text)
        style = f"QLabel {{ color: {(look.warning if live else look.paper).name()}; font-weight: 600; }}"
        if self.mode.styleSheet() != style:
            self.mode.setStyleSheet(style)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.stream_requested.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh(now=True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            for dot in self._dots.values():
                dot.setProperty("health", None)
            self.set_armed(*self._arming)
            self.refresh(now=True)


def _trouble(links: list[LinkStatus], at: int) -> str:
    bad = max(links, key=lambda link: worst([link]))
    return state_words(bad, at)


def _link_words(link: LinkStatus, at: int) -> str:
    vouched = f", certificate by {words.clean(link.issuer, 60)}" if link.issuer else ""
    return f"{link.name} {state_words(link, at)}{vouched}"


def _dot_style(health: Health) -> str:
    ink = theme.current().secondary if health is Health.GOOD else health_colour(health)
    return f"QToolButton {{ color: {ink.name()}; padding: 0 3px; }}"


def _cell(name: str) -> QLabel:
    cell = plain_label("", "secondary")
    cell.setAccessibleName(name)
    cell.setToolTip(name)
    cell.setFont(theme.current().digits(9))
    cell.setContentsMargins(6, 0, 6, 0)
    return cell


def _show(cell: QLabel, text: str, role: str = "secondary") -> None:
    if cell.text() != text:
        cell.setText(text)
        cell.setVisible(bool(text))
    set_role(cell, role)
