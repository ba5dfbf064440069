"""Our order ids: sortable, recognisable, and valid on every exchange we know. No clock, no randomness of its own."""

from __future__ import annotations

from random import Random

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "k"


def new_client_order_id(now_ms: int, random: Random) -> str:
    """`k` and a ULID: 48 bits of time (ms), 80 random bits; 27 letters and digits."""
    number = (now_ms & (1 << 48) - 1) << 80 | random.getrandbits(80)
    return PREFIX + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def is_ours(client_order_id: str) -> bool:
    """Whether an id has our form, as after a reinstall that lost the journal."""
    return (
        len(client_order_id) == 27
        and client_order_id.startswith(PREFIX)
        and all(letter in _CROCKFORD for letter in client_order_id[1:])
    )
