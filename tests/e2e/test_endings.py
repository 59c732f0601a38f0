"""However it ends, the terminal is as it was before."""

import shlex
import signal
import sys
import time

import psutil
import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal
from tests.patience import limit

PROXY = ("--proc", str(ROOT / "tests/fixtures/6.18-proxy/proc"))
BROKEN = (sys.executable, "-m", "tests.e2e.broken")


@pytest.mark.parametrize("key", ["q", "\x1b[21~", "\x03", "\x11"], ids=["q", "F10", "^C", "^Q"])
def test_keys_that_quit(key: str) -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        assert terminal.screen.alternate
        assert terminal.screen.cursor.hidden
        assert not terminal.is_as_before
        terminal.press(key)
        assert terminal.wait() == 0
        terminal.assert_clean()
        assert not terminal.text.strip()


@pytest.mark.parametrize(
    ("number", "keys", "shown"),
    [
        (signal.SIGTERM, "", "Patterns · 24"),
        (signal.SIGHUP, "", "Patterns · 24"),
        (signal.SIGTERM, "\r", "Sockets ·"),
        (signal.SIGHUP, "?", "twtop · help"),
        (signal.SIGTERM, "/", "Filter:"),
        (signal.SIGINT, "", "Patterns · 24"),
        (signal.SIGQUIT, "\x10", "Search for commands"),
    ],
    ids=["dashboard", "dashboard-hup", "pattern", "help-hup", "prompt", "int", "palette-quit"],
)
def test_signals_that_end_it(number: signal.Signals, keys: str, shown: str) -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        if keys:
            terminal.press(keys)
        terminal.wait_for(shown)
        terminal.process.send_signal(number)
        assert terminal.wait() == 128 + number
        terminal.assert_clean()


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.05, 0.2])
def test_a_signal_that_comes_twice(pause: float) -> None:
    """Nobody knows whether the first one was heard: the second must not cut the end short."""
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        terminal.process.send_signal(signal.SIGINT)
        terminal.settle(pause)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait() == 128 + signal.SIGINT
        terminal.assert_clean()


def assert_at_work(terminal: Terminal) -> None:
    """It has the terminal, shows what it did, hears a key, and gives back what it found."""
    terminal.wait_for("Patterns · 24", lambda _: terminal.screen.alternate)
    terminal.wait_for(lambda _: terminal.screen.cursor.hidden)
    assert not terminal.is_as_before
    terminal.press("?")
    terminal.wait_for("twtop · help")
    terminal.press("qq")
    assert terminal.wait() == 0
    terminal.assert_clean()


@pytest.mark.parametrize("times", [1, 3])
def test_it_stops_and_goes_on(times: int) -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        for _ in range(times):
            terminal.wait_for("Patterns · 24", lambda _: terminal.screen.alternate)
            terminal.process.send_signal(signal.SIGTSTP)
            terminal.wait_for(lambda _: terminal.is_stopped)
            terminal.assert_clean()
            terminal.process.send_signal(signal.SIGCONT)
        assert_at_work(terminal)


def test_ctrl_z_and_fg() -> None:
    """As in every other program of a shell: the prompt is there, and then the screen, whole."""
    twtop = shlex.join((*TWTOP, *PROXY))
    with Terminal(("bash", "--norc", "--noprofile", "-i"), env={"PS1": "shell>"}) as terminal:
        terminal.wait_for("shell>")
        terminal.press(f"{twtop}\r")
        terminal.wait_for("Patterns · 24", "q Quit")
        for keys in ("", "/"):  # also while something is typed
            terminal.press(f"{keys}\x1a")
            terminal.wait_for("Stopped", lambda _: not terminal.screen.alternate)
            terminal.press("fg\r")
            terminal.wait_for("Patterns · 24", lambda _: terminal.screen.alternate)
        terminal.press("\x1b")
        terminal.wait_for("Patterns · 24", "Sysctls", "q Quit")
        terminal.press("q")
        terminal.wait_for(lambda _: not terminal.screen.alternate)


def test_ctrl_l_draws_what_somebody_has_written_over() -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24", "q Quit")
        terminal.screen.erase_in_display(2)
        terminal.press("\x0c")
        terminal.wait_for("Patterns · 24", "Remote IPs", "Sysctls", "q Quit")


@pytest.mark.parametrize("stopped", [False, True])
def test_it_goes_on_after_a_stop_it_was_not_told_of(stopped: bool) -> None:
    """What the terminal is then is not what it was before; and somebody else has written there."""
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        if stopped:
            terminal.process.send_signal(signal.SIGSTOP)
            terminal.wait_for(lambda _: terminal.is_stopped)
        terminal.screen.reset()
        terminal.process.send_signal(signal.SIGCONT)
        assert_at_work(terminal)


def test_a_shell_has_the_terminal_while_it_is_in_the_background() -> None:
    """And what a shell takes away from a job comes back with it."""
    twtop = shlex.join((*TWTOP, *PROXY))
    with Terminal(("bash", "--norc", "--noprofile", "-i"), env={"PS1": "shell>"}) as terminal:
        terminal.wait_for("shell>")
        terminal.press(f"{twtop}\r")
        terminal.wait_for("Patterns · 24")
        (child,) = psutil.Process(terminal.process.pid).children()
        child.send_signal(signal.SIGTSTP)
        terminal.wait_for("Stopped", lambda _: not terminal.screen.alternate)
        terminal.press("bg\r")
        terminal.wait_for("&", lambda _: child.status() == psutil.STATUS_STOPPED)
        assert not terminal.screen.alternate
        terminal.press("fg\r")
        terminal.wait_for("Patterns · 24", lambda _: terminal.screen.alternate)
        terminal.press("q")
        terminal.wait_for(lambda _: not terminal.screen.alternate)
        terminal.press("echo code $?\r")
        terminal.wait_for("code 0")


def test_any_bytes_may_come_from_the_keyboard() -> None:
    """The first is Alt-x on a terminal of eight bits; the last are what no terminal sends."""
    with Terminal((*TWTOP, *PROXY)) as terminal:
        for keys in ("\udcf8\udce9", "\x1b\udcff", "\x1b[:~", "\x1b[9999999u"):
            terminal.wait_for("Patterns · 24")
            terminal.press(f"{keys}?")  # what follows at once is not swallowed
            terminal.wait_for("twtop · help")
            terminal.press("q")
        terminal.wait_for("Patterns · 24")
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()


def test_it_ends_with_its_terminal() -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        terminal.hang_up()
        terminal.process.wait(limit())


@pytest.mark.parametrize(("defect", "key"), [("handler", " "), ("render", ""), ("keyboard", "x")])
def test_a_crash_is_told_below_a_clean_prompt(defect: str, key: str) -> None:
    with Terminal((*BROKEN, defect, *PROXY)) as terminal:
        if key:
            terminal.wait_for("Patterns · 24")
            terminal.press(key)
        assert terminal.wait() == 1
        terminal.assert_clean()
        assert "broken on purpose" in terminal.text


def test_a_bug_in_a_reader_is_shown() -> None:
    with Terminal((*BROKEN, "reader", *PROXY)) as terminal:
        terminal.wait_for("broken on purpose")
        terminal.press("q")
        assert terminal.wait() == 3
        terminal.assert_clean()
        assert "broken on purpose" in terminal.text


@pytest.mark.parametrize("way", ["key", "signal"])
def test_quitting_does_not_wait_for_a_slow_read(way: str) -> None:
    """The read takes longer than anybody waits for the end."""
    with Terminal((*BROKEN, "slow-reader", *PROXY)) as terminal:
        terminal.wait_for("reading")
        if way == "key":
            terminal.press("q")
        else:
            terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == (0 if way == "key" else 143)
        terminal.assert_clean()


def test_a_terminal_that_took_nothing_and_is_gone_ends_it() -> None:
    """As a hung ssh whose window is closed: the screen waits to be written, and hears no signal."""
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        for number in range(80):  # nobody reads: more than the writing thread takes
            terminal.resize(100 + number % 2, 40)
            time.sleep(0.02)
        terminal.hang_up()
        terminal.process.wait(limit())
