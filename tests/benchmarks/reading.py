"""What reading and judging cost, against the least that they could."""

import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.load import Load, sockets
from tests.e2e.terminal import ROOT, TWTOP
from tui.analysis.frame import judge
from tui.kernel.places import place_at
from tui.kernel.processes import Owners
from tui.kernel.sock_diag import BOUND_INACTIVE, CONNECTED, TCPDIAG_GETSOCK
from tui.kernel.source import Source, SourceKind
from tui.metrics.exposition import Scrapes
from tui.metrics.post import Post

PAUSE_SECONDS = 1.5
"""How long the load may be paused before too many TIME-WAITs have ended."""
Work = Callable[[], object]


class Comparison(NamedTuple):
    """The seconds that two pieces of work took, in turns and on the same sockets."""

    work: list[float]
    against: list[float]
    sockets: list[int]

    @property
    def ratio(self) -> float:
        """Of the best of each: noise only ever adds."""
        return min(self.work) / min(self.against)

    @property
    def middle(self) -> float:
        """The median of the ratios of each turn."""
        pairs = zip(self.work, self.against, strict=True)
        return statistics.median(one / other for one, other in pairs)


def compare(load: Load, work: Work, against: Work, seconds: float, least: int) -> Comparison:
    """Take turns for so long, and at least so many."""
    found = Comparison([], [], [])
    for warm_up in (work, against):
        warm_up()
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(found.work) < least:
        with load.paused():
            pause = time.monotonic() + PAUSE_SECONDS
            while True:
                found.sockets.append(sockets())
                turns = [(work, found.work), (against, found.against)]
                for run, times in turns if len(found.work) % 2 else turns[::-1]:
                    began = time.perf_counter()
                    run()
                    times.append(time.perf_counter() - began)
                if time.monotonic() > pause:
                    break
    return found


def frames(kind: SourceKind) -> Work:
    """Makes a frame of one source, which walks the bound sockets in a 20th of the time."""
    source = Source(place_at(Path("/proc")), kind, interval=10)
    return lambda: judge(source.read())


def first_frame(kind: SourceKind) -> Work:
    """Makes a frame of a new source, which walks the bound sockets as well."""
    return lambda: judge(Source(place_at(Path("/proc")), kind, interval=10).read())


def scrape(kind: SourceKind) -> Work:
    """Tells Prometheus of a reading of one source."""
    post = Post(Source(place_at(Path("/proc")), kind, interval=10), lambda: Owners({}))
    return Scrapes((post,), 0.0, walks=False).text


def read_files() -> None:
    """Read both files to their end, and do nothing with it."""
    buffers = [bytearray(1 << 16)]
    for name in ("tcp", "tcp6"):
        fd = os.open(f"/proc/net/{name}", os.O_RDONLY)
        while os.readv(fd, buffers):
            pass
        os.close(fd)


def receive_dumps() -> None:
    """Receive what twtop receives, and do nothing with it."""
    nlmsg_done, request_dump = 3, 0x301
    buffer = bytearray(1 << 16)
    header = struct.pack("=IHHII", 76, TCPDIAG_GETSOCK, request_dump, 1, 0)
    body = struct.pack("=52xII", CONNECTED | BOUND_INACTIVE, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.sendto(header + body, (0, 0))
        while netlink.recv_into(buffer) and buffer[4] != nlmsg_done:
            pass


def process(*argv: str) -> Work:
    """Runs a program, its output into /dev/null."""

    def run() -> None:
        subprocess.run(argv, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    return run


SS = process("ss", "-tan")
REPORT = process(*TWTOP, "report", "--json")
NAIVE = process(sys.executable, str(Path(__file__).with_name("naive.py")))
