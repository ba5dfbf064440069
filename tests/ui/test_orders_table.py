"""Rows that change in place, whatever comes, goes and moves."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from app.ui.models.orders_table import CELL, Cell, Column, LiveTable


@dataclass(frozen=True)
class Item:
    key: int
    value: int | None

    @property
    def version(self) -> int | None:
        return self.value


def table(descending: bool = False) -> LiveTable[Item]:
    columns = [Column("Value", lambda r: Cell(str(r.value), tip="<b>&"), lambda r: r.value, 50, right=True)]
    return LiveTable(columns, sort_by=0, descending=descending)


_items = st.lists(
    st.builds(Item, st.integers(0, 30), st.none() | st.integers(0, 9)),
    max_size=20,
    unique_by=lambda item: item.key,
)


@settings(deadline=None)
@given(st.lists(_items, min_size=1, max_size=5), st.booleans())
def test_any_sequence_of_feeds_ends_in_the_sorted_rows(feeds, descending):
    model = table(descending)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    held: dict[int, QPersistentModelIndex] = {}
    for items in feeds:
        model.feed(items)
        known = [item.value for item in model.shown if item.value is not None]
        assert known == sorted(known, reverse=descending)
        assert {item.key for item in model.shown} == {item.key for item in items}
        assert [model.index(row, 0).data(CELL).text for row in range(len(items))] == [
            str(item.value) for item in model.shown
        ]
        for key, index in list(held.items()):
            if index.isValid():
                assert model.shown[index.row()].key == key
        held |= {item.key: QPersistentModelIndex(model.index(row, 0)) for row, item in enumerate(model.shown)}
    del tester


def test_a_cell_is_made_once_per_version():
    made = []
    columns = [Column("Value", lambda r: made.append(r.key) or Cell(str(r.value)), lambda r: r.value, 50)]
    model: LiveTable[Item] = LiveTable(columns)
    model.feed([Item(1, 5)])
    assert [model.index(0, 0).data(), model.index(0, 0).data()] == ["5", "5"]
    model.feed([Item(1, 6)])
    assert model.index(0, 0).data() == "6"
    assert made == [1, 1]


def test_tool_tips_show_foreign_text_as_it_is():
    model = table()
    model.feed([Item(1, 5)])
    assert model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == "<qt>&lt;b&gt;&amp;</qt>"


def test_a_great_change_resets_but_a_small_one_does_not(qtbot):
    model = table()
    model.feed([Item(key, key) for key in range(400)])
    with qtbot.waitSignal(model.modelReset):
        model.set_filter(lambda item: item.key % 2 == 0)
    with qtbot.assertNotEmitted(model.modelReset):
        model.feed([Item(key, key) for key in range(399)])
    assert model.rowCount() == 200
