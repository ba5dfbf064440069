"""How hard a vault password is to guess, as a hint while it is typed. No word lists, no promise."""

from __future__ import annotations

import math

from msgspec import Struct

MIN_LENGTH = 10
_WEAK_BITS, _FAIR_BITS, _GOOD_BITS = 40.0, 60.0, 80.0
_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
_FAVOURITES = ("password", "passwort", "letmein", "welcome", "bitcoin", "depthdesk", "trading", "iloveyou", "admin")


class Strength(Struct, frozen=True):
    """`score` 0 (too short) to 4."""

    score: int
    words: str


def password_strength(password: str) -> Strength:
    """A careful guess: repeats, runs, keyboard rows and favourite words count as little more than one character."""
    if len(password) < MIN_LENGTH:
        return Strength(0, f"too short: {len(password)} of at least {MIN_LENGTH} characters")
    bits = _surprising(password) * math.log2(_alphabet(password))
    if bits < _WEAK_BITS:
        return Strength(1, "weak: easily guessed")
    if bits < _FAIR_BITS:
        return Strength(2, "fair: longer is better")
    if bits < _GOOD_BITS:
        return Strength(3, "good")
    return Strength(4, "strong")


def _alphabet(password: str) -> int:
    kinds = (
        (str.islower, 26),
        (str.isupper, 26),
        (str.isdigit, 10),
        (lambda letter: not letter.isalnum(), 24),
    )
    return max(2, sum(size for is_kind, size in kinds if any(map(is_kind, password))))


def _surprising(password: str) -> float:
    """Characters that do not follow from those before them."""
    text = password.casefold()
    for word in _FAVOURITES:
        text = text.replace(word, "\0")
    count = 0.0
    for at, letter in enumerate(text):
        before = text[at - 1] if at else ""
        follows = at and (abs(ord(letter) - ord(before)) <= 1 or any(before + letter in row for row in _KEYBOARD))
        seen = letter in text[:at]
        count += 0.25 if follows else 0.6 if seen else 1.0
    return count
