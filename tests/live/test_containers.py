"""A real container, by podman and runc where they are: its name, its ports, and who may see it.

They need not be installed: packages that are unpacked somewhere do, with PATH and LD_LIBRARY_PATH.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.fates import Fate, Server, exhausted
from tests.private import Lab
from tui.kernel.find_place import find_place
from tui.kernel.namespaces import inside, system
from tui.kernel.survey import survey
from tui.lab.namespace import bring_up, sysctl
from tui.records import PlaceRowRecord
from tui.report.places import place_row
from tui.watching.outlook import seen
from tui.watching.overview import Overview

PROGRAMS = ("podman", "runc", "conmon", "busybox")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="root runs the container"),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {PROGRAMS}"),
]
NAME, HOME, PORT = "twtop-shop-cart", "127.0.0.1", 5001
CLONE_NEWNS = 0x00020000


class Told(NamedTuple):
    row: PlaceRowRecord
    found: dict[str, int | None]
    number: str
    error: int | None
    after: list[str]


def podman(*words: str) -> str:
    command = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def use_up() -> int | None:
    """Leave no port of a hundred, and say what connect() has to say."""
    bring_up()
    sysctl("ipv4.ip_local_port_range", "40000 40099")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with Server("::", PORT) as server:
        for _ in range(100):
            Fate.CLIENT_CLOSED.come_about(server.connect(HOME))
        with exhausted(HOME, PORT) as (_, error):
            return error


def a_container(folder: Path) -> Told:
    system("unshare", CLONE_NEWNS)
    # What podman keeps is seen by nobody else, and ends with this.
    for command in (
        "mount --make-rprivate /",
        "mount -t tmpfs t /run",
        "mount -t tmpfs t /var/lib",
    ):
        subprocess.run(command.split(), check=True)
    programs = folder / "bin"
    programs.mkdir()
    shutil.copy(shutil.which("busybox") or "", programs / "sleep")
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    number = podman(
        "run",
        "-d",
        *limits,
        "--name",
        NAME,
        "--network",
        "none",
        "--rootfs",
        str(folder),
        "/bin/sleep",
        "600",
    )
    try:
        place = find_place(NAME)
        assert place.network is not None
        error = inside(place.network, use_up)
        words = (NAME, NAME[:-2], number, number[:12], str(place.pid))
        found = {word: find_place(word).id for word in words}
        overview = Overview(one_shot=True, of=lambda all_: [o for o in all_.places if o == place])
        (outlook,) = overview.poll()
        row = place_row(seen(outlook))
    finally:
        with suppress(AssertionError):
            podman("rm", "-f", "-t", "0", NAME)
    after = [one.name for one in survey().places]
    return Told(row, found, number, error, after)


def test_a_container_out_of_ports(lab: Lab, tmp_path: Path) -> None:
    told = lab.call(a_container, tmp_path)
    row = told.row
    assert (row["kind"], row["name"], row["container"]) == ("container", NAME, NAME)
    assert set(told.found.values()) == {row["id"]}
    assert told.error == errno.EADDRNOTAVAIL
    assert (row["low"], row["high"], row["reuse_mode"], row["assumed"]) == (40_000, 40_099, 0, [])
    assert row["dumped"]
    assert row["worst"]
    assert (row["worst"]["connectable"], row["worst"]["in_use"]) == (0, 100)
    assert NAME not in told.after
