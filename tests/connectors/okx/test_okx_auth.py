from __future__ import annotations

import json

import pytest

from app.connectors.okx import SPEC
from app.connectors.okx.auth import OkxAuth, iso_time
from app.connectors.okx.public import OkxPublic
from app.connectors.spec import Credentials
from app.core.requests import Request

DOCS_SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
AT_MS = 1_607_418_537_715
"""2020-12-08T09:08:57.715Z."""
ORDER = b'{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"abc123","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'


def auth(secret: str = DOCS_SECRET, domain: str = "main") -> OkxAuth:
    return OkxAuth(Credentials(api_key="KEY", secret_key=secret, passphrase="PHRASE"), SPEC.domains[domain])


def test_the_third_party_vector() -> None:
    signer = auth("chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO")
    signed = signer.generate_auth_dict(Request(method="GET", path="/api/v5/account/balance", signed=True), AT_MS)
    assert signed.signed_text == "2020-12-08T09:08:57.715ZGET/api/v5/account/balance"
    assert signed.headers == {
        "OK-ACCESS-KEY": "KEY",
        "OK-ACCESS-SIGN": "PJ61e1nb2F2Qd7D8SPiaIcx2gjdELc+o0ygzre9z33k=",
        "OK-ACCESS-TIMESTAMP": "2020-12-08T09:08:57.715Z",
        "OK-ACCESS-PASSPHRASE": "PHRASE",
        "Content-Type": "application/json",
    }
    assert (signed.body, signed.now_ms) == (b"", AT_MS)


def test_the_query_belongs_to_the_signed_path() -> None:
    request = Request(method="GET", path="/api/v5/account/balance", params=(("ccy", "BTC"),), signed=True)
    signed = auth().generate_auth_dict(request, AT_MS)
    assert signed.target == "/api/v5/account/balance?ccy=BTC"
    assert signed.headers["OK-ACCESS-SIGN"] == "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="


def test_what_is_encoded_in_the_query_is_signed_encoded() -> None:
    request = Request(method="GET", path="/x", params=(("ccy", "BTC,ETH"), ("b", "a b")), signed=True)
    signed = auth().generate_auth_dict(request, AT_MS)
    assert signed.target == "/x?ccy=BTC%2CETH&b=a%20b"
    assert signed.signed_text.endswith("GET/x?ccy=BTC%2CETH&b=a%20b")


def test_post_signs_the_bytes_it_sends_and_expires() -> None:
    request = Request(method="POST", path="/api/v5/trade/order", body=ORDER, signed=True)
    signed = auth().generate_auth_dict(request, AT_MS)
    assert signed.headers["OK-ACCESS-SIGN"] == "2oOgCr0VilpiE4aX5JT0tcpBFH5T596+a8jJGExGNhk="
    assert signed.body == ORDER
    assert signed.headers["expTime"] == str(AT_MS + 5_000)
    assert SPEC.signing_window_ms == 5_000


def test_login_signs_seconds() -> None:
    login = json.loads(auth().get_ws_auth_payload(1_704_876_947_999))
    assert login == {
        "op": "login",
        "args": [
            {
                "apiKey": "KEY",
                "passphrase": "PHRASE",
                "timestamp": "1704876947",
                "sign": "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU=",
            }
        ],
    }


@pytest.mark.parametrize(
    ("now_ms", "text"), [(0, "1970-01-01T00:00:00.000Z"), (1_790_000_000_007, "2026-09-21T14:13:20.007Z")]
)
def test_time_is_utc_with_three_decimals(now_ms: int, text: str) -> None:
    assert iso_time(now_ms) == text


def test_the_secret_shows_nowhere() -> None:
    signer = auth("TOPSECRET")
    signed = signer.generate_auth_dict(Request(method="POST", path="/x", body=ORDER, signed=True), 1)
    assert signer.api_key == "KEY"
    assert "TOPSECRET" not in f"{signer!r} {signed!r} {signer.get_ws_auth_payload(1)!r}"


# -- regions and demo --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rest", "socket"),
    [
        ("main", "https://www.okx.com", "wss://ws.okx.com:8443"),
        ("demo", "https://www.okx.com", "wss://wspap.okx.com:8443"),
        ("eea", "https://eea.okx.com", "wss://wseea.okx.com:8443"),
        ("eea-demo", "https://eea.okx.com", "wss://wseeapap.okx.com:8443"),
        ("us", "https://us.okx.com", "wss://wsus.okx.com:8443"),
        ("us-demo", "https://us.okx.com", "wss://wsuspap.okx.com:8443"),
    ],
)
def test_every_region_has_hosts_of_its_own(name: str, rest: str, socket: str) -> None:
    domain = SPEC.domains[name]
    assert domain.rest == {"": rest}
    assert domain.sockets == {
        "public": f"{socket}/ws/v5/public",
        "private": f"{socket}/ws/v5/private",
        "business": f"{socket}/ws/v5/business",
    }
    signed = auth(domain=name).generate_auth_dict(Request(method="GET", path="/x", signed=True), 1)
    assert signed.headers.get("x-simulated-trading") == ("1" if "demo" in name else None)


def test_demo_signs_public_questions_too_but_never_that_for_the_time() -> None:
    real, demo = OkxPublic(SPEC.domains["main"]), OkxPublic(SPEC.domains["demo"])
    assert (real.get_tickers().request.signed, demo.get_tickers().request.signed) == (False, True)
    assert demo.get_snapshot("BTC-USDT").request.signed
    assert not demo.get_server_time().request.signed


def test_a_twin_has_the_business_socket_at_the_same_place() -> None:
    assert SPEC.sockets_of_twin("ws://127.0.0.1:4711/ws/v5/public", "ws://127.0.0.1:4711/ws/v5/private") == {
        "public": "ws://127.0.0.1:4711/ws/v5/public",
        "private": "ws://127.0.0.1:4711/ws/v5/private",
        "business": "ws://127.0.0.1:4711/ws/v5/business",
    }


def test_the_account_dialog_asks_for_a_passphrase() -> None:
    assert [field.name for field in SPEC.credential_fields] == ["api_key", "secret_key", "passphrase"]
    assert all(field.secret and not field.optional for field in SPEC.credential_fields)
