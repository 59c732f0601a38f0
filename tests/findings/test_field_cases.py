"""Cases met in practice, as small trees that --proc reads: the right cause, and its cure first."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.findings.situations import advice
from tests.kernel.wire import write_proc
from tests.tables import Sock, listener, waiting
from tui.analysis.frame import judge
from tui.findings.finding import Finding, Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.places import place_at
from tui.kernel.sockets import State, Timer
from tui.kernel.source import Source

PORTS = range(40000, 40500)
USUAL: Mapping[str, object] = {
    "net.ipv4.ip_local_port_range": "40000\t40499",
    "net.ipv4.ip_local_reserved_ports": "",
    "net.ipv4.tcp_tw_reuse": 2,
    "net.ipv4.tcp_timestamps": 1,
    "net.ipv4.tcp_syn_retries": 6,
    "net.ipv4.tcp_orphan_retries": 0,
    "net.core.somaxconn": 4096,
}


def diagnosis(
    root: Path,
    *socks: Sock,
    sysctls: Mapping[str, object] | None = None,
    files: Mapping[str, str] | None = None,
) -> dict[str, Finding]:
    """What is found in such a tree, by code, the gravest first; each code once."""
    write_proc(root, socks)
    settings = USUAL if sysctls is None else {**USUAL, **sysctls}
    texts = {f"sys/{name.replace('.', '/')}": f"{value}\n" for name, value in settings.items()}
    for name, text in {**texts, **(files or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    frame = judge(Source(place_at(root), "proc", 1.0, one_shot=True).read())
    findings = diagnose(Situation(frame))
    found = {finding.code: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def commands(finding: Finding) -> str:
    return "\n".join(remedy.command or "" for remedy in finding.remedies)


def held(state: State, ports: range = PORTS) -> list[Sock]:
    return [
        Sock("192.0.2.10", port, "192.0.2.20", 9200, state, uid=1001, inode=port) for port in ports
    ]


class TestHeldByAnythingButTimeWait:
    @pytest.mark.parametrize(
        ("state", "name", "first", "cure"),
        [
            (
                State.CLOSE_WAIT,
                "CLOSE-WAIT",
                "fix the program",
                "state close-wait dst 192.0.2.20:9200",
            ),
            (State.SYN_SENT, "SYN-SENT", "does not answer", "net.ipv4.tcp_syn_retries=3"),
            (State.FIN_WAIT1, "FIN-WAIT-1", "peer is silent", "net.ipv4.tcp_orphan_retries=2"),
            (State.CLOSING, "CLOSING", "peer is silent", "net.ipv4.tcp_orphan_retries=2"),
            (State.LAST_ACK, "LAST-ACK", "peer is silent", "net.ipv4.tcp_orphan_retries=2"),
            (
                State.ESTABLISHED,
                "ESTABLISHED",
                "fewer connections",
                "net.ipv4.ip_local_port_range=",
            ),
        ],
    )
    @pytest.mark.parametrize(
        ("count", "code"),
        [(500, "ports-exhausted"), (450, "ports-above-threshold"), (300, "connect-slow")],
    )
    def test_its_state_is_named_and_its_cure_is_first(
        self, tmp_path: Path, state: State, name: str, first: str, cure: str, count: int, code: str
    ) -> None:
        finding = diagnosis(tmp_path, *held(state, PORTS[:count]))[code]
        assert f"{count} in {name}" in finding.message
        assert finding.evidence["held_by"] == name
        assert first in finding.remedies[0].what
        assert cure in commands(finding)
        text = f"{finding.meaning} {advice(finding)}"
        assert "tcp_tw_reuse" not in text
        assert "sustains" not in text
        assert "Let the server close first" not in text

    def test_more_ports_are_for_connections_that_last(self, tmp_path: Path) -> None:
        """What leaks, or is not answered, fills any range in the same way."""
        for state in (State.CLOSE_WAIT, State.SYN_SENT, State.LAST_ACK):
            finding = diagnosis(tmp_path / state.name, *held(state))["ports-exhausted"]
            assert "ip_local_port_range" not in commands(finding)

    def test_what_it_sends_again_for_is_said_in_seconds(self, tmp_path: Path) -> None:
        meaning = diagnosis(tmp_path, *held(State.SYN_SENT))["ports-exhausted"].meaning
        assert "some 130 s (tcp_syn_retries = 6)" in meaning

    @pytest.mark.parametrize(
        ("state", "sysctl", "value"),
        [
            (State.SYN_SENT, "net.ipv4.tcp_syn_retries", 2),
            (State.LAST_ACK, "net.ipv4.tcp_orphan_retries", 1),
        ],
    )
    def test_retries_that_are_few_already_are_left_alone(
        self, tmp_path: Path, state: State, sysctl: str, value: int
    ) -> None:
        found = diagnosis(tmp_path, *held(state), sysctls={sysctl: value})
        assert sysctl not in commands(found["ports-exhausted"])

    def test_states_of_one_reason_count_together(self, tmp_path: Path) -> None:
        socks = [
            *held(State.FIN_WAIT1, PORTS[:150]),
            *held(State.LAST_ACK, PORTS[150:300]),
            *held(State.ESTABLISHED, PORTS[300:]),
        ]
        finding = diagnosis(tmp_path, *socks)["ports-exhausted"]
        assert finding.evidence["held_by"] == "FIN-WAIT-1 and LAST-ACK"
        assert "300 in" in finding.message

    def test_what_holds_the_fewer_ports_is_not_blamed(self, tmp_path: Path) -> None:
        waits = [
            waiting(p, local="192.0.2.10", remote="192.0.2.20", remote_port=9200) for p in PORTS
        ]
        socks = [*held(State.CLOSE_WAIT, PORTS[:200]), *waits[200:]]
        finding = diagnosis(tmp_path, *socks)["ports-exhausted"]
        assert "held_by" not in finding.evidence
        assert "tcp_tw_reuse=1" in commands(finding)

    def test_sockets_on_ports_that_connect_never_chooses_do_not_count(self, tmp_path: Path) -> None:
        """Reserved after the fact: they are held, and take nothing from anybody."""
        socks = [*held(State.CLOSE_WAIT, PORTS[:400]), *held(State.ESTABLISHED, PORTS[400:])]
        reserved = {"net.ipv4.ip_local_reserved_ports": "40000-40399"}
        finding = diagnosis(tmp_path, *socks, sysctls=reserved)["ports-exhausted"]
        assert finding.evidence["held_by"] == "ESTABLISHED"
        assert "100 in ESTABLISHED" in finding.message


class TestThroughputIsNotDemand:
    def load(self, count: int) -> list[Sock]:
        """An even load whose TIME-WAITs are so many now."""
        return [
            waiting(
                40000 + number,
                round(60_000 * (number + 0.5) / count),
                local="192.0.2.10",
                remote="192.0.2.20",
                remote_port=6379,
            )
            for number in range(count)
        ]

    @pytest.mark.parametrize("count", [500, 496])
    def test_a_full_pattern_shows_what_gets_through(self, tmp_path: Path, count: int) -> None:
        """Also one that is full but for a moment: its ports come back one by one."""
        code = "ports-exhausted" if count == 500 else "ports-above-threshold"
        finding = diagnosis(tmp_path, *self.load(count))[code]
        assert "what gets through, not what is wanted" in finding.meaning
        assert "enough" not in advice(finding)
        assert "carry" not in advice(finding)

    def test_one_with_room_shows_what_is_wanted(self, tmp_path: Path) -> None:
        finding = diagnosis(tmp_path, *self.load(450))["ports-above-threshold"]
        assert "gets through" not in finding.meaning
        assert "ports: fits" in advice(finding)

    def test_time_waits_of_another_length_come_back_by_it(self, tmp_path: Path) -> None:
        socks = [waiting(port, 4000, local="192.0.2.10", remote="192.0.2.20") for port in PORTS]
        found = diagnosis(tmp_path, *socks, sysctls={"net.ipv4.tcp_tw_timeout": 5})
        assert found["ports-exhausted"].evidence["freed_within_10_s"] == 500
        assert "back 5 s after" in found["ports-exhausted"].meaning
        assert "TIME-WAIT is 5 s, set by tcp_tw_timeout" in advice(found["ports-exhausted"])


CONNTRACK = "net.netfilter.nf_conntrack_"


class TestConntrack:
    def full(self, root: Path, **timeouts: int) -> Finding:
        named = {f"{CONNTRACK}tcp_timeout_{state}": value for state, value in timeouts.items()}
        sizes = {f"{CONNTRACK}count": 655_100, f"{CONNTRACK}max": 655_360}
        return diagnosis(root, listener(), sysctls=sizes | named)["conntrack-near-max"]

    def test_a_timeout_that_was_raised_is_the_culprit(self, tmp_path: Path) -> None:
        finding = self.full(tmp_path, time_wait=10, close_wait=3600, fin_wait=20)
        assert finding.evidence["nf_conntrack_tcp_timeout_close_wait"] == 3600
        assert "3,600 s" in finding.meaning
        assert (finding.remedies[0].command or "").endswith("tcp_timeout_close_wait=60")

    def test_none_that_is_shorter_already_is_raised(self, tmp_path: Path) -> None:
        given = commands(self.full(tmp_path, time_wait=10, close_wait=30, established=3600))
        assert "timeout" not in given
        assert f"{CONNTRACK}max=1310720" in given

    def test_one_that_is_longer_is_shortened(self, tmp_path: Path) -> None:
        given = commands(self.full(tmp_path, time_wait=120, established=432_000))
        assert f"{CONNTRACK}tcp_timeout_time_wait=30" in given
        assert f"{CONNTRACK}tcp_timeout_established=86400" in given

    STATISTICS = (
        "entries  clashres found invalid insert insert_failed drop early_drop\n"
        "0001d601 0000000a 00000000 00003a11 00000000 00016462 00016462 00000000\n"
        "0001d601 0000000a 00000000 00003a11 00000000 00012001 00012001 00000000\n"
    )

    def test_clashes_are_told_of(self, tmp_path: Path) -> None:
        files = {"net/stat/nf_conntrack": self.STATISTICS}
        finding = diagnosis(tmp_path, listener(), files=files)["snat-clashes"]
        assert finding.severity == Severity.WARNING
        assert finding.evidence["insert_failed"] == finding.evidence["drop"] == 0x16462 + 0x12001

    def test_two_that_were_resolved_are_none(self, tmp_path: Path) -> None:
        quiet = self.STATISTICS.replace("00016462", "00000000").replace("00012001", "00000000")
        assert not diagnosis(tmp_path, listener(), files={"net/stat/nf_conntrack": quiet})


class TestListenQueues:
    OVERFLOWS = "TcpExt: ListenOverflows ListenDrops PAWSPassive\nTcpExt: {} {} {}\n"

    def drops(self, root: Path, *counts: int, **sysctls: int) -> dict[str, Finding]:
        named = {f"net.{name.replace('__', '.')}": value for name, value in sysctls.items()}
        files = {"net/netstat": self.OVERFLOWS.format(*counts)}
        return diagnosis(root, listener(), sysctls=named, files=files)

    @pytest.mark.parametrize(("now", "told"), [(128, True), (16_384, False), (65_535, False)])
    def test_somaxconn_is_never_lowered(self, tmp_path: Path, now: int, told: bool) -> None:
        finding = self.drops(tmp_path, 4410, 4410, 0, core__somaxconn=now)["listen-overflow"]
        assert ("somaxconn=" in commands(finding)) == told
        assert "passes to listen()" in advice(finding), "the program's own backlog can be smaller"

    def test_tcp_tw_recycle_is_the_cause_and_the_queue_is_not(self, tmp_path: Path) -> None:
        found = self.drops(tmp_path, 0, 41_277, 41_277, ipv4__tcp_tw_recycle=1)
        assert list(found) == ["tw-recycle-drops-clients"]
        finding = found["tw-recycle-drops-clients"]
        assert finding.severity == Severity.WARNING
        assert finding.remedies[0].command == "sysctl -w net.ipv4.tcp_tw_recycle=0"
        assert "NAT" in finding.message

    def test_what_it_does_not_explain_is_the_queues(self, tmp_path: Path) -> None:
        found = self.drops(tmp_path, 23, 1023, 1000, ipv4__tcp_tw_recycle=1)
        assert list(found) == ["tw-recycle-drops-clients", "listen-overflow"]
        assert found["listen-overflow"].evidence["ListenDrops"] == 23

    def test_once_it_is_off_it_has_happened(self, tmp_path: Path) -> None:
        finding = self.drops(tmp_path, 0, 9, 9, ipv4__tcp_tw_recycle=0)["tw-recycle-drops-clients"]
        assert finding.severity == Severity.INFO
        assert "tcp_tw_recycle=0" not in commands(finding)


class TestMemory:
    def used(self, root: Path, pages: int, counters: str = "0 0") -> dict[str, Finding]:
        names = "TcpExt: TCPMemoryPressures TCPAbortOnMemory"
        files = {
            "net/sockstat": f"TCP: inuse 1 orphan 0 tw 0 alloc 1 mem {pages}\n",
            "net/netstat": f"{names}\nTcpExt: {counters}\n",
        }
        limits = {"net.ipv4.tcp_mem": "189000\t252000\t378000"}
        return diagnosis(root, listener(), sysctls=limits, files=files)

    @pytest.mark.parametrize(
        ("pages", "severity"),
        [(516_419, Severity.CRITICAL), (378_000, Severity.CRITICAL), (252_000, Severity.WARNING)],
    )
    def test_pressure(self, tmp_path: Path, pages: int, severity: Severity) -> None:
        finding = self.used(tmp_path, pages)["tcp-memory-pressure"]
        assert finding.severity == severity
        assert finding.evidence["mem_pages"] == pages
        assert finding.evidence["most_pages"] == 378_000
        assert 'tcp_mem="378000 504000 756000"' in commands(finding)

    def test_none(self, tmp_path: Path) -> None:
        assert not self.used(tmp_path, 251_999)

    def test_that_of_long_ago(self, tmp_path: Path) -> None:
        finding = self.used(tmp_path, 60, "4811 903")["tcp-memory-pressure"]
        assert finding.severity == Severity.INFO
        assert finding.evidence["TCPAbortOnMemory"] == 903

    def test_resets_without_pressure_are_of_orphans(self, tmp_path: Path) -> None:
        """The log said “too many orphaned sockets”; the counter is TCPAbortOnMemory for both."""
        found = self.used(tmp_path, 22_016, "0 40213")
        assert list(found) == ["orphans-high"]
        finding = found["orphans-high"]
        assert finding.severity == Severity.INFO
        assert finding.evidence["TCPAbortOnMemory"] == 40_213
        assert "tcp_orphan_retries=2" in commands(finding)
        assert "tcp_mem" not in commands(finding)


class TestNotKnown:
    def test_sysctls_that_are_not_there_are_assumed_aloud(self, tmp_path: Path) -> None:
        write_proc(tmp_path, [listener(), *held(State.ESTABLISHED)])
        frame = judge(Source(place_at(tmp_path), "proc", 1.0, one_shot=True).read())
        [finding] = diagnose(Situation(frame))
        assert (finding.code, finding.severity) == ("sysctls-assumed", Severity.WARNING)
        assert finding.evidence["ip_local_port_range"] == "32768–60999"
        assert set(finding.evidence) == {name.rpartition(".")[2] for name in frame.assumed}

    def test_those_that_are_there_are_not_named(self, tmp_path: Path) -> None:
        found = diagnosis(tmp_path, listener(), sysctls={"net.ipv4.tcp_timestamps": "?"})
        assert set(found["sysctls-assumed"].evidence) == {"tcp_timestamps"}

    def test_lines_that_cannot_be_read_are_a_warning(self, tmp_path: Path) -> None:
        write_proc(tmp_path, held(State.ESTABLISHED, PORTS[:9]))
        cut = (tmp_path / "net/tcp").read_text()[:-100]
        found = diagnosis(tmp_path, *held(State.ESTABLISHED, PORTS[:9]), files={"net/tcp": cut})
        assert found["incomplete-table"].severity == Severity.WARNING
        assert found["incomplete-table"].evidence["bad_lines"] == 1

    def test_a_mini_socket_of_fin_wait_2_is_told_as_before(self, tmp_path: Path) -> None:
        socks = [
            Sock(local_port=port, state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=9000)
            for port in PORTS
        ]
        finding = diagnosis(tmp_path, *socks)["ports-exhausted"]
        assert finding.remedies[0].what.startswith("Fix the server")
        assert "sustains" not in advice(finding)


class TestPortsOfTheProgramsOwnChoice:
    def test_they_are_outgoing_and_the_range_is_not_for_them(self, tmp_path: Path) -> None:
        """A proxy with a port list below the range: half of 1,000 in TIME-WAIT."""
        own = [
            waiting(port, remote_port=1883) if port % 2 else Sock(local_port=port, remote_port=1883)
            for port in range(20_000, 21_000)
        ]
        found = diagnosis(tmp_path, listener("0.0.0.0", 1883), *own)
        (finding,) = [one for code, one in found.items() if code == "own-source-ports"]
        assert finding.severity is Severity.INFO
        assert (finding.evidence["connections"], finding.evidence["time_wait"]) == (1000, 500)
        assert "ip_local_port_range" not in commands(finding)

    def test_those_of_the_kernels_choice_are_not(self, tmp_path: Path) -> None:
        chosen = [waiting(port, remote_port=1883) for port in PORTS[:100]]
        assert "own-source-ports" not in diagnosis(tmp_path, *chosen)
