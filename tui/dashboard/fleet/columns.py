"""Columns that several tables of the fleet have, and the names in them."""

from __future__ import annotations

from tui.dashboard.widgets.table import Column
from tui.fleet.answers import Labels
from tui.fleet.fleet import host_of

WAITING = "waiting for Prometheus …"
"""What every panel says until the first answer."""
NO_HOST = "no host reports anything yet"
HOST = Column("host", "Host", 12, "left", most=40)
USE = Column("use", "Locked", 15, "left", stretch=2, most=60)
LEFT = Column("left", "Full in", 8, rank=1)
WHO = Column("process", "Who", 9, "left", most=24, rank=4)
HOUR = Column("hour", "Last hour", 9, "left", stretch=1, most=40, rank=3)


def place_name(labels: Labels) -> str:
    """Return what a place is called beside its host: nothing where it has the host's name."""
    own = labels.get("place", "")
    return "" if own == host_of(labels.get("instance", "?")) else own
