"""A client that names its source ports itself, and comes round to them again within the minute."""

import errno
import socket
from collections import Counter

import pytest

from tests.live.fates import settle
from tests.live.report import KINDS, read_report
from tests.live.test_exhaustion import HERE, LOW, PORT, SIZE, serving
from tests.private import Lab
from tests.sockets import tcp
from tui.api import audit, snapshot

pytestmark = pytest.mark.live

OWN = range(LOW - 20, LOW)
DONE = 0


def rounds(
    share: int, timestamps: int, reuse: int
) -> tuple[Counter[tuple[str, int]], set[int], dict[str, object]]:
    """How the second round over the ports ends, what others can have, and what is said of it."""
    ends: Counter[tuple[str, int]] = Counter()
    with serving(tcp_timestamps=timestamps, tcp_tw_reuse=reuse) as server:
        for again in (False, True):
            for port in OWN:
                with tcp(HERE) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, share)
                    call = "bind"
                    try:
                        client.bind((HERE, port))
                        call = "connect"
                        client.connect((HERE, PORT))
                    except OSError as error:
                        ends[call, error.errno or -1] += 1
                        continue
                    ends[call, DONE] += again
                    taken = server.listener.accept()[0]
                    client.close()
                    taken.recv(1)
                    taken.close()
            settle(Counter(LISTEN=1, TIME_WAIT=len(OWN)))
        others = {read_report(kind).connectable(HERE, HERE, PORT) for kind in KINDS}
        said = [one for one in audit(snapshot()) if one.code == "own-source-ports"]
    return +ends, others, dict(said[0].evidence)


@pytest.mark.parametrize("reuse", [0, 1])
@pytest.mark.parametrize(
    ("share", "timestamps", "end"),
    [
        (0, 1, ("bind", errno.EADDRINUSE)),
        (1, 0, ("connect", errno.EADDRNOTAVAIL)),
        (1, 1, ("connect", DONE)),
    ],
)
def test_the_second_round_ends_as_the_finding_says(
    lab: Lab, share: int, timestamps: int, end: tuple[str, int], reuse: int
) -> None:
    """It takes SO_REUSEADDR and timestamps; tcp_tw_reuse has no part in it."""
    ends, others, evidence = lab.call(rounds, share, timestamps, reuse)
    assert ends == {end: len(OWN)}
    assert others == {SIZE}, "the ports of the range are all there"
    assert (evidence["connections"], evidence["time_wait"]) == (len(OWN), len(OWN))
