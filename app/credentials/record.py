"""One account's record as bytes: a readable header line, then the sealed keys. No files, no cryptography."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec
from msgspec import Struct

from app.core.permissions import KeyPermissions
from app.credentials.errors import NewerRecord, RecordDamaged

VERSION = 2
LONGEST_RECORD = 256 * 1024
"""Bytes; far above any key, so that a planted file costs neither memory nor time."""
_LONGEST_HEADER = 8 * 1024


class Kdf(StrEnum):
    """Where the sealing key comes from."""

    KEYRING = "keyring"
    """A random 256-bit key in the system's keyring, through HKDF-SHA256 with the record's salt."""
    ARGON2ID = "argon2id"
    SCRYPT = "scrypt"


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that may be read without a key; sealing covers every byte of it. Times in ms, 0 for never."""

    version: int = VERSION
    kdf: Kdf
    params: dict[str, int]
    keyring_item: str = ""
    salt: bytes
    nonce: bytes
    created_ms: int
    exchange: str
    domain: str
    label: str
    key_fingerprint: str
    permissions: KeyPermissions = KeyPermissions()
    checked_ms: int = 0
    consent_ms: int = 0
    """When the user accepted that this key can move money away."""
    lab: dict[str, str] = {}
    """Addresses of the user's own server on this computer, by the names of a twin's first line; else empty."""


class Record(Struct, frozen=True):
    """A file taken apart; `line` is the header exactly as it stands there."""

    line: bytes
    header: Header
    sealed: bytes


class _Version(Struct):
    version: int


def header_line(header: Header) -> bytes:
    return msgspec.json.encode(header) + b"\n"


def take_apart(data: bytes) -> Record:
    """Raises RecordDamaged or NewerRecord. Nothing of the header is proven before the keys are unsealed."""
    end = data.find(b"\n", 0, _LONGEST_HEADER) + 1
    if not end or len(data) > LONGEST_RECORD:
        raise RecordDamaged("it is no account of this program")
    line = data[:end]
    try:
        if msgspec.json.decode(line, type=_Version).version > VERSION:
            raise NewerRecord("it was written by a newer version of Depthdesk")
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RecordDamaged("its header cannot be read") from None
    return Record(line, header, data[end:])


def fingerprint(api_key: str) -> str:
    """The first 8 hex digits of the key's SHA-256: enough to recognise it, useless to anybody else."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:8]


def file_name(exchange: str, domain: str, label: str) -> str:
    """A name for any file system, whatever the user called the account."""
    whole = "\0".join((exchange, domain, label)).encode()
    plain = "".join(letter for letter in exchange if letter.isascii() and letter.isalnum())
    return f"{plain}-{hashlib.sha256(whole).hexdigest()[:16]}.account"
