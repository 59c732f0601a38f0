"""`twtop serve`: what it says where it cannot; tests/e2e/test_browser.py has what it shows."""

import re
import socket
import sys

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY


def test_without_the_extra_it_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.delitem(sys.modules, "tui.dashboard.page", raising=False)
    ran = run("serve", "--proc", PROXY)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert re.search(r"pip install 'twtop\[serve\]'", ran.err)


def test_a_port_that_is_taken_is_an_error(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = run("serve", "--proc", PROXY, "--listen", where)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1] == f"twtop: --listen {where}: Address already in use"


def test_a_place_that_is_not_there_is_told_here_and_not_in_the_page(run: Run) -> None:
    ran = run("serve", "-N", "no-such-place")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
