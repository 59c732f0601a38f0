"""A unit for systemd, as a command prints it."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType


def unit_text(package: ModuleType, name: str) -> str:
    """Return a package's unit of this name; it starts this very program."""
    text = files(package).joinpath(name).read_text()
    program = Path(sys.argv[0]).absolute()
    return text.replace("/usr/bin/twtop", str(program)) if program.name == "twtop" else text
