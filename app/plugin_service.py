"""The switch of the plug-in service: what is served, who may trade, start, stop, new keys. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from app.connectors.exchange import Exchange
from app.credentials.sealing import random_bytes
from app.services.fmz_service import HOST, FmzService, PortTaken, ServedCall
from app.services.pairing import Keys, Pairing, Permissions, new_keys
from app.workspace import Workspace

DEFAULT_PORT = 6666
_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535

__all__ = ["DEFAULT_PORT", "HOST", "Keys", "PortTaken", "ServedCall", "ServiceSwitch"]


class Share(Struct):
    """Whether one exchange is served, and whether the client may place and cancel orders on it."""

    served: bool = False
    trade: bool = False


class ServiceSwitch:
    """Off until `start`. Nothing is served and nobody may trade before the user says so, exchange by exchange."""

    def __init__(self, workspace: Workspace, new_bytes: Callable[[int], bytes] = random_bytes) -> None:
        self._workspace = workspace
        self._new_bytes = new_bytes
        self._shares: dict[str, Share] = {}
        self._service: FmzService | None = None
        self._starting = False

    # -- what is shared

    def share(self, key: str) -> Share:
        return self._shares.get(key, Share())

    def set_share(self, key: str, *, served: bool, trade: bool) -> None:
        """Holds from the next call on, also while the service runs."""
        self._shares[key] = Share(served, trade and served)

    @property
    def served(self) -> dict[str, Exchange]:
        return {key: each for key, each in self._workspace.exchanges.items() if self.share(key).served}

    def _permissions(self, key: str) -> Permissions:
        return Permissions(trade=self.share(key).trade)

    # -- life

    @property
    def running(self) -> bool:
        return self._service is not None and self._service.running

    async def start(self, port: int) -> Keys:
        """The keys for the client; they are kept nowhere. Raises PortTaken, and ValueError for a bad port."""
        if self.running or self._starting:
            raise ValueError("the service runs already")
        if not (port == 0 or _LOWEST_PORT <= port <= _HIGHEST_PORT):
            raise ValueError(f"{port} is not a port from {_LOWEST_PORT} to {_HIGHEST_PORT}")
        keys = new_keys(self._new_bytes)
        clock = self._workspace.clock
        service = FmzService(
            lambda: self.served,
            Pairing(keys, Permissions(), clock),
            clock,
            self._workspace.notices,
            port=port,
            permissions_for=self._permissions,
        )
        self._starting = True
        try:
            await service.start()
        finally:
            self._starting = False
        self._service = service
        self._workspace.notices.info("plug-in service", f"started at {service.url}")
        return keys

    def rotate(self) -> Keys:
        """New keys; the old ones are refused from now on. Raises ValueError while it does not run."""
        if self._service is None or not self.running:
            raise ValueError("the service does not run")
        keys = new_keys(self._new_bytes)
        self._service.rotate(Pairing(keys, Permissions(), self._workspace.clock))
        self._workspace.notices.info("plug-in service", "new pairing: the old keys are refused from now on")
        return keys

    async def stop(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            await service.stop()
            self._workspace.notices.info("plug-in service", "stopped")

    # -- what is seen

    @property
    def url(self) -> str:
        return self._service.url if self._service is not None and self.running else ""

    def path(self, key: str) -> str:
        """Where that exchange is served, such as /POLONIEX."""
        return f"/{key.upper().replace(':', '-')}"

    @property
    def answered(self) -> int:
        return 0 if self._service is None else self._service.answered

    @property
    def methods(self) -> dict[str, int]:
        """Calls by method, most called first."""
        return {} if self._service is None else dict(self._service.methods.most_common())

    @property
    def calls(self) -> Sequence[ServedCall]:
        """The newest 200, newest last."""
        return () if self._service is None else tuple(self._service.calls)

    @property
    def refused(self) -> dict[str, int]:
        """Requests refused before any method was called, by reason."""
        return {} if self._service is None else dict(self._service.blocked.most_common())

    @property
    def browser_words(self) -> str:
        return "" if self._service is None else self._service.blocked_words()
