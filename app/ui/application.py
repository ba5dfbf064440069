"""One run of the window: the event loop, the desk, and an orderly end. No panels."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import qasync
from PySide6.QtCore import Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.cli import EXIT_DATA, Options
from app.config import Config, Paths
from app.connectors.exchange import Exchange
from app.connectors.registry import exchange_spec
from app.core.journal import JournalError
from app.credentials.errors import VaultError
from app.net.replay import NotASession
from app.net.waiting import happens
from app.replay_desk import ReplayDesk, ReplayError
from app.store.database import Store
from app.store.disk_words import StoreInUse
from app.store.paper_journal import drop_paper_journal, paper_journal
from app.summary import program_version, summary
from app.twin_process import TwinError, TwinLine, TwinProcess
from app.ui import theme as look
from app.ui.main_window import MainWindow
from app.workspace import Workspace

_LAST_LOOK_S = 0.4
_SCREENSHOT_AFTER_S = 8.0
_SETTLED_S = 3.0


def prepare(application: QApplication) -> None:
    """What must hold before the first dialog."""
    # A desktop's own file dialog asks a portal, which looks into our process; keys have it closed to others.
    application.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)


def run(options: Options, config: Config, twins: dict[str, TwinProcess], twin_line: TwinLine | None) -> int:
    """Show the window until it is closed; returns the exit code."""
    application = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(application, QApplication)
    prepare(application)
    application.setApplicationName("Depthdesk")
    application.setDesktopFileName("depthdesk")
    application.setWindowIcon(look.icon("depthdesk"))
    application.setQuitOnLastWindowClosed(False)
    qInstallMessageHandler(_on_qt_message)
    wanted = options.theme or config.ui.theme
    theme = look.build(look.Scheme(wanted), look.SideColours(config.ui.colors), config.ui.scale)
    look.apply(application, theme)
    with asyncio.Runner(loop_factory=partial(qasync.QEventLoop, application)) as runner:
        return runner.run(_Session(options, config, twins, twin_line).run())


def _calm_collector() -> None:
    """Begin to collect; keep what start-up made out of the collector's sight and look at everything only rarely.

    A full collection walks all that the desk remembers: 64 ms in one go were measured, eight times a frame's budget.
    The desk's floods are strings and structs that hold no cycles, so there is little to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 200)
    gc.enable()


class _Session:
    def __init__(
        self, options: Options, config: Config, twins: dict[str, TwinProcess], twin_line: TwinLine | None
    ) -> None:
        self._options = options
        self._config = config
        self._twins = twins
        self._twin_line = twin_line
        self._paths = Paths(options.profile)
        self._quit = asyncio.Event()
        self._speed = float("inf") if options.replay and options.summary else 1.0
        self._failure = ""
        self._replay: ReplayDesk | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        started = loop.time()
        _on_signals(self._quit, loop)
        try:
            store, refusal = await loop.run_in_executor(None, self._open_store)
        except JournalError as error:
            print(f"depthdesk: {error}", file=sys.stderr)
            return EXIT_DATA
        lasting = self._paths.journal_file if self._twins else None
        workspace = Workspace(self._paths, self._config, store=store, no_orders=refusal, lasting_journal=lasting)
        workspace.on_error = _report
        _install_excepthook(workspace)
        workspace.start()
        window = MainWindow(workspace, self._config, self._paths.layout_file)
        window.closed.connect(self._quit.set)
        if self._options.size:
            window.resize(*self._options.size)
        elif window.memory.fills_screen and QGuiApplication.platformName() != "offscreen":
            # With a frame around it, it would reach beyond the screen.
            window.setWindowState(Qt.WindowState.WindowMaximized)
        window.show()
        workspace.spawn(self._fill(workspace, window), "start")
        loop.call_later(_SETTLED_S, _calm_collector)
        try:
            await self._until_end(workspace, window)
            ui = window.figures()
            if self._options.screenshot:
                window.grab().save(str(self._options.screenshot))
            told = summary(
                workspace.exchanges,
                workspace.log,
                loop.time() - started,
                ui,
                self._replay.trades if self._replay else None,
            )
        finally:
            window.finish()
            await workspace.close()
            if self._twins:
                drop_paper_journal(self._paths.state)
            window.deleteLater()
        if self._options.summary:
            print(json.dumps(told, ensure_ascii=False), flush=True)
        if self._failure:
            print(f"depthdesk: {self._failure}", file=sys.stderr)
            return EXIT_DATA
        return 0

    def _open_store(self) -> tuple[Store | None, str]:
        """The journal, and why there is none. A twin of our own ends with us, and so does what it remembers."""
        if self._options.replay:
            return None, ""
        if self._twins:
            return Store.open(paper_journal(self._paths.state)), ""
        try:
            return Store.open(self._paths.journal_file), ""
        except StoreInUse as error:
            return None, str(error)

    async def _fill(self, workspace: Workspace, window: MainWindow) -> None:
        """Connect what the options ask for."""
        options = self._options
        if options.record:
            workspace.start_recording(options.record)
        if options.replay:
            await self._play(options.replay, workspace, window)
            return
        try:
            await self._connect(workspace, window)
        except TwinError as error:
            self._fail(str(error))

    async def _connect(self, workspace: Workspace, window: MainWindow) -> None:
        options = self._options
        if options.accounts is not None:
            self._open_accounts(options.accounts, window)
            return
        if options.connect:
            exchange = await workspace.open_public(options.connect, self._pairs(options.connect, window))
        elif self._twin_line is not None:
            line = self._twin_line
            spec = exchange_spec(line.exchange)
            pairs = self._pairs(spec.name, window)
            exchange = await workspace.open_exchange(spec, line.domain(), line.credentials(), pairs=pairs)
        else:
            opened = [
                await workspace.open_paper(name, twin, self._pairs(name, window)) for name, twin in self._twins.items()
            ]
            exchange = opened[0]
        window.open_market(exchange.key, next(iter(exchange.order_books)))

    def _open_accounts(self, names: tuple[str, ...], window: MainWindow) -> None:
        """Public data comes at once, each account when its key is there. Without any, the dialog to add one."""
        desk = window.accounts.desk
        try:
            desk.open_remembered(names)
        except VaultError as error:
            window.workspace.notices.error("accounts", str(error))
        if not desk.used_rows:
            window.show_exchanges()

    def _pairs(self, name: str, window: MainWindow) -> list[str]:
        return [self._options.pair or window.last_pair(name) or exchange_spec(name).default_pair]

    async def _play(self, path: Path, workspace: Workspace, window: MainWindow) -> None:
        self._replay = replay = ReplayDesk(path, workspace.log, workspace.clock, workspace.notices)

        def opened(exchange: Exchange) -> None:
            workspace.exchanges[exchange.key] = exchange

        replay.on_exchange = opened
        window.set_replay(replay, self._set_speed)
        try:
            await replay.play(lambda: self._speed)
        except (ReplayError, NotASession, OSError) as error:
            self._fail(str(error))
            return
        except Exception as error:
            # Nobody waits for the end of a replay that stopped.
            self._fail(f"internal error in the replay: {type(error).__name__}")
            raise
        if self._options.summary and self._options.seconds is None and not self._options.screenshot:
            self._quit.set()

    def _set_speed(self, speed: float) -> None:
        self._speed = speed

    def _fail(self, words: str) -> None:
        self._failure = words
        self._quit.set()

    async def _until_end(self, workspace: Workspace, window: MainWindow) -> None:
        seconds = self._options.seconds
        if self._options.screenshot and seconds is None:
            seconds = _SCREENSHOT_AFTER_S
        await (self._quit.wait() if seconds is None else happens(self._quit, seconds))
        if self._replay is not None:
            await asyncio.sleep(_LAST_LOOK_S)


def _on_signals(quit_event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Ctrl+C and a polite kill end the program in order."""

    def ask(_number: int, _frame: Any) -> None:
        loop.call_soon_threadsafe(quit_event.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)


def _install_excepthook(workspace: Workspace) -> None:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        workspace.notices.error("desk", f"internal error: {kind.__name__}")
        _report("slot", error)

    sys.excepthook = hook
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: _report(str(context.get("message", "")), context.get("exception"))
    )


def _report(name: str, error: BaseException | None) -> None:
    """Where it happened, without values: those may be secret."""
    if error is None:
        print(f"depthdesk: {name}", file=sys.stderr)
        return
    places = "".join(
        f"  {place.filename}:{place.lineno} {place.name}\n" for place in traceback.extract_tb(error.__traceback__)
    )
    print(f"depthdesk {program_version()}: {type(error).__name__} in {name}\n{places}", file=sys.stderr, end="")


def _on_qt_message(kind: QtMsgType, _context: object, message: str) -> None:
    if kind is not QtMsgType.QtDebugMsg and "propagateSizeHints" not in message:
        print(f"Qt: {message}", file=sys.stderr)
