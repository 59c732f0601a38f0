"""Addresses are replaced so that nobody learns one, and everything else stays as it was."""

import re
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.hosts import ALL, fixture
from tests.kernel.wire import kernel_socks, line, words, write_proc
from tests.tables import Sock, steady
from tui.analysis.frame import Frame, judge
from tui.kernel import procfs
from tui.kernel.places import place_at
from tui.kernel.source import Source
from tui.report import redaction
from tui.report.copied import copy_place, redacted
from tui.report.redaction import RESERVED_V4, TEST_V4, Address, Redactor, redact

v4 = st.integers(0, (1 << 32) - 1).map(IPv4Address)
v6 = st.integers(0, (1 << 128) - 1).map(IPv6Address)
mapped = v4.map(lambda address: ip_address(f"::ffff:{address}"))
SPECIAL = """
127.0.0.1 127.9.9.9 0.0.0.0 :: ::1 ::ffff:127.0.0.1 ::ffff:0.0.0.0
198.18.0.1 198.18.0.2 240.0.0.1 2001:db8::1 2001:db8::2 fe80::1
"""
special = st.sampled_from([ip_address(ip) for ip in SPECIAL.split()])
addresses = st.lists(v4 | v6 | mapped | special, max_size=40)


def is_nobodys(address: Address) -> bool:
    """Loopback or unspecified, also as v4-mapped."""
    plain = redaction._unmapped(address)
    return plain.is_loopback or plain.is_unspecified


class TestRedactor:
    @given(addresses)
    @steady
    def test_what_is_equal_stays_equal_and_what_differs_differs(self, found: list[Address]) -> None:
        redactor = Redactor(found)
        others = [redactor.other(one) for one in found]
        assert others == [redactor.other(one) for one in found]
        assert len({*zip(found, others, strict=True)}) == len({*found}) == len({*others})

    @given(addresses)
    @steady
    def test_none_is_one_that_somebody_has(self, found: list[Address]) -> None:
        redactor = Redactor(found)
        for one in found:
            assert is_nobodys(one) or redactor.other(one) not in found

    @given(addresses)
    @steady
    def test_loopback_and_unspecified_ones_stay_and_no_other_becomes_one(
        self, found: list[Address]
    ) -> None:
        redactor = Redactor(found)
        for one in found:
            assert (redactor.other(one) == one) == is_nobodys(one)
            assert is_nobodys(redactor.other(one)) == is_nobodys(one)

    @given(st.lists(v4, max_size=10))
    @steady
    def test_a_mapped_address_changes_as_its_ipv4_one(self, found: list[IPv4Address]) -> None:
        redactor = Redactor(found)
        for one in found:
            other = redactor.other(IPv6Address(f"::ffff:{one}"))
            assert isinstance(other, IPv6Address)
            assert other.ipv4_mapped == redactor.other(one)

    def test_families_stay(self) -> None:
        redactor = Redactor()
        assert redactor.other(IPv4Address("10.0.0.9")) == IPv4Address("198.18.0.1")
        assert redactor.other(IPv6Address("fe80::9")) == IPv6Address("2001:db8::1")

    def test_there_are_enough_for_any_table(self) -> None:
        """The test range of IPv4 alone has fewer than a busy server has clients."""
        redactor = Redactor()
        many = range(int(IPv4Address("11.0.0.0")), int(IPv4Address("11.0.0.0")) + len(TEST_V4) + 2)
        others = {redactor.other(IPv4Address(number)) for number in many}
        assert len(others) == len(many)
        assert IPv4Address(RESERVED_V4[0]) in others


def tables(*socks: Sock) -> dict[str, bytes]:
    """The files of a kernel with these sockets, as a bundle has them before redaction."""
    lines: dict[str, list[bytes]] = {"net/tcp": [], "net/tcp6": []}
    for number, sock in enumerate(socks):
        lines["net/tcp" if words(sock) == 1 else "net/tcp6"].append(line(number, sock))
    return {name: procfs.HEADER + b"".join(found) for name, found in lines.items()}


def of_files(root: Path, files: dict[str, bytes]) -> Frame:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return judge(Source(place_at(root), "proc", 1.0, byte_order=sys.byteorder).read())


def shape(frame: Frame) -> object:
    """All of a table but its addresses and users."""
    table = frame.table
    columns = ("local_port", "remote_port", "state", "timer", "remaining_ms", "inode")
    rows = sorted(zip(*(getattr(table, name).tolist() for name in columns), strict=True))
    return (
        rows,
        table.bad_lines,
        table.duplicates,
        len(table.address_lo),
        frame.states.tolist(),
        len({*table.uid.tolist()}),
    )


class TestTables:
    @given(st.lists(kernel_socks(), max_size=20))
    @steady
    def test_no_address_survives_and_the_rest_does(
        self, tmp_path_factory: pytest.TempPathFactory, found: list[Sock]
    ) -> None:
        root = tmp_path_factory.mktemp("proc")
        files = tables(*found)
        (other,) = redact([files])
        before, after = of_files(root / "a", files), of_files(root / "b", other)
        assert shape(after) == shape(before)
        lines = [row.split() for text in other.values() for row in text.splitlines()[1:]]
        told = {word.partition(b":")[0].decode() for line in lines for word in line[1:3]}
        for end in {ip_address(ip) for sock in found for ip in (sock.local, sock.remote)}:
            assert is_nobodys(end) or redaction._write(end, sys.byteorder).decode() not in told

    def test_a_line_that_cannot_be_read_is_left_out_whole(self) -> None:
        """An address may stand anywhere in it, and in any form."""
        sock = Sock("10.1.2.3", 40_000, "10.4.5.6", 443)
        whole = line(0, sock).rstrip()
        wrong = [
            b"   1: 0302010A:9C40 06050",
            whole.replace(b"0302010A", b"Z302010A"),
            b"noise 10.4.5.6 0302010a",
            whole + b" 06050400",
            b"",
        ]
        file = procfs.HEADER + b"\n".join([whole, *wrong]) + b"\n"
        text = redact([{"net/tcp": file}])[0]["net/tcp"]
        lines = text.splitlines()[1:]
        assert lines[0].startswith(b"   0: 010012C6:9C40 020012C6:01BB 01 00000000:00000000 ")
        assert lines[1:4] == [b"unreadable"] * 3
        assert lines[4] == lines[0]
        assert lines[5] == b"unreadable"
        assert not re.search(rb"0302010|0605040|10\.4", text, re.IGNORECASE)

    def test_lower_case_digits_are_the_same_address(self) -> None:
        upper = line(0, Sock("10.171.2.3", 40_000, "10.4.5.6", 443))
        text = redact([{"net/tcp": procfs.HEADER + upper + upper.lower()}])[0]["net/tcp"]
        assert len({row.split()[1].lower() for row in text.splitlines()[1:]}) == 1

    @pytest.mark.skipif(sys.byteorder != "little", reason="the fixtures are little-endian")
    @pytest.mark.parametrize("name", ALL)
    def test_every_fixture_says_the_same_as_before(self, name: str) -> None:
        copy = copy_place(place_at(fixture(name)))
        plain, other = copy.frame(), redacted([copy])[0].frame()
        assert np.array_equal(plain.states, other.states)
        assert plain.table.bad_lines == other.table.bad_lines
        assert np.array_equal(plain.ports.usable, other.ports.usable)
        for column in ("in_use", "time_wait", "reusable", "direction"):
            assert sorted(getattr(plain.patterns, column).tolist()) == sorted(
                getattr(other.patterns, column).tolist()
            )


class TestCopy:
    def test_it_holds_the_kernels_own_files(self, tmp_path: Path) -> None:
        write_proc(tmp_path, [Sock(), Sock("2001:db8::5", 40_000, "2001:db8::9")])
        copy = copy_place(place_at(tmp_path))
        for name in ("net/tcp", "net/tcp6"):
            mine = [row.rstrip() for row in copy.files[name].splitlines()[1:]]
            kernels = [row.rstrip() for row in (tmp_path / name).read_bytes().splitlines()[1:]]
            assert mine == kernels
        assert copy.complete

    def test_a_kernel_without_ipv6_is_whole(self) -> None:
        copy = copy_place(place_at(fixture("no-ipv6")))
        assert copy.complete
        assert "net/tcp6" not in copy.files

    def test_the_live_one_can_be_copied(self) -> None:
        copy = copy_place(place_at(Path("/proc")))
        assert {"net/tcp", "net/snmp", "sys/net/ipv4/ip_local_port_range"} <= copy.files.keys()
        assert copy.frame().reading.kind == "proc"
