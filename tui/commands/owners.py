"""The owners of sockets, for a command that names them."""

from __future__ import annotations

import time

from tui.commands.options import Settings
from tui.kernel.processes import Owners, find_owners

SECONDS = 0.5
"""How long a command may look for them."""


def owners_of(settings: Settings) -> Owners:
    """Look for the owners of sockets, for as long as a command may take."""
    return find_owners(settings.proc, deadline=time.monotonic() + SECONDS)
