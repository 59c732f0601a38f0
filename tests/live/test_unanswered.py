"""Connections that get no answer: what holds the ports is named, and what brings them back."""

import socket
from contextlib import ExitStack
from typing import Any

import pytest
from pyroute2 import NetlinkError
from pyroute2.nftables.expressions import genex
from pyroute2.nftables.main import NFTables

from tests import private
from tests.live.test_exhaustion import LOW
from tests.private import Lab
from tests.sockets import connect, listen
from tui.api import audit, snapshot
from tui.lab.namespace import FAR, NEAR, peer, sysctl

pytestmark = pytest.mark.live

SILENT = "10.77.0.99"
PORT, PORTS = 5432, 100
MORE = 20
"""Connections beyond what there are ports for."""


def syns_to_nobody() -> tuple[dict[str, object], str, list[str | None]]:
    """What is found, in which words, and the commands that are to help."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    with ExitStack() as stack:
        stack.enter_context(peer())
        private.silence(SILENT)
        for _ in range(PORTS):
            stack.enter_context(connect(SILENT, PORT, silent=True))
        with pytest.raises(OSError, match="Cannot assign"):
            connect(SILENT, PORT, silent=True)
        (found,) = (one for one in audit(snapshot("sock_diag")) if one.code == "ports-exhausted")
        return (
            dict(found.evidence),
            f"{found.message} {found.meaning}",
            [remedy.command for remedy in found.remedies],
        )


def test_ports_held_by_syn_sent_are_said_to_be(lab: Lab) -> None:
    evidence, said, commands = lab.call(syns_to_nobody)
    assert (evidence["in_use"], evidence["connectable"]) == (PORTS, 0)
    assert f"{PORTS} in SYN-SENT" in said
    assert "tcp_syn_retries = 6" in said
    assert any("tcp_syn_retries=3" in (command or "") for command in commands)
    assert not any("tcp_tw_reuse" in (command or "") for command in commands)


def masquerade(first: int, last: int) -> None:
    """Have all that leaves through the veth come from its first address and from these ports."""
    ends = [
        genex("immediate", {"dreg": register, "data": _attributes(DATA_VALUE=port.to_bytes(2))})
        for register, port in ((1, first), (2, last))
    ]
    ports = {"flags": {"NF_NAT_RANGE_PROTO_SPECIFIED"}, "reg_proto_min": 1, "reg_proto_max": 2}
    with NFTables(nfgen_family=socket.AF_INET) as rules:
        rules.table("add", name="nat")
        rules.chain("add", table="nat", name="out", type="nat", hook="postrouting", policy=1)
        rules.rule("add", table="nat", chain="out", expressions=([*ends, genex("masq", ports)],))


def _attributes(**values: object) -> dict[str, object]:
    return {"attrs": [(f"NFTA_{name}", value) for name, value in values.items()]}


def through_a_nat(connections: int) -> dict[str, Any] | None:
    """What is said of so many connections that share 100 ports of a translated address."""
    with ExitStack() as stack:
        with stack.enter_context(peer()).inside():
            stack.enter_context(listen(FAR.v4[0], PORT))
        masquerade(LOW, LOW + PORTS - 1)
        for number in range(connections):
            silent = number >= PORTS
            stack.enter_context(connect(FAR.v4[0], PORT, NEAR.v4[1], silent=silent))
        said = [one for one in audit(snapshot("sock_diag")) if one.code == "snat-clashes"]
        return dict(said[0].evidence) if said else None


def test_connections_beyond_the_ports_of_a_nat_are_said_to_clash(lab: Lab) -> None:
    """All of them are established, so none gives way; no connect() has failed."""
    try:
        assert lab.call(through_a_nat, PORTS) is None
    except NetlinkError as error:
        pytest.skip(f"nf_tables is not there: {error}")
    evidence = lab.call(through_a_nat, PORTS + MORE)
    assert evidence is not None
    assert evidence["insert_failed"] == evidence["drop"]
    assert evidence["insert_failed"] >= MORE, "each of them, and again when its SYN goes out anew"
