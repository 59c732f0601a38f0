"""Sockets that are bound and nothing else take ports, also where the kernel lists none of them."""

from contextlib import ExitStack

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
