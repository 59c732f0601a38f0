"""Everything that a support ticket needs, in one archive."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tui import __version__
from tui.report.copied import BundleError, Copy
from tui.report.records import bare_head, place_record
from tui.writing.files import write_whole

ABOUT = """\
{name}: what twtop {version} saw on {time}.

report.txt, report.json   the whole report
audit.txt, audit.json     what it means and what to do
about.json                versions, and what was read
proc/                     the kernel's own files; twtop reads them again with
                              twtop --proc proc
                              twtop report --proc proc
"""
ABOUT_REDACTED = """
Every address except loopback is replaced, consistently in all files, and so are program names and
user ids other than root's; the host has no name. Of the lines of net/tcp and net/tcp6 only what
twtop reads is kept.
"""


ABOUT_PLACES = """
places/ has a folder like this for each other network namespace: twtop --proc reads the proc/ in it.
"""


def about(copy: Copy, redacted: bool) -> dict[str, object]:
    """Return where the bundle comes from."""
    return {
        **bare_head("twtop.bundle/1", copy.time, place_record(copy.place)),
        "twtop": __version__,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": None if redacted else platform.node(),
        "byteorder": copy.byte_order,
        "complete": copy.complete,
        "bound_ports": None if copy.bound_ports is None else list(copy.bound_ports),
        "redacted": redacted,
        "user": "root" if os.geteuid() == 0 else "unprivileged",
    }


Parts = tuple[Copy, Mapping[str, str]]
"""A copy, and texts by the names of their files."""


def write_bundle(path: Path, parts: Parts, *others: Parts, redacted: bool) -> int:
    """Write the archive and return its size in bytes; only its owner may read it.

    Each of the ``others`` is a place of its own, in a folder below `places/`. It appears under its
    name once it is whole. Raises BundleError.
    """
    copy, _ = parts
    name = path.name.split(".")[0] or "twtop"
    when = datetime.fromtimestamp(copy.time, UTC)
    head = ABOUT.format(name=name, version=__version__, time=f"{when:%Y-%m-%d %H:%M:%S UTC}")
    head += ABOUT_REDACTED if redacted else ""
    members = {"README.txt": (head + (ABOUT_PLACES if others else "")).encode()}
    for number, (one, said) in enumerate((parts, *others)):
        folder = (
            f"places/{number}-{re.sub('[^A-Za-z0-9.-]', '_', one.place.name)}/" if number else ""
        )
        members[f"{folder}about.json"] = json.dumps(about(one, redacted), indent=2).encode() + b"\n"
        members |= {f"{folder}{file}": text.encode() + b"\n" for file, text in said.items()}
        members |= {f"{folder}proc/{file}": content for file, content in one.files.items()}

    def fill(file: BinaryIO) -> int:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for member, content in members.items():
                info = tarfile.TarInfo(f"{name}/{member}")
                info.size, info.mtime, info.mode = len(content), int(copy.time), 0o644
                archive.addfile(info, io.BytesIO(content))
        return file.tell()

    try:
        return write_whole(path, fill)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from None
