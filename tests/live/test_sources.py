"""The scripts for more sources are run, and bring what they say; undone, nothing is left."""

import errno
import os
import shutil
import subprocess
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import pytest

from tests.live.fates import Server, exhausted
from tests.live.test_remedies import USER, acting_as
from tests.patience import until
from tests.private import Lab, add_addresses, source_of
from tui.lab import namespace
from tui.lab.namespace import FAR, NEAR, peer, sysctl
from tui.planning.sources import Script, Wanted, script

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(shutil.which("ip") is None, reason="the scripts are iproute2's"),
]

LOW, SIZE, PORT = 40_000, 200, 5001
MORE = {"v4": ("10.77.0.21", "10.77.0.22"), "v6": ("fd00:77::21", "fd00:77::22")}
LOWER_HALF, UPPER_HALF = "50.0.0.1", "203.0.113.1"


class Tried(NamedTuple):
    """The ports that all sources took, what connects found, and what is left."""

    taken: list[int]
    sources: list[str]
    left: bool


def run(made: Script, *, undo: bool = False) -> None:
    subprocess.run(["sh"], input=made.text(undo=undo), text=True, check=True, capture_output=True)


def settings() -> list[str]:
    """Addresses, rules, and the routes of all tables."""
    return [
        subprocess.run(["ip", family, *what], text=True, check=True, capture_output=True).stdout
        for family in ("-4", "-6")
        for what in (("addr",), ("rule",), ("route", "show", "table", "all"))
    ]


def taken(stack: ExitStack, to: str, source: str | None = None) -> int:
    verdict = stack.enter_context(exhausted(to, PORT, source, limit=2000))
    assert verdict.error == errno.EADDRNOTAVAIL
    return verdict.connected


def tried(kind: str, family: str) -> Tried:
    """Each source as many ports as the range has, all held at the same time."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    far: tuple[str, str] = getattr(FAR, family)
    with ExitStack() as stack:
        with stack.enter_context(peer()).inside():
            stack.enter_context(Server("::", PORT))
            add_addresses(LOWER_HALF, UPPER_HALF)
        before = settings()
        to = far[0]
        more = MORE[family]
        if kind == "turn":
            made = script(kind, Wanted(more, "near"))
        elif kind == "users":
            made = script(kind, Wanted(more[:1], "near", None, to, (USER,)))
        else:
            made = script(kind, Wanted(more, "near", to))
        run(made)
        for source in more[: 1 if kind == "users" else None]:
            if ":" in source:  # the kernel's worker makes it usable
                until(partial(namespace._delivers, source), source)
        counts = [taken(stack, to)]
        sources: list[str] = []
        if kind == "turn":
            counts += [taken(stack, to, source) for source in more]
        elif kind == "users":
            with acting_as(USER):
                counts.append(taken(stack, to))
        else:
            sources = [source_of(LOWER_HALF), source_of(UPPER_HALF)]
            counts += [taken(stack, LOWER_HALF), taken(stack, UPPER_HALF)]
        run(made, undo=True)
        return Tried(counts, sources, settings() != before)


@pytest.mark.parametrize("family", MORE)
def test_each_source_taken_in_turn_brings_a_range_of_ports(lab: Lab, family: str) -> None:
    assert lab.call(tried, "turn", family) == Tried([SIZE] * 3, [], False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("family", MORE)
def test_a_user_has_a_source_of_its_own(lab: Lab, family: str) -> None:
    assert lab.call(tried, "users", family) == Tried([SIZE] * 2, [], False)


def test_each_half_of_the_internet_has_a_source_of_its_own(lab: Lab) -> None:
    """The neighbour itself keeps the first one: its route is longer."""
    seen = lab.call(tried, "subnets", "v4")
    assert seen == Tried([SIZE] * 3, list(MORE["v4"]), False)
    assert NEAR.v4[0] not in seen.sources
