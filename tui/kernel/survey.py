"""All network namespaces of a machine, each once, with a kind and a name.

They are found by the processes in them and by the files that keep them (nsfs mounts). One that only
a thread beside its process's main thread is in, or only an open descriptor keeps, is not found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tui.kernel.below import read_of_kernel
from tui.kernel.cgroup import Contained, contained
from tui.kernel.namespaces import host_name, visit
from tui.kernel.places import (
    HERE,
    LIVE,
    Place,
    PlaceKind,
    is_procfs,
    mounted,
    number_of,
    place_at,
    process_name,
    tables_number,
    with_sysctls,
)
from tui.kernel.printable import printable
from tui.kernel.runtimes import Runtimes

FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO (include/linux/proc_ns.h)."""
MOST_ASKED = 64
"""How many processes of a namespace are asked for their containers; a pod has a few."""
SHOWN_DIGITS = 12
"""Of a container's id, as docker ps shows it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The places that were found, and what may be missing."""

    places: tuple[Place, ...]
    missing: tuple[str, ...] = ()
    """Why places may be missing, a sentence each: then nothing can be said of all of them."""
    notes: tuple[str, ...] = ()
    """What else must be known of how far this process sees."""


def survey(procfs: Path = LIVE, known: Mapping[int, Place] | None = None) -> Survey:
    """Find the places that a procfs shows; of a copy, the copy alone.

    ``known`` are places by their key, from a former survey: as long as their process is there, they
    are not named again. Raises TableError for a file that is no archive of a copy.
    """
    if not is_procfs(procfs / "net"):
        return Survey((place_at(procfs),))
    groups, refused = _by_namespace(procfs)
    kept = dict(mounted(procfs))
    here, first = tables_number(LIVE / "thread-self"), tables_number(procfs / "1")
    seen = _Seen(procfs, here, first, Runtimes(_root_of(procfs)), kept, with_sysctls(procfs))
    found, new = [], []
    for key, pids in groups.items():
        old = (known or {}).get(key)
        if old is not None and (old.network == HERE or old.pid in pids):
            found.append(old)
        else:
            new.append(seen.place(key, pids))
    there = {place.id for place in (*found, *new)}
    new += [
        Place(LIVE / "thread-self", names[0], "named", number, path, seen.settings, words=words)
        for number, (path, names) in kept.items()
        if number not in there
        for words in [(*names, str(number))]
    ]
    found += _with_way_in(new)
    return Survey(tuple(found), _missing(procfs, first, refused), _notes(procfs))


def _by_namespace(procfs: Path) -> tuple[dict[int, list[int]], int]:
    """Return the processes of each namespace by its key, and how many could not be asked."""
    groups: dict[int, list[int]] = {}
    refused = 0
    for pid in sorted(int(name) for name in os.listdir(procfs) if name.isdecimal()):  # noqa: PTH208
        try:
            key = os.stat(f"{procfs}/{pid}/net/tcp").st_ino  # noqa: PTH116 (hot)
        except PermissionError:
            refused += 1
        except OSError:
            continue  # it has ended: a zombie has no namespaces
        else:
            groups.setdefault(key, []).append(pid)
    return groups, refused


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a survey knows before it names the places."""

    procfs: Path
    here: int | None
    """The key of this thread's own namespace."""
    first: int | None
    """That of the first process; None where it is hidden."""
    runtimes: Runtimes
    mounted: Mapping[int, tuple[Path, tuple[str, ...]]]
    settings: Path | None

    def place(self, key: int, pids: list[int]) -> Place:
        """Return the place of these processes, not yet tried to be entered."""
        root = self.procfs / str(pids[0])
        number = number_of(HERE if key == self.here else root / "ns/net")
        way = root / "ns/net"
        file, mounts = self.mounted.get(number or 0, (way, ()))
        kind, name, containers, others = self._called(key, pids, mounts)
        words = dict.fromkeys((name, *others, *containers, *mounts, str(number or pids[0])))
        place = Place(
            root,
            name,
            kind,
            number,
            None if number is None else file if kind == "named" else way,
            None if number is None else self.settings,  # they are shown to those who are in it
            key=key,
            pid=pids[0],
            containers=containers,
            words=tuple(words),
        )
        return replace(place, root=self.procfs, network=HERE) if key == self.here else place

    def _called(
        self, key: int, pids: list[int], mounts: tuple[str, ...]
    ) -> tuple[PlaceKind, str, tuple[str, ...], tuple[str, ...]]:
        """Return the kind, the name, the containers and the other words of a place."""
        first = self.procfs / str(pids[0])
        if key == self.first:
            name = host_name(self.procfs / "1") or _own_name(self.procfs)
            return "host", printable(name), (), ("host",)
        inside = list(dict.fromkeys(filter(None, map(self._contained, pids[:MOST_ASKED]))))
        ids = [one.id for one in inside if one.id and one.kind != "machine"]
        named = {number: self.runtimes.container(number) for number in ids}
        every = tuple(name for _, name in named.values() if name)
        containers = every or tuple(number[:SHOWN_DIGITS] for number in ids)
        pods = [one.pod for one in inside if one.pod]
        called = (*map(self.runtimes.pod, pods), *(of_pod for of_pod, _ in named.values()))
        pod = next(filter(None, called), None)
        words = (*pods, *ids)
        if pod or pods:
            pod = pod or printable(host_name(first) or pods[0])
            return "pod", pod, containers, (*words, pod.rpartition("/")[2])
        if ids:
            own = named[ids[0]].name or printable(host_name(first) or ids[0][:SHOWN_DIGITS])
            return "container", own, containers, words
        if inside:
            return "machine", printable(inside[0].id or "?"), (), ()
        if mounts:
            return "named", mounts[0], (), ()
        if key == self.here:
            return "process", _own_name(self.procfs), (), ()
        return "process", process_name(first) or str(pids[0]), (), ()

    def _contained(self, pid: int) -> Contained | None:
        try:
            text = read_of_kernel(f"{self.procfs}/{pid}/cgroup")
        except OSError:
            return None
        return contained(text.decode(errors="replace"))


def _with_way_in(places: list[Place]) -> Iterator[Place]:
    """Yield the places with the way in that this process may take: by one thread, all of them."""
    closed = [place for place in places if place.network not in (None, HERE)]
    tried = visit((place.network, lambda: None) for place in closed if place.network is not None)
    refused = {place for place, error in zip(closed, tried, strict=True) if error is not None}
    for place in places:
        if place not in refused:
            yield place
        elif place.pid is None:  # there is a name, and nothing to read it by
            yield replace(place, root=place.network or place.root, network=None, settings=None)
        else:
            user = place.root / "ns/user"
            ours = number_of(user) not in (None, number_of(LIVE / "self/ns/user"))
            yield replace(place, network=None, settings=None, rootless=ours)


def _root_of(procfs: Path) -> Path:
    """Return where the file system of a procfs's machine is to be had: /host for /host/proc."""
    if procfs == LIVE:
        return Path("/")
    of_first = procfs / "1/root"
    return of_first if os.access(of_first / "proc", os.F_OK) else procfs.parent


def _own_name(procfs: Path) -> str:
    return os.uname().nodename if procfs == LIVE else "host"


def _missing(procfs: Path, first: int | None, refused: int) -> tuple[str, ...]:
    found = []
    if first is None:
        found.append(
            f"{procfs} hides other users' processes (hidepid), and with them their places: run "
            "twtop as root"
        )
    if refused:
        found.append(f"the places of {refused:,} processes could not be read: run twtop as root")
    return tuple(found)


def _notes(procfs: Path) -> tuple[str, ...]:
    if procfs != LIVE or number_of(LIVE / "self/ns/pid") in (None, FIRST_PID_NAMESPACE):
        return ()
    return (
        "Only this container's processes are visible; for the host's, mount its /proc and use "
        "--proc /host/proc",
    )
