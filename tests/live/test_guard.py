"""Whom `twtop simulate` agrees to load: this machine's own, told by the link that leads there.

A bridge with two ports: behind one stands a victim that no process shows to be of this machine,
as a host on the wire behind a bridge is; behind the other a container.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import pytest
from pyroute2 import IPRoute

from tests.live.test_simulate import PORT, Run, finish, start
from tests.private import Lab
from tests.sockets import listen
from tui.kernel.namespaces import enter, open_network
from tui.lab.namespace import IFA_F_NODAD, unshare_network
from tui.simulate.target import TargetError, Whereabouts, find_target

pytestmark = pytest.mark.live

OWN, VICTIM, CONTAINER = "10.99.0.1", "10.99.0.2", "10.99.0.3"
OWN6, CONTAINER6 = "fd00:99::1", "fd00:99::3"
ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806


@contextmanager
def within(network: int) -> Iterator[None]:
    home = open_network()
    enter(network)
    try:
        yield
    finally:
        enter(home)
        os.close(home)


def set_up(link: str, *addresses: str) -> None:
    with IPRoute() as links:
        index = links.link_lookup(ifname=link)[0]
        links.link("set", index=index, state="up")
        for address in addresses:
            more = {"flags": IFA_F_NODAD, "prefixlen": 64} if ":" in address else {"prefixlen": 24}
            links.addr("add", index=index, address=address, **more)


def new_namespace(stack: ExitStack) -> int:
    home = open_network()
    unshare_network()
    away = open_network()
    enter(home)
    os.close(home)
    stack.callback(os.close, away)
    return away


def plug(stack: ExitStack, port: str, *addresses: str) -> int:
    """A new namespace at a new port of the bridge."""
    away = new_namespace(stack)
    with IPRoute() as links:
        links.link("add", ifname=port, kind="veth", peer={"ifname": "eth0", "net_ns_fd": away})
        bridge, index = (links.link_lookup(ifname=name)[0] for name in ("br0", port))
        links.link("set", index=index, master=bridge, state="up")
    with within(away):
        set_up("lo")
        set_up("eth0", *addresses)
    return away


def occupy(stack: ExitStack, network: int) -> None:
    """Have a process live there, which makes it a namespace that everybody can see."""
    with within(network):
        process = subprocess.Popen(["sleep", "1000"])
    stack.callback(process.wait)
    stack.callback(process.kill)


class Wire(NamedTuple):
    victim: int
    container: int


@contextmanager
def bridged() -> Iterator[tuple[Wire, ExitStack]]:
    with ExitStack() as stack:
        with IPRoute() as links:
            links.link("add", ifname="br0", kind="bridge")
        set_up("br0", OWN, OWN6)
        victim = plug(stack, "port0", VICTIM)
        container = plug(stack, "port1", CONTAINER, CONTAINER6)
        occupy(stack, container)
        yield Wire(victim, container), stack


def claim(network: int, to: str, kind: str = "local") -> None:
    """`ip route add local TO dev lo`, as root of one's own namespace can."""
    with within(network), IPRoute() as links:
        lo = links.link_lookup(ifname="lo")[0]
        links.link("set", index=lo, state="up")
        links.route("add", dst=to, type=kind, oif=lo, table=255, scope=254)


def place(ip: str) -> str:
    try:
        return find_target(ip, PORT).place.name
    except TargetError:
        return Whereabouts.ELSEWHERE.name


def heard(ear: socket.socket) -> int:
    """How many frames came, but for those that links send to groups of their own accord."""
    frames = 0
    ear.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            frames += ear.recvfrom(2048)[1][2] != socket.PACKET_MULTICAST
    return frames


def attack(to: str) -> tuple[Run, int]:
    """What simulate said, and how many frames of IPv4 and ARP came to the victim."""
    with bridged() as (wire, stack):
        attacker = new_namespace(stack)
        claim(attacker, to)
        occupy(stack, attacker)
        with within(wire.victim):
            stack.enter_context(listen(VICTIM, PORT))
            ears = [
                stack.enter_context(
                    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
                )
                for kind in (ETH_P_IP, ETH_P_ARP)
            ]
        run = finish(start("--max", "3", to=VICTIM))
        frames = sum(map(heard, ears))
        with socket.create_connection((VICTIM, PORT), timeout=5):
            return run, frames  # and it was there to be reached


@pytest.mark.parametrize("claimed", ["0.0.0.0/0", "10.99.0.0/24", f"{VICTIM}/32"])
def test_a_namespace_that_claims_an_address_does_not_open_the_way(lab: Lab, claimed: str) -> None:
    run, frames = lab.call(attack, claimed)
    assert (run.code, frames) == (2, 0)
    assert run.errors.startswith(f"twtop: {VICTIM} is not an address of this machine")


def a_victim_that_is_known() -> str:
    with bridged() as (wire, stack):
        with within(wire.victim):
            stack.enter_context(listen(VICTIM, PORT))
        with socket.create_connection((VICTIM, PORT), timeout=5):
            pass
        claim(wire.container, f"{VICTIM}/32")
        return place(VICTIM)


def test_the_port_of_the_bridge_decides(lab: Lab) -> None:
    """A container at the same bridge claims the address, and packets go to its owner."""
    assert lab.call(a_victim_that_is_known) == "ELSEWHERE"


def honest() -> dict[str, str]:
    with bridged() as (wire, stack):
        found = {ip: place(ip) for ip in (CONTAINER, CONTAINER6, OWN, OWN6, f"::ffff:{CONTAINER}")}
        lonely = new_namespace(stack)  # it has a process, and no link to here
        claim(lonely, "10.97.0.1/32")
        occupy(stack, lonely)
        with IPRoute() as links:
            for to in ("10.97.0.0/24", "10.96.0.0/24"):
                links.route("add", dst=to, gateway=CONTAINER)
        claim(wire.container, "10.96.0.1/32")
        home = open_network()
        claim(home, "10.95.0.0/24")
        os.close(home)
        others = ("10.97.0.1", "10.96.0.1", "10.95.0.1", "10.99.0.255", "10.99.0.9")
        return found | {ip: place(ip) for ip in others}


def test_own_addresses_and_those_of_namespaces_on_the_link_are_ours(lab: Lab) -> None:
    found = lab.call(honest)
    neighbours = (CONTAINER, CONTAINER6, f"::ffff:{CONTAINER}")
    assert {found.pop(ip) for ip in neighbours} == {"NEIGHBOUR"}
    assert (found.pop(OWN), found.pop(OWN6)) == ("HERE", "HERE")
    # Behind a gateway, of a wide local route of our own, all on the link, and nobody.
    assert set(found.values()) == {"ELSEWHERE"}
