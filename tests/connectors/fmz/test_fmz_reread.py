"""Logged answers read again: the body of the question says what they are."""

from __future__ import annotations

import pytest

from app.connectors.exchange import Exchange
from app.connectors.fmz.public import FmzPublic
from app.core.effects import Channel, Effect
from app.core.frames import Direction, FrameKind
from app.core.requests import Response
from app.core.types import BalanceDelta, BookSnapshot, Candle, Ticker, Trade
from tests.connectors.fmz.conftest import poll

pytestmark = pytest.mark.asyncio


async def test_every_answer_is_what_it_was(desk: Exchange) -> None:
    for channel, interval in ((Channel.TICKER, ""), (Channel.TRADES, ""), (Channel.CANDLES, "1h")):
        await poll(desk, channel, interval=interval)
    source = desk.order_book_tracker.data_source.source
    assert isinstance(source, FmzPublic)
    read: list[Effect] = []
    for frame in desk.venue.log.newest_first():
        asked = desk.venue.log.get(frame.answers)
        if (
            frame.direction is Direction.IN
            and frame.kind is FrameKind.REST
            and asked
            and b"access_key" in asked.payload
        ):
            response = Response(
                status=frame.status, headers={}, body=frame.payload, frame=frame.seq, sent_ms=0, received_ms=0
            )
            read += source.read_reply(asked.payload, response)
    kinds = {type(effect) for effect in read}
    assert kinds == {BookSnapshot, Ticker, Trade, Candle, BalanceDelta}
    assert {trade.trade_id for trade in read if isinstance(trade, Trade)} >= {"12232153", "12232154"}
