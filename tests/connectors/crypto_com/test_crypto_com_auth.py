from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from app.connectors.crypto_com import SPEC
from app.connectors.crypto_com.auth import CryptoComAuth, param_string
from app.connectors.crypto_com.order_entry import ask
from app.connectors.spec import Auth, Credentials
from app.core.requests import Request
from app.net.redaction import Redactor

ORDER = {
    "type": "LIMIT",
    "side": "BUY",
    "instrument_name": "BTC_USDT",
    "price": "50000.5",
    "quantity": "0.001",
    "client_oid": "app-1",
    "time_in_force": "GOOD_TILL_CANCEL",
    "exec_inst": ["POST_ONLY"],
}
LIST = {
    "contingency_type": "LIST",
    "order_list": [
        {"instrument_name": "ONE_USDT", "side": "BUY", "type": "LIMIT", "price": "0.24", "quantity": "1000"},
    ],
}


@pytest.fixture
def auth() -> Auth:
    return SPEC.auth(Credentials(api_key="API_KEY", secret_key="SECRET"), SPEC.domains["main"])


def hexed(text: str) -> str:
    return hmac.new(b"SECRET", text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("method", "number", "params", "nonce", "text", "signature"),
    [
        (
            "private/user-balance",
            11,
            {},
            1587523073344,
            "private/user-balance11API_KEY1587523073344",
            "5e0357bc629508815dccf8fbe17b5270e787844ad3d60f1f85b92c98bfce4149",
        ),
        (
            "public/auth",
            11,
            {},
            1587523073344,
            "public/auth11API_KEY1587523073344",
            "18e1f8345b4e94413d7f1f07005ccf7c97987e1ba527b6964708c782bc8e83b8",
        ),
        (
            "private/create-order",
            1,
            ORDER,
            1610905028000,
            "private/create-order1API_KEYclient_oidapp-1exec_instPOST_ONLYinstrument_nameBTC_USDTprice50000.5"
            "quantity0.001sideBUYtime_in_forceGOOD_TILL_CANCELtypeLIMIT1610905028000",
            "537ffdf06321f113a31887f62d515b7bee9ca4f556f58c2f3e0e76cda63a8202",
        ),
        (
            "private/create-order-list",
            14,
            LIST,
            1610905028000,
            "private/create-order-list14API_KEYcontingency_typeLISTorder_listinstrument_nameONE_USDTprice0.24"
            "quantity1000sideBUYtypeLIMIT1610905028000",
            "efa34256254bcc7b6cd83ac17bc6da0a754df4805d8ca427e6af74f3a75bbcbb",
        ),
    ],
)
def test_vectors(auth: Auth, method: str, number: int, params: Any, nonce: int, text: str, signature: str) -> None:
    assert f"{method}{number}API_KEY{param_string(params)}{nonce}" == text
    assert isinstance(auth, CryptoComAuth)
    assert auth._sign(text) == signature


def test_nothing_and_deep_things_in_parameters() -> None:
    assert param_string({}) == ""
    assert param_string({"b": None, "a": ["x", "y"]}) == "axybnull"
    assert param_string({"a": [{"c": "1", "b": [{"z": "2", "y": "3"}]}]}) == "abY".replace("Y", "y3z2c1")
    below = {"a": [{"a": [{"a": [{"k": "v"}]}]}]}
    assert param_string(below) == "aaa{'k': 'v'}"


def test_the_envelope_signs_what_it_carries(auth: Auth) -> None:
    signed = auth.generate_auth_dict(ask("create-order", ORDER, "create"), 1610905028000)
    message = json.loads(signed.body)
    assert signed.target == "/exchange/v1/private/create-order"
    assert signed.headers == {"Content-Type": "application/json"}
    assert list(message) == ["id", "method", "api_key", "params", "nonce", "sig"]
    assert (message["method"], message["api_key"], message["nonce"]) == (
        "private/create-order",
        "API_KEY",
        1610905028000,
    )
    assert message["params"] == ORDER
    params = signed.signed_text.removeprefix(f"private/create-order{message['id']}API_KEY").removesuffix(
        "1610905028000"
    )
    assert params == param_string(ORDER)
    assert message["sig"] == hexed(signed.signed_text)


def test_empty_parameters_are_sent_and_sign_nothing(auth: Auth) -> None:
    signed = auth.generate_auth_dict(ask("user-balance", {}, "private"), 1587523073344)
    message = json.loads(signed.body)
    assert message["params"] == {}
    assert signed.signed_text == f"private/user-balance{message['id']}API_KEY1587523073344"


def test_an_order_id_beyond_2_to_the_53_stays_what_it_is(auth: Auth) -> None:
    number = "19848525000000000001"
    signed = auth.generate_auth_dict(ask("cancel-order", {"order_id": number}, "cancel"), 1)
    assert f"order_id{number}1" in signed.signed_text and f'"order_id":"{number}"' in signed.body.decode()


def test_two_requests_of_one_millisecond_differ_in_id_and_one_is_stable(auth: Auth) -> None:
    one, other = (auth.generate_auth_dict(ask("cancel-order", {"order_id": n}, "cancel"), 5) for n in "12")
    assert json.loads(one.body)["id"] != json.loads(other.body)["id"]
    assert one == auth.generate_auth_dict(ask("cancel-order", {"order_id": "1"}, "cancel"), 5)


def test_the_login_has_no_parameters(auth: Auth) -> None:
    login = json.loads(auth.get_ws_auth_payload(1587523073344))
    assert login == {
        "id": 1,
        "method": "public/auth",
        "api_key": "API_KEY",
        "sig": hexed("public/auth1API_KEY1587523073344"),
        "nonce": 1587523073344,
    }


def test_only_posts_of_this_exchange_are_signed(auth: Auth) -> None:
    for request in (
        Request(method="GET", path="/exchange/v1/private/user-balance", signed=True),
        Request(method="POST", path="/v2/private/user-balance", signed=True),
        Request(method="POST", path="/exchange/v1/private/x", params=(("a", "b"),), signed=True),
    ):
        with pytest.raises(ValueError):
            auth.generate_auth_dict(request, 1)


def test_no_secret_shows() -> None:
    auth = SPEC.auth(Credentials(api_key="API_KEY", secret_key="VERY-SECRET"), SPEC.domains["main"])
    signed = auth.generate_auth_dict(ask("user-balance", {}, "private"), 5)
    assert "VERY-SECRET" not in repr(auth) + signed.signed_text + signed.body.decode()
    logged = Redactor(SPEC.secret_fields).payload(signed.body).decode()
    assert "API_KEY" not in logged and json.loads(signed.body)["sig"] not in logged
