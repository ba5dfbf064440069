"""Menus, shortcuts and buttons of the window. Each forwards an intent; none sends an order without the form."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QToolButton

from app.core.clock import NS_PER_S
from app.core.journal import JournalError
from app.core.types import Side
from app.diagnostics import diagnostics
from app.ui import layouts
from app.ui import theme as look
from app.ui.dialogs.about import AboutDialog
from app.ui.dialogs.shortcuts import ShortcutsDialog

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


def install(window: MainWindow) -> None:
    """Give the window its menu, its shortcuts and its top buttons."""
    view = _view_menu(window)
    menu = QMenu(window)
    for part in (_file_menu(window), view, _trade_menu(window), _accounts_menu(window), _help_menu(window)):
        menu.addMenu(part)
    button = _button(window, "menu", "Menu (F10)", None)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    theme_button = _button(window, "sun", "Dark or light (Ctrl+Shift+T)", partial(toggle_scheme, window))
    record = _button(window, "record", "Record every message to a file (Ctrl+R)", partial(toggle_recording, window))
    inspector = _button(window, "frame", "Stream inspector (Ctrl+Shift+D)", partial(window.docks.bring_up, "inspector"))
    for widget in (inspector, record, theme_button, button):
        window.top.add_button(widget)
    _shortcut(window, "Menu", "F10", button.showMenu)
    _shortcut(window, "Next panel", "F6", partial(_step_panel, window, 1))
    _shortcut(window, "Previous panel", "Shift+F6", partial(_step_panel, window, -1))


def _file_menu(window: MainWindow) -> QMenu:
    menu = QMenu("&File", window)
    _entry(menu, window, "Find a market…", "Ctrl+K", window.search.show_palette)
    _entry(menu, window, "Exchanges…", "Ctrl+O", window.show_exchanges)
    _entry(menu, window, "Connect a plug-in…", "", window.plugins.connect_plugin)
    _entry(menu, window, "Plug-in service…", "", window.plugins.show_service)
    _entry(menu, window, "Record every message…", "Ctrl+R", partial(toggle_recording, window))
    _entry(menu, window, "Export fills…", "Ctrl+E", window.fills.ask_export)
    _entry(menu, window, "Save a copy of the order journal…", "", partial(_copy_journal, window))
    menu.addSeparator()
    _entry(menu, window, "Quit", "Ctrl+Q", window.close)
    return menu


def _view_menu(window: MainWindow) -> QMenu:
    menu = QMenu("&View", window)
    for number, (name, title) in enumerate(layouts.NAMES.items(), 1):
        _entry(menu, window, f"{title} layout", f"Ctrl+{number}", partial(window.memory.use_layout, name))
    _entry(menu, window, "Reset this layout", "", window.memory.reset_layout)
    menu.addSeparator()
    panels = menu.addMenu("Panels")
    for action in window.docks.toggle_actions():
        panels.addAction(action)
    menu.addSeparator()
    _entry(menu, window, "Dark or light", "Ctrl+Shift+T", partial(toggle_scheme, window))
    _entry(menu, window, "Next colour set", "Ctrl+Shift+C", partial(next_colours, window))
    _entry(menu, window, "Stream inspector", "Ctrl+Shift+D", partial(window.docks.bring_up, "inspector"))
    _entry(menu, window, "Bridge lens", "Ctrl+Shift+B", partial(window.docks.bring_up, "bridge"))
    _entry(menu, window, "Connections", "Ctrl+Shift+N", partial(window.docks.bring_up, "connections"))
    return menu


def _trade_menu(window: MainWindow) -> QMenu:
    menu = QMenu("&Trade", window)
    _entry(menu, window, "Buy form", "Ctrl+B", partial(window.focus_side, Side.BUY))
    _entry(menu, window, "Sell form", "Ctrl+S", partial(window.focus_side, Side.SELL))
    _entry(menu, window, "Arm real trading, or make it safe", "Ctrl+T", window.arming.toggle)
    menu.addSeparator()
    _entry(menu, window, "Cancel all of this market", "Ctrl+Shift+Backspace", window.open_orders.cancel_this_market)
    _entry(menu, window, "Cancel all orders", "", window.open_orders.cancel_everything)
    _entry(menu, window, "Cancel everything on all accounts (twice)", "Ctrl+Shift+Del", window.open_orders.emergency)
    _entry(menu, window, "Kill switch…", "", window.open_orders.show_kill_switch)
    return menu


def _accounts_menu(window: MainWindow) -> QMenu:
    menu = QMenu("&Accounts", window)
    accounts = window.accounts
    _entry(menu, window, "Accounts and exchanges…", "Ctrl+O", window.show_exchanges)
    _entry(menu, window, "Add an account…", "Ctrl+Shift+A", accounts.add_account)
    menu.addSeparator()
    _entry(menu, window, "Lock now, or unlock…", "Ctrl+L", accounts.lock_or_unlock)
    _entry(menu, window, "Change the vault's password…", "", accounts.change_password)
    return menu


def _help_menu(window: MainWindow) -> QMenu:
    menu = QMenu("&Help", window)
    _entry(menu, window, "Keys", "F1", partial(_open_shortcuts, window))
    _entry(menu, window, "Copy diagnostics", "", partial(_copy_diagnostics, window))
    _entry(menu, window, "About Depthdesk", "", partial(_open_about, window))
    return menu


def toggle_scheme(window: MainWindow) -> None:
    """Dark to light and back."""
    now = look.current()
    scheme = look.Scheme.LIGHT if now.dark else look.Scheme.DARK
    _dress(look.build(scheme, now.sides, now.scale, now.flash))


def next_colours(window: MainWindow) -> None:
    """Green and red, then the colour-blind safe pair, then red for up."""
    now = look.current()
    sets = list(look.SideColours)
    following = sets[(sets.index(now.sides) + 1) % len(sets)]
    scheme = look.Scheme.DARK if now.dark else look.Scheme.LIGHT
    _dress(look.build(scheme, following, now.scale, now.flash))
    window.workspace.notices.info("desk", f"Colours: {following}")


def toggle_recording(window: MainWindow) -> None:
    """Ask for a file and record, or stop recording."""
    workspace = window.workspace
    if workspace.recorder is not None:
        workspace.spawn(workspace.stop_recording(), "stop recording")
        return
    stamp = datetime.datetime.fromtimestamp(workspace.clock.wall_ns() // NS_PER_S, datetime.UTC)
    name = f"depthdesk-{stamp:%Y%m%d-%H%M%S}.jsonl.zst"
    ask_path(window, "Record every message", name, partial(_start_recording, window))


def _start_recording(window: MainWindow, path: Path) -> None:
    try:
        window.workspace.start_recording(path)
    except OSError as error:
        window.workspace.notices.error("desk", f"cannot record to {path}: {error.strerror}")


def _copy_diagnostics(window: MainWindow) -> None:
    """For a question to others: no key, no amount, no order or account that can be recognised."""
    QApplication.clipboard().setText(diagnostics(window.workspace))
    window.workspace.notices.info("desk", "diagnostics copied: states and counters, ids as hashes, no amounts")


def _copy_journal(window: MainWindow) -> None:
    """A file to keep or to send to support; it holds orders and fills, and no key."""
    workspace = window.workspace
    store = workspace.store
    if store is None:
        workspace.notices.warning("desk", "this window keeps no order journal")
        return

    async def save(path: Path) -> None:
        try:
            await store.copy_to(path)
        except (JournalError, OSError) as error:
            workspace.notices.error("desk", f"the journal was not copied to {path}: {error}")
        else:
            workspace.notices.info("desk", f"the order journal was copied to {path}")

    ask_path(window, "Save a copy of the order journal", "orders.db", lambda path: workspace.spawn(save(path), "copy"))


def ask_path(window: MainWindow, title: str, name: str, use: Callable[[Path], None]) -> None:
    """Let the user choose a new file, then use it."""
    dialog = QFileDialog(window, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.selectFile(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda chosen: use(Path(chosen)))
    dialog.open()


def _dress(theme: look.Theme) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    look.apply(application, theme)


def _open_shortcuts(window: MainWindow) -> None:
    rows = [
        (action.text().replace("&", "").rstrip("…"), action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        for action in window.actions()
        if not action.shortcut().isEmpty()
    ]
    ShortcutsDialog(rows, window).open()


def _open_about(window: MainWindow) -> None:
    AboutDialog(window).open()


def _step_panel(window: MainWindow, by: int) -> None:
    names = [name for name in window.docks.names if not window.docks[name].visibleRegion().isEmpty()]
    focus = QApplication.focusWidget()
    current = [n for n, name in enumerate(names) if focus is not None and window.docks[name].isAncestorOf(focus)]
    if names:
        window.docks.bring_up(names[(current[0] + by) % len(names) if current else 0])


def _entry(menu: QMenu, window: MainWindow, text: str, keys: str, action: Callable[[], object]) -> QAction:
    entry = _shortcut(window, text, keys, action)
    menu.addAction(entry)
    return entry


def _shortcut(window: MainWindow, text: str, keys: str, action: Callable[[], object]) -> QAction:
    for known in window.actions():
        if keys and known.shortcut() == QKeySequence(keys):
            return known
    entry = QAction(text, window)
    if keys:
        entry.setShortcut(QKeySequence(keys))
    entry.triggered.connect(lambda _checked=False: action())
    window.addAction(entry)
    return entry


def _button(window: MainWindow, icon: str, tip: str, action: Callable[[], object] | None) -> QToolButton:
    button = QToolButton(window)
    button.setIcon(look.icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setProperty("role", "top-button")
    button.setProperty("icon_name", icon)
    button.setAutoRaise(True)
    if action is not None:
        button.clicked.connect(lambda _checked=False: action())
    return button
