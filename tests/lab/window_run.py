"""Runs a laboratory command with a real window, off screen, on the Qt event loop. Used by commands, not by tests."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def in_window(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run on a Qt event loop of its own."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import qasync
    from PySide6.QtWidgets import QApplication

    from app.ui import theme as look

    app = QApplication.instance() or QApplication([])
    look.apply(app, look.build())  # type: ignore[arg-type]
    loop = qasync.QEventLoop(app)
    try:
        return loop.run_until_complete(work)  # type: ignore[no-any-return]
    finally:
        loop.close()
