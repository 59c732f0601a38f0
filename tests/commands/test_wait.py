"""`twtop wait` until ports have come back, on a host whose table changes between two readings."""

import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import LOW, cut_short, host, served, tuple_with
from tests.e2e.terminal import TWTOP, Terminal
from tests.tables import FIXTURES, Clock, Sock, waiting
from tui.analysis import doubts
from tui.commands import wait

PROXY = FIXTURES / "6.18-proxy" / "proc"


class Host(Clock):
    """A host that is, at each moment of a clock of its own, what `socks` says; it stands in for
    the module `time`."""

    def __init__(self, root: Path, socks: Callable[[float], list[Sock]], cut: bool) -> None:
        """Its table is `cut` short if so."""
        super().__init__()
        self.root = root
        self.socks = socks
        self.cut = cut
        self.began = self.now
        self.slept: list[float] = []
        self.sleep(0)
        self.slept.clear()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        host(self.root, self.socks(self.now - self.began))
        if self.cut:
            cut_short(self.root)


def draining(elapsed: float) -> list[Sock]:
    """Five hundred TIME-WAITs of one tuple, of which fifty end in each second."""
    left = range(min(int(elapsed) * 50, 500), 500)
    return [waiting(LOW + port, int((port // 50 + 1 - elapsed) * 1000)) for port in left]


def unshared(elapsed: float) -> list[Sock]:
    """The same by a client that binds first, spread over ten destinations."""
    return [
        replace(sock, remote=f"10.1.0.{sock.local_port % 10 + 1}") for sock in draining(elapsed)
    ]


During = Callable[..., tuple[int, str, str, Host]]


@pytest.fixture
def during(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> During:
    """Run `twtop wait` while the host changes."""

    def ran(
        socks: Callable[[float], list[Sock]], *arguments: object, cut: bool = False
    ) -> tuple[int, str, str, Host]:
        made = Host(tmp_path, socks, cut)
        monkeypatch.setattr(wait, "time", made)
        return *run("wait", "--proc", tmp_path, *arguments), made

    return ran


class TestGoals:
    @pytest.mark.parametrize(
        ("arguments", "seconds", "said"),
        [
            (["--drained"], 10, "drained after 10 s: 0 TIME-WAIT"),
            (["--below", "50"], 6, "below 50 % after 6 s: 40.0% of 500 ports"),
            (["--below", "50%"], 6, "below 50 % after 6 s: 40.0% of 500 ports"),
            (["--below", "50.1"], 5, "below 50.1 % after 5 s: 50.0% of 500 ports"),
            (["--below", "0.1"], 10, "below 0.1 % after 10 s: no outgoing connections"),
            (["--below", "100"], 1, "below 100 % after 1 s: 90.0% of 500 ports"),
        ],
    )
    def test_it_returns_when_they_are_reached(
        self, during: During, arguments: list[str], seconds: float, said: str
    ) -> None:
        code, out, err, made = during(draining, *arguments)
        assert (code, err) == (0, "")
        assert out.startswith(said)
        assert made.slept == [1.0] * int(seconds)

    @pytest.mark.parametrize(("below", "seconds"), [("50", 6), ("60", 5)])
    @pytest.mark.parametrize("arguments", [[], ["--dst", "10.1.0.1:443"]])
    def test_destinations_of_a_client_that_binds_first_count_together(
        self, during: During, below: str, seconds: int, arguments: list[str]
    ) -> None:
        """Each has a tenth of what all have, and bind() finds no port all the same."""

        code, _, _, made = during(unshared, "--below", below, *arguments)
        assert (code, made.slept) == (0, [1.0] * seconds)

    @pytest.mark.parametrize("goal", [["--drained"], ["--below", "1"]])
    def test_nothing_to_wait_for_is_no_wait(self, during: During, goal: list[str]) -> None:
        code, out, _, made = during(lambda _: [], *goal)
        assert (code, made.slept) == (0, [])
        assert " after 0 s: " in out

    def test_drained_heeds_no_open_connection(self, during: During) -> None:
        code, *_ = during(lambda _: [Sock(local_port=LOW)], "--drained")
        assert code == 0

    def test_time_waits_at_the_server_hold_no_port_of_ours(self, during: During) -> None:
        code, _, _, made = during(lambda _: served(100), "--drained")
        assert (code, made.slept) == (0, [])

    @pytest.mark.parametrize(
        "ends", [["--dst", "10.0.0.7"], ["--dport", "80"], ["--src", "10.0.0.6"]]
    )
    def test_only_the_named_tuples_count(self, during: During, ends: list[str]) -> None:
        code, _, _, made = during(draining, "--drained", *ends)
        assert (code, made.slept) == (0, [])

    def test_below_is_for_each_of_them(self, during: During) -> None:
        def two(elapsed: float) -> list[Sock]:
            slow = [waiting(LOW + port, remote="10.0.0.7") for port in range(300)]
            return [*draining(elapsed), *(slow if elapsed < 8 else [])]

        assert len(during(two, "--below", "50")[3].slept) == 8

    @pytest.mark.parametrize("socks", [draining, unshared])
    def test_it_waits_until_ports_that_may_be_bound_make_no_difference(
        self,
        during: During,
        monkeypatch: pytest.MonkeyPatch,
        socks: Callable[[float], list[Sock]],
    ) -> None:
        """Of 500 ports 100 may be bound: below half of what is surely there are 199.

        Where a client binds first, all ten destinations hold these together.
        """
        monkeypatch.setattr(doubts, "unseen_bound", lambda frame: 100)
        monkeypatch.setattr(wait, "unseen_bound", lambda frame: 100)
        code, *_, made = during(socks, "--below", "50")
        assert (code, len(made.slept)) == (0, 7)
        code, _, err, made = during(socks, "--below", "50", "--timeout", "6")
        assert (code, made.slept) == (1, [1.0] * 6)
        assert "up to 100 sockets" in err

    def test_it_ends_at_once_where_not_even_an_unused_tuple_would_be_sure(
        self, during: During, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doubts, "unseen_bound", lambda frame: 500)
        code, _, err, made = during(draining, "--below", "50")
        assert (code, made.slept) == (3, [])
        assert "up to 500 sockets" in err

    def test_the_interval_is_between_two_readings(self, during: During) -> None:
        assert during(draining, "--below", "50", "-i", "3")[3].slept == [3.0, 3.0]

    def test_a_table_cut_short_is_never_drained(self, during: During) -> None:
        code, out, err, _ = during(lambda _: [], "--drained", "--timeout", "0", cut=True)
        assert (code, out) == (1, "")
        assert "not drained after 0 s: 0 TIME-WAIT" in err
        assert "INCOMPLETE" in err


class TestTimeout:
    def test_it_gives_up(self, during: During) -> None:
        code, out, err, made = during(draining, "--drained", "--timeout", "3.5")
        assert (code, out) == (1, "")
        assert err == "twtop: not drained after 4 s: 350 TIME-WAIT of 10.0.0.5 → 10.0.0.9:443\n"
        assert made.slept == [1, 1, 1, 0.5]

    def test_zero_only_asks(self, during: During) -> None:
        code, _, err, made = during(draining, "--below", "50", "--timeout", "0")
        assert (code, made.slept) == (1, [])
        assert err.startswith("twtop: not below 50 % after 0 s: 100.0% of 500 ports of 10.0.0.5 →")

    def test_the_goal_goes_before_the_time(self, during: During) -> None:
        assert during(draining, "--drained", "--timeout", "10")[0] == 0


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--below", "5", "--drained"],
            ["--below", "0"],
            ["--below", "101"],
            ["--below", "nan"],
            ["--drained", "--timeout", "-1"],
            ["--drained", "--timeout", "nan"],
        ],
    )
    def test_wrong_options(self, run: Run, reads: list[Path], arguments: list[str]) -> None:
        ran = run("wait", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (2, "", 1, [])

    def test_neither_goal_or_both_says_which_there_are(self, run: Run) -> None:
        assert "--below PERCENT and --drained" in run("wait").err

    def test_unreadable_tables_are_3(self, run: Run, tmp_path: Path) -> None:
        ran = run("wait", "--drained", "--proc", tmp_path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)


class TestExpectation:
    """What stands on the terminal is what the timers say."""

    @pytest.mark.parametrize(
        ("below", "seconds"), [(None, 10), (50, 6), (90, 2), (100, 1), (0.1, 10)]
    )
    def test_until_enough_have_ended(
        self, tmp_path: Path, below: float | None, seconds: float
    ) -> None:
        progress = self.measured(tmp_path, draining(0), below)
        assert progress.seconds == pytest.approx(seconds, abs=1e-6)
        assert wait.expectation(progress) == f"in about {seconds:.0f} s"

    def test_open_connections_have_to_be_closed(self, tmp_path: Path) -> None:
        socks = [Sock(local_port=LOW + port) for port in range(300)]
        more = [waiting(LOW + 300 + port) for port in range(100)]
        progress = self.measured(tmp_path, [*socks, *more], 50)
        assert (progress.seconds, progress.open) == (None, 51)
        assert wait.expectation(progress) == "needs 51 open connections to close"

    @staticmethod
    def measured(root: Path, socks: list[Sock], below: float | None) -> wait.Waited:
        from tui.api import snapshot
        from tui.planning.demand import outgoing

        frame = snapshot(proc=host(root, socks))
        return wait.measure(frame, outgoing(frame, None, None, None), below)


class TestTerminal:
    def test_progress_is_drawn_over_one_line_that_goes(self, tmp_path: Path) -> None:
        proc = host(tmp_path, tuple_with(300, 42_000))
        argv = (*TWTOP, "wait", "--drained", "-i", "0.1", "--proc", str(proc))
        with Terminal(argv, columns=80) as terminal:
            terminal.wait_for("300 TIME-WAIT of 10.0.0.5 → 10.0.0.9:443 · drained in about 42 s")
            host(tmp_path, tuple_with(200, 30_000))
            terminal.wait_for(lambda text: "200 TIME-WAIT" in text and "300" not in text)
            host(tmp_path)
            assert terminal.wait() == 0
            assert re.fullmatch(r"drained after \d+ s: 0 TIME-WAIT", terminal.text.strip())

    def test_it_is_no_wider_than_the_terminal(self, tmp_path: Path) -> None:
        argv = (*TWTOP, "wait", "--drained", "--proc", str(host(tmp_path, tuple_with(9))))
        with Terminal(argv, columns=30) as terminal:
            text = terminal.wait_for("9 TIME-WAIT")
            assert len(text.strip().splitlines()) == 1

    def test_an_interrupt_leaves_a_clean_line(self, tmp_path: Path) -> None:
        argv = (*TWTOP, "wait", "--drained", "--proc", str(host(tmp_path, tuple_with(9))))
        with Terminal(argv) as terminal:
            terminal.wait_for("9 TIME-WAIT")
            terminal.press("\x03")
            assert terminal.wait() == 130
            assert terminal.text.strip() in ("", "^C")
            terminal.assert_clean()

    def test_an_interrupt_ends_it_at_once(self, tmp_path: Path) -> None:
        argv = (
            *TWTOP,
            "wait",
            "--drained",
            "-i",
            "3600",
            "--proc",
            str(host(tmp_path, tuple_with(9))),
        )
        with Terminal(argv) as terminal:
            terminal.wait_for("9 TIME-WAIT")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.wait() == 130  # long before the next reading


@pytest.mark.parametrize("timers", [True, False])
def test_a_copy_never_gets_there_and_is_told_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, timers: bool
) -> None:
    monkeypatch.setattr(wait, "STILL_SECONDS", 0.05)
    copy = PROXY if timers else host(tmp_path, [Sock(local_port=LOW)])
    goal = ["--drained"] if timers else ["--below", "0.1"]
    ran = run("wait", *goal, "-i", "0.1", "--timeout", "9", "--proc", copy)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"twtop: {copy} is a copy and never changes: there is nothing to wait for\n"


def test_a_destination_that_nobody_connects_to_is_said(run: Run) -> None:
    ran = run("wait", "--drained", "--dst", "10.9.9.9", "--proc", PROXY)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "drained after 0 s: no outgoing connections\n"
