"""tcp_tw_reuse toward a peer that sends timestamps, and toward one that does not."""

import errno
import time
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
    assert all("tcp_tw_reuse has never taken" in said.out + said.err for said in seen[:3])
    assert seen.after.code == 3, seen


def test_one_that_was_taken_over_shows_that_it_works(lab: Lab) -> None:
    seen = lab.call(full_of_old, 1)
    assert (seen.connected, seen.error) == (SIZE // 4, None)
    assert seen.check.code == 3, seen
    assert seen.after.code == 0, seen
