"""The strips that say what is wrong now."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.core.clock import ManualClock
from app.core.notices import Notices
from app.ui.banner import Banner


def test_an_alarm_stays_until_it_is_over(qtbot: QtBot, clock: ManualClock) -> None:
    notices = Notices(clock)
    banner = Banner(notices)
    qtbot.addWidget(banner)
    assert banner.isHidden()
    notices.raise_alarm("HOLD-MISMATCH", "poloniex", "USDT: 10 held, 0 in orders")
    notices.raise_alarm("HOLD-MISMATCH", "poloniex", "USDT: 20 held, 0 in orders")
    banner.refresh()
    assert banner.texts() == ["HOLD-MISMATCH poloniex: USDT: 20 held, 0 in orders"] and not banner.isHidden()
    assert [notice.text for notice in notices.items] == ["HOLD-MISMATCH: USDT: 10 held, 0 in orders"]
    notices.end_alarm("HOLD-MISMATCH", "poloniex", "equal again")
    banner.refresh()
    assert banner.texts() == [] and banner.isHidden()
    assert notices.items[-1].text == "HOLD-MISMATCH is over: equal again"


def test_three_are_shown_and_the_others_counted(qtbot: QtBot, clock: ManualClock) -> None:
    notices = Notices(clock)
    banner = Banner(notices)
    qtbot.addWidget(banner)
    for number in range(5):
        notices.raise_alarm("GAP", f"exchange {number}", "a gap")
    banner.refresh()
    assert banner.texts() == [f"GAP exchange {number}: a gap" for number in (4, 3, 2)]
    closing = next(button for button in banner.findChildren(QToolButton) if "away" in button.toolTip())
    qtbot.mouseClick(closing, Qt.MouseButton.LeftButton)
    assert banner.texts() == [f"GAP exchange {number}: a gap" for number in (3, 2, 1)]


def test_the_message_behind_an_alarm_can_be_asked_for(qtbot: QtBot, clock: ManualClock) -> None:
    notices = Notices(clock)
    banner = Banner(notices)
    qtbot.addWidget(banner)
    notices.raise_alarm("GAP", "poloniex", "a <b>gap</b>", frame=1234)
    banner.refresh()
    assert banner.texts() == ["GAP poloniex: a <b>gap</b>"]
    link = next(button for button in banner.findChildren(QToolButton) if button.text() == "#1,234")
    with qtbot.waitSignal(banner.frame_requested) as asked:
        qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    assert asked.args == [1234]
