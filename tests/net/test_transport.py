"""A websocket over a real socket: what arrives, what is logged, and in which words it ends."""

from __future__ import annotations

import asyncio
import tracemalloc
import zlib

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from app.core.frames import Direction, FrameKind
from app.net.issuers import Trust
from app.net.proxy import Proxy
from app.net.transport import LinkLost
from tests.net.loopback import Certificate, Wire, raw_server, until, websocket_server

pytestmark = pytest.mark.asyncio


async def read_all(wire: Wire, url: str, **options: object) -> tuple[list[bytes], LinkLost | None]:
    """Every payload until the end, and how it ended."""
    payloads = []
    try:
        async with wire.open(url, **options) as connection:  # type: ignore[arg-type]
            async for frame in connection:
                payloads.append(frame.payload)
    except LinkLost as lost:
        return payloads, lost
    return payloads, None


async def test_messages_come_numbered_and_logged(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.send('{"n":1}')
        await peer.send(b"\x1f\x00binary")
        await peer.send(["frag", "men", "ted"])
        assert await peer.recv() == "hello"

    async with websocket_server(handler) as url, wire.open(url) as connection:
        frames = [await anext(connection) for _ in range(3)]
        sent = await connection.send(b"hello")

    assert [frame.payload for frame in frames] == [b'{"n":1}', b"\x1f\x00binary", b"fragmented"]
    assert [frame.seq for frame in frames] == [2, 3, 4]
    assert wire.log.get(3) == frames[1]
    assert (sent.direction, sent.kind, sent.payload) == (Direction.OUT, FrameKind.WS, b"hello")
    assert (wire.status.messages, wire.status.bytes, wire.status.epoch) == (3, 7 + 8 + 10, 1)
    assert wire.status.last_recv_ns >= frames[2].mono_ns
    assert wire.notes()[0].startswith("connected to 127.0.0.1 in ")


async def test_invalid_utf8_costs_nothing_but_that_message(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.send(b"\xff\xfe{", text=True)
        await peer.send("fine")

    async with websocket_server(handler) as url, wire.open(url) as connection:
        assert [(await anext(connection)).payload for _ in range(2)] == [b"\xff\xfe{", b"fine"]


async def test_close_by_the_exchange_is_a_loss_with_its_reason(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.send("last words")
        await peer.close(4001, "slow consumer\u202e")

    async with websocket_server(handler) as url:
        payloads, lost = await read_all(wire, url)
    assert payloads == [b"last words"]
    assert lost is not None and lost.code == 4001
    assert lost.reason == "closed by the exchange (code 4001): slow consumer"
    assert wire.notes()[-1] == "closed 4001 closed by the exchange (code 4001): slow consumer"


async def test_our_own_close_just_ends_the_iteration(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.wait_closed()

    async with websocket_server(handler) as url, wire.open(url) as connection:
        reader = asyncio.create_task(anext(connection, None))
        await asyncio.sleep(0)
        await connection.close("market closed by user")
        assert await reader is None
        with pytest.raises(LinkLost, match="closed by us: market closed by user"):
            await connection.send(b"too late")
    assert wire.notes()[-1] == "closed 1000 by us: market closed by user"


async def test_reset_without_goodbye(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.send("x")
        peer.transport.abort()

    async with websocket_server(handler) as url:
        payloads, lost = await read_all(wire, url)
    assert payloads == [b"x"]
    assert lost is not None and lost.code == 1006
    assert lost.reason in ("connection reset", "connection lost: it ended without a close message")


async def test_dropping_at_once_gives_the_reader_our_reason(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.wait_closed()

    async with websocket_server(handler) as url, wire.open(url) as connection:
        connection.abort("computer slept 300 s")
        with pytest.raises(LinkLost, match="computer slept 300 s"):
            await anext(connection)
    assert wire.notes()[-1] == "closed 1006 computer slept 300 s"


async def test_epoch_counts_openings(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.send("hello")

    async with websocket_server(handler) as url:
        for expected in (1, 2, 3):
            async with wire.open(url) as connection:
                assert (await anext(connection)).epoch == expected == wire.status.epoch


async def test_round_trip_is_measured_by_pings(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.wait_closed()

    wire.transport.ping_every_s = 0.01
    async with websocket_server(handler) as url, wire.open(url):
        await until(lambda: wire.status.round_trip_ms is not None)
    assert wire.status.round_trip_ms is not None and 0 < wire.status.round_trip_ms < 1000


async def test_a_silent_link_is_declared_dead(wire: Wire) -> None:
    """The peer's process is stopped: the socket stays open and nothing comes any more."""

    async def handler(peer: ServerConnection) -> None:
        peer.transport.pause_reading()
        await peer.wait_closed()

    wire.transport.ping_every_s, wire.transport.pong_within_s = 0.05, 0.3
    async with websocket_server(handler, ping_interval=None, close_timeout=0.1) as url:
        _, lost = await asyncio.wait_for(read_all(wire, url), 5)
    assert lost is not None
    assert lost.reason == "silent: no answer to our ping within 0.3 s"


async def test_a_peer_that_reads_no_more_is_dead_even_while_we_write(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        peer.transport.pause_reading()
        await peer.wait_closed()

    wire.transport.ping_every_s, wire.transport.pong_within_s = 0.05, 0.3
    async with websocket_server(handler, ping_interval=None, close_timeout=0.1, compression=None) as url:
        async with wire.open(url) as connection:
            writing = asyncio.create_task(connection.send(b"x" * 30_000_000))
            with pytest.raises(LinkLost, match="silent: no answer to our ping within 0.3 s"):
                await asyncio.wait_for(anext(connection), 5)
            await asyncio.wait([writing], timeout=5)
            assert writing.done() and (writing.exception() is None or isinstance(writing.exception(), LinkLost))


async def test_after_dropping_old_messages_are_not_delivered(wire: Wire) -> None:
    """P13."""

    async def handler(peer: ServerConnection) -> None:
        for n in range(50):
            await peer.send(str(n))
        await peer.wait_closed()

    async with websocket_server(handler) as url, wire.open(url) as connection:
        assert (await anext(connection)).payload == b"0"
        connection.abort("computer slept 300 s")
        with pytest.raises(LinkLost, match="computer slept 300 s"):
            await anext(connection)
    assert wire.status.messages == 1
    assert wire.notes()[-1] == "closed 1006 computer slept 300 s"


async def test_data_without_pongs_is_alive(wire: Wire) -> None:
    async def handler(peer: ServerConnection) -> None:
        peer.transport.pause_reading()
        for n in range(20):
            await peer.send(str(n))
            await asyncio.sleep(0.05)
        peer.transport.resume_reading()

    wire.transport.ping_every_s, wire.transport.pong_within_s = 0.01, 0.25
    async with websocket_server(handler, ping_interval=None) as url:
        payloads, lost = await read_all(wire, url)
    assert len(payloads) == 20
    assert lost is not None and lost.reason.startswith("closed by the exchange")


async def test_a_reader_that_is_behind_does_not_kill_the_link(wire: Wire) -> None:
    """More than the queue holds is waiting, so pongs cannot get through: our own fault, not the link's."""

    async def handler(peer: ServerConnection) -> None:
        for _ in range(3000):
            await peer.send(b"x" * 4000)
        await peer.send("end")
        await peer.wait_closed()

    wire.transport.ping_every_s, wire.transport.pong_within_s = 0.05, 0.2
    async with websocket_server(handler, compression=None) as url, wire.open(url) as connection:
        await asyncio.sleep(0.8)
        async for frame in connection:
            if frame.payload == b"end":
                break
    assert wire.status.messages == 3001


async def test_nobody_listens(wire: Wire) -> None:
    async with raw_server(lambda reader, writer: asyncio.sleep(0)) as port:
        pass
    _, lost = await read_all(wire, f"ws://127.0.0.1:{port}/")
    assert lost is not None and lost.reason == "connection refused"
    assert wire.notes() == ["not connected: connection refused"]
    assert wire.status.epoch == 0


async def test_unknown_name(wire: Wire) -> None:
    _, lost = await read_all(wire, "ws://exchange.invalid/ws")
    assert lost is not None and lost.reason == "name lookup failed: exchange.invalid"


async def test_nobody_answers_the_handshake(wire: Wire) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    wire.transport.connect_within_s = 0.2
    async with raw_server(handler) as port:
        _, lost = await read_all(wire, f"ws://127.0.0.1:{port}/")
    assert lost is not None and lost.reason == "timed out: no connection to 127.0.0.1 within 0.2 s"


async def test_untrusted_certificate_names_its_issuer(wire: Wire, certificate: Certificate) -> None:
    async def handler(peer: ServerConnection) -> None:
        raise AssertionError("nothing may arrive here")

    async with websocket_server(handler, ssl=certificate.server_context()) as url:
        _, lost = await read_all(wire, url)
    assert lost is not None
    assert lost.reason.startswith("certificate not trusted (issuer Grey Proxy Ltd, 127.0.0.1): ")


async def test_issuer_of_a_good_certificate_is_known(wire: Wire, certificate: Certificate) -> None:
    async def handler(peer: ServerConnection) -> None:
        await peer.wait_closed()

    wire.transport.trust = Trust(cafile=str(certificate.path))
    async with websocket_server(handler, ssl=certificate.server_context()) as url, wire.open(url) as connection:
        assert connection.issuer == "Grey Proxy Ltd, 127.0.0.1"
    assert "issuer Grey Proxy Ltd" in wire.notes()[0]


async def test_a_server_that_hangs_up_during_the_handshake(wire: Wire) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(handler) as port:
        _, lost = await read_all(wire, f"ws://127.0.0.1:{port}/")
    assert lost is not None and lost.reason == "127.0.0.1 closed the connection during the handshake"


async def test_a_web_server_is_not_a_websocket(wire: Wire) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async with raw_server(handler) as port:
        _, lost = await read_all(wire, f"ws://127.0.0.1:{port}/")
    assert lost is not None and lost.reason == "handshake refused by 127.0.0.1: HTTP 200 OK"


async def test_redirect_is_refused(wire: Wire) -> None:
    asked = []

    def redirect(peer: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        return Response(302, "Found", Headers(Location="ws://evil.example/steal"))

    async def handler(peer: ServerConnection) -> None:
        pass

    async with websocket_server(handler, process_request=redirect) as url:
        _, lost = await read_all(wire, url)
    assert lost is not None and lost.reason == "unexpected redirect to evil.example refused"
    assert asked == ["/ws"]


async def test_refused_handshake_tells_status_and_wait(wire: Wire) -> None:
    def refuse(peer: ServerConnection, request: Request) -> Response:
        return Response(429, "Too Many Requests", Headers({"Retry-After": "17"}))

    async def handler(peer: ServerConnection) -> None:
        pass

    async with websocket_server(handler, process_request=refuse) as url:
        _, lost = await read_all(wire, url)
    assert lost is not None
    assert (lost.status, lost.retry_after_s) == (429, 17.0)
    assert lost.reason == "handshake refused by 127.0.0.1: HTTP 429 Too Many Requests"


async def test_message_over_the_limit_closes_with_1009(wire: Wire) -> None:
    codes: list[int | None] = []

    async def handler(peer: ServerConnection) -> None:
        await peer.send("x" * 2000)
        await peer.wait_closed()
        codes.append(peer.close_code)

    async with websocket_server(handler, compression=None) as url:
        payloads, lost = await read_all(wire, url, max_message_bytes=1000)
        await until(lambda: codes)
    assert payloads == []
    assert codes == [1009]
    assert lost is not None and lost.reason.startswith("message too big: ") and "1,000 bytes" in lost.reason


async def test_a_bomb_of_60_mb_costs_no_more_than_the_limit(wire: Wire) -> None:
    """P11: 60 kB on the wire that would inflate to 60 MB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (deflate.compress(b"\0" * 60_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(bomb) < 70_000

    async def handler(peer: ServerConnection) -> None:
        head = bytes([0x80 | 0x40 | 1, 127]) + len(bomb).to_bytes(8, "big")
        peer.transport.write(head + bomb)
        await peer.wait_closed()

    async with websocket_server(handler) as url:
        tracemalloc.start()
        try:
            payloads, lost = await read_all(wire, url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert payloads == []
    assert lost is not None and lost.reason.startswith("message too big: ")
    assert peak < 10 << 20


async def test_secrets_are_logged_redacted_and_delivered_whole(wire: Wire) -> None:
    wire.redactor.protect("hunter2hunter2")

    async def handler(peer: ServerConnection) -> None:
        assert "hunter2hunter2" in await peer.recv(True)
        await peer.send('{"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}')
        await peer.send('{"e":"trade"}')
        await peer.wait_closed()

    async with websocket_server(handler) as url, wire.open(url, scan=True) as connection:
        await connection.send(b'{"op":"login","args":[{"apiKey":"abc","sign":"xyz","memo":"hunter2hunter2"}]}')
        key, trade = await anext(connection), await anext(connection)

    assert b"pqia91ma19" in key.payload
    logged = [wire.log.get(seq) for seq in (2, key.seq, trade.seq)]
    assert logged[2] is trade
    texts = [frame.payload.decode() for frame in logged if frame]
    assert texts[0].count("<redacted:") == 3 and "hunter2" not in texts[0]
    assert texts[1].startswith('{"listenKey":"<redacted:') and "pqia91ma19" not in texts[1]


async def test_a_proxy_is_used_only_when_configured(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """T14: the environment is never asked, because REST would not ask it either."""
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def handler(peer: ServerConnection) -> None:
        await peer.send("direct")

    async with raw_server(proxy) as port, websocket_server(handler) as url:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        payloads, _ = await read_all(wire, url)
        assert payloads == [b"direct"] and asked == []

        wire.transport.proxy = Proxy(f"http://127.0.0.1:{port}")
        _, lost = await read_all(wire, url)
    assert asked and asked[0].startswith(b"CONNECT 127.0.0.1:")
    assert lost is not None and lost.reason.startswith("proxy failed: ") and "403" in lost.reason
