"""Everything that a support ticket needs, in one archive."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tui import __version__
from tui.report.copied import BundleError, Copy
from tui.report.records import bare_head, place_record
from tui.writing.files import write_whole
from tui.writing.words import utc

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


ABOUT_PAST = """
recording/ has minutes that were recorded: twtop replay recording, twtop report --from recording.
Where a moment was asked for, report and audit in recording/ are of that one; those beside this file
are of when the bundle was made.
"""


@dataclass(frozen=True, slots=True)
class Past:
    """What was recorded before a bundle was made, or why it is not in it."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    since: float | None = None
    """Unix time of its first moment; None where there is none."""
    left_out: str | None = None
    """Why there is none, in words, where there could be."""


def about(copy: Copy, redacted: bool, past: Past) -> dict[str, object]:
    """Return where the bundle comes from."""
    return {
        **bare_head("twtop.bundle/1", copy.time, place_record(copy.place)),
        "twtop": __version__,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": None if redacted else platform.node(),
        "byteorder": copy.byte_order,
        "complete": copy.complete,
        "complete_known": copy.complete_known,
        "bound_ports": None if copy.bound_ports is None else list(copy.bound_ports),
        "redacted": redacted,
        "recording": {
            "files": list(past.files),
            "since": None if past.since is None else utc(past.since),
            "left_out": past.left_out,
        },
        "user": "root" if os.geteuid() == 0 else "unprivileged",
    }


NOTHING = Past()
Parts = tuple[Copy, Mapping[str, str]]
"""A copy, and texts by the names of their files."""


def write_bundle(
    path: Path, parts: Parts, *others: Parts, redacted: bool, past: Past = NOTHING
) -> int:
    """Write the archive and return its size in bytes; only its owner may read it.

    Each of the ``others`` is a place of its own, in a folder below `places/`. It appears under its
    name once it is whole. Raises BundleError.
    """
    copy, _ = parts
    name = path.name.split(".")[0] or "twtop"
    when = "an unknown date"
    if copy.time is not None:
        when = f"{datetime.fromtimestamp(copy.time, UTC):%Y-%m-%d %H:%M:%S UTC}"
    head = ABOUT.format(name=name, version=__version__, time=when)
    head += ABOUT_REDACTED if redacted else ""
    head += ABOUT_PLACES if others else ""
    members = {"README.txt": (head + (ABOUT_PAST if past.files else "")).encode()}
    for number, (one, said) in enumerate((parts, *others)):
        folder = (
            f"places/{number}-{re.sub('[^A-Za-z0-9.-]', '_', one.place.name)}/" if number else ""
        )
        members[f"{folder}about.json"] = _json(about(one, redacted, NOTHING if number else past))
        members |= {f"{folder}{file}": text.encode() + b"\n" for file, text in said.items()}
        members |= {f"{folder}proc/{file}": content for file, content in one.files.items()}
    members |= {f"recording/{file}": content for file, content in past.files.items()}

    packed = io.BytesIO()  # at a full disk gzip's own file would end in noise (Python 3.14)
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(f"{name}/{member}")
            info.size, info.mtime, info.mode = len(content), int(copy.time or 0), 0o644
            archive.addfile(info, io.BytesIO(content))
    try:
        return write_whole(path, lambda file: file.write(packed.getbuffer()))
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from None


def _json(told: object) -> bytes:
    return json.dumps(told, indent=2).encode() + b"\n"
