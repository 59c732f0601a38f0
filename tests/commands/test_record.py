"""What `twtop record` tells while it records, and of what it tells that."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY
from tests.e2e.terminal import TWTOP, Pty, Terminal
from tests.patience import limit

RECORD = ("--proc", str(PROXY), "--duration", "0.1s")


def on_a_terminal(path: Path) -> list[str]:
    """What is drawn there one after the other, each time over what was there."""
    with Pty((*TWTOP, "record", str(path), *RECORD)) as terminal:
        assert terminal.process.wait(limit()) == 0
        said = b""
        while part := terminal.read(0):
            said += part
    return said.decode().split("\x1b[K")[1:]


def figures(line: str) -> list[float]:
    """Moments and sizes in a line, as they are told."""
    return [float(one) for one in re.findall(r"([0-9.]+) (?:moment|kB)", line)]


def test_from_the_first_moment_on_it_is_told_what_is_recorded(tmp_path: Path) -> None:
    """What is new, moments and size alike, and at last the whole file apart from that."""
    path = tmp_path / "r.twtop"
    first, *_, ended = on_a_terminal(path)
    assert figures(first)[0] == 1
    assert re.search(r"since \d\d:\d\d:\d\d", first)
    moments, new, whole = figures(ended)
    assert 1 <= moments <= 2
    assert new == whole
    *_, continued = on_a_terminal(path)
    moments, new, both = figures(continued)
    assert 1 <= moments <= 2
    assert new + whole == pytest.approx(both, abs=1)


def test_a_remark_has_a_line_of_its_own(tmp_path: Path) -> None:
    """On a terminal what is drawn over goes before it, and comes again behind it."""
    script = (
        "from tui.commands.output import emit, redraw, remark, tell\n"
        "for say in (remark, tell, emit):\n"
        "    redraw('so far ' * 99)\n"
        "    say('pod a came')\n"
        "redraw('')\n"
    )
    with Terminal((sys.executable, "-c", script), columns=60) as terminal:
        assert terminal.process.wait(limit()) == 0
        terminal.wait_for("pod a came")
        shown = [line.rstrip() for line in terminal.screen.display]
    assert shown[:4] == ["twtop: pod a came", "pod a came", "pod a came", ""]


def test_elsewhere_it_is_silent(run: Run, tmp_path: Path) -> None:
    assert run("record", tmp_path / "r.twtop", *RECORD) == (0, "", "")
