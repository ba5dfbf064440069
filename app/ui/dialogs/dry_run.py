"""The signed request of an order that is not sent: target, headers, body, text that is signed. It sends nothing."""

from __future__ import annotations

import json
import re

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QTabWidget, QVBoxLayout, QWidget

from app.core.requests import SignedRequest
from app.ui import theme
from app.ui.dialogs.test_on_exchange import TestOnExchange
from app.ui.format import date_time
from app.ui.panels.open_orders_frame import ElidedLabel, PlainLabel, ToneLabel


def body_text(body: bytes) -> str:
    """The body as it goes out; bytes that are no text are written as hexadecimal."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.hex(" ")


def pretty_body(body: bytes) -> str:
    """Indented, numbers and key order untouched; a body that is no JSON stays as it is."""
    try:
        parsed = json.loads(body, parse_float=_Literal, parse_int=_Literal)
    except ValueError:
        return body_text(body)
    return _indented(parsed)


_METHOD = re.compile(r"^(POST|GET|DELETE|PUT)\b|(POST|GET|DELETE|PUT)(?=/)")


def method_of(request: SignedRequest) -> str:
    """Read from the signed text where the exchange signs the method; empty where nothing tells it."""
    told = getattr(request, "method", "")
    found = _METHOD.search(request.signed_text.lstrip())
    return told or (found.group(0) if found else "")


def as_text(request: SignedRequest) -> str:
    """The whole request for a bug report."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    line = f"{method_of(request)} {request.target}".strip()
    return f"{line}\n{headers}\n\n{body_text(request.body)}\n\n--- signed text\n{request.signed_text}\n"


class DryRunDialog(QDialog):
    """Nothing in it is secret: the exchange has taken keys and signatures out."""

    def __init__(
        self,
        request: SignedRequest,
        title: str,
        badge: str,
        parent: QWidget | None = None,
        test: TestOnExchange | None = None,
    ) -> None:
        super().__init__(parent)
        now = theme.current()
        self.request = request
        self.setWindowTitle(f"Dry run: {title}")
        self.resize(now.px(620), now.px(440))
        column = QVBoxLayout(self)
        column.setContentsMargins(now.px(14), now.px(12), now.px(14), now.px(12))
        column.setSpacing(now.px(8))
        head = QHBoxLayout()
        line = ElidedLabel(f"{method_of(request)} {request.target}".strip(), "title")
        line.setFont(now.font(11.0, bold=True))
        head.addWidget(line, 1)
        head.addWidget(ToneLabel(badge, badge.lower(), badge=True))
        column.addLayout(head)
        self.line = line
        column.addWidget(
            PlainLabel(f"Nothing was sent. Signed for {date_time(request.now_ms, milliseconds=True)} UTC.", "secondary")
        )
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName("Parts of the request")
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        size = len(request.body)
        self._add("Body", pretty_body(request.body) or "(empty)", "Body, indented")
        self._add(f"Body bytes ({size})", body_text(request.body) or "(empty)", "Body exactly as sent")
        self._add("Headers", headers or "(none)", "Headers, keys fingerprinted")
        self._add("Signed text", request.signed_text or "(nothing is signed)", "Text that is signed")
        column.addWidget(self.tabs, 1)
        self.test = test
        if test is not None:
            column.addWidget(test)
        row = QHBoxLayout()
        for words, name, slot in (
            ("Copy this part", "Copy the part shown", self._copy_part),
            ("Copy all", "Copy the whole request", self._copy_all),
        ):
            button = QPushButton(words)
            button.setAccessibleName(name)
            button.setAutoDefault(False)
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addStretch(1)
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)

    def part(self, title_start: str) -> str:
        """Text of the tab whose title starts so."""
        for at in range(self.tabs.count()):
            if self.tabs.tabText(at).startswith(title_start):
                return self.tabs.widget(at).toPlainText()
        raise KeyError(title_start)

    def _add(self, title: str, text: str, name: str) -> None:
        view = QPlainTextEdit()
        view.setReadOnly(True)
        view.setTabChangesFocus(True)
        view.setAccessibleName(name)
        font = theme.current().digits(9.5)
        font.setFamilies(["DejaVu Sans Mono", "Consolas", "Menlo", "monospace"])
        view.setFont(font)
        view.setPlainText(text)
        self.tabs.addTab(view, title)

    def _copy_part(self) -> None:
        QGuiApplication.clipboard().setText(self.tabs.currentWidget().toPlainText())

    def _copy_all(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.request))


class _Literal(str):
    """A number in its own spelling."""


def _indented(value: object, depth: int = 0) -> str:
    pad, inner = "  " * depth, "  " * (depth + 1)
    if isinstance(value, dict) and value:
        items = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_indented(v, depth + 1)}" for key, v in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{pad}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + _indented(v, depth + 1) for v in value) + f"\n{pad}]"
    return str(value) if isinstance(value, _Literal) else json.dumps(value, ensure_ascii=False)
