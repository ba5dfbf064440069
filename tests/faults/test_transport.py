"""Faults of the network between desk and exchange, and what the window then shows."""

from __future__ import annotations

from app.core.types import Side
from tests.lab.desk import Desk
from tests.lab.fixtures import Lab
from tests.until import until


def test_t1_a_reset_greys_the_book_at_once_and_it_comes_back_by_itself(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        desk.click_price(Side.BUY, 6)
        await until(lambda: desk.gate() == "", what="an open gate")
        desk.proxy.reset()
        await until(lambda: desk.book() != "live", within_s=0.25, what="a grey book")
        await until(lambda: "RECONNECT" in desk.connection("public").get("State", ""), what="the connection's state")
        await until(lambda: desk.gate().startswith("Will ask"), what="a gate that asks")
        await desk.live()
        await until(lambda: desk.gate() == "", what="an open gate again")

    lab(story)


def test_t2_a_black_hole_is_noticed_within_two_seconds_and_given_up_within_six(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        sockets = len(desk.proxy.handshakes)
        desk.proxy.freeze()
        await until(lambda: desk.book() == "aging", within_s=2.5, what="an aging book")
        await until(lambda: desk.book() == "stale", within_s=4.5, what="a stale book")
        desk.proxy.thaw()
        await desk.live()
        assert len(desk.proxy.handshakes) > sockets, "the old socket was given up"

    lab(story)
