from __future__ import annotations

from collections.abc import Callable

import pytest

from app.connectors.crypto_com.errors import KINDS, good_body, read_error
from app.core.errors import ErrorKind
from app.core.requests import Response, VenueError

Reply = Callable[..., Response]

OF_KIND = {
    ErrorKind.REJECTED: (
        202,
        306,
        312,
        313,
        314,
        315,
        318,
        321,
        406,
        410,
        415,
        10004,
        40107,
        43003,
        43004,
        43005,
        43012,
    ),
    ErrorKind.RULES_CHANGED: (213, 308),
    ErrorKind.MARKET_CLOSED: (206, 208, 209, 309),
    ErrorKind.DUPLICATE_ID: (204,),
    ErrorKind.NOT_FOUND: (212, 40401),
    ErrorKind.ALREADY_DONE: (316,),
    ErrorKind.AUTH: (40101, 40103, 40104),
    ErrorKind.CLOCK: (40102,),
    ErrorKind.SLOW_DOWN: (42901,),
    ErrorKind.UNAVAILABLE: (40801, 50001),
    ErrorKind.UNKNOWN: (224, 40006),
}
"""The table of the sheet once more."""


def test_no_code_is_left_out() -> None:
    assert sorted(code for codes in OF_KIND.values() for code in codes) == sorted(KINDS)


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in OF_KIND.items() for code in codes])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_every_code_means_the_same_in_any_http_state(reply: Reply, kind: ErrorKind, code: int, status: int) -> None:
    error = read_error(reply(body={"id": 1, "method": "private/create-order", "code": code}, status=status))
    assert error is not None
    assert (error.kind, error.code, error.status, error.frame) == (kind, str(code), status, 7)
    assert error.words == KINDS[code][1]


def test_the_exchanges_words_come_first(reply: Reply) -> None:
    error = read_error(reply(body={"code": "306", "message": "INSUFFICIENT_AVAILABLE_BALANCE"}, status=500))
    assert error is not None
    assert (error.kind, error.words) == (ErrorKind.REJECTED, "INSUFFICIENT_AVAILABLE_BALANCE")


def test_an_unlisted_code_leaves_the_outcome_unknown(reply: Reply) -> None:
    for status in (200, 400, 500):
        error = read_error(reply(body={"code": 77777, "message": "NEW"}, status=status))
        assert error is not None
        assert error.kind is ErrorKind.UNKNOWN and not error.kind.is_definite


def test_429_is_slow_down_whatever_it_says(reply: Reply) -> None:
    for body in ({"code": 42901}, {"code": 77777}, "<html>"):
        error = read_error(reply(body=body, status=429))
        assert error is not None and error.kind is ErrorKind.SLOW_DOWN


@pytest.mark.parametrize("body", ["", "<html>busy</html>", "[]", "null", "{}", "[" * 100_000])
def test_bodies_without_a_code(reply: Reply, body: str) -> None:
    assert read_error(reply(body=body, status=200)) is None
    broken = read_error(reply(body=body, status=503))
    assert broken is not None and broken.kind is ErrorKind.UNAVAILABLE


def test_good_body_raises_for_a_refusal(reply: Reply) -> None:
    assert good_body(reply([])) == b'{"id": 1, "method": "m", "code": 0, "result": {"data": []}}'
    with pytest.raises(VenueError, match="40401"):
        good_body(reply(body={"id": 1, "method": "private/get-order-detail", "code": 40401, "message": "NOT_FOUND"}))
