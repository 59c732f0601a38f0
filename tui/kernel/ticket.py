"""What comes with a copy of a procfs: its archive, and what is said of where it was made."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tui.kernel.below import MOST, read_below
from tui.kernel.sockets import ByteOrder, TableError

MOST_FILES = 10_000
MOST_BYTES = 1 << 30
"""Of an archive's files together. One that holds more is no ticket."""
SCHEMA = "twtop.bundle/1"
PROCFS_LINKS = "net", "self"
"""net leads to self/net and that to a process's, as sosreport packs them: sys/ is beside net."""
UNREADABLE = (
    *(OSError, EOFError, ValueError, OverflowError),
    *(tarfile.TarError, lzma.LZMAError, zlib.error),
)
"""What tarfile and os raise of an archive that is broken, or made to break who reads it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What about.json says of a copy that twtop made."""

    time: float | None
    """When it was made, Unix time; None where it gives no valid date."""
    complete: bool
    byte_order: ByteOrder | None
    bound_ports: tuple[int, ...] | None
    """Ports that were bound and nothing else; None where they were not known."""
    complete_known: bool = True
    """False where it is a copy of a copy that nothing tells of whether it was whole."""


def origin_of(root: Path) -> Origin | None:
    """Return what the about.json beside a copy says, None where there is none that fits."""
    try:
        about = json.loads(read_below(root.parent, "about.json"))
        if about["schema"] != SCHEMA:
            return None
        ports = about["bound_ports"]
        return Origin(
            _time(about["time"]),
            about["complete"] is True,
            about["byteorder"] if about["byteorder"] in ("little", "big") else None,
            None if ports is None else tuple(map(_port, ports)),
            about.get("complete_known", True) is True,
        )
    except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        return None


def _time(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def _port(number: Any) -> int:
    if not isinstance(number, int) or number not in range(1 << 16):
        raise ValueError(number)
    return number


def unpack(archive: Path) -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """Unpack an archive's plain files, and return where they are and the copy among them.

    They are there as long as the directory's object is. Hard links to one of them are
    as good: tar makes them of files that it is given twice. Other links, devices, pipes, names that
    lead out of it and files too long are left out. Raises TableError where there is no copy in it,
    or where several are equally far out.
    """
    folder = tempfile.TemporaryDirectory(prefix="twtop-")
    try:
        roots = _unpack(archive, Path(folder.name).resolve())
    except UNREADABLE as error:
        folder.cleanup()
        why = str(error).partition("\n")[0].rstrip(":")
        reason = getattr(error, "strerror", None) or f"cannot be unpacked ({why or 'damaged'})"
        raise TableError(f"{archive}: {reason}: {CURE}") from error
    if len(roots) != 1:
        first = " and ".join(str(root.relative_to(folder.name)) for root in roots[:2])
        what = f"copies of {len(roots):,} procfs in it, as {first}" if roots else "no net/tcp in it"
        folder.cleanup()
        raise TableError(f"{archive}: {what}: {CURE}")
    return folder, roots[0]


CURE = "--proc names a procfs, a copy of one, or a .tar.gz of either"


def _unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack it there, and return the outermost copies in it.

    Of two members of a name the later one counts, as tar has it. A table that is no plain file is
    not left out as others are: a copy without net/tcp6 is of a kernel without IPv6.
    """
    left = MOST_BYTES
    tables: set[Path] = set()
    links: list[tuple[Path, str]] = []
    with tarfile.open(archive) as members:
        for number, member in enumerate(members):
            path = folder / member.name.lstrip("/")
            table = path.parts[-2:] in (("net", "tcp"), ("net", "tcp6"))
            if (
                number >= MOST_FILES or member.size < 0
            ):  # one of a negative size leads back to itself
                raise ValueError("no end to it")
            if ".." in path.parts:
                continue
            source = _unpacked(folder, member.linkname) if member.islnk() else None
            if source == path:
                continue
            if source is None and not member.isreg():
                if member.issym() and path.name in PROCFS_LINKS:
                    links.append((path, member.linkname))
                if table:
                    raise ValueError(f"{member.name!r} is no plain file")
                continue
            size = source.stat().st_size if source else member.size
            if size > MOST and not table:
                continue
            left -= size
            if left < 0:
                raise ValueError("too large when unpacked")
            path.parent.mkdir(parents=True, exist_ok=True)
            if source:
                shutil.copyfile(source, path)
            elif content := members.extractfile(member):
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file)
            os.utime(path, (member.mtime, member.mtime))
            if path.parts[-2:] == ("net", "tcp"):
                tables.add(path)
    tables |= {path / "tcp" for path in _linked(links, folder)}
    outermost = min((len(path.parts) for path in tables), default=0)
    return sorted(path.parents[1] for path in tables if len(path.parts) == outermost)


def _linked(links: list[tuple[Path, str]], folder: Path) -> list[Path]:
    """Make the links that a procfs has, and return those to a net/ that has a table.

    Only now, so that nothing was unpacked through one; what leads out of the folder is left out.
    """
    for path, target in links:
        within = Path(os.path.normpath(path.parent / target)).is_relative_to(folder)
        if within and path.parent.is_dir() and not os.path.lexists(path):
            path.symlink_to(target)
    return [
        path
        for path, _ in links
        if path.name == "net"
        and (path / "tcp").is_file()
        and (path / "tcp").resolve().is_relative_to(folder)
    ]


def _unpacked(folder: Path, name: str) -> Path | None:
    """Return where a member of this name was unpacked, None if none was."""
    path = folder / name.lstrip("/")
    return path if ".." not in path.parts and path.is_file() else None
