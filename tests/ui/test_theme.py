"""Every colour that carries meaning can be read on what it lies on, in both schemes and all three colour sets."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.theme import Scheme, SideColours, Theme

ALL = [
    theme.build(scheme, sides) for scheme, sides in itertools.product((Scheme.DARK, Scheme.LIGHT), list(SideColours))
]
every_theme = pytest.mark.parametrize("look", ALL, ids=lambda look: f"{'dark' if look.dark else 'light'} {look.sides}")


def luminance(colour: QColor) -> float:
    """WCAG 2 relative luminance."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_the_published_one() -> None:
    assert contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.01)


@every_theme
def test_words_and_numbers_can_be_read(look: Theme) -> None:
    grounds = [look.base, look.panel, look.raised, look.hover]
    for name in ("text", "secondary", "buy", "sell", "warning", "error", "paper", "live", "accent"):
        worst = min(contrast(getattr(look, name), ground) for ground in grounds[:3])
        assert worst >= 4.5, (name, worst)
    assert contrast(look.text, look.selected) >= 4.5
    assert contrast(look.secondary, look.hover) >= 4.5


@every_theme
def test_borders_rings_and_faded_text_can_be_seen(look: Theme) -> None:
    for name in ("border", "focus", "disabled", "stale"):
        worst = min(contrast(getattr(look, name), ground) for ground in (look.base, look.panel))
        assert worst >= 3.0, (name, worst)


@every_theme
def test_prices_can_be_read_through_the_depth_bars(look: Theme) -> None:
    assert look.bar_opacity <= 0.16
    for side in (look.buy, look.sell):
        assert contrast(side, theme.mix(side, look.base, look.bar_opacity)) >= 4.5
        assert contrast(look.text, theme.mix(side, look.base, look.bar_opacity)) >= 7


@every_theme
def test_words_on_filled_buttons_can_be_read(look: Theme) -> None:
    assert contrast(look.on_side, look.buy) >= 4.5
    assert contrast(look.on_side, look.sell) >= 4.5
    assert contrast(look.on_accent, look.accent) >= 4.5


def test_red_up_swaps_the_sides() -> None:
    usual, swapped = theme.build(), theme.build(sides=SideColours.RED_UP)
    assert (usual.buy, usual.sell) == (swapped.sell, swapped.buy)


def test_scale_changes_fonts_and_pixels_within_limits(qapp: QApplication) -> None:
    normal, large = theme.build(), theme.build(scale=2.0)
    assert large.font().pointSizeF() == 2 * normal.font().pointSizeF()
    assert (normal.px(28), large.px(28)) == (28, 56)
    assert theme.build(scale=9).scale == 2.0
    assert theme.rescaled(normal, 0.1).scale == 0.8


def test_text_is_never_smaller_than_nine_points(qapp: QApplication) -> None:
    assert theme.current().font().pointSizeF() >= 9


def test_all_digits_are_equally_wide(qapp: QApplication) -> None:
    measure = QFontMetricsF(theme.current().digits())
    assert len({round(measure.horizontalAdvance(digit * 20), 3) for digit in "0123456789"}) == 1


def test_applying_a_theme_reaches_the_palette(qapp: QApplication) -> None:
    light = theme.build(Scheme.LIGHT)
    theme.apply(qapp, light)
    assert theme.current() is light
    assert qapp.palette().base().color() == light.base
    assert qapp.palette().text().color() == light.text


def test_every_icon_is_drawn_in_the_colour_of_the_text(qapp: QApplication) -> None:
    names = sorted(path.stem for path in theme.resource_path("icons").glob("*.svg"))
    assert {"search", "settings", "buy", "sell", "link-ok", "link-half", "link-bad", "depthdesk"} <= set(names)
    for name in names:
        picture = theme.icon(name).pixmap(24, 24).toImage()
        inked = [picture.pixelColor(x, y) for x in range(24) for y in range(24) if picture.pixelColor(x, y).alpha()]
        assert inked, name
    full = [c for c in _ink("stop") if c.alpha() == 255]
    assert full and all(colour == theme.current().text for colour in full)


def _ink(name: str) -> list[QColor]:
    picture = theme.icon(name).pixmap(24, 24).toImage()
    return [picture.pixelColor(x, y) for x in range(24) for y in range(24)]


def test_a_missing_icon_is_an_error_not_a_blank(qapp: QApplication) -> None:
    with pytest.raises(KeyError):
        theme.icon("no such drawing")


@pytest.mark.parametrize("kind", [QPushButton, QToolButton, QLineEdit])
def test_targets_are_large_enough_to_hit(qtbot, kind: type[QWidget]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    widget = kind()
    QVBoxLayout(parent).addWidget(widget)
    parent.show()
    assert widget.sizeHint().height() >= 24
    assert widget.height() >= 24


def test_the_style_sheet_holds_colours_of_the_theme_only(qapp: QApplication) -> None:
    for look in ALL:
        sheet = theme.style_sheet(look)
        assert sheet.count("{") == sheet.count("}")
        assert look.focus.name() in sheet
        assert not re.search(r"\{[a-z_.]+\}", sheet)
