"""OKX's stop orders that wait for their trigger are told on the business socket only. Asks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from app.connectors.okx.protocol import HEARTBEAT_S, PING
from app.connectors.spec import Auth, Domain
from app.core.effects import Effect, Send
from app.core.links import Link

_SUBSCRIPTION = msgspec.json.encode({"op": "subscribe", "args": [{"channel": "orders-algo", "instType": "SPOT"}]})


class OkxStopStream:
    """A connection of its own with a login of its own; what it says is read as on the account's other one."""

    link: Link

    def __init__(self, domain: Domain, auth: Auth, read: Callable[[bytes, int], Iterable[Effect]]) -> None:
        self._auth = auth
        self.link = Link(name="stop-orders", url=domain.sockets["business"], heartbeat_s=HEARTBEAT_S)
        self.on_message = read

    def on_open(self, now_ms: int) -> Iterable[Effect]:
        return (Send(self._auth.get_ws_auth_payload(now_ms)),)

    def on_logged_in(self) -> Iterable[Effect]:
        return (Send(_SUBSCRIPTION),)

    def heartbeat(self, now_ms: int) -> bytes:
        return PING
