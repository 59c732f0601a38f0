"""Which container, pod or machine a cgroup path tells of: all forms that runtimes write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.kernel.cgroup import Contained, contained

ID, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "5a3c9d0e-1b2f-4c6d-8e7a-0123456789ab"
SLICE = UID.replace("-", "_")
STATIC = "0123456789abcdef0123456789abcdef"
POD = f"kubepods-besteffort-pod{SLICE}.slice"

PATHS: dict[str, Contained | None] = {
    f"/docker/{ID}": Contained("container", ID, None, "docker"),
    f"/system.slice/docker-{ID}.scope": Contained("container", ID, None, "docker"),
    f"/machine.slice/libpod-{ID}.scope": Contained("container", ID, None, "libpod"),
    f"/machine.slice/libpod-{ID}.scope/container": Contained("container", ID, None, "libpod"),
    f"/libpod_parent/libpod-{ID}": Contained("container", ID, None, "libpod"),
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope": Contained(
        "container", ID, None, "libpod"
    ),
    f"/kubepods/pod{UID}/{ID}": Contained("pod", ID, UID),
    f"/kubepods/burstable/pod{UID}/{ID}": Contained("pod", ID, UID),
    f"/kubepods/besteffort/pod{UID}": Contained("pod", None, UID),
    f"/kubepods/burstable/pod{STATIC}/{ID}": Contained("pod", ID, STATIC),
    f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope": Contained("pod", ID, UID, "crio"),
    f"/kubepods.slice/kubepods-besteffort.slice/{POD}/cri-containerd-{ID}.scope": Contained(
        "pod", ID, UID, "cri-containerd"
    ),
    f"/kubepods.slice/{POD}/docker-{ID}.scope": Contained("pod", ID, UID, "docker"),
    f"/kubepods.slice/{POD}/crio-{ID}.scope/container": Contained("pod", ID, UID, "crio"),
    f"/system.slice/containerd.service/{POD}:cri-containerd:{ID}": Contained(
        "pod", ID, UID, "cri-containerd"
    ),
    "/lxc.payload.web": Contained("machine", "web"),
    "/lxc.payload/web/init.scope": Contained("machine", "web"),
    "/lxc/web/system.slice/cron.service": Contained("machine", "web"),
    "/machine.slice/systemd-nspawn@web.service/payload": Contained("machine", "web"),
    r"/machine.slice/systemd-nspawn@web\x2d2.service": Contained("machine", "web-2"),
    r"/machine.slice/machine-web\x2d2.scope": Contained("machine", "web-2"),
    # Nested: the innermost.
    f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{UID}/{ID}": Contained("pod", ID, UID),
    f"/kubepods/pod{UID}/{OTHER}/docker/{ID}": Contained("container", ID, None, "docker"),
    f"/lxc.payload.web/docker/{ID}": Contained("container", ID, None, "docker"),
    # Beside the container, not in it.
    f"/machine.slice/libpod-conmon-{ID}.scope": None,
    f"/kubepods.slice/{POD}/crio-conmon-{ID}.scope": None,
    "/lxc.monitor.web": None,
    # Nothing of the kind.
    "/": None,
    "/payload": None,
    "/user.slice/user-0.slice/session-1.scope": None,
    "/system.slice/podman.service": None,
    f"/docker/{ID[:-1]}": None,
    f"/docker/{ID}0": None,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "form",
    [
        "0::{}\n",
        "12:cpu,cpuacct:{0}\n5:memory:{0}\n1:name=systemd:{0}\n0::/\n",
        "1:name=systemd:/user.slice\n3:cpuacct,cpu:{}\n",
        "9:name=systemd:{}\n4:memory:/\n0::/\n",
    ],
    ids=["v2", "hybrid", "v1", "v1, by systemd alone"],
)
def test_every_form(path: str, form: str) -> None:
    assert contained(form.format(path)) == PATHS[path]


WORDS = st.sampled_from(
    [
        *(
            "/",
            ":",
            "-",
            "_",
            ".scope",
            ".slice",
            "\n",
            "0::",
            "memory",
            "docker",
            "crio",
            "libpod",
        ),
        *(ID, UID, SLICE, STATIC, "pod", "kubepods", "lxc", "lxc.payload.", "machine.slice"),
        *("systemd-nspawn@", ".service", r"\x2d", r"\x", "conmon"),
    ]
)


@given(st.lists(WORDS | st.text(max_size=4), max_size=16).map("".join) | st.text())
def test_any_text_gives_what_stands_in_it_or_nothing(text: str) -> None:
    found = contained(text)
    if found is None:
        return
    if found.kind == "machine":
        assert found.id
        return
    assert found.id is None or (re.fullmatch("[0-9a-f]{64}", found.id) and found.id in text)
    assert (found.kind == "pod") == (found.pod is not None)
    assert found.pod is None or found.pod in text.replace("_", "-")
