"""twtop demo in a real terminal, with real sockets; and nothing of it is left, however it ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal
from tests.patience import Patience, limit
from tests.private import Lab

DEMO = (*TWTOP, "demo")


@contextmanager
def demo(*arguments: str, user: int | None = None, home: str = "/") -> Iterator[Terminal]:
    """The demo on screen, its load at work."""
    with Terminal((*DEMO, *arguments), user=user, env={"HOME": home}) as terminal:
        terminal.wait_for("LIVE")
        yield terminal


def cast(terminal: Terminal) -> dict[str, psutil.Process]:
    """The processes of a demo by name."""
    found = {"dashboard": psutil.Process(terminal.process.pid)}
    return found | {child.name(): child for child in found["dashboard"].children(recursive=True)}


def networks(processes: dict[str, psutil.Process]) -> list[BinaryIO]:
    """The network namespaces that they are in, held open: else the kernel numbers others alike."""
    found: dict[int, BinaryIO] = {}
    for process in processes.values():
        for thread in Path(f"/proc/{process.pid}/task").glob("*/ns/net"):
            with suppress(OSError):
                namespace = thread.open("rb")
                found[os.fstat(namespace.fileno()).st_ino] = namespace
    return [*found.values()]


def inhabitants(namespaces: list[BinaryIO]) -> set[int]:
    """The processes that are in one of these network namespaces."""
    numbers = {os.fstat(each.fileno()).st_ino for each in namespaces}
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with suppress(OSError):
            if link.stat().st_ino in numbers:
                found.add(int(link.parts[2]))
    return found


def assert_nothing_left(processes: dict[str, psutil.Process], namespaces: list[BinaryIO]) -> None:
    patience = Patience()
    while True:
        alive = {process.pid for process in processes.values() if process.is_running()}
        left = alive | inhabitants(namespaces)
        if not left:
            return
        assert not patience.is_over, f"waited {patience} for the end of {left} of {processes}"
        time.sleep(0.05)


AGREED = re.compile("= (kernel agrees|clients agree): no port left, and connect\\(\\) fails")
"""The kernel where it counted each refusal: with a whole suite beside it, some may be lost."""


@pytest.mark.live
def test_exhaustion_is_seen_by_the_clients_and_by_twtop(lab: Lab) -> None:
    with demo("exhaustion", "--rate", "400") as terminal:
        terminal.wait_for(
            AGREED,
            "EADDRNOTAVAIL",
            "1,000 of 1,000 ports 100.0% · EXHAUSTED",
            lambda _: "1 EXHAUSTED" in terminal.line(0),
        )
        players = cast(terminal)
        assert set(players) == {"dashboard", "twtop-clients", "postgres-demo"}
        before = networks(players)

        terminal.press("n")
        terminal.wait_for(
            "Demo 2/9 · server-close",
            "127.0.0.1:8080 ←",
            lambda _: "EXHAUSTED" not in terminal.line(0),
        )
        del players["dashboard"]
        assert_nothing_left(players, before)

        players = cast(terminal)
        assert set(players) == {"dashboard", "twtop-clients", "web-demo"}
        before = networks(players)
        terminal.press("P")
        terminal.wait_for("PAUSED")
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()
        assert_nothing_left(players, before)


@pytest.mark.live
@pytest.mark.parametrize("as_root", [True, False])
def test_three_places_all_of_them_first(
    lab: Lab, request: pytest.FixtureRequest, tmp_path: Path, as_root: bool
) -> None:
    """Each by its name, one is opened, and nothing of them is left."""
    user = None if as_root else request.getfixturevalue("nobody")
    with demo("places", user=user, home=str(tmp_path)) as terminal:
        terminal.wait_for("3 places", "shop ", "billing ", "search ", "127.0.0.1:5432")
        terminal.press("\r")
        terminal.wait_for(lambda _: "netns shop" in terminal.line(0))
        terminal.press("\x1b")
        terminal.wait_for("3 places")
        before = networks(players := cast(terminal))
        assert len(before) == 3
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()
        assert_nothing_left(players, before)


@pytest.mark.live
def test_an_ordinary_user_can_play_it(lab: Lab, nobody: int, tmp_path: Path) -> None:
    with demo("reuse", "--rate", "400", user=nobody, home=str(tmp_path)) as terminal:
        terminal.wait_for(AGREED)
        players = cast(terminal)
        before = networks(players)
        terminal.press("q")
        assert terminal.wait() == 0
        assert_nothing_left(players, before)


@pytest.mark.live
@pytest.mark.parametrize(
    ("victim", "words"),
    [
        ("postgres-demo", "the server's process was killed by SIGKILL"),
        ("twtop-clients", "the process of the clients was killed by SIGKILL"),
        ("dashboard", ""),
    ],
)
def test_kill_9_of_any_process_leaves_nothing(lab: Lab, victim: str, words: str) -> None:
    with demo("reuse") as terminal:
        players = cast(terminal)
        before = networks(players)
        assert len(players) == 3
        os.kill(players[victim].pid, signal.SIGKILL)
        if words:
            assert terminal.wait() == 1
            terminal.assert_clean()
            assert words in terminal.text.replace("\n", "")
        else:
            assert terminal.wait() == -signal.SIGKILL
        assert_nothing_left(players, before)


@pytest.mark.live
@pytest.mark.parametrize("end", ["SIGTERM", "SIGHUP", "hang up"])
def test_however_it_is_asked_to_end_nothing_is_left(lab: Lab, end: str) -> None:
    with demo() as terminal:
        players = cast(terminal)
        before = networks(players)
        if end == "hang up":
            terminal.hang_up()
            terminal.process.wait(limit())
        else:
            number = signal.Signals[end]
            terminal.process.send_signal(number)
            assert terminal.wait() == 128 + number
            terminal.assert_clean()
        assert_nothing_left(players, before)


@pytest.mark.live
def test_stderr_may_be_a_file(lab: Lab, tmp_path: Path) -> None:
    """What a shell's ``twtop demo 2>log`` asks for: the screen is stdout's."""
    log = tmp_path / "log"
    with Terminal(("sh", "-c", f"exec {shlex.join(DEMO)} 2>{log}")) as terminal:
        terminal.wait_for("LIVE", "Demo 1/9")
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()
    assert log.read_bytes() == b""


def where_refused() -> tuple[int, str]:
    limit = Path("/proc/sys/user/max_net_namespaces")
    before = limit.read_text()
    limit.write_text("0\n")
    try:
        with Terminal(DEMO) as terminal:
            return terminal.wait(), terminal.text
    finally:
        limit.write_text(before)


@pytest.mark.live
def test_where_namespaces_are_refused_it_says_which_setting_does() -> None:
    from tui.lab.refusal import Unavailable

    try:
        with Lab(user_namespace=True) as private:  # whose limits are its own
            code, text = private.call(where_refused)
    except Unavailable as reason:
        pytest.skip(str(reason))
    assert code == 3
    assert "user.max_net_namespaces is 0" in text
    assert "sysctl -w user.max_net_namespaces" in text.replace("\n", "")


def run(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        (*TWTOP, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=limit()
    )
    return done.returncode, done.stdout, done.stderr


def test_the_scenarios_are_listed() -> None:
    code, out, err = run("demo", "--list")
    assert (code, err) == (0, "")
    assert out.startswith("exhaustion       one destination eats all ports\n")
    assert len(out.splitlines()) == 10
    code, out, err = run("demo", "--help")
    assert (code, err) == (0, "")
    assert "server-close     harmless TIME-WAITs" in out
    assert "--proc" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo", "exhuastion"), "did you mean exhaustion? There are: exhaustion, server-close"),
        (("demo", "--rate", "0"), "--rate"),
        (("demo", "--rate", "nan"), "nan is not a number"),
        (("--proc", "/host/proc", "demo"), "leave out --proc"),
        (("demo",), "needs a terminal"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
