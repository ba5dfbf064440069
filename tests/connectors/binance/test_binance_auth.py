from __future__ import annotations

import base64
import json
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from app.connectors.binance import SPEC
from app.connectors.binance.auth import BinanceAuth
from app.connectors.spec import Credentials
from app.core.requests import Request

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
RFC_8032_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
ORDER = (
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "1"),
    ("price", "0.1"),
)


def auth(secret: str = SECRET, passphrase: str = "") -> BinanceAuth:
    credentials = Credentials(api_key=API_KEY, secret_key=secret, passphrase=passphrase)
    return BinanceAuth(credentials, SPEC.domains["main"])


def pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: str = "") -> str:
    secrecy: KeySerializationEncryption = NoEncryption()
    if passphrase:
        secrecy = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secrecy).decode()


ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(RFC_8032_SEED))


@pytest.mark.parametrize(
    ("symbol", "encoded", "signature"),
    [
        ("LTCBTC", "LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "１２３４５６",
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_published_vectors_over_rest(symbol: str, encoded: str, signature: str) -> None:
    request = Request(method="POST", path="/api/v3/order", params=(("symbol", symbol), *ORDER), signed=True)
    signed = auth().generate_auth_dict(request, 1499827319559)
    text = (
        f"symbol={encoded}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )
    assert signed.signed_text == text
    assert signed.target == f"/api/v3/order?{text}&signature={signature}"
    assert (signed.headers, signed.body, signed.now_ms) == ({"X-MBX-APIKEY": API_KEY}, b"", 1499827319559)


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01000000",
                "price": "52000.00",
                "recvWindow": 100,
                "timestamp": 1645423376532,
                "apiKey": API_KEY,
            },
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {
                "symbol": "１２３４５６",
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": 5000,
                "timestamp": 1645423376532,
                "apiKey": API_KEY,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        (
            {"apiKey": API_KEY, "timestamp": 1747385641636},
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
    ],
)
def test_published_vectors_over_the_socket(params: dict[str, str | int], signature: str) -> None:
    assert auth().sign_params(params) == signature


def test_login_subscribes_in_one_message_and_sets_the_window() -> None:
    login = json.loads(auth().get_ws_auth_payload(1790000000000))
    params = login["params"]
    signature = params.pop("signature")
    assert (login["id"], login["method"]) == ("login", "userDataStream.subscribe.signature")
    assert params == {"apiKey": API_KEY, "recvWindow": 5000, "timestamp": 1790000000000}
    assert signature == auth().sign_params(params)


def test_ed25519_vector_is_base64_and_encoded_in_the_query() -> None:
    payload = (
        b"symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
        b"&timestamp=1668481559918&recvWindow=5000"
    )
    expected = "XtZirsmmi0noRzUfkqktvkVfxpkq/WtbLg2UOL3QGYdUBZVlqOBEMuEVw8zioY93N54NcKj9UuAXQEa9zgTDBg=="
    signer = auth(pem(ED25519))
    assert signer._sign(payload) == expected
    signed = signer.generate_auth_dict(Request(method="GET", path="/api/v3/account", signed=True), 1668481559918)
    signature = signed.target.partition("&signature=")[2]
    assert not set("+/=") & set(signature)
    ED25519.public_key().verify(base64.b64decode(unquote(signature)), signed.signed_text.encode())


def test_rsa_signs_with_pkcs1_v15_and_sha256() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = auth(pem(key)).generate_auth_dict(Request(method="GET", path="/api/v3/account", signed=True), 1)
    signature = base64.b64decode(unquote(signed.target.partition("&signature=")[2]))
    key.public_key().verify(signature, signed.signed_text.encode(), padding.PKCS1v15(), SHA256())


def test_a_key_pasted_into_one_line_is_the_same_key() -> None:
    text = pem(ED25519)
    wanted = auth(text)._sign(b"x")
    for pasted in (text.replace("\n", " "), text.replace("\n", "\\n"), text.replace("\n", "\r\n"), f"  {text}\n\n"):
        assert auth(pasted)._sign(b"x") == wanted


def test_an_encrypted_key_needs_its_passphrase() -> None:
    text = pem(ED25519, "open sesame")
    assert auth(text, "open sesame")._sign(b"x") == auth(pem(ED25519))._sign(b"x")
    for wrong in ("", "sesame"):
        with pytest.raises(ValueError, match="passphrase"):
            auth(text, wrong)


def test_keys_that_cannot_be_used_are_refused_without_showing_them() -> None:
    broken = "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----"
    for text, words in ((broken, "cannot be read"), (pem(ec.generate_private_key(ec.SECP256R1())), "not this kind")):
        with pytest.raises(ValueError, match=words) as caught:
            auth(text)
        assert "TOPSECRET" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_body_is_never_signed_as_something_else() -> None:
    with pytest.raises(ValueError, match="query"):
        auth().generate_auth_dict(Request(method="POST", path="/api/v3/order", body=b"{}", signed=True), 1)


def test_values_are_encoded_once_before_signing() -> None:
    params = (("symbols", '["BTCUSDT","BNBBTC"]'), ("note", "a b+c/d=e"))
    signed = auth().generate_auth_dict(Request(method="GET", path="/p", params=params, signed=True), 1)
    encoded = "symbols=%5B%22BTCUSDT%22%2C%22BNBBTC%22%5D&note=a%20b%2Bc%2Fd%3De&recvWindow=5000&timestamp=1"
    assert signed.signed_text == encoded
    assert signed.target.startswith(f"/p?{encoded}&signature=")


def test_the_secret_shows_nowhere() -> None:
    signer = auth()
    signed = signer.generate_auth_dict(Request(method="GET", path="/p", signed=True), 1)
    assert signer.api_key == API_KEY
    assert SECRET not in f"{signer!r} {signed!r} {signer.get_ws_auth_payload(1)!r}"
