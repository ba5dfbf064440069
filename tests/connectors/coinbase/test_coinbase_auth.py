from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256K1, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.connectors.coinbase import SPEC
from app.connectors.coinbase.auth import CoinbaseAuth
from app.connectors.spec import Credentials, Domain
from app.core.requests import Request

NAME = "organizations/11111111-2222-3333-4444-555555555555/apiKeys/66666666-7777-8888-9999-000000000000"
SECRET = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
NOW_MS = 1_700_000_000_123
ACCOUNTS = Request(method="GET", path="/api/v3/brokerage/accounts", signed=True)
EC = derive_private_key(20261120, SECP256R1())
ED = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SECRET)[:32])


def pem(key: Any, form: PrivateFormat) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return text.decode()


SEC1 = pem(EC, PrivateFormat.TraditionalOpenSSL)


def auth(secret: str = SECRET, domain: Domain = SPEC.domains["main"]) -> CoinbaseAuth:
    return CoinbaseAuth(
        Credentials(api_key=NAME, secret_key=secret), domain, nonce=lambda: "00112233445566778899aabbccddeeff"
    )


def unpack(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def jwt_of(signed: Any) -> list[str]:
    scheme, token = signed.headers["Authorization"].split(" ")
    assert scheme == "Bearer"
    return list(token.split("."))


def test_the_sheets_vector_for_a_request() -> None:
    signed = auth().generate_auth_dict(ACCOUNTS, NOW_MS)
    assert (
        hashlib.sha256(signed.signed_text.encode()).hexdigest()
        == "150666bb5c5c380552de07e25fdb7f208bcba1ba00c0648fb918e17b08205e31"
    )
    assert jwt_of(signed)[2] == "qnNUBcioSpdzsbvzNAuu6Cki_UCUyH47EnGglHBysvS-M3IZq7AD4rnBiFTyTEu6t66SELK5U2UorJ_fIYe2BA"
    assert signed.target == "/api/v3/brokerage/accounts"
    assert signed.now_ms == NOW_MS


def test_the_sheets_vector_for_the_socket_has_no_uri() -> None:
    message = json.loads(auth().get_ws_auth_payload(NOW_MS))
    text, _, signature = message["jwt"].rpartition(".")
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "5c4bb812d120b4593a6832cdf634c42f4d53b93ceff03806f597587562fe898b"
    )
    assert signature == "SWt--I7zuLw3xW7WJbIzo_e6msZbLYmGdDmRsovb3yM1dzVHhba9ynaVeUOSl3GhcFJXLrY2TNANgvuY6A6wCg"
    assert (message["type"], message["channel"]) == ("subscribe", "user")
    assert "uri" not in unpack(text.split(".")[1])


def test_what_the_token_says() -> None:
    header, claims, _ = jwt_of(auth().generate_auth_dict(ACCOUNTS, NOW_MS))
    assert unpack(header) == {
        "alg": "EdDSA",
        "typ": "JWT",
        "kid": NAME,
        "nonce": "00112233445566778899aabbccddeeff",
    }
    assert unpack(claims) == {
        "sub": NAME,
        "iss": "cdp",
        "nbf": 1_700_000_000,
        "exp": 1_700_000_120,
        "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
    }


def test_uri_has_neither_query_nor_scheme_but_the_target_has_the_query() -> None:
    request = Request(
        method="GET",
        path="/api/v3/brokerage/orders/historical/fills",
        params=(("order_ids", "a"), ("order_ids", "b"), ("start_sequence_timestamp", "2026-04-07T00:00:00.000Z")),
        signed=True,
    )
    signed = auth().generate_auth_dict(request, NOW_MS)
    assert unpack(jwt_of(signed)[1])["uri"] == "GET api.coinbase.com/api/v3/brokerage/orders/historical/fills"
    assert signed.target == (
        "/api/v3/brokerage/orders/historical/fills"
        "?order_ids=a&order_ids=b&start_sequence_timestamp=2026-04-07T00%3A00%3A00.000Z"
    )


def test_uri_names_the_host_that_is_called() -> None:
    twin = Domain(name="paper", title="", rest={"": "http://127.0.0.1:8080"}, sockets={})
    for domain, host in ((twin, "127.0.0.1:8080"), (SPEC.domains["sandbox"], "api-sandbox.coinbase.com")):
        signed = auth(domain=domain).generate_auth_dict(ACCOUNTS, NOW_MS)
        assert unpack(jwt_of(signed)[1])["uri"] == f"GET {host}/api/v3/brokerage/accounts"


def test_body_is_sent_as_it_is() -> None:
    request = Request(method="POST", path="/api/v3/brokerage/orders", body=b'{"a": 1}', signed=True)
    signed = auth().generate_auth_dict(request, NOW_MS)
    assert (signed.body, signed.headers["Content-Type"]) == (b'{"a": 1}', "application/json")
    assert unpack(jwt_of(signed)[1])["uri"] == "POST api.coinbase.com/api/v3/brokerage/orders"


@pytest.mark.parametrize(
    "secret",
    [
        SEC1,
        pem(EC, PrivateFormat.PKCS8),
        SEC1.replace("\n", "\\n"),
        SEC1.replace("\n", " "),
        f'  "{SEC1}"\n',
    ],
    ids=["SEC1", "PKCS#8", "as in the JSON download", "pasted into one line", "with quotes"],
)
def test_es256_is_r_and_s_not_der(secret: str) -> None:
    header, claims, signature = jwt_of(auth(secret).generate_auth_dict(ACCOUNTS, NOW_MS))
    raw = base64.urlsafe_b64decode(signature + "==")
    assert (unpack(header)["alg"], len(raw), "=" in signature) == ("ES256", 64, False)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    EC.public_key().verify(der, f"{header}.{claims}".encode(), ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        EC.public_key().verify(der, f"{header}.{claims}x".encode(), ECDSA(SHA256()))


@pytest.mark.parametrize(
    "secret",
    [SECRET, base64.b64encode(base64.b64decode(SECRET)[:32]).decode(), pem(ED, PrivateFormat.PKCS8), f" {SECRET}\n"],
    ids=["seed and public half", "seed", "PKCS#8", "with white space"],
)
def test_every_form_of_an_ed25519_key_signs_alike(secret: str) -> None:
    signed = auth(secret).generate_auth_dict(ACCOUNTS, NOW_MS)
    assert jwt_of(signed)[2].startswith("qnNUBcioSpdzsbvzNAuu6Cki")


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("not a key!", "neither PEM nor base64"),
        ("YWJj", "has 3 bytes"),
        (base64.b64encode(bytes(64)).decode(), "do not belong together"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHc", "cut off"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----", "cannot be read"),
        (pem(derive_private_key(7, SECP256K1()), PrivateFormat.PKCS8), "neither ECDSA P-256 nor Ed25519"),
    ],
)
def test_a_wrong_key_is_named_without_being_quoted(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        auth(secret)
    assert secret[-12:] not in str(refused.value)


def test_each_request_has_a_nonce_of_its_own() -> None:
    signer = SPEC.auth(Credentials(api_key=NAME, secret_key=SECRET), SPEC.domains["main"])
    nonces = {unpack(jwt_of(signer.generate_auth_dict(ACCOUNTS, NOW_MS))[0])["nonce"] for _ in range(3)}
    assert len(nonces) == 3
    assert all(len(nonce) == 32 for nonce in nonces)


def test_no_secret_in_texts() -> None:
    signer = auth()
    signed = signer.generate_auth_dict(ACCOUNTS, NOW_MS)
    for text in (repr(signer), signed.signed_text, repr(Credentials(api_key=NAME, secret_key=SECRET))):
        assert SECRET[:20] not in text
    assert signer.api_key == NAME
