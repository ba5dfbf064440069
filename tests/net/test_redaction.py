"""What is hidden, in which spellings, and what is left alone."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.net.redaction import SECRET_FIELDS, Redactor

CANARY = 'cAn4ry/+"é\\\n=s3cret?&x'


@pytest.mark.parametrize("field", [*SECRET_FIELDS, "API-KEY", "accessKeyID", "Secret_Key", "OWN_FIELD", "ownField"])
def test_fields_are_known_by_name_whatever_their_spelling(field: str) -> None:
    redactor = Redactor(["ownField"])
    for payload in (
        f'{{"{field}":"v4lue","side":"BUY"}}',
        f'{{"{field}" : 40041, "side":"BUY"}}',
        f'{{"{field}":"with \\"quotes\\" v4lue","side":"BUY"}}',
        json.dumps({"body": json.dumps({field: "v4lue", "side": "BUY"})}),
        f"a=1&{field}=v4lue&side=BUY",
    ):
        hidden = redactor.payload(payload.encode()).decode()
        assert "<redacted:" in hidden and "BUY" in hidden
        assert "v4lue" not in hidden and "40041" not in hidden and "quotes" not in hidden
        if payload.startswith("{"):
            json.loads(hidden)


def test_a_redacted_value_shows_the_start_of_its_hash() -> None:
    # SHA-256 of "abc" as published in FIPS 180-2, appendix B.1.
    assert Redactor().payload(b'{"apiKey":"abc"}') == b'{"apiKey":"<redacted:ba7816bf>"}'
    assert Redactor().query("/order?b=1&signature=abc&c=2") == "/order?b=1&signature=<redacted:ba7816bf>&c=2"


def test_redacting_twice_changes_nothing_more() -> None:
    redactor = Redactor()
    once = redactor.payload(b'{"sign":"x","a":"b"} key=1')
    assert redactor.payload(once) is once


def test_other_fields_stay_and_clean_data_is_not_copied() -> None:
    data = b'{"keyboard":"a","assigned":"b","tokens":3,"monkey":"c","design":"d","symbol":"KEY_USDT","price":"1"}'
    assert Redactor().payload(data) is data


def test_headers() -> None:
    redactor = Redactor()
    redactor.protect("hunter2hunter2")
    shown = redactor.headers(
        {"X-MBX-APIKEY": "k", "ok-access-timestamp": "1", "Cookie": "c", "X-Note": "hunter2hunter2"}
    )
    assert {value[:10] for value in shown.values()} == {"<redacted:"}
    assert redactor.headers({"Accept": "application/json"}) == {"Accept": "application/json"}


def test_free_text() -> None:
    text = 'request failed\nX-MBX-APIKEY: k1k1\nGET /a?apiKey=k2k2&n=1 {\'x\': 1} {"secret":"k3k3"}'
    hidden = Redactor().text(text)
    assert "request failed" in hidden and "n=1" in hidden
    for secret in ("k1k1", "k2k2", "k3k3"):
        assert secret not in hidden


def spellings(secret: str) -> list[bytes]:
    raw = secret.encode()
    texts = [
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(json.dumps(secret)),
        raw.hex(),
        raw.hex().upper(),
    ]
    padded = [b"x" * n + raw + b"tail" for n in range(3)]
    return [
        raw,
        *(text.encode() for text in texts),
        *map(base64.b64encode, padded),
        *map(base64.urlsafe_b64encode, padded),
    ]


@pytest.mark.parametrize("form", range(14))
def test_a_live_secret_is_hidden_in_every_form(form: int) -> None:
    redactor = Redactor()
    redactor.protect(CANARY)
    spelled = spellings(CANARY)[form]
    hidden = redactor.payload(b"before " + spelled + b" after")
    assert b"<redacted:" in hidden and hidden.startswith(b"before ") and hidden.endswith(b" after")
    assert b"an4ry" not in hidden and spelled[4:16] not in hidden


@given(st.text(min_size=8, max_size=60).filter(lambda text: len(text.strip().encode()) >= 8))
def test_any_secret_in_any_form(secret: str) -> None:
    redactor = Redactor()
    redactor.protect(secret)
    for spelled in spellings(secret)[:8]:
        assert spelled not in redactor.payload(b"before:" + spelled + b":after")


def test_a_key_file_is_hidden_line_by_line() -> None:
    body = base64.b64encode(bytes(range(96))).decode()
    lines = [body[start : start + 64] for start in range(0, 128, 64)]
    redactor = Redactor()
    redactor.protect("\n".join(["-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----"]))
    hidden = redactor.text(f"-----BEGIN EC PRIVATE KEY-----\r\n{lines[0]}\r\n{lines[1]}")
    assert lines[0] not in hidden and lines[1] not in hidden and "BEGIN" in hidden


def test_a_forgotten_secret_is_no_longer_held() -> None:
    redactor = Redactor()
    redactor.protect("hunter2hunter2")
    assert "hunter2" not in repr(redactor) and "1 secrets" in repr(redactor)
    redactor.forget("hunter2hunter2")
    assert redactor.payload(b"hunter2hunter2") == b"hunter2hunter2"


@pytest.mark.parametrize(
    "hostile",
    [
        b'\\"' + b"\\" * 500_000,
        b'\\"key\\":\\"' + b"\\" * 500_000,
        b'\\"key\\":\\"' * 50_000,
        b'"key"' + b" " * 500_000 + b"=",
        b'"key":"' * 70_000,
        b'"key":"' + b"\\" * 500_001,
        b"\n" * 500_000 + b'"=',
        b"key=" * 120_000,
    ],
)
def test_a_hostile_message_costs_no_more_than_its_length(hostile: bytes) -> None:
    started = time.process_time()
    Redactor().text(hostile.decode())
    assert time.process_time() - started < 2


@given(st.binary(max_size=300))
def test_no_bytes_can_break_it(data: bytes) -> None:
    redactor = Redactor()
    redactor.protect("hunter2hunter2")
    redactor.payload(data)
    redactor.text(data.decode("utf-8", "surrogateescape"))
