"""What is foretold of real loads on a small range, and when connect() really fails."""

import time
from collections.abc import Callable
from errno import EADDRINUSE
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.private import at_once
from tests.sockets import connect, listen, tcp
from tui.lab.namespace import sysctl

pytestmark = pytest.mark.live

PORTS = 300
INFINITE = float("inf")


class Outcome(NamedTuple):
    """What was told of a load, and how it ended."""

    told: list[tuple[float, float]]
    """Seconds since the load began, and the seconds that are left then; inf where none are told."""
    failed: float | None
    """The second in which a connection failed."""


def watched(rates: list[int], below: float | None = None, ports: int = PORTS) -> Outcome:
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
    told: list[tuple[float, float]] = []
    with listen("127.0.0.1", 5001) as server:
        began = time.monotonic()
        for second, rate in enumerate(rates):
            for number in range(rate):
                time.sleep(max(0, began + second + number / rate - time.monotonic()))
                try:
                    client = connect("127.0.0.1", 5001)
                except OSError:
                    return Outcome(told, time.monotonic() - began)
                with client, server.accept()[0] as accepted:
                    client.close()
                    accepted.recv(1)
            time.sleep(max(0, began + second + 1 - time.monotonic()))
            if keeper is not None:
                keeper.step()
            left = history.add(judge(source.read())).seconds_left
            told.append((time.monotonic() - began, float(left.min(initial=INFINITE))))
    return Outcome(told, None)


def bound_first(rate: int, reuse: int) -> Outcome:
    """The same of a client that binds before it connects, to five destinations in turn."""
    from tui.kernel.places import place_at
    from tui.kernel.source import Source
    from tui.watching.watch import Watch

    sysctl("ipv4.tcp_tw_reuse", reuse)
    sysctl("ipv4.ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    source, watch = Source(place_at(Path("/proc")), "proc", interval=1.0), Watch()
    told: list[tuple[float, float]] = []
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
                    return Outcome(told, time.monotonic() - began)
                client.connect((f"127.0.0.{1 + number % 5}", 5001))
                with server.accept()[0] as accepted:
                    client.close()
                    accepted.recv(1)
            if number % rate == rate - 1:
                view = watch.take(source.read())
                left = view.seconds_left(0) if view.bound_first else None
                told.append((time.monotonic() - began, INFINITE if left is None else left))
    return Outcome(told, None)


ENDING: dict[str, Callable[[], Outcome]] = {
    "steady": partial(watched, [20] * 30),
    "ramp": partial(watched, [3 * second for second in range(1, 30)]),
    # Each of the destinations alone would have ports for five times as long.
    "bound first": partial(bound_first, 20, 0),
    "bound first, and tcp_tw_reuse gives none back": partial(bound_first, 20, 1),
}
"""Loads that run out of ports."""
BURST = partial(watched, [0, 150, 0, 0, 0, 0, 0, 0])
KEPT = partial(watched, [100] * 26, 80.0, 1000)
"""Ports that would be full after 10 s, and are kept below a level."""


@pytest.mark.usefixtures("lab")
def test_an_end_is_foretold_where_there_is_one_and_nowhere_else() -> None:
    """All loads at once: each waits nearly all of its time."""
    *ending, burst, kept = at_once(*ENDING.values(), BURST, KEPT)
    for load, (told, failed) in zip(ENDING, ending, strict=True):
        assert failed is not None, load
        ends = [now + left for now, left in told if left < 60]
        assert len(ends) >= 2, load
        assert [end for end in ends if abs(end - failed) > 2] == [], load
    assert burst.failed is None
    assert [left for _, left in burst.told] == [INFINITE] * len(burst.told)
    # Once they have stood still for 12 s nothing says that they will be full.
    assert kept.failed is None
    assert min(left for _, left in kept.told[:10]) < 5
    assert {left for _, left in kept.told[-3:]} == {INFINITE}
