"""On a terminal it asks, and anything but a yes changes nothing."""

from pathlib import Path

import pytest

from tests.acting.scene import HERE, PORT, fill, serving, sockets
from tests.e2e.terminal import TWTOP, Pty
from tests.patience import Patience
from tests.private import Lab
from tui.kernel.sysctls import read_value

pytestmark = pytest.mark.live

FREE = ("free", "--dst", f"{HERE}:{PORT}", "--older-than=0s")
CTRL_C = "\x03"
REUSE = "net.ipv4.tcp_tw_reuse"


def answer(arguments: tuple[str, ...], *answers: tuple[str, str]) -> int:
    """The exit code of a command to which each question gets its answer."""
    with Pty([*TWTOP, *arguments]) as terminal:
        text, said, patience = "", "", Patience()
        for question, said in answers:
            while question not in text:
                text += terminal.read(0.1).decode()
                assert not patience.is_over, text
            text = ""
            terminal.press(said)
        while terminal.process.poll() is None:
            # Python's input() misses a Ctrl-C that comes just before it reads: people repeat it.
            if not terminal.read(0.5) and said == CTRL_C:
                terminal.press(said)
            assert not patience.is_over
        return terminal.process.returncode


def answered() -> list[tuple[int, int]]:
    """Exit codes, and how many sockets there are afterwards."""
    with serving() as server:
        fill(server, HERE, 9)
        server.connect(HERE)
        kill = (*FREE, "--state", "established")
        number = ("Type 1 ", "1\n")
        return [
            (answer(arguments, *answers), len(sockets()))
            for arguments, answers in (
                (FREE, [("[y/N]", "\n")]),
                (FREE, [("[y/N]", "n\n")]),
                (FREE, [("[y/N]", CTRL_C)]),
                (FREE, [("[y/N]", "y\n")]),
                (kill, [("[y/N]", "y\n"), (number[0], "y\n")]),
                ((*kill, "--yes"), [(number[0], "2\n")]),
                (kill, [("[y/N]", "y\n"), number]),
            )
        ]


def test_free_asks_and_asks_twice_before_it_kills(lab: Lab) -> None:
    listener, both_ends = 1, 2
    left = listener + both_ends
    assert lab.call(answered) == [
        *[(130, 9 + left)] * 3,
        (0, left),
        *[(130, left)] * 2,
        (0, listener),
    ]


def declined() -> tuple[int, int, str | None]:
    codes = [
        answer(("apply", f"{REUSE}=1"), ("[y/N]", "n\n")),
        answer(("keep", "--dst", "10.78.0.2:1", "--below", "80"), ("[y/N]", "n\n")),
    ]
    return codes[0], codes[1], read_value(Path("/proc"), REUSE)


def test_apply_and_keep_ask(lab: Lab) -> None:
    assert lab.call(declined) == (130, 130, "2")
