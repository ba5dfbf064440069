"""Seals an account's keys with AES-256-GCM under a key from the keyring or from a password. No files, no prompts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from app.connectors.spec import Credentials
from app.credentials.errors import RecordDamaged
from app.credentials.record import Header, Kdf, Record, header_line

KEY_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
ARGON2ID_PARAMS = {"memory_kib": 64 * 1024, "iterations": 3, "lanes": 4}
SCRYPT_PARAMS = {"n": 1 << 17, "r": 8, "p": 1}
_MOST = 8
"""How many times dearer than ours a record's parameters may be: a planted file must not freeze the program."""
_PURPOSE = b"depthdesk account record"

RandomBytes = Callable[[int], bytes]


class _Keys(Struct):
    api_key: str
    secret_key: str
    passphrase: str


def random_bytes(count: int) -> bytes:
    """At most 32 bytes from the system's generator."""
    return AESGCM.generate_key(KEY_BYTES * 8)[:count]


def password_kdf() -> tuple[Kdf, dict[str, int]]:
    """Argon2id, or scrypt where the library was built without it."""
    try:
        _argon2id(bytes(SALT_BYTES), ARGON2ID_PARAMS)
    except UnsupportedAlgorithm:
        return Kdf.SCRYPT, dict(SCRYPT_PARAMS)
    return Kdf.ARGON2ID, dict(ARGON2ID_PARAMS)


def key_of_password(password: str, kdf: Kdf, params: Mapping[str, int], salt: bytes) -> bytes:
    """Takes some tenths of a second by design. Raises RecordDamaged for parameters that this program never wrote."""
    least = {Kdf.ARGON2ID: ARGON2ID_PARAMS, Kdf.SCRYPT: SCRYPT_PARAMS}.get(kdf, {})
    if params.keys() != least.keys() or not least or len(salt) != SALT_BYTES:
        raise RecordDamaged("its parameters are not of this program")
    if any(not low <= params[name] <= low * _MOST for name, low in least.items()):
        raise RecordDamaged("its parameters are weaker or far dearer than this program's")
    secret = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    try:
        if kdf is Kdf.ARGON2ID:
            return _argon2id(salt, params).derive(secret)
        return Scrypt(salt=salt, length=KEY_BYTES, n=params["n"], r=params["r"], p=params["p"]).derive(secret)
    except (UnsupportedAlgorithm, ValueError, MemoryError):
        raise RecordDamaged("this computer cannot derive its key") from None


def key_of_keyring(wrapping_key: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=_PURPOSE).derive(wrapping_key)


def seal(header: Header, credentials: Credentials, key: bytes) -> bytes:
    """The whole record. The header's nonce must be new: one nonce must never seal two things under one key."""
    line = header_line(header)
    keys = _Keys(credentials.api_key, credentials.secret_key, credentials.passphrase)
    return line + AESGCM(key).encrypt(header.nonce, msgspec.json.encode(keys), line)


def unseal(record: Record, key: bytes) -> Credentials:
    """Raises RecordDamaged when one bit of the file, or the key, is another."""
    try:
        keys = msgspec.json.decode(AESGCM(key).decrypt(record.header.nonce, record.sealed, record.line), type=_Keys)
    except (InvalidTag, ValueError):
        raise RecordDamaged("it was changed or cut off") from None
    return Credentials(api_key=keys.api_key, secret_key=keys.secret_key, passphrase=keys.passphrase)


def _argon2id(salt: bytes, params: Mapping[str, int]) -> Argon2id:
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=params["iterations"],
        lanes=params["lanes"],
        memory_cost=params["memory_kib"],
    )
