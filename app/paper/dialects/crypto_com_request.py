"""One Crypto.com call as its answer sees it, over REST and WebSocket alike. Neither HTTP nor a socket."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from app.paper.accounts import Account
from app.paper.dialects.crypto_com_rules import Terms


class Call(Struct, frozen=True, kw_only=True):
    method: str
    request_id: int
    params: dict[str, Any]
    account: Account

    @property
    def terms(self) -> Terms:
        return self.params
