"""Copies of a place's procfs: all that twtop reads of it, read once."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tui.analysis.frame import Frame, judge
from tui.kernel import procfs, sock_diag
from tui.kernel.below import read_below
from tui.kernel.counters import count_sockets
from tui.kernel.effort import Effort
from tui.kernel.parameters import NAMES
from tui.kernel.places import Place, place_at
from tui.kernel.sockets import ByteOrder, TableError
from tui.kernel.source import Source, tells_whole
from tui.report.redaction import numbers_only, redact

TABLES = ("net/tcp", "net/tcp6")
COUNTERS = (
    "net/sockstat",
    "net/sockstat6",
    "net/netstat",
    "net/snmp",
    "net/stat/nf_conntrack",
)
CONNTRACK = ("sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max")
COPY_SECONDS = 10.0
"""How long the tables may take: on a table that grows fast, reading on might never end."""


class BundleError(Exception):
    """The archive could not be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of what twtop reads of a procfs."""

    place: Place
    """Where it was made; without a name if that is not to be told."""
    files: Mapping[str, bytes]
    """By path below the procfs."""
    complete: bool
    complete_known: bool
    """False where it is a copy of a copy that nothing tells of whether it is whole."""
    byte_order: ByteOrder | None
    """That of the machine whose procfs it is; None where nothing tells it."""
    bound_ports: tuple[int, ...] | None
    """Ports that are bound and nothing else, which no file of the procfs has; None where they are
    not known."""
    time: float | None
    """When it was read, Unix time; None of a copy that does not say when it was made."""

    def frame(self) -> Frame:
        """Return the frame that the copy makes. Raises BundleError where it has no room."""
        try:
            with tempfile.TemporaryDirectory(prefix="twtop-") as folder:
                root = Path(folder)
                for name, content in self.files.items():
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_bytes(content)
                reading = Source(
                    place_at(root), "proc", COPY_SECONDS, one_shot=True, byte_order=self.byte_order
                ).read()
        except OSError as error:
            raise BundleError(f"{tempfile.gettempdir()}: {error.strerror or error}") from None

        table = replace(
            reading.table,
            bound_ports=np.array(self.bound_ports or (), np.uint16),
            bound_known=self.bound_ports is not None,
            complete=self.complete and reading.table.complete,
            complete_known=self.complete_known,
        )
        time = reading.time if self.time is None else self.time
        return judge(
            replace(
                reading,
                place=self.place,
                table=table,
                table_time=time,
                time=time,
                made=self.time,
            )
        )


def copy_place(place: Place, *, byte_order: ByteOrder | None = None) -> Copy:
    """Read all that twtop needs of a place once. Raises TableError, as reading it does.

    What is known of a copy, or given as its ``byte_order``, is passed on: a copy of it is neither
    younger nor more whole.
    """
    try:
        return place.inside(lambda: _copy(place, byte_order))
    except OSError as error:
        raise TableError(f"{place.where}: {error.strerror or error}") from error


def _copy(place: Place, byte_order: ByteOrder | None) -> Copy:
    origin = place.origin
    effort = None if place.kind == "copy" else Effort(COPY_SECONDS)
    files: dict[str, bytes] = {}
    complete = origin is None or origin.complete
    for name in TABLES:
        try:
            files[name], whole = procfs.copy_file(place.tables, name, effort)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and name != TABLES[0]:
                continue
            reason = f"{place.root / name}: {error.strerror or error}"
            raise TableError(
                f"{reason}: a bundle is made from the files of /proc; name it with --proc"
            ) from None
        complete = complete and whole
    sysctls = [f"sys/{name.replace('.', '/')}" for name in NAMES]
    for name in (*COUNTERS, *CONNTRACK, *sysctls):
        with suppress(OSError):
            above = place.settings if name.startswith("sys/") else place.tables
            if above is not None:
                files[name] = read_below(above, name)
    if place.answers:
        found = sock_diag.read_bound_ports(effort)
        ports = None if found is None else tuple(found.tolist())
    else:
        ports = None if origin is None else origin.bound_ports
    return Copy(
        place=place,
        files=files,
        complete=complete,
        complete_known=place.kind != "copy" or tells_whole(place, count_sockets(place.root)),
        byte_order=byte_order or _byte_order(place),
        bound_ports=ports,
        time=place.made if place.kind == "copy" else time.time(),
    )


def redacted(copies: Sequence[Copy]) -> list[Copy]:
    """Return copies made on one machine without what is nobody else's business."""
    order = next((one.byte_order for one in copies if one.byte_order), sys.byteorder)
    tables = [{name: one.files[name] for name in TABLES if name in one.files} for one in copies]
    return [
        replace(
            one,
            place=Place(Path("proc"), "redacted", one.place.kind, one.place.id),
            files={name: numbers_only(text) for name, text in one.files.items()} | other,
        )
        for one, other in zip(copies, redact(tables, order), strict=True)
    ]


def _byte_order(place: Place) -> ByteOrder | None:
    if place.kind != "copy":
        return sys.byteorder
    said = place.origin.byte_order if place.origin else None
    return procfs.read_copy(place.root, said=said).byte_order
