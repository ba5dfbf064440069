"""HTX signatures against vectors computed apart from the connector."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from app.connectors.htx import SPEC
from app.connectors.htx.auth import HtxAuth, iso_seconds
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request

REST_KEY = "e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx"
STREAM_KEY = "0664b695-rfhfg2mkl3-abbf6c5d-49810"
QUESTION = Request(method="GET", path="/v1/order/orders", params=(("order-id", "1234567890"),), signed=True)
THEN_MS = 1_494_515_970_000


def auth(key: str = REST_KEY, domain: Domain = SPEC.domains["main"]) -> HtxAuth:
    return HtxAuth(Credentials(api_key=key, secret_key="SECRET"), domain)


def test_get_signs_host_path_and_sorted_query() -> None:
    signed = auth().generate_auth_dict(QUESTION, THEN_MS)
    query = (
        f"AccessKeyId={REST_KEY}&SignatureMethod=HmacSHA256&SignatureVersion=2"
        "&Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890"
    )
    assert signed.signed_text == f"GET\napi.huobi.pro\n/v1/order/orders\n{query}"
    assert signed.target == f"/v1/order/orders?{query}&Signature=ivo%2FoPja0MscX%2BK%2FxTSDAJ9GU4ziMusmm6tIk8JzpEw%3D"
    assert parse_qs(urlsplit(signed.target).query)["Signature"] == ["ivo/oPja0MscX+K/xTSDAJ9GU4ziMusmm6tIk8JzpEw="]
    assert (signed.headers, signed.body, signed.now_ms) == ({}, b"", THEN_MS)


def test_the_body_of_a_post_is_not_signed() -> None:
    path = "/v1/order/orders/place"
    one = auth().generate_auth_dict(Request(method="POST", path=path, body=b'{"amount":"1"}', signed=True), THEN_MS)
    two = auth().generate_auth_dict(Request(method="POST", path=path, body=b'{"amount":"2"}', signed=True), THEN_MS)
    assert one.target == two.target and one.signed_text == two.signed_text
    assert "amount" not in one.signed_text
    assert (one.body, one.headers) == (b'{"amount":"1"}', {"Content-Type": "application/json"})


def test_login_signs_other_names_and_sends_values_raw() -> None:
    login = json.loads(auth(STREAM_KEY).get_ws_auth_payload(1_575_546_783_000))
    assert login == {
        "action": "req",
        "ch": "auth",
        "params": {
            "authType": "api",
            "accessKey": STREAM_KEY,
            "signatureMethod": "HmacSHA256",
            "signatureVersion": "2.1",
            "timestamp": "2019-12-05T11:53:03",
            "signature": "ONIYhTdF36/ge2nWTBsm3t7i88XrHY38D86fTOHSzkY=",
        },
    }


def test_the_host_signed_is_the_host_called_without_port() -> None:
    domain = Domain(
        name="paper",
        title="Paper",
        rest={"": "http://LocalHost:8080"},
        sockets=SPEC.sockets_of_twin("ws://127.0.0.1:8081/ws", "ws://127.0.0.1:8081/ws/v2"),
    )
    assert auth(domain=domain).generate_auth_dict(QUESTION, THEN_MS).signed_text.split("\n")[1] == "localhost"
    aws = auth(domain=SPEC.domains["aws"]).generate_auth_dict(QUESTION, THEN_MS)
    assert aws.signed_text.split("\n")[1] == "api-aws.huobi.pro"


def test_times_are_whole_seconds_rounded_down() -> None:
    assert iso_seconds(1_494_515_970_999) == "2017-05-11T15:19:30"


def test_values_are_escaped_in_upper_case_hex_and_spaces_as_percent_20() -> None:
    request = Request(method="GET", path="/v1/x", params=(("symbols", "btcusdt,ethusdt"), ("a", "b c")), signed=True)
    query = auth().generate_auth_dict(request, THEN_MS).signed_text.split("\n")[3]
    assert query.endswith("&a=b%20c&symbols=btcusdt%2Cethusdt")


def test_no_secret_is_shown() -> None:
    signed = auth().generate_auth_dict(QUESTION, THEN_MS)
    assert "SECRET" not in f"{auth()!r}{signed!r}{auth().get_ws_auth_payload(THEN_MS)!r}"
