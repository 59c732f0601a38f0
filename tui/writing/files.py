"""Files that appear whole or not at all, and that are read whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

Result = TypeVar("Result")

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


MOST = 1 << 24
"""Bytes that a user's own file may have: 100,000 saved listeners take 6 MB."""


def read_whole(path: Path) -> bytes:
    """Return what a file or a pipe has. Raises OSError, also where that is more than MOST."""
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


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
