"""When tcp_tw_reuse gives a port back: after tcp_tw_reuse_delay, or at the next full second.

A kernel without that sysctl (before 6.14) compares whole seconds of its monotonic clock, so there
what was closed at .65 of a second may be had 0.35 s later, and what was at .0 after a second.
"""

import time
from typing import NamedTuple

import pytest

from tests.live.fates import TICK_SECONDS, Fate
from tests.live.test_exhaustion import HERE, Told, ask, exactly, promise, serving
from tests.private import Lab, has_sysctl

pytestmark = pytest.mark.live

PORTS = 40
TRIES = 20


class Moment(NamedTuple):
    """When the ports are closed and asked about, in seconds from the start of one."""

    closed: float
    asked: float
    until: float
    """When closing and asking must have ended for what is expected to hold."""


BEFORE = Moment(0.05, 0.05, 1)
AFTER = Moment(0.65, 1 + TICK_SECONDS, 1.65)
LATER = Moment(0.65, 2 + TICK_SECONDS, 60)


class TooSlow(Exception):  # noqa: N818 - the machine's doing
    """What was to be done within a second took longer."""


def told_at(moment: Moment) -> Told:
    """Close all ports of the range, and ask what is left of them then."""
    with serving(size=PORTS, tcp_tw_reuse=1) as server:
        promise(HERE)  # what is imported for the first time takes its time
        pairs = [server.connect(HERE) for _ in range(PORTS)]
        second = int(time.monotonic()) + 1
        _sleep_until(second + moment.closed)
        for pair in pairs:
            Fate.CLIENT_CLOSED.come_about(pair)
        if time.monotonic() > second + min(1, moment.until):
            raise TooSlow("closing")
        _sleep_until(second + moment.asked)
        try:
            return ask(HERE)
        finally:  # sources that were asked in two seconds differ
            if time.monotonic() > second + moment.until:
                raise TooSlow("asking")


def _sleep_until(when: float) -> None:
    time.sleep(max(0, when - time.monotonic()))


@pytest.mark.parametrize(
    ("moment", "whole_seconds", "delayed"),
    [(BEFORE, 0, 0), (AFTER, PORTS, 0), (LATER, PORTS, PORTS)],
    ids=["before", "after", "later"],
)
def test_ports_come_back_when_the_report_says(
    lab: Lab, moment: Moment, whole_seconds: int, delayed: int
) -> None:
    left = delayed if lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay") else whole_seconds
    for _ in range(TRIES):
        try:
            told = lab.call(told_at, moment)
        except TooSlow as slow:
            reason = slow
            continue
        assert told == exactly(left)
        return
    pytest.skip(f"this machine was too slow {TRIES} times: {reason}")
