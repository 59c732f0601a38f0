import resource
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulate.scene import HERE, LOW, PORT, situation, time_waits
from tests.tables import Sock, frame, listener, reading, rules, table
from tests.tables import waiting as waiting_sock
from tui.analysis.judgement import PortUse
from tui.kernel.parameters import Parameter
from tui.kernel.sockets import State, Timer
from tui.lab.workload import MOST_PENDING
from tui.simulate import target
from tui.simulate.held import (
    Held,
    held_ports,
    server_time_waits,
    total,
)
from tui.simulate.limits import SPARE_FILES, Limits, allow_files, most_pending, read_limits

TARGET = situation().target
RULES = rules(LOW, LOW + 999, reuse_mode=1)


def test_only_what_goes_to_the_target_counts() -> None:
    seen = frame(
        *time_waits(3),
        Sock(HERE, LOW + 5, HERE, PORT),
        waiting_sock(LOW + 6, 30_000, local=HERE, remote=HERE, remote_port=PORT),
        *time_waits(9, "127.0.0.2"),
        Sock(HERE, LOW, HERE, 80),
        given=RULES,
    )
    assert held_ports(seen, (HERE, "127.0.0.2", "127.0.0.3"), TARGET) == (
        Held(HERE, PortUse(1000, live=1, waiting=3, reusable=1), reuse=True),
        Held("127.0.0.2", PortUse(1000, waiting=9), reuse=True),
        Held("127.0.0.3", PortUse(1000), reuse=True),
    )


def test_a_mapped_target_is_the_same() -> None:
    mapped = replace(TARGET, ip=f"::ffff:{HERE}")
    (one,) = held_ports(frame(*time_waits(3), given=RULES), (HERE,), mapped)
    assert one.use.in_use == 3


def test_every_form_of_fin_wait2_counts_apart() -> None:
    forms = (
        Sock(HERE, LOW + 10, HERE, PORT, State.FIN_WAIT2, inode=7),
        Sock(HERE, LOW + 11, HERE, PORT, State.FIN_WAIT2, Timer.KEEPALIVE, 9_000),
        Sock(HERE, LOW + 12, HERE, PORT, State.FIN_WAIT2, Timer.TIME_WAIT, 9_000),
    )
    seen = frame(*time_waits(2), *forms, Sock(HERE, LOW + 20, HERE, PORT), given=RULES)
    for bind_first in (False, True):
        (one,) = held_ports(seen, (HERE,), TARGET, bind_first)
        assert (one.use, one.fin_wait2) == (PortUse(1000, live=4, waiting=2), 3)
        together = total([one])
        assert (together.fin_wait2, together.others, together.half_closed) == (3, 1, True)


def test_what_can_be_reused_is_not_locked() -> None:
    old = [
        waiting_sock(LOW + index, 30_000, local=HERE, remote=HERE, remote_port=PORT)
        for index in range(5)
    ]
    (one,) = held_ports(frame(*old, *time_waits(9)[5:], given=RULES), (HERE,), TARGET)
    assert one.use == PortUse(1000, waiting=4, reusable=5)


def test_bind_counts_every_destination_of_the_address() -> None:
    seen = frame(
        *time_waits(3),
        Sock(HERE, LOW, "127.0.0.9", 80),
        Sock(HERE, LOW + 10, "127.0.0.9", 80),
        *[Sock("127.0.0.2", LOW + 20 + index, HERE, PORT) for index in range(4)],
        given=RULES,
    )
    here, anywhere = held_ports(seen, (HERE, None), TARGET, bind_first=True)
    assert (here.use, here.reuse) == (PortUse(1000, live=1, waiting=3), False)
    assert anywhere.use.in_use == 8


def test_together() -> None:
    both = total(
        [
            Held(HERE, PortUse(1000, live=10, waiting=80, reusable=10), 4, 5, reuse=True),
            Held("127.0.0.2", PortUse(1000, live=280, waiting=20), 30, 200),
        ]
    )
    assert both == Held(None, PortUse(2000, live=290, waiting=100, reusable=10), 34, 205)
    assert (both.others, both.half_closed) == (51, True)
    assert total([Held(HERE, PortUse(0))]).use.utilization == 1.0


def test_the_servers_side(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = frame(
        listener("0.0.0.0", PORT, backlog=7),
        listener("0.0.0.0", 80, backlog=9),
        Sock(HERE, PORT, HERE, LOW, State.TIME_WAIT),
        Sock(HERE, PORT, HERE, LOW + 1),
    )
    assert server_time_waits(seen, TARGET) == 1
    monkeypatch.setattr(target, "read_sockets", lambda root, effort: seen.table)
    assert target.accept_queues(Path("/proc"), PORT) == [7]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, resource.RLIM_INFINITY))
    buckets = Parameter("net.ipv4.tcp_max_tw_buckets", "500", None, "")
    read = reading(table(), counters={"tw": 3, "nf_conntrack_count": 4, "nf_conntrack_max": 10})
    found = read_limits(replace(read, parameters=(buckets,)))
    assert replace(found, files_open=0) == Limits(1024, 1 << 30, 0, 500, 3, 4, 10)
    assert found.files_open > 2
    assert read_limits(read).buckets is None


@pytest.mark.parametrize(
    ("held", "soft", "raised"), [(0, 1024, 1088), (0, 4096, None), (50_000, 1024, 20_000)]
)
def test_descriptors_are_raised_as_far_as_needed(
    monkeypatch: pytest.MonkeyPatch, held: int, soft: int, raised: int | None
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, 20_000))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: seen.append(limits))
    allow_files(held, 1)
    assert seen == ([] if raised is None else [(raised, 20_000)])


@pytest.mark.parametrize(
    ("files", "clients", "pending"),
    [(20, 1, 1), (SPARE_FILES + 110, 1, 100), (1024, 1000, 1), (20_000, 4, MOST_PENDING)],
)
def test_half_closed_connections_leave_descriptors(files: int, clients: int, pending: int) -> None:
    assert most_pending(Limits(files, files, files_open=10), clients) == pending
