import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kernel.wire import control, done, message, tables, words, write_proc
from tests.tables import Clock, Sock, fold, listener, socks, steady, waiting
from tui.kernel import effort, procfs, sock_diag
from tui.kernel.effort import Effort
from tui.kernel.sock_diag import (
    BOUND_INACTIVE,
    CONNECTED,
    NLM_F_DUMP_INTR,
    DumpInterruptedError,
    Messages,
    read_bound_ports,
    read_sockets,
    split,
)
from tui.kernel.sockets import SocketTable, State, TableError, Timer

V4, V6, BOTH = socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC
EVERY_STATE = CONNECTED | BOUND_INACTIVE
NUMBER = 0x8765_4321
"""A dump's sequence number."""
Dump = Sequence[bytes | Exception]
"""What one attempt gets: datagrams, or what recv raises."""


class Kernel:
    """Stands in for socket.socket: a kernel that answers dumps with prepared datagrams.

    There are as many dumps as it will be asked for; the last one is repeated. Where it refuses
    those of both families together, there are some of each.
    """

    def __init__(
        self, *both: Dump, v4: Sequence[Dump] = ((done(),),), v6: Sequence[Dump] = ((done(),),)
    ) -> None:
        self.dumps = {BOTH: list(both) or [(done(),)], V4: list(v4), V6: list(v6)}
        self.requests: list[tuple[int, int]] = []
        """Of each dump asked for the family and the mask of states."""
        self.open = 0
        self.datagrams: Iterator[bytes | Exception] = iter(())

    def __call__(self, family: int, kind: int, protocol: int) -> "Kernel":
        assert (family, kind & 0xF, protocol) == (socket.AF_NETLINK, socket.SOCK_RAW, 4)
        self.open += 1
        return self

    def setsockopt(self, *option: int) -> None:
        pass

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def sendto(self, request: bytes, address: tuple[int, int]) -> None:
        length, kind, flags, number = struct.unpack_from("=IHHI", request)
        assert (len(request), flags, address) == (length, 0x301, (0, 0))
        family, protocol = struct.unpack_from("=BB", request, 16)
        if kind == 18:
            assert (length, family) == (16 + 60, BOTH)
            (states,) = struct.unpack_from("=I", request, 16 + 52)
        else:
            assert (kind, length, protocol) == (20, 16 + 56, socket.IPPROTO_TCP)
            (states,) = struct.unpack_from("=I", request, 16 + 4)
        self.kind, self.number = kind, number
        self.requests.append((family, states))
        dumps = self.dumps[socket.AddressFamily(family)]
        self.datagrams = iter(dumps.pop(0) if len(dumps) > 1 else dumps[0])

    def recv_into(self, buffer: memoryview) -> int:
        datagram = next(self.datagrams)
        if isinstance(datagram, Exception):
            raise datagram
        assert len(datagram) <= len(buffer)
        buffer[: len(datagram)] = answering(datagram, self.kind, self.number)
        return len(datagram)

    def close(self) -> None:
        self.open -= 1


Serve = Callable[..., Kernel]
"""Puts a Kernel, made of these arguments, in the place of socket.socket."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    made: list[Kernel] = []

    def put(*both: Dump, **of_each: Sequence[Dump]) -> Kernel:
        made.append(Kernel(*both, **of_each))
        monkeypatch.setattr(socket, "socket", made[-1])
        return made[-1]

    yield put
    assert not any(kernel.open for kernel in made), "a held socket pins the namespace"


def lost() -> OSError:
    return OSError(errno.ENOBUFS, "No buffer space available")


def many(count: int, first: int = 0) -> list[Sock]:
    return [Sock(local_port=port, inode=port + 1) for port in range(first, first + count)]


def messages(found: Sequence[Sock], *lengths: int) -> bytes:
    """The sockets' messages, of these lengths in turn."""
    return b"".join(
        message(sock, lengths[number % len(lengths)] if lengths else 88)
        for number, sock in enumerate(found)
    )


class TestReading:
    def test_both_families_are_asked_for_all_that_proc_lists(self, serve: Serve) -> None:
        six = Sock("::1", 1, "::1", 2)
        kernel = serve([messages([six, *many(2)]), done()])
        table = read_sockets()
        assert kernel.requests == [(BOTH, EVERY_STATE)]
        assert bin(CONNECTED) == "0b" + 13 * "1"
        assert socks(table) == [six, *many(2)]
        assert table.complete

    def test_bound_sockets_are_ports_alone(self, serve: Serve) -> None:
        bound = [Sock(local_port=port, state=State.CLOSE) for port in (9000, 8000, 9000)]
        serve([messages([*many(2), *bound, *many(2, first=2)]), done()])
        table = read_sockets()
        assert socks(table) == many(4)
        assert table.bound_ports.tolist() == [8000, 9000]

    def test_where_both_at_once_are_refused_each_family_is_asked(self, serve: Serve) -> None:
        six = Sock("::1", 1, "::1", 2)
        kernel = serve(
            [control(2, -errno.EOPNOTSUPP)],
            v4=[[messages(many(2)), done()]],
            v6=[[messages([six]), done()]],
        )
        assert socks(read_sockets()) == [*many(2), six]
        assert kernel.requests == [(family, EVERY_STATE) for family in (BOTH, V4, V6)]

    def test_addresses_ports_and_figures(self, serve: Serve) -> None:
        sock = Sock(
            "10.0.0.5",
            40000,
            "10.0.0.9",
            5432,
            State.CLOSE_WAIT,
            Timer.KEEPALIVE,
            7_200_000,
            rx_queue=3,
            tx_queue=4,
            uid=4_294_967_294,
            inode=4_294_967_295,
        )
        six = Sock("2001:db8::5", 1, "fe80::1:2:3:4", 65535, State.SYN_SENT, 1, 10, 0, 1, 2, 3)
        serve([message(sock), message(six), done()])
        assert socks(read_sockets()) == [sock, six]

    def test_mapped_addresses_are_the_ipv4_ones(self, serve: Serve) -> None:
        serve([message(Sock("::ffff:10.0.0.5", 1, "::ffff:10.0.0.9", 2)), done()])
        assert socks(read_sockets()) == [Sock("10.0.0.5", 1, "10.0.0.9", 2)]

    def test_sockets_of_several_devices_have_one_tuple(self, serve: Serve) -> None:
        found = [Sock(device=3), Sock(device=4), Sock(), waiting(40_001)]
        found += [replace(found[-1], device=4), replace(Sock(device=4), inode=7)]
        serve([*map(message, found), done()])
        table = read_sockets()
        assert table.device.tolist() == [3, 0, 0, 4, 4]
        assert (table.inode.tolist(), table.duplicates) == ([0, 0, 0, 0, 7], 1)
        assert table.device_known

    def test_a_listener_has_no_send_queue(self, serve: Serve) -> None:
        """The field holds the limit of its backlog, where /proc shows 0."""
        shown = listener(backlog=3)
        serve([message(Sock(tx_queue=7)), message(replace(shown, tx_queue=4096)), done()])
        table = read_sockets()
        assert socks(table) == [Sock(tx_queue=7), shown]
        assert table.backlog_limit.tolist() == [0, 4096]

    def test_a_timer_that_is_off_has_nothing_left(self, serve: Serve) -> None:
        serve([message(Sock(timer=0, remaining_ms=4711)), done()])
        assert socks(read_sockets()) == [Sock()]

    @pytest.mark.parametrize("piece", [1, 88, 1000, 1 << 20])
    def test_a_dump_of_many_datagrams(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, piece: int
    ) -> None:
        monkeypatch.setattr(sock_diag, "PIECE", piece)
        found = many(300)
        parts = [messages(found[start : start + 7], 88, 96) for start in range(0, 300, 7)]
        serve([*parts, done()])
        table = read_sockets()
        assert sorted(socks(table), key=lambda sock: sock.local_port) == found
        assert table.complete


class TestTrouble:
    def test_a_dump_that_lost_messages_is_asked_for_again(self, serve: Serve) -> None:
        kernel = serve([messages(many(2)), lost()], [messages(many(3)), done()])
        table = read_sockets()
        assert (socks(table), table.complete) == (many(3), True)
        assert [family for family, _ in kernel.requests] == [BOTH, BOTH]

    def test_a_dump_that_always_loses_messages_is_incomplete(self, serve: Serve) -> None:
        kernel = serve([lost()])
        table = read_sockets()
        assert (len(table), table.complete) == (0, False)
        assert len(kernel.requests) == sock_diag.ATTEMPTS

    def test_an_interrupted_dump_is_asked_for_again(self, serve: Serve) -> None:
        changed = message(Sock(), flags=2 | NLM_F_DUMP_INTR)
        kernel = serve([changed, done()], [messages(many(3)), done()])
        assert socks(read_sockets()) == many(3)
        assert len(kernel.requests) == 2

    @pytest.mark.parametrize(
        ("code", "reason"),
        [(errno.EPERM, "Operation not permitted"), (errno.EINVAL, "Invalid argument")],
    )
    def test_a_refusal_names_the_source_and_the_cure(
        self, serve: Serve, code: int, reason: str
    ) -> None:
        serve([control(2, -code)], v4=[[control(2, -code)]])
        with pytest.raises(TableError, match=f"^sock_diag: {reason}: use --source proc$"):
            read_sockets()

    def test_a_kernel_without_tcp_diag_is_not_one_without_sockets(self, serve: Serve) -> None:
        """It ends the dump at once, and only the code in NLMSG_DONE tells why (netlink_dump)."""
        serve([done(-errno.ENOENT)], v4=[[done(-errno.ENOENT)]])
        with pytest.raises(TableError, match="No such file or directory"):
            read_sockets()

    def test_a_kernel_without_sock_diag(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: int) -> None:
            raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

        monkeypatch.setattr(socket, "socket", refuse)
        with pytest.raises(TableError, match="sock_diag: Protocol not supported: "):
            read_sockets()
        assert bound() is None

    def test_a_message_shorter_than_its_header(self, serve: Serve) -> None:
        short = struct.pack("=IHHII", 15, 20, 2, 1, 0)
        serve([short, done()], v4=[[short, done()]])
        with pytest.raises(TableError, match="message of 15 bytes"):
            read_sockets()

    @pytest.mark.parametrize(("piece", "found"), [(1, 4), (1 << 20, 6)])
    def test_what_had_come_is_kept_and_a_short_table_never_cut(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, piece: int, found: int
    ) -> None:
        clock = Clock()
        monkeypatch.setattr(effort, "time", clock)
        monkeypatch.setattr(sock_diag, "PIECE", piece)
        kernel = serve([*(messages(many(2, first=first)) for first in (0, 2, 4)), done()])
        received = kernel.recv_into

        def recv_into(buffer: memoryview) -> int:
            clock.now += 1
            clock.cpu += 1
            return received(buffer)

        monkeypatch.setattr(kernel, "recv_into", recv_into)
        table = read_sockets(Effort(1.5))
        assert (socks(table), table.complete) == (many(found), found == 6)

    def test_a_kernel_that_falls_silent(self, serve: Serve) -> None:
        serve([messages(many(2)), TimeoutError("timed out")])
        table = read_sockets()
        assert (socks(table), table.complete) == (many(2), False)


def bound() -> list[int] | None:
    ports = read_bound_ports()
    return None if ports is None else ports.tolist()


class TestBoundPorts:
    def test_distinct_ports_of_both_families(self, serve: Serve) -> None:
        four = [Sock(local_port=port, state=State.CLOSE) for port in (9000, 8000, 9000)]
        six = [Sock("::", port, "::", 0, State.CLOSE) for port in (9000, 7000)]
        kernel = serve([messages(four, 88, 96), messages(six), done()])
        ports = read_bound_ports()
        assert ports is not None
        assert ports.tolist() == [7000, 8000, 9000]
        assert ports.dtype == np.uint16
        assert kernel.requests == [(BOTH, BOUND_INACTIVE)]

    @pytest.mark.parametrize(
        ("release", "expected"),
        [
            ("6.7.9-200.fc39", None),
            ("4.4.0", None),
            ("noise", None),
            ("6.8.0", []),
            ("7.3-rc1", []),
        ],
    )
    def test_an_empty_list_means_none_only_where_they_are_listed(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, release: str, expected: object
    ) -> None:
        monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
        serve([done()])
        assert bound() == expected

    def test_unknown_where_refused(self, serve: Serve) -> None:
        serve([control(2, -errno.EPERM)], v4=[[control(2, -errno.EPERM)]])
        assert bound() is None


def inodes(buffer: bytes) -> list[int]:
    return list(map(int, found_in(buffer).word(sock_diag.INODE)))


def found_in(buffer: bytes) -> Messages:
    return split(answering(buffer, 20, NUMBER), 20, NUMBER)


def answering(buffer: bytes, kind: int, number: int) -> bytes:
    """The messages with the kind and the sequence number that the kernel gives an answer."""
    made = bytearray(buffer)
    position = 0
    while position + 16 <= len(made):
        length, its_kind = struct.unpack_from("=IH", made, position)
        struct.pack_into("=I", made, position + 8, number)
        if its_kind == 20:
            struct.pack_into("=H", made, position + 4, kind)
        position += max((length + 3) & ~3, 16)
    return bytes(made)


class TestSplit:
    """Each message carries its number as its inode."""

    def test_alternating_lengths(self) -> None:
        assert sorted(inodes(messages_of([88, 96] * 40))) == list(range(80))

    @pytest.mark.parametrize("run", [1, 15, 16, 17, 127, 128, 129, 2000])
    @pytest.mark.parametrize("length", [88, 89, 96])
    def test_a_run_of_one_length(self, length: int, run: int) -> None:
        """89 bytes take 92: messages begin at multiples of 4."""
        assert inodes(messages_of([length] * run)) == list(range(run))

    def test_mixed_lengths_are_found_without_going_from_one_to_the_next(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(sock_diag, "_walk")
        assert inodes(messages_of([88, 124, 96, 132] * 100 + [96])) == list(range(401))

    @pytest.mark.parametrize("field", ["uid", "inode", "remaining_ms"])
    def test_a_socket_with_the_dumps_number_in_it(self, field: str) -> None:
        odd = Sock(**{"timer": 2, "inode": 7, field: NUMBER})  # type: ignore[arg-type]
        buffer = message(odd) + message(Sock(inode=8), 96)
        assert inodes(buffer) == [odd.inode, 8]

    def test_other_kinds_are_passed_over(self) -> None:
        noop = struct.pack("=IHHII", 16, 1, 2, 1, 0)
        short = struct.pack("=IHHII", 80, 20, 2, 1, 0).ljust(80, b"\x01")
        buffer = noop + messages_of([88] * 20) + short + noop + done()
        assert inodes(buffer) == list(range(20))

    def test_nothing(self) -> None:
        assert inodes(b"") == []
        assert inodes(done()) == []

    @pytest.mark.parametrize("count", [1, 3, 40])
    @pytest.mark.parametrize("last", [True, False])
    def test_an_interruption_is_seen_wherever_it_shows(self, count: int, last: bool) -> None:
        changed = message(Sock(), flags=2 | NLM_F_DUMP_INTR)
        rest = messages_of([88] * count)
        with pytest.raises(DumpInterruptedError):
            inodes(rest + changed if last else changed + rest)
        with pytest.raises(DumpInterruptedError):
            inodes(rest + control(3, flags=2 | NLM_F_DUMP_INTR))

    def test_an_error_is_raised(self) -> None:
        with pytest.raises(PermissionError):
            inodes(control(2, -errno.EPERM))

    def test_an_error_that_is_none_of_the_kernels(self) -> None:
        with pytest.raises(OSError, match="4095"):
            inodes(control(2, -(1 << 31)))

    @pytest.mark.parametrize("length", range(16))
    def test_a_length_below_the_header_cannot_loop(self, length: int) -> None:
        with pytest.raises(OSError, match=f"message of {length} bytes"):
            inodes(struct.pack("=IHHII", length, 20, 2, 1, 0))

    @given(
        st.lists(
            st.tuples(st.integers(88, 130), st.sampled_from((1, 2, 15, 16, 17, 130))), max_size=8
        )
    )
    @steady
    def test_any_lengths_split_into_exactly_the_messages(self, runs: list[tuple[int, int]]) -> None:
        lengths = [length for length, count in runs for _ in range(count)]
        assert sorted(inodes(messages_of(lengths))) == list(range(len(lengths)))

    @given(st.lists(st.sampled_from((88, 90, 96)), min_size=1, max_size=40), st.integers(1, 10_000))
    @steady
    def test_a_cut_is_seen_unless_it_is_between_two(self, lengths: list[int], cut: int) -> None:
        buffer = messages_of(lengths)
        cut %= len(buffer)
        ends = np.cumsum([length + -length % 4 for length in lengths])
        complete = sum(end - -length % 4 <= cut for end, length in zip(ends, lengths, strict=True))
        if cut <= max(ends[:complete], default=0):  # at most padding is missing
            assert sorted(inodes(buffer[:cut])) == list(range(complete))
        else:
            with pytest.raises(DumpInterruptedError):
                inodes(buffer[:cut])

    @given(st.binary(max_size=400))
    @steady
    def test_noise_never_hangs(self, buffer: bytes) -> None:
        try:
            inodes(buffer)
        except (OSError, DumpInterruptedError):
            return


@pytest.mark.parametrize(("at", "value"), [(16, 0), (16, 99), (17, 0), (17, 12), (17, 200)])
def test_a_message_of_no_family_or_state_is_counted_and_left_out(
    serve: Serve, at: int, value: int
) -> None:
    bad = bytearray(message(Sock(local_port=1)))
    bad[at] = value
    serve([message(Sock()) + bytes(bad), done()])
    table = read_sockets()
    assert (len(table), table.bad_lines, table.local_port.tolist()) == (1, 1, [40000])


def messages_of(lengths: Sequence[int]) -> bytes:
    return b"".join(message(Sock(inode=number), length) for number, length in enumerate(lengths))


@given(tables(inode_bits=32), st.sampled_from(((88,), (96,), (88, 96), (88, 88, 96, 104))))
@settings(steady, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sources_give_the_same_table(
    serve: Serve, tmp_path: Path, found: list[Sock], lengths: tuple[int, ...]
) -> None:
    found = [sock for sock in found if sock.state != State.CLOSE]  # where they differ
    four, six = ([sock for sock in found if words(sock) == width] for width in (1, 4))
    serve([*filter(None, [messages(four + six, *lengths)]), done()])
    netlink, proc = read_sockets(), procfs.read_sockets(write_proc(tmp_path, found))
    assert socks(proc) == [fold(sock) for sock in four + six]
    assert netlink.backlog_limit.dtype == proc.backlog_limit.dtype
    for field in fields(SocketTable):
        if field.name in ("backlog_limit", "bound_known", "device_known"):  # which only the one has
            continue
        one, other = getattr(netlink, field.name), getattr(proc, field.name)
        assert np.array_equal(one, other), field.name
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None), field.name
