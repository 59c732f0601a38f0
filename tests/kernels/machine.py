"""A kernel booted in QEMU, without KVM and without a network: what its guest reports."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.kernels import initramfs
from tests.kernels.packages import Kernel, cache, qemu

SILENT_SECONDS = 900
"""A guest whose console says nothing for so long has come to a stop."""
MACHINE = (
    "-accel", "tcg,thread=multi",
    "-cpu", "Nehalem,+rdrand",  # the least for NumPy, and for random numbers at once
    "-smp", "1",  # a second one waits for a first that its host has no time for
    "-m", "3G",
    "-display", "none",
    "-nic", "none",
    "-monitor", "none",
    "-no-reboot",
)  # fmt: skip


def run(kernel: Kernel, checks: dict[str, list[str]], log: Path) -> Iterator[dict[str, Any]]:
    """Boot it, and yield what each check came to, as soon as it has.

    Its console, with all that pytest says, goes to the log.
    """
    command, environment = qemu()
    log.write_bytes(b"")
    with TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.write_bytes(initramfs.build(kernel, json.dumps(checks)))
        process = subprocess.Popen(
            [
                *("nice", *command, *MACHINE),
                *("-kernel", kernel.image, "-initrd", root, "-append", _arguments()),
                *("-serial", f"file:{log}", "-serial", "stdio"),
            ],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            for line in _lines(process.stdout.fileno(), log):
                yield json.loads(line)
        finally:
            process.kill()
            process.wait()


def log_of(kernel: Kernel, boot: str) -> Path:
    """Where its console is kept."""
    return cache() / f"{kernel.version}-{boot}.log"


def _arguments() -> str:
    guest = initramfs.TREE / "tests/kernels/guest.py"
    # A host that leaves it too little time makes the clock's watchdog take what there is, and
    # the kernel panic as no interrupt of its timer comes in time.
    kernel = "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check"
    return f"{kernel} rdinit={sys.executable} -- {guest}"


def _lines(pipe: int, log: Path) -> Iterator[bytes]:
    """Lines until the end, or until the log has not grown for too long."""
    rest, size = b"", -1
    while True:
        if not select.select([pipe], [], [], SILENT_SECONDS)[0]:
            if log.stat().st_size == size:
                return
            size = log.stat().st_size
            continue
        data = os.read(pipe, 1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
