from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from app.connectors.okx.private import OkxPrivate
from app.core.types import Balance, BalanceDelta

ACCOUNT: dict[str, Any] = json.loads(
    """{"uTime":"1790000000311","totalEq":"55868.06","adjEq":"","isoEq":"0","ordFroz":"","imr":"","mmr":"",
 "mgnRatio":"","notionalUsd":"","upl":"","details":[{"ccy":"USDT","cashBal":"4750.42","availBal":"4734.37",
 "frozenBal":"158.57","ordFrozen":"16.05","eq":"4892.95","availEq":"4734.37","eqUsd":"4889.37","disEq":"4889.37",
 "liab":"","crossLiab":"","interest":"","spotInUseAmt":"","stgyEq":"150","coinUsdPrice":"0.99927",
 "uTime":"1790000000300"}]}"""
)


def push(*rows: Any) -> bytes:
    return json.dumps({"arg": {"channel": "account", "uid": "77982378738415879"}, "data": rows}).encode()


def test_balances_are_absolute(private: OkxPrivate) -> None:
    balance = Balance(
        asset="USDT",
        total=Decimal("4892.95"),
        available=Decimal("4734.37"),
        exchange_ms=1790000000300,
        frame=4,
        source="stream",
    )
    expected = [BalanceDelta(asset="USDT", reason="", balance=balance)]
    assert list(private.on_message(push(ACCOUNT), 4)) == expected


@pytest.mark.parametrize(
    ("row", "total", "available"),
    [
        ({"eq": "", "cashBal": "5", "availBal": "3", "frozenBal": "2"}, 5, 3),
        ({"availBal": "3", "frozenBal": "2"}, 5, 3),
        ({"cashBal": "5", "availBal": "", "frozenBal": "2"}, 5, 3),
        ({"eq": "0", "cashBal": "0", "availBal": "0", "frozenBal": "0"}, 0, 0),
    ],
)
def test_balances_of_a_spot_account(private: OkxPrivate, row: dict[str, str], total: int, available: int) -> None:
    (delta,) = private.on_message(push({"uTime": "9", "details": [{"ccy": "BTC", **row}]}), 4)
    assert isinstance(delta, BalanceDelta)
    assert (delta.balance.total, delta.balance.available, delta.balance.exchange_ms) == (total, available, 9)


def test_a_balance_without_any_amount_is_unreadable(private: OkxPrivate) -> None:
    with pytest.raises(ValueError):
        private.on_message(push({"details": [{"ccy": "BTC"}]}), 1)


def test_an_account_without_details_tells_nothing(private: OkxPrivate) -> None:
    assert private.on_message(push({"uTime": "9"}), 1) == []
