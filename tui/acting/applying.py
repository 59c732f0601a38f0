"""Settings set, and set back: each change is in the journal before it is made.

Whatever interrupts it, what the journal and the setting say together tells how far it came: a
setting that still is what it was was not set yet, one that is what was wanted is set back, and one
that is neither was changed by somebody else, and is theirs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tui.acting.journal import Entry, Fate, Journal, Network, boot_id, sync_folder
from tui.acting.settings import NAMES, Change, RefusedError
from tui.kernel.find_place import of_network
from tui.kernel.namespaces import inside, other_namespaces
from tui.kernel.places import HERE, Place, place_at
from tui.kernel.sockets import TableError
from tui.kernel.sysctls import read_value, sysctl_path, write_value

SYSCTL_D = Path("/etc/sysctl.d")
FILE = "99-twtop.conf"
"""After 99-sysctl.conf, by which distributions read /etc/sysctl.conf (sysctl.d(5))."""
PART = f".{FILE}.part"
"""The same while it is written; an undo takes away what a crash has left of it."""
HEADER = "# Written by twtop apply --persist; twtop undo takes it away.\n"


class NotPermittedError(Exception):
    """The setting may not be written; the text is one line."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one change."""

    entry: Entry
    now: str | None
    """What it is now."""
    how: Fate | Literal["changed since"]


def present(place: Place) -> dict[str, str | None]:
    """Return what all settings that may be changed are in a place. Raises OSError."""
    root = _root(place)
    return place.inside(lambda: {name: read_value(root, name) for name in NAMES})


def _root(place: Place) -> Path:
    if place.settings is None:
        raise NotPermittedError(f"{place.name}: its settings cannot be reached from here")
    return place.settings


def check(place: Place, changes: Sequence[Change], folder: Path | None = None) -> None:
    """Raise NotPermittedError where a setting may not be written, which is tried without writing.

    ``folder`` is where a file is to keep the settings; RefusedError where it has one of its name
    that is somebody else's.
    """
    root = _root(place)

    def try_all() -> None:
        for change in changes:
            os.close(os.open(sysctl_path(root, change.name), os.O_WRONLY | os.O_CLOEXEC))

    try:
        place.inside(try_all)
    except OSError as error:
        raise NotPermittedError(f"{error.filename}: {error.strerror}: run this as root") from None
    if folder is None:
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotPermittedError(f"{folder}: missing or not writable")
    if not (_read_file(folder / FILE) or HEADER).startswith(HEADER):
        raise RefusedError(f"{folder / FILE} was not written by twtop, so it is left alone")


def apply(
    place: Place, changes: Sequence[Change], journal: Journal, folder: Path | None = None
) -> None:
    """Make the changes one after the other, and read each back.

    ``folder`` keeps them in a file of its own for each boot from now on. Raises NotPermittedError,
    RefusedError where the kernel did not take a value, and JournalError.
    """
    root = _root(place)
    network = place.inside(Network.here)
    known = {"place": place.called, "way": str(place.network), "network": network}
    needed = [one for one in changes if one.needed]
    for change in needed:
        now = place.inside(partial(read_value, root, change.name))
        if now != change.before:
            raise RefusedError(f"{change.name} is now {now}, no longer {change.before}: look again")
        entry = journal.note(
            **known,
            kind="sysctl",
            name=change.name,
            before=change.before,
            after=change.after,
            lasting=folder is not None,
        )
        try:
            place.inside(partial(write_value, root, change.name, change.after))
        except OSError as error:
            journal.close_case(entry, "failed")
            raise _failure(change, error, some=change is not needed[0]) from None
        now = place.inside(partial(read_value, root, change.name))
        if now != change.after:
            raise RefusedError(
                f"{change.name} reads {now} instead of {change.after}: `twtop undo` reverts it"
            )
    if folder is not None:
        path = folder / FILE
        before = _read_file(path)
        after = kept(before, changes)
        entry = journal.note(
            **known, kind="file", name=str(path), before=before, after=after, lasting=True
        )
        try:
            _put(path, after)
        except OSError as error:
            journal.close_case(entry, "failed")
            raise NotPermittedError(f"{path}: {error.strerror}") from None


def _failure(change: Change, error: OSError, *, some: bool) -> Exception:
    rest = "; `twtop undo` reverts the changes before it" if some else ""
    if isinstance(error, PermissionError):
        return NotPermittedError(f"{change.name}: {error.strerror}: run this as root{rest}")
    return RefusedError(f"{change.name}={change.after}: the kernel says {error.strerror}{rest}")


def kept(before: str | None, changes: Sequence[Change]) -> str:
    """Return the text of the file that keeps the changes besides those that it keeps already."""
    lines = [line for line in (before or "").splitlines() if " = " in line]
    values = dict(line.split(" = ", 1) for line in lines)
    values |= {change.name: change.after for change in changes}
    return HEADER + "".join(f"{name} = {value}\n" for name, value in values.items())


def undo(journal: Journal, *, force: bool = False) -> list[Undone]:
    """Set back all that was changed, the last change first, and say what became of each.

    What somebody else has changed since is left alone, unless by ``force``. Raises
    NotPermittedError and JournalError; what was set back until then stays so.
    """
    done = []
    for entry in reversed(tuple(journal.outstanding)):
        done.append(one := _undo(entry, force))
        if one.how != "changed since":
            journal.close_case(entry, one.how)
    return done


def _undo(entry: Entry, force: bool) -> Undone:
    try:
        if entry.kind == "file":
            path = Path(entry.name)
            with suppress(FileNotFoundError):
                path.with_name(PART).unlink()
            return _decide(entry, _read_file(path), force) or _restore_file(entry, path)
        place = find_again(entry)
        if place is None:
            return Undone(entry, None, "gone with its place")
        root = _root(place)
        now = place.inside(lambda: read_value(root, entry.name))
        if decided := _decide(entry, now, force):
            return decided
        place.inside(lambda: write_value(root, entry.name, entry.before or ""))
        now = place.inside(lambda: read_value(root, entry.name))
        return Undone(entry, now, "restored")
    except OSError as error:
        raise NotPermittedError(f"{entry.name}: {error.strerror}: run this as root") from None


def _decide(entry: Entry, now: str | None, force: bool) -> Undone | None:
    """Return what becomes of an entry without a change, None where it is to be set back."""
    if now == entry.before:
        return Undone(entry, now, "was so already")
    return None if now == entry.after or force else Undone(entry, now, "changed since")


def _restore_file(entry: Entry, path: Path) -> Undone:
    _put(path, entry.before)
    return Undone(entry, entry.before, "restored")


def find_again(entry: Entry) -> Place | None:
    """Return the place of a change as it is now; None where it has ended, or lost it by a reboot.

    What was kept for each boot is sought in this namespace: a file is read at boot in one place.
    """
    here = place_at(Path("/proc"))
    if entry.boot != boot_id():
        return here if entry.lasting else None
    if here.inside(Network.here) == entry.network:
        return here
    way = Path(entry.way)
    ways = (
        [way] if way != HERE and (way.parts[1] != "proc" or _may_be(way.parents[1], entry)) else []
    )
    ways += [process / "ns/net" for process in other_namespaces() if _may_be(process, entry)]
    denied: OSError | None = None
    for way in ways:
        try:
            if inside(way, Network.here) == entry.network:
                return of_network(way, entry.place)
        except PermissionError as error:
            denied = error
        except (OSError, TableError):  # it has ended
            continue
    if denied is not None:  # it may be the one that cannot be looked into
        raise denied
    return None


def _may_be(process: Path, entry: Entry) -> bool:
    try:
        return (process / "net/tcp").stat().st_ino == entry.network.tables
    except OSError:
        return False


def _read_file(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _put(path: Path, text: str | None) -> None:
    """Have a file appear whole, or go, and be sure that it has."""
    if text is None:
        path.unlink()
    else:
        part = path.with_name(PART)
        with suppress(FileNotFoundError):
            part.unlink()
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, text.encode())
            os.fsync(fd)
            part.replace(path)
        except OSError:
            part.unlink()
            raise
        finally:
            os.close(fd)
    sync_folder(path.parent)
