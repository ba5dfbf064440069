"""What stands between desk and exchange: names, certificates, gateways, redirects, proxies, another network."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from msgspec.structs import replace
from PySide6.QtWidgets import QToolButton

from app.config import Config, NetworkConfig
from app.core.order_state import OrderState
from app.core.orders import InFlightOrder
from app.core.types import Side
from app.twin_process import TwinLine
from tests.lab.desk import PAIR, Desk, Play, rows
from tests.lab.fault_proxy import FaultProxy
from tests.lab.faults import html, lose_answer, redirect
from tests.lab.fixtures import Lab
from tests.lab.forward_proxy import ForwardProxy
from tests.net.loopback import Certificate, raw_server
from tests.until import until

NAME = "exchange.test"
"""No name server knows it; a test's proxy or resolver does."""


def states_of(order: InFlightOrder) -> list[OrderState]:
    return [event.state for event in order.history]


def history_row(desk: Desk, order: InFlightOrder) -> dict[str, str]:
    """The order's row in the history, once it is there."""
    found = [row for row in rows(desk.window.history.table) if order.client_order_id in " ".join(row.values())]
    return found[0] if found else {}


def test_t9_an_order_whose_host_has_no_name_is_not_placed_and_never_unknown(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        addresses: dict[str, str] = desk.exchange.venue.rest._base_urls  # type: ignore[attr-defined]
        reachable = addresses[""]
        await desk.click_price(Side.BUY, 6)
        posts = len(desk.proxy.asked("POST"))
        order = await desk.submit("0.01", lambda: addresses.update({"": "http://exchange.invalid"}))
        await until(lambda: order.is_done, what="the order's end")
        assert order.state is OrderState.NOT_PLACED
        assert OrderState.UNKNOWN not in states_of(order)
        assert order.reason == "not sent: name lookup failed: exchange.invalid"
        await until(lambda: "name lookup failed" in " ".join(history_row(desk, order).values()), what="the row's words")
        await until(lambda: desk.gate().startswith("Will ask: the exchange was not reached"), what="a gate that asks")
        assert len(desk.proxy.asked("POST")) == posts
        addresses[""] = reachable
        await until(lambda: desk.gate() == "", what="an open gate once it is reached again")

    lab(story)


def test_t10_an_untrusted_certificate_ends_the_connection_before_a_word_is_said(
    lab: Lab, twin_line: TwinLine, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        heard = bytearray()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.extend(await reader.read(100_000))

        certificate = Certificate(tmp_path, "Grey Proxy Ltd")
        async with raw_server(listen, ssl=certificate.server_context()) as port:
            line = replace(
                twin_line,
                rest=f"https://127.0.0.1:{port}",
                ws_public=f"wss://127.0.0.1:{port}/ws/public",
                ws_private=f"wss://127.0.0.1:{port}/ws/private",
            )
            spec = desk.exchange.venue.spec
            bad = await desk.workspace.open_exchange(spec, line.domain(), line.credentials(), "bad", [PAIR])
            await until(lambda: desk.connection("poloniex:bad/public").get("State") == "OFF", what="the state")
            reason = desk.connection("poloniex:bad/public")["Reason"]
            assert reason.startswith("certificate not trusted (issuer Grey Proxy Ltd")
            await until(lambda: any("CERTIFICATE" in words for words in desk.banners()), what="the banner")
            banner = next(words for words in desk.banners() if "CERTIFICATE" in words)
            assert "Certificate for 127.0.0.1 not trusted (issuer Grey Proxy Ltd, 127.0.0.1)" in banner
            status = desk.window.status
            await until(lambda: "poloniex:bad" in status._dots, what="the exchange in the status bar")
            await until(lambda: "OFF" in status._dots["poloniex:bad"].text(), what="the pill")
            buttons = [child.text().lower() for child in desk.window.banner.findChildren(QToolButton)]
            assert not any(word in text for text in buttons for word in ("ignore", "trust", "accept", "anyway"))
            assert sum("CERTIFICATE" in words for words in desk.banners()) == 1, "told once, not for every connection"
            assert not bad.ready and not heard, "no byte of ours was readable to the other side"
            assert desk.book() == "live", "other exchanges go on"

    lab(story)


@pytest.mark.parametrize("status", [502, 403])
def test_t11_a_gateways_page_leaves_the_order_unknown_and_is_only_text(lab: Lab, status: int) -> None:
    async def story(desk: Desk) -> None:
        desk.proxy.on_request(html(status), method="POST", path="/orders", times=1)
        await desk.click_price(Side.BUY, 6)
        order = await desk.submit("0.01")
        await until(lambda: OrderState.UNKNOWN in states_of(order), what="an order in doubt")
        assert order.state is OrderState.UNKNOWN
        await until(lambda: any(words.startswith("May be live. Check") for words in desk.states()), what="the row")
        told = " ".join(cell for row in rows(desk.window.open_orders.table) for cell in row.values()).lower()
        assert "<" not in told and "script" not in told
        await until(lambda: "may be live" in desk.gate(), what="a market that is blocked")
        assert "<h1>" not in " ".join(desk.events())
        page = next(frame for frame in desk.workspace.log.newest_first() if b"<h1>Bad gateway" in frame.payload)
        assert page.status == status, "the page itself is in the stream inspector"

    lab(story)


def test_a_cancel_whose_connection_drops_is_sent_once(lab: Lab) -> None:
    """By itself the HTTP library would send a DELETE twice; it may have reached the exchange the first time."""

    async def story(desk: Desk) -> None:
        order = await desk.place()
        await until(lambda: order.state is OrderState.OPEN and len(desk.states()) == 1, what="the order on screen")
        rule = desk.proxy.on_request(lose_answer, method="DELETE")
        await desk.press_cancel()
        await until(lambda: order.state is OrderState.CANCELED, what="the cancel, by the stream or by asking")
        assert (rule.used, len(desk.proxy.asked("DELETE"))) == (1, 1)

    lab(story)


def test_t13_a_redirect_is_refused_and_no_key_goes_there(lab: Lab) -> None:
    async def story(desk: Desk) -> None:
        seen: list[dict[str, str]] = []

        async def evil(request: web.BaseRequest) -> web.StreamResponse:
            seen.append(dict(request.headers))
            return web.json_response({})

        runner = web.ServerRunner(web.Server(evil))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            rule = desk.proxy.on_request(redirect(f"http://localhost:{port}/steal"))
            await until(lambda: rule.used >= 3, what="some redirected requests")
            await until(lambda: desk.banners(), what="the banner")
            assert "REDIRECT poloniex: Unexpected redirect to localhost refused" in desk.banners()
            away = {"Location": f"http://localhost:{port}/steal"}
            desk.proxy.refuse_handshake = lambda request: web.Response(status=302, headers=away)
            desk.proxy.reset()
            await until(lambda: "redirect" in desk.connection("poloniex/public").get("Reason", ""), what="the reason")
            assert not seen, "nobody followed"
            desk.proxy.heal()
            await desk.live()
            await until(lambda: not desk.banners(), what="no banner when the exchange speaks again")
        finally:
            await runner.cleanup()

    lab(story)


def named(line: TwinLine, port: int) -> TwinLine:
    """The twin under a name that is not this computer's."""
    place = f"{NAME}:{port}"
    return replace(
        line,
        rest=urlsplit(line.rest)._replace(netloc=place).geturl(),
        ws_public=urlsplit(line.ws_public)._replace(netloc=place).geturl(),
        ws_private=urlsplit(line.ws_private)._replace(netloc=place).geturl(),
    )


def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_t14_the_environments_proxy_serves_requests_and_streams_alike(
    play: Play, twin_line: TwinLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        forward = ForwardProxy(urlsplit(twin_line.rest).netloc)
        await forward.start()
        clean_environment(monkeypatch)
        monkeypatch.setenv("http_proxy", f"http://{forward.address}")
        desk = Desk(tmp_path)
        await desk.open(named(twin_line, 80))
        try:
            dot = desk.window.status._dots[desk.exchange.key]
            assert f"requests and streams via proxy {forward.address}" in dot.toolTip()
            assert set(forward.connects) == {f"{NAME}:80"} and len(forward.connects) == 2
            assert set(forward.requests) <= {NAME, f"{NAME}:80"} and len(forward.requests) >= 4
        finally:
            await desk.close(cancel=False)
            await forward.stop()

    play(story())


@pytest.mark.parametrize("where", ["environment", "settings"])
def test_t14_a_proxy_that_only_one_side_could_use_is_refused_with_words(
    play: Play, twin_line: TwinLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    async def story() -> None:
        clean_environment(monkeypatch)
        proxy = "socks5://127.0.0.1:9"
        if where == "environment":
            monkeypatch.setenv("all_proxy", proxy)
        config = Config(network=NetworkConfig(proxy=proxy if where == "settings" else ""))
        desk = Desk(tmp_path, config=config)
        await desk.open(named(twin_line, 80), ready=False)
        try:
            set_by = f"the socks5 proxy 127.0.0.1:9, set by the {where},"
            told = f"not connected: {set_by} cannot serve requests and streams alike"
            await until(lambda: any(told in text for text in desk.banners()), what="the banner")
            await until(lambda: desk.connection("public").get("Reason") == told, what="the reason in the connections")
            assert not desk.exchange.ready
        finally:
            await desk.close(cancel=False)

    play(story())


def test_t15_another_network_needs_no_restart_and_names_are_looked_up_anew(
    play: Play, twin_line: TwinLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange's name leads to 127.0.0.1, then that address is gone and the name leads to 127.0.0.2."""

    async def story() -> None:
        clean_environment(monkeypatch)
        here = FaultProxy(twin_line.rest)
        await here.start()
        place = {"now": "127.0.0.1"}
        looked_up: list[str] = []
        real = socket.getaddrinfo

        def lookup(host: Any, *args: Any, **options: Any) -> Any:
            if host == NAME:
                looked_up.append(place["now"])
                host = place["now"]
            return real(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        desk = Desk(tmp_path)
        await desk.open(named(twin_line, here.port))
        there = FaultProxy(twin_line.rest)
        try:
            assert set(looked_up) == {"127.0.0.1"}
            place["now"] = "127.0.0.2"
            there.port = here.port
            await there.start("127.0.0.2")
            await here.go_away()
            await until(lambda: desk.book() != "live", within_s=0.25, what="a grey book")
            await until(lambda: len(there.sockets) == 2, 20, "both streams at the new place")
            await desk.live()
            assert there.requests, "requests go there, too"
            assert any(text.startswith("Reconciled") for text in desk.events()[:20])
        finally:
            await desk.close(cancel=False)
            await there.stop()
            await here.stop()

    play(story())
