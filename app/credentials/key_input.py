"""Where the accounts command reads keys from: a terminal without echo, or standard input. Never argv or environment."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

import msgspec

_LONGEST = 64 * 1024
_BEGIN, _END = "-----BEGIN", "-----END"


class InputEnded(Exception):
    """Standard input did not hold what was needed; the text names the field, never a value."""


class Answers(Protocol):
    repeats: bool
    """Whether a new password is to be typed twice."""

    def tell(self, words: str) -> None: ...
    def secret(self, name: str, prompt: str, *, pem: bool = False, optional: bool = False) -> str: ...
    def line(self, name: str, prompt: str) -> str: ...


def answers() -> Answers:
    """The terminal where there is one, else standard input: JSON when it starts with a brace, or lines."""
    if sys.stdin.isatty():
        return Terminal()
    return read_input(sys.stdin)


class Terminal:
    """Asks, and shows nothing of what is typed or pasted."""

    repeats = True

    def __init__(self, ask_hidden: Callable[[str], str] = getpass.getpass) -> None:
        self._ask_hidden = ask_hidden

    def tell(self, words: str) -> None:
        print(words)

    def secret(self, name: str, prompt: str, *, pem: bool = False, optional: bool = False) -> str:
        return _whole(lambda: self._ask_hidden(prompt), lambda: self._ask_hidden(""))

    def line(self, name: str, prompt: str) -> str:
        return input(prompt)


class Lines:
    """One line for each question, in the order of the questions; a key file (PEM) takes as many as it has."""

    repeats = False

    def __init__(self, stream: TextIO, first: str) -> None:
        self._stream = stream
        self._first: str | None = first

    def tell(self, words: str) -> None:
        """Nobody is there to read it; a refusal repeats what matters."""

    def secret(self, name: str, prompt: str, *, pem: bool = False, optional: bool = False) -> str:
        return _whole(lambda: self._next(name), lambda: self._next(name))

    def line(self, name: str, prompt: str) -> str:
        return self._next(name)

    def _next(self, name: str) -> str:
        line, self._first = (self._stream.readline(_LONGEST) if self._first is None else self._first), None
        if not line:
            raise InputEnded(f"standard input ended before {name}")
        return line.rstrip("\r\n")


class Fields:
    """One JSON object of strings, by field name."""

    repeats = False

    def __init__(self, given: dict[str, str]) -> None:
        self._given = given

    def tell(self, words: str) -> None:
        """Nobody is there to read it; a refusal repeats what matters."""

    def secret(self, name: str, prompt: str, *, pem: bool = False, optional: bool = False) -> str:
        if optional:
            return self._given.get(name, "")
        return self.line(name, prompt)

    def line(self, name: str, prompt: str) -> str:
        try:
            return self._given[name]
        except KeyError:
            raise InputEnded(f"the JSON on standard input has no field {name}") from None


def read_input(stream: TextIO) -> Answers:
    first = stream.readline(_LONGEST)
    if not first.lstrip().startswith("{"):
        return Lines(stream, first)
    try:
        return Fields(msgspec.json.decode(first + stream.read(_LONGEST), type=dict[str, str]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The decoder's own words may quote the input.
        raise InputEnded("standard input is not one JSON object with text fields") from None


def _whole(first: Callable[[], str], following: Callable[[], str]) -> str:
    lines = [first()]
    if lines[0].lstrip().startswith(_BEGIN) and _END not in lines[0]:
        while _END not in lines[-1] and sum(map(len, lines)) < _LONGEST:
            lines.append(following())
    return "\n".join(lines)
