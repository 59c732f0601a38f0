"""Files that appear whole or not at all, and that are read whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

Result = TypeVar("Result")

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


MOST = 1 << 24
"""Bytes that a user's own file may have: 100,000 saved listeners take 6 MB."""


ABSENT_SECONDS = 1.0
"""How long a pipe may have no writer: `mkfifo p; command > p &` needs a moment."""
SILENT_SECONDS = 60.0
"""How long its writer may be silent: one behind ssh needs some seconds for its first byte."""
PAUSE_SECONDS = 0.01
CHUNK = 1 << 20


def is_hidden(path: Path) -> bool:
    """Say whether this user may not even look whether there is such a file.

    That is so where a folder above it may not be searched, EACCES of stat(2): with HOME=/root for
    somebody else, as sudo -u and NRPE leave it. The file is then not this user's.
    """
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def read_whole(path: Path, most: int = MOST) -> bytes:
    """Return what a file has, or a pipe such as the shell makes of `<(command)`.

    Raises OSError, also where that is more than ``most`` bytes, and for a pipe through which
    nothing comes.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
        data, heard = bytearray(), time.monotonic()
        while len(data) <= most:
            part: bytes | None = None
            with suppress(BlockingIOError):  # it has a writer, who is silent as yet
                part = os.read(fd, min(most + 1 - len(data), CHUNK))
            if part:
                data += part
                heard = time.monotonic()
            elif part is not None and (data or not is_pipe):
                return bytes(data)
            elif time.monotonic() - heard > (SILENT_SECONDS if part is None else ABSENT_SECONDS):
                raise OSError(errno.ETIMEDOUT, "nothing comes through this pipe", str(path))
            else:
                time.sleep(PAUSE_SECONDS)
    finally:
        os.close(fd)
    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def write_whole(path: Path, write: Callable[[BinaryIO], Result], *, mode: int = 0o600) -> Result:
    """Have ``write`` fill a new file, put it in ``path``'s place, and return what it returned.

    A full disk, a crash or an exception leaves what was there. The new file is made beside the
    old one under a name that nobody can foresee, never through a link that somebody has laid
    there: it may be root who writes. A link at ``path`` itself is replaced, not followed.

    Raises OSError.
    """
    part = path.parent / f".twtop-{os.urandom(8).hex()}.part"
    fd = os.open(part, FLAGS, mode)
    try:
        with open(fd, "wb") as file:  # noqa: PTH123
            result = write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):  # once it is whole it has the other name
            part.unlink()
    return result
