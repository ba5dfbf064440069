"""The parts of the client without a network: addresses, keys, numbers, words, refusals."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import msgspec
import pytest
from msgspec import Raw

from app.connectors.fmz import SPEC, PluginMarket, plugin_domain
from app.connectors.fmz.auth import FmzAuth, proof_of
from app.connectors.fmz.errors import good_data, kind_of, read_error
from app.connectors.fmz.protocol import OrderRow, ms_of, number_of, plain, state_of, to_pair, to_symbol
from app.connectors.fmz.public import FmzPublic
from app.connectors.spec import Credentials
from app.core.errors import ErrorKind
from app.core.requests import NotSent, Response, VenueError
from app.core.types import OrderType, VenueState

MARKETS = [PluginMarket("ETH-USDT")]
NOW = 1_730_275_031_047


def reply(body: str, status: int = 200) -> Response:
    return Response(status=status, headers={}, body=body.encode(), frame=7, sent_ms=NOW - 40, received_ms=NOW)


def auth(secret: str, passphrase: str = "", recognised: bool = True) -> tuple[FmzAuth, FmzPublic]:
    domain = plugin_domain("http://127.0.0.1:6666", "/OKX", MARKETS)
    if recognised:
        domain.listener.recognised_ms = NOW
    return FmzAuth(Credentials(api_key="AK", secret_key=secret, passphrase=passphrase), domain), FmzPublic(domain)


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://127.0.0.1:6666", "http://127.0.0.1:6666"),
        ("http://localhost:6666/", "http://127.0.0.1:6666"),
        ("http://127.8.9.10:80", "http://127.8.9.10:80"),
        ("http://[::1]:6666", "http://[::1]:6666"),
    ],
)
def test_this_computer_is_always_allowed(address: str, base: str) -> None:
    assert plugin_domain(address, "/OKX", MARKETS).rest == {"": base}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://192.168.1.5:6666", "the keys would travel readable"),
        ("http://localhost.example.com:6666", "the keys would travel readable"),
        ("https://plugin.example.com", "confirm that your keys may be sent there"),
        ("http://user:pass@127.0.0.1:6666", "nothing but scheme, host and port"),
        ("http://127.0.0.1:6666/OKX", "nothing but scheme, host and port"),
        ("http://127.0.0.1:66666", "the port is not a number"),
        ("file:///etc/passwd", "an address such as"),
    ],
)
def test_other_addresses_are_refused_with_the_reason(address: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plugin_domain(address, "/OKX", MARKETS)


def test_another_computer_needs_https_and_the_user_s_word() -> None:
    assert plugin_domain("https://plugin.example.com", "/OKX", MARKETS, confirmed=True).rest
    with pytest.raises(ValueError, match="the keys would travel readable"):
        plugin_domain("http://plugin.example.com", "/OKX", MARKETS, confirmed=True)
    with pytest.raises(ValueError, match="name at least one"):
        plugin_domain("http://127.0.0.1:6666", "/OKX", [])
    with pytest.raises(ValueError, match="the address of a plug-in is needed"):
        FmzPublic(SPEC.domains["main"])


def test_the_secret_is_sent_in_the_parts_the_plug_in_expects() -> None:
    for secret, passphrase in (("S,P,simulate", ""), ("S", "P,simulate")):
        signer, public = auth(secret, passphrase)
        signed = signer.generate_auth_dict(public.get_snapshot("ETH-USDT").request, NOW)
        body = msgspec.json.decode(signed.body)
        assert (body["access_key"], body["secret_key"]) == ("AK", "S,P,simulate")
        assert body["nonce"] == NOW * 1_000_000 and signed.target == "/OKX"
        assert "S,P" not in signed.signed_text
    for secret, passphrase in (("S,T", "P"), ("S,P,live", ""), ("S,,simulate", ""), ("", "")):
        with pytest.raises(ValueError):
            auth(secret, passphrase)


def test_no_key_before_the_listener_has_shown_itself() -> None:
    signer, public = auth("S", recognised=False)
    request = public.get_snapshot("ETH-USDT").request
    with pytest.raises(NotSent, match="no key is sent before"):
        signer.generate_auth_dict(request, NOW)
    hello = public.get_server_time()
    assert not hello.request.signed and b"key" not in hello.request.body
    for stranger in ("<html>", '{"hello": "world"}', "[]", '"error"'):
        with pytest.raises(VenueError, match="is not a plug-in; no key was sent to it"):
            hello.parse(reply(stranger))
    assert hello.parse(reply('{"error":"missing required parameters"}')) == NOW - 20
    assert signer.generate_auth_dict(request, NOW).body
    with pytest.raises(NotSent):
        signer.generate_auth_dict(request, NOW + 601_000)


def test_depthdesk_s_own_service_gets_a_proof_and_no_secret() -> None:
    signer, public = auth("depthdesk-0123456789")
    request = public.get_snapshot("ETH-USDT").request
    first = msgspec.json.decode(signer.generate_auth_dict(request, NOW).body)
    second = msgspec.json.decode(signer.generate_auth_dict(request, NOW).body)
    key = hashlib.sha256(b"depthdesk-0123456789").digest()
    assert first["secret_key"] == proof_of(key, "/OKX", "depth", first["nonce"], first["params"])
    assert first["secret_key"] != second["secret_key"] and second["nonce"] == first["nonce"] + 1


@pytest.mark.parametrize(
    ("wire", "value"),
    [('"0.10"', "0.1"), ("0.1", "0.1"), ("1e-8", "0.00000001"), ('""', "0"), ("null", "0"), ('"-1"', "-1"), ("7", "7")],
)
def test_numbers_in_every_spelling(wire: str, value: str) -> None:
    assert plain(number_of(Raw(wire.encode()))) == value


@pytest.mark.parametrize("wire", ["true", "[]", '"x"', '"NaN"', '"Infinity"', "1e999", '"' + "9" * 70 + '"'])
def test_what_is_no_number(wire: str) -> None:
    with pytest.raises(ValueError):
        number_of(Raw(wire.encode()))


def test_times_in_seconds_and_in_ms() -> None:
    assert ms_of(Raw(b"1500793319")) == 1_500_793_319_000
    assert ms_of(Raw(b'"1731028903911"')) == 1_731_028_903_911


def test_symbols_of_either_form() -> None:
    assert {to_pair(symbol) for symbol in ("ETH_USDT", "eth_usdt", "ETH-USDT")} == {"ETH-USDT"}
    assert to_symbol("ETH-USDT") == "ETH_USDT"
    with pytest.raises(ValueError):
        to_pair("ETH_USDT&limit=1")


@pytest.mark.parametrize(
    ("word", "filled", "state"),
    [
        ("pending", "0", VenueState.OPEN),
        ("partial-filled", "0.1", VenueState.OPEN),
        ("filled", "0.25", VenueState.FILLED),
        ("closed", "0.25", VenueState.FILLED),
        ("closed", "0.1", VenueState.CANCELED),
        ("finished", "0", VenueState.CANCELED),
        ("partial-canceled", "0.1", VenueState.CANCELED),
        ("molten", "0", VenueState.UNKNOWN_WORD),
    ],
)
def test_status_words(word: str, filled: str, state: VenueState) -> None:
    for row in (OrderRow(id=Raw(b"1"), status=word), OrderRow(id=Raw(b"1"), state=word)):
        assert state_of(row, Decimal("0.25"), Decimal(filled)) is state


def test_refusals() -> None:
    assert kind_of("Get https://exchange: timeout") is ErrorKind.UNKNOWN, "the order may be there"
    assert kind_of("not support") is ErrorKind.REJECTED
    assert kind_of("refused: balance: needs 5 USDT") is ErrorKind.REJECTED
    assert kind_of("outcome unknown: no answer") is ErrorKind.UNAVAILABLE
    with pytest.raises(ValueError, match="neither data nor error"):
        good_data(reply("{}"))
    with pytest.raises(VenueError, match="unauthorized"):
        good_data(reply('{"error":"unauthorized","data":{}}', 403))
    page = read_error(reply("<html>", 502))
    assert page is not None and page.kind is ErrorKind.UNAVAILABLE


def test_steps_are_the_user_s_or_guessed_from_the_book() -> None:
    domain = plugin_domain("http://127.0.0.1:1", "/OKX", [PluginMarket("ETH-USDT"), PluginMarket("BTC-USDT", 2, 5)])
    public = FmzPublic(domain)
    book = '{"data":{"time":1,"asks":[[2921.25,0.5]],"bids":[["2920.5","0.125"]]}}'
    public.get_snapshot("ETH-USDT").parse(reply(book))
    public.get_trading_rules()
    eth, btc = public.get_trading_rules().parse(reply(book))
    assert (eth.min_price_increment, eth.min_base_amount_increment) == (Decimal("0.01"), Decimal("0.001"))
    assert eth.venue_status == "steps guessed from the book"
    assert (btc.min_price_increment, btc.min_base_amount_increment) == (Decimal("0.01"), Decimal("0.00001"))
    assert btc.venue_status == "steps set by the user" and btc.order_types == {OrderType.LIMIT}


def test_undocumented_lists_where_the_user_says_that_they_are_there() -> None:
    domain = plugin_domain("http://127.0.0.1:1", "/OKX", [], has_markets=True, has_tickers=True)
    public = FmzPublic(domain)
    rules = public.get_trading_rules().parse(reply('{"data":{"ETH_USDT":{},"BTC_USDT.swap":{}}}'))
    assert [rule.pair for rule in rules] == ["ETH-USDT"]
    tickers = public.get_tickers().parse(reply('{"data":[{"symbol":"ETH_USDT","last":"2914"}]}'))
    assert [(ticker.pair, ticker.last) for ticker in tickers] == [("ETH-USDT", Decimal(2914))]
