"""The place that a user names: a named network namespace, a process, or a path."""

from __future__ import annotations

from pathlib import Path

from tui.kernel.places import HERE, Place, place_at
from tui.kernel.sockets import TableError

NAMED = (Path("/run/netns"), Path("/run/docker/netns"))
"""Where `ip netns` and Docker keep network namespaces (ip-netns(8))."""


def find_place(name: str) -> Place:
    """Return the place of a named netns, a PID, or a path to a namespace or a procfs.

    Raises TableError where there is none.
    """
    for path in (folder / name for folder in NAMED if "/" not in name):
        if path.is_file():
            return of_network(path, name)
    path = Path("/proc", name) if name.isdecimal() else Path(name)
    if not path.exists():
        raise TableError(
            f"{name}: no network namespace: give a name of `ip netns`, a PID or a path"
        )
    return place_at(path) if path.is_dir() else of_network(path, name)


def of_network(network: Path, name: str) -> Place:
    """Return the place of a namespace file (nsfs). Raises TableError where it is none."""
    here = Path("/proc/thread-self")  # whose net/ is that of the thread that has entered
    try:
        number = network.stat().st_ino
        place = Place(here, name, "named", number, network, settings=Path("/proc"))
        place.inside(lambda: None)
    except OSError as error:
        raise TableError(f"{name}: {error.strerror or error}: it takes a namespace file") from None
    same = number == HERE.stat().st_ino
    return place_at(Path("/proc")) if same else place
