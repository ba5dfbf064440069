"""Plain words for what the operating system says when a connection fails. No protocol errors of an exchange."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from app.net.tls import IssuerSeen, UntrustedCertificate, certificate_words

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection aborted",
    errno.EPIPE: "connection broken",
    errno.ETIMEDOUT: "timed out",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETDOWN: "network down",
    errno.EADDRNOTAVAIL: "no network address",
    errno.ENFILE: "too many open files (system limit)",
}


def _file_limit() -> str:
    try:
        import resource
    except ImportError:
        return "no more"
    return f"{resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,} (ulimit -n)"


def network_words(error: BaseException, host: str) -> str:
    """The most telling reason in the chain of causes, such as "connection refused" or "name lookup failed: host"."""
    chain = _chain(error)
    for each in chain:
        # aiohttp's own certificate error is one of these too, but without the details: those are in its cause.
        if isinstance(each, UntrustedCertificate):
            return certificate_words(each)
        if isinstance(each, IssuerSeen):
            return each.words
        if isinstance(each, socket.gaierror):
            return f"name lookup failed: {host}"
    for each in chain:
        # aiohttp's own TLS error is one of these too, but has no reason: that is in its cause.
        if isinstance(each, ssl.SSLError) and hasattr(each, "reason"):
            return f"TLS failed: {(each.reason or str(each)).replace('_', ' ').lower()}"
        if isinstance(each, TimeoutError):
            return "timed out"
    for each in chain:
        if isinstance(each, OSError) and (words := _os_words(each)):
            return words
    return str(error) or type(error).__name__


def is_untrusted(error: BaseException) -> bool:
    """Whether the other side's certificate is why the connection failed."""
    return any(isinstance(each, UntrustedCertificate) for each in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or step.__context__
    return chain


def _os_words(error: OSError) -> str:
    number = error.errno
    if number is None:
        # asyncio folds the failures of several addresses into one text.
        found = re.search(r"Errno (\d+)", str(error))
        number = int(found[1]) if found else None
    if number is None:
        return ""
    if number == errno.EMFILE:
        return f"too many open connections or files: the system allows this program {_file_limit()}"
    return _WORDS.get(number) or (error.strerror or str(error)).lower()
