"""Listeners hear in the order they connected, until they disconnect, also while a value is being told."""

from __future__ import annotations

from app.core.signal import Signal


def test_listeners_hear_in_order() -> None:
    signal: Signal[int] = Signal()
    heard: list[tuple[str, int]] = []
    signal.connect(lambda value: heard.append(("first", value)))
    signal.connect(lambda value: heard.append(("second", value)))
    signal.emit(7)
    assert heard == [("first", 7), ("second", 7)]


def test_disconnected_listeners_hear_no_more() -> None:
    signal: Signal[int] = Signal()
    heard: list[int] = []
    disconnect = signal.connect(heard.append)
    signal.emit(1)
    disconnect()
    disconnect()
    signal.emit(2)
    assert heard == [1]


def test_one_may_leave_while_being_told() -> None:
    signal: Signal[int] = Signal()
    heard: list[str] = []

    def once(value: int) -> None:
        heard.append(f"once {value}")
        leave()

    leave = signal.connect(once)
    signal.connect(lambda value: heard.append(f"always {value}"))
    signal.emit(1)
    signal.emit(2)
    assert heard == ["once 1", "always 1", "always 2"]
