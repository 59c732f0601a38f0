"""Ports by device, against __inet_check_established written as a loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import Sock, reading, steady, table, waiting
from tui.analysis.bind_first import find_bound_first
from tui.analysis.frame import Frame, judge
from tui.analysis.judgement import port_use
from tui.kernel.parameters import Parameter
from tui.kernel.sockets import State

LOW, SIZE = 40_000, 40
REUSE, NO_REUSE = 1, 0


def frame(*found: Sock, reuse: int = NO_REUSE) -> Frame:
    values = {
        "ip_local_port_range": f"{LOW} {LOW + SIZE - 1}",
        "ip_local_reserved_ports": "",
        "tcp_tw_reuse": str(reuse),
        "tcp_timestamps": "1",
    }
    parameters = tuple(
        Parameter(f"net.ipv4.{name}", value, None, "") for name, value in values.items()
    )
    return judge(replace(reading(table(*found)), parameters=parameters))


def held(device: int, ports: int, first: int = LOW) -> list[Sock]:
    return [Sock(local_port=first + number, device=device) for number in range(ports)]


def connectable(made: Frame) -> int:
    (index,) = range(len(made.patterns))
    use = port_use(made.patterns, index)
    assert use.connectable == made.patterns.connectable.item(index)
    return use.connectable


def test_devices_do_not_take_each_others_ports() -> None:
    made = frame(*held(3, 30), *held(4, 20))
    assert (len(made.table), made.table.duplicates) == (50, 0)
    assert made.states[State.ESTABLISHED] == made.patterns.total[0] == 50
    assert (connectable(made), made.patterns.in_use[0]) == (10, 30)
    assert (made.patterns.apart[0], made.patterns.beside[0]) == (20, 0)


def test_what_is_bound_to_none_takes_ports_from_all() -> None:
    made = frame(*held(3, 15), *held(4, 10), *held(0, 20, LOW + 15))
    assert (connectable(made), made.patterns.apart[0]) == (5, 10)


def test_a_port_of_both_counts_once() -> None:
    """Who is bound to no device does not see those who are."""
    made = frame(*held(3, 15), *held(0, 15))
    assert (connectable(made), made.patterns.apart[0]) == (25, 15)


@pytest.mark.parametrize("device", [0, 3])
def test_one_device_for_all_is_as_none(device: int) -> None:
    made, plain = frame(*held(device, 30)), frame(*held(0, 30))
    assert (connectable(made), made.patterns.apart[0]) == (10, 0)
    assert np.array_equal(made.patterns.holding, plain.patterns.holding)


def test_the_fullest_is_the_one_with_fewest_ports_left() -> None:
    """That may be one with fewer sockets, where tcp_tw_reuse gives back those of the other."""
    reused = [replace(waiting(LOW + number), device=3) for number in range(30)]
    made = frame(*reused, *held(4, 20), reuse=REUSE)
    assert (connectable(made), made.patterns.apart[0]) == (20, 30)
    assert made.patterns.reusable[0] == 0
    made = frame(*reused, *held(4, 20), reuse=NO_REUSE)
    assert (connectable(made), made.patterns.apart[0]) == (10, 20)


def test_ports_beside_the_range_stay_beside() -> None:
    made = frame(*held(3, 30), *held(4, 20), *held(4, 3, first=1_000))
    assert (connectable(made), made.patterns.apart[0], made.patterns.beside[0]) == (10, 20, 3)


def test_two_devices_are_no_client_that_binds_first() -> None:
    """Each destination's ports are unshared within neither device."""
    ends = "10.0.0.9", "10.0.0.10", "10.0.0.11"
    here = [replace(one, remote=ip) for ip in ends for one in held(3, 30)]
    there = [replace(one, remote=ip) for ip in ends for one in held(4, 10, LOW + 30)]
    assert not find_bound_first(frame(*here, *there))


sockets = st.lists(
    st.builds(
        Sock,
        local_port=st.integers(LOW, LOW + 9),
        remote=st.sampled_from(("10.0.0.9", "10.0.0.10")),
        device=st.integers(0, 3),
        state=st.just(State.ESTABLISHED),
    )
    | st.builds(
        lambda port, left, device: replace(waiting(port, left), device=device),
        st.integers(LOW, LOW + 9),
        st.sampled_from((59_900, 30_000, 10)),
        st.integers(0, 3),
    ),
    unique_by=lambda sock: (sock.local_port, sock.remote, sock.device),
    max_size=40,
)


@given(sockets, st.sampled_from((REUSE, NO_REUSE)))
@steady
def test_any_sockets(found: list[Sock], reuse: int) -> None:
    """No client, of whatever device, finds fewer ports than are told; and one finds no more."""
    made = frame(*found, reuse=reuse)
    patterns = made.patterns
    assert len(made.table) == patterns.total.sum() == len(found)
    assert (patterns.in_use + patterns.apart + patterns.beside == patterns.total).all()
    for index in range(len(patterns)):
        mine = [sock for sock in found if sock.remote == patterns.key(index).remote_ip]
        left = {device: free(mine, device, reuse) for device in {sock.device for sock in mine}}
        assert patterns.connectable[index] == min(left.values())


def free(found: list[Sock], device: int, reuse: int) -> int:
    """How many ports connect() finds: no socket of its device or of none may hold one for good."""
    taken = {
        sock.local_port
        for sock in found
        if sock.device in (device, 0)
        and not (reuse and sock.state == State.TIME_WAIT and sock.remaining_ms < 59_000)
    }
    return SIZE - len(taken)
