import ctypes
import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.private import Lab
from tests.sockets import connect, listen
from tui.lab import namespace
from tui.lab.namespace import FAR, NEAR, OWN
from tui.lab.process import ChildError
from tui.stage.scenarios import SCENARIOS
from tui.stage.stage import Stage

pytestmark = pytest.mark.live

CLONE_NEWNS = 0x20000


def without_ipv6() -> bool:
    """A namespace on a host that has IPv6 turned off."""
    namespace.unshare_network()
    for which in ("all", "default"):
        namespace.sysctl(f"ipv6.conf.{which}.disable_ipv6", 1)
    namespace.bring_up()
    with listen(OWN.v4[0], 7000), connect(OWN.v4[0], 7000):
        return not namespace._speaks_ipv6()


def test_it_can_do_without_ipv6(lab: Lab) -> None:
    if not namespace.IPV6.exists():
        pytest.skip("this kernel has no IPv6 to turn off")
    assert lab.call(without_ipv6)


def neighbours() -> str:
    with namespace.peer() as peer:
        with peer.inside():
            server = listen(FAR.v4[0], 7000)
        with server, connect(FAR.v4[0], 7000) as client:
            return str(client.getsockname()[0])


def test_a_neighbour_is_reached_from_the_near_end(lab: Lab) -> None:
    assert lab.call(neighbours) == NEAR.v4[0]


def with_sysctls_read_only() -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return os.strerror(ctypes.get_errno())
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", "/proc/sys", "/proc/sys"], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", "/proc/sys"], check=True)
    stage = Stage()
    try:
        stage.play(SCENARIOS["exhaustion"])
        stage.receive()
    except ChildError as error:
        return str(error)
    finally:
        stage.close()
        subprocess.run(["umount", "/proc/sys"], check=True)  # the lab has other calls to answer
    return "it plays"


def test_read_only_sysctls_are_said_with_their_cure(lab: Lab) -> None:
    said = lab.call(with_sysctls_read_only)
    if said == os.strerror(errno.EPERM):
        pytest.skip("no mount namespace here")
    assert "/proc/sys is mounted read-only" in said
    assert "--privileged" in said
    assert Path("/proc/sys/net/ipv4/tcp_tw_reuse").read_text()
