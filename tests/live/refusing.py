"""Run twtop beside a client that is refused: `python -m tests.live.refusing OPTIONS`.

Both are in a network namespace of their own, whose ports toward one destination are all taken.
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.live.refused import full, refused
from tui.lab.namespace import bring_up, unshare_network

HERE = "127.0.0.1"

if __name__ == "__main__":
    unshare_network()
    bring_up()
    with full(HERE), subprocess.Popen([sys.executable, "-m", "tui", *sys.argv[1:]]) as twtop:
        while twtop.poll() is None:
            refused(HERE, 5)
            time.sleep(0.1)
    sys.exit(twtop.returncode)
