"""twtop: htop for TIME-WAIT and ephemeral ports.

The public API is that of `tui.api`, and can be imported from here; it is loaded, NumPy with it,
when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    from tui.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    if name.startswith("__") and name != "__all__":  # what Python itself asks for loads nothing
        raise AttributeError(name)
    api = import_module("tui.api")
    if name == "__all__":
        return [*api.__all__, "__version__"]
    if name in api.__all__:
        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*import_module("tui.api").__all__, "__version__"])
