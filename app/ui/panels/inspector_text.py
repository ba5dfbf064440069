"""A read-only text that takes its lines only as far as the reader scrolls, with colours for JSON. No parsing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFontDatabase, QSyntaxHighlighter, QTextCharFormat, QTextCursor, QTextDocument, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.ui import theme

_CHUNK = 300
_SEARCHED_LINES = 4_000
_MARKS = 400
_JSON = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(\b(?:true|false|null)\b)')


class JsonColours(QSyntaxHighlighter):
    """Keys, strings, numbers and words in colours of the theme."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self.enabled = True
        self.dress()

    def dress(self) -> None:
        look = theme.current()
        self._key, self._string, self._number, self._word = (QTextCharFormat() for _ in range(4))
        self._key.setForeground(look.accent)
        self._string.setForeground(look.live)
        self._number.setForeground(look.warning)
        self._word.setForeground(look.paper)

    def highlightBlock(self, text: str) -> None:
        if not self.enabled:
            return
        for match in _JSON.finditer(text):
            if match[1]:
                self.setFormat(match.start(1), len(match[1]), self._key if match[2] else self._string)
            else:
                self.setFormat(match.start(), len(match[0]), self._number if match[3] else self._word)


class LazyText(QPlainTextEdit):
    """Foreign text is shown as plain text only."""

    def __init__(self, name: str, *, colours: bool = False, wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth if wrap else QPlainTextEdit.LineWrapMode.NoWrap)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere if wrap else QTextOption.WrapMode.NoWrap)
        self.setStyleSheet("LazyText { border: none; border-radius: 0; padding: 2px 6px; }")
        self._colours = JsonColours(self.document()) if colours else None
        self._lines: Iterator[str] = iter(())
        self._pattern: re.Pattern[str] | None = None
        self.complete = True
        self._dress()
        self.verticalScrollBar().valueChanged.connect(self._more_when_near_end)

    def show_lines(
        self, lines: Iterator[str], pattern: re.Pattern[str] | None = None, *, coloured: bool = True
    ) -> None:
        """Replace the text; `pattern` is marked, and loading goes on until its first place is there."""
        self._lines = lines
        self._pattern = pattern
        self.complete = False
        if self._colours is not None:
            self._colours.enabled = coloured
        self.setPlainText("\n".join(islice(lines, _CHUNK)))
        self.complete = self.blockCount() < _CHUNK
        while pattern and not self.complete and self.blockCount() < _SEARCHED_LINES:
            if pattern.search(self.toPlainText()):
                break
            self._load()
        self._mark()

    def load_all(self) -> None:
        while not self.complete:
            self._load()
        self._mark()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange:
            self._dress()
            if self._colours is not None:
                self._colours.dress()
                self._colours.rehighlight()

    def _dress(self) -> None:
        look = theme.current()
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(9 * look.scale)
        self.setFont(font)

    def _load(self) -> None:
        lines = list(islice(self._lines, _CHUNK))
        if lines:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText("\n" + "\n".join(lines))
        self.complete = len(lines) < _CHUNK

    def _more_when_near_end(self, value: int) -> None:
        if not self.complete and value > self.verticalScrollBar().maximum() - 60:
            self._load()
            self._mark(scroll=False)

    def _mark(self, scroll: bool = True) -> None:
        marks: list[QTextEdit.ExtraSelection] = []
        if self._pattern is not None:
            look = theme.current()
            for match in islice(self._pattern.finditer(self.toPlainText()), _MARKS):
                if not match[0]:
                    continue
                mark = QTextEdit.ExtraSelection()
                cursor = QTextCursor(self.document())
                cursor.setPosition(match.start())
                cursor.setPosition(match.end(), QTextCursor.MoveMode.KeepAnchor)
                mark.cursor = cursor
                mark.format.setBackground(theme.mix(look.warning, look.base, 0.35))
                marks.append(mark)
        self.setExtraSelections(marks)
        if marks and scroll:
            start = QTextCursor(marks[0].cursor)
            start.clearSelection()
            self.setTextCursor(start)
            self.centerCursor()
