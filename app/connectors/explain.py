"""Reads logged messages again: what they meant, and which of them set a price level. Changes nothing, sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from app.connectors.side_link import private_reader
from app.connectors.spec import PrivateSource, PublicSource
from app.connectors.venue import Venue
from app.core.effects import Effect, Unknown
from app.core.frames import Direction, Frame, FrameKind
from app.core.order_book import OrderBook
from app.core.requests import Call, Page, Response, VenueError
from app.core.types import Balance, BalanceDelta, BookDiff, BookSnapshot, Side

_GZIP = b"\x1f\x8b"


def explain_frame(venue: Venue, public: PublicSource, private: PrivateSource | None, frame: Frame) -> Sequence[Effect]:
    """The effects of one logged message; what cannot be read is an `Unknown`, what carries nothing is empty."""
    if frame.direction is Direction.OUT or frame.kind is FrameKind.CONTROL:
        return ()
    try:
        if frame.kind is FrameKind.REST:
            return tuple(_explain_reply(venue, public, private, frame))
        read = private_reader(private, frame.connection.rpartition("/")[2]) or public.on_message
        return tuple(read(frame.payload, frame.seq))
    except (msgspec.DecodeError, ValueError, VenueError) as error:
        return (Unknown(f"unreadable: {error}"),)


def _explain_reply(venue: Venue, public: PublicSource, private: PrivateSource | None, frame: Frame) -> Iterator[Any]:
    response = Response(status=frame.status, headers={}, body=frame.payload, frame=frame.seq, sent_ms=0, received_ms=0)
    read_reply = getattr(public, "read_reply", None)
    if read_reply is not None:
        asked = venue.log.get(frame.answers)
        yield from () if asked is None else read_reply(asked.payload, response)
        return
    for call in _known_calls(public, private):
        if call.request.method == frame.method and call.request.path == frame.path.partition("?")[0]:
            answer = call.parse(response)
            items = answer.items if isinstance(answer, Page) else answer if isinstance(answer, list) else [answer]
            for item in items:
                if isinstance(item, Balance):
                    item = BalanceDelta(asset=item.asset, reason="listed", balance=item)
                yield item
            return


def _known_calls(public: PublicSource, private: PrivateSource | None) -> Iterator[Call[Any]]:
    yield public.get_trading_rules()
    yield public.get_tickers()
    if private is not None:
        yield private.get_balances()
        yield private.get_open_orders()
        yield private.get_fills(0)
        yield private.get_order_history(0)


def find_level_frame(venue: Venue, public: PublicSource, book: OrderBook, side: Side, price: str) -> int | None:
    """Search the log backwards, down to the book's snapshot, for the newest message that set this price."""
    needle = price.encode()
    for frame in venue.log.newest_first():
        if frame.seq < book.snapshot_frame:
            return None
        if frame.kind is not FrameKind.WS or frame.exchange != venue.key:
            continue
        # A compressed message shows its prices only when read.
        if needle not in frame.payload and not frame.payload.startswith(_GZIP):
            continue
        for effect in explain_frame(venue, public, None, frame):
            if isinstance(effect, BookDiff | BookSnapshot) and effect.pair == book.pair:
                levels = effect.bids if side is Side.BUY else effect.asks
                if any(level[0] == price for level in levels):
                    return frame.seq
    return None
