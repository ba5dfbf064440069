"""The default places of the panels: layouts to trade by, to study messages by, to watch six markets by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

NAMES = {"trade": "Trading", "stream": "Stream debugging", "markets": "Six markets"}
_NARROW = 1500
_H, _V = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


def arrange(window: MainWindow, name: str) -> None:
    """Put every panel where this layout has it by default, for the window's present width."""
    docks = window.docks
    for key in docks.names:
        dock = docks[key]
        dock.setFloating(False)
        window.removeDockWidget(dock)
    if name == "stream":
        _stream(window)
    elif name == "markets":
        _markets(window)
    elif window.width() < _NARROW:
        _trade_narrow(window)
    else:
        _trade(window)


def _trade(window: MainWindow) -> None:
    docks = window.docks
    _first(window, "watch")
    _foot(window, "watch")
    _beside(window, "watch", "candles", _H)
    _beside(window, "candles", "ladder", _H)
    _beside(window, "ladder", "entry", _H)
    _beside(window, "candles", "depth", _V)
    _beside(window, "ladder", "tape", _V)
    _beside(window, "entry", "balances", _V)
    window.tabifyDockWidget(docks["candles"], docks["grid"])
    _show_all(window)
    docks["candles"].raise_()
    width, height = window.width(), window.height()
    columns = [docks[key] for key in ("watch", "candles", "ladder", "entry")]
    window.resizeDocks(columns, [260, max(width - 260 - 330 - 360, 400), 330, 360], _H)
    foot = height * 25 // 100
    room = height - foot - 120
    window.resizeDocks([docks["watch"], docks["orders"]], [room, foot], _V)
    for upper, lower, share in (("candles", "depth", 64), ("ladder", "tape", 62), ("entry", "balances", 66)):
        window.resizeDocks([docks[upper], docks[lower]], [room * share // 100, room * (100 - share) // 100], _V)


def _trade_narrow(window: MainWindow) -> None:
    docks = window.docks
    _first(window, "candles")
    _foot(window, "candles", with_balances=True)
    _beside(window, "candles", "ladder", _H)
    _beside(window, "ladder", "entry", _H)
    window.tabifyDockWidget(docks["candles"], docks["depth"])
    window.tabifyDockWidget(docks["candles"], docks["watch"])
    window.tabifyDockWidget(docks["candles"], docks["grid"])
    window.tabifyDockWidget(docks["ladder"], docks["tape"])
    _show_all(window)
    for key in ("candles", "ladder"):
        docks[key].raise_()
    width, height = window.width(), window.height()
    columns = [docks[key] for key in ("candles", "ladder", "entry")]
    window.resizeDocks(columns, [max(width - 310 - 310, 400), 310, 310], _H)
    foot = height * 23 // 100
    window.resizeDocks([docks["candles"], docks["orders"]], [height - foot - 110, foot], _V)


def _stream(window: MainWindow) -> None:
    docks = window.docks
    _first(window, "inspector")
    _beside(window, "inspector", "ladder", _H)
    _beside(window, "ladder", "connections", _V)
    beside = {
        "inspector": ("bridge", "candles", "depth", "watch", "grid", "two_books", "reconciliation"),
        "ladder": ("tape", "entry", "balances"),
        "connections": ("events", "orders", "history", "fills"),
    }
    for first, others in beside.items():
        for key in others:
            window.tabifyDockWidget(docks[first], docks[key])
    _show_all(window)
    for key in beside:
        docks[key].raise_()
    width, height = window.width(), window.height() - 110
    window.resizeDocks([docks["inspector"], docks["ladder"]], [width * 64 // 100, width * 36 // 100], _H)
    window.resizeDocks([docks["ladder"], docks["connections"]], [height * 55 // 100, height * 45 // 100], _V)


def _markets(window: MainWindow) -> None:
    docks, narrow = window.docks, window.width() < _NARROW
    _first(window, "grid")
    _foot(window, "grid", with_balances=narrow)
    _beside(window, "grid", "entry", _H)
    for key in ("watch", "candles", "depth", "ladder", "tape"):
        window.tabifyDockWidget(docks["grid"], docks[key])
    if not narrow:
        _beside(window, "entry", "balances", _V)
    _show_all(window)
    docks["grid"].raise_()
    width, height = window.width(), window.height()
    window.resizeDocks([docks["grid"], docks["entry"]], [max(width - 340, 400), 340], _H)
    foot = height * 20 // 100
    window.resizeDocks([docks["grid"], docks["orders"]], [height - foot - 110, foot], _V)


def _first(window: MainWindow, key: str) -> None:
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, window.docks[key], _H)


def _foot(window: MainWindow, above: str, with_balances: bool = False) -> None:
    """Tables below the first panel; whatever is split off that panel later stays above them."""
    docks = window.docks
    _beside(window, above, "orders", _V)
    keys = ["history", "fills", "inspector", "bridge", "connections", "events", "two_books", "reconciliation"]
    for key in (["balances"] if with_balances else []) + keys:
        window.tabifyDockWidget(docks["orders"], docks[key])


def _beside(window: MainWindow, first: str, second: str, orientation: Qt.Orientation) -> None:
    window.splitDockWidget(window.docks[first], window.docks[second], orientation)


def _show_all(window: MainWindow) -> None:
    for key in window.docks.names:
        window.docks[key].show()
    window.docks["orders"].raise_()
