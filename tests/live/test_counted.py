"""What the dashboard is shown of refusals, and whether its verdict and the kernel's agree."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from typing import NamedTuple

import pytest

from tests.live.loads import run_loads
from tests.live.refused import LOW, PORT, PORTS, full, refused
from tests.live.watched import Watched, finding, tallies, told
from tests.private import Lab, add_addresses, has_sysctl
from tests.sockets import bind, listen, tcp
from tui.analysis.patterns import NO_PORT, Direction, PatternKey
from tui.analysis.refused import Agreed, Compared, Tally, unseen
from tui.findings.finding import Finding
from tui.kernel.refusals import CountingError, Refusals
from tui.kernel.sockets import ip_halves
from tui.lab.namespace import peer, sysctl
from tui.lab.process import Child
from tui.watching.view import View

pytestmark = pytest.mark.live

HERE, OWN = "127.0.0.1", "10.9.8.7"
ROUNDS = 5
IP_LOCAL_PORT_RANGE = 51
INTERVALS = 72
SCENARIOS = pytest.mark.scenarios


@pytest.fixture(scope="module", autouse=True)
def _permitted() -> None:
    try:
        Refusals().close()
    except CountingError as error:
        pytest.skip(str(error))


class Seen(NamedTuple):
    """What the last view tells of one tuple."""

    tally: Tally
    agreed: Agreed
    rate: float
    codes: set[str]
    finding: Finding | None
    """About refusals that do not fit the table, or connections that do not."""
    unseen: list[PatternKey]


def key(ip: str = HERE, port: int = PORT, local: str | None = None) -> PatternKey:
    return PatternKey(Direction.OUTGOING, *ip_halves(local or ip), NO_PORT, *ip_halves(ip), port)


def seen(view: View, of: PatternKey) -> Seen:
    tally, agreed = told(view, of)
    odd = finding(view, "refused-with-ports-free") or finding(view, "exhausted-yet-served")
    codes = {case.finding.code for case in view.cases.present}
    rate, without = tallies(view).rate(tally), list(unseen(tallies(view), view.frame))
    return Seen(tally, agreed, rate, codes, odd, without)


def rounds(act: Callable[[], object], of: PatternKey) -> Seen:
    """Look before, and after each of some rounds."""
    with Watched() as watched:
        view = watched.look()
        for _ in range(ROUNDS):
            act()
            view = watched.look()
        return seen(view, of)


def full_pattern() -> Seen:
    with full(HERE):
        return rounds(lambda: refused(HERE, 7), key())


def test_a_full_pattern_is_refused_and_both_agree(lab: Lab) -> None:
    found = lab.call(full_pattern)
    assert found.tally.total == ROUNDS * 7
    assert sum(found.tally.by.values()) == ROUNDS * 7
    assert found.rate > 0
    assert found.agreed.seconds > 0
    assert found.agreed.at_odds == 0
    assert "ports-exhausted" in found.codes
    assert (found.finding, found.unseen) == (None, [])


def others_bound() -> Seen:
    """Every port of the range is bound and not connected."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    with ExitStack() as held:
        for port in range(LOW, LOW + PORTS):
            held.enter_context(bind("127.0.0.2", port))
        held.enter_context(listen(HERE, PORT))
        return rounds(lambda: refused(HERE, 3), key())


def test_ports_bound_by_others_leave_none_to_a_pattern_without_a_socket(lab: Lab) -> None:
    """It has no row of its own but for what the kernel refused, and twtop agrees."""
    found = lab.call(others_bound)
    assert found.tally.total == ROUNDS * 3
    assert found.unseen == [key()]
    assert found.agreed.seconds > 0
    assert (found.agreed.at_odds, found.finding) == (0, None)


def others_bound_first() -> Seen:
    """Every port of the range was bound before it was connected somewhere else."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    with ExitStack() as held:
        held.enter_context(listen(HERE, PORT + 1))
        held.enter_context(listen(HERE, PORT))
        for _ in range(PORTS):
            first = held.enter_context(tcp(HERE))
            first.bind((HERE, 0))
            first.connect((HERE, PORT + 1))
        return rounds(lambda: refused(HERE, 3), key())


def test_ports_bound_first_are_told_as_what_it_can_be(lab: Lab) -> None:
    """Nothing outside tells them from others, so the table calls the ports free."""
    found = lab.call(others_bound_first)
    assert found.unseen == [key()]
    assert found.agreed.seconds == 0
    assert found.agreed.at_odds > 0
    assert found.finding is not None
    assert found.finding.evidence["in_use_elsewhere"] == PORTS
    assert "bind" in found.finding.remedies[0].what


def own_range() -> Seen:
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    half = LOW | (LOW + PORTS // 2 - 1) << 16
    with ExitStack() as held:
        held.enter_context(listen(HERE, PORT))

        def client() -> int:
            made = held.enter_context(tcp(HERE))
            made.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", half))
            return made.connect_ex((HERE, PORT))

        while client() != errno.EADDRNOTAVAIL:
            pass
        return rounds(client, key())


def test_a_range_of_the_sockets_own_is_told_with_its_ports(lab: Lab) -> None:
    try:
        found = lab.call(own_range)
    except OSError as error:
        if error.errno == errno.ENOPROTOOPT:
            pytest.skip("no IP_LOCAL_PORT_RANGE: Linux 6.3 and newer have it")
        raise
    assert found.finding is not None
    assert found.finding.code == "refused-with-ports-free"
    assert found.finding.evidence["own_range"] == f"{LOW}–{LOW + PORTS // 2 - 1}"
    assert found.finding.evidence["connectable"] == PORTS // 2
    assert "IP_LOCAL_PORT_RANGE" in found.finding.remedies[0].what
    assert found.agreed.at_odds > 0


def be_refused(connection: Connection, times: int) -> None:
    with full(HERE):
        connection.send(os.getpid())
        connection.recv()
        refused(HERE, times)
        connection.send("done")
        connection.recv()


def in_another() -> tuple[Seen, Tally]:
    with peer() as other, Watched() as watched:
        with other.inside():
            child = Child(be_refused, 30)
        with child:
            child.receive()
            watched.look()
            child.connection.send("go")
            child.receive()
            view = watched.look()
            return seen(view, key()), tallies(view).elsewhere


def test_what_another_namespace_is_refused_is_not_counted_here(lab: Lab) -> None:
    found, elsewhere = lab.call(in_another)
    assert (found.tally, found.unseen) == (Tally(), [])
    assert elsewhere.total >= 30  # the machine may have other namespaces that are refused
    assert any("net:[" in who and count >= 30 for who, count in elsewhere.by.items())


def taken_over() -> Seen:
    """A client bound to lo takes over what its addresses do not give it."""
    add_addresses(OWN)
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    sysctl("ipv4.tcp_tw_reuse", 2)
    sysctl("ipv4.tcp_tw_reuse_delay", 100)
    with closing(listen(OWN, PORT)) as server:

        def connect_all() -> None:
            time.sleep(0.2)
            for _ in range(PORTS):
                with tcp(OWN) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
                    client.connect((OWN, PORT))
                    accepted, _ = server.accept()
                    client.shutdown(socket.SHUT_WR)
                    with accepted:
                        accepted.recv(1)
                    client.recv(1)

        connect_all()
        return rounds(connect_all, key(OWN))


def test_an_exhaustion_that_is_none_is_called_an_error(lab: Lab) -> None:
    if not has_sysctl("ipv4.tcp_tw_reuse_delay"):
        pytest.skip("no tcp_tw_reuse_delay: Linux 6.14 and newer have it")
    found = lab.call(taken_over)
    assert found.tally.total == 0
    assert found.finding is not None
    assert found.finding.code == "exhausted-yet-served"
    assert found.agreed.at_odds > 0
    assert found.agreed.twice is Compared.WITHOUT_PORTS


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 51), marks=SCENARIOS)])
def test_whatever_the_load_both_agree(lab: Lab, seeds: range) -> None:
    """In every second but those in which ports ran out or came back.

    A second is compressed to an interval of a quarter, with ranges as small as to fill within: the
    fifty seeds play an hour's 3,600.
    """
    results = [lab.call(run_loads, seed, INTERVALS) for seed in seeds]
    agreed = sum(found.agreed for found in results)
    assert sum(found.refused for found in results) > 0
    assert [found for found in results if found.at_odds or found.odd] == []
    assert sum(found.left_out for found in results) < agreed > 0
