"""Toward one of the host's own addresses no route has a say: another source has to be bound."""

from contextlib import ExitStack
from typing import NamedTuple

import pytest
from pyroute2 import IPRoute

from tests.live.fates import Fate, Server, exhausted
from tests.private import Lab, add_addresses
from tui.api import audit, remedies, snapshot
from tui.lab.namespace import NEAR, peer, sysctl

pytestmark = pytest.mark.live

PORT, LOW, SIZE = 5001, 40_000, 200
OWN, SECOND = NEAR.v4
"""Two addresses of ours on a veth."""
NEW = "10.77.0.9"
SIDECAR, FURTHER = "127.0.0.6", "127.0.0.7"


class Seen(NamedTuple):
    said: dict[str, str]
    """What audit advises and plan commands, by source."""
    routed: int
    """Connections that the advice for other hosts brings."""
    further: int
    """And those from one more source address."""


def fill(server: Server, source: str) -> None:
    for _ in range(SIZE):
        Fate.CLIENT_CLOSED.come_about(server.connect(OWN, source))
    with exhausted(OWN, PORT, source) as verdict:
        assert verdict.connected == 0


def advised(source: str) -> str:
    frame = snapshot()
    findings = [one for one in audit(frame) if one.subject.startswith(f"{source} →")]
    plan = remedies(frame, 8, 0, local_ip=source, remote_ip=OWN, remote_port=PORT)
    assert plan is not None
    (sources,) = (option for option in plan.options if option.code == "sources")
    return "\n".join([*(str(one.remedies) for one in findings), *sources.commands])


def to_own_address() -> Seen:
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with ExitStack() as stack:
        stack.enter_context(peer())
        server = stack.enter_context(Server("0.0.0.0", PORT))
        said = {}
        for source in (SIDECAR, SECOND, OWN):  # all that is left in the end is TIME-WAITs
            fill(server, source)
            said[source] = advised(source)
        add_addresses(NEW)
        with IPRoute() as links:
            link = links.link_lookup(ifname="near")[0]
            links.route("replace", dst=f"{OWN}/32", oif=link, prefsrc=NEW)
        with exhausted(OWN, PORT, limit=10) as verdict:
            routed = verdict.connected
        with exhausted(OWN, PORT, FURTHER, limit=2 * SIZE) as verdict:
            return Seen(said, routed, verdict.connected)


def test_another_source_helps_and_a_route_does_not(lab: Lab) -> None:
    seen = lab.call(to_own_address)
    assert (seen.routed, seen.further) == (0, SIZE)
    for text in seen.said.values():
        assert "route" not in text.replace("No route", "")
        assert "IP_BIND_ADDRESS_NO_PORT" in text
    assert "127.0.0.2" in seen.said[SIDECAR]
    assert "addr add" not in seen.said[SIDECAR]
    assert "addr add" in seen.said[SECOND]
