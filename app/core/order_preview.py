"""What an exchange says of an order that it was asked to check and not to take. No I/O."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class OrderPreview(Struct, frozen=True):
    """`problems` and `warnings` are its words, foreign text; no problems is good. `total` is quote, fee included."""

    problems: tuple[str, ...] = ()
    fee: Decimal | None = None
    fee_asset: str = ""
    frame: int = 0
    warnings: tuple[str, ...] = ()
    total: Decimal | None = None
    slippage: Decimal | None = None
    """As the exchange tells it; its unit is not documented."""
