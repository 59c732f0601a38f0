"""A frame's parts as plain data, one for one."""

from collections import Counter

import pytest
from hypothesis import given

from tests.tables import Sock, any_rules, crossing, fold, frame, listener, rules, steady, waiting
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Process
from tui.kernel.sockets import State, Timer
from tui.records import SocketRecord
from tui.report.records import (
    SOCKET_FIELDS,
    port_records,
    rows_by_pattern,
    socket_records,
    time_wait_age,
)

NGINX = Process(10, "nginx")


def record(sock: Sock) -> SocketRecord:
    made = frame(sock)
    (found,) = socket_records(made, rows_by_pattern(made), {7: NGINX})
    return found


class TestSockets:
    def test_a_quadruplet(self) -> None:
        sock = Sock(rx_queue=3, tx_queue=4, uid=33, inode=7, timer=1, remaining_ms=250)
        assert record(sock) == {
            "local_ip": "10.0.0.5",
            "local_port": 40000,
            "remote_ip": "10.0.0.9",
            "remote_port": 443,
            "state": "ESTABLISHED",
            "timer": "retransmit",
            "remaining_seconds": 0.25,
            "age_seconds": None,
            "rx_queue": 3,
            "tx_queue": 4,
            "uid": 33,
            "inode": 7,
            "process": "nginx[10]",
        }

    def test_its_keys_are_the_heads_of_every_table(self) -> None:
        assert tuple(record(Sock())) == SOCKET_FIELDS

    @pytest.mark.parametrize(
        ("timer", "name"),
        [
            (Timer.NONE, None),
            (Timer.KEEPALIVE, "keepalive"),
            (Timer.TIME_WAIT, "time-wait"),
            (Timer.PROBE, "probe"),
            (5, "probe"),
            (255, "probe"),
        ],
    )
    def test_timers_by_name(self, timer: int, name: str | None) -> None:
        found = record(Sock(timer=timer, remaining_ms=0))
        assert (found["timer"], found["remaining_seconds"]) == (name, None if not timer else 0)

    def test_a_time_wait_has_an_age_and_nobody(self) -> None:
        found = record(waiting(remaining_ms=59_000))
        assert (found["age_seconds"], found["remaining_seconds"]) == (1.0, 59.0)
        assert (found["uid"], found["inode"], found["process"]) == (0, 0, None)

    @pytest.mark.parametrize(("remaining", "age"), [(60_000, 0), (0, 60), (60_010, 0), (1, 59.999)])
    def test_an_age_is_never_negative(self, remaining: int, age: float) -> None:
        assert time_wait_age(rules(), State.TIME_WAIT, remaining) == age
        assert time_wait_age(rules(), State.FIN_WAIT2, remaining) is None


@given(crossing, any_rules())
@steady
def test_rows_by_pattern_are_all_but_the_listeners_pattern_after_pattern(
    found: list[Sock], given: PortRules
) -> None:
    made = frame(*found, given=given)
    rows = rows_by_pattern(made)
    members = made.patterns.member[rows].tolist()
    assert members == sorted(members)
    assert sorted(rows.tolist()) == [
        row for row, state in enumerate(made.table.state.tolist()) if state != State.LISTEN
    ]


@given(crossing, any_rules())
@steady
def test_every_socket_counts_for_one_port(found: list[Sock], given: PortRules) -> None:
    made = frame(*found, given=given)
    records = list(port_records(made))
    totals = [record["total"] for record in records]
    assert totals == sorted(totals, reverse=True)
    counted: Counter[str] = Counter()
    for one in records:
        assert sum(one["states"].values()) == one["total"]
        counted.update(one["states"])
    expected = Counter(
        {state.name: int(made.states[state]) for state in State if state != State.LISTEN}
    )
    assert counted == +expected
    keys = [(one["port"], one["direction"]) for one in records]
    assert len(keys) == len(set(keys))
    ends = {fold(sock).local_port for sock in found} | {sock.remote_port for sock in found}
    assert {port for port, _ in keys} <= ends


def test_no_socket_is_no_record() -> None:
    made = frame(listener())
    assert len(rows_by_pattern(made)) == 0
    assert list(port_records(made)) == []
