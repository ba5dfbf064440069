"""Books of HTX as our levels: the typed reading of the busiest frames. No topics other than books, no joining."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from app.connectors.htx.protocol import checked, plain
from app.core.types import Level

_NUMBERS = re.compile(r"[0-9.eE+\-,;]+").fullmatch
_decode_levels = msgspec.json.Decoder(list[tuple[Decimal, Decimal]]).decode
_MOST_REMEMBERED = 200_000


class Tick(Struct, rename="camel", gc=False):
    """A whole book or a change of one; a side that did not change may be missing.

    `version` numbers the pictures of depth.step*, `seq_num` the changes of mbp: neither joins the other.
    """

    seq_num: int | None = None
    prev_seq_num: int | None = None
    version: int | None = None
    ts: int = 0
    bids: Raw = Raw(b"[]")
    asks: Raw = Raw(b"[]")


class BookFrame(Struct, gc=False):
    ch: str
    tick: Tick
    ts: int = 0


decode_book_frame = msgspec.json.Decoder(BookFrame).decode
decode_tick = msgspec.json.Decoder(Tick).decode


class _Prices(dict[str, str]):
    """The one spelling of each price: `710.0` and `710` name the same level."""

    def __missing__(self, text: str) -> str:
        price = Decimal(text)
        if price <= 0:
            raise ValueError(f"not a price: {text[:40]!r}")
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        spelled = self[text] = plain(price)
        return spelled


_prices = _Prices()


def read_levels(side: Raw) -> list[Level]:
    """Prices in one spelling, amounts (base) without exponents: the exchange's JSON numbers never become floats.

    Raises ValueError for anything that is no list of pairs of numbers.
    """
    text = str(side, "utf-8")
    if text == "[]" or text == "null":
        return []
    inner = text[2:-2].replace("],[", ";")
    if not _NUMBERS(inner) or ",-" in inner or text[:2] != "[[":
        return _read_carefully(side)
    prices = _prices
    levels = []
    for row in inner.split(";"):
        price, amount = row.split(",")
        levels.append((prices[price], amount))
    if "E" in inner or "e" in inner:
        return [(price, plain(Decimal(amount))) for price, amount in levels]
    return levels


def _read_carefully(side: Raw) -> list[Level]:
    """As above, in any spelling of JSON: with spaces, or numbers written as strings."""
    levels = []
    for price, amount in _decode_levels(side):
        if checked(price) <= 0 or checked(amount) < 0:
            raise ValueError("a level with a negative number")
        levels.append((plain(price), plain(amount)))
    return levels
