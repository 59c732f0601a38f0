import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import Sock, crossing, fold, listener, rows, socks, steady, table, waiting
from tui.kernel.sockets import ROW_TYPES, RawSockets, State, build, factorise, ip_text

ESTABLISHED = Sock(inode=7)


def distinct(found: list[Sock]) -> list[Sock]:
    """Each socket once, the last of its kind, in plain Python."""
    last: dict[tuple[object, ...], int] = {}
    folded = [fold(sock) for sock in found]
    for number, sock in enumerate(folded):
        identity = (sock.inode,) if sock.state == State.LISTEN else ()
        ends = (sock.local, sock.local_port, sock.remote, sock.remote_port)
        last[ends + identity] = number
    return [folded[number] for number in sorted(last.values())]


class TestDuplicates:
    def test_of_one_tuple_the_last_is_the_newest(self) -> None:
        found = table(ESTABLISHED, Sock(local_port=2), waiting())
        assert socks(found) == [Sock(local_port=2), waiting()]
        assert found.duplicates == 1

    def test_of_three_alike_one_stays(self) -> None:
        found = table(waiting(), waiting(), waiting())
        assert (socks(found), found.duplicates) == ([waiting()], 2)

    def test_one_reader_chunk_is_older_than_the_next(self) -> None:
        found = build([rows([ESTABLISHED]), rows([waiting()])])
        assert socks(found) == [waiting()]

    def test_listeners_share_a_tuple_in_earnest(self) -> None:
        found = table(listener(inode=1), listener(inode=2))
        assert (socks(found), found.duplicates) == ([listener(inode=1), listener(inode=2)], 0)

    def test_a_listener_seen_twice_is_one(self) -> None:
        pair = [listener(inode=2), listener(inode=1)]
        found = table(listener(inode=1), *pair, listener(inode=2, backlog=9))
        assert socks(found) == [listener(inode=1), listener(inode=2, backlog=9)]
        assert found.duplicates == 2

    def test_listeners_of_both_families_are_two(self) -> None:
        found = table(listener("0.0.0.0"), listener("::"))
        assert (len(found), found.duplicates) == (2, 0)

    def test_a_mapped_socket_is_the_ipv4_one(self) -> None:
        found = table(ESTABLISHED, Sock("::ffff:10.0.0.5", remote="::ffff:10.0.0.9", inode=8))
        assert (socks(found), found.duplicates) == ([Sock(inode=8)], 1)

    @pytest.mark.parametrize(
        "other",
        [
            Sock(local="10.0.0.6"),
            Sock(remote="10.0.0.8"),
            Sock(local_port=1),
            Sock(remote_port=1),
            Sock(local="10.0.0.9", remote="10.0.0.5"),
            Sock(local_port=443, remote_port=40000),
        ],
    )
    def test_every_part_of_the_tuple_counts(self, other: Sock) -> None:
        found = table(Sock(), other)
        assert (socks(found), found.duplicates) == ([Sock(), other], 0)

    @given(crossing)
    @steady
    def test_as_in_plain_python(self, found: list[Sock]) -> None:
        made = table(*found)
        assert socks(made) == distinct(found)
        assert made.duplicates == len(found) - len(made)


class TestColumns:
    def test_nothing(self) -> None:
        for found in (build([]), build([rows([])])):
            assert (len(found), len(found.address_lo), found.complete) == (0, 0, True)
            assert found.state.dtype == np.uint8
            assert found.bound_ports.dtype == np.uint16

    def test_types_do_not_depend_on_what_is_in_them(self) -> None:
        empty, full = table(), table(*[Sock()] * 2, listener("::"))
        for name in (*ROW_TYPES, "address_hi", "address_lo", "local_ip", "remote_ip"):
            if hasattr(empty, name):
                assert getattr(empty, name).dtype == getattr(full, name).dtype, name

    def test_what_the_reader_says_is_kept(self) -> None:
        found = build([], complete=False, bad_lines=3, bound_ports=np.array([9], np.uint16))
        assert (found.complete, found.bad_lines, found.bound_ports.tolist()) == (False, 3, [9])

    def test_addresses_are_kept_once(self) -> None:
        found = table(*(Sock(local_port=port) for port in range(9)), listener("::"))
        texts = [found.ip(address) for address in range(len(found.address_lo))]
        assert sorted(texts) == ["10.0.0.5", "10.0.0.9", "::"]

    @pytest.mark.parametrize("count", [65_535, 65_536, 65_537, 70_000])
    def test_more_addresses_than_16_bits_can_number(self, count: int) -> None:
        """The key of a 4-tuple has 32 bits for its pair of addresses, whatever their number."""
        local = remote = np.arange(count)
        one, other = divmod(1 << 32, count)
        if one < count:  # alike in the lower 32 bits: (0, 0) and (one, other), by number
            local, remote = np.append(local, one), np.append(remote, other)
        distinct = len(local)
        local, remote = np.append(local, local[:1000]), np.append(remote, remote[:1000])
        columns = {name: np.zeros(len(local), kind) for name, kind in ROW_TYPES.items()}
        columns["local_lo"] = local.astype(np.uint64) + np.uint64(0xFFFF_0A00_0000)
        columns["remote_lo"] = remote.astype(np.uint64) + np.uint64(0xFFFF_0A00_0000)
        columns["state"] += np.uint8(State.TIME_WAIT)
        columns["remaining_ms"] += np.arange(len(local), dtype=np.uint32)
        found = build([RawSockets(**columns)])
        assert (len(found), found.duplicates) == (distinct, 1000)
        assert len(found.address_lo) == count
        assert found.remaining_ms.tolist() == [*range(1000, distinct + 1000)]
        for near, far in ((found.local_ip, "local_lo"), (found.remote_ip, "remote_lo")):
            assert np.array_equal(found.address_lo[near], columns[far][found.remaining_ms])


@given(st.lists(st.integers(0, 2**64 - 1)))
@steady
def test_factorise_numbers_the_sorted_distinct_values(values: list[int]) -> None:
    distinct, codes = factorise(np.array(values, np.uint64))
    assert distinct.tolist() == sorted(set(values))
    assert distinct[codes].tolist() == values


class TestText:
    @pytest.mark.parametrize(
        ("hi", "lo", "text"),
        [
            (0, 0xFFFF_0A00_0005, "10.0.0.5"),
            (0, 0xFFFF_0000_0000, "0.0.0.0"),
            (0, 0xFFFF_FFFF_FFFF, "255.255.255.255"),
            (0, 0, "::"),
            (0, 1, "::1"),
            (0, 0xFFFE_0A00_0005, "::fffe:a00:5"),
            (1, 0xFFFF_0A00_0005, "::1:0:ffff:a00:5"),
            (0x2001_0DB8_0000_0000, 5, "2001:db8::5"),
        ],
    )
    def test_v4_mapped_and_v6(self, hi: int, lo: int, text: str) -> None:
        assert ip_text(hi, lo) == text

    def test_labels_are_as_ss_writes_them(self) -> None:
        assert (State.TIME_WAIT.label, State.FIN_WAIT1.label) == ("TIME-WAIT", "FIN-WAIT-1")
