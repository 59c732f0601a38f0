import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis import naive
from tests.tables import (
    PORTS,
    Sock,
    any_rules,
    crossing,
    listener,
    rules,
    socks,
    steady,
    table,
    waiting,
    whole,
)
from tui.analysis.ports import is_loopback, port_space, reuse_applies, slower, times_slower
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import Array, SocketTable, State

DEFAULT = rules(32768, 60999)


class TestCapacity:
    def test_the_default_range(self) -> None:
        space = port_space(DEFAULT, table())
        assert (space.size, space.capacity, int(space.usable.sum())) == (28_232,) * 3
        assert (space.low, space.high, space.reserved, space.excluded) == (32768, 60999, 0, 0)

    def test_both_ends_of_the_range_belong_to_it(self) -> None:
        space = port_space(rules(40000, 40009), table())
        assert np.flatnonzero(space.usable).tolist() == list(range(40000, 40010))

    @pytest.mark.parametrize(
        ("spans", "reserved"),
        [
            (((40000, 40000),), 1),
            (((39000, 40001),), 2),
            (((40008, 50000),), 2),
            (((8080, 8081), (50000, 65535)), 0),
            (((40001, 40003), (40002, 40005)), 5),
            (((0, 65535),), 10),
        ],
    )
    def test_reserved_ports_count_where_they_are_in_the_range(
        self, spans: tuple[tuple[int, int], ...], reserved: int
    ) -> None:
        space = port_space(rules(reserved=spans), table())
        assert (space.reserved, space.capacity) == (reserved, 10 - reserved)

    @pytest.mark.parametrize(
        "found",
        [
            table(listener(port=40001)),
            table(listener("::", port=40001)),
            table(listener("10.0.0.77", port=40001)),
            table(bound_ports=[40001]),
            table(listener(port=40001, inode=1), listener("::", 40001), bound_ports=[40001]),
            table(listener(port=40001), Sock(local_port=40001), listener(port=80)),
        ],
    )
    def test_a_port_bound_anywhere_is_never_chosen(self, found: SocketTable) -> None:
        space = port_space(rules(), found)
        assert (space.excluded, space.capacity) == (1, 9)
        assert not space.usable[40001]

    def test_a_reserved_port_that_is_bound_too_is_taken_out_once(self) -> None:
        space = port_space(rules(reserved=((40001, 40001),)), table(listener(port=40001)))
        assert (space.reserved, space.excluded, space.capacity) == (1, 0, 9)

    def test_ports_outside_the_range_take_nothing_away(self) -> None:
        space = port_space(rules(), table(listener(port=80), bound_ports=[39999, 40010]))
        assert (space.excluded, space.capacity) == (0, 10)

    def test_a_socket_that_is_no_listener_takes_no_port_from_others(self) -> None:
        found = table(Sock(local_port=40001), waiting(40002), Sock(local_port=3, state=State.CLOSE))
        assert port_space(rules(), found).capacity == 10

    @given(crossing, any_rules(), st.lists(st.sampled_from(PORTS), max_size=3))
    @steady
    def test_as_in_plain_python(
        self, found: list[Sock], given: PortRules, bound: list[int]
    ) -> None:
        made = table(*found, bound_ports=bound)
        space = port_space(given, made)
        expected = naive.usable(socks(made), given, bound)
        assert set(np.flatnonzero(space.usable).tolist()) == expected
        assert space.capacity == len(expected)
        assert space.reserved == len(naive.in_range(given) & naive.reserved(given))


class TestLoopback:
    @pytest.mark.parametrize(
        ("ip", "expected"),
        [
            ("127.0.0.1", True),
            ("127.255.255.254", True),
            ("::ffff:127.9.9.9", True),
            ("::1", True),
            ("126.255.255.255", False),
            ("128.0.0.0", False),
            ("10.0.0.5", False),
            ("0.0.0.1", False),
            ("::", False),
            ("::2", False),
            ("::7f00:1", False),
            ("1::1", False),
            ("fe80::1", False),
        ],
    )
    def test_127_of_both_writings_and_one_of_ipv6(self, ip: str, expected: bool) -> None:
        halves = np.array([[whole(ip) >> 64], [whole(ip) & (1 << 64) - 1]], np.uint64)
        assert is_loopback(*halves).tolist() == [expected]


class TestReuse:
    BOTH: Array = np.array([True, False])

    @pytest.mark.parametrize(
        ("mode", "timestamps", "expected"),
        [
            (0, True, [False, False]),
            (1, True, [True, True]),
            (2, True, [True, False]),
            (1, False, [False, False]),
            (2, False, [False, False]),
        ],
    )
    def test_by_mode_and_timestamps(
        self, mode: int, timestamps: bool, expected: list[bool]
    ) -> None:
        given = rules(reuse_mode=mode, timestamps=timestamps)
        assert reuse_applies(given, self.BOTH).tolist() == expected


@pytest.mark.parametrize(
    ("ports", "measured"), [(1_000, 4.6), (2_000, 8.4), (28_232, 119), (64_512, 407)]
)
def test_connect_slows_down_with_the_range(ports: int, measured: float) -> None:
    assert measured / 1.5 < times_slower(ports) < measured * 1.5


@pytest.mark.parametrize(
    ("ports", "said"), [(100, "hardly longer"), (28_232, "about 140 times longer")]
)
def test_how_much_slower_is_said_in_words_that_fit(ports: int, said: str) -> None:
    assert slower(ports) == said
