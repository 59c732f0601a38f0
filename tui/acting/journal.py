"""What was changed, so that it can be undone: a line of JSON each, on disk before the change is.

A line that a crash has cut off tells of a change that was not made yet, and is passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tui.kernel.namespaces import network_cookie
from tui.writing.words import utc

SCHEMA = "twtop.journal/1"
ROOTS = Path("/var/lib/twtop")
TABLES = Path("/proc/thread-self/net/tcp")
FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
Fate = Literal["restored", "was so already", "gone with its place", "failed"]


class JournalError(Exception):
    """The journal cannot be read or written; the text is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Network:
    """Which network namespace it was."""

    tables: int
    """The inode of its net/tcp, which anybody may ask of any process; another namespace may get
    it later (fs/proc/generic.c, proc_register)."""
    cookie: int | None
    """Never given twice until the next boot; None on kernels that have none."""

    @staticmethod
    def here() -> Network:
        """Return that of the calling thread."""
        return Network(TABLES.stat().st_ino, network_cookie())


@dataclass(frozen=True, slots=True)
class Entry:
    """One change that was about to be made."""

    id: int
    time: str
    uid: int
    user: str
    """Who asked for it, through sudo too."""
    boot: str
    """The kernel's boot_id."""
    place: str
    way: str
    """The namespace file that led to the place."""
    network: Network
    kind: Literal["sysctl", "file"]
    name: str
    """Of a sysctl, or the path of a file."""
    before: str | None
    """None for a file that was not there."""
    after: str
    lasting: bool
    """Is it set again at each boot?"""


def journal_path(environ: Mapping[str, str] = os.environ, uid: int | None = None) -> Path:
    """Return where the journal of this user is.

    The root of a user namespace is not the host's, and has its own as any user has.
    """
    if uid is None:
        uid = os.geteuid() if os.access(ROOTS.parent, os.W_OK) else -1
    if uid == 0:
        return ROOTS / "journal.jsonl"
    folder = environ.get("XDG_STATE_HOME", "")
    if not folder.startswith("/"):
        folder = os.path.expanduser("~/.local/state")  # noqa: PTH111 (a user without a home)
    return Path(folder) / "twtop/journal.jsonl"


def boot_id() -> str:
    """Return the number of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def who() -> tuple[int, str]:
    """Return the user, and the name of who became root by sudo."""
    uid = os.getuid()
    name = str(uid)
    with suppress(KeyError):
        name = pwd.getpwuid(uid).pw_name
    return uid, os.environ.get("SUDO_USER", name)


class Journal:
    """The open journal, which nobody else writes meanwhile."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        content = self._content()
        if content and not content.endswith(b"\n"):
            self._append(b"\n")  # the end of a line that a crash has cut off
        lines = [one for one in map(_record, content.splitlines()) if one is not None]
        undone = {line["undone"] for line in lines if "undone" in line}
        entries = [_entry(line["change"]) for line in lines if "change" in line]
        self._last = max((entry.id for entry in entries), default=0)
        self.outstanding = [entry for entry in entries if entry.id not in undone]
        """Changes that were not undone, in the order in which they were made."""

    def note(self, **known: Any) -> Entry:
        """Write down a change that is about to be made. Raises JournalError."""
        self._last += 1
        uid, user = who()
        entry = Entry(
            id=self._last, time=utc(time.time()), uid=uid, user=user, boot=boot_id(), **known
        )
        self._write({"schema": SCHEMA, "change": asdict(entry)})
        self.outstanding.append(entry)
        return entry

    def close_case(self, entry: Entry, how: Fate) -> None:
        """Write down that a change needs no undoing any more. Raises JournalError."""
        self._write({"schema": SCHEMA, "undone": entry.id, "time": utc(time.time()), "how": how})
        self.outstanding.remove(entry)

    def _write(self, record: Mapping[str, Any]) -> None:
        self._append(json.dumps(record).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._fd, line) :]
            os.fsync(self._fd)
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror or error}") from error

    def _content(self) -> bytes:
        content = b""
        while part := os.pread(self._fd, 1 << 20, len(content)):
            content += part
        return content


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """Open the journal, made if there is none, for its owner alone. Raises JournalError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, FLAGS, 0o600), "rb", buffering=0)
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            sync_folder(path.parent)  # else a crash may lose the file with all that is in it
            journal = Journal(path, file.fileno())
        except OSError as error:
            raise JournalError(f"{path}: {error.strerror or error}") from error
        yield journal


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("schema") == SCHEMA else None


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(**record | {"network": Network(**record["network"])})
