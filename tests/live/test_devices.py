"""Each device has the ports of a tuple to itself, and twtop says of them what connect() does."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest
from pyroute2 import IPRoute

from tests.forked import twtop
from tests.live.report import KINDS, run_report
from tests.private import Lab
from tui.lab.namespace import FAR_MAC, sysctl
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT

pytestmark = pytest.mark.live

HERE, AWAY, PORT = "10.9.0.1", "10.9.0.9", 443
LOW, PORTS = 40_000, 100
DEVICES = "one", "two"
OK, WARNING, CRITICAL, UNKNOWN = range(4)


@contextmanager
def devices() -> Iterator[None]:
    """Two links to a network on which nobody answers, with the same address at each."""
    with IPRoute() as links:
        for name in DEVICES:
            links.link("add", ifname=name, kind="veth", peer={"ifname": f"{name}-end"})
            for end in (name, f"{name}-end"):
                links.link("set", index=links.link_lookup(ifname=end)[0], state="up")
            index = links.link_lookup(ifname=name)[0]
            links.addr("add", index=index, address=HERE, prefixlen=24)
            links.neigh("add", dst=AWAY, lladdr=FAR_MAC, ifindex=index, state="permanent")
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    yield


def connected(stack: ExitStack, device: str, calls: int) -> int:
    """How many connects of this device, or of none, find a port; they stay in SYN-SENT."""
    found = 0
    for _ in range(calls):
        made = stack.enter_context(socket.socket())
        made.setblocking(False)
        if device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((HERE, 0))
        code = made.connect_ex((AWAY, PORT))
        assert code in (errno.EINPROGRESS, errno.EADDRNOTAVAIL)
        found += code == errno.EINPROGRESS
    return found


class Seen(NamedTuple):
    """What twtop says of the namespace, and what connect() does in it then."""

    opened: list[int]
    rows: dict[str, int]
    """Sockets by source."""
    connectable: int
    codes: dict[str, int]
    """What check ends with, by source."""
    left: dict[str, int]
    """How many more connects of each device find a port, each asked alone."""


def seen(plan: list[tuple[str, int]]) -> Seen:
    with devices(), ExitStack() as stack:
        opened = [connected(stack, device, calls) for device, calls in plan]
        reports = {kind: run_report(kind) for kind in KINDS}
        codes: dict[str, int] = {kind: twtop("check", "--source", kind).code for kind in KINDS}
        left = {}
        for device in {device for device, _ in plan}:
            with ExitStack() as more:
                left[device] = connected(more, device, PORTS + 1)
        return Seen(
            opened,
            {kind: sum(report.said["states"].values()) for kind, report in reports.items()},
            reports["sock_diag"].connectable(HERE, AWAY, PORT),
            codes,
            left,
        )


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ([("one", 45), ("two", 45)], OK),
        ([("one", 20), ("two", 20), ("", 90)], CRITICAL),
        ([("one", PORTS), ("two", 20), ("", 20)], CRITICAL),
        ([("", 60), ("one", 10), ("two", 15)], WARNING),
        ([("", PORTS)], CRITICAL),
        ([("one", 30), ("two", 60)], WARNING),
    ],
)
def test_the_fullest_device_decides(lab: Lab, plan: list[tuple[str, int]], code: int) -> None:
    found = lab.call(seen, plan)
    assert found.opened == [calls for _, calls in plan]
    assert found.rows["sock_diag"] == sum(found.opened)
    assert found.connectable == min(found.left.values())
    assert found.codes["sock_diag"] == code


def test_proc_does_not_tell_them_and_so_sounds_no_alarm(lab: Lab) -> None:
    """By /proc the two hold some two thirds of the ports together, many of them twice."""
    found = lab.call(seen, [("one", 45), ("two", 45)])
    assert found.rows["proc"] < sum(found.opened), "else it shows nothing"
    assert found.codes["proc"] in (OK, UNKNOWN)
    found = lab.call(seen, [("one", 100), ("two", 100)])
    assert found.codes == {"proc": UNKNOWN, "sock_diag": CRITICAL}


def test_without_devices_proc_is_as_sure_as_ever(lab: Lab) -> None:
    found = lab.call(seen, [("", 90)])
    assert found.codes == dict.fromkeys(KINDS, CRITICAL)
    assert found.connectable == found.left[""] == 10
