import errno
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.wire import (
    HERE,
    ByteOrder,
    header,
    kernel_socks,
    line,
    padded,
    tables,
    words,
    write_proc,
)
from tests.tables import FIXTURES, Clock, Sock, fold, listener, socks, states, steady, waiting
from tui.kernel import effort, procfs
from tui.kernel.effort import Effort
from tui.kernel.lines import layout_of, parse
from tui.kernel.procfs import PAGE, read_copy, read_sockets
from tui.kernel.sockets import UNKNOWN_LIMIT, SocketTable, State, TableError, Timer, build


def parsed(
    text: bytes, width: int = 1, byteorder: ByteOrder | None = None
) -> tuple[list[Sock], int]:
    """What parse() makes of whole lines: the sockets and the number of bad lines."""
    layout = layout_of(width, byteorder or HERE)
    found, bad = parse(np.frombuffer(text, np.uint8), layout)
    return socks(build([found])), bad


def proc(root: Path, tcp: bytes | None = None, tcp6: bytes | None = None) -> Path:
    (root / "net").mkdir(parents=True)
    for name, content in (("tcp", tcp), ("tcp6", tcp6)):
        if content is not None:
            (root / "net" / name).write_bytes(content)
    return root


def of_file(path: Path, width: int) -> SocketTable:
    text = path.read_bytes()
    found, _ = parse(
        np.frombuffer(text[text.find(b"\n") + 1 :], np.uint8), layout_of(width, "little")
    )
    return build([found])


class TestFixtures:
    @pytest.mark.parametrize(
        ("name", "expected", "duplicates", "bad"),
        [
            ("6.18-idle-host", {"ESTABLISHED": 3, "TIME_WAIT": 3, "LISTEN": 4}, 0, 0),
            (
                "6.18-proxy",
                {"ESTABLISHED": 435, "TIME_WAIT": 20_385, "CLOSE_WAIT": 3, "LISTEN": 4},
                0,
                0,
            ),
            (
                "6.18-ipv6-and-mapped",
                {"ESTABLISHED": 28, "TIME_WAIT": 417, "CLOSE_WAIT": 2, "LISTEN": 4},
                0,
                0,
            ),
            (
                "6.18-every-state",
                {
                    "ESTABLISHED": 6,
                    "SYN_SENT": 1,
                    "SYN_RECV": 1,
                    "FIN_WAIT1": 2,
                    "FIN_WAIT2": 4,
                    "TIME_WAIT": 6,
                    "CLOSE": 1,
                    "CLOSE_WAIT": 1,
                    "LAST_ACK": 1,
                    "LISTEN": 3,
                    "CLOSING": 1,
                },
                0,
                0,
            ),
            ("4.19-old-kernel", {"ESTABLISHED": 8, "TIME_WAIT": 340, "LISTEN": 2}, 0, 0),
            ("no-ipv6", {"ESTABLISHED": 1, "TIME_WAIT": 20, "LISTEN": 1}, 0, 0),
            (
                "garbled",
                {"ESTABLISHED": 2, "FIN_WAIT2": 1, "TIME_WAIT": 9, "CLOSE_WAIT": 1, "LISTEN": 3},
                6,
                21,
            ),
        ],
    )
    def test_figures(self, name: str, expected: dict[str, int], duplicates: int, bad: int) -> None:
        table = read_sockets(FIXTURES / name / "proc")
        assert states(table) == expected
        assert (table.duplicates, table.bad_lines) == (duplicates, bad)
        assert table.complete == (name != "garbled"), "its last line is cut"

    def test_both_files_are_read(self) -> None:
        net = FIXTURES / "6.18-ipv6-and-mapped/proc/net"
        assert states(of_file(net / "tcp", 1)) == {"ESTABLISHED": 6, "TIME_WAIT": 160, "LISTEN": 1}
        assert states(of_file(net / "tcp6", 4)) == {
            "ESTABLISHED": 22,
            "TIME_WAIT": 257,
            "CLOSE_WAIT": 2,
            "LISTEN": 3,
        }

    def test_mapped_and_plain_sockets_meet_at_one_address(self) -> None:
        found = socks(read_sockets(FIXTURES / "6.18-ipv6-and-mapped/proc"))
        database = [sock for sock in found if (sock.remote, sock.remote_port) == ("10.0.0.9", 5432)]
        by_state = [sum(sock.state == state for sock in database) for state in (6, 1)]
        assert by_state == [150 + 120, 6 + 4]

    def test_the_proxy_by_destination(self) -> None:
        found = socks(read_sockets(FIXTURES / "6.18-proxy/proc"))
        waits = [sock for sock in found if sock.state == State.TIME_WAIT]
        ends = [("10.0.0.9", 5432), ("10.0.0.10", 6379), ("10.0.0.11", 443), ("10.0.0.12", 8080)]
        counts = [sum((s.remote, s.remote_port) == end for s in waits) for end in ends]
        assert counts == [12_210, 4_950, 2_400, 550]
        accepted = {sock.remote for sock in waits if sock.local_port == 443}
        assert (len(waits) - sum(counts), len(accepted)) == (275, 20)

    def test_fin_wait2_in_its_three_forms(self) -> None:
        found = socks(read_sockets(FIXTURES / "6.18-every-state/proc"))
        forms = [(s.timer, s.inode > 0) for s in found if s.state == State.FIN_WAIT2]
        minis = [(3, False), (3, False)]
        assert sorted(forms) == [(0, True), (2, False), *minis]

    def test_the_garbled_survivors(self) -> None:
        found = socks(read_sockets(FIXTURES / "garbled/proc"))
        by_port: dict[int, list[Sock]] = {}
        for sock in found:
            by_port.setdefault(sock.local_port, []).append(sock)
        v4 = [80, 80, 8001, 8002, 40001, 40002, *range(40018, 40024)]
        assert [s.local_port for s in found] == [*v4, 80, 44110, 40032, 44113]
        assert [s.inode for s in by_port[80]] == [71001, 71002, 71003]
        assert by_port[8001][0].uid == 4294967294
        assert by_port[8002][0].inode == 4294967295
        left = {40001: 60_000, 40002: 0, 40018: 59_990, 40019: 40_800, 40023: 10_000}
        left |= {44110: 46_600, 44113: 40_950}
        assert {port: by_port[port][0].remaining_ms for port in left} == left
        assert by_port[40018][0].state == State.TIME_WAIT
        assert by_port[40032][0].local == "10.0.0.5"

    def test_a_big_endian_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(procfs, "sys", SimpleNamespace(byteorder="big"))
        table = read_sockets(FIXTURES / "big-endian/proc")
        expected = {"ESTABLISHED": 2, "TIME_WAIT": 7, "CLOSE_WAIT": 1, "LISTEN": 4}
        assert states(table) == expected
        assert table.complete
        ends = [(s.remote, s.remote_port) for s in socks(table) if s.state == State.TIME_WAIT]
        assert ends.count(("10.0.0.9", 443)) == 3
        assert ends.count(("10.0.0.9", 5432)) == 1
        assert sum(s.local == "2001:db8::5" for s in socks(table)) > 0
        assert {s.local for s in socks(table) if s.remote in ("127.0.0.1", "::1")} == {
            "127.0.0.1",
            "::1",
        }


class TestFormat:
    """What the kernel prints, by hand, so that the renderer of these tests is held to it too."""

    def test_a_line_as_the_kernel_wrote_it(self) -> None:
        text = (FIXTURES / "6.18-proxy/proc/net/tcp").read_bytes().splitlines(keepends=True)
        for number in (1, 4, 400, 10_002):
            (sock,), bad = parsed(text[number])
            assert bad == 0
            assert len(text[number]) == 150
            ours = line(int(text[number].split(b":")[0]), sock)
            assert ours.split()[:10] == text[number].split()[:10]
            assert ours[:90] == text[number][:90]

    def test_addresses_are_words_of_the_host_and_ports_are_not(self) -> None:
        text = (
            b"   0: 0100007F:1F90 0900000A:01BB 01 00000002:00000001 02:0000000A 00000000"
            b"  1000        0 4711 1 0000000000000000 20 4 30 10 -1\n"
        )
        expected = Sock(
            "127.0.0.1", 8080, "10.0.0.9", 443, State.ESTABLISHED, 2, 100, 1, 2, 1000, 4711
        )
        assert parsed(text, byteorder="little") == ([expected], 0)
        big = replace(expected, local="1.0.0.127", remote="9.0.0.10")
        assert parsed(text, byteorder="big") == ([big], 0)

    @pytest.mark.parametrize("byteorder", ["little", "big"])
    @pytest.mark.parametrize(
        "sock",
        [
            Sock("127.0.0.1", 8080, "10.0.0.9", 443, inode=9),
            Sock("2001:db8::5", 40000, "fe80::1:2:3:4", 443, inode=9),
            Sock("::1", 1, "::", 65535, inode=9),
        ],
    )
    def test_either_byte_order(self, sock: Sock, byteorder: ByteOrder) -> None:
        assert parsed(line(0, sock, byteorder), words(sock), byteorder) == ([sock], 0)

    def test_mapped_addresses_are_the_ipv4_ones(self) -> None:
        sock = Sock("::ffff:10.0.0.5", 40000, "::ffff:10.0.0.9", 5432)
        expected = Sock("10.0.0.5", 40000, "10.0.0.9", 5432)
        assert parsed(line(0, sock), 4) == ([expected], 0)

    @pytest.mark.parametrize(
        "sl", [0, 9, 9_999, 10_000, 99_999, 100_000, 999_999, 1_000_000, 2**31 - 1]
    )
    @pytest.mark.parametrize("local", ["10.0.0.5", "2001:db8::5"])
    def test_sl_moves_the_columns(self, sl: int, local: str) -> None:
        sock = Sock(local, remote=local, uid=1000, inode=12345)
        assert parsed(line(sl, sock), words(sock)) == ([sock], 0)

    def test_lines_of_many_widths_of_sl_in_one_piece(self) -> None:
        found = [Sock(local_port=port, inode=port) for port in range(1, 8)]
        text = b"".join(line(10**sock.local_port, sock) for sock in found)
        assert parsed(text) == (found, 0)

    @pytest.mark.parametrize("uid", [0, 99_999, 100_000, 4_294_967_294, 4_294_967_295])
    @pytest.mark.parametrize("inode", [0, 1, 2**32 - 1, 2**32, 10**19, 2**64 - 1])
    def test_long_uids_and_inodes(self, uid: int, inode: int) -> None:
        sock = Sock(uid=uid, inode=inode)
        assert parsed(line(0, sock)) == ([sock], 0)

    def test_listeners_carry_their_backlog(self) -> None:
        sock = listener(backlog=129)
        assert parsed(line(0, sock)) == ([sock], 0)

    @pytest.mark.parametrize(
        "sock",
        [
            waiting(remaining_ms=0),
            waiting(remaining_ms=60_000),
            Sock(state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=9_990),
            Sock(state=State.SYN_RECV, timer=Timer.RETRANSMIT, remaining_ms=1_010, uid=1000),
        ],
    )
    def test_short_lines_of_mini_and_request_sockets(self, sock: Sock) -> None:
        text = line(0, sock)
        assert len(text.split()) == 12
        assert parsed(text) == ([sock], 0)
        # tcp6 does not pad its lines, so there they are short in earnest.
        six = replace(sock, local="2001:db8::5", remote="2001:db8::9")
        assert parsed(line(0, six), 4) == ([six], 0)

    @given(tables(width=1))
    @steady
    def test_any_ipv4_sockets_come_back_as_they_were(self, found: list[Sock]) -> None:
        assert parsed(b"".join(map(line, itertools.count(), found))) == (found, 0)

    @given(tables(width=4), st.sampled_from(["little", "big"]))
    @steady
    def test_any_ipv6_sockets_come_back_as_they_were(
        self, found: list[Sock], byteorder: ByteOrder
    ) -> None:
        text = b"".join(line(sl, sock, byteorder) for sl, sock in enumerate(found))
        assert parsed(text, 4, byteorder) == ([fold(sock) for sock in found], 0)


GOOD = Sock(uid=1000, inode=4711)
GOOD_LINE = line(7, GOOD)
TIME_WAIT_LINE = line(7, waiting()).replace(b" 0 1 ", b" 0 3 ", 1)


def replaced(column: int, text: bytes) -> bytes:
    return GOOD_LINE[:column] + text + GOOD_LINE[column + len(text) :]


class TestGarbling:
    @pytest.mark.parametrize(
        "bad",
        [
            pytest.param(b"\n", id="blank"),
            pytest.param(b" " * 149 + b"\n", id="blanks"),
            pytest.param(b"\x00" * 149 + b"\n", id="NULs"),
            pytest.param(header(1), id="the header again"),
            *(
                pytest.param(GOOD_LINE[:cut] + b"\n", id=f"cut at {cut}")
                for cut in (1, 4, 5, 6, 20, 31, 40, 60, 78, 90, 93)
            ),
            pytest.param(replaced(4, b";"), id="no colon behind sl"),
            pytest.param(replaced(5, b"x"), id="no blank behind sl's colon"),
            pytest.param(replaced(0, b"    "), id="no sl"),
            pytest.param(replaced(14, b"."), id="no colon before the local port"),
            pytest.param(replaced(19, b"_"), id="no blank before the remote address"),
            pytest.param(replaced(6, b"G"), id="no digit in the local address"),
            pytest.param(replaced(15, b"-"), id="no digit in the local port"),
            pytest.param(replaced(34, b"00"), id="state 0"),
            pytest.param(replaced(34, b"0C"), id="state 12, NEW_SYN_RECV"),
            pytest.param(replaced(34, b"0D"), id="state 13, BOUND_INACTIVE"),
            pytest.param(replaced(34, b"FF"), id="state 255"),
            pytest.param(replaced(34, b" 1"), id="state of one digit"),
            pytest.param(replaced(59, b"O"), id="no digit in the timer"),
            pytest.param(replaced(76, b" root"), id="a uid by name"),
            pytest.param(replaced(77, b"1 00"), id="a uid with a hole"),
            pytest.param(replaced(76, b"     "), id="no uid"),
            pytest.param(TIME_WAIT_LINE.replace(b" 0 0 3", b" x 0 3", 1), id="TIME-WAIT's tail"),
            pytest.param(replaced(91, b"x"), id="no inode"),
            pytest.param(replaced(93, b"x"), id="an inode with a letter"),
            pytest.param(replaced(91, b"9" * 21), id="an inode of 21 digits"),
        ],
    )
    def test_each_kind_counts_as_one_bad_line_and_harms_no_other(self, bad: bytes) -> None:
        assert bad.count(b"\n") == 1
        other = waiting(40001)
        assert parsed(bad) == ([], 1)
        assert parsed(GOOD_LINE + bad + line(8, other)) == ([GOOD, other], 1)
        assert parsed(bad + bad + GOOD_LINE) == ([GOOD], 2)

    def test_lower_case_digits_are_digits(self) -> None:
        assert parsed(replaced(6, b"0500000a")) == ([GOOD], 0)

    def test_a_line_of_tcp_is_bad_in_tcp6_and_the_reverse(self) -> None:
        six = Sock("2001:db8::5", 1, "2001:db8::9", 2)
        assert parsed(GOOD_LINE, 4) == ([], 1)
        assert parsed(line(0, six), 1) == ([], 1)

    @given(st.lists(st.sampled_from([True, False]), max_size=20), st.data())
    @steady
    def test_good_lines_survive_any_noise(self, kinds: list[bool], data: st.DataObject) -> None:
        noise = st.binary(max_size=200).map(lambda text: text.replace(b"\n", b"") + b"\n")
        good = [Sock(local_port=port, inode=port) for port in range(kinds.count(True))]
        left = iter(good)
        text = [line(0, next(left)) if kind else data.draw(noise) for kind in kinds]
        assert parsed(b"".join(text)) == (good, kinds.count(False))

    @given(st.binary(max_size=600), st.sampled_from([1, 4]))
    @steady
    def test_no_bytes_are_fatal(self, text: bytes, width: int) -> None:
        text += b"\n"
        found, bad = parse(np.frombuffer(text, np.uint8), layout_of(width, "little"))
        assert len(found) + bad == text.count(b"\n")

    @given(
        st.lists(kernel_socks(), min_size=1, max_size=4),
        st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
        st.sampled_from([1, 4]),
    )
    @steady
    def test_changed_octets_are_never_fatal(
        self, found: list[Sock], changes: list[tuple[int, int]], width: int
    ) -> None:
        text = bytearray(b"".join(map(line, itertools.count(), found)))
        for position, octet in changes:
            text[position % (len(text) - 1)] = octet
        rows, bad = parse(np.frombuffer(bytes(text), np.uint8), layout_of(width, "little"))
        assert len(rows) + bad == text.count(b"\n")


class TestFiles:
    def test_a_missing_tcp6_is_a_kernel_without_ipv6(self, tmp_path: Path) -> None:
        table = read_sockets(proc(tmp_path, header(1) + GOOD_LINE))
        assert (socks(table), table.complete) == ([GOOD], True)

    def test_a_missing_tcp6_of_a_kernel_with_ipv6_is_missing(self, tmp_path: Path) -> None:
        root = proc(tmp_path, header(1) + GOOD_LINE)
        (root / "net/sockstat6").write_text("TCP6: inuse 0\n")
        table = read_sockets(root)
        assert (socks(table), table.complete) == ([GOOD], False)

    def test_a_tcp6_that_leads_nowhere_is_no_missing_one(self, tmp_path: Path) -> None:
        root = proc(tmp_path, header(1) + GOOD_LINE)
        (root / "net/tcp6").symlink_to("nowhere")
        with pytest.raises(TableError, match="net/tcp6: No such file"):
            read_sockets(root)

    def test_a_missing_tcp_names_file_and_cure(self, tmp_path: Path) -> None:
        with pytest.raises(TableError) as caught:
            read_sockets(proc(tmp_path, tcp6=header(4)))
        assert str(caught.value).startswith(f"{tmp_path}/net/tcp: No such file or directory: ")
        assert "--proc" in str(caught.value)

    @pytest.mark.parametrize("name", ["tcp", "tcp6"])
    def test_a_file_that_may_not_be_read_names_file_and_cure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        proc(tmp_path, header(1), header(4))
        refused = tmp_path / "net" / name

        def refuse(path: str, flags: int, opened: Callable[..., int] = os.open) -> int:
            if path == str(refused):  # not chmod: root reads on
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return opened(path, flags)

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(TableError) as caught:
            read_sockets(tmp_path)
        assert str(caught.value).startswith(f"{refused}: Permission denied: ")
        assert "--source sock_diag" in str(caught.value)

    @pytest.mark.parametrize("name", ["tcp", "tcp6"])
    def test_a_directory_in_its_place(self, tmp_path: Path, name: str) -> None:
        proc(tmp_path, None if name == "tcp" else header(1))
        (tmp_path / "net" / name).mkdir()
        with pytest.raises(TableError, match=f"net/{name}: Is a directory: "):
            read_sockets(tmp_path)

    @pytest.mark.parametrize(
        ("tcp", "complete", "bad"),
        [
            pytest.param(b"", False, 0, id="empty"),
            pytest.param(header(1), True, 0, id="only the header"),
            pytest.param(header(1)[:40], False, 1, id="a part of the header"),
        ],
    )
    def test_no_sockets(self, tmp_path: Path, tcp: bytes, complete: bool, bad: int) -> None:
        table = read_sockets(proc(tmp_path, tcp))
        assert (len(table), table.complete, table.bad_lines) == (0, complete, bad)

    def test_without_the_header_something_is_missing(self, tmp_path: Path) -> None:
        table = read_sockets(proc(tmp_path, GOOD_LINE))
        assert (socks(table), table.complete) == ([GOOD], False)

    def test_an_empty_tcp6_leaves_tcp_standing(self, tmp_path: Path) -> None:
        table = read_sockets(proc(tmp_path, header(1) + GOOD_LINE, b""))
        assert (socks(table), table.complete) == ([GOOD], False)

    def test_a_whole_tcp6_does_not_make_up_for_tcp(self, tmp_path: Path) -> None:
        table = read_sockets(proc(tmp_path, GOOD_LINE, header(4)))
        assert (socks(table), table.complete) == ([GOOD], False)

    @pytest.mark.parametrize("cut", [1, 50, 91])
    def test_a_line_cut_in_its_middle_means_that_more_is_missing(
        self, tmp_path: Path, cut: int
    ) -> None:
        table = read_sockets(proc(tmp_path, header(1) + GOOD_LINE + line(8, waiting(40001))[:cut]))
        assert (socks(table), table.bad_lines, table.complete) == ([GOOD], 1, False)

    def test_a_last_line_that_lacks_its_newline_alone_is_whole(self, tmp_path: Path) -> None:
        last = line(8, waiting(40001)).rstrip(b"\n")
        table = read_sockets(proc(tmp_path, header(1) + GOOD_LINE + last))
        assert (socks(table), table.bad_lines, table.complete) == ([GOOD, waiting(40001)], 0, True)

    @pytest.mark.parametrize("piece", [1, 149, 150, 151, PAGE, 3 * PAGE + 7])
    def test_lines_may_straddle_pieces(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
    ) -> None:
        found = [Sock(local_port=port, inode=port) for port in range(200)]
        found += [Sock("2001:db8::5", port, "::1", port, inode=port) for port in range(200)]
        write_proc(tmp_path, found, first_sl=9_900)
        monkeypatch.setattr(procfs, "PIECE", piece)
        table = read_sockets(tmp_path)
        assert socks(table) == found
        assert (table.complete, table.bad_lines) == (True, 0)

    @pytest.mark.parametrize("name", ["tcp", "tcp6"])
    @pytest.mark.parametrize(
        ("last", "whole"),
        [
            (b"   1: 0500", False),
            (b"   1: 0500000A:9C40 0900000A", False),
            (GOOD_LINE[:91], False),
            (b"root@web:~#", True),
        ],
    )
    def test_a_last_row_that_was_cut_and_given_an_end_tells_that_more_is_missing(
        self, tmp_path: Path, name: str, last: bytes, whole: bool
    ) -> None:
        """An editor ends every line; what is no row was pasted along with the table."""
        root = write_proc(tmp_path, [GOOD, waiting(40001), waiting(40002)])
        with (root / "net" / name).open("ab") as file:
            file.write(last + b"\n\n")
        table = read_sockets(root)
        assert (len(table), table.complete) == (3, whole)
        assert table.bad_lines > 0

    def test_a_piece_without_any_newline_is_no_table(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(procfs, "PIECE", 100)
        table = read_sockets(proc(tmp_path, b"x" * 100_000))
        assert (len(table), table.complete, table.bad_lines) == (0, False, 1)


class FakeFile:
    """Stands in for os.readv: a seq_file that gives these reads, and then fails the test."""

    def __init__(self, reads: Iterable[bytes]) -> None:
        self.reads = iter(reads)

    def readv(self, fd: int, buffers: Sequence[memoryview]) -> int:
        text = next(self.reads, None)
        assert text is not None, "read beyond the end"
        assert len(text) <= len(buffers[0])
        buffers[0][: len(text)] = text
        return len(text)


class TestGrowingTable:
    """A read returns about a page, and the end may never come (kernel.md §2)."""

    def read(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, reads: Iterable[bytes], **options: Any
    ) -> SocketTable:
        proc(root, b"")
        monkeypatch.setattr(os, "readv", FakeFile(reads).readv)
        return read_sockets(root, **options)

    def test_the_first_short_read_is_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [Sock(local_port=port, inode=port) for port in range(60)]
        text = [line(sl, sock) for sl, sock in enumerate(found)]
        reads = [header(1) + b"".join(text[:26]), b"".join(text[26:53]), b"".join(text[53:])]
        table = self.read(tmp_path, monkeypatch, reads)
        assert (socks(table), table.complete) == (found, True)

    @pytest.mark.parametrize(("size", "ends"), [(PAGE - 256, True), (PAGE - 255, False)])
    def test_what_is_short(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, ends: bool
    ) -> None:
        long_line = line(0, GOOD)[:-1]
        first = header(1)
        first += long_line.ljust(size - len(first) - 1) + b"\n"
        table = self.read(
            tmp_path, monkeypatch, [first, *([] if ends else [line(1, waiting(40001))])]
        )
        assert len(first) == size
        assert len(table) == (1 if ends else 2)

    def test_an_end_at_a_full_page_is_an_empty_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [Sock(local_port=port, inode=port) for port in range(26)]
        reads = [header(1) + b"".join(map(line, itertools.count(), found)), b""]
        table = self.read(tmp_path, monkeypatch, reads)
        assert (socks(table), table.complete) == (found, True)

    def test_a_table_that_never_ends_is_cut_when_the_effort_is_spent(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        monkeypatch.setattr(effort, "time", clock)
        monkeypatch.setattr(procfs, "PIECE", 1)

        def pages() -> Iterable[bytes]:
            yield header(1) + b"".join(line(sl, Sock(local_port=sl)) for sl in range(26))
            for first in itertools.count(26, 27):
                clock.now += 1
                clock.cpu += 1
                yield b"".join(line(sl, Sock(local_port=sl)) for sl in range(first, first + 27))

        table = self.read(tmp_path, monkeypatch, pages(), effort=Effort(9.5))
        assert len(table) == 26 + 10 * 27
        assert not table.complete
        assert table.bad_lines == 0

    def test_a_short_table_is_read_whole_whatever_it_took(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        monkeypatch.setattr(effort, "time", clock)
        found = [Sock(local_port=port, inode=port) for port in range(60)]
        text = [line(sl, sock) for sl, sock in enumerate(found)]

        def pages() -> Iterable[bytes]:
            yield header(1) + b"".join(text[:26])
            clock.now, clock.cpu = clock.now + 1e6, clock.cpu + 1e6
            yield b"".join(text[26:53])
            yield b"".join(text[53:])

        table = self.read(tmp_path, monkeypatch, pages(), effort=Effort(0.1))
        assert (socks(table), table.complete) == (found, True)

    def test_a_socket_seen_twice_counts_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved = Sock(local_port=9, inode=9)
        reads = [header(1) + line(0, moved) + line(1, GOOD) + line(2, waiting(9))]
        table = self.read(tmp_path, monkeypatch, reads)
        assert (socks(table), table.duplicates) == ([GOOD, waiting(9)], 1)


def test_padding_is_of_tcp_alone() -> None:
    assert len(header(1)) == 150
    fixture = (FIXTURES / "6.18-proxy/proc/net/tcp6").read_bytes()
    assert fixture.startswith(header(4))
    assert padded("x", 4) == b"x\n"


class TestCopies:
    """Plain files: they are as long as they are, and end there."""

    def test_progress_is_told_to_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(procfs, "PIECE", 4 * PAGE)
        found = [Sock(local_port=port, inode=port) for port in range(1000)]
        root = write_proc(tmp_path, [*found, Sock("::1", remote="::1")])
        told: list[tuple[int, int]] = []
        table = read_sockets(root, progress=lambda done, total: told.append((done, total)))
        assert len(table) == 1001
        sizes = sum((root / "net" / name).stat().st_size for name in ("tcp", "tcp6"))
        assert {total for _, total in told} == {sizes}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[0][0] < sizes / 2
        assert [done for done, _ in told].count(sizes) == 1
        assert told[-1] == (sizes, sizes)

    def test_a_short_read_is_not_the_end_of_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a file of another machine may give it."""
        root = write_proc(tmp_path, [GOOD, waiting(40001)])
        readv = os.readv
        monkeypatch.setattr(os, "readv", lambda fd, buffers: readv(fd, [buffers[0][:100]]))
        table = read_sockets(root)
        assert (socks(table), table.complete) == ([GOOD, waiting(40001)], True)

    def test_a_listeners_limit_is_not_told(self, tmp_path: Path) -> None:
        table = read_sockets(write_proc(tmp_path, [GOOD, listener()]))
        assert table.backlog_limit.tolist() == [0, UNKNOWN_LIMIT]


class TestPasted:
    """Tables that did not come straight from a kernel as this one prints them."""

    @given(
        tables(),
        st.sampled_from(
            (
                bytes.strip,
                lambda text: b" ".join(text.split()) + b" ",
                lambda text: text.replace(b" ", b"   "),
                lambda text: text.replace(b" ", b"\t"),
                lambda text: text.rstrip(b"\n") + b" \r\n",
            )
        ),
    )
    def test_blanks_do_not_matter(
        self, found: list[Sock], pasted: Callable[[bytes], bytes]
    ) -> None:
        for width in (1, 4):
            mine = [sock for sock in found if words(sock) == width]
            text = b"".join(
                pasted(line(sl, sock)).rstrip(b"\n") + b"\n" for sl, sock in enumerate(mine)
            )
            assert parsed(text, width) == ([fold(sock) for sock in mine], 0)

    def test_a_kernel_that_pads_its_inodes(self) -> None:
        """gVisor: pkg/sentry/fsimpl/proc/task_net.go."""
        text = (
            b"   0: 0A00020A:80E8 1402000A:18EB 01 00000000:00000000 00:00000000 00000000"
            b"     7        0      301 1 0x00000000000000 0 0 0 0 0-1\n"
        )
        (found,), bad = parsed(text, byteorder="little")
        assert (found.local, found.local_port, found.remote_port) == ("10.2.0.10", 33_000, 6379)
        assert (found.uid, found.inode, bad) == (7, 301, 0)

    def test_sockets_that_only_gvisor_lists_are_no_connections(self, tmp_path: Path) -> None:
        """Bound, or not even that: the ports are nobody's to choose, and lead nowhere."""
        idle = [Sock("0.0.0.0", port, "0.0.0.0", 0, State.CLOSE) for port in (41_000, 41_000, 0)]
        idle += [Sock("::", 41_001, "::", 0, State.CLOSE)]
        closing = Sock(local_port=41_002, state=State.CLOSE)
        table = read_sockets(write_proc(tmp_path, [*idle, closing, GOOD, listener()]))
        assert socks(table) == [closing, GOOD, listener()]
        assert table.bound_ports.tolist() == [41_000, 41_001]
        assert not table.bound_known, "what else is bound this does not tell"

    @pytest.mark.parametrize(
        ("uid", "inode"),
        [(2**32, 7), (9_999_999_999, 7), (7, 2**64), (7, 99_999_999_999_999_999_999), (7, 10**20)],
    )
    def test_what_no_kernel_holds_is_a_bad_line(self, uid: int, inode: int) -> None:
        assert parsed(line(0, replace(GOOD, uid=uid, inode=inode))) == ([], 1)

    def test_the_widest_are_read(self) -> None:
        widest = replace(GOOD, uid=2**32 - 1, inode=2**64 - 1)
        assert parsed(line(0, widest)) == ([widest], 0)


class TestSeveralTables:
    """`cat /proc/net/tcp >> FILE`, twice: sockets of two moments make no sum."""

    ROWS = 40

    def moment(self, second: int) -> bytes:
        """A table in which each socket is another one than a second before."""
        found = [waiting(40_000 + self.ROWS * second + number) for number in range(self.ROWS)]
        return header(1) + b"".join(line(sl, sock) for sl, sock in enumerate(found))

    @pytest.mark.parametrize("piece", [1, 149, 150, PAGE, procfs.PIECE])
    @pytest.mark.parametrize(
        "joint",
        [
            b"",
            b"\n",
            b"root@web:~# cat /proc/net/tcp\n",
        ],
    )
    def test_they_are_refused_with_the_file_and_the_cure(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        piece: int,
        joint: bytes,
    ) -> None:
        monkeypatch.setattr(procfs, "PIECE", piece)
        root = proc(tmp_path, self.moment(0) + joint + self.moment(1))
        for read in (read_sockets, lambda root: procfs.copy_file(root, "net/tcp")):
            with pytest.raises(TableError, match=r"net/tcp: more than one table.*keep one"):
                read(root)

    def test_trimmed_ones_too(self, tmp_path: Path) -> None:
        lines = [row.strip() for row in (self.moment(0) + self.moment(1)).splitlines()]
        with pytest.raises(TableError, match="more than one table"):
            read_sockets(proc(tmp_path, b"\n".join(lines) + b"\n"))

    def test_so_is_tcp6_behind_tcp(self, tmp_path: Path) -> None:
        six = header(4) + line(0, Sock("2001:db8::5", 1, "2001:db8::9", 2))
        with pytest.raises(TableError, match="more than one table"):
            read_sockets(proc(tmp_path, self.moment(0) + six))

    def test_each_file_has_one_of_its_own(self, tmp_path: Path) -> None:
        six = header(4) + line(0, Sock("2001:db8::5", 1, "2001:db8::9", 2))
        assert len(read_sockets(proc(tmp_path, self.moment(0), six))) == self.ROWS + 1

    def test_a_header_twice_makes_no_second_table(self, tmp_path: Path) -> None:
        table = read_sockets(proc(tmp_path, header(1) + self.moment(0) + header(1)))
        assert (len(table), table.bad_lines) == (self.ROWS, 2)

    def test_nor_do_rows_of_one_number(self, tmp_path: Path) -> None:
        rows = b"".join(line(0, waiting(40_000 + number)) for number in range(self.ROWS))
        table = read_sockets(proc(tmp_path, header(1) + rows))
        assert (len(table), table.bad_lines, table.complete) == (self.ROWS, 0, True)

    def test_nor_does_another_order_of_its_rows(self, tmp_path: Path) -> None:
        head, *rows = self.moment(0).splitlines(keepends=True)
        table = read_sockets(proc(tmp_path, head + b"".join(reversed(rows))))
        assert (len(table), table.bad_lines, table.complete) == (self.ROWS, 0, True)


class TestByteOrder:
    TURNED: ByteOrder = "big" if HERE == "little" else "little"

    def copy(self, root: Path, *found: Sock) -> Path:
        net = root / "net"
        net.mkdir(parents=True)
        for name, width in (("tcp", 1), ("tcp6", 4)):
            mine = [sock for sock in found if words(sock) == width]
            lines = [line(sl, sock, self.TURNED) for sl, sock in enumerate(mine)]
            (net / name).write_bytes(header(width) + b"".join(lines))
        return root

    @pytest.mark.parametrize(
        "ip", ["127.0.0.1", "192.168.7.9", "::1", "::ffff:127.0.0.1", "fe80::"]
    )
    def test_a_copys_own_addresses_tell_it(self, tmp_path: Path, ip: str) -> None:
        found = [Sock("10.1.2.3", 40_000, "10.4.5.6"), Sock(ip, 40_000, ip, 443)]
        table = read_copy(self.copy(tmp_path, *found))
        assert table.byte_order == self.TURNED
        assert socks(table) == [fold(sock) for sock in found]

    def test_what_looks_turned_by_chance_tells_nothing(self, tmp_path: Path) -> None:
        """The wrong way round they are 127.0.0.10, and 192.168.9.10 among a server's clients."""
        root = write_proc(
            tmp_path, [Sock("10.0.0.127", 443, "10.9.168.192"), listener("10.0.0.127", 443)]
        )
        table = read_copy(root)
        assert table.byte_order is None
        assert {sock.local for sock in socks(table)} == {"10.0.0.127"}

    def test_they_count_for_more_than_what_is_said_beside_them(self, tmp_path: Path) -> None:
        """Anybody may have written that; and 127.0.0.1 the wrong way round reuses no port."""
        root = self.copy(tmp_path, Sock("127.0.0.1", 40_000, "127.0.0.1", 443))
        table = read_copy(root, said=HERE)
        assert table.byte_order == self.TURNED
        assert {sock.local for sock in socks(table)} == {"127.0.0.1"}

    def test_its_routing_table_spells_them_out(self, tmp_path: Path) -> None:
        found = Sock("10.0.0.10", 40_000, "10.4.5.6"), Sock("10.1.2.3", 40_000, "10.4.5.6")
        root = self.copy(tmp_path, *found)
        leaf = "     |-- {}\n        /32 host LOCAL\n"
        (root / "net/fib_trie").write_text(leaf.format("10.0.0.10"))
        assert read_copy(root).byte_order is None  # the same the wrong way round
        (root / "net/fib_trie").write_text(leaf.format("10.1.2.3"))
        table = read_copy(root)
        assert (table.byte_order, socks(table)) == (self.TURNED, list(found))

    def test_where_nothing_tells_it_is_what_is_said(self, tmp_path: Path) -> None:
        found = Sock("10.1.2.3", 40_000, "10.4.5.6")
        table = read_copy(self.copy(tmp_path, found), said=self.TURNED)
        assert (table.byte_order, socks(table)) == (self.TURNED, [found])

    def test_where_nothing_tells_it_is_assumed(self, tmp_path: Path) -> None:
        root = self.copy(tmp_path, Sock("10.1.2.3", 40_000, "10.4.5.6"), listener())
        table = read_copy(root)
        assert (table.byte_order, "3.2.1.10" in {sock.local for sock in socks(table)}) == (
            None,
            True,
        )
        told = read_copy(root, byte_order=self.TURNED)
        assert (told.byte_order, "10.1.2.3" in {sock.local for sock in socks(told)}) == (
            self.TURNED,
            True,
        )
