"""A client that binds before it connects runs out over all destinations together.

What check, audit and plan say of it, and what its socket options really bring.
"""

from __future__ import annotations

import errno
import json
import socket
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.forked import Ended, twtop
from tests.live.fates import Fate, Pair, exhausted
from tests.private import Lab
from tests.sockets import connect, listen, tcp
from tui.analysis.bind_first import find_bound_first
from tui.analysis.frame import judge
from tui.kernel.places import LIVE, place_at
from tui.kernel.source import Source
from tui.lab.namespace import OWN, sysctl
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT

pytestmark = pytest.mark.live

PORT, SIZE = 5001, 1_000
CLIENT, OTHER = OWN.v4
DESTINATIONS = [f"127.0.0.{last}" for last in range(1, 11)]


class Seen(NamedTuple):
    bound: int
    """Connections until bind() failed."""
    error: int | None
    checks: list[Ended]
    """Of all, of another client, and of a destination that nobody is connected to."""
    findings: dict[str, str]
    """Subjects by code."""
    plan: dict[str, Any]
    chosen: list[int]
    """Connections to a further destination that find a port by connect() itself, now: from the
    same address, and from another."""


def bind_and_connect(to: str, listener: socket.socket) -> Pair:
    client = tcp(to)
    try:
        client.bind((CLIENT, 0))
        client.connect((to, PORT))
    except BaseException:
        client.close()
        raise
    return Pair(client, listener.accept()[0])


def bound_first() -> Seen:
    sysctl("ipv4.ip_local_port_range", f"40000 {40_000 + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 1)  # which gives such a client nothing
    with ExitStack() as stack:
        listener = stack.enter_context(listen("0.0.0.0", PORT))
        stack.enter_context(connect("127.0.0.1", PORT, OTHER))  # by connect() itself
        stack.enter_context(listener.accept()[0])
        made, error = 0, None
        while error is None:
            try:
                pair = bind_and_connect(DESTINATIONS[made % len(DESTINATIONS)], listener)
            except OSError as failure:
                error = failure.errno
            else:
                Fate.CLIENT_CLOSED.come_about(pair)
                made += 1
        chosen = []
        for source in (CLIENT, OTHER):
            with exhausted("127.0.0.11", PORT, source, limit=10) as verdict:
                chosen.append(verdict.connected)
        audit = json.loads(twtop("audit", "--json").out)
        planned = ("--src", CLIENT, "--rate", "8", "--lifetime", "0")
        plan = json.loads(twtop("plan", *planned, "--json").out)
        return Seen(
            made,
            error,
            [
                twtop("check"),
                twtop("check", "--src", OTHER),
                twtop("check", "--dst", "127.0.0.11"),
            ],
            {one["code"]: one["subject"] for one in audit["findings"]},
            plan,
            chosen,
        )


def test_all_doors_say_it(lab: Lab) -> None:
    seen = lab.call(bound_first)
    assert seen.error == errno.EADDRINUSE
    assert SIZE - 1 <= seen.bound <= SIZE
    assert seen.findings["bind-before-connect"] == CLIENT
    for code, line, _ in seen.checks:
        assert code == 2
        assert "EXHAUSTED, bind() " in line
    # connect() takes no port that is bound, whoever asks and for whatever destination.
    assert seen.chosen == [0, 0]
    plan = {option["code"]: option for option in seen.plan["options"]}
    assert seen.plan["today"]["verdict"] == "fails"
    assert not {"destinations", "reuse"} & {part for code in plan for part in code.split("+")}
    no_port = plan["bind_no_port"]
    assert (no_port["verdict"], no_port["capacity"]) == ("works", SIZE)


def told(each: tuple[int, int], how: str) -> list[int]:
    """How many destinations it is told of, where clients hold so many connections to two."""
    sysctl("ipv4.ip_local_port_range", f"40000 {40_000 + SIZE - 1}")
    with ExitStack() as stack:
        listener = stack.enter_context(listen("0.0.0.0", PORT))
        for to, count in zip(DESTINATIONS, each, strict=False):
            for _ in range(count):
                client = stack.enter_context(tcp(to))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, how == "reusing")
                no_port = how == "connect"
                client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, no_port)
                client.bind((CLIENT, 0))
                client.connect((to, PORT))
                stack.enter_context(listener.accept()[0])
        frame = judge(Source(place_at(LIVE), "auto", 1.0, one_shot=True).read())
        return [one.destinations for one in find_bound_first(frame)]


@pytest.mark.parametrize("how", ["binding", "reusing", "connect"])
@pytest.mark.parametrize("each", [(150, 150), (280, 80), (450, 450), (880, 100)])
def test_two_destinations_are_enough(lab: Lab, each: tuple[int, int], how: str) -> None:
    """bind() takes first the ports of the parity that connect() takes last."""
    assert lab.call(told, each, how) == ([] if how == "connect" else [2])
