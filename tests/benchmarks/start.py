"""What a command costs from its start to its end, against the least that it could."""

import os
import subprocess
import sys

from tests.benchmarks.load import Load, sockets
from tests.benchmarks.reading import Comparison
from tests.e2e.terminal import ROOT, TWTOP

CLICK = (sys.executable, "-c", "import click")
NUMPY = (sys.executable, "-c", "import numpy, click")
VERSION = (*TWTOP, "--version")
CHECK = (*TWTOP, "check")
REPORT = (*TWTOP, "report", "--json")


def compare(load: Load, work: tuple[str, ...], against: tuple[str, ...], turns: int) -> Comparison:
    """Run two programs in turns, on the same sockets, and take the CPU seconds of each."""
    found = Comparison([], [], [])
    for argv in (work, against):
        _cpu(argv)  # its modules are compiled now
    for _ in range(turns):
        with load.paused():
            found.sockets.append(sockets())
            found.work.append(_cpu(work))
            found.against.append(_cpu(against))
    return found


def _cpu(argv: tuple[str, ...]) -> float:
    """The CPU seconds of a program, whatever its exit code says."""
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime
