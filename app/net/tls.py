"""Certificate checks that can name who signed an untrusted certificate. There is no way to switch the checks off."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any


class UntrustedCertificate(ssl.SSLCertVerificationError):
    """The usual verification error, plus `issuer` ("" where the TLS library does not tell)."""

    issuer = ""


class IssuerSeen(ssl.SSLError):
    """Another issuer than before: the connection is ended before a byte of ours is sent on it."""

    @property
    def words(self) -> str:
        return str(self.args[0]) if self.args else ""


class _NamingObject(ssl.SSLObject):
    see: Callable[[str, object], None]

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            untrusted = UntrustedCertificate(*error.args)
            untrusted.verify_code = error.verify_code
            untrusted.verify_message = error.verify_message
            untrusted.issuer = _issuer_of_chain(self)
            raise untrusted from None
        self.see(self.server_hostname or "", self.getpeercert())


def trusting_system_store(cafile: str | None, see: Callable[[str, object], None]) -> ssl.SSLContext:
    """TLS 1.2 or newer with the system's certificate store; `cafile` adds certificates, as a test server needs.

    `see` is called with host and certificate after every handshake; what it raises ends the connection.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = type("_SeenObject", (_NamingObject,), {"see": staticmethod(see)})
    if cafile is not None:
        context.load_verify_locations(cafile)
    return context


def issuer_name(certificate: Any) -> str:
    """Organisation and common name of the issuer, from `getpeercert()`'s dict."""
    parts = _issuer(certificate)
    return ", ".join(parts[key] for key in ("organizationName", "commonName") if key in parts)


def organisation(certificate: Any) -> str:
    """The issuer's organisation alone, or its common name where it names none, from `getpeercert()`'s dict."""
    parts = _issuer(certificate)
    return str(parts.get("organizationName") or parts.get("commonName") or "")


def _issuer(certificate: Any) -> dict[str, str]:
    return {key: value for group in (certificate or {}).get("issuer", ()) for key, value in group}


def certificate_words(error: UntrustedCertificate) -> str:
    """What a trader reads: who vouches for the certificate and what is wrong with it."""
    about = f" (issuer {error.issuer})" if error.issuer else ""
    return f"certificate not trusted{about}: {error.verify_message or 'verification failed'}"


def _issuer_of_chain(connection: ssl.SSLObject) -> str:
    # CPython keeps the chain of a failed handshake but offers it publicly only from 3.13.
    try:
        chain = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
        return issuer_name(chain[0].get_info())
    except (AttributeError, IndexError, TypeError, ValueError):
        return ""
