"""twtop: htop for TIME-WAIT and ephemeral ports.

The public API is that of `tui.api`, and can be imported from here; it is loaded, NumPy with it,
when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tui.api import (
        Baseline,
        BaselineError,
        Config,
        ConfigError,
        FilterError,
        Finding,
        Frame,
        Moment,
        Owners,
        Plan,
        Process,
        Severity,
        State,
        TableError,
        audit,
        connections,
        counters,
        established,
        find_owners,
        full_report,
        listening,
        patterns,
        per_ip,
        per_port,
        remedies,
        saved_listeners,
        settings,
        snapshot,
        state_counts,
        time_wait,
        watch,
    )

__all__ = [
    "Baseline",
    "BaselineError",
    "Config",
    "ConfigError",
    "FilterError",
    "Finding",
    "Frame",
    "Moment",
    "Owners",
    "Plan",
    "Process",
    "Severity",
    "State",
    "TableError",
    "__version__",
    "audit",
    "connections",
    "counters",
    "established",
    "find_owners",
    "full_report",
    "listening",
    "patterns",
    "per_ip",
    "per_port",
    "remedies",
    "saved_listeners",
    "settings",
    "snapshot",
    "state_counts",
    "time_wait",
    "watch",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("tui.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
