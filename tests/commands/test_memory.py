"""What a thread has freed goes back to the system, though something newer is still in use."""

import subprocess
import sys
import threading
from pathlib import Path

from tests.patience import limit, until
from tui.commands import memory

BLOCKS, SIZE = 20_000, 2_000
"""Forty megabytes, each block too small for pages of its own."""


def anonymous() -> int:
    """This process's anonymous memory in kB."""
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0])


def free_all_but_the_last() -> None:
    memory.GIVE_BACK_SECONDS = 0.05
    memory.keep_little()
    before, kept = anonymous(), []

    def work() -> None:
        blocks = [bytes(SIZE) for _ in range(BLOCKS)]
        assert anonymous() - before > BLOCKS * SIZE / 1024 / 2
        kept.append(blocks[-1])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    until(lambda: anonymous() - before < BLOCKS * SIZE / 1024 / 4, "the memory")


def test_what_is_free_goes_back() -> None:
    """In a process of its own, for it is the process's allocator."""
    code = "from tests.commands.test_memory import free_all_but_the_last as run; run()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=limit())
