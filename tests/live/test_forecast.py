"""What is foretold of real loads on a small range, and when connect() really fails."""

import time
from errno import EADDRINUSE
from pathlib import Path

import pytest

from tests.private import Lab
from tests.sockets import connect, listen, tcp
from tui.lab.namespace import sysctl

pytestmark = pytest.mark.live

PORTS = 300
Told = list[tuple[float, float]]
"""Seconds since the load began, and the seconds that are left then; inf where none are told."""


def watched(
    rates: list[int], below: float | None = None, ports: int = PORTS
) -> tuple[Told, float | None]:
    """Make so many connections in each second; what was told, and when connect() failed.

    Ports are kept ``below`` so many percent as `twtop keep` does.
    """
    from tui.acting.keeping import Goal, Keeper
    from tui.analysis.frame import judge
    from tui.kernel.places import place_at
    from tui.kernel.source import Source
    from tui.watching.history import History

    sysctl("ipv4.tcp_tw_reuse", 0)
    sysctl("ipv4.ip_local_port_range", f"20000 {20000 + ports - 1}")
    place = place_at(Path("/proc"))
    source, history = Source(place, "proc", interval=1.0), History()
    keeper = Keeper(place, Goal(None, "127.0.0.1", 5001, below, 2000)) if below else None
    told: Told = []
    with listen("127.0.0.1", 5001) as server:
        began = time.monotonic()
        for second, rate in enumerate(rates):
            for number in range(rate):
                time.sleep(max(0, began + second + number / rate - time.monotonic()))
                try:
                    client = connect("127.0.0.1", 5001)
                except OSError:
                    return told, time.monotonic() - began
                with client, server.accept()[0] as accepted:
                    client.close()
                    accepted.recv(1)
            time.sleep(max(0, began + second + 1 - time.monotonic()))
            if keeper is not None:
                keeper.step()
            left = history.add(judge(source.read())).seconds_left
            told.append((time.monotonic() - began, float(left.min(initial=float("inf")))))
    return told, None


def bound_first(rate: int, reuse: int) -> tuple[Told, float | None]:
    """The same of a client that binds before it connects, to five destinations in turn."""
    from tui.kernel.places import place_at
    from tui.kernel.source import Source
    from tui.watching.watch import Watch

    sysctl("ipv4.tcp_tw_reuse", reuse)
    sysctl("ipv4.ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    source, watch = Source(place_at(Path("/proc")), "proc", interval=1.0), Watch()
    told: Told = []
    with listen("0.0.0.0", 5001) as server:
        began = time.monotonic()
        for number in range(60 * rate):
            time.sleep(max(0, began + number / rate - time.monotonic()))
            client = tcp("127.0.0.1")
            with client:
                try:
                    client.bind(("127.0.0.1", 0))
                except OSError as error:
                    if error.errno != EADDRINUSE:
                        raise
                    return told, time.monotonic() - began
                client.connect((f"127.0.0.{1 + number % 5}", 5001))
                with server.accept()[0] as accepted:
                    client.close()
                    accepted.recv(1)
            if number % rate == rate - 1:
                view = watch.take(source.read())
                left = view.seconds_left(0) if view.bound_first else None
                told.append((time.monotonic() - began, float("inf") if left is None else left))
    return told, None


@pytest.mark.parametrize("reuse", [0, 1])
def test_an_end_of_ports_that_destinations_share(lab: Lab, reuse: int) -> None:
    """Each of them alone would have ports for five times as long; tcp_tw_reuse gives none back."""
    told, failed = lab.call(bound_first, 20, reuse)
    assert failed is not None
    ends = [now + left for now, left in told if left < 60]
    assert len(ends) >= 2
    assert [end for end in ends if abs(end - failed) > 2] == []


@pytest.mark.parametrize(
    "rates", [[20] * 30, [3 * second for second in range(1, 30)]], ids=["steady", "ramp"]
)
def test_an_end_is_foretold(lab: Lab, rates: list[int]) -> None:
    told, failed = lab.call(watched, rates)
    assert failed is not None
    ends = [now + left for now, left in told if left < 60]
    assert len(ends) >= 2
    assert [end for end in ends if abs(end - failed) > 2] == []


def test_of_a_burst_none_is(lab: Lab) -> None:
    told, failed = lab.call(watched, [0, 150, 0, 0, 0, 0, 0, 0])
    assert failed is None
    assert [left for _, left in told] == [float("inf")] * len(told)


def test_of_ports_that_are_kept_below_a_level_none_is(lab: Lab) -> None:
    """They would be full after 10 s; once they have stood still for 12 s nothing says so."""
    told, failed = lab.call(watched, [100] * 26, 80.0, 1000)
    assert failed is None
    assert min(left for _, left in told[:10]) < 5
    assert {left for _, left in told[-3:]} == {float("inf")}
