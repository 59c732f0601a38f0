"""Places: network namespaces to look at, and the way to what the kernel tells of each."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

from tui.kernel.below import read_below, read_of_kernel
from tui.kernel.cgroup import contained
from tui.kernel.namespaces import inside
from tui.kernel.printable import printable
from tui.kernel.ticket import Origin, origin_of, unpack

T = TypeVar("T")

PlaceKind = Literal["host", "container", "pod", "machine", "named", "process", "copy"]

YEAR_10000 = 253_402_300_800
"""Unix time; a calendar ends there."""
LIVE = Path("/proc")
GONE = "that network namespace is gone"
HERE = Path("/proc/thread-self/ns/net")
"""The network namespace of the thread that opens it."""
MOST_LINES = 1 << 22
"""Bytes of a mountinfo: a node with a thousand pods has a megabyte or two."""


@dataclass(frozen=True, slots=True)
class Place:
    """A network namespace to look at: a procfs root, the way to its sockets, and a name."""

    root: Path
    """A procfs, a process's directory in one, or a copy of one: `sys/` is read below it, and
    `net/` below ``tables``."""
    name: str
    kind: PlaceKind
    id: int | None
    """The inode of the network namespace; None for a copy, and where it may not be asked."""
    network: Path | None = None
    """The way in: a namespace file (nsfs), to be opened anew at each reading, since one that is
    held pins the namespace. HERE is where the reading thread is already. None where there is no
    way in but the files below ``root``: then nobody can be asked by sock_diag."""
    settings: Path | None = None
    """The directory whose sys/ has this place's sysctls for a thread that is in it; None where
    they cannot be read."""
    origin: Origin | None = None
    """What is said of where a copy was made."""
    unpacked: TemporaryDirectory[str] | None = field(default=None, repr=False, compare=False)
    """What keeps the files of an archive there."""
    key: int | None = None
    """The number of its net/tcp, which identifies it to those who may not ask for ``id``; None
    where no process shows it."""
    pid: int | None = None
    """A process in it; None for a copy, for a name without a process, and for the thread's own."""
    containers: tuple[str, ...] = ()
    """Those that share it, by name, or by the first digits of their ids."""
    words: tuple[str, ...] = ()
    """All that it may be called by: names, ids, the number of the namespace."""
    rootless: bool = False
    """Is it of a user namespace that this user may enter, and only so?"""

    @property
    def tables(self) -> Path:
        """The directory whose net/ has the tables of the reading thread's namespace.

        /proc/net is that of the process's main thread, while sysctls and sock_diag answer for
        the thread that asks (fs/proc/proc_net.c, net/sysctl_net.c): only thread-self agrees.
        """
        return self.root / "thread-self" if self.network == HERE else self.root

    @property
    def made(self) -> float | None:
        """When a copy was made, Unix time; None where it cannot be told, or no clock says so.

        An archive made to be the same whoever makes it has 1970 for a date, as if it had none.
        """
        if self.origin is not None:
            made = self.origin.time
        else:
            try:
                made = (self.root / "net/tcp").stat().st_mtime
            except OSError:
                return None
        return made if made is not None and 0 < made < YEAR_10000 else None

    @property
    def answers(self) -> bool:
        """Whether sock_diag speaks of the same sockets as the files do."""
        return self.network is not None

    @property
    def seen_from_within(self) -> bool:
        """Whether a procfs was named of which another namespace was meant, perhaps.

        A host's, in a container, shows the container's sockets: net/ is that of who looks, and the
        host's are below 1/.
        """
        named = self.network == HERE and self.pid is None and self.root != LIVE
        return named and self.kind != "host"

    @property
    def nameless(self) -> bool:
        """Whether it is this thread's own and has no name but the machine's, as the host has."""
        return self.network == HERE and self.kind == "process"

    @property
    def called(self) -> str:
        """What people call it: its kind and its name, or its number where it has none."""
        if self.nameless:
            return f"unnamed netns {self.id}"
        return f"{'netns' if self.kind == 'named' else self.kind} {self.name}"

    def seen_now(self) -> Place:
        """Return the place as it is for the calling thread, which may have moved."""
        return replace(self, id=number_of(HERE)) if self.network == HERE else self

    def inside(self, look: Callable[[], T]) -> T:
        """Call ``look`` in this place's network namespace.

        Raises OSError where that has gone, also if another one has taken its name or number.
        """
        if self.network == HERE or (self.network is None and self.key is None):
            return look()
        if self.network is not None:

            def look_there() -> T:
                if self.id is not None and number_of(HERE) != self.id:
                    raise OSError(errno.ESTALE, GONE)
                return look()

            return inside(self.network, look_there)
        if tables_number(self.root) != self.key:
            raise OSError(errno.ESTALE, GONE)
        seen = look()
        if tables_number(self.root) != self.key:  # the process ended meanwhile, or moved
            raise OSError(errno.ESTALE, GONE)
        return seen

    @property
    def where(self) -> Path:
        """What to call it by in a message: the file that was named, or the directory read."""
        named = self.network is not None and self.root == LIVE / "thread-self"
        return self.network if named and self.network else self.root


def place_at(root: Path) -> Place:
    """Return the place that a procfs, a process's directory, a copy or its archive shows.

    Every live procfs, wherever it is mounted, shows the namespace of the thread that looks, and
    that is the host's own if the first process is in it too. What is not there is a copy in which
    nothing can be read. Raises TableError for a file that is no archive of a copy.
    """
    if root.is_file():
        folder, copy = unpack(root)
        return replace(_copy_at(copy), name=printable(str(root)), unpacked=folder)
    host = os.uname().nodename
    here = number_of(HERE)
    if here is not None and number_of(root / "thread-self/ns/net") == here:
        if tables_number(root / "1") == tables_number(root / "thread-self"):
            return Place(root, host, "host", here, HERE, with_sysctls(root))
        called = _own_names(root, here)
        kind: PlaceKind = "named" if called else "process"
        name = called[0] if called else host
        return Place(root, name, kind, here, HERE, with_sysctls(root), words=called)
    if not is_procfs(root / "net/tcp"):
        return _copy_at(root)
    name, number, network = process_name(root) or host, number_of(root / "ns/net"), root / "ns/net"
    if tables_number(root) == tables_number(Path("/proc/thread-self")):
        return Place(root, name, "process", number or here, settings=with_sysctls(root.parent))
    try:
        inside(network, lambda: None)
    except OSError:  # its sysctls are shown to those who are in it, and nobody else
        return Place(root, name, "process", number)
    return Place(root, name, "process", number, network, with_sysctls(root.parent))


def _own_names(procfs: Path, number: int) -> tuple[str, ...]:
    """Return what this thread's namespace is called; nothing in a container, named otherwise."""
    try:
        group = read_of_kernel(f"{LIVE}/thread-self/cgroup").decode(errors="replace")
    except OSError:
        group = ""
    if contained(group):
        return ()
    return next((names for one, (_, names) in mounted(procfs) if one == number), ())


def _copy_at(root: Path) -> Place:
    name = printable(str(root))
    return Place(root, name, "copy", None, settings=root, origin=origin_of(root))


def with_sysctls(procfs: Path) -> Path | None:
    """Return a procfs that has sysctls: this one, if it is not mounted with subset=pid.

    Those of net/ are the reading thread's, wherever they are read (net/sysctl_net.c).
    """
    mounted = (Path(point) for point, kind in _mounts().values() if kind == "proc")
    return next((root for root in (procfs, *mounted) if (root / "sys/net/ipv4").is_dir()), None)


def number_of(path: Path) -> int | None:
    """Return a file's inode, None where it may not be asked."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def tables_number(process: Path) -> int | None:
    """Return a number that is equal within a namespace and differs between them.

    Unlike ns/net anyone may ask it (fs/proc/generic.c, proc_register).
    """
    return number_of(process / "net/tcp")


def is_procfs(path: Path) -> bool:
    """Say whether a file is the kernel's and no copy."""
    try:
        device = path.stat().st_dev
    except OSError:
        return False
    return _mounts().get(f"{os.major(device)}:{os.minor(device)}", ("", ""))[1] == "proc"


def mounted(procfs: Path) -> Iterator[tuple[int, tuple[Path, tuple[str, ...]]]]:
    """Yield each namespace that a file keeps: its number, the file, and what it is called.

    Those of our own mount namespace, and of the first process's, where it may be asked
    (proc_pid_mountinfo(5): an nsfs mount's root is net:[number]).
    """
    found: dict[int, tuple[Path, tuple[str, ...]]] = {}
    ways = [(procfs / "1/mountinfo", procfs / "1/root")]
    if procfs == LIVE:
        ways.insert(0, (LIVE / "thread-self/mountinfo", Path("/")))
    for file, root in ways:
        try:
            lines = read_below(file.parent, file.name, MOST_LINES).decode(errors="replace")
        except OSError:
            continue
        for line in lines.splitlines():
            fields = line.split()
            if match := re.fullmatch(r"net:\[([0-9]{1,20})\]", fields[3]):
                point = re.sub(r"\\([0-7]{3})", lambda sign: chr(int(sign[1], 8)), fields[4])
                path, names = found.get(int(match[1]), (root / point.lstrip("/"), ()))
                name = printable(Path(point).name)
                found[int(match[1])] = (path, tuple(dict.fromkeys((*names, name))))
    yield from found.items()


def _mounts() -> dict[str, tuple[str, str]]:
    """Return where each device is mounted, and as what (proc_pid_mountinfo(5))."""
    try:
        lines = Path("/proc/thread-self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {
        line.split()[2]: (line.split()[4], line.partition(" - ")[2].split()[0]) for line in lines
    }


def process_name(directory: Path) -> str | None:
    """Return what a process of a live procfs is called, with its number; None where it has gone."""
    try:
        name = read_of_kernel(f"{directory}/comm").decode(errors="replace").strip()
    except OSError:
        return None
    number = directory.name if directory.name.isdecimal() else directory.resolve().name
    return f"{printable(name)}[{number}]"
