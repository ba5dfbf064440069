"""What the server needs from an exchange's dialect, and the table of known ones. No protocol here."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from aiohttp import web

from app.core.clock import Clock
from app.paper.desk import Desk


class Dialect(Protocol):
    """One exchange's REST and WebSocket protocol over one Desk."""

    desk: Desk

    def app(self) -> web.Application:
        """All routes. Middlewares may be added in front (that is where faults would sit)."""
        ...

    def endpoints(self, host: str, port: int) -> dict[str, str]:
        """`rest`, `ws_public` and `ws_private` addresses."""
        ...

    def tick(self) -> None:
        """Called a few times a second for everything that depends on time."""
        ...

    def close(self) -> None:
        """Say goodbye to all connections."""
        ...


_MODULES = {
    "binance": "app.paper.dialects.binance",
    "coinbase": "app.paper.dialects.coinbase",
    "crypto_com": "app.paper.dialects.crypto_com",
    "htx": "app.paper.dialects.htx",
    "okx": "app.paper.dialects.okx",
    "poloniex": "app.paper.dialects.poloniex",
}
KEY_KINDS = {
    "binance": ("hmac", "read-only", "withdraw", "ed25519", "rsa"),
    "coinbase": ("ecdsa", "ed25519", "view-only"),
    "htx": ("hmac", "read-only"),
    "okx": ("hmac", "read-only"),
}
"""Exchanges whose twin offers several keys; the default one first."""


class UnknownDialect(ValueError):
    """No such exchange has a twin yet."""


def known() -> list[str]:
    return sorted(_MODULES)


def load(exchange: str, seed: int, clock: Clock) -> Dialect:
    """Open the desk of an exchange. The dialect's module is imported only now. Raises UnknownDialect."""
    module = _MODULES.get(exchange)
    if module is None:
        raise UnknownDialect(f"no twin of {exchange!r}; known: {', '.join(known())}")
    dialect: Dialect = import_module(module).open_twin(seed, clock)
    return dialect
