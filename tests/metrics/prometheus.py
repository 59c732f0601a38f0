"""Debian's Prometheus, unpacked in a cache: python -m tests.metrics.prometheus fetches it."""

import shutil
from pathlib import Path

import pytest

from tests.kernels.packages import Apt, cache, unpack


def program(name: str) -> Path:
    """The path of `prometheus` or `promtool`; a test skips where neither the machine has it."""
    found = shutil.which(name) or _folder() / "usr/bin" / name
    if not Path(found).exists():
        pytest.skip(f"there is no {name}: python -m tests.metrics.prometheus fetches Debian's")
    return Path(found)


def _folder() -> Path:
    return cache() / "prometheus"


def fetch() -> None:
    """Unpack it where `program` looks. Raises MissingError where it cannot be had."""
    apt = Apt(cache() / "apt-prometheus")
    apt.run("apt-get", "download", "prometheus")
    unpack(list(apt.archives.glob("prometheus_*.deb")), _folder())


if __name__ == "__main__":
    fetch()
    print(program("prometheus"))
