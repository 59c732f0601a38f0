"""Names of containers and pods, from the files that their runtimes leave: no daemon is asked.

Kubernetes: the log folders' names. Docker, podman, containerd and CRI-O: their own JSON. All may be
unreadable, and none may be believed to be well-formed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tui.kernel.below import read_below
from tui.kernel.printable import printable

HEX = frozenset("0123456789abcdef")
CONTAINER_LOGS, POD_LOGS = "var/log/containers", "var/log/pods"
DOCKER = "var/lib/docker/containers/{}/config.v2.json"
STORAGE = "var/lib/containers/storage"
BUNDLES = (
    "run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/config.json",
    "run/containers/storage/overlay-containers/{}/userdata/config.json",
    f"{STORAGE}/overlay-containers/{{}}/userdata/config.json",
)
ANNOTATIONS = (
    ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
    ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
    ("io.kubernetes.cri.container-name", "io.kubernetes.container.name"),
)
"""containerd's and CRI-O's: the pod's namespace, its name, and the container's."""


class Named(NamedTuple):
    """What a container is called; None where no file tells."""

    pod: str | None
    """``namespace/name``."""
    name: str | None


class Runtimes:
    """What the files below a root tell, each folder read once: for one look at a machine."""

    def __init__(self, root: Path) -> None:
        """``root`` is the host's file system, as this process reaches it."""
        self.root = root

    def container(self, number: str) -> Named:
        """Return how the container of these 64 hex digits is called."""
        if number in self._logs:
            return self._logs[number]
        annotated = next(filter(any, map(self._annotations, self._bundles(number))), (None,) * 3)
        namespace, pod, name = annotated
        if namespace and pod:
            return Named(f"{namespace}/{pod}", name)
        docker = _text(self._json(DOCKER.format(number)), "Name")
        own = docker.removeprefix("/") if docker else self._stored.get(number)
        return Named(None, own or None)

    def pod(self, uid: str) -> str | None:
        """Return the ``namespace/name`` of the pod with this uid."""
        return self._pods.get(uid)

    @cached_property
    def _logs(self) -> dict[str, Named]:
        """By container: /var/log/containers has <pod>_<namespace>_<container>-<id>.log."""
        found = {}
        for entry in self._listed(CONTAINER_LOGS):
            pod, _, rest = entry.removesuffix(".log").partition("_")
            namespace, _, rest = rest.partition("_")
            name, _, number = rest.rpartition("-")
            if pod and namespace and name and len(number) == 64 and HEX.issuperset(number):
                found[number] = Named(printable(f"{namespace}/{pod}"), printable(name))
        return found

    @cached_property
    def _pods(self) -> dict[str, str]:
        """By uid: /var/log/pods has <namespace>_<pod>_<uid>."""
        parts = (entry.split("_") for entry in self._listed(POD_LOGS))
        return {one[2]: printable(f"{one[0]}/{one[1]}") for one in parts if len(one) == 3}

    @cached_property
    def _stored(self) -> dict[str, str]:
        """By container: podman's, of root and of the users who have containers here."""
        found = {}
        homes = (f"home/{user}/.local/share/containers/storage" for user in self._listed("home"))
        for storage in (STORAGE, *homes):
            for driver in ("overlay", "vfs"):
                every = self._json(f"{storage}/{driver}-containers/containers.json")
                for one in every if isinstance(every, list) else ():
                    names = one.get("names") if isinstance(one, dict) else None
                    name = names[0] if isinstance(names, list) and names else None
                    if isinstance(number := _text(one, "id"), str) and isinstance(name, str):
                        found[number] = printable(name)
        return found

    def _bundles(self, number: str) -> Iterator[Any]:
        return (self._json(path.format(number)) for path in BUNDLES)

    @staticmethod
    def _annotations(bundle: Any) -> tuple[str | None, ...]:
        notes = bundle.get("annotations") if isinstance(bundle, dict) else None
        return tuple(
            next(filter(None, (_text(notes, key) for key in keys)), None) for keys in ANNOTATIONS
        )

    def _listed(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / folder))  # noqa: PTH208 (names are all it takes)
        except OSError:
            return []

    def _json(self, name: str) -> Any:
        try:
            return json.loads(read_below(self.root, name))
        except (OSError, ValueError, RecursionError):
            return None


def _text(of: Any, key: str) -> str | None:
    """Return a member that is a text and not empty, such as a terminal can show it."""
    value = of.get(key) if isinstance(of, dict) else None
    return printable(value) if isinstance(value, str) and value else None
