"""Progress must not be what a run fails for."""

import subprocess
import sys

TWICE = "from tui.simulate.progress import write; write('one\\n'); write('two\\n')"


def test_a_stderr_that_takes_nothing() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        assert subprocess.run([sys.executable, "-c", TWICE], stderr=full).returncode == 0


def test_what_is_written() -> None:
    ran = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "one\ntwo\n")
