"""Sockets that are bound and nothing else take ports, also where the kernel lists none of them."""

import pytest

from tests.live.fates import exhausted, lists_bound
from tests.live.report import KINDS, read_report
from tests.live.test_exhaustion import HERE, LOW, PORT, serving
from tests.private import Lab
from tests.sockets import bind

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
