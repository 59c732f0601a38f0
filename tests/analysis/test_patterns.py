from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis import naive
from tests.tables import (
    FIXTURES,
    PORTS,
    Sock,
    any_rules,
    crossing,
    frame,
    listener,
    rules,
    socks,
    steady,
    table,
    waiting,
)
from tui.analysis.judgement import port_use
from tui.analysis.patterns import (
    NO_PORT,
    Direction,
    PatternKey,
    Patterns,
    endpoint,
    find_patterns,
)
from tui.analysis.ports import port_space
from tui.kernel.parameters import read_parameters
from tui.kernel.port_rules import PortRules, port_rules
from tui.kernel.procfs import read_sockets
from tui.kernel.sockets import SocketTable, State, Timer
from tui.watching.watch import Watch


def find(found: SocketTable, given: PortRules | None = None) -> Patterns:
    given = given or rules()
    return find_patterns(found, port_space(given, found), given)


def only(*found: Sock, given: PortRules | None = None) -> Patterns:
    patterns = find(table(*found), given)
    assert len(patterns) == 1
    return patterns


def naive_key(patterns: Patterns, index: int) -> naive.Key:
    key = patterns.key(index)
    near, far = key.local_port, key.remote_port
    return (
        key.direction.name.lower(),
        key.local_ip,
        None if near == NO_PORT else near,
        key.remote_ip,
        None if far == NO_PORT else far,
    )


class TestDirection:
    def test_an_ephemeral_port_goes_out(self) -> None:
        assert str(only(Sock()).key(0)) == "10.0.0.5 → 10.0.0.9:443"

    def test_a_port_that_is_listened_on_comes_in(self) -> None:
        patterns = only(listener("10.0.0.5", 443), Sock(local_port=443, remote_port=51000))
        assert str(patterns.key(0)) == "10.0.0.5:443 ← 10.0.0.9"

    def test_neither(self) -> None:
        assert str(only(Sock(local_port=39999)).key(0)) == "10.0.0.5 – 10.0.0.9"

    @pytest.mark.parametrize("anywhere", ["0.0.0.0", "::", "10.0.0.5", "::ffff:10.0.0.5"])
    def test_a_listener_in_the_range_turns_its_port_around(self, anywhere: str) -> None:
        patterns = only(listener(anywhere, 40001), Sock(local_port=40001))
        assert Direction(int(patterns.direction[0])) == Direction.INCOMING

    def test_a_listener_of_one_address_does_so_for_that_one_alone(self) -> None:
        patterns = only(listener("10.0.0.6", 40001), Sock(local_port=40001))
        assert Direction(int(patterns.direction[0])) == Direction.OUTGOING

    @pytest.mark.parametrize("anywhere", ["0.0.0.0", "::"])
    @pytest.mark.parametrize("ip", ["10.0.0.5", "2001:db8::5"])
    def test_a_wildcard_does_so_for_all(self, anywhere: str, ip: str) -> None:
        patterns = only(listener(anywhere, 443), Sock(ip, 443, ip, 51000))
        assert Direction(int(patterns.direction[0])) == Direction.INCOMING


class TestGroups:
    def test_outgoing_ones_by_remote_port(self) -> None:
        patterns = find(table(Sock(), Sock(local_port=40001), Sock(remote_port=80)))
        assert Counter(patterns.total.tolist()) == {2: 1, 1: 1}

    def test_incoming_ones_by_local_port_and_remote_ip(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in (40001, 40002)]
        other = Sock(local_port=80, remote="10.0.0.8")
        patterns = find(table(listener(), *clients, other))
        assert Counter(patterns.total.tolist()) == {2: 1, 1: 1}

    def test_others_by_their_addresses_alone(self) -> None:
        patterns = only(Sock(local_port=1, remote_port=2), Sock(local_port=3, remote_port=4))
        assert patterns.total.tolist() == [2]
        assert (patterns.local_port[0], patterns.remote_port[0]) == (NO_PORT, NO_PORT)

    def test_mapped_and_plain_ones_together(self) -> None:
        patterns = only(Sock(), Sock("::ffff:10.0.0.5", 40001, "::ffff:10.0.0.9"))
        assert (patterns.total.tolist(), patterns.in_use.tolist()) == ([2], [2])

    def test_families_apart(self) -> None:
        assert len(find(table(Sock(), Sock("2001:db8::5", remote="2001:db8::9")))) == 2

    def test_the_listeners_are_in_none(self) -> None:
        patterns = find(table(listener(), listener("::", 443)))
        assert len(patterns) == 0
        assert patterns.member.tolist() == [-1, -1]

    def test_the_fullest_stand_first_and_then_the_largest(self) -> None:
        other = [Sock(local_port=port, remote="10.0.0.7") for port in range(1, 5)]
        full = [Sock(local_port=port, remote="10.0.0.8") for port in range(40000, 40003)]
        keys = find(table(*other, Sock(), *full))
        assert [keys.key(index).remote_ip for index in range(3)] == [
            "10.0.0.8",
            "10.0.0.9",
            "10.0.0.7",
        ]
        assert keys.in_use.tolist() == [3, 1, 0]

    @pytest.mark.parametrize("sizes", [(1, 3), (3, 1)])
    def test_of_two_equally_full_the_larger_stands_first(self, sizes: tuple[int, int]) -> None:
        found = [
            Sock(local_port=port, remote=remote)
            for remote, size in zip(("10.0.0.7", "10.0.0.8"), sizes, strict=True)
            for port in range(1, 1 + size)
        ]
        patterns = find(table(*found))
        assert (patterns.in_use.tolist(), patterns.total.tolist()) == ([0, 0], [3, 1])


class TestUse:
    @pytest.mark.parametrize("state", [state for state in State if state != State.LISTEN])
    def test_every_state_holds_its_port(self, state: State) -> None:
        patterns = only(Sock(state=state))
        assert (patterns.in_use[0], patterns.free[0], patterns.capacity[0]) == (1, 9, 10)
        assert patterns.states[0].tolist() == [int(slot == state) for slot in range(12)]

    def test_ports_that_connect_cannot_choose_are_not_in_use(self) -> None:
        given = rules(reserved=((40000, 40000),))
        held = [Sock(local_port=port) for port in (40000, 40001, 40002)]
        patterns = only(listener("10.0.0.6", 40001), *held, given=given)
        assert (patterns.in_use[0], patterns.capacity[0]) == (1, 8)

    def test_a_full_pattern_is_exhausted(self) -> None:
        patterns = only(*(waiting(port) for port in range(40000, 40010)))
        assert (patterns.connectable[0], patterns.utilization[0]) == (0, 1.0)

    def test_no_capacity_at_all_is_full(self) -> None:
        given = rules(reserved=((40000, 40009),))
        patterns = only(Sock(), given=given)
        assert (patterns.capacity[0], patterns.in_use[0], patterns.utilization[0]) == (0, 0, 1.0)

    def test_incoming_ones_count_the_peers_ports(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in (39999, 40000, 40009)]
        given = rules(reserved=((40000, 40004),))
        patterns = only(listener(), *clients, given=given)
        assert (patterns.in_use[0], patterns.capacity[0]) == (2, 10), "our reserved ones are ours"

    def test_live_is_all_but_time_wait(self) -> None:
        mini = Sock(
            local_port=40002, state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=9000
        )
        patterns = only(Sock(), waiting(40001), mini)
        assert (patterns.total[0], patterns.live[0], patterns.time_wait[0]) == (3, 2, 1)


class TestReusable:
    def reusable(self, sock: Sock, **given: int | bool) -> int:
        patterns = only(sock, given=rules(**given))  # type: ignore[arg-type]
        assert patterns.connectable[0] == 9 + patterns.reusable[0]
        return int(patterns.reusable[0])

    @pytest.mark.parametrize(
        ("remaining_ms", "expected"), [(60_000, 0), (59_000, 0), (58_999, 1), (0, 1)]
    )
    def test_from_its_delay_on(self, remaining_ms: int, expected: int) -> None:
        assert self.reusable(waiting(remaining_ms=remaining_ms), reuse_mode=1) == expected

    def test_the_delay_is_the_sysctls(self) -> None:
        young = waiting(remaining_ms=59_990)
        assert self.reusable(young, reuse_mode=1, reuse_delay_ms=9) == 1
        assert self.reusable(young, reuse_mode=1, reuse_delay_ms=10) == 0

    def test_not_when_off_and_not_without_timestamps(self) -> None:
        assert self.reusable(waiting(), reuse_mode=0) == 0
        assert self.reusable(waiting(), reuse_mode=1, timestamps=False) == 0

    @pytest.mark.parametrize(
        ("local", "remote", "expected"),
        [
            ("127.0.0.1", "127.0.0.1", 1),
            ("127.0.0.1", "10.0.0.5", 1),
            ("10.0.0.5", "127.0.0.1", 1),
            ("::ffff:127.0.0.1", "::ffff:10.0.0.5", 1),
            ("::1", "::1", 1),
            ("10.0.0.5", "10.0.0.5", 0),
            ("2001:db8::5", "2001:db8::9", 0),
        ],
    )
    def test_by_default_on_loopback_alone(self, local: str, remote: str, expected: int) -> None:
        assert self.reusable(waiting(local=local, remote=remote), reuse_mode=2) == expected

    def test_a_fin_wait2_mini_socket_never_is(self) -> None:
        mini = Sock(state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=100)
        assert self.reusable(mini, reuse_mode=1) == 0

    def test_it_is_connects_affair_so_incoming_ones_never_are(self) -> None:
        given = rules(reuse_mode=1)
        patterns = only(listener(), waiting(80, remote_port=40001), given=given)
        assert (patterns.reusable[0], bool(patterns.reuse[0])) == (0, False)

    def test_a_port_that_connect_cannot_choose_is_not(self) -> None:
        given = rules(reuse_mode=1, reserved=((40000, 40000),))
        patterns = only(waiting(), given=given)
        assert (patterns.reusable[0], patterns.connectable[0]) == (0, 9)


class TestIdentity:
    def test_it_is_the_same_in_another_frame(self) -> None:
        key = only(Sock()).key(0)
        later = find(table(listener("::"), Sock("2001:db8::5"), Sock(local_port=40007)))
        index = later.find(key)
        assert index is not None
        assert later.key(index) == key

    def test_what_is_not_there_is_not_found(self) -> None:
        patterns = only(Sock())
        key = patterns.key(0)
        assert patterns.find(key._replace(remote_port=80)) is None
        assert patterns.find(key._replace(direction=Direction.OTHER)) is None
        assert patterns.find(key._replace(local_lo=1)) is None

    @pytest.mark.parametrize(
        ("ip", "port", "text"),
        [
            ("10.0.0.9", 443, "10.0.0.9:443"),
            ("10.0.0.9", NO_PORT, "10.0.0.9"),
            ("2001:db8::9", 443, "[2001:db8::9]:443"),
            ("2001:db8::9", NO_PORT, "2001:db8::9"),
        ],
    )
    def test_endpoints_as_text(self, ip: str, port: int, text: str) -> None:
        assert endpoint(ip, port) == text

    def test_keys_are_plain_numbers(self) -> None:
        """So that they compare and hash alike whatever frame they are from."""
        key = only(Sock()).key(0)
        assert isinstance(key, PatternKey)
        assert {type(value) for value in key} == {Direction, int}


@given(crossing, any_rules(), st.lists(st.sampled_from(PORTS), max_size=2))
@steady
def test_as_in_plain_python(found: list[Sock], given: PortRules, bound: list[int]) -> None:
    made = table(*found, bound_ports=bound)
    patterns = find(made, given)
    kept = socks(made)
    expected = naive.patterns(kept, given, bound)
    assert {naive_key(patterns, index) for index in range(len(patterns))} == expected.keys()
    assert len(patterns) == len(expected)
    for index in range(len(patterns)):
        pattern = expected[naive_key(patterns, index)]
        assert Counter({State(s): n for s, n in enumerate(patterns.states[index]) if n}) == (
            pattern.states
        )
        assert patterns.in_use[index] == len(pattern.ports)
        assert patterns.capacity[index] == pattern.capacity
        assert patterns.reusable[index] == len(pattern.ripe)
        assert bool(patterns.reuse[index]) == pattern.reuse
        locked = len(pattern.ports - pattern.ripe)
        assert patterns.locked[index] == locked
        hold = given.reuse_delay_ms / 1000 if pattern.reuse else 60
        assert patterns.hold[index] == hold
        assert patterns.connectable[index] == pattern.capacity - len(pattern.ports) + len(
            pattern.ripe
        )
        assert patterns.find(patterns.key(index)) == index
    keys = [patterns.key(index) for index in range(len(patterns))]
    assert patterns.keys_of(slice(2)) == keys[:2]
    assert patterns.keys_of(np.arange(len(keys))[::-1]) == keys[::-1]

    assert patterns.in_use.tolist() == sorted(patterns.in_use.tolist(), reverse=True)
    # Each row belongs to the pattern that its member says, and only the listeners to none.
    assert len(patterns.member) == len(kept)
    assert (patterns.member < 0).tolist() == [sock.state == State.LISTEN for sock in kept]
    members = Counter(patterns.member[patterns.member >= 0].tolist())
    assert [members[index] for index in range(len(patterns))] == patterns.total.tolist()
    for sock, member in zip(kept, patterns.member.tolist(), strict=True):
        if member >= 0:
            assert patterns.key(member).local_ip == sock.local
            assert patterns.key(member).remote_ip == sock.remote


@given(crossing, any_rules())
@steady
def test_sums_close(found: list[Sock], given: PortRules) -> None:
    """Every socket is in one state, and every one but the listeners in one pattern."""
    made = frame(*found, given=given)
    listening = int(made.states[State.LISTEN])
    assert made.states.sum() == len(made.table)
    assert made.patterns.total.sum() == len(made.table) - listening
    assert np.array_equal(
        made.patterns.states.sum(axis=0) + np.eye(12, dtype=int)[State.LISTEN] * listening,
        made.states,
    )
    assert (made.patterns.live + made.patterns.time_wait == made.patterns.total).all()
    assert (made.patterns.free + made.patterns.in_use == made.patterns.capacity).all()
    assert (made.patterns.free >= 0).all()
    assert ((made.patterns.utilization >= 0) & (made.patterns.utilization <= 1)).all()


class TestFixtures:
    def patterns(self, name: str) -> tuple[Patterns, dict[str, int]]:
        root = FIXTURES / name / "proc"
        found = read_sockets(root)
        given = port_rules(read_parameters(root))
        patterns = find_patterns(found, port_space(given, found), given)
        return patterns, {str(patterns.key(i)): i for i in range(len(patterns))}

    def test_the_proxys_destinations(self) -> None:
        patterns, index = self.patterns("6.18-proxy")
        expected = {
            "10.0.0.5 → 10.0.0.9:5432": (12_210, 40),
            "10.0.0.5 → 10.0.0.10:6379": (4_950, 16),
            "10.0.0.5 → 10.0.0.11:443": (2_400, 8),
            "10.0.0.5 → 10.0.0.12:8080": (550, 0),
        }
        outgoing = [
            str(patterns.key(i)) for i in range(len(patterns)) if patterns.direction[i] == 0
        ]
        assert outgoing == list(expected)
        for name, (time_wait, live) in expected.items():
            assert (patterns.time_wait[index[name]], patterns.live[index[name]]) == (
                time_wait,
                live,
            )

    def test_one_destination_by_plain_and_by_mapped_sockets(self) -> None:
        patterns, index = self.patterns("6.18-ipv6-and-mapped")
        row = index["10.0.0.5 → 10.0.0.9:5432"]
        assert (patterns.time_wait[row], patterns.in_use[row]) == (270, 280)
        assert "2001:db8::5 → [2001:db8::9]:443" in index


class TestPortsOfAnothersChoice:
    """A client's own list of source ports, and ports that were reserved after they were taken."""

    def test_several_local_ports_to_one_remote_port_are_outgoing(self) -> None:
        own = [Sock(local_port=10_000 + number, remote_port=1883) for number in range(3)]
        alone = Sock(local_port=10_000, remote="10.0.0.8", remote_port=1883)
        found = frame(*own, alone, given=rules(40_000, 40_499)).patterns
        assert found.direction.tolist() == [Direction.OUTGOING, Direction.OTHER]
        assert (found.beside.tolist(), found.in_use.tolist()) == ([3, 0], [0, 0])
        assert found.remote_port.tolist() == [1883, NO_PORT]

    def test_what_a_service_accepted_before_it_ended_is_not(self) -> None:
        accepted = [Sock(local_port=8080, remote_port=50_000 + number) for number in range(3)]
        found = frame(*accepted, given=rules(40_000, 40_499)).patterns
        assert found.direction.tolist() == [Direction.OTHER]

    def test_reserved_afterwards_they_take_nothing_of_what_is_left(self) -> None:
        """500 ports, 400 of them reserved, 80 TIME-WAITs on the rest: 20 are free."""
        waits = [waiting(40_000 + number) for number in range(480)]
        given_ = rules(40_000, 40_499, reserved=((40_000, 40_399),))
        seen = frame(*waits, given=given_)
        found = seen.patterns
        use = port_use(found, 0)
        assert (use.capacity, use.waiting, use.live, use.free) == (100, 80, 0, 20)
        assert (found.beside.item(0), found.connectable.item(0)) == (400, 20)
        assert seen.time_wait.held_by_pattern.sum() == 80
        assert Watch().take(seen.reading).trends.seconds_left[0] > 0
