"""tcp_tw_reuse toward a peer that sends timestamps, and toward one that does not."""

import errno
import threading
import time
from contextlib import ExitStack, suppress
from typing import NamedTuple

import pytest

from tests.forked import Ended, twtop
from tests.live.fates import Fate, Server, await_second, exhausted
from tests.private import Lab, has_sysctl
from tui.lab.namespace import FAR, peer, sysctl

pytestmark = pytest.mark.live

LOW, SIZE, PORT = 40_000, 100, 5001
THERE = FAR.v4[0]


class Seen(NamedTuple):
    """What twtop says of a tuple that is full of old TIME-WAITs, and what connect() does then."""

    check: Ended
    waited: Ended
    audit: Ended
    connected: int
    error: int | None
    after: Ended


def full_of_old(timestamps: int) -> Seen:
    with peer() as other:
        with other.inside():
            sysctl("ipv4.tcp_timestamps", timestamps)
            server = Server(THERE, PORT)
        sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
        sysctl("ipv4.tcp_tw_reuse", 1)
        with server:
            for _ in range(SIZE):
                Fate.CLIENT_CLOSED.come_about(server.connect(THERE))
            if has_sysctl("ipv4.tcp_tw_reuse_delay"):
                time.sleep(1.1)
            else:
                await_second()
            check, waited, audit = (
                twtop("check", "--dst", THERE),
                twtop("wait", "--below=50", "--timeout=0"),
                twtop("audit"),
            )
            with exhausted(THERE, PORT, limit=SIZE // 4) as (connected, error):
                return Seen(check, waited, audit, connected, error, twtop("check"))


def test_where_the_peer_sends_none_no_timewait_comes_back(lab: Lab) -> None:
    """Nothing tells the two apart before connect() is tried, so neither is said to be fine."""
    seen = lab.call(full_of_old, 0)
    assert (seen.connected, seen.error) == (0, errno.EADDRNOTAVAIL)
    assert (seen.check.code, seen.waited.code, seen.audit.code) == (3, 1, 1), seen
    assert all("tcp_tw_reuse was not seen" in said.out + said.err for said in seen[:3])
    assert seen.after.code == 3, seen


def test_one_that_was_taken_over_shows_that_it_works(lab: Lab) -> None:
    seen = lab.call(full_of_old, 1)
    assert (seen.connected, seen.error) == (SIZE // 4, None)
    assert seen.check.code == 3, seen
    assert seen.after.code == 0, seen


def beside_loopback(timestamps: int) -> list[Ended]:
    """What check says of a full tuple while a load goes on, to it and over loopback.

    Over loopback TIME-WAITs are taken over all the time, and the namespace counts them together.
    """
    with peer() as other, ExitStack() as stack:
        with other.inside():
            sysctl("ipv4.tcp_timestamps", timestamps)
            server = stack.enter_context(Server(THERE, PORT))
        near = stack.enter_context(Server("127.0.0.1", PORT))
        sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
        sysctl("ipv4.tcp_tw_reuse", 1)
        for _ in range(SIZE):
            Fate.CLIENT_CLOSED.come_about(server.connect(THERE))
            Fate.CLIENT_CLOSED.come_about(near.connect("127.0.0.1"))
        stop = threading.Event()
        load = threading.Thread(target=_go_on, args=(stop, server, near))
        load.start()
        time.sleep(1.5)
        try:
            asked = ("check", "--dst", THERE), ("check",), ("audit",)
            return [_in_the_end(*command, fine=bool(timestamps)) for command in asked]
        finally:
            stop.set()
            load.join()


def _in_the_end(*command: str, fine: bool) -> Ended:
    """Ask again where the load did not get on between two looks, as on a busy machine."""
    for _ in range(5):
        said = twtop(*command)
        if not fine or said.code == 0:
            break
    return said


def _go_on(stop: threading.Event, *servers: Server) -> None:
    while not stop.wait(0.02):
        for server, address in zip(servers, (THERE, "127.0.0.1"), strict=True):
            with suppress(OSError):
                Fate.CLIENT_CLOSED.come_about(server.connect(address))


def test_what_loopback_takes_over_proves_nothing_of_another_peer(lab: Lab) -> None:
    said = lab.call(beside_loopback, 0)
    assert [one.code for one in said] == [3, 3, 1], said
    assert all("tcp_tw_reuse was not seen" in one.out + one.err for one in said)


def test_one_that_is_taken_over_while_one_looks_does(lab: Lab) -> None:
    said = lab.call(beside_loopback, 1)
    assert [one.code for one in said] == [0, 0, 0], said
