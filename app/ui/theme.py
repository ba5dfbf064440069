"""Colours, fonts, icons and the look of standard controls, as one frozen value. No panels, no settings files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

_FAMILIES = (
    "Inter",
    "Noto Sans",
    "Roboto",
    "Cantarell",
    "Ubuntu",
    "Liberation Sans",
    "DejaVu Sans",
)
_ICON_SIZES = (16, 20, 24, 32, 48, 64)


class Scheme(StrEnum):
    DARK = "dark"
    LIGHT = "light"
    SYSTEM = "system"


class SideColours(StrEnum):
    """How buy and sell (or up and down) are told apart; never by colour alone."""

    GREEN_RED = "green/red"
    BLUE_ORANGE = "blue/orange"
    RED_UP = "red up"


@dataclass(frozen=True, eq=False)
class Theme:
    """Every colour by its meaning, and the sizes derived from the scale of the interface.

    `scale` multiplies the system's own scaling (0.8 to 2.0); `flash` says whether changed digits may flash.
    """

    dark: bool
    sides: SideColours
    scale: float
    flash: bool
    text: QColor
    secondary: QColor
    disabled: QColor
    buy: QColor
    sell: QColor
    warning: QColor
    error: QColor
    focus: QColor
    accent: QColor
    on_accent: QColor
    border: QColor
    hairline: QColor
    base: QColor
    panel: QColor
    raised: QColor
    hover: QColor
    selected: QColor
    grid: QColor
    paper: QColor
    live: QColor
    stale: QColor
    on_side: QColor
    """Text on a button filled with the colour of a side."""
    bar_opacity: float
    """Of depth bars behind text: as much as keeps the price readable (contrast 4.5)."""

    def px(self, size: float) -> int:
        """Device-independent pixels for a size given at scale 1."""
        return round(size * self.scale)

    @property
    def row(self) -> int:
        """Height of one painted row of numbers."""
        return self.px(20)

    def font(self, points: float = 9.5, *, bold: bool = False) -> QFont:
        font = QFont(QApplication.font())
        font.setPointSizeF(points * self.scale)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return font

    def digits(self, points: float = 9.5, *, bold: bool = False) -> QFont:
        """The interface font with all digits equally wide, so that columns of numbers line up."""
        font = self.font(points, bold=bold)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    @property
    def lab(self) -> QColor:
        return self.warning

    def side(self, buy: bool) -> QColor:
        return self.buy if buy else self.sell


LAB_FRAME = QColor("#F0B90B")
"""Around a window that shows a server of the user's own; the same in every theme."""


def mix(over: QColor, under: QColor, opacity: float) -> QColor:
    """The opaque colour that `over` at that opacity shows on `under`."""
    keep = 1.0 - opacity
    return QColor.fromRgbF(
        over.redF() * opacity + under.redF() * keep,
        over.greenF() * opacity + under.greenF() * keep,
        over.blueF() * opacity + under.blueF() * keep,
    )


def alpha(colour: QColor, opacity: float) -> QColor:
    faded = QColor(colour)
    faded.setAlphaF(opacity)
    return faded


_SIDES: Mapping[tuple[bool, SideColours], tuple[str, str]] = {
    (True, SideColours.GREEN_RED): ("#26A69A", "#EF5350"),
    (True, SideColours.RED_UP): ("#EF5350", "#26A69A"),
    (True, SideColours.BLUE_ORANGE): ("#4DA3FF", "#FF9F40"),
    (False, SideColours.GREEN_RED): ("#0B7A5E", "#C62828"),
    (False, SideColours.RED_UP): ("#C62828", "#0B7A5E"),
    (False, SideColours.BLUE_ORANGE): ("#0B5FB3", "#A34700"),
}
_DARK = {
    "text": "#E6E8EB",
    "secondary": "#9AA4B2",
    "disabled": "#6B7685",
    "warning": "#F2C94C",
    "error": "#FF6B68",
    "focus": "#FFD166",
    "accent": "#8E9BFF",
    "on_accent": "#0F1216",
    "border": "#667284",
    "hairline": "#272D36",
    "base": "#0F1216",
    "panel": "#171B21",
    "raised": "#1D222A",
    "hover": "#252C36",
    "selected": "#2A3350",
    "grid": "#1D232B",
    "paper": "#C9A7FF",
    "live": "#3FBF8F",
    "stale": "#7C8694",
    "on_side": "#0B0E11",
}
_LIGHT = {
    "text": "#14181D",
    "secondary": "#55606E",
    "disabled": "#7A8594",
    "warning": "#805500",
    "error": "#B3261E",
    "focus": "#1D5FD0",
    "accent": "#4353C9",
    "on_accent": "#FFFFFF",
    "border": "#7A8594",
    "hairline": "#DCE1E7",
    "base": "#FFFFFF",
    "panel": "#F3F5F8",
    "raised": "#FFFFFF",
    "hover": "#E7EBF1",
    "selected": "#D9DFFA",
    "grid": "#EDF0F4",
    "paper": "#6A3FB5",
    "live": "#0B7A5E",
    "stale": "#7A8594",
    "on_side": "#FFFFFF",
}


def build(
    scheme: Scheme = Scheme.DARK,
    sides: SideColours = SideColours.GREEN_RED,
    scale: float = 1.0,
    flash: bool = True,
) -> Theme:
    """A theme by its choices. `SYSTEM` asks the desktop, and means dark where the desktop does not say."""
    dark = scheme is Scheme.DARK
    if scheme is Scheme.SYSTEM:
        dark = QApplication.styleHints().colorScheme() is not Qt.ColorScheme.Light
    buy, sell = _SIDES[dark, sides]
    colours = {name: QColor(value) for name, value in (_DARK if dark else _LIGHT).items()}
    return Theme(
        dark=dark,
        sides=sides,
        scale=min(max(scale, 0.8), 2.0),
        flash=flash,
        buy=QColor(buy),
        sell=QColor(sell),
        bar_opacity=0.15 if dark else 0.09,
        **colours,
    )


_current: Theme | None = None


def current() -> Theme:
    """The theme applied last; panels ask when they paint."""
    global _current
    if _current is None:
        _current = build()
    return _current


def apply(app: QApplication, theme: Theme) -> None:
    """Dress the application. Painted panels follow through the palette change that Qt sends to every widget."""
    global _current
    _current = theme
    app.setStyle("Fusion")
    app.setFont(_interface_font(theme.scale))
    app.setPalette(_palette(theme))
    app.setStyleSheet(style_sheet(theme))


def follow_system(app: QApplication, theme: Theme) -> None:
    """Apply `theme`, and its light or dark twin whenever the desktop changes its mind. Call once."""

    def change(_scheme: Qt.ColorScheme) -> None:
        now = current()
        apply(app, build(Scheme.SYSTEM, now.sides, now.scale, now.flash))

    apply(app, theme)
    app.styleHints().colorSchemeChanged.connect(change)


def rescaled(theme: Theme, scale: float) -> Theme:
    return replace(theme, scale=min(max(scale, 0.8), 2.0))


def _interface_font(scale: float) -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if sys.platform not in ("darwin", "win32"):
        known = set(QFontDatabase.families())
        families = [family for family in _FAMILIES if family in known] or [font.family()]
        font = QFont(families)
        if families[0].startswith("DejaVu"):
            font.setStretch(90)  # its condensed face: the plain one is too wide for columns of numbers
        font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    font.setPointSizeF(9.5 * scale)
    return font


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for name, colour in (
        (role.Window, theme.panel),
        (role.WindowText, theme.text),
        (role.Base, theme.base),
        (role.AlternateBase, mix(theme.text, theme.base, 0.025)),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.disabled),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.error),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text),
        (role.Highlight, theme.selected),
        (role.HighlightedText, theme.text),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.Accent, theme.accent),
        (role.Light, theme.hover),
        (role.Midlight, theme.hover),
        (role.Mid, theme.hairline),
        (role.Dark, theme.hairline),
        (role.Shadow, theme.base),
    ):
        palette.setColor(role(name), colour)
    for name in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, theme.disabled)
    return palette


def resource_path(*parts: str) -> Path:
    """A file under resources/, in a checkout and in a frozen program."""
    root = Path(getattr(sys, "_MEIPASS", Path(__file__).resolve().parents[2]))
    return root.joinpath("resources", *parts)


def icon(name: str, colour: QColor | None = None) -> QIcon:
    """The named drawing of resources/icons in the palette's text colour, or in `colour`. Raises KeyError."""
    theme = current()
    return _icon(name, (colour or theme.text).name(), theme.disabled.name())


@cache
def _drawings() -> dict[str, str]:
    """All at once: what tells that no more files can be opened must not need to open one."""
    return {file.stem: file.read_text(encoding="utf-8") for file in resource_path("icons").glob("*.svg")}


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    drawing = _drawings()[name]
    made = QIcon()
    for mode, ink in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        renderer = QSvgRenderer(QByteArray(drawing.replace("currentColor", ink).encode()))
        for size in _ICON_SIZES:
            pixmap = QPixmap(size, size)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            renderer.render(painter, QRectF(0, 0, size, size))
            painter.end()
            made.addPixmap(pixmap, mode)
    return made


def _mark(name: str, ink: QColor) -> str:
    """Style sheets take pictures by file only, so their marks come in two fixed inks."""
    tone = "light" if ink.lightnessF() > 0.5 else "dark"
    return resource_path("icons", f"{name}-{tone}.svg").as_posix()


def style_sheet(theme: Theme) -> str:
    """Only what the palette cannot say: sizes, hairlines, focus rings, and the buttons that trade.

    Widgets choose a look by the dynamic property `role`: a QPushButton may be primary, buy, sell or danger; a QLabel
    title, group, secondary, error or warning; a QFrame card or line.
    """
    t, px = theme, theme.px
    ring = f"border: {max(2, px(2))}px solid {t.focus.name()};"
    shade = 0.12 if t.dark else 0.10

    def filled(role: str, colour: QColor, ink: QColor) -> str:
        lift = mix(t.text if t.dark else QColor("#000000"), colour, shade).name()
        press = mix(QColor("#000000"), colour, 0.18).name()
        return f"""
QPushButton[role="{role}"] {{ background: {colour.name()}; color: {ink.name()}; border-color: {colour.name()};
  font-weight: 600; min-height: {px(24)}px; }}
QPushButton[role="{role}"]:hover {{ background: {lift}; border-color: {lift}; }}
QPushButton[role="{role}"]:pressed {{ background: {press}; border-color: {press}; }}
QPushButton[role="{role}"]:focus {{ {ring} }}
QPushButton[role="{role}"]:disabled {{ background: {mix(colour, t.panel, 0.22).name()}; color: {t.disabled.name()};
  border-color: transparent; }}"""

    inputs = "QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit, QTextEdit, QDateTimeEdit, QTimeEdit"
    each = inputs.split(", ")

    def inputs_when(state: str) -> str:
        return ", ".join(f"{one}:{state}" for one in each)

    return f"""
QToolTip {{ background: {t.raised.name()}; color: {t.text.name()}; border: 1px solid {t.border.name()};
  padding: {px(4)}px {px(6)}px; }}
QMainWindow, QDialog {{ background: {t.panel.name()}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QMainWindow::separator {{ background: {t.base.name()}; width: {px(4)}px; height: {px(4)}px; }}
QMainWindow::separator:hover {{ background: {t.accent.name()}; }}
QSplitter::handle {{ background: {t.base.name()}; }}
QSplitter::handle:hover {{ background: {t.accent.name()}; }}

QDockWidget {{ font-weight: 600; titlebar-close-icon: none; titlebar-normal-icon: none; }}
QDockWidget::title {{ background: {t.panel.name()}; color: {t.secondary.name()}; text-align: left;
  padding: {px(6)}px {px(10)}px; border-bottom: 1px solid {t.hairline.name()}; }}

QToolButton#market-button {{ color: {t.text.name()}; padding: {px(3)}px {px(10)}px; }}

QMenuBar {{ background: {t.panel.name()}; color: {t.text.name()}; }}
QMenuBar::item {{ padding: {px(5)}px {px(9)}px; background: transparent; border-radius: {px(4)}px; }}
QMenuBar::item:selected {{ background: {t.hover.name()}; }}
QMenu {{ background: {t.raised.name()}; color: {t.text.name()}; border: 1px solid {t.hairline.name()};
  padding: {px(4)}px; }}
QMenu::item {{ padding: {px(5)}px {px(24)}px {px(5)}px {px(10)}px; border-radius: {px(4)}px; }}
QMenu::item:selected {{ background: {t.selected.name()}; }}
QMenu::item:disabled {{ color: {t.disabled.name()}; }}
QMenu::separator {{ height: 1px; background: {t.hairline.name()}; margin: {px(4)}px {px(6)}px; }}
QStatusBar {{ background: {t.base.name()}; color: {t.secondary.name()}; border-top: 1px solid {t.hairline.name()}; }}
QStatusBar::item {{ border: none; }}

QToolBar {{ background: {t.panel.name()}; border: none; border-bottom: 1px solid {t.hairline.name()};
  spacing: {px(4)}px; padding: {px(3)}px {px(6)}px; }}
QToolButton {{ background: transparent; color: {t.secondary.name()}; border: 2px solid transparent;
  border-radius: {px(5)}px; padding: 0 {px(5)}px; min-width: {px(16)}px; min-height: {px(20)}px; }}
QToolButton:hover {{ background: {t.hover.name()}; color: {t.text.name()}; }}
QToolButton:pressed {{ background: {t.selected.name()}; }}
QToolButton:checked {{ background: {t.selected.name()}; color: {t.text.name()}; }}
QToolButton:focus {{ border-color: {t.focus.name()}; }}
QToolButton:disabled {{ color: {t.disabled.name()}; }}
QToolButton::menu-indicator {{ image: none; }}

QPushButton {{ background: {t.raised.name()}; color: {t.text.name()}; border: 1px solid {t.border.name()};
  border-radius: {px(5)}px; padding: {px(3)}px {px(12)}px; min-height: {px(20)}px; }}
QPushButton:hover {{ background: {t.hover.name()}; }}
QPushButton:pressed {{ background: {t.selected.name()}; }}
QPushButton:checked {{ background: {t.selected.name()}; border-color: {t.accent.name()}; }}
QPushButton:focus {{ {ring} padding: {px(3) - 1}px {px(12) - 1}px; }}
QPushButton:disabled {{ color: {t.disabled.name()}; border-color: {t.hairline.name()}; background: transparent; }}
{filled("primary", t.accent, t.on_accent)}
{filled("buy", t.buy, t.on_side)}
{filled("sell", t.sell, t.on_side)}
QPushButton[role="danger"] {{ color: {t.error.name()}; border-color: {t.error.name()}; background: transparent; }}
QPushButton[role="danger"]:hover {{ background: {mix(t.error, t.panel, 0.16).name()}; }}
QPushButton[role="danger"]:focus {{ {ring} }}
QPushButton[role="danger"]:disabled {{ color: {t.disabled.name()}; border-color: {t.hairline.name()}; }}
QPushButton[role="flat"] {{ background: transparent; border-color: transparent; color: {t.secondary.name()}; }}
QPushButton[role="flat"]:hover {{ background: {t.hover.name()}; color: {t.text.name()}; }}
QPushButton[role="flat"]:checked {{ background: {t.selected.name()}; color: {t.text.name()}; }}
QPushButton[role="flat"]:focus {{ {ring} }}

{inputs} {{ background: {t.base.name()}; color: {t.text.name()}; border: 1px solid {t.border.name()};
  border-radius: {px(5)}px; padding: {px(2)}px {px(7)}px; min-height: {px(20)}px;
  selection-background-color: {t.selected.name()}; selection-color: {t.text.name()}; }}
{inputs_when("hover")} {{ border-color: {t.secondary.name()}; }}
{inputs_when("focus")} {{ {ring} padding: {px(2) - 1}px {px(7) - 1}px; }}
{inputs_when("disabled")} {{ color: {t.disabled.name()}; border-color: {t.hairline.name()};
  background: {t.panel.name()}; }}
QLineEdit[invalid="true"] {{ border: {max(2, px(2))}px solid {t.error.name()}; }}
QComboBox::drop-down {{ border: none; width: {px(22)}px; }}
QComboBox::down-arrow {{ image: url("{_mark("chevron-down", t.text)}"); width: {px(12)}px; height: {px(12)}px; }}
QComboBox QAbstractItemView {{ background: {t.raised.name()}; border: 1px solid {t.hairline.name()};
  outline: none; padding: {px(3)}px; }}
QComboBox QAbstractItemView::item {{ min-height: {px(24)}px; padding: 0 {px(6)}px; }}
QSpinBox, QDoubleSpinBox {{ padding-left: {px(7)}px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button {{ border: none; width: {px(18)}px; }}
QSpinBox::down-button, QDoubleSpinBox::down-button {{ border: none; width: {px(18)}px; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("{_mark("chevron-up", t.text)}");
  width: {px(10)}px; height: {px(10)}px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("{_mark("chevron-down", t.text)}");
  width: {px(10)}px; height: {px(10)}px; }}
QCheckBox, QRadioButton {{ spacing: {px(7)}px; min-height: {px(24)}px; border: 2px solid transparent;
  border-radius: {px(4)}px; padding-right: {px(4)}px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {t.focus.name()}; }}
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator {{ width: {px(14)}px; height: {px(14)}px;
  border: 1px solid {t.border.name()}; border-radius: {px(4)}px; background: {t.base.name()}; }}
QRadioButton::indicator {{ border-radius: {px(14) // 2 + 1}px; }}
QCheckBox::indicator:hover, QRadioButton::indicator:hover {{ border-color: {t.text.name()}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {{ background: {t.accent.name()};
  border-color: {t.accent.name()}; image: url("{_mark("check", t.on_accent)}"); }}
QRadioButton::indicator:checked {{ background: {t.on_accent.name()}; border: {px(5)}px solid {t.accent.name()};
  width: {px(6)}px; height: {px(6)}px; }}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {t.hairline.name()};
  background: {t.panel.name()}; }}

QTabWidget::pane {{ border: none; border-top: 1px solid {t.hairline.name()}; }}
QTabBar {{ background: {t.panel.name()}; qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {t.secondary.name()}; padding: {px(5)}px {px(12)}px;
  min-height: {px(18)}px; border: none; border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ color: {t.text.name()}; background: {t.hover.name()}; }}
QTabBar::tab:selected {{ color: {t.text.name()}; border-bottom-color: {t.accent.name()}; }}
QTabBar::tab:focus {{ {ring} }}

QHeaderView {{ background: {t.panel.name()}; }}
QHeaderView::section {{ background: {t.panel.name()}; color: {t.secondary.name()}; border: none;
  border-bottom: 1px solid {t.hairline.name()}; padding: {px(4)}px {px(8)}px; font-weight: 400; }}
QHeaderView::section:hover {{ color: {t.text.name()}; }}
QTableView, QTreeView, QListView {{ background: {t.base.name()}; alternate-background-color:
  {mix(t.text, t.base, 0.025).name()}; border: 2px solid transparent; gridline-color: {t.hairline.name()};
  selection-background-color: {t.selected.name()}; selection-color: {t.text.name()}; outline: none; }}
QTableView:focus, QTreeView:focus, QListView:focus {{ border-color: {t.focus.name()}; }}
QTableView::item, QListView::item {{ padding: 0 {px(8)}px; border: none; }}
QTableView::item:hover, QListView::item:hover {{ background: {t.hover.name()}; }}
QTableView::item:selected, QListView::item:selected {{ background: {t.selected.name()}; }}
QTableCornerButton::section {{ background: {t.panel.name()}; border: none; }}

QGroupBox {{ border: none; border-top: 1px solid {t.hairline.name()}; margin-top: {px(18)}px;
  padding-top: {px(8)}px; font-weight: 600; }}
QGroupBox::title {{ subcontrol-origin: margin; subcontrol-position: top left; color: {t.secondary.name()};
  padding: 0 {px(6)}px 0 0; }}
QLabel[role="title"] {{ font-weight: 600; color: {t.text.name()}; }}
QLabel[role="group"] {{ font-weight: 600; color: {t.secondary.name()}; }}
QLabel[role="secondary"] {{ color: {t.secondary.name()}; }}
QLabel[role="error"] {{ color: {t.error.name()}; }}
QLabel[role="warning"] {{ color: {t.warning.name()}; }}
QFrame[role="card"] {{ background: {t.raised.name()}; border: 1px solid {t.hairline.name()};
  border-radius: {px(6)}px; }}
QFrame[role="line"] {{ background: {t.hairline.name()}; border: none; max-height: 1px; min-height: 1px; }}

QScrollBar:vertical {{ background: transparent; width: {px(10)}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {px(10)}px; margin: 0; }}
QScrollBar::handle {{ background: {mix(t.text, t.panel, 0.20).name()}; border-radius: {px(3)}px; margin: 2px;
  min-height: {px(28)}px; min-width: {px(28)}px; }}
QScrollBar::handle:hover {{ background: {t.border.name()}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ background: {t.base.name()}; border: none; border-radius: {px(3)}px; text-align: center;
  min-height: {px(6)}px; }}
QProgressBar::chunk {{ background: {t.accent.name()}; border-radius: {px(3)}px; }}
"""
