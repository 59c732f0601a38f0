"""`twtop check` as a monitoring plugin: one line, its perfdata, and the exit code that counts.

https://www.monitoring-plugins.org/doc/guidelines.html
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands import hosts
from tests.commands.conftest import Ran, Run
from tests.commands.hosts import GARBLED, cut_short, host, served, tuple_with
from tests.tables import Sock, listener, waiting
from tui.cli import Deferred
from tui.commands import check
from tui.kernel.sockets import State

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATUS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
PERFDATUM = re.compile(
    r"(?P<label>[a-z_]+)=(?P<value>\d+(\.\d+)?)(?P<unit>%?)"
    r";(?P<warn>[\d.]*);(?P<crit>[\d.]*);(?P<min>[\d.]*)(;(?P<max>[\d.]*))?"
)


class Datum(NamedTuple):
    value: float
    warn: str
    crit: str
    max: str | None


def perfdata(ran: Ran) -> dict[str, Datum]:
    """The performance data, once the line has been found to be a plugin's."""
    assert ran.err == ""
    assert ran.out.count("\n") == 1
    assert ran.out.count("|") == 1
    text, data = ran.out.rstrip("\n").split(" | ")
    assert text.startswith(f"TWTOP {STATUS[ran.code]} - ")
    found = {}
    for one in data.split():
        match = PERFDATUM.fullmatch(one)
        assert match, one
        found[match["label"]] = Datum(
            float(match["value"]), match["warn"], match["crit"], match["max"]
        )
    assert list(found) == ["use", "locked", "in_use", "connectable", "time_wait"]
    assert found["locked"].value <= found["use"].value
    return found


class TestVerdict:
    @pytest.mark.parametrize(
        ("ports", "code"),
        [
            (0, OK),
            (249, OK),
            (250, WARNING),
            (399, WARNING),
            (400, CRITICAL),
            (499, CRITICAL),
            (500, CRITICAL),
        ],
    )
    def test_by_default_half_is_slow_and_the_threshold_critical(
        self, run: Run, tmp_path: Path, ports: int, code: int
    ) -> None:
        ran = run("check", "--proc", host(tmp_path, tuple_with(ports)))
        assert ran.code == code
        data = perfdata(ran)
        assert data["use"] == (ports / 5, "", "", "100")
        assert data["locked"] == (ports / 5, "50", "80", "100")
        assert data["in_use"].value == data["time_wait"].value == ports
        assert data["connectable"] == (500 - ports, "", "", "500")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["-w", 41, "-c", 60], OK),
            (["-w", 40, "-c", 60], WARNING),
            (["-w", "40%", "-c", "60%"], WARNING),
            (["-w", 20, "-c", 40], CRITICAL),
            (["-w", 20, "-c", "40 %"], CRITICAL),
            (["-w", 40, "-c", 40], CRITICAL),
            (["--warning", "39.9", "--critical", "40.1"], WARNING),
            (["-t", 40], CRITICAL),
            (["-t", 41], OK),
            (["-t", 40, "-c", 90], OK),
        ],
    )
    def test_the_percentages_are_of_the_tuples_capacity(
        self, run: Run, tmp_path: Path, arguments: list[object], code: int
    ) -> None:
        ran = run("check", *arguments, "--proc", host(tmp_path, tuple_with(200)))
        assert ran.code == code
        perfdata(ran)

    def test_the_critical_one_is_the_configured_threshold(self, run: Run, home: Path) -> None:
        (home / "config/twtop").mkdir(parents=True)
        (home / "config/twtop/config.toml").write_text("[ports]\nthreshold = 30\n")
        proc = host(home / "proc", tuple_with(150))
        assert run("check", "--proc", proc).code == CRITICAL
        assert run("check", "--proc", proc, "-t", 80).code == OK

    def test_a_warning_never_stands_above_a_low_critical(self, run: Run, tmp_path: Path) -> None:
        ran = run("check", "-c", 20, "--proc", host(tmp_path, tuple_with(50)))
        assert (ran.code, perfdata(ran)["locked"].warn) == (OK, "20")

    def test_exhausted_is_critical_whatever_the_percentages(self, run: Run, tmp_path: Path) -> None:
        reserved = f"{hosts.LOW}-{hosts.LOW + 499}"
        full = run("check", "-w", 100, "-c", 100, "--proc", host(tmp_path / "a", tuple_with(500)))
        none = run("check", "--proc", host(tmp_path / "b", ip_local_reserved_ports=reserved))
        assert (full.code, none.code) == (CRITICAL, CRITICAL)
        assert "EXHAUSTED, connect() fails" in full.out
        assert "no ephemeral ports at all" in none.out
        assert (perfdata(none)["use"].value, perfdata(none)["locked"].value) == (100, 100)

    def test_of_two_full_ones_the_one_without_reuse_counts(self, run: Run, tmp_path: Path) -> None:
        loopback = [waiting(hosts.LOW + n, local="127.0.0.1", remote="127.0.0.1") for n in range(9)]
        far = [waiting(hosts.LOW + n, local="192.168.0.5", remote="192.168.0.9") for n in range(9)]
        proc = host(tmp_path, [*loopback, *far], size=9, tcp_tw_reuse=2)
        ran = run("check", "--proc", proc, "--dst", "127.0.0.1")
        assert (ran.code, "9 connectable" in ran.out) == (OK, True)
        assert "192.168.0.5 → 192.168.0.9:443 uses 100.0% of 9 ports: EXHAUSTED" in (
            run("check", "--proc", proc).out
        )

    @pytest.mark.parametrize(
        ("opened", "code", "text"),
        [
            (0, OK, "uses 57.8% of 500 ports, all reusable, 500 connectable"),
            (50, OK, "uses 57.8% of 500 ports, 10.0% locked, 450 connectable"),
            (250, WARNING, "uses 57.8% of 500 ports, 50.0% locked, 250 connectable"),
            (289, WARNING, "uses 57.8% of 500 ports, 211 connectable"),
        ],
    )
    def test_what_can_be_taken_over_is_no_alarm(
        self, run: Run, tmp_path: Path, opened: int, code: int, text: str
    ) -> None:
        """At 57.7 %, all of it reusable, connect() took 29 µs."""
        home = "127.0.0.1"
        held = [Sock(home, hosts.LOW + n, home) for n in range(opened)]
        held += [waiting(hosts.LOW + n, local=home, remote=home) for n in range(opened, 289)]
        ran = run("check", "--proc", host(tmp_path, held, tcp_tw_reuse=2))
        assert (ran.code, text in ran.out) == (code, True)
        data = perfdata(ran)
        assert (data["use"].value, data["locked"].value) == (57.8, opened / 5)

    def test_the_one_with_the_fewest_ports_left_is_judged(self, run: Run, tmp_path: Path) -> None:
        """Not the one with the most in use: those may all be reusable."""
        near = [waiting(hosts.LOW + n, local="127.0.0.1", remote="127.0.0.1") for n in range(450)]
        proc = host(tmp_path, [*near, *tuple_with(260)], tcp_tw_reuse=2)
        ran = run("check", "--proc", proc)
        assert (ran.code, "10.0.0.5 → 10.0.0.9:443 uses 52.0%" in ran.out) == (WARNING, True)

    def test_nothing_outgoing_is_ok(self, run: Run, tmp_path: Path) -> None:
        ran = run("check", "--proc", host(tmp_path, served(5_000)))
        assert (ran.code, perfdata(ran)["time_wait"].value) == (OK, 5_000)
        assert "no outgoing connections" in ran.out


class TestAClientThatBindsFirst:
    """No destination is near its end, and all together are."""

    @staticmethod
    def shared(ports: int) -> list[Sock]:
        return [waiting(hosts.LOW + n, 30_000, remote=f"10.1.0.{n % 10 + 1}") for n in range(ports)]

    @pytest.mark.parametrize(
        ("ports", "code"), [(240, OK), (260, WARNING), (400, CRITICAL), (500, CRITICAL)]
    )
    @pytest.mark.parametrize("reuse", [0, 1])
    def test_is_judged_by_what_is_left_of_one_range(
        self, run: Run, tmp_path: Path, ports: int, code: int, reuse: int
    ) -> None:
        place = host(tmp_path, self.shared(ports), tcp_tw_reuse=reuse)
        for which in (), ("--dst", "10.1.0.1:443"):
            ran = run("check", "--proc", place, *which)
            assert ran.code == code
            assert perfdata(ran)["connectable"].value == hosts.SIZE - ports
            assert ("bind() fails" in ran.out) == (ports == hosts.SIZE)

    def test_and_a_destination_that_has_fewer_left_goes_before(
        self, run: Run, tmp_path: Path
    ) -> None:
        other = [
            waiting(hosts.LOW + n, 30_000, local="10.0.0.6", remote="10.1.0.1") for n in range(350)
        ]
        ran = run("check", "--proc", host(tmp_path, [*self.shared(300), *other]))
        assert perfdata(ran)["connectable"].value == 150


class TestUnknown:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["--bogus"],
            ["bogus"],
            ["-w", "lots"],
            ["-w", "nan"],
            ["-w", 0],
            ["-c", 101],
            ["-c", "-5"],
            ["-w", 90, "-c", 80],
            ["-w"],
            ["-w", "1|2"],
            ["-t", 0],
            ["--dst", "x"],
            ["--dst", "10.0.0.9:443", "--dport", 80],
            ["--source", "sock_diag", "--proc", hosts.IDLE],
        ],
    )
    def test_wrong_options(self, run: Run, arguments: list[object]) -> None:
        """Elsewhere they are 2, which is CRITICAL here; and nobody reads a plugin's stderr."""
        ran = run("check", *arguments)
        assert (ran.code, ran.err) == (UNKNOWN, "")
        assert re.fullmatch(r"TWTOP UNKNOWN - [^|\n]+ \(twtop check --help\)\n", ran.out)

    def test_unreadable_tables(self, run: Run, tmp_path: Path) -> None:
        ran = run("check", "--proc", tmp_path)
        assert (ran.code, ran.err) == (UNKNOWN, "")
        assert re.fullmatch(rf"TWTOP UNKNOWN - {tmp_path}/net/tcp: [^|\n]+\n", ran.out)

    def test_a_garbled_configuration(self, run: Run, home: Path) -> None:
        (home / "config/twtop").mkdir(parents=True)
        (home / "config/twtop/config.toml").write_text("[ports]\nthreshhold = 30\n")
        ran = run("check", "--proc", hosts.IDLE)
        assert (ran.code, ran.err) == (UNKNOWN, "")
        assert re.fullmatch(r"TWTOP UNKNOWN - .*/config\.toml: ports\.threshhold .*\n", ran.out)

    def test_an_error_of_twtops_own(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """A traceback would end with 1, which is WARNING."""

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError("one | two\nthree")

        monkeypatch.setattr(check, "judge_fullest", fail)
        ran = run("check", "--proc", hosts.IDLE)
        assert ran == (UNKNOWN, "TWTOP UNKNOWN - ZeroDivisionError: one / two three\n", "")

    def test_a_library_that_cannot_be_loaded(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: Deferred) -> None:
            raise ImportError("libopenblas.so: cannot allocate memory")

        monkeypatch.setattr(Deferred, "load", fail)
        said = "TWTOP UNKNOWN - ImportError: libopenblas.so: cannot allocate memory\n"
        assert run("-t", 70, "check") == (UNKNOWN, said, "")

    def test_a_table_cut_short_is_never_ok(self, run: Run, tmp_path: Path) -> None:
        """What was not read may be what is exhausted; what was read stands all the same."""
        for ports, code in ((0, UNKNOWN), (9, UNKNOWN), (250, WARNING), (500, CRITICAL)):
            proc = cut_short(host(tmp_path / str(ports), tuple_with(ports)))
            ran = run("check", "--proc", proc)
            assert ran.code == code
            assert "INCOMPLETE" in ran.out
            perfdata(ran)

    @pytest.mark.parametrize(
        ("used", "alloc", "code"), [(299, 5000, OK), (5000, 299, OK), (300, 300, UNKNOWN)]
    )
    def test_ports_that_unlisted_sockets_may_hold(
        self, run: Run, tmp_path: Path, used: int, alloc: int, code: int
    ) -> None:
        """Of a copy nobody knows which ports are bound; its sockstat tells how many can be."""
        proc = host(tmp_path, tuple_with(100))
        (proc / "net/sockstat").write_text(
            f"sockets: used {used}\nTCP: inuse 0 orphan 0 tw 100 alloc {alloc} mem 0\n"
        )
        ran = run("check", "--proc", proc)
        assert ran.code == code
        assert ("300 sockets" in ran.out) == (code == UNKNOWN)
        perfdata(ran)


class TestAlsoFindings:
    """The worst of check's own verdict and of what audit finds."""

    @staticmethod
    def counted(root: Path, socks: Iterable[Sock] = (), size: int = hosts.SIZE) -> Path:
        """A host whose counters can be read, as on every kernel."""
        proc = host(root, socks, size=size)
        (proc / "net/sockstat").write_text("TCP: inuse 0 orphan 0 tw 0 alloc 0 mem 10\n")
        (proc / "net/netstat").write_text("TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 0\n")
        return proc

    @staticmethod
    def closing_never(count: int) -> list[Sock]:
        return [
            Sock("10.0.0.5", 443, "10.1.0.9", 2000 + n, State.CLOSE_WAIT, uid=7, inode=n + 1)
            for n in range(count)
        ]

    def check(self, run: Run, proc: Path) -> tuple[int, str]:
        ran = run("check", "--also", "findings", "--proc", proc)
        perfdata(ran)
        return ran.code, ran.out

    def test_a_finding_that_has_nothing_to_do_with_ports(
        self, run: Run, home: Path, tmp_path: Path
    ) -> None:
        proc = self.counted(tmp_path / "a", self.closing_never(90))
        assert run("check", "--proc", proc).code == OK
        code, line = self.check(run, proc)
        assert (code, "close-wait-held" in line) == (WARNING, True)
        memory = tmp_path / "a/sys/net/ipv4/tcp_mem"
        memory.write_text("1 2 3\n")
        code, line = self.check(run, proc)
        assert code == CRITICAL
        # What decides comes first, the gravest before all.
        names = ["tcp-memory-pressure", "close-wait-held", "no outgoing connections"]
        assert sorted(names, key=line.index) == names

    def test_nothing_is_found_on_a_quiet_host(self, run: Run, home: Path, tmp_path: Path) -> None:
        assert self.check(run, self.counted(tmp_path / "a"))[0] == OK

    def test_its_own_verdict_stands_where_it_is_worse(
        self, run: Run, home: Path, tmp_path: Path
    ) -> None:
        (home / "config/twtop").mkdir(parents=True)
        (home / "config/twtop/config.toml").write_text(
            '[[silence]]\ncode = "ports-exhausted"\n[[silence]]\ncode = "close-wait-held"\n'
        )
        assert self.check(run, self.counted(tmp_path / "a", self.closing_never(90)))[0] == OK
        assert self.check(run, self.counted(tmp_path / "b", tuple_with(500)))[0] == CRITICAL

    @pytest.mark.parametrize(
        "lost",
        ["net/sockstat", "net/netstat", "sys/net/ipv4/ip_local_port_range", "net/tcp"],
    )
    def test_what_is_unknown_is_neither_ok_nor_a_warning(
        self, run: Run, home: Path, tmp_path: Path, lost: str
    ) -> None:
        proc = self.counted(tmp_path / "a", [listener("0.0.0.0", 22)])
        (proc / lost).write_text("")
        code, line = self.check(run, proc)
        assert (code, Path(lost).name in line or "INCOMPLETE" in line) == (UNKNOWN, True)

    def test_few_unreadable_lines_can_hide_a_finding(
        self, run: Run, home: Path, tmp_path: Path
    ) -> None:
        proc = self.counted(tmp_path / "a", [listener("0.0.0.0", 22), *tuple_with(9)])
        with (proc / "net/tcp").open("a") as table:
            table.write("garbled\n")
        assert run("check", "--proc", proc).code == OK
        assert self.check(run, proc)[0] == UNKNOWN

    def test_a_garbled_baseline(self, run: Run, home: Path, tmp_path: Path) -> None:
        (home / "state/twtop").mkdir(parents=True)
        (home / "state/twtop/listeners.json").write_text("{")
        ran = run("check", "--also", "findings", "--proc", self.counted(tmp_path / "a"))
        assert (ran.code, "listeners.json" in ran.out) == (UNKNOWN, True)

    def test_more_than_a_line_can_name_are_counted(
        self, run: Run, home: Path, tmp_path: Path
    ) -> None:
        full = [waiting(hosts.LOW + n, remote=f"10.1.0.{m}") for n in range(9) for m in range(7)]
        code, line = self.check(run, self.counted(tmp_path / "a", full, size=9))
        assert (code, line.count("ports-exhausted"), "4 more" in line) == (CRITICAL, 3, True)


class TestLine:
    def test_unreadable_lines_are_said(self, run: Run) -> None:
        ran = run("check", "--proc", GARBLED)
        assert "21 lines unreadable, not counted" in ran.out
        perfdata(ran)

    def test_ipv6(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path, [Sock("2001:db8::5", hosts.LOW, "2001:db8::10", 443)])
        assert " - 2001:db8::5 → [2001:db8::10]:443 uses 0.2% of 500 ports" in (
            run("check", "--proc", proc).out
        )

    def test_the_tables_are_read_once(self, run: Run, reads: list[Path]) -> None:
        run("check", "--proc", hosts.PROXY)
        assert reads == [hosts.PROXY]

    def test_help_is_no_verdict(self, run: Run) -> None:
        ran = run("check", "--help")
        assert (ran.code, ran.err) == (0, "")
        assert "3 UNKNOWN" in re.sub(r"\s+", " ", ran.out)
