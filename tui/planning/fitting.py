"""Commands as they must be for the place that they are to act on.

`sysctl -w` sets what is of the network namespace that it runs in: said of a pod on its host it
would raise the wrong range.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from tui.kernel.places import HERE, Place

SET = "sysctl -w "
ACTS_INSIDE = (SET, "ip ", "ss ", "sudo ss ")
"""How commands begin that act on the network namespace that they run in."""
NETNS = Path("/run/netns")
"""Where `ip netns` has its names."""
OF_THE_HOST = (
    "fs.",
    "kernel.",
    "vm.",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_max_orphans",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_buckets",
)
"""Sysctls that all namespaces share, or that the first alone may set."""
SAFE_IN_PODS = frozenset(
    f"net.ipv4.{name}"
    for name in (
        "ip_local_port_range",
        "tcp_syncookies",
        "ip_unprivileged_port_start",
        "ip_local_reserved_ports",
        "tcp_keepalive_time",
        "tcp_fin_timeout",
        "tcp_keepalive_intvl",
        "tcp_keepalive_probes",
        "tcp_rmem",
        "tcp_wmem",
    )
)
"""What a pod may set without its kubelet's leave (kubernetes.io, "Using sysctls in a cluster":
ip_local_reserved_ports from 1.27 on, tcp_fin_timeout from 1.29 on)."""


def acts_here(place: Place) -> bool:
    """Say whether commands act on the place as they stand, or on nothing that is there."""
    if place.kind in ("host", "copy") or (place.pid is None and place.network is None):
        return True
    return place.network == HERE and place.kind not in ("pod", "container")


def fitted(command: str, place: Place) -> str:
    """Return a command of the remedies as it acts on the place; what is of the host stays."""
    if acts_here(place):
        return command
    return " && ".join(_fitted(part, place) for part in command.split(" && "))


def caution(command: str, place: Place) -> str:
    """Return when a `fitted` command is wrong, to follow the word “unless”; empty where never."""
    settings = [one for part in command.split(" && ") for one in _settings(part)]
    if acts_here(place) or place.kind not in ("pod", "container") or not settings:
        return ""
    inside = f"{_way_in(place)}{SET}{shlex.join(settings)}"
    anew = f"it must not be restarted: {inside}, on the host, then lasts until it ends"
    names = [one.partition("=")[0] for one in settings]
    unsafe = [one for one in names if one not in SAFE_IN_PODS and place.kind == "pod"]
    if not unsafe:
        return anew
    return (
        f"the kubelet does not allow {' and '.join(unsafe)} (--allowed-unsafe-sysctls), or {anew}"
    )


def _fitted(part: str, place: Place) -> str:
    settings = _settings(part)
    if settings and place.kind == "pod":
        pairs = (one.partition("=") for one in settings)
        sysctls = [{"name": name, "value": value} for name, _, value in pairs]
        spec = {"spec": {"template": {"spec": {"securityContext": {"sysctls": sysctls}}}}}
        namespace, _, _ = place.name.rpartition("/")
        where = f"-n {shlex.quote(namespace)} " if namespace else ""
        return f"kubectl {where}patch deployment NAME -p {shlex.quote(json.dumps(spec))}"
    if settings and place.kind == "container":
        return f"docker run {' '.join(f'--sysctl {shlex.quote(one)}' for one in settings)} IMAGE"
    if part.startswith(ACTS_INSIDE) and (settings or not part.startswith(SET)):
        return _way_in(place) + part.removeprefix("sudo ")
    return part


def _settings(part: str) -> list[str]:
    """Return the name=value pairs that a command sets in its namespace."""
    if not part.startswith(SET):
        return []
    pairs = shlex.split(part.removeprefix(SET))
    return [one for one in pairs if not one.startswith(OF_THE_HOST)]


def _way_in(place: Place) -> str:
    """Return what a command must begin with to run in the place."""
    if place.kind == "named" and place.network is not None:
        if place.network.parent == NETNS:
            return f"ip netns exec {shlex.quote(place.name)} "
        return f"nsenter --net={shlex.quote(str(place.network))} "
    return f"nsenter -t {place.pid or place.root.name} -n "
