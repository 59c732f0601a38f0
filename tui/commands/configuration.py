"""What the user has configured, for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.commands.options import Settings
from tui.commands.output import fail

if TYPE_CHECKING:
    from tui.config import Config

USAGE = 2


def configured(settings: Settings) -> Config:
    """Return the user's configuration, with the threshold of the command line if there is one.

    A file that cannot be read ends the command: its thresholds would be missing in silence.
    """
    from tui.config import ConfigError

    try:
        return load(settings)
    except ConfigError as error:
        fail(str(error), USAGE)


def load(settings: Settings) -> Config:
    """Return the same. Raises tui.config.ConfigError."""
    from tui.config import config_path, load_config
    from tui.findings.diagnose import CODES

    config = load_config(config_path(), CODES)
    return config if settings.threshold is None else config.with_threshold(settings.threshold)
