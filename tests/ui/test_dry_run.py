"""What the dry run shows of a signed request."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication

from app.core.requests import SignedRequest
from app.ui.dialogs.dry_run import DryRunDialog, as_text, body_text, method_of, pretty_body

REQUEST = SignedRequest(
    target="/orders?x=%20",
    headers={"key": "key 7f3a…", "signature": "(redacted)"},
    body=b'{"price":"67000.10","size":1.50,"nested":{"list":[1,{}],"ok":true}}',
    signed_text="POST\n/orders\nrequestBody=...",
    now_ms=1_760_000_000_000,
)


def test_the_indented_body_keeps_every_digit():
    assert pretty_body(REQUEST.body).split("\n") == [
        "{",
        '  "price": "67000.10",',
        '  "size": 1.50,',
        '  "nested": {',
        '    "list": [',
        "      1,",
        "      {}",
        "    ],",
        '    "ok": true',
        "  }",
        "}",
    ]


@pytest.mark.parametrize(("body", "shown"), [(b"a=1&b=2", "a=1&b=2"), (b"", ""), (b"\xff\x00", "ff 00"), (b"[]", "[]")])
def test_other_bodies_stay_as_they_are(body, shown):
    assert pretty_body(body) == body_text(body) == shown


@pytest.mark.parametrize(
    ("signed", "method"),
    [
        ("POST\n/orders\n", "POST"),
        ("2026-11-20T10:00:00.000ZPOST/api/v5/trade/order{}", "POST"),
        ("DELETE\napi.example\n/v1\n", "DELETE"),
        ("symbol=INPUTUSDT&side=BUY", ""),
        ("", ""),
    ],
)
def test_the_method_is_told_only_where_it_is_signed(signed, method):
    assert method_of(SignedRequest(target="/", headers={}, body=b"", signed_text=signed)) == method


def test_all_parts_are_shown_and_copied(qtbot):
    dialog = DryRunDialog(REQUEST, "Poloniex BTC-USDT", badge="LIVE")
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.line.whole == "POST /orders?x=%20"
    assert dialog.part("Body bytes") == REQUEST.body.decode()
    assert dialog.part("Headers") == "key: key 7f3a…\nsignature: (redacted)"
    assert dialog.part("Signed text") == REQUEST.signed_text
    dialog._copy_all()
    assert QGuiApplication.clipboard().text() == as_text(REQUEST)
    assert REQUEST.body.decode() in as_text(REQUEST)
    with pytest.raises(KeyError):
        dialog.part("Secret")
