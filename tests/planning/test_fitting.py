"""Advice acts on the place that it is given for, and what is of the host stays the host's."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tui.kernel.places import HERE, Place
from tui.planning.fitting import caution, fitted

POD = Place(Path("/proc/77"), "shop/cart-7f9", "pod", 5, Path("/proc/77/ns/net"), pid=77)
CONTAINER = replace(POD, name="web", kind="container")
NAMED = Place(Path("/proc/thread-self"), "blue", "named", 5, Path("/run/netns/blue"))
PROCESS = replace(POD, name="nginx[77]", kind="process")
RANGE = 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
REUSE = "sysctl -w net.ipv4.tcp_tw_reuse=1"


@pytest.mark.parametrize(
    "place",
    [
        Place(Path("/proc"), "vm", "host", 1, HERE),
        Place(Path("/proc"), "vm", "process", 1, HERE),
        Place(Path("/x"), "/x", "copy", None),
    ],
)
def test_where_twtop_runs_it_stays_as_it_is(place: Place) -> None:
    assert (fitted(RANGE, place), caution(REUSE, place)) == (RANGE, "")


def test_a_pod_gets_its_spec() -> None:
    words = shlex.split(fitted(RANGE, POD))
    assert words[:5] == ["kubectl", "-n", "shop", "patch", "deployment"]
    sysctls = json.loads(words[-1])["spec"]["template"]["spec"]["securityContext"]["sysctls"]
    assert sysctls == [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}]
    assert "kubelet" not in caution(RANGE, POD)  # it is on the safe list
    assert "net.ipv4.tcp_tw_reuse" in caution(REUSE, POD)
    assert "nsenter -t 77 -n sysctl -w 'net.ipv4" in caution(RANGE, POD)


def test_a_container_gets_options_of_its_start() -> None:
    words = shlex.split(fitted(RANGE, CONTAINER))
    assert words == [
        "docker",
        "run",
        "--sysctl",
        "net.ipv4.ip_local_port_range=1024 65535",
        "IMAGE",
    ]
    assert "kubelet" not in caution(REUSE, CONTAINER)


def test_others_are_entered() -> None:
    assert fitted(REUSE, NAMED) == f"ip netns exec blue {REUSE}"
    elsewhere = replace(NAMED, network=Path("/run/docker/netns/1-abc"))
    assert fitted(REUSE, elsewhere) == f"nsenter --net=/run/docker/netns/1-abc {REUSE}"
    assert fitted(REUSE, PROCESS) == f"nsenter -t 77 -n {REUSE}"
    both = fitted(f"ip addr add NEW_IP/32 dev lo && {RANGE}", NAMED)
    assert both.split(" && ")[0] == "ip netns exec blue ip addr add NEW_IP/32 dev lo"
    assert both.split(" && ")[1] == f"ip netns exec blue {RANGE}"


@pytest.mark.parametrize("place", [POD, CONTAINER, NAMED, PROCESS])
@pytest.mark.parametrize(
    "command", ["sysctl -w fs.file-max=1000000", 'sysctl -w net.ipv4.tcp_mem="1 2 3"', "# a word"]
)
def test_what_is_of_the_host_stays(command: str, place: Place) -> None:
    assert (fitted(command, place), caution(command, place)) == (command, "")
