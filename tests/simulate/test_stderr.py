"""Progress must not be what a run fails for."""

import subprocess
import sys

import pyte
import pytest

from tui.analysis.judgement import PortUse
from tui.lab.outcome import Outcome
from tui.simulate.held import Held
from tui.simulate.progress import Progress

TWICE = "from tui.simulate.progress import write; write('one\\n'); write('two\\n')"


def test_a_stderr_that_takes_nothing() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        assert subprocess.run([sys.executable, "-c", TWICE], stderr=full).returncode == 0


def test_what_is_written() -> None:
    ran = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "one\ntwo\n")


def test_a_terminal_shows_the_newest_of_both_lines_in_their_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = pyte.Screen(80, 4)
    shown = pyte.Stream(screen)
    progress = Progress(5000, redraw=True)

    def seen() -> list[str]:
        shown.feed(capsys.readouterr().err.replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display]

    for connected in (10, 2000):
        progress(Outcome(0, 1.0, connected=connected), [Held(None, PortUse(1000, live=500))])
        clients, kernel, *rest = seen()
        assert clients.startswith(f"1 s · {connected:,} of 5,000 ·")
        assert kernel.startswith("██████████░░░░░░░░░░ 50.0% of 1,000 ports")
        assert not any(rest)
    progress.clear()
    assert not any(seen())
