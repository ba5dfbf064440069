from __future__ import annotations

import json

import pytest

from app.connectors.poloniex import SPEC
from app.connectors.poloniex.auth import PoloniexAuth
from app.connectors.spec import Credentials
from app.core.requests import Request

AUTH = PoloniexAuth(Credentials(api_key="KEY", secret_key="SECRET"), SPEC.domains["main"])
ORDER = (
    b'{"symbol":"BTC_USDT","type":"LIMIT","quantity":"100","side":"BUY","price":"40000.50000",'
    b'"timeInForce":"IOC","clientOrderId":"1234Abc"}'
)


def test_get_signs_the_sorted_query_with_the_time_stamp() -> None:
    request = Request(method="GET", path="/orders", params=(("symbol", "ETH_USDT"), ("limit", "5")), signed=True)
    signed = AUTH.generate_auth_dict(request, 1659259836247)
    assert signed.signed_text == "GET\n/orders\nlimit=5&signTimestamp=1659259836247&symbol=ETH_USDT"
    assert signed.headers == {
        "key": "KEY",
        "signTimestamp": "1659259836247",
        "signature": "SQ0zFNfb+5/Km0uMh1BDnDUg4HQi96cQVVmkxhKKR9E=",
        "recvWindow": "5000",
    }
    assert signed.target == "/orders?limit=5&symbol=ETH_USDT"
    assert signed.body == b""
    assert signed.now_ms == 1659259836247


def test_delete_without_body_signs_only_the_time_stamp() -> None:
    signed = AUTH.generate_auth_dict(Request(method="DELETE", path="/orders/123", signed=True), 1631018760000)
    assert signed.signed_text == "DELETE\n/orders/123\nsignTimestamp=1631018760000"
    assert signed.headers["signature"] == "kok27N/Un6SU2AWN+z2/K8yMUNBCX9fd5YHgX+ADaFU="
    assert signed.target == "/orders/123"
    assert "Content-Type" not in signed.headers


def test_post_signs_the_bytes_it_sends() -> None:
    signed = AUTH.generate_auth_dict(Request(method="POST", path="/orders", body=ORDER, signed=True), 1631018760000)
    assert signed.headers["signature"] == "yFVLQWPmauiFBeGwpcSXdY9AOpcFKsxlT3gyXKI6Qc4="
    assert signed.headers["Content-Type"] == "application/json"
    assert signed.body == ORDER
    assert signed.signed_text.encode() == b"POST\n/orders\nrequestBody=" + ORDER + b"&signTimestamp=1631018760000"


def test_login_signs_ws_and_not_ws_private() -> None:
    login = json.loads(AUTH.get_ws_auth_payload(1648708187469))
    assert login == {
        "event": "subscribe",
        "channel": ["auth"],
        "params": {
            "key": "KEY",
            "signTimestamp": 1648708187469,
            "signature": "HtfeQ63Et6JOHop5G/3eixO6FSvP2+9O+NJ/V/0pZEw=",
            "signatureMethod": "HmacSHA256",
            "signatureVersion": "2",
        },
    }


def test_values_are_encoded_as_encode_uri_component_does() -> None:
    params = (("symbols", "A_USDT,索_USDT"), ("note", "a b!~*'()&="))
    signed = AUTH.generate_auth_dict(Request(method="GET", path="/trades", params=params, signed=True), 1)
    assert signed.target == "/trades?note=a%20b!~*'()%26%3D&symbols=A_USDT%2C%E7%B4%A2_USDT"
    assert signed.signed_text.endswith("!~*'()%26%3D&signTimestamp=1&symbols=A_USDT%2C%E7%B4%A2_USDT")


def test_signed_path_is_the_path_requested() -> None:
    signed = AUTH.generate_auth_dict(Request(method="GET", path="/orders/cid:app-1_x", signed=True), 1)
    assert signed.target == "/orders/cid:app-1_x"
    assert signed.signed_text == "GET\n/orders/cid:app-1_x\nsignTimestamp=1"


def test_parameters_beside_a_body_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        AUTH.generate_auth_dict(Request(method="POST", path="/orders", params=(("a", "1"),), body=b"{}"), 1)


def test_the_secret_shows_nowhere() -> None:
    signed = AUTH.generate_auth_dict(Request(method="POST", path="/orders", body=ORDER, signed=True), 1)
    assert AUTH.api_key == "KEY"
    assert "SECRET" not in f"{AUTH!r} {signed!r} {AUTH.get_ws_auth_payload(1)!r}"
