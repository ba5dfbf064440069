"""What an exchange lets a trader change of an open order. No I/O."""

from __future__ import annotations

from msgspec import Struct


class AmendOffer(Struct, frozen=True, kw_only=True):
    """`refusal` says why nothing can be changed, or is empty. `words` tell what the exchange does with the order."""

    price: bool
    smaller: bool
    larger: bool
    words: str
    refusal: str = ""
