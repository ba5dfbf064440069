"""The window: panels in docks, the market they show, and the paths between them. It sends nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from app.account_desk import AccountDesk
from app.certificate_desk import ISSUER_CHANGED
from app.config import Config
from app.core.clock import local_zone, process_age_s
from app.core.notices import Notice, NoticeLevel
from app.core.orders import OrderIntent
from app.core.types import Side
from app.replay_desk import ReplayDesk
from app.ui import actions
from app.ui import theme as look
from app.ui.accounts_control import AccountsControl
from app.ui.arming import ArmingControl
from app.ui.banner import Banner
from app.ui.dialogs.exchanges import ExchangesDialog
from app.ui.dialogs.issuer_changed import ask_about_issuer
from app.ui.docks import DockHost
from app.ui.format import Display, forget_times
from app.ui.frame_clock import FrameClock
from app.ui.kill_switch_chip import KillSwitchChip
from app.ui.live_market import LiveMarket
from app.ui.panels.balances import Balances
from app.ui.panels.bridge_lens import BridgeLens
from app.ui.panels.candle_chart import CandlePanel
from app.ui.panels.connections import Connections
from app.ui.panels.depth_chart import DepthPanel
from app.ui.panels.event_list import EventList, ToastStack
from app.ui.panels.fills import Fills
from app.ui.panels.ladder import LadderPanel
from app.ui.panels.market_grid import MarketGrid
from app.ui.panels.market_search import MarketSearch
from app.ui.panels.open_orders import OpenOrders
from app.ui.panels.order_entry import OrderEntry
from app.ui.panels.order_history import OrderHistory
from app.ui.panels.reconciliation import Reconciliation
from app.ui.panels.stream_inspector import StreamInspector
from app.ui.panels.trade_tape import TapePanel
from app.ui.panels.two_books import TwoBooks
from app.ui.panels.watch_list import WatchList
from app.ui.plugin_tools import PluginTools
from app.ui.replay_bar import ReplayBar
from app.ui.status_bar import StatusBar
from app.ui.top_bar import TopBar
from app.ui.window_memory import WindowMemory
from app.workspace import Workspace

_NARROW = 1500
_LAB_EDGE = 4
_TELL_FRAMES_EVERY = 60
_LOOK_AT_ZONE_EVERY = 30
_WATCHED_AT_FIRST = 6


class MainWindow(QMainWindow):
    """One window on a workspace. `closed` is emitted when the user closes it."""

    closed = Signal()

    def __init__(
        self, workspace: Workspace, config: Config, layout_file: Path, accounts: AccountDesk | None = None
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._market: tuple[str, str] | None = None
        self._first_book_s: float | None = None
        self._replay: ReplayDesk | None = None
        self._ticks = 0
        self._zone = local_zone()
        self.setObjectName("depthdesk")
        self.setWindowTitle("Depthdesk")
        self.setMinimumSize(1024, 720)
        screen = self.screen().availableGeometry()
        self.resize(min(1920, screen.width()), min(1080, screen.height()))
        self.frames = FrameClock(hz=config.ui.frame_rate, parent=self)
        self.docks = DockHost(self)
        self.memory = WindowMemory(self, layout_file)
        self._build_panels(Display(zone=None if config.ui.time_zone == "local" else UTC))
        self._build_frame()
        self.plugins = PluginTools(self)
        self._build_docks()
        self.accounts = AccountsControl(self, accounts or AccountDesk(workspace), config.accounts)
        self.menuWidget().layout().addWidget(self.accounts.bar)
        self.arming = ArmingControl(self, config.trading.safe_after_minutes)
        self.top.add_button(self.arming.chip)
        actions.install(self)
        self._connect()
        self._arranged = False
        self.memory.put_in_place()
        self.frames.add(_Pulse(self, self._refresh), active=True)
        self.frames.start()

    # -- building

    def _build_panels(self, display: Display) -> None:
        desk = self._workspace
        self.ladder = LadderPanel()
        self.depth = DepthPanel()
        self.tape = TapePanel()
        self.candles = CandlePanel()
        self.market_panels = (self.ladder, self.depth, self.tape, self.candles)
        for panel in self.market_panels:
            panel.set_display(display)
        self.entry = OrderEntry(desk, desk.clock)
        self.open_orders = OpenOrders(desk, desk.clock, display)
        self.history = OrderHistory(desk, display=display)
        self.fills = Fills(desk, display=display)
        self.account_tables = (self.open_orders, self.history, self.fills)
        self.balances = Balances(desk)
        self.watch = WatchList(desk)
        self.connections = Connections(desk)
        self.inspector = StreamInspector(desk)
        self.events = EventList(desk)
        self.two_books = TwoBooks(desk)
        self.reconciliation = Reconciliation(desk)
        self.bridge = BridgeLens(desk, display=display)
        self.grid = MarketGrid(desk, self.last_pair, display=display)
        self.frames.add(self.grid, active=True)
        for panel in self.market_panels:
            self.frames.add(panel, active=True)
        for panel in (
            self.entry,
            *self.account_tables,
            self.balances,
            self.watch,
            self.connections,
            self.inspector,
            self.events,
            self.two_books,
            self.reconciliation,
            self.bridge,
        ):
            self.frames.add(panel)

    def _build_frame(self) -> None:
        self.top = TopBar()
        self.replay_bar = ReplayBar()
        self.replay_bar.hide()
        asked = {ISSUER_CHANGED: ("Confirm…", lambda alarm: ask_about_issuer(self, self._workspace, alarm.source))}
        self.banner = Banner(self._workspace.notices, questions=asked)
        frame = QWidget()
        column = QVBoxLayout(frame)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.replay_bar)
        column.addWidget(self.banner)
        self.setMenuWidget(frame)
        self.kill_switch = KillSwitchChip(self._workspace)
        self.top.add_button(self.kill_switch)
        self.status = StatusBar(self._workspace)
        foot = self.statusBar()
        foot.setSizeGripEnabled(False)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addPermanentWidget(self.status, 1)
        self.search = MarketSearch(self._workspace, self)
        self.toasts = ToastStack(self, self._workspace.notices)
        for panel in (self.status, self.search):
            self.frames.add(panel)

    def _build_docks(self) -> None:
        for name, title, panel in (
            ("watch", "Watch list", self.watch),
            ("candles", "Chart", self.candles),
            ("depth", "Depth", self.depth),
            ("ladder", "Book", self.ladder),
            ("tape", "Trades", self.tape),
            ("entry", "Order entry", self.entry),
            ("balances", "Balances", self.balances),
            ("orders", "Open orders", self.open_orders),
            ("history", "Order history", self.history),
            ("fills", "Fills", self.fills),
            ("inspector", "Stream inspector", self.inspector),
            ("connections", "Connections", self.connections),
            ("events", "Events", self.events),
            ("two_books", "Two books", self.two_books),
            ("reconciliation", "Reconciliation", self.reconciliation),
            ("bridge", "Bridge lens", self.bridge),
            ("grid", "Six markets", self.grid),
        ):
            self.docks.add(name, title, panel)

    def _connect(self) -> None:
        self.top.search_asked.connect(self.search.show_palette)
        self.search.market_selected.connect(self.open_market)
        self.watch.market_selected.connect(self.open_market)
        self.watch.search_requested.connect(self.search.show_palette)
        for panel in self.market_panels:
            panel.price_clicked.connect(self.entry.fill_price)
        shows_frames: tuple[Any, ...] = (
            *self.market_panels,
            *self.account_tables,
            self.balances,
            self.entry,
            self.events,
            self.reconciliation,
            self.toasts,
            self.banner,
            self.bridge,
            self.grid,
        )
        for panel in shows_frames:
            panel.frame_requested.connect(self.show_frame)
        for panel in (self.open_orders, self.history):
            panel.form_requested.connect(self._fill_form)
        self.history.again_requested.connect(self._place_again)
        for panel in (*self.account_tables, self.balances):
            panel.account_requested.connect(self.accounts.connect_account)
        self.open_orders.entry_requested.connect(partial(self.focus_side, Side.BUY))
        self.kill_switch.clicked.connect(self.open_orders.show_kill_switch)
        self.open_orders.outcome_requested.connect(self.plugins.ask_outcome)
        self.bridge.plugin_requested.connect(self.plugins.connect_plugin)
        self.inspector.bridged = lambda: self.bridge.log.of_frame
        self.inspector.bridge_requested.connect(self.plugins.show_call)
        self.grid.market_selected.connect(self.open_market)
        self.grid.price_clicked.connect(self._fill_price_of)
        self.inspector.cell_requested.connect(self._show_cell)
        self.inspector.export_requested.connect(self._export_frames)
        self.status.connections_requested.connect(self._show_connections)
        self.status.stream_requested.connect(partial(self.docks.bring_up, "inspector"))
        self.frames.pace_changed.connect(self.status.set_frame_stats)
        self.docks.rearranged.connect(self.toasts.come_forward)
        self._deaf = self._workspace.notices.added.connect(self._show_trouble)

    def _show_trouble(self, notice: Notice) -> None:
        if notice.level is not NoticeLevel.INFO:
            self.frames.soon()

    # -- the market shown

    def open_market(self, exchange_key: str, pair: str) -> None:
        """Show this market in every panel."""
        exchange = self._workspace.exchanges.get(exchange_key)
        if exchange is None:
            return
        if not pair:
            pair = exchange.venue.spec.default_pair
        self._market = (exchange_key, pair)
        exchange.show(pair)
        view = LiveMarket(exchange, pair)
        for panel in self.market_panels:
            panel.set_market(view)
        self.entry.set_market(exchange_key, pair)
        for table in self.account_tables:
            table.set_market(exchange_key, pair)
        self.watch.set_current(exchange_key, pair)
        self.setWindowTitle(f"{pair} · {exchange.title} · {exchange.kind} · Depthdesk")
        self.setProperty("paper", exchange.paper)
        edge = look.current().px(_LAB_EDGE) if exchange.kind == "LAB" else 0
        self.setContentsMargins(edge, edge, edge, edge)
        self.memory.keep_pair(exchange_key, pair)

    def _leave_market(self) -> None:
        """The exchange shown was closed: show another, or nothing."""
        for key in self._workspace.exchanges:
            self.open_market(key, self.last_pair(key))
            return
        self._market = None
        for panel in self.market_panels:
            panel.set_market(None)
        self.setWindowTitle("Depthdesk")

    @property
    def market(self) -> tuple[str, str] | None:
        """Exchange key and pair now shown."""
        return self._market

    def last_pair(self, exchange_key: str) -> str:
        """The pair last shown of that exchange, or empty."""
        return self.memory.last_pair(exchange_key)

    def watch_first(self, exchange_key: str) -> None:
        """Fill an empty watch list with the exchange's largest markets."""
        exchange = self._workspace.exchanges[exchange_key]
        by_volume = sorted(exchange.tickers.values(), key=lambda ticker: ticker.quote_volume or 0, reverse=True)
        dollars = [t.pair for t in by_volume if t.pair.partition("-")[2] in exchange.venue.spec.quote_assets]
        for pair in dollars[:_WATCHED_AT_FIRST]:
            exchange.watch(pair)

    def show_exchanges(self) -> None:
        """The dialog that opens and closes exchanges."""
        dialog = ExchangesDialog(self._workspace, self, self.accounts, self.plugins)
        dialog.opened.connect(self._show_opened)
        dialog.open()

    def _show_opened(self, exchange_key: str) -> None:
        self.open_market(exchange_key, self.last_pair(exchange_key))

    # -- replay

    def set_replay(self, replay: ReplayDesk, set_speed: Callable[[float], None]) -> None:
        """Show what is played, and the controls for its speed."""
        self._replay = replay
        self.replay_bar.follow(replay, set_speed)
        self.replay_bar.show()
        self.docks["entry"].hide()

    # -- paths between panels

    def show_frame(self, seq: int) -> None:
        """Show a message in the stream inspector."""
        self.docks.bring_up("inspector")
        self.inspector.show_frame(seq)

    def _fill_price_of(self, exchange_key: str, pair: str, price: str) -> None:
        if self._market != (exchange_key, pair):
            self.open_market(exchange_key, pair)
        self.entry.fill_price(price)

    def _fill_form(self, exchange_key: str, terms: OrderIntent) -> None:
        self.open_market(exchange_key, terms.pair)
        self.entry.fill_from(exchange_key, terms)
        self.docks.bring_up("entry")

    def _place_again(self, exchange_key: str, terms: OrderIntent) -> None:
        self.open_market(exchange_key, terms.pair)
        self.docks.bring_up("entry")
        self.entry.place_again(exchange_key, terms)

    def focus_side(self, side: Side) -> None:
        self.docks.bring_up("entry")
        self.entry.focus_side(side)

    def _show_connections(self, _exchange_key: str) -> None:
        self.docks.bring_up("connections")

    def _show_cell(self, cell: Any) -> None:
        place = {"book": "ladder", "order": "orders", "fill": "fills", "balance": "balances"}
        self.docks.bring_up(place.get(getattr(cell, "kind", ""), "orders"))

    def _export_frames(self, which: str) -> None:
        actions.ask_path(self, "Export messages", "messages.jsonl", lambda path: self.inspector.export(path, which))

    # -- frames

    def _refresh(self) -> None:
        workspace = self._workspace
        self.banner.refresh()
        if self._ticks % _LOOK_AT_ZONE_EVERY == 0 and (zone := local_zone()) != self._zone:
            self._zone = zone
            self._show_times_anew()
        self._ticks += 1
        self._show_recording()
        if self._market is None:
            if self._replay is not None and workspace.exchanges:
                exchange = next(iter(workspace.exchanges.values()))
                if exchange.order_books:
                    self.open_market(exchange.key, next(iter(exchange.order_books)))
            return
        exchange = workspace.exchanges.get(self._market[0])
        if exchange is None:
            self._leave_market()
            return
        self.top.show_market(exchange, self._market[1])
        if self._ticks % _TELL_FRAMES_EVERY == 0:
            self.status.set_frame_stats(self.frames.words)
        if self._first_book_s is None:
            book = exchange.order_books.get(self._market[1])
            if book is not None and not book.stale:
                self._first_book_s = process_age_s()
        if exchange.tickers and len(exchange.order_books) == 1 and self._replay is None:
            self.watch_first(exchange.key)

    def _show_times_anew(self) -> None:
        """Another time zone, or summer time: nothing but the times shown changes."""
        forget_times()
        for panel in self.market_panels:
            panel.set_display(panel.display)
        for table in self.account_tables:
            table.model.forget_cells()
        self.balances.refresh()

    def _show_recording(self) -> None:
        recorder = self._workspace.recorder
        lost = f", {recorder.dropped:,} dropped" if recorder is not None and recorder.dropped else ""
        self.status.set_recording("" if recorder is None else f"{recorder.path.name}{lost}")

    def figures(self) -> dict[str, float | None]:
        """What `--summary` tells of the screen; ms and seconds."""
        stats = self.frames.stats()
        return {
            "frame_ms_p50": round(stats.frame_ms_p50, 3),
            "frame_ms_p99": round(stats.frame_ms_p99, 3),
            "loop_lag_ms_p99": round(stats.lateness_ms_p99, 3),
            "first_book_s": None if self._first_book_s is None else round(self._first_book_s, 3),
        }

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if edge := self.contentsMargins().left():
            painter = QPainter(self)
            painter.setPen(QPen(look.LAB_FRAME, edge, j=Qt.PenJoinStyle.MiterJoin))
            half = edge / 2
            painter.drawRect(QRectF(self.rect()).adjusted(half, half, -half, -half))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._arranged:
            # Docks take the sizes they are asked for only once the window has its own.
            self._arranged = True
            QTimer.singleShot(0, self.memory.restore)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.top.set_compact(event.size().width() < _NARROW)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "top"):
            self.top.restyle()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        event.accept()

    def finish(self) -> None:
        """Stop painting and remember the layout. Call before the desk is closed."""
        self._deaf()
        self.frames.stop()
        self.kill_switch.stop()
        self.arming.stop()
        self.accounts.finish()
        self.memory.finish()
        self.hide()


class _Pulse(QWidget):
    """Lets the window itself be refreshed by the frame clock."""

    def __init__(self, parent: QWidget, refresh: Callable[[], None]) -> None:
        super().__init__(parent)
        self.setFixedSize(1, 1)
        self.refresh = refresh
