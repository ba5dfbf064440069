"""Void Qt methods must not steal references to None (PySide6 6.12.0 on CPython 3.11 did, and aborted)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from PySide6.QtCore import QObject

REPAINT = """
import time
from PySide6.QtWidgets import QApplication, QWidget
from PySide6.QtGui import QPainter

class Canvas(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setPen("red")
        painter.drawLine(0, 0, 50, 50)

app = QApplication([])
canvas = Canvas()
canvas.show()
until = time.monotonic() + 5
while time.monotonic() < until:
    canvas.update()
    app.processEvents()
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_a_thousand_void_calls_leave_none_alone() -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1_000):
        thing.setObjectName("depth")
    assert abs(sys.getrefcount(None) - before) <= 20


def test_five_seconds_of_repainting_end_well() -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", REPAINT], env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
