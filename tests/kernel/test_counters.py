import re
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.private import Lab
from tui.kernel.counters import read_counters

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAMES = ("sockstat", "sockstat6", "netstat", "snmp")


def proc(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        folder = "sys/net/netfilter" if name.startswith("nf_") else "net"
        path = root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def both(root: Path) -> dict[str, int]:
    """What a whole procfs tells, of which net/ and sys/ are one."""
    return read_counters(root, root)


class TestFiles:
    def test_nothing_there_is_nothing(self, tmp_path: Path) -> None:
        assert read_counters(tmp_path) == {}

    def test_unreadable_is_nothing(self, tmp_path: Path) -> None:
        for name in NAMES:
            (tmp_path / "net" / name).mkdir(parents=True)
        assert read_counters(tmp_path) == {}

    def test_sockstat_is_the_lines_of_all_sockets_and_of_tcp(self, tmp_path: Path) -> None:
        text = "sockets: used 9\nTCP: inuse 5 orphan 1 tw 4 alloc 8 mem 2\nUDP: inuse 7 mem 3\n"
        expected = {"used": 9, "inuse": 5, "orphan": 1, "tw": 4, "alloc": 8, "mem": 2}
        assert read_counters(proc(tmp_path, sockstat=text)) == expected

    def test_sockstat6_does_not_overwrite_sockstat(self, tmp_path: Path) -> None:
        proc(tmp_path, sockstat="TCP: inuse 5\n", sockstat6="TCP6: inuse 2\nUDP6: inuse 1\n")
        assert read_counters(tmp_path) == {"inuse": 5, "inuse6": 2}

    def test_groups_go_by_name(self, tmp_path: Path) -> None:
        proc(
            tmp_path,
            netstat="IpExt: InOctets\nIpExt: 8\nTcpExt: TWKilled TW\nTcpExt: 2 70\n"
            "MPTcpExt: MPCapableSYNRX\nMPTcpExt: 3\n",
            snmp="TcpX: A\nTcpX: 1\nTcp: OutRsts MaxConn\nTcp: 7 -1\nUdp: InErrors\nUdp: 4\n",
        )
        assert read_counters(tmp_path) == {"TWKilled": 2, "TW": 70, "OutRsts": 7, "MaxConn": -1}

    def test_conntrack_where_it_is_loaded(self, tmp_path: Path) -> None:
        proc(tmp_path, nf_conntrack_count="12\n", nf_conntrack_max="262144\n")
        expected = {"nf_conntrack_count": 12, "nf_conntrack_max": 262144}
        assert both(tmp_path) == expected
        assert read_counters(tmp_path) == {}

    STATISTICS = (
        "entries  clashres insert_failed drop early_drop search_restart\n"
        "0001d601 0000000a 00016462 0000000b 00000000 00000001\n"
        "0001d601 00000000 00012001 00000001 00000002 00000001\n"
    )

    def test_what_conntrack_loses_is_added_up_over_processors(self, tmp_path: Path) -> None:
        (tmp_path / "net/stat").mkdir(parents=True)
        (tmp_path / "net/stat/nf_conntrack").write_text(self.STATISTICS)
        assert read_counters(tmp_path) == {
            "nf_conntrack_insert_failed": 0x16462 + 0x12001,
            "nf_conntrack_drop": 0xC,
            "nf_conntrack_early_drop": 2,
        }

    @pytest.mark.parametrize("bad", ["0x16462", "-1", "1g", "0" * 17])
    def test_a_number_of_it_that_is_none_spoils_its_sum(self, tmp_path: Path, bad: str) -> None:
        (tmp_path / "net/stat").mkdir(parents=True)
        text = self.STATISTICS.replace("00016462", bad)
        (tmp_path / "net/stat/nf_conntrack").write_text(text)
        assert read_counters(tmp_path) == {"nf_conntrack_drop": 0xC, "nf_conntrack_early_drop": 2}

    @pytest.mark.parametrize("text", ["", "\n\n", "entries drop\n", "drop\n00000001 00000002\n"])
    def test_a_header_or_rows_of_another_length_are_nothing(
        self, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "net/stat").mkdir(parents=True)
        (tmp_path / "net/stat/nf_conntrack").write_text(text)
        assert read_counters(tmp_path) == {}


class TestGarbled:
    @pytest.mark.parametrize(
        "number",
        ["x", "--1", "-", "1_0", "+1", "1.5", "0x1", pytest.param("9" * 5000, id="too long")],
    )
    def test_one_bad_number_is_left_out(self, tmp_path: Path, number: str) -> None:
        proc(tmp_path, snmp=f"Tcp: A B C\nTcp: 1 {number} 3\n", nf_conntrack_max=number)
        assert read_counters(tmp_path) == {"A": 1, "C": 3}

    @pytest.mark.parametrize("numbers", ["1 2", "1 2 3 4", ""])
    def test_lines_of_unlike_length_are_not_trusted(self, tmp_path: Path, numbers: str) -> None:
        assert read_counters(proc(tmp_path, snmp=f"Tcp: A B C\nTcp: {numbers}\n")) == {}

    def test_a_header_alone_is_nothing(self, tmp_path: Path) -> None:
        assert read_counters(proc(tmp_path, netstat="TcpExt: TW\n", sockstat="TCP:\n")) == {}

    def test_a_pair_cut_in_half_is_left_out(self, tmp_path: Path) -> None:
        assert read_counters(proc(tmp_path, sockstat="TCP: inuse 1 tw")) == {"inuse": 1}

    def test_the_largest_counter_is_exact(self, tmp_path: Path) -> None:
        proc(tmp_path, snmp=f"Tcp: A\nTcp: {2**64 - 1}\n")
        assert read_counters(tmp_path) == {"A": 2**64 - 1}

    def test_the_garbled_fixture(self) -> None:
        assert both(FIXTURES / "garbled/proc") == {
            "orphan": 2,
            "tw": 9,
            "RtoAlgorithm": 1,
            "MaxConn": -1,
            "OutRsts": 7,
            "nf_conntrack_max": 262144,
        }

    @given(st.lists(st.binary() | st.text("TcpEx6: 0123456789-\n").map(str.encode), min_size=4))
    def test_no_bytes_are_fatal(
        self, tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
    ) -> None:
        root = proc(tmp_path_factory.getbasetemp(), **dict(zip(NAMES, contents, strict=False)))
        for name, number in read_counters(root).items():
            assert isinstance(name, str)
            assert isinstance(number, int)


class TestKernels:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("6.18-idle-host", {"inuse": 5, "inuse6": 2, "tw": 3, "TW": 3}),
            ("6.18-proxy", {"inuse": 441, "inuse6": 1, "tw": 20385, "TW": 20385}),
            ("6.18-ipv6-and-mapped", {"inuse": 7, "inuse6": 27, "tw": 417}),
            ("6.18-every-state", {"inuse": 15, "inuse6": 2, "tw": 8}),
            ("4.19-old-kernel", {"inuse": 10, "inuse6": 0, "tw": 340, "CurrEstab": 8}),
            ("big-endian", {"inuse": 4, "inuse6": 3, "tw": 7}),
        ],
    )
    def test_what_the_kernel_counted(self, name: str, expected: dict[str, int]) -> None:
        assert expected.items() <= read_counters(FIXTURES / name / "proc").items()

    def test_every_counter_worth_a_rate_is_there(self) -> None:
        wanted = set(
            """TW TWRecycled TWKilled TCPTimeWaitOverflow ListenOverflows ListenDrops
            TCPReqQFullDrop TCPReqQFullDoCookies SyncookiesSent TCPTimeouts TCPSynRetrans
            PAWSEstab ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab RetransSegs
            OutRsts MaxConn nf_conntrack_count nf_conntrack_max""".split()  # noqa: SIM905
        )
        assert wanted <= both(FIXTURES / "4.19-old-kernel/proc").keys()
        assert wanted | {"PAWSTimewait"} <= both(FIXTURES / "6.18-proxy/proc").keys()

    def test_without_ipv6_there_is_no_inuse6(self) -> None:
        assert "inuse6" not in both(FIXTURES / "no-ipv6/proc")


@pytest.mark.live
def test_the_live_kernel_agrees_with_nstat(lab: Lab) -> None:
    ours, theirs = lab.call(count_with_nstat)
    assert theirs["PassiveOpens"] == theirs["TW"] == ours["tw"] == 3
    assert {name: ours[name] for name in theirs} == theirs


def count_with_nstat() -> tuple[dict[str, int], dict[str, int]]:
    """Leave three TIME-WAITs and return all counters, as read here and by iproute2's nstat."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(3):
            with socket.create_connection(listener.getsockname()) as client:
                accepted = listener.accept()[0]
                client.shutdown(socket.SHUT_WR)
                accepted.recv(1)
                accepted.close()
                client.recv(1)
    lines = subprocess.check_output(["nstat", "-az", "--noupdate"], text=True).splitlines()
    names = [re.fullmatch(r"Tcp(?:Ext)?(\S+) +(\d+) .*", line) for line in lines]
    theirs = {match[1]: int(match[2]) for match in names if match}
    return read_counters(Path("/proc/thread-self")), theirs
