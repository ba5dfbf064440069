"""Our order ids: in order of time, never twice, and of a form that every exchange takes."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.client_order_id import is_ours, new_client_order_id

TIMES = st.integers(0, (1 << 48) - 1)


@given(TIMES, st.integers())
def test_form_is_27_letters_and_digits(now_ms: int, seed: int) -> None:
    id = new_client_order_id(now_ms, Random(seed))
    assert re.fullmatch(r"k[0-9A-HJKMNP-TV-Z]{26}", id)
    assert is_ours(id)


@given(TIMES, TIMES, st.integers())
def test_ids_sort_by_time(one: int, two: int, seed: int) -> None:
    random = Random(seed)
    first, second = new_client_order_id(one, random), new_client_order_id(two, random)
    assert one == two or (first < second) == (one < two)


def test_known_time_gives_the_known_beginning() -> None:
    assert new_client_order_id(1_469_918_176_385, Random(1)).startswith("k01ARYZ6S41")


def test_many_ids_of_one_moment_differ() -> None:
    random = Random(3)
    assert len({new_client_order_id(1_700_000_000_000, random) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "id", ["", "k", "web-1", "x01ARYZ6S41TSV4RRFFQ69G5FAV", "k01ARYZ6S41TSV4RRFFQ69G5FAU", "k01ARYZ6S41TSV4RRFFQ69G5FA"]
)
def test_others_are_not_ours(id: str) -> None:
    assert not is_ours(id)
