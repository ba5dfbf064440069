"""Fields for secrets: nothing typed or pasted into them is ever shown or can be copied out. No checking, no keeping."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.panels.open_orders_frame import ElidedLabel

LONGEST = 16 * 1024
"""Characters; no key of any exchange comes near it."""
_BULLET = "•"
_WIDEST = 64
_HINTS = (
    Qt.InputMethodHint.ImhHiddenText
    | Qt.InputMethodHint.ImhSensitiveData
    | Qt.InputMethodHint.ImhNoPredictiveText
    | Qt.InputMethodHint.ImhNoAutoUppercase
)


class SecretLine(QLineEdit):
    """One line, shown as dots."""

    changed = Signal()

    def __init__(self, name: str, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setInputMethodHints(_HINTS)
        self.setMaxLength(LONGEST)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setDragEnabled(False)
        self.textChanged.connect(lambda _text: self.changed.emit())

    def secret(self) -> str:
        return self.text()

    def wipe(self) -> None:
        # Setting a text also empties the field's undo history.
        self.setText("")


class KeyFileBox(QPlainTextEdit):
    """Several lines, shown as dots. It takes a whole text by pasting, and single letters at its end."""

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._secret = ""
        self.setReadOnly(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setAcceptDrops(False)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        now = theme.current()
        self.setFixedHeight(now.px(70))
        font = now.font(8.5)
        font.setFamilies(["DejaVu Sans Mono", "Consolas", "Menlo", "monospace"])
        self.setFont(font)

    def secret(self) -> str:
        return self._secret

    def take(self, text: str) -> None:
        """Replace what is held."""
        self._secret = text.replace("\r\n", "\n").replace("\r", "\n")[:LONGEST]
        lines = self._secret.strip("\n").split("\n")
        self.setPlainText("\n".join(_BULLET * min(len(line), _WIDEST) for line in lines))
        self.setAccessibleDescription(self.summary())
        self.changed.emit()

    def wipe(self) -> None:
        self.take("")

    def summary(self) -> str:
        """What is held, without any of it."""
        if not self._secret:
            return ""
        lines = self._secret.strip().count("\n") + 1
        if "-----BEGIN" in self._secret:
            whole = "-----END" in self._secret
            return f"key file (PEM), {lines} line{'s' if lines > 1 else ''}{'' if whole else ', its end is missing'}"
        count = len(self._secret.strip())
        return f"{count} character{'s' if count > 1 else ''}"

    def paste(self) -> None:
        """A key file replaces what is held; anything else is added to it."""
        text = QGuiApplication.clipboard().text()
        self.take(text if "-----BEGIN" in text else self._secret + text.strip())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        elif event.key() == Qt.Key.Key_Backspace and not event.modifiers():
            self.take(self._secret[:-1])
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.wipe()
        elif event.text().isprintable() and event.text() and not _is_command(event):
            self.take(self._secret + event.text())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and "-----BEGIN" in self._secret:
            self.take(self._secret + "\n")
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clipboard = QGuiApplication.clipboard()
        if event.button() is Qt.MouseButton.MiddleButton and clipboard.supportsSelection():
            self.take(clipboard.text(clipboard.Mode.Selection))
        super().mouseReleaseEvent(event)


class KeyFileField(QWidget):
    """The box with its buttons: paste, choose a file, clear; and what it holds in words."""

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        now = theme.current()
        self.box = KeyFileBox(name)
        self.box.setPlaceholderText("Paste the key or the whole key file (PEM) here")
        self.box.changed.connect(self._told)
        self.setFocusProxy(self.box)
        self.words = ElidedLabel("", "secondary")
        self.words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.paste_button = _button("Paste key", f"Paste {name}", self._paste)
        self.file_button = _button("Choose file…", f"Read {name} from a file", self._choose)
        self.clear_button = _button("Clear", f"Clear {name}", self.box.wipe)
        row = QHBoxLayout()
        row.setSpacing(now.px(6))
        for button in (self.paste_button, self.file_button, self.clear_button):
            row.addWidget(button)
        row.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(now.px(5))
        column.addWidget(self.box)
        column.addLayout(row)
        self._told()

    def secret(self) -> str:
        return self.box.secret()

    def wipe(self) -> None:
        self.box.wipe()

    def read_file(self, path: str) -> None:
        """Take the key from a file; says so when that cannot be one."""
        try:
            with open(path, "rb") as file:
                text = file.read(LONGEST + 1).decode("ascii")
        except OSError as error:
            self.words.say(f"not read: {error.strerror or type(error).__name__}")
            return
        except UnicodeDecodeError:
            text = ""
        if not text.strip() or len(text) > LONGEST:
            self.words.say("that file is no key")
            return
        self.box.take(text)

    def _paste(self) -> None:
        self.box.paste()
        self.box.setFocus(Qt.FocusReason.OtherFocusReason)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Key file")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["Key files (*.pem *.key *.txt)", "All files (*)"])
        dialog.setDirectory(str(Path.home()))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.read_file)
        dialog.open()

    def _told(self) -> None:
        self.words.say(self.box.summary())
        self.clear_button.setEnabled(bool(self.box.secret()))
        self.changed.emit()


def _is_command(event: QKeyEvent) -> bool:
    """Ctrl or Meta with a letter; Ctrl with Alt is how some systems report AltGr, which writes letters."""
    held = event.modifiers()
    control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    return bool(held & Qt.KeyboardModifier.MetaModifier) or bool(held & control) is not bool(held & alt)


def _button(words: str, name: str, action: object) -> QPushButton:
    button = QPushButton(words)
    button.setAccessibleName(name)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked=False: action())  # type: ignore[operator]
    return button
