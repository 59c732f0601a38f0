from dataclasses import replace

import pytest

from tests.tables import FIXTURES, KERNELS, NOW, Sock, frame, later, listener, rules, waiting
from tui.analysis.frame import judge
from tui.kernel.places import place_at
from tui.kernel.sockets import State
from tui.kernel.source import Source


def test_it_holds_what_was_read() -> None:
    made = frame(Sock(), waiting(40001), listener(), counters={"tw": 1})
    assert made.table is made.reading.table
    assert (made.time, made.age, made.counters) == (NOW, 0.0, {"tw": 1})
    assert made.states.tolist() == [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_the_rules_are_the_sysctls() -> None:
    given = rules(reserved=((40000, 40004),), reuse_mode=1, reuse_delay_ms=7)
    made = frame(Sock(local_port=40005), given=given)
    assert made.rules == given
    assert (made.ports.capacity, made.patterns.capacity[0]) == (5, 5)


def test_a_bound_port_takes_one_from_each_pattern() -> None:
    made = frame(Sock())
    bound = judge(
        replace(made.reading, table=replace(made.table, bound_ports=made.table.local_port))
    )
    assert (made.patterns.capacity[0], bound.patterns.capacity[0]) == (10, 9)
    assert bound.patterns.in_use[0] == 0


def test_its_age_is_that_of_its_table() -> None:
    assert later(frame(Sock()), NOW + 4.0).age == 4.0


def test_an_empty_table_is_a_frame_too() -> None:
    made = frame()
    assert (len(made.patterns), len(made.remotes), made.time_wait.count) == (0, 0, 0)
    assert made.states.tolist() == [0] * 12
    assert made.ports.capacity == 10


@pytest.mark.parametrize("name", KERNELS)
def test_sums_close_in_every_fixture(name: str) -> None:
    made = judge(Source(place_at(FIXTURES / name / "proc"), "proc", 1.0).read())
    others = len(made.table) - int(made.states[State.LISTEN])
    assert made.states.sum() == len(made.table)
    assert made.patterns.total.sum() == made.remotes.total.sum() == others
    assert made.time_wait.count == made.states[State.TIME_WAIT]
    assert (made.patterns.in_use <= made.patterns.capacity).all()
