"""What a process's cgroup tells of the container, pod or machine that it runs in.

Pure: from the text of /proc/PID/cgroup (cgroups(7)) to ids. The paths are those of Docker, podman,
containerd, CRI-O, the kubelet with either cgroup driver, LXC and systemd-nspawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

HIERARCHIES = ("", "memory", "cpu", "name=systemd")
"""Whose path is asked, in this order: cgroup v2's, whose line has no name, then those of v1 that
every runtime uses. Where both versions are mounted v2's path may say nothing."""
MONITOR = re.compile(r"(crio-conmon|libpod-conmon)-|lxc\.monitor([./]|$)")
"""A runtime's own process beside a container, which is in the host's namespaces."""
CONTAINER = re.compile(r"(?:[^:]+:)?(?:([a-z][a-z0-9-]*)[-:])?([0-9a-f]{64})(?:\.scope)?")
POD = re.compile(
    r"(?:.*-)?pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})"
    r"(?:\.slice(?::.*)?)?"
)
LXC = re.compile(r"lxc\.payload\.(.+)")
NSPAWN = re.compile(r"systemd-nspawn@(.+)\.service")
MACHINE = re.compile(r"machine-(.+)\.scope")
ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Contained:
    """What a process is contained in."""

    kind: Literal["container", "pod", "machine"]
    id: str | None
    """A container's 64 hex digits, or a machine's name; None where only the pod is known."""
    pod: str | None = None
    """The uid of the pod that it belongs to, as Kubernetes writes it."""
    runtime: str = ""
    """What the path calls the runtime (docker, libpod, crio …); empty where it does not."""


def contained(text: str) -> Contained | None:
    """Return what a /proc/PID/cgroup tells, None where that is nothing.

    Never raises, whatever the text: a container can name its own cgroups.
    """
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            paths.setdefault(name, path)
    for path in dict.fromkeys(paths.get(name, "") for name in HIERARCHIES):  # most are the same
        if found := _in_path(path):
            return found
    return None


def _in_path(path: str) -> Contained | None:
    """Return the innermost thing that a path names: the last where they are nested."""
    if MONITOR.search(path):
        return None
    found: Contained | None = None
    parts = path.split("/")
    for before, part in zip(["", *parts], parts, strict=False):
        if pod := POD.fullmatch(part):
            found = Contained("pod", None, pod_uid(pod[1]))
        if container := CONTAINER.fullmatch(part):
            # Directly in a pod it is one of the pod's; in one of its containers it is not.
            of_pod = found.pod if found is not None and found.id is None else None
            kind: Literal["container", "pod"] = "pod" if of_pod else "container"
            found = Contained(kind, container[2], of_pod, container[1] or _runtime(before))
        elif machine := _machine(before, part):
            found = Contained("machine", unescaped(machine))
    return found


def _machine(before: str, part: str) -> str | None:
    """Return the name of the machine that a part stands for, behind the one ``before``."""
    if match := NSPAWN.fullmatch(part) or LXC.fullmatch(part):
        return match[1]
    if before in ("lxc", "lxc.payload"):
        return part or None
    match = MACHINE.fullmatch(part) if before == "machine.slice" else None
    return match[1] if match else None


def _runtime(before: str) -> str:
    return before if before in ("docker", "libpod") else ""


def pod_uid(text: str) -> str:
    """Return a pod's uid as Kubernetes writes it; systemd's slices have _ for its dashes."""
    return text.replace("_", "-")


def unescaped(name: str) -> str:
    r"""Return a name as it was before systemd escaped it (systemd.unit(5)): \x2d is a dash."""
    return ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), name)
