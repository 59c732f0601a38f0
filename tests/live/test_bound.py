"""Sockets that are bound and nothing else take ports, also where the kernel lists none of them."""

import itertools
import os
import socket
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.live.fates import exhausted, lists_bound
from tests.live.report import KINDS, read_report
from tests.live.test_exhaustion import HERE, LOW, PORT, serving
from tests.private import Lab
from tests.sockets import bind
from tui.analysis.doubts import unseen_bound
from tui.analysis.frame import judge
from tui.kernel.places import LIVE, place_at
from tui.kernel.source import Source
from tui.lab.namespace import sysctl

pytestmark = pytest.mark.live

PORTS, BOUND = 100, 3
PROGRAM = 1000
"""The uid of one that is not root's."""


def look() -> tuple[list[tuple[bool, int]], int]:
    """What each source knows and excludes, and how many connect() calls succeed."""
    with serving(size=PORTS), bind(HERE, LOW), bind("::1", LOW + 1), bind("0.0.0.0", LOW + 2):
        reports = [read_report(kind).said for kind in KINDS]
        known = [(r["source"]["bound_ports_known"], r["ephemeral"]["excluded"]) for r in reports]
        with exhausted(HERE, PORT) as verdict:
            return known, verdict.connected


def test_bound_ports_are_counted_or_said_to_be_unknown(lab: Lab) -> None:
    known, connected = lab.call(look)
    assert connected == PORTS - BOUND
    assert known == [(True, BOUND) if lists_bound() else (False, 0)] * len(KINDS)


def pass_over(bound: int) -> tuple[int, int | None, int]:
    """What is known, among other places, of one with nothing but bound sockets."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    with ExitStack() as stack:
        for port in range(LOW, LOW + bound):
            stack.enter_context(bind(HERE, port))
        place = place_at(LIVE)
        frame = judge(Source(place, "auto", 1.0, one_shot=True, skips_empty=True).read())
        return frame.ports.capacity, unseen_bound(frame), len(frame.table)


@pytest.mark.parametrize("bound", [PORTS // 2, PORTS])
def test_a_place_is_not_passed_over_as_empty_where_every_port_may_be_bound(
    lab: Lab, bound: int
) -> None:
    capacity, unseen, sockets = lab.call(pass_over, bound)
    assert sockets == 0
    assert capacity == 0 if bound == PORTS and lists_bound() else (unseen or 0) >= bound


def among_others(bound: int) -> tuple[int, int]:
    """How many may be bound at most among a program's sockets of every fate, and those in use."""
    with ExitStack() as stack:
        for port in range(LOW, LOW + bound):
            stack.enter_context(bind(HERE, port))
        for kind in (socket.AF_INET, socket.AF_UNIX):
            stack.enter_context(socket.socket(kind, socket.SOCK_DGRAM))
        server = stack.enter_context(socket.create_server((HERE, PORT)))
        ends = []
        for _ in range(100):
            client = stack.enter_context(socket.create_connection((HERE, PORT)))
            ends.append((client, stack.enter_context(server.accept()[0])))
        for client, accepted in ends[:20]:  # TIME-WAITs
            client.close()
            assert accepted.recv(1) == b""
            accepted.close()
        for client, _ in ends[20:30]:  # orphans
            client.close()
        for _ in range(9):  # and some that nobody has accepted
            stack.enter_context(socket.create_connection((HERE, PORT)))
        for sock in (server, *itertools.chain(*ends)):
            if sock.fileno() >= 0:
                os.fchown(sock.fileno(), PROGRAM, -1)
        reading = Source(place_at(LIVE), "proc", 1.0, one_shot=True).read()
        used = reading.counters["used"]
        # Other namespaces have a part in `alloc`.
        reading = replace(reading, counters={**reading.counters, "alloc": 2 * used})
        table = replace(reading.table, bound_known=False)
        at_most = unseen_bound(judge(replace(reading, table=table)))
        assert at_most is not None
        return at_most, used - at_most
    raise AssertionError


def test_connections_are_told_from_what_is_only_bound(lab: Lab) -> None:
    """Before 6.8 nothing lists that, and a busy place would seem to have no port left."""
    at_most, in_use = lab.call(among_others, 7)
    assert at_most >= 7
    unanswered = 10  # orphans that are yet in FIN_WAIT1 may be taken for such sockets
    assert in_use >= 70 + 80 + 1 - unanswered
