"""Takes secrets out of everything that is logged, shown or written. No I/O; which links to scan is not decided here."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

SECRET_FIELDS = (
    "apiKey",
    "api_key",
    "key",
    "accessKey",
    "access_key",
    "AccessKeyId",
    "secret",
    "secretKey",
    "secret_key",
    "api_secret",
    "passphrase",
    "password",
    "signature",
    "sign",
    "sig",
    "listenKey",
    "token",
    "access_token",
    "refresh_token",
    "auth_token",
    "jwt",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "X-MBX-APIKEY",
    "OK-ACCESS-KEY",
    "OK-ACCESS-SIGN",
    "OK-ACCESS-PASSPHRASE",
    "CB-ACCESS-KEY",
    "CB-ACCESS-SIGN",
    "CB-ACCESS-PASSPHRASE",
)
"""Names are compared without regard to case, `-` and `_`."""

_HEADER_PREFIXES = ("okaccess", "cbaccess")
_SHORTEST_VALUE = 6
"""A shorter value would blank innocent text; it is still covered by the name of its field."""
MARK = b"<redacted:"
"""How every masked value begins."""
_REDACTED = re.compile(rb"<redacted:[0-9a-f]{8}>")


class Redactor:
    """Two nets: fields known by name, and the live secrets themselves in every spelling they may travel in.

    A replaced value reads `<redacted:xxxxxxxx>`, the first 8 hex digits of its SHA-256, so equal secrets look equal.
    """

    def __init__(self, fields: Iterable[str] = ()) -> None:
        names = {*SECRET_FIELDS, *fields}
        self._names = frozenset(_plain(name) for name in names)
        spelled = sorted({_any_spelling(name) for name in names}, key=len, reverse=True)
        name = "(?:" + "|".join(spelled) + ")"
        # Ignoring case costs a lot per character, so a case-sensitive look at the first letter comes before it.
        first = "".join(sorted({letter for each in names for letter in (each[0].lower(), each[0].upper())}))
        self._json = re.compile(
            rf'("(?=[{re.escape(first)}])(?i:{name})"\s*:\s*)(?:"((?:[^"\\]|\\.)*)"?|(-?[0-9][^\s,}}\]]*))'.encode(),
            re.DOTALL,
        )
        # JSON inside a JSON string: the quotes carry backslashes. Written so that long runs of them cost linear time.
        self._nested = re.compile(
            rf'((?<!\\)\\+"{name}\\+"\s*:\s*\\+")((?:[^"\\]|\\+[^"\\])*)'.encode(), re.IGNORECASE | re.DOTALL
        )
        self._pairs = re.compile(rf"((?:^|[?&\s\"']){name}=)([^&#\s\"']*)".encode(), re.IGNORECASE)
        self._lines = re.compile(
            rf"^([ \t]*(?:{name}|ok-access-[a-z]+|cb-access-[a-z]+)[ \t]*:[ \t]*)([^\r\n]+)".encode(),
            re.IGNORECASE | re.MULTILINE,
        )
        self._forms: list[tuple[bytes, bytes]] = []
        self._protected: dict[bytes, set[bytes]] = {}

    def __repr__(self) -> str:
        return f"Redactor({len(self._names)} fields, {len(self._protected)} secrets)"

    def protect(self, secret: str | bytes) -> None:
        """Also hide this value, and its base64, hex, URL-encoded and JSON-escaped forms, wherever it appears."""
        raw = secret.encode() if isinstance(secret, str) else bytes(secret)
        if len(raw.strip()) < _SHORTEST_VALUE:
            return
        self._protected[raw] = _spellings(raw)
        self._list_forms()

    def forget(self, secret: str | bytes) -> None:
        """Stop holding a secret that is no longer in use."""
        self._protected.pop(secret.encode() if isinstance(secret, str) else bytes(secret), None)
        self._list_forms()

    def payload(self, data: bytes) -> bytes:
        """A message or a body: JSON or form fields by name, then live secrets. Returns `data` itself when clean."""
        found = data
        if b'"' in data:
            found = self._json.sub(_hide_json, found)
            if b'\\"' in data:
                found = self._nested.sub(_hide_nested, found)
        if b"=" in data:
            found = self._pairs.sub(_hide_pair, found)
        found = self.values(found)
        return data if found == data else found

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {
            name: _mark(value.encode()).decode() if self._is_secret_header(name) else self._values_in(value)
            for name, value in headers.items()
        }

    def query(self, query: str) -> str:
        """A query string, a path with one, or a whole URL."""
        hidden = self._pairs.sub(_hide_pair, query.encode("utf-8", "surrogateescape"))
        return self.values(hidden).decode("utf-8", "surrogateescape")

    def text(self, text: str) -> str:
        """Free text such as a log line or an error: header lines, query and JSON fields, live secrets."""
        data = text.encode("utf-8", "surrogateescape")
        return self.payload(self._lines.sub(_hide_pair, data)).decode("utf-8", "surrogateescape")

    def _is_secret_header(self, name: str) -> bool:
        plain = _plain(name)
        return plain in self._names or plain.startswith(_HEADER_PREFIXES)

    def _values_in(self, text: str) -> str:
        return self.values(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def values(self, data: bytes) -> bytes:
        """Only the live secrets, in any of their forms."""
        for form, mark in self._forms:
            if form in data:
                data = data.replace(form, mark)
        return data

    def _list_forms(self) -> None:
        forms = {form: _mark(raw) for raw, spellings in self._protected.items() for form in spellings}
        self._forms = sorted(forms.items(), key=lambda item: len(item[0]), reverse=True)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _any_spelling(name: str) -> str:
    """A pattern for the name with or without separators, at any place where one spelling has them."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name) or [name]
    return "[-_]?".join(re.escape(word) for word in words)


def _mark(value: bytes) -> bytes:
    if _REDACTED.fullmatch(value):
        return value
    return b"<redacted:" + hashlib.sha256(value).hexdigest()[:8].encode() + b">"


def _hide_json(match: re.Match[bytes]) -> bytes:
    text, number = match[2], match[3]
    if not text and number is None:
        return match[0]
    return match[1] + b'"' + _mark(number if text is None else text) + b'"'


def _hide_nested(match: re.Match[bytes]) -> bytes:
    return match[1] + (_mark(match[2]) if match[2] else b"")


def _hide_pair(match: re.Match[bytes]) -> bytes:
    return match[1] + (_mark(match[2]) if match[2] else b"")


def _spellings(raw: bytes) -> set[bytes]:
    forms = {raw, raw.strip(), raw.hex().encode(), raw.hex().upper().encode()}
    for quoted in (quote(raw, safe=""), quote_plus(raw), quote(raw)):
        forms |= {quoted.encode(), re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), quoted).encode()}
    # Inside a longer base64 text the secret starts at one of three bit positions; its edges depend on the neighbours.
    for offset in range(3):
        usable = (len(raw) + offset) // 3 * 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inner = encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : usable]
            if len(inner) >= 8:
                forms.add(inner)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {encode(raw), encode(raw).rstrip(b"=")}
    text = raw.decode("utf-8", "surrogateescape")
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for form in (escaped, escaped.replace("/", "\\/"), json.dumps(escaped)[1:-1]):
            forms.add(form.encode("utf-8", "surrogateescape"))
    # A key file may be wrapped differently: its long lines count one by one.
    forms |= {line.strip() for line in raw.splitlines() if len(line.strip()) >= 16 and not line.startswith(b"---")}
    return {form for form in forms if len(form) >= _SHORTEST_VALUE}
