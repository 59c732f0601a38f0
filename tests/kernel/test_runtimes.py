"""What containers and pods are called, from a tree as the runtimes leave it."""

import json
from pathlib import Path

import pytest

from tui.kernel.runtimes import Named, Runtimes

CART, PAUSE, WEB, JOB, CRIO, SHOP, MINE = (f"{number:064x}" for number in range(0xABC0, 0xABC7))
UID = "5a3c9d0e-1b2f-4c6d-8e7a-0123456789ab"


def write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / f"var/log/pods/shop_cart-7f9_{UID}").mkdir(parents=True)
    write(tmp_path / f"var/log/containers/cart-7f9_shop_app-{CART}.log", "")
    docker = tmp_path / "var/lib/docker/containers"
    write(docker / WEB / "config.v2.json", {"Name": "/web", "ID": WEB})
    containerd = tmp_path / "run/containerd/io.containerd.runtime.v2.task/k8s.io"
    notes = {
        "io.kubernetes.cri.sandbox-name": "job-1",
        "io.kubernetes.cri.sandbox-namespace": "batch",
        "io.kubernetes.cri.container-name": "worker",
    }
    write(containerd / JOB / "config.json", {"annotations": notes})
    crio = tmp_path / "run/containers/storage/overlay-containers"
    notes = {"io.kubernetes.pod.name": "dns", "io.kubernetes.pod.namespace": "kube-system"}
    write(crio / CRIO / "userdata/config.json", {"annotations": notes})
    stored = [{"id": SHOP, "names": ["shop-cart"]}, {"id": PAUSE}, "?"]
    storage = "containers/storage/overlay-containers/containers.json"
    write(tmp_path / "var/lib" / storage, stored)
    mine = [{"id": MINE, "names": ["mine\x1b[2J"]}]
    write(tmp_path / "home/ann/.local/share" / storage, mine)
    return tmp_path


def test_names_as_each_runtime_leaves_them(root: Path) -> None:
    runtimes = Runtimes(root)
    assert runtimes.pod(UID) == "shop/cart-7f9"
    assert runtimes.container(CART) == Named("shop/cart-7f9", "app")
    assert runtimes.container(WEB) == Named(None, "web")
    assert runtimes.container(JOB) == Named("batch/job-1", "worker")
    assert runtimes.container(CRIO) == Named("kube-system/dns", None)
    assert runtimes.container(SHOP) == Named(None, "shop-cart")
    assert runtimes.container(MINE) == Named(None, "mine?[2J")


def test_where_no_file_tells_there_is_no_name(root: Path, tmp_path: Path) -> None:
    for where in (root, tmp_path / "nowhere"):
        assert Runtimes(where).container(PAUSE) == Named(None, None)
        assert Runtimes(where).pod("another") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"Name": 5}', '{"annotations": []}'])
def test_a_broken_file_is_no_name(tmp_path: Path, content: str) -> None:
    write(tmp_path / f"var/lib/docker/containers/{WEB}/config.v2.json", content)
    write(tmp_path / "var/lib/containers/storage/overlay-containers/containers.json", content)
    bundle = f"run/containers/storage/overlay-containers/{WEB}/userdata/config.json"
    write(tmp_path / bundle, content)
    assert Runtimes(tmp_path).container(WEB) == Named(None, None)
