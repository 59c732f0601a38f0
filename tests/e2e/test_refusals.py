"""Refusals on the screen of a real terminal, counted by the real kernel."""

import os
import re
import sys

import pytest

from tests.e2e.terminal import TWTOP, Terminal
from tests.e2e.test_screens import PROXY
from tests.live.refused import PORT
from tui.kernel.refusals import CountingError, Refusals

REFUSING = (sys.executable, "-m", "tests.live.refusing")


@pytest.fixture
def _permitted() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes a network namespace that the kernel's count may be asked of")
    try:
        Refusals().close()
    except CountingError as error:
        pytest.skip(str(error))


@pytest.mark.live
@pytest.mark.usefixtures("_permitted")
@pytest.mark.parametrize("asked", ["by option", "by key"])
def test_they_are_counted_from_the_start_or_when_asked_for(asked: str) -> None:
    options = ["--count-refusals"] if asked == "by option" else []
    with Terminal((*REFUSING, *options), columns=160) as terminal:
        terminal.wait_for(f"→ 127.0.0.1:{PORT}")
        if not options:
            terminal.press("R")
        terminal.wait_for(
            re.compile(r"refused \d+/s, [\d,]+ in all"), re.compile(rf":{PORT} .* \d+/s [\d,]+ ")
        )
        terminal.press("\r")
        terminal.wait_for(re.compile(r"connects refused \d+/s .* python"))
        terminal.wait_for(re.compile(r"agreed? in [1-9]\d* of [1-9]\d* s"))
        terminal.press("q")
        assert terminal.wait() == 0


def test_who_may_not_is_told_what_would_be_needed(nobody: int) -> None:
    with Terminal((*TWTOP, "--count-refusals"), user=nobody) as terminal:
        terminal.wait_for("Not counted", re.compile("CAP_|no tracepoint|no tracefs"))
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_copy_is_counted_by_nobody() -> None:
    with Terminal((*PROXY, "--count-refusals")) as terminal:
        terminal.wait_for("leave out --proc")
        assert terminal.wait() == 2
