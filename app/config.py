"""Where files live and what the user has set: typed, from one TOML file that is never rewritten. No keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct


class ConfigError(Exception):
    """The settings file cannot be used; the text names file, setting and value. The file is left as it is."""


class UiConfig(Struct, forbid_unknown_fields=True):
    theme: Literal["dark", "light", "system"] = "dark"
    colors: Literal["green/red", "blue/orange", "red up"] = "green/red"
    scale: Annotated[float, Meta(ge=0.8, le=2.0)] = 1.0
    frame_rate: Annotated[int, Meta(ge=5, le=60)] = 30
    time_zone: Literal["utc", "local"] = "utc"


class CaptureConfig(Struct, forbid_unknown_fields=True):
    """What the stream inspector keeps in memory."""

    max_frames: Annotated[int, Meta(ge=1_000, le=5_000_000)] = 1_000_000
    max_megabytes: Annotated[int, Meta(ge=8, le=4_096)] = 192


class NetworkConfig(Struct, forbid_unknown_fields=True):
    proxy: str = ""
    """One address for REST and streams alike, such as http://127.0.0.1:8080; "none" for a direct connection whatever
    the environment says; empty to use the environment's (https_proxy, no_proxy, ...). Never used on this computer."""


class AccountsConfig(Struct, forbid_unknown_fields=True):
    auto_lock: bool = False
    """Whether accounts are locked when nobody has touched mouse or keyboard for a while."""
    auto_lock_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 15


class TradingConfig(Struct, forbid_unknown_fields=True):
    safe_after_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 15
    """Accounts with real money are safe at the start, and again after so long without mouse or keyboard."""


class HistoryConfig(Struct, forbid_unknown_fields=True):
    days: Annotated[int, Meta(ge=0, le=1_095)] = 7
    """How many days of an account's orders and fills are asked for at the start; 0 for none."""


class Config(Struct, forbid_unknown_fields=True):
    ui: UiConfig = msgspec.field(default_factory=UiConfig)
    capture: CaptureConfig = msgspec.field(default_factory=CaptureConfig)
    network: NetworkConfig = msgspec.field(default_factory=NetworkConfig)
    accounts: AccountsConfig = msgspec.field(default_factory=AccountsConfig)
    trading: TradingConfig = msgspec.field(default_factory=TradingConfig)
    history: HistoryConfig = msgspec.field(default_factory=HistoryConfig)


class Paths:
    """The XDG places, or one folder for everything when the user names a profile."""

    def __init__(self, profile: Path | None = None) -> None:
        home = Path.home()

        def place(variable: str, default: str) -> Path:
            value = os.environ.get(variable, "")
            return (Path(value) if Path(value).is_absolute() else home / default) / "depthdesk"

        self.config = profile or place("XDG_CONFIG_HOME", ".config")
        self.data = profile or place("XDG_DATA_HOME", ".local/share")
        self.state = profile or place("XDG_STATE_HOME", ".local/state")

    @property
    def settings_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def journal_file(self) -> Path:
        return self.data / "orders.db"

    @property
    def hosts_file(self) -> Path:
        """Bans and handshakes of every host, so that a restart forgets neither."""
        return self.state / "hosts.json"

    @property
    def issuers_file(self) -> Path:
        """Who vouched for the certificate of each host."""
        return self.state / "issuers.json"

    @property
    def layout_file(self) -> Path:
        return self.state / "layout.json"


def load_config(path: Path) -> Config:
    """The settings in that file, or the defaults where there is none. Raises ConfigError."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    try:
        return msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
