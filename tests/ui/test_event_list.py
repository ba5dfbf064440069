"""The event list and the messages in the corner: newest first, filtered, linked to frames; errors stay."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QFrame, QLabel, QToolButton, QWidget

from app.core.notices import NoticeLevel
from app.ui import theme
from app.ui.panels.event_list import EventList, ToastStack
from tests.ui.fake_desk import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    desk = FakeDesk()
    desk.notices.info("poloniex/public", "connected, 11 books")
    desk.clock.advance(1)
    desk.notices.warning("poloniex/public", "gap on BTC-USDT: at 4485675, asked again", frame=1305)
    desk.clock.advance(1)
    desk.notices.error("binance/rest", "order rejected: Low available balance", frame=1315)
    return desk


@pytest.fixture
def panel(qtbot, desk) -> EventList:
    widget = EventList(desk)
    qtbot.addWidget(widget)
    widget.resize(900, 220)
    widget.show()
    return widget


def happened(panel: EventList) -> list[str]:
    return [row[3] for row in panel.visible_rows()]


def test_the_newest_is_on_top_with_time_level_source_and_frame(panel):
    assert panel.visible_rows() == [
        ("08:53:22.000", "error", "binance/rest", "order rejected: Low available balance", "#1,315"),
        ("08:53:21.000", "warning", "poloniex/public", "gap on BTC-USDT: at 4485675, asked again", "#1,305"),
        ("08:53:20.000", "info", "poloniex/public", "connected, 11 books", ""),
    ]
    index = panel.model.index(0, 1)
    assert panel.model.data(index, Qt.ItemDataRole.ForegroundRole) == theme.current().error
    assert not panel.model.data(index, Qt.ItemDataRole.DecorationRole).isNull()


def test_new_events_come_with_the_next_refresh_and_keep_the_selection(desk, panel):
    panel.table.selectRow(1)
    desk.notices.info("okx/public", "connected")
    panel.refresh()
    assert happened(panel)[0] == "connected"
    assert panel.table.currentIndex().row() == 2
    assert panel.count.text() == "4"


def test_filters_by_level_and_text(qtbot, desk, panel):
    qtbot.mouseClick(panel.levels.button(1), Qt.MouseButton.LeftButton)
    assert len(happened(panel)) == 2
    qtbot.mouseClick(panel.levels.button(2), Qt.MouseButton.LeftButton)
    assert happened(panel) == ["order rejected: Low available balance"]
    qtbot.mouseClick(panel.levels.button(0), Qt.MouseButton.LeftButton)
    qtbot.keyClicks(panel.search, "POLONIEX")
    assert len(happened(panel)) == 2
    desk.notices.info("okx/public", "connected")
    panel.refresh()
    assert len(happened(panel)) == 2
    qtbot.keyClicks(panel.search, "nothing like it")
    assert panel.empty.isVisible()
    assert panel.empty.text() == "No event passes the filter."


def test_an_event_leads_to_its_frame(qtbot, panel):
    place = panel.table.visualRect(panel.model.index(1, 4)).center()
    with qtbot.waitSignal(panel.frame_requested) as asked:
        qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == [1305]
    panel.table.selectRow(0)
    with qtbot.waitSignal(panel.frame_requested) as asked:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert asked.args == [1315]


def test_old_events_leave_when_the_list_is_full(qtbot):
    desk = FakeDesk()
    keep = desk.notices.items.maxlen
    assert keep is not None
    panel = EventList(desk)
    qtbot.addWidget(panel)
    for number in range(keep + 50):
        desk.notices.info("test", f"event {number}")
    panel.refresh()
    assert panel.model.rowCount() == keep
    assert happened(panel)[0] == f"event {keep + 49}"


def test_foreign_text_is_cleaned_and_stays_plain(desk, panel):
    desk.notices.error("binance/rest", "<b>bold</b>\u202e\x07 text\nsecond line")
    panel.refresh()
    assert happened(panel)[0] == "<b>bold</b> text second line"


def test_copying_a_row(qtbot, panel):
    panel.table.selectRow(1)
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == (
        "08:53:21.000  warning  poloniex/public  gap on BTC-USDT: at 4485675, asked again  #1,305"
    )


def test_an_empty_list_says_so(qtbot):
    panel = EventList(FakeDesk())
    qtbot.addWidget(panel)
    panel.show()
    assert panel.empty.text() == "Nothing has happened yet."


def test_everything_that_takes_focus_has_a_name(panel):
    for child in panel.findChildren(QWidget):
        if child.isVisibleTo(panel) and child.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert child.accessibleName() or child.objectName().startswith("qt_"), child


# -- toasts ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def window(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(1000, 600)
    widget.show()
    return widget


def test_toasts_leave_by_themselves_and_errors_stay(qtbot, desk, window):
    stack = ToastStack(window, desk.notices, life_ms=30)
    desk.notices.info("a", "connected")
    desk.notices.warning("a", "gap")
    desk.notices.error("a", "rejected")
    assert stack.texts() == ["connected", "gap", "rejected"]
    qtbot.waitUntil(lambda: stack.texts() == ["rejected"], timeout=2_000)
    assert stack.isVisible()


def test_at_most_three_and_errors_are_the_last_to_go(desk, window):
    stack = ToastStack(window, desk.notices)
    desk.notices.error("a", "first error")
    for number in range(4):
        desk.notices.info("a", f"info {number}")
    assert stack.texts() == ["first error", "info 2", "info 3"]
    for number in range(4):
        desk.notices.error("a", f"error {number}")
    assert stack.texts() == ["error 1", "error 2", "error 3"]
    assert stack.more.text() == "2 more errors in the event list"
    desk.notices.info("a", "no room")
    assert stack.texts() == ["error 1", "error 2", "error 3"]


def test_toasts_stand_in_the_lower_right_corner(desk, window):
    stack = ToastStack(window, desk.notices)
    desk.notices.error("a", "rejected by the exchange " * 8)
    assert window.rect().contains(stack.geometry())
    window.resize(700, 400)
    assert window.rect().contains(stack.geometry())
    assert stack.geometry().right() > 650


def test_a_toast_can_be_closed_and_leads_to_its_frame(qtbot, desk, window):
    stack = ToastStack(window, desk.notices)
    desk.notices.error("a", "rejected", frame=1315)
    buttons = {button.accessibleName(): button for button in stack.findChildren(QToolButton)}
    with qtbot.waitSignal(stack.frame_requested) as asked:
        qtbot.mouseClick(buttons["Show the message that tells this"], Qt.MouseButton.LeftButton)
    assert asked.args == [1315]
    qtbot.mouseClick(buttons["Close this message"], Qt.MouseButton.LeftButton)
    assert stack.texts() == []
    assert not stack.isVisible()


def test_toasts_on_screen_follow_another_theme(qapp, desk, window):
    stack = ToastStack(window, desk.notices)
    desk.notices.error("a", "rejected")
    (toast,) = (child for child in stack.findChildren(QFrame) if child.objectName() == "toast")

    def seen() -> tuple[QColor, QColor]:
        picture = toast.grab().toImage()
        return picture.pixelColor(picture.width() - 4, picture.height() - 5), picture.pixelColor(1, 20)

    def icon() -> QImage:
        return toast.findChildren(QLabel)[0].pixmap().toImage()

    dark = theme.current()
    assert seen() == (dark.raised, dark.error)
    assert icon() == theme.icon("error", dark.error).pixmap(18, 18).toImage()
    theme.apply(qapp, theme.build(theme.Scheme.LIGHT))
    light = theme.current()
    assert light.raised != dark.raised and light.error != dark.error
    assert seen() == (light.raised, light.error)
    assert icon() == theme.icon("error", light.error).pixmap(18, 18).toImage()


def test_a_stack_may_be_asked_for_warnings_only(desk, window):
    stack = ToastStack(window, desk.notices, lowest=NoticeLevel.WARNING)
    desk.notices.info("a", "connected")
    desk.notices.warning("a", "gap")
    assert stack.texts() == ["gap"]
