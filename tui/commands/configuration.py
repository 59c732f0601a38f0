"""The user's settings for a command."""

from __future__ import annotations

from dataclasses import replace

from tui.commands.options import Settings
from tui.commands.output import USAGE, fail, remark
from tui.findings.codes import CODES
from tui.findings.config import Config, ConfigError, config_path, load_config
from tui.writing.files import is_hidden


def configured(settings: Settings, refused: int = USAGE) -> Config:
    """Return the user's configuration, with the threshold of the command line if there is one.

    A file that cannot be read ends the command with ``refused``: its thresholds would be missing
    in silence.
    """
    try:
        return load(settings)
    except ConfigError as error:
        fail(str(error), refused)


def load(settings: Settings) -> Config:
    """Return the same. Raises tui.findings.config.ConfigError."""
    path = config_path()
    config = load_config(path, CODES)
    if is_hidden(path):
        remark(f"{path}: no permission to look there; using the default settings")
    if settings.read_only:
        config = config.without_acts()
    return config if settings.threshold is None else config.with_threshold(settings.threshold)


def on_screen(settings: Settings, config: Config) -> Settings:
    """Return the settings with what the user has configured for a screen and not given here."""
    if settings.interval is not None:
        return settings
    return replace(settings, interval=config.screen.interval)
